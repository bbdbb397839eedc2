//! What lies over a screen: help, palette, prompts, questions, the note editor, messages.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::app::state::wrap::{truncated, width, wrap};
use crate::app::state::{Confirm, Detail, NoteEditor, Overlay, Prompt, PromptKind, State};

use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{boxed, cell, clear, field, put, put_all, select};

pub(crate) fn overlay(
    state: &State,
    overlay: &Overlay,
    palette: Palette,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    match overlay {
        Overlay::Help(scroll) => help(state, *scroll, palette, area, buf),
        Overlay::Palette(line, selected) => return commands(state, line, *selected, palette, area, buf),
        Overlay::Prompt(prompt) => return ask(state, prompt, palette, area, buf),
        Overlay::Confirm(confirm) => question(state, confirm, palette, area, buf),
        Overlay::Detail(detail) => in_full(state, detail, palette, area, buf),
        Overlay::Note(note) => return edit_note(state, note, palette, area, buf),
    }
    None
}

/// Keys of the pane below, as they are now.
fn help(state: &State, scroll: usize, palette: Palette, area: Rect, buf: &mut Buffer) {
    let rows = state.keymap.available(state.pane());
    let (own, general): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(entry, _)| !entry.panes.is_empty());
    let line = |(entry, keys): (&crate::app::command::Entry, String)| {
        Line::from(vec![
            Span::styled(format!(" {}", cell(&keys, 18)), palette.style(Role::Accent)),
            Span::raw(entry.about.to_owned()),
            Span::styled(format!("  {}", entry.name), palette.style(Role::Faint)),
        ])
    };
    let mut lines = Vec::new();
    if !own.is_empty() {
        lines.push(Line::styled(" Here", palette.style(Role::Title)));
        lines.extend(own.into_iter().map(line));
        lines.push(Line::raw(""));
    }
    lines.push(Line::styled(" Everywhere", palette.style(Role::Title)));
    lines.extend(general.into_iter().map(line));
    lines.push(Line::raw(""));
    lines.push(Line::styled(" Query", palette.style(Role::Title)));
    for text in [
        "word word   \"exact phrase\"   +must   -not   word*   a OR b   a AND b   NOT a   -(a b)",
        "from: to: cc: with: subject: type: in: file: ext: tag: has:attachment is:deleted id:",
        "date:2024-09  date:2w..1w  after:7d  before:2024  type:pdf,mail  sort:date  sort:-date",
        "lex: words only   vec: meaning only   -not alone: the rest   Ctrl-Up earlier queries",
    ] {
        lines.push(Line::raw(format!(" {text}")));
    }
    let title = "Help (j k scroll, any other key leaves)";
    let tall = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let inside = boxed(state, palette, title, (90, tall), area, buf);
    let skip = scroll.min(lines.len().saturating_sub(usize::from(inside.height)));
    put_all(&lines[skip..], inside, buf);
}

fn commands(
    state: &State,
    line: &crate::app::state::LineEditor,
    selected: usize,
    palette: Palette,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let inside = boxed(state, palette, "Command", (70, 18), area, buf);
    let typed = line.text().to_lowercase();
    let rows: Vec<_> = state
        .keymap
        .available(state.pane())
        .into_iter()
        .filter(|(entry, _)| {
            let text = format!("{} {}", entry.name.replace('_', " "), entry.about).to_lowercase();
            typed.split_whitespace().all(|word| text.contains(word))
        })
        .collect();
    let prompt = Span::styled(": ", palette.style(Role::Accent));
    let cursor = field(prompt, line, palette.style(Role::Text), inside, 0, buf);
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let height = usize::from(list.height);
    let first = selected.saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    for (index, (entry, keys)) in rows.iter().enumerate().skip(first).take(height) {
        let row = u16::try_from(index - first).unwrap_or(0);
        let columns = usize::from(list.width).saturating_sub(16);
        let shown = Line::from(vec![
            Span::raw(format!(" {}", cell(entry.about, columns))),
            Span::styled(format!(" {keys}"), palette.style(Role::Accent)),
        ]);
        put(&shown, list, row, buf);
        if index == selected {
            select(list, row, palette, buf);
        }
    }
    if rows.is_empty() {
        put(&Line::styled(" no such command", palette.style(Role::Faint)), list, 0, buf);
    }
    Some(cursor)
}

