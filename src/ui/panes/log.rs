//! The log's tail, newest at the bottom, with a level and a filter.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::State;
use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{cell, filter, framed, put, select};

pub(crate) fn log(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let level = ["everything", "warnings and errors", "errors"][usize::from(state.log_level.min(2))];
    let inside = framed(state, palette, "Log", &format!("{level} (Enter)"), true, area, buf);
    let list = Rect { height: inside.height.saturating_sub(1), ..inside };
    let lines = state.log_lines();
    if lines.is_empty() {
        put(&Line::styled("nothing to show", palette.style(Role::Faint)), list, 0, buf);
    }
    // The selection counts from the newest, so following the log is staying at zero.
    let height = usize::from(list.height);
    let selected = lines.len().saturating_sub(1).saturating_sub(state.log_list.selected);
    let first = (selected + 1).saturating_sub(height).min(lines.len().saturating_sub(height));
    for (index, line) in lines.iter().enumerate().skip(first).take(height) {
        let role = match line.level.as_str() {
            "ERROR" => Role::Bad,
            "WARN" => Role::Warning,
            _ => Role::Faint,
        };
        let time = line.timestamp.get(11..19).unwrap_or_default();
        let row = u16::try_from(index - first).unwrap_or(0);
        let shown = Line::from(vec![
            Span::styled(format!("{time} "), palette.style(Role::Faint)),
            Span::styled(cell(&line.level, 6), palette.style(role)),
            Span::raw(line.text.clone()),
        ]);
        put(&shown, list, row, buf);
        if index == selected {
            select(list, row, palette, buf);
        }
    }
    filter(&state.log_list, palette, inside, inside.height.saturating_sub(1), buf)
}
