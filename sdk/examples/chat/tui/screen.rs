//! Where what is drawn.
//!
//! Left the conversations, right the open one over the notes, below the input line and the state of the connection. Text that came from
//! others is drawn as text: control characters, which could steer a terminal, are left out.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::{Block, List, ListItem, ListState, Paragraph};

use super::pane::Pane;
use super::state::{Entry, GAP, Kind, Line, State, one_line};
use crate::when;

/// Rows of notes that nobody asked for beside an open conversation.
const UNASKED_NOTES: usize = 4;

/// Columns of the conversation list.
const LIST_WIDTH: u16 = 30;

/// Columns of the mark before a message, and with the time.
const MARK: usize = 3;
const LEAD: usize = MARK + 6;

/// The narrowest terminal that shows the conversation list too.
const LEAST_WIDTH_WITH_LIST: u16 = 60;

/// The smallest terminal that shows anything, in columns and rows.
const LEAST: (u16, u16) = (24, 8);

const KEYS: &str = " /help · Tab: next conversation · PgUp/PgDn: scroll · Esc: close answers ";

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State) {
    let all = frame.area();
    if all.width < LEAST.0 || all.height < LEAST.1 {
        return frame.render_widget(Paragraph::new("make me larger"), all);
    }
    let [body, input, status] = Layout::vertical([
        Constraint::Min(3),
        Constraint::Length(3),
        Constraint::Length(1),
    ])
    .areas(all);
    let list_width = if all.width < LEAST_WIDTH_WITH_LIST {
        0
    } else {
        LIST_WIDTH
    };
    let [list, right] =
        Layout::horizontal([Constraint::Length(list_width), Constraint::Min(20)]).areas(body);
    if list_width > 0 {
        conversations(frame, list, state);
    }
    right_side(frame, right, state);
    input_line(frame, input, state);
    let connection = if state.connection.is_empty() {
        "connecting"
    } else {
        &state.connection
    };
    // The connection comes before the long account, which a narrow terminal cuts.
    let (name, account) = (clean(&state.name), &state.account);
    let text = match state.unread() {
        0 => format!(" {name} · {connection} · {account}"),
        unread => format!(" {name} · {connection} · {unread} unread · {account}"),
    };
    frame.render_widget(
        Paragraph::new(text).style(Style::new().add_modifier(Modifier::DIM)),
        status,
    );
}

/// The open conversation over the notes, or the notes alone.
fn right_side(frame: &mut Frame<'_>, area: Rect, state: &mut State) {
    let inner_width = usize::from(area.width.saturating_sub(2));
    let limit = match state.open {
        // A QR code is of use only when it is whole.
        _ if state.notes.iter().any(|note| note.kind == Kind::Code) => area.height,
        None => area.height,
        Some(_) => area.height - area.height / 3,
    };
    let rows = note_rows(state, inner_width, usize::from(limit.saturating_sub(2)));
    let Some(open) = state.open else {
        return window(
            frame,
            area,
            rows,
            &mut state.notes_pane,
            " Undertone ".to_owned(),
        );
    };
    let shown = if state.notes.iter().any(|note| note.is_answer) {
        rows.len()
    } else {
        rows.len().min(UNASKED_NOTES)
    };
    let height = match shown {
        0 => 0,
        rows => u16::try_from(rows)
            .unwrap_or(u16::MAX)
            .saturating_add(2)
            .min(limit),
    };
    let [messages, notes] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(height)]).areas(area);
    let name = clean(&state.name_of(open));
    let title = match state.open_entry().map_or("", |entry| entry.delay) {
        "" if state.typing.contains(&open) => format!(" {name} types … "),
        "" => match state.presence.get(&open).map_or("", String::as_str) {
            "" => format!(" {name} "),
            presence => format!(" {name} · {presence} "),
        },
        delay => format!(" {name} · sending waits: {delay} "),
    };
    let wrapped = conversation_rows(&state.messages, inner_width);
    window(frame, messages, wrapped, &mut state.messages_pane, title);
    if height > 0 {
        let more = rows.len() > usize::from(height.saturating_sub(2));
        let title = if more {
            " PgUp/PgDn: more · Esc closes "
        } else {
            " Esc closes "
        };
        window(frame, notes, rows, &mut state.notes_pane, title.to_owned());
    }
}