fn ask(state: &State, prompt: &Prompt, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let (title, about) = match &prompt.kind {
        PromptKind::Paths => ("Add files or folders", "a path, or several; Tab completes; drag files here".to_owned()),
        PromptKind::Folder => {
            ("Watch a folder", "a path; patterns to leave out may follow: ~/notes '*.tmp' drafts/".to_owned())
        }
        PromptKind::Setting(key) => ("Change a setting", key.clone()),
    };
    let listed = u16::try_from(prompt.completions.len()).unwrap_or(0);
    let inside = boxed(state, palette, title, (78, 6 + listed.min(12)), area, buf);
    put(&Line::styled(about, palette.style(Role::Faint)), inside, 0, buf);
    let sign = Span::styled(if state.ascii { "> " } else { "› " }, palette.style(Role::Accent));
    let cursor = field(sign, &prompt.input, palette.style(Role::Text), inside, 1, buf);
    let columns = usize::from(inside.width);
    let mut row = 2;
    if prompt.waiting {
        put(&Line::styled("asking…", palette.style(Role::Faint)), inside, row, buf);
    } else if let Some(error) = &prompt.error {
        for range in wrap(error, columns).into_iter().take(2) {
            put(&Line::styled(error[range].to_owned(), palette.style(Role::Bad)), inside, row, buf);
            row += 1;
        }
    }
    for (row, name) in (3.max(row)..inside.height).zip(&prompt.completions) {
        put(&Line::styled(format!("  {name}"), palette.style(Role::Faint)), inside, row, buf);
    }
    Some(cursor)
}

/// A row in full, wrapped.
fn in_full(state: &State, detail: &Detail, palette: Palette, area: Rect, buf: &mut Buffer) {
    let columns = area.width.saturating_sub(4).min(100);
    let ranges = wrap(&detail.text, usize::from(columns.saturating_sub(4)));
    let tall = u16::try_from(ranges.len() + 4).unwrap_or(u16::MAX).min(area.height.saturating_sub(2));
    let title = format!("{} (y copies, j k scroll, any other key leaves)", detail.title);
    let inside = boxed(state, palette, &title, (columns, tall), area, buf);
    let skip = detail.scroll.min(ranges.len().saturating_sub(usize::from(inside.height)));
    let lines: Vec<Line<'_>> =
        ranges.into_iter().skip(skip).map(|range| Line::raw(format!(" {}", &detail.text[range]))).collect();
    put_all(&lines, inside, buf);
}

fn question(state: &State, confirm: &Confirm, palette: Palette, area: Rect, buf: &mut Buffer) {
    let inside = boxed(state, palette, "Sure?", (66, 8), area, buf);
    let mut lines = Vec::new();
    for range in wrap(&confirm.summary, usize::from(inside.width)) {
        lines.push(Line::raw(confirm.summary[range].to_owned()));
    }
    lines.push(Line::raw(""));
    let keys = if confirm.armed {
        "now Enter does it; any other key leaves"
    } else {
        "y, then Enter, does it; any other key leaves"
    };
    lines.push(Line::styled(keys, palette.style(Role::Warning)));
    put_all(&lines, inside, buf);
}

fn edit_note(state: &State, note: &NoteEditor, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let size = (area.width.saturating_sub(4).min(100), area.height.saturating_sub(2).min(30));
    let inside = boxed(state, palette, "Note (Ctrl-S stores, Tab title and text, Esc leaves)", size, area, buf);
    let prompt = Span::styled("Title: ", palette.style(Role::Faint));
    let cursor = field(prompt, &note.title, palette.style(Role::Text), inside, 0, buf);
    let text = Rect { y: inside.y + 2.min(inside.height), height: inside.height.saturating_sub(3), ..inside };
    (&note.text).render(text, buf);
    let told = match &note.error {
        _ if note.saving => Some(("storing…".to_owned(), Role::Faint)),
        _ if note.leaving => {
            Some(("what you wrote is not stored: Esc again discards it, Ctrl-S stores".to_owned(), Role::Warning))
        }
        _ if note.is_offered => {
            Some(("kept from before: Ctrl-S stores, Ctrl-N begins another, Esc discards".to_owned(), Role::Accent))
        }
        Some(error) => Some((format!("not stored: {error} (Ctrl-S tries again)"), Role::Bad)),
        None => None,
    };
    if let Some((text, role)) = told {
        let row = inside.height.saturating_sub(1);
        let text = truncated(&text, usize::from(inside.width));
        put(&Line::styled(text, palette.style(role)), inside, row, buf);
    }
    note.in_title.then_some(cursor)
}

/// Messages at the lower right, newest last.
pub(crate) fn toasts(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    for (index, toast) in state.toasts.iter().rev().enumerate() {
        let Ok(up) = u16::try_from(index + 1) else { return };
        if up > area.height {
            return;
        }
        let mark = if toast.is_error { "! " } else { "" };
        let text = truncated(&format!(" {mark}{} ", toast.text), usize::from(area.width.saturating_sub(4)));
        let wide = u16::try_from(width(&text)).unwrap_or(0);
        let place = Rect {
            x: area.x + area.width.saturating_sub(wide + 2),
            y: area.y + area.height - up,
            width: wide,
            height: 1,
        };
        clear(place, buf);
        let role = if toast.is_error { Role::Bad } else { Role::Accent };
        put(&Line::styled(text, palette.style(role).add_modifier(ratatui::style::Modifier::REVERSED)), place, 0, buf);
    }
}
