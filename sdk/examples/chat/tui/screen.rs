//! Where what is drawn.
//!
//! Left the conversations, right the open one over the notes, below the input line and the state of the connection. Text that came from
//! others is drawn as text: control characters, which could steer a terminal, are left out.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::{Block, List, ListItem, Paragraph};

use super::state::{Line, State};

/// Rows of the open conversation that no answer covers.
const LEAST_MESSAGES: u16 = 6;

/// Columns of the conversation list.
const LIST_WIDTH: u16 = 26;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let [body, input, status] = Layout::vertical([
        Constraint::Min(3),
        Constraint::Length(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let [list, right] =
        Layout::horizontal([Constraint::Length(LIST_WIDTH), Constraint::Min(20)]).areas(body);
    conversations(frame, list, state);
    if state.open.is_some() {
        let wanted = u16::try_from(state.notes.len())
            .unwrap_or(u16::MAX)
            .saturating_add(2);
        let notes_height = if state.notes.is_empty() {
            0
        } else {
            wanted.min(right.height.saturating_sub(LEAST_MESSAGES))
        };
        let [messages, notes] =
            Layout::vertical([Constraint::Min(3), Constraint::Length(notes_height)]).areas(right);
        conversation(frame, messages, state);
        if notes_height > 0 {
            draw_notes(frame, notes, state);
        }
    } else {
        draw_notes(frame, right, state);
    }
    input_line(frame, input, state);
    let connection = if state.connection.is_empty() {
        "connecting"
    } else {
        &state.connection
    };
    let text = format!(" {} · {} · {connection}", clean(&state.name), state.account);
    frame.render_widget(
        Paragraph::new(text).style(Style::new().add_modifier(Modifier::DIM)),
        status,
    );
}

fn conversations(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let items = state.entries.iter().map(|entry| {
        let unread = if entry.unread > 0 {
            format!(" ({})", entry.unread)
        } else {
            String::new()
        };
        let style = if Some(entry.number) == state.open {
            Style::new().add_modifier(Modifier::REVERSED)
        } else if entry.unread > 0 {
            Style::new().add_modifier(Modifier::BOLD)
        } else {
            Style::new()
        };
        ListItem::new(format!("{} {}{unread}", entry.number, clean(&entry.name))).style(style)
    });
    frame.render_widget(
        List::new(items).block(Block::bordered().title("Conversations")),
        area,
    );
}

fn conversation(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows: Vec<Row<'_>> = state.messages.iter().flat_map(message_rows).collect();
    newest(frame, area, rows, state.scroll, "");
}

fn message_rows(line: &Line) -> Vec<Row<'static>> {
    let (mark, color) = match (line.outgoing, line.state) {
        (false, _) => ("<", Color::Cyan),
        (true, "pending") => ("…", Color::DarkGray),
        (true, "sent") => ("✓", Color::Gray),
        (true, "delivered" | "read") => ("✓✓", Color::Green),
        (true, _) => ("!", Color::Red),
    };
    let mut rows = Vec::new();
    for (at, text) in line.text.lines().enumerate() {
        let lead = if at == 0 {
            format!("{mark:<3}")
        } else {
            "   ".to_owned()
        };
        rows.push(Row::from(vec![
            Span::styled(lead, Style::new().fg(color)),
            Span::raw(clean(text)),
        ]));
    }
    rows
}

fn draw_notes(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows = state
        .notes
        .iter()
        .map(|note| {
            let style = if note.is_error {
                Style::new().fg(Color::Red)
            } else {
                Style::new()
            };
            Row::styled(clean(&note.text), style)
        })
        .collect();
    newest(frame, area, rows, 0, "Undertone");
}

/// The last rows that fit, `scroll` rows from the end.
fn newest(
    frame: &mut Frame<'_>,
    area: Rect,
    rows: Vec<Row<'static>>,
    scroll: usize,
    title: &'static str,
) {
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    let wrapped: Vec<Row<'static>> = rows
        .into_iter()
        .flat_map(|row| wrap(row, usize::from(inner.width)))
        .collect();
    let end = wrapped
        .len()
        .saturating_sub(scroll)
        .max(usize::from(inner.height).min(wrapped.len()));
    let start = end.saturating_sub(usize::from(inner.height));
    let visible: Vec<Row<'static>> = wrapped.into_iter().take(end).skip(start).collect();
    frame.render_widget(Paragraph::new(visible).block(block), area);
}

/// Breaks a row into rows of at most `width` columns, at the last space where there is one.
fn wrap(row: Row<'static>, width: usize) -> Vec<Row<'static>> {
    if row.width() <= width || width == 0 {
        return vec![row];
    }
    let style = row.style;
    let mut rows: Vec<Row<'static>> = Vec::new();
    let mut current: Vec<Span<'static>> = Vec::new();
    let mut used = 0;
    for span in row.spans {
        let mut piece = String::new();
        for word in span.content.split_inclusive(' ') {
            let needed = Span::raw(word).width();
            if used + needed > width && used > 0 {
                current.push(Span::styled(std::mem::take(&mut piece), span.style));
                rows.push(Row::from(std::mem::take(&mut current)).style(style));
                used = 0;
            }
            for character in word.chars() {
                let columns = Span::raw(character.to_string()).width();
                if used + columns > width {
                    current.push(Span::styled(std::mem::take(&mut piece), span.style));
                    rows.push(Row::from(std::mem::take(&mut current)).style(style));
                    used = 0;
                }
                piece.push(character);
                used += columns;
            }
        }
        current.push(Span::styled(piece, span.style));
    }
    rows.push(Row::from(current).style(style));
    rows
}

fn input_line(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let block = Block::bordered();
    let inner = block.inner(area);
    let room = usize::from(inner.width.saturating_sub(1));
    let from = state.cursor.saturating_sub(room);
    let text: String = state.input.iter().skip(from).collect();
    let before: String = state
        .input
        .iter()
        .skip(from)
        .take(state.cursor - from)
        .collect();
    let column = u16::try_from(Span::raw(before).width())
        .unwrap_or(u16::MAX)
        .min(inner.width.saturating_sub(1));
    frame.render_widget(Paragraph::new(text).block(block), area);
    frame.set_cursor_position(Position::new(inner.x + column, inner.y));
}

fn clean(text: &str) -> String {
    text.replace('\t', "    ")
        .chars()
        .filter(|character| !character.is_control())
        .collect()
}