fn conversations(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let block = Block::bordered().title(" Conversations ");
    let width = usize::from(block.inner(area).width);
    let items = state.entries.iter().map(|entry| {
        let style = if Some(entry.number) == state.open {
            Style::new().add_modifier(Modifier::REVERSED)
        } else if entry.unread > 0 {
            Style::new().add_modifier(Modifier::BOLD)
        } else {
            Style::new()
        };
        let is_typing = state.typing.contains(&entry.number);
        ListItem::new(entry_rows(entry, is_typing, width)).style(style)
    });
    // The open one is always in view.
    let open = state.entries.iter();
    let open = open
        .map(|entry| entry.number)
        .position(|number| Some(number) == state.open);
    let mut view = ListState::default().with_selected(open);
    frame.render_stateful_widget(List::new(items).block(block), area, &mut view);
}

/// Name and time over the last message, or over why sending waits.
fn entry_rows(entry: &Entry, is_typing: bool, width: usize) -> Vec<Row<'static>> {
    let active = when::brief(&when::here(entry.active), &when::now());
    let unread = match (entry.unread, entry.mentions) {
        (0, _) if entry.marks.contains("unread") => " (•)".to_owned(),
        (0, _) => String::new(),
        (unread, 0) => format!(" ({unread})"),
        (unread, mentions) => format!(" ({unread}, @{mentions})"),
    };
    let room = width.saturating_sub(active.len() + unread.len() + 1);
    let pinned = if entry.marks.contains("pinned") {
        "^"
    } else {
        ""
    };
    let name = format!("{pinned}{} {}", entry.number, clean(&entry.name));
    let head = format!("{}{unread}", fit(&name, room));
    let gap = width.saturating_sub(Span::raw(head.as_str()).width() + active.len());
    let below = match entry.delay {
        "" if is_typing => Span::from("types …").cyan(),
        "" => {
            let state = match entry.state {
                "" => String::new(),
                state => format!("{} ", mark(state).0),
            };
            let last = format!("{state}{}", clean(&one_line(&entry.preview)));
            Span::from(fit(&last, width)).dim()
        }
        delay => Span::from(fit(&format!("waits: {delay}"), width)).yellow(),
    };
    vec![
        Row::from(vec![
            Span::from(head),
            Span::from(" ".repeat(gap)),
            Span::from(active).dim(),
        ]),
        Row::from(below),
    ]
}

/// As much of a text as has room, with a sign that there is more.
fn fit(text: &str, width: usize) -> String {
    if Span::raw(text).width() <= width {
        return text.to_owned();
    }
    let mut fitting = String::new();
    for character in text.chars() {
        fitting.push(character);
        if Span::raw(fitting.as_str()).width() >= width {
            fitting.pop();
            break;
        }
    }
    fitting.push('…');
    fitting
}

/// The messages, with a row between days.
fn conversation_rows(messages: &[Line], width: usize) -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    let mut day = "";
    for line in messages {
        if line.day != day {
            day = &line.day;
            rows.push(Row::from(format!("── {day} ──")).dim().centered());
        }
        for row in message_rows(line) {
            rows.extend(wrap(row, width, LEAD));
        }
    }
    rows
}

/// How far an own message has come.
fn mark(state: &str) -> (&'static str, Color) {
    match state {
        "pending" => ("…", Color::DarkGray),
        "sent" => ("✓", Color::Gray),
        "delivered" => ("✓✓", Color::Green),
        "read" => ("✔✔", Color::Blue),
        _ => ("!", Color::Red),
    }
}

fn message_rows(line: &Line) -> Vec<Row<'static>> {
    let (mark, color) = match (line.outgoing, line.state) {
        (false, GAP) => ("·", Color::Yellow),
        (false, _) => ("<", Color::Cyan),
        (true, state) => mark(state),
    };
    let mut rows = Vec::new();
    if !line.quote.is_empty() {
        let quote = format!("{}│ {}", " ".repeat(LEAD), clean(&line.quote));
        rows.push(Row::from(quote).dim());
    }
    for (at, text) in line.text.lines().enumerate() {
        let lead = match at {
            0 => vec![
                Span::from(format!("{mark:<MARK$}")).fg(color),
                Span::from(format!("{} ", line.time)).dim(),
            ],
            _ => vec![Span::from(" ".repeat(LEAD))],
        };
        rows.push(Row::from_iter(
            lead.into_iter().chain([Span::from(clean(text))]),
        ));
    }
    if !line.remark.is_empty() {
        let remark = format!("{}({})", " ".repeat(LEAD), clean(&line.remark));
        rows.push(Row::from(remark).dim());
    }
    if !line.reason.is_empty() {
        let text = format!("{}not sent: {}", " ".repeat(LEAD), line.reason);
        rows.push(Row::from(text).red());
    }
    rows
}

