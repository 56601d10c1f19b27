mod chains;
mod confusion;
mod forgery;
mod open;
mod schedule;
mod seal;
mod stored;
