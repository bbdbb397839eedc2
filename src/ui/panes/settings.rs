//! Settings that change while the program runs.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::State;
use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{cell, filter, framed, put, select};

pub(crate) fn settings(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let inside = framed(state, palette, "Settings", "Enter changes", true, area, buf);
    if state.settings.is_empty() {
        put(&Line::styled("loading…", palette.style(Role::Faint)), inside, 0, buf);
        return None;
    }
    let rows = state.settings_rows();
    // The last row is for the filter and the note.
    let fit = usize::from(inside.height.saturating_sub(1) / 2);
    let first = state.settings_list.offset(rows.len(), fit);
    for (index, (key, value, about)) in rows.iter().enumerate().skip(first).take(fit) {
        let row = u16::try_from(index - first).unwrap_or(0) * 2;
        let line = Line::from(vec![Span::raw(cell(key, 24)), Span::styled(value.clone(), palette.style(Role::Accent))]);
        put(&line, inside, row, buf);
        put(&Line::styled(format!("  {about}"), palette.style(Role::Faint)), inside, row + 1, buf);
        if index == state.settings_list.selected {
            select(inside, row, palette, buf);
        }
    }
    if !state.settings_list.filter.is_empty() || state.settings_list.filtering {
        return filter(&state.settings_list, palette, inside, inside.height.saturating_sub(1), buf);
    }
    let rest = inside.height.saturating_sub(u16::try_from(state.settings.len() * 2 + 2).unwrap_or(0));
    if rest > 0 {
        let text = "theme, keys, folders of data and logs: in the configuration file (peanut config)";
        put(&Line::styled(text, palette.style(Role::Faint)), inside, inside.height - 1, buf);
    }
    None
}
