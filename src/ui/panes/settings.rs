//! Settings that change while the program runs.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::State;
use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{cell, framed, put, select};

pub(crate) fn settings(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let inside = framed(state, palette, "Settings", "Enter changes", true, area, buf);
    if state.settings.is_empty() {
        put(&Line::styled("loading…", palette.style(Role::Faint)), inside, 0, buf);
        return None;
    }
    for (row, (key, value, about)) in (0..inside.height / 2).zip(&state.settings) {
        let line = Line::from(vec![Span::raw(cell(key, 24)), Span::styled(value.clone(), palette.style(Role::Accent))]);
        put(&line, inside, row * 2, buf);
        put(&Line::styled(format!("  {about}"), palette.style(Role::Faint)), inside, row * 2 + 1, buf);
        if usize::from(row) == state.settings_list.selected {
            select(inside, row * 2, palette, buf);
        }
    }
    let rest = inside.height.saturating_sub(u16::try_from(state.settings.len() * 2 + 2).unwrap_or(0));
    if rest > 0 {
        let text = "theme, keys, folders of data and logs: in the configuration file (peanut config)";
        put(&Line::styled(text, palette.style(Role::Faint)), inside, inside.height - 1, buf);
    }
    None
}
