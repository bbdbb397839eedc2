//! The reader: a document's lines with what their parts are, the match and the place in the frame, where a link leads.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::app::command::Command;
use crate::app::state::wrap::{truncated, wrap};
use crate::app::state::{Look, Part, ReaderLine, ReaderState, State, Target};
use crate::domain::visible::visible_line;

use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{clear, counted, date, field, framed, put};

/// Rows that an address takes at most.
const TARGET_ROWS: usize = 3;

pub(crate) fn reader(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let reader = state.reader.as_ref()?;
    let total = reader.lines.len().max(1);
    let percent = (reader.scroll + usize::from(area.height.saturating_sub(2))).min(total) * 100 / total;
    let place = match reader.at_match {
        Some(at) => format!("match {} of {} · {percent} %", at + 1, reader.matches.len()),
        None if !reader.matches.is_empty() => {
            format!("{} · {percent} %", counted(reader.matches.len() as u64, "match", "matches"))
        }
        None => format!("{percent} %"),
    };
    let inside = framed(state, palette, &reader.document.title, &place, true, area, buf);
    let mut text = Rect { x: inside.x + 1, width: inside.width.saturating_sub(1), ..inside };
    if let Some(at) = reader.document.deleted_at {
        let undo = state.keymap.key(Command::Undo);
        let told = format!("deleted {} ({undo} brings it back)", date(Some(at)));
        put(&Line::styled(truncated(&told, usize::from(text.width)), palette.style(Role::Warning)), text, 0, buf);
        text = Rect { y: text.y + 1, height: text.height.saturating_sub(1), ..text };
    }
    for (row, line) in (0..text.height).zip(reader.lines.iter().skip(reader.scroll)) {
        put(&styled(line, reader, palette), text, row, buf);
    }
    let Some(finding) = reader.finding.as_ref() else {
        target(reader, palette, inside, buf);
        return None;
    };
    let row = inside.height.saturating_sub(1);
    let style = palette.style(Role::Accent);
    put(&Line::raw(" ".repeat(usize::from(inside.width))), inside, row, buf);
    Some(field(Span::styled("find: ", style), finding, style, inside, row, buf))
}

/// Where the selected link leads, whole, over the last rows.
fn target(reader: &ReaderState, palette: Palette, inside: Rect, buf: &mut Buffer) {
    let (name, text) = match reader.target() {
        None => return,
        Some(Target::Document(_, path)) => ("opens ", path),
        Some(Target::Address(address)) => ("address ", address),
        Some(Target::Missing(written)) => ("not in Peanut: ", written),
    };
    let text = format!("{name}{}", visible_line(text));
    let columns = usize::from(inside.width.saturating_sub(1));
    let mut lines: Vec<String> = wrap(&text, columns).into_iter().map(|range| text[range].to_owned()).collect();
    if lines.len() > TARGET_ROWS {
        lines.truncate(TARGET_ROWS);
        if let Some(last) = lines.last_mut() {
            *last = truncated(&format!("{last}{}", "…".repeat(columns)), columns);
        }
    }
    let tall = u16::try_from(lines.len()).unwrap_or(0).min(inside.height);
    let rows = Rect { y: inside.y + inside.height - tall, height: tall, ..inside };
    clear(rows, buf);
    for (row, line) in (0..tall).zip(&lines) {
        put(&Line::styled(format!(" {line}"), palette.style(Role::Accent)), rows, row, buf);
    }
}

fn styled<'a>(line: &'a ReaderLine, reader: &ReaderState, palette: Palette) -> Line<'a> {
    let base = match line.look {
        Look::Text => palette.style(Role::Text),
        Look::Heading(level) => {
            let style = palette.style(Role::Title);
            if level < 2 { style.patch(palette.style(Role::Accent)).add_modifier(Modifier::BOLD) } else { style }
        }
        Look::Code => palette.style(Role::Code),
        Look::Dim | Look::About => palette.style(Role::Faint),
        Look::Rule => palette.style(Role::Accent),
    };
    let spans = line.pieces().into_iter().map(|(text, parts)| Span::styled(text, over(base, &parts, reader, palette)));
    Line::from(spans.collect::<Vec<_>>())
}

/// What lies over a piece of a line, the match that was gone to last on top.
fn over(base: Style, parts: &[Part], reader: &ReaderState, palette: Palette) -> Style {
    let mut style = base;
    for part in parts {
        style = match part {
            Part::Frame => palette.style(Role::Faint),
            Part::Strong => style.add_modifier(Modifier::BOLD),
            Part::Emphasis => style.add_modifier(Modifier::ITALIC),
            Part::Struck => style.add_modifier(Modifier::CROSSED_OUT),
            Part::Code => style.patch(palette.style(Role::Code)),
            Part::Match(_) | Part::Link(_) => style,
        };
    }
    for part in parts {
        style = match part {
            Part::Link(link) if reader.link == Some(*link) => palette.style(Role::Selected),
            Part::Link(_) => style.patch(palette.style(Role::Link)),
            _ => style,
        };
    }
    for part in parts {
        style = match part {
            Part::Match(found) if reader.at_match == Some(*found) => {
                palette.style(Role::Match).add_modifier(Modifier::REVERSED)
            }
            Part::Match(_) => palette.style(Role::Match),
            _ => style,
        };
    }
    style
}