/// The notes in rows of `width` columns. A QR code that does not fit in `height` rows is of no use and left out.
fn note_rows(state: &State, width: usize, height: usize) -> Vec<Row<'static>> {
    let rows = |with_code: bool| -> Vec<Row<'static>> {
        let mut rows = Vec::new();
        let mut is_missing = false;
        for note in &state.notes {
            let style = match note.kind {
                Kind::Error => Style::new().fg(Color::Red),
                Kind::Passing => Style::new().fg(Color::Yellow),
                Kind::Plain | Kind::Code => Style::new(),
            };
            if with_code || note.kind != Kind::Code {
                rows.extend(wrap(Row::styled(clean(&note.text), style), width, 0));
            } else if !is_missing {
                is_missing = true;
                rows.push(Row::from("(a larger terminal shows a QR code here)"));
            }
        }
        rows
    };
    let mut code = state.notes.iter().filter(|note| note.kind == Kind::Code);
    let too_wide = code.any(|note| Span::raw(note.text.as_str()).width() > width);
    let all = rows(true);
    if all.len() > height || too_wide {
        return rows(false);
    }
    all
}

/// The rows that the pane has in view.
fn window(
    frame: &mut Frame<'_>,
    area: Rect,
    rows: Vec<Row<'static>>,
    pane: &mut Pane,
    title: String,
) {
    let block = Block::bordered().title(title);
    let view = pane.view(rows.len(), usize::from(block.inner(area).height));
    let visible: Vec<Row<'static>> = rows.into_iter().take(view.end).skip(view.start).collect();
    frame.render_widget(Paragraph::new(visible).block(block), area);
}

/// Breaks a row into rows of at most `width` columns, at spaces where that is possible. All rows but the first begin with
/// `indent` spaces.
fn wrap(row: Row<'static>, width: usize, indent: usize) -> Vec<Row<'static>> {
    if row.width() <= width || width <= indent {
        return vec![row];
    }
    let style = row.style;
    let mut rows: Vec<Row<'static>> = Vec::new();
    let mut current: Vec<Span<'static>> = Vec::new();
    let mut used = 0;
    for span in row.spans {
        let mut piece = String::new();
        for word in span.content.split_inclusive(' ') {
            let needed = Span::raw(word.trim_end()).width();
            // A word that no row could hold is broken where the row ends.
            let mut breaks = used + needed > width && used > indent && needed <= width - indent;
            for character in word.chars() {
                let columns = Span::raw(character.to_string()).width();
                if breaks || used + columns > width {
                    current.push(Span::styled(std::mem::take(&mut piece), span.style));
                    rows.push(Row::from(std::mem::take(&mut current)).style(style));
                    current.push(Span::raw(" ".repeat(indent)));
                    used = indent;
                    breaks = false;
                    if character == ' ' {
                        continue;
                    }
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
    let hint = Style::new().add_modifier(Modifier::DIM);
    let block = Block::bordered().title_bottom(Row::styled(KEYS, hint));
    let inner = block.inner(area);
    let columns = |characters: &[char]| -> (String, usize) {
        // Characters that join their neighbours are left out, so that each one that is edited stands for itself.
        let shown = characters
            .iter()
            .filter(|c| !matches!(c, '\u{200d}' | '\u{fe0f}'));
        let text: String = shown.map(|c| if *c == '\n' { '⏎' } else { *c }).collect();
        let width = Span::raw(text.as_str()).width();
        (text, width)
    };
    // The part that ends with the cursor and fits, with a column for the cursor itself.
    let room = usize::from(inner.width.saturating_sub(1));
    let before = state.input.get(..state.cursor).unwrap_or_default();
    let (mut from, mut used) = (before.len(), 0);
    for (at, character) in before.iter().enumerate().rev() {
        used += columns(&[*character]).1;
        if used > room {
            break;
        }
        from = at;
    }
    let (text, _) = columns(state.input.get(from..).unwrap_or_default());
    let (_, column) = columns(before.get(from..).unwrap_or_default());
    let column = u16::try_from(column.min(room)).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(text).block(block), area);
    frame.set_cursor_position(Position::new(inner.x + column, inner.y));
}

fn clean(text: &str) -> String {
    text.replace('\t', "    ")
        .chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
        let rows = wrap(Row::from(text.to_owned()), width, indent);
        assert!(rows.iter().all(|row| row.width() <= width), "{rows:?}");
        rows.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_break_at_spaces_and_hang_under_their_mark() {
        assert_eq!(
            wrapped("<  one two three", 10, 3),
            ["<  one two", "   three"]
        );
    }

    #[test]
    fn a_word_longer_than_a_row_fills_rows() {
        assert_eq!(wrapped("a bbbbbbbbbbb", 6, 0), ["a bbbb", "bbbbbb", "b"]);
        assert_eq!(wrapped("漢字漢字漢字", 5, 0), ["漢字", "漢字", "漢字"]);
    }
}
