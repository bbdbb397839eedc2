//! The reader: headers, the thread, the whole text with matches marked, quotes dimmed or folded.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::command::Command;
use crate::app::state::wrap::truncated;
use crate::app::state::{ReaderState, State};
use crate::domain::PersonRole;

use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{date, field, framed, marked, put};

/// Messages of a thread listed above the text.
const THREAD_ROWS: usize = 5;

pub(crate) fn reader(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let reader = state.reader.as_ref()?;
    let total = reader.lines.len().max(1);
    let percent = (reader.scroll + usize::from(area.height)).min(total) * 100 / total;
    let inside = framed(state, palette, &reader.document.title, &format!("{percent} %"), true, area, buf);
    let header = header(reader, state.keymap.key(Command::Undo), usize::from(inside.width), palette);
    let tall = u16::try_from(header.len()).unwrap_or(0).min(inside.height / 2);
    for (row, line) in (0..tall).zip(&header) {
        put(line, inside, row, buf);
    }
    let text = Rect {
        x: inside.x + 1,
        y: inside.y + tall,
        width: inside.width.saturating_sub(1),
        height: inside.height - tall,
    };
    let columns = usize::from(text.width);
    for (row, line) in (0..text.height).zip(reader.lines.iter().skip(reader.scroll)) {
        let base = if line.is_place {
            Role::Accent
        } else if line.kind.is_text() {
            Role::Text
        } else {
            Role::Faint
        };
        let marks: Vec<(usize, usize)> = line.marks.iter().map(|range| (range.start, range.end)).collect();
        put(&Line::from(marked(&line.text, &marks, base, columns, palette)), text, row, buf);
    }
    let finding = reader.finding.as_ref()?;
    let row = inside.height.saturating_sub(1);
    let style = palette.style(Role::Accent);
    put(&Line::raw(" ".repeat(usize::from(inside.width))), inside, row, buf);
    Some(field(Span::styled("find: ", style), finding, style, inside, row, buf))
}

fn header<'a>(reader: &ReaderState, undo: &str, columns: usize, palette: Palette) -> Vec<Line<'a>> {
    let document = &reader.document;
    let mut lines = Vec::new();
    let faint = |text: String| Line::styled(truncated(&text, columns), palette.style(Role::Faint));
    let people = |roles: &[PersonRole]| {
        let named = document.people.iter().filter(|person| roles.contains(&person.role));
        let shown: Vec<String> = named
            .take(6)
            .map(|person| person.name.clone().or_else(|| person.email.clone()).unwrap_or_default())
            .collect();
        shown.join(", ")
    };
    let from = people(&[PersonRole::From, PersonRole::Author]);
    let to = people(&[PersonRole::To, PersonRole::Cc]);
    let arrow = if to.is_empty() { String::new() } else { format!(" → {to}") };
    let place = document.source_offset.map_or(String::new(), |offset| format!(" @{offset}"));
    let facts = [document.source_type.as_str().to_owned(), date(document.dated_at), format!("{from}{arrow}")];
    let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    lines.push(faint(facts.join(" · ")));
    lines.push(faint(format!("{}{place}", document.source_path)));
    if let Some(at) = document.deleted_at {
        let text = format!("deleted {} ({undo} brings it back)", date(Some(at)));
        lines.push(Line::styled(text, palette.style(Role::Warning)));
    }
    if !document.tags.is_empty() {
        lines.push(faint(format!("#{}", document.tags.join(" #"))));
    }
    if let Some(message) = document.message.as_ref().filter(|message| !message.attachments.is_empty()) {
        lines.push(faint(format!("attached: {}", message.attachments.join(", "))));
    }
    if document.thread.len() > 1 {
        let at = document.thread.iter().position(|entry| entry.id == document.id).unwrap_or(0);
        let first = at.saturating_sub(THREAD_ROWS / 2).min(document.thread.len().saturating_sub(THREAD_ROWS));
        lines.push(faint(format!("thread {} of {} ([ and ] move)", at + 1, document.thread.len())));
        for (index, entry) in document.thread.iter().enumerate().skip(first).take(THREAD_ROWS) {
            let mark = if index == at { ">" } else { " " };
            let text = format!(" {mark} {} {} {}", date(entry.dated_at), entry.from, entry.title);
            let role = if index == at { Role::Title } else { Role::Faint };
            lines.push(Line::from(Span::styled(truncated(&text, columns), palette.style(role))));
        }
    }
    lines.push(Line::default());
    lines
}
