//! The terminal: draws what the session says, and reads keys.

mod keys;
mod screen;
mod state;

use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, read};
use tokio::sync::mpsc;
use tokio::time::timeout;
use undertone::Events;

use crate::command::Command;
use crate::record::Record;
use crate::session::Session;
use keys::Action;
use state::State;

/// Keys that were pressed and wait.
const WAITING_KEYS: usize = 256;

/// Events drawn together at most before keys get their turn.
const BURST: usize = 256;

/// Runs until the user leaves.
pub(crate) async fn run(mut session: Session, mut events: Events) -> std::io::Result<()> {
    let mut terminal = ratatui::init();
    let result = converse(&mut terminal, &mut session, &mut events).await;
    ratatui::restore();
    session.close().await;
    result
}

async fn converse(
    terminal: &mut ratatui::DefaultTerminal,
    session: &mut Session,
    events: &mut Events,
) -> std::io::Result<()> {
    let (keys, mut pressed) = mpsc::channel(WAITING_KEYS);
    std::thread::spawn(move || forward(&keys));
    let mut state = State::default();
    state.take(session.ready().await);
    state.take(session.execute(Command::Me).await);
    state.hint("/invite makes a link, /add LINK TEXT writes to somebody, /help lists everything");
    refresh(session, &mut state).await;
    loop {
        terminal.draw(|frame| screen::draw(frame, &state))?;
        tokio::select! {
            event = events.next() => {
                let Some(event) = event else { return Ok(()) };
                state.take(session.notice(event).await);
                for _ in 0..BURST {
                    let Ok(Some(event)) = timeout(Duration::ZERO, events.next()).await else { break };
                    state.take(session.notice(event).await);
                }
                refresh(session, &mut state).await;
            }
            key = pressed.recv() => {
                let Some(key) = key else { return Ok(()) };
                match keys::apply(&mut state, &key) {
                    Action::None => {}
                    Action::Quit => return Ok(()),
                    Action::Open(number) => execute(session, &mut state, Command::Open(number)).await,
                    Action::Line(line) => match Command::parse(&line) {
                        Ok(Some(Command::Quit)) => return Ok(()),
                        Ok(Some(command)) => execute(session, &mut state, command).await,
                        Ok(None) => {}
                        Err(wrong) => state.take(vec![Record::Error { actor: "user", text: wrong.0 }]),
                    },
                }
            }
        }
    }
}

async fn execute(session: &mut Session, state: &mut State, command: Command) {
    let opens = match &command {
        Command::Open(number) | Command::History(number) => Some(*number),
        _ => None,
    };
    state.answering(!matches!(
        command,
        Command::Text(_) | Command::Say { .. } | Command::Open(_) | Command::History(_)
    ));
    let records = session.execute(command).await;
    if let Some(number) = opens.filter(|_| !matches!(records.first(), Some(Record::Error { .. }))) {
        state.open(number);
    }
    state.take(records);
    refresh(session, state).await;
}

async fn refresh(session: &mut Session, state: &mut State) {
    let list = session.execute(Command::List).await;
    state.replace_list(list);
}

fn forward(keys: &mpsc::Sender<TerminalEvent>) {
    while let Ok(event) = read() {
        if keys.blocking_send(event).is_err() {
            return;
        }
    }
}
