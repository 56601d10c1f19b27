//! The terminal: draws what the session says, and reads keys.

mod keys;
mod pane;
mod screen;
mod state;

use std::io::stdout;
use std::time::Duration;

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event as TerminalEvent, read};
use crossterm::execute;
use crossterm::terminal::{Clear, ClearType};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use undertone::{ContactId, Events};

use crate::command::Command;
use crate::reading::conversation_record;
use crate::record::Record;
use crate::session::Session;
use keys::Action;
use state::State;

/// Keys that were pressed and wait.
const WAITING_KEYS: usize = 256;

/// Events drawn together at most before keys get their turn.
const BURST: usize = 256;

/// Conversations in the list. Who has more of them finds the others with `/list`.
const LISTED: usize = 200;
/// Without a key for so long the user is away.
const AWAY_AFTER: Duration = Duration::from_secs(5 * 60);

/// Runs until the user leaves.
pub(crate) async fn run(mut session: Session, mut events: Events) -> std::io::Result<()> {
    let mut terminal = ratatui::init();
    // A pasted text of several lines is one message, not one for each line.
    let pasting = execute!(stdout(), EnableBracketedPaste);
    // A program that was killed here has left its screen behind. (`Terminal::clear` would ask where the cursor is.)
    let cleared = execute!(stdout(), Clear(ClearType::All));
    let result = converse(&mut terminal, &mut session, &mut events).await;
    let restored = execute!(stdout(), DisableBracketedPaste);
    ratatui::restore();
    session.close().await;
    result.and(pasting).and(cleared).and(restored)
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
    state.answer(session.execute(Command::Me).await);
    state.hint("/invite makes a link, /add LINK TEXT writes to somebody, /help lists everything");
    let list = session.client.live_conversations(LISTED);
    let mut rows = Vec::new();
    let mut requests = session.execute(Command::Requests).await;
    requests.retain(|record| matches!(record, Record::Request { .. }));
    state.take(requests);
    let mut touched = Instant::now();
    let mut is_away = false;
    loop {
        terminal.draw(|frame| screen::draw(frame, &mut state))?;
        tokio::select! {
            update = list.next() => {
                let Ok(update) = update else { return Ok(()) };
                update.apply(&mut rows);
                state.replace_list(rows.iter().filter_map(conversation_record).collect());
            }
            event = events.next() => {
                let Some(event) = event else { return Ok(()) };
                state.take(session.notice(event).await);
                for _ in 0..BURST {
                    let Ok(Some(event)) = timeout(Duration::ZERO, events.next()).await else { break };
                    state.take(session.notice(event).await);
                }
            }
            () = sleep_until(touched + AWAY_AFTER), if !is_away => {
                is_away = true;
                session.execute(Command::Away(true)).await;
            }
            key = pressed.recv() => {
                let Some(key) = key else { return Ok(()) };
                touched = Instant::now();
                if std::mem::take(&mut is_away) {
                    session.execute(Command::Away(false)).await;
                }
                let before = state.input.len();
                match keys::apply(&mut state, &key) {
                    Action::None if state.input.len() > before => {
                        if let Some(number) = state.types_to() {
                            session.execute(Command::Typing(number)).await;
                        }
                    }
                    Action::None => {}
                    Action::Quit => return Ok(()),
                    Action::Earlier => earlier(session, &mut state).await,
                    Action::Open(number) => execute(session, &mut state, Command::Open(number), "").await,
                    Action::Line(line) => match Command::parse(&line) {
                        Ok(Some(Command::Quit)) => return Ok(()),
                        Ok(Some(command)) => execute(session, &mut state, command, &line).await,
                        Ok(None) => {}
                        Err(wrong) => state.answer(vec![Record::Error { actor: "user", text: wrong.0 }]),
                    },
                }
            }
        }
    }
}

/// Carries out `command`, typed as `line`.
async fn execute(session: &mut Session, state: &mut State, command: Command, line: &str) {
    let shows = match &command {
        Command::Open(number) | Command::History(number) => Some(*number),
        _ => None,
    };
    let says = matches!(command, Command::Text(_) | Command::Say { .. });
    let writes = says || matches!(command, Command::Add { .. });
    if matches!(command, Command::More) {
        state.messages_pane.hold();
    }
    if says || shows.is_some() {
        state.close_answer();
    } else {
        state.close_notes();
    }
    let records = session.execute(command).await;
    let failed = matches!(records.first(), Some(Record::Error { .. }));
    if failed && writes {
        // What was written is not lost: it can be corrected and sent again.
        state.paste(line);
    }
    if let Some(number) = shows.filter(|_| !failed) {
        // What failed here is told by whatever the user does next.
        let _ = session.look_at(ContactId::new(number)).await;
        state.open(number);
    }
    state.answer(records);
    if failed && writes {
        state.hint("what you wrote is back in the input line; Ctrl-U clears it");
    }
    if let Some(open) = session.open.map(ContactId::get)
        && state.open != Some(open)
    {
        // The command opened a conversation by the way.
        state.open(open);
        state.answer(session.execute(Command::Open(open)).await);
    }
}

/// Shows messages before those on the screen.
async fn earlier(session: &mut Session, state: &mut State) {
    if !state.has_room() {
        return;
    }
    let records = session.earlier().await;
    if !records.is_empty() {
        state.messages_pane.hold();
        state.take(records);
    }
}

fn forward(keys: &mpsc::Sender<TerminalEvent>) {
    while let Ok(event) = read() {
        if keys.blocking_send(event).is_err() {
            return;
        }
    }
}
