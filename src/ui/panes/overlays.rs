//! What lies over a screen: help, palette, prompts, questions, the note editor, messages.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::app::state::wrap::{truncated, width, wrap};
use crate::app::state::{Confirm, Detail, HelpLine, NoteEditor, Overlay, PaletteRow, Prompt, PromptKind, State};

use crate::domain::settings;
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

/// What one can do here, what one can search for, and the keys that work everywhere.
fn help(state: &State, scroll: usize, palette: Palette, area: Rect, buf: &mut Buffer) {
    let lines = state.help_lines();
    let tall = u16::try_from(lines.len() + 3).unwrap_or(u16::MAX);
    let inside = boxed(state, palette, "Help", (area.width.min(100), tall), area, buf);
    let text = Rect { height: inside.height.saturating_sub(1), ..inside };
    let height = usize::from(text.height);
    let skip = scroll.min(lines.len().saturating_sub(height));
    let columns = usize::from(inside.width);
    let shown: Vec<Line<'_>> =
        lines[skip..].iter().take(height).map(|line| help_line(line, columns, palette)).collect();
    put_all(&shown, text, buf);
    let last = skip + shown.len();
    let hint = if last < lines.len() {
        let more = if state.ascii { "" } else { "▼ " };
        Line::styled(
            format!(" {more}{} more lines: j or Space; k goes back; any other key leaves", lines.len() - last),
            palette.style(Role::Accent),
        )
    } else if skip > 0 {
        Line::styled(" the end; k goes back, any other key leaves", palette.style(Role::Faint))
    } else {
        Line::styled(" any key leaves", palette.style(Role::Faint))
    };
    put(&hint, inside, inside.height.saturating_sub(1), buf);
}

fn help_line<'a>(line: &HelpLine, columns: usize, palette: Palette) -> Line<'a> {
    let accent = palette.style(Role::Accent);
    match line {
        HelpLine::Blank => Line::raw(""),
        HelpLine::Heading(text) => Line::styled(format!(" {text}"), palette.style(Role::Title)),
        HelpLine::Text(text) => Line::raw(truncated(&format!(" {text}"), columns)),
        HelpLine::Key(keys, about, refused) => {
            let role = if refused.is_some() { Role::Faint } else { Role::Text };
            let why = refused.as_ref().map_or(String::new(), |reason| format!("  ({reason})"));
            let rest = columns.saturating_sub(18);
            Line::from(vec![
                Span::styled(
                    format!(" {} ", cell(keys, 16)),
                    if refused.is_some() { palette.style(role) } else { accent },
                ),
                Span::styled(truncated(&format!("{about}{why}"), rest), palette.style(role)),
            ])
        }
        HelpLine::Query(example, about) => Line::from(vec![
            Span::styled(format!(" {} ", cell(example, 29)), accent),
            Span::raw(truncated(about, columns.saturating_sub(31))),
        ]),
    }
}

/// Rows below the list: what the selected row runs on a command line, and the keys.
const BELOW_COMMANDS: u16 = 2;

fn commands(
    state: &State,
    line: &crate::app::state::LineEditor,
    selected: usize,
    palette: Palette,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    // A box that is nearly as wide as the screen hides it better whole than with a rim of what lies below.
    let columns = if area.width <= 90 { area.width } else { (area.width - 8).min(116) };
    let size = (columns, area.height.saturating_sub(2).min(36));
    let inside = boxed(state, palette, "Command", size, area, buf);
    let rows = state.palette_rows(line.text());
    let prompt = Span::styled(": ", palette.style(Role::Accent));
    let cursor = field(prompt, line, palette.style(Role::Text), inside, 0, buf);
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1 + BELOW_COMMANDS), ..inside };
    let height = usize::from(list.height);
    let first = selected.saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    for (index, row) in rows.iter().enumerate().skip(first).take(height) {
        let at = u16::try_from(index - first).unwrap_or(0);
        put(&command(row, usize::from(list.width), palette), list, at, buf);
        if index == selected {
            select(list, at, palette, buf);
        }
    }
    if rows.is_empty() {
        put(&Line::styled(" no such command", palette.style(Role::Faint)), list, 0, buf);
    }
    let chosen = rows.get(selected);
    let runs = chosen.and_then(|row| row.command_line.as_ref());
    let columns = usize::from(inside.width);
    let told = match (chosen.and_then(|row| row.refused.as_ref()), runs) {
        (Some(reason), _) => {
            Line::styled(truncated(&format!(" not here: {reason}"), columns), palette.style(Role::Warning))
        }
        (None, Some(arguments)) => {
            Line::styled(truncated(&format!(" $ {} {arguments}", state.program), columns), palette.style(Role::Text))
        }
        (None, None) => Line::raw(""),
    };
    put(&told, inside, inside.height.saturating_sub(2), buf);
    let keys = if runs.is_some() {
        " Enter does it   Ctrl-Y copies this line   Esc leaves"
    } else {
        " Enter does it   Esc leaves"
    };
    put(&Line::styled(keys, palette.style(Role::Faint)), inside, inside.height.saturating_sub(1), buf);
    Some(cursor)
}

/// One action: what it does, its keys, and how a shell does the same; one that cannot act is dimmed and says why.
fn command<'a>(row: &PaletteRow, columns: usize, palette: Palette) -> Line<'a> {
    let keys = 13;
    let about = (columns.saturating_sub(keys) * 6 / 10).min(48);
    let rest = columns.saturating_sub(about + keys + 3);
    let (known, key, last) = match (&row.refused, &row.command_line) {
        (Some(reason), _) => (Role::Faint, Role::Faint, format!("({reason})")),
        (None, Some(arguments)) => (Role::Text, Role::Accent, format!("peanut {arguments}")),
        (None, None) => (Role::Text, Role::Accent, String::new()),
    };
    Line::from(vec![
        Span::styled(format!(" {} ", cell(row.entry.about, about)), palette.style(known)),
        Span::styled(format!("{} ", cell(&row.keys, keys)), palette.style(key)),
        Span::styled(truncated(&last, rest), palette.style(Role::Faint)),
    ])
}

fn ask(state: &State, prompt: &Prompt, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let (title, about) = match &prompt.kind {
        PromptKind::Paths => ("Add files or folders", "a path, or several; Tab completes; drag files here".to_owned()),
        PromptKind::Folder => {
            ("Watch a folder", "a path; patterns to leave out may follow: ~/notes '*.tmp' drafts/".to_owned())
        }
        PromptKind::Setting(key) => {
            let bounds = settings::setting(key).map_or(String::new(), |setting| setting.bounds.in_words());
            ("Change a setting", format!("{key}: {bounds}"))
        }
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
