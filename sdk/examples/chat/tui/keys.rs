//! What keys do.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::state::State;

/// What a key asks for beyond the input line.
pub(super) enum Action {
    None,
    Quit,
    Open(i64),
    /// Messages before those on the screen.
    Earlier,
    Line(String),
}

/// Applies a terminal event.
pub(super) fn apply(state: &mut State, event: &Event) -> Action {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => press(state, *key),
        Event::Paste(text) => {
            state.paste(text);
            Action::None
        }
        _ => Action::None,
    }
}

fn press(state: &mut State, key: KeyEvent) -> Action {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if control => return Action::Quit,
        KeyCode::Char('u') if control => {
            state.input.clear();
            state.cursor = 0;
        }
        KeyCode::Char('n') if control => return neighbour(state, 1),
        KeyCode::Char('p') if control => return neighbour(state, -1),
        KeyCode::Char(character) if !control => state.insert(character),
        KeyCode::Backspace if state.cursor > 0 => {
            state.cursor -= 1;
            state.input.remove(state.cursor);
        }
        KeyCode::Delete if state.cursor < state.input.len() => {
            state.input.remove(state.cursor);
        }
        KeyCode::Left => state.cursor = state.cursor.saturating_sub(1),
        KeyCode::Right => state.cursor = (state.cursor + 1).min(state.input.len()),
        KeyCode::Home => state.cursor = 0,
        KeyCode::End => state.cursor = state.input.len(),
        KeyCode::PageUp if state.scrolls_messages() && state.messages_pane.is_at_start() => {
            return Action::Earlier;
        }
        KeyCode::PageUp => state.scrolled().page_up(),
        KeyCode::PageDown => state.scrolled().page_down(),
        KeyCode::Esc => state.close_notes(),
        KeyCode::Up | KeyCode::BackTab => return neighbour(state, -1),
        KeyCode::Down | KeyCode::Tab => return neighbour(state, 1),
        KeyCode::Enter => {
            state.cursor = 0;
            state.messages_pane.show_end();
            return Action::Line(state.input.drain(..).collect());
        }
        _ => {}
    }
    Action::None
}

/// The conversation before or after the open one in the list.
fn neighbour(state: &State, step: isize) -> Action {
    let open = state
        .entries
        .iter()
        .position(|entry| Some(entry.number) == state.open);
    let next = match open {
        Some(at) => at.checked_add_signed(step),
        None => Some(0),
    };
    next.and_then(|at| state.entries.get(at))
        .map_or(Action::None, |entry| Action::Open(entry.number))
}
