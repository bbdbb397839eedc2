//! The first screen of an empty store, and the screen of a store that cannot be opened.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::command::Command;
use crate::app::state::State;
use crate::app::state::wrap::wrap;

use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{boxed, framed, put_all};

pub(crate) fn welcome(state: &State, version: &str, palette: Palette, area: Rect, buf: &mut Buffer) {
    let inside = boxed(state, palette, &format!("Welcome to Peanut {version}"), (72, 19), area, buf);
    let zone = state.status.drop_zone.clone().unwrap_or_default();
    let key = |command: Command, about: &str| {
        Line::from(vec![
            Span::styled(format!("   {:<4}", state.keymap.key(command)), palette.style(Role::Accent)),
            Span::raw(about.to_owned()),
        ])
    };
    let mut lines = vec![
        Line::raw(""),
        Line::raw(" Nothing is in yet. Put files in by any of these:"),
        Line::raw(""),
        key(Command::AddPath, "add files or folders: type, paste, or drag them here"),
        key(Command::AddFolder, "watch a folder: what changes in it is followed"),
        key(Command::WriteNote, "write a note"),
        Line::raw(""),
        Line::raw(" or drop them here, at any time:"),
    ];
    for range in wrap(&zone, usize::from(inside.width.saturating_sub(4))) {
        lines.push(Line::styled(format!("   {}", &zone[range]), palette.style(Role::Title)));
    }
    lines.extend([
        Line::raw(""),
        Line::styled(" Mail, PDF, Markdown, HTML, Word, text. Sources are never changed.", palette.style(Role::Faint)),
        Line::styled(" Then press / and type: words at once, meaning follows.", palette.style(Role::Faint)),
        Line::raw(""),
        key(Command::Help, "every key"),
        key(Command::Quit, "quit"),
    ]);
    put_all(&lines, inside, buf);
}

pub(crate) fn failed(state: &State, error: &str, palette: Palette, area: Rect, buf: &mut Buffer) {
    let inside = framed(state, palette, "The store cannot be opened", "", true, area, buf);
    let mut lines = vec![Line::raw("")];
    for range in wrap(error, usize::from(inside.width.saturating_sub(2))) {
        lines.push(Line::styled(format!(" {}", &error[range]), palette.style(Role::Bad)));
    }
    lines.push(Line::raw(""));
    lines.push(Line::raw(" `peanut doctor` looks at everything and says what to do. q leaves."));
    put_all(&lines, inside, buf);
}
