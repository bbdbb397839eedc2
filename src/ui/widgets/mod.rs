//! What panes share: frames, marked text, gauges, sparklines, numbers and times as people read them.

mod numbers;

use ratatui::buffer::{Buffer, CellWidth as _};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use crate::app::state::wrap::{truncated, width};
use crate::app::state::{LineEditor, ListState, State};
use crate::domain::visible::{steers, visible_line};

use super::theme::{Palette, Role};

pub(crate) use numbers::{age, bytes, compact, counted, date, duration, rate};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PLAIN_BARS: [char; 8] = ['.', '.', ':', ':', '-', '=', '+', '#'];

/// Draws a frame with a title on the left and a note on the right; returns what is inside.
pub(crate) fn framed(
    state: &State,
    palette: Palette,
    title: &str,
    note: &str,
    focused: bool,
    area: Rect,
    buf: &mut Buffer,
) -> Rect {
    let role = if focused { Role::FocusedBorder } else { Role::Border };
    let mut block = Block::bordered().border_style(palette.style(role));
    block = if state.ascii {
        block.border_set(ratatui::symbols::border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        })
    } else {
        block.border_type(BorderType::Plain)
    };
    let room = usize::from(area.width.saturating_sub(6));
    let mark = if focused { "▸ " } else { "" };
    let mark = if state.ascii && focused { "> " } else { mark };
    let shown = truncated(&visible_line(title), room);
    block = block.title_top(Line::from(format!(" {mark}{shown} ")).style(palette.style(if focused {
        Role::Accent
    } else {
        Role::Title
    })));
    let left = room.saturating_sub(width(&shown) + 2);
    if !note.is_empty() && left > 6 {
        let note = format!(" {} ", truncated(&visible_line(note), left));
        block = block.title_top(Line::from(note).style(palette.style(Role::Faint)).right_aligned());
    }
    let inside = block.inner(area);
    block.render(area, buf);
    inside
}

/// Takes away what lies below a place, with all of a wide character that reaches into it: its half would cover what comes.
pub(crate) fn clear(place: Rect, buf: &mut Buffer) {
    let left = place.x.checked_sub(1).filter(|x| *x >= buf.area.x);
    for at in left.into_iter().flat_map(|x| (place.top()..place.bottom()).map(move |y| (x, y))) {
        if let Some(cell) = buf.cell_mut(at)
            && cell.cell_width() > 1
        {
            cell.set_symbol(" ");
        }
    }
    Clear.render(place, buf);
}

/// Clears a centred box over what lies below; returns what is inside its frame.
pub(crate) fn boxed(
    state: &State,
    palette: Palette,
    title: &str,
    size: (u16, u16),
    area: Rect,
    buf: &mut Buffer,
) -> Rect {
    let (columns, rows) = (size.0.min(area.width), size.1.min(area.height));
    let place = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 2,
        width: columns,
        height: rows,
    };
    clear(place, buf);
    framed(state, palette, title, "", true, place, buf)
}

/// Writes a line at a row of an area; what does not fit is cut. The one door for text: what would steer the terminal is
/// made visible.
pub(crate) fn put(line: &Line<'_>, area: Rect, row: u16, buf: &mut Buffer) {
    if row >= area.height || area.width == 0 {
        return;
    }
    if line.spans.iter().any(|span| span.content.contains(steers)) {
        buf.set_line(area.x, area.y + row, &shown(line), area.width);
    } else {
        buf.set_line(area.x, area.y + row, line, area.width);
    }
}

/// A tab is a blank in a line of a screen; all else that steers shows itself.
fn shown<'a>(line: &'a Line<'_>) -> Line<'a> {
    let mut shown = Line::default().style(line.style);
    for span in &line.spans {
        let text = span.content.replace('\t', " ");
        shown.push_span(Span::styled(visible_line(&text).into_owned(), span.style));
    }
    shown
}

/// Writes lines from the top.
pub(crate) fn put_all(lines: &[Line<'_>], area: Rect, buf: &mut Buffer) {
    for (row, line) in (0..area.height).zip(lines) {
        put(line, area, row, buf);
    }
}

/// Writes a line being typed behind its prompt, scrolled so that the cursor is in sight; returns where the cursor is.
pub(crate) fn field(
    prompt: Span<'_>,
    line: &LineEditor,
    text: Style,
    area: Rect,
    row: u16,
    buf: &mut Buffer,
) -> Position {
    let before = width(&prompt.content);
    let (shown, column) = line.window(usize::from(area.width).saturating_sub(before));
    let shown = Span::styled(shown.to_owned(), text);
    put(&Line::from(vec![prompt, shown]), area, row, buf);
    let column = u16::try_from(before + column).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    Position { x: area.x + column, y: area.y + row.min(area.height.saturating_sub(1)) }
}

/// The filter of a list at a row, when there is one; returns where the cursor is while it is typed.
pub(crate) fn filter(list: &ListState, palette: Palette, area: Rect, row: u16, buf: &mut Buffer) -> Option<Position> {
    if list.filter.is_empty() && !list.filtering {
        return None;
    }
    let style = palette.style(Role::Accent);
    let cursor = field(Span::styled("filter: ", style), &list.filter, style, area, row, buf);
    list.filtering.then_some(cursor)
}

/// Text with ranges marked, cut to `columns`.
pub(crate) fn marked<'a>(
    text: &str,
    marks: &[(usize, usize)],
    base: Role,
    columns: usize,
    palette: Palette,
) -> Vec<Span<'a>> {
    let shown = truncated(text, columns);
    // The cut text is a prefix of the whole but for its ellipsis.
    let kept = shown.trim_end_matches('…').len().min(text.len());
    let mut spans = Vec::new();
    let mut at = 0;
    for &(from, to) in marks {
        let (from, to) = (from.min(kept), to.min(kept));
        if from < at || from >= to || !shown.is_char_boundary(from) || !shown.is_char_boundary(to) {
            continue;
        }
        spans.push(Span::styled(shown[at..from].to_owned(), palette.style(base)));
        spans.push(Span::styled(shown[from..to].to_owned(), palette.style(Role::Match)));
        at = to;
    }
    spans.push(Span::styled(shown[at..].to_owned(), palette.style(base)));
    spans
}

/// The latest samples as bars, scaled to their greatest.
pub(crate) fn sparkline<'a>(samples: impl DoubleEndedIterator<Item = f64>, columns: usize, ascii: bool) -> Span<'a> {
    let mut kept: Vec<f64> = samples.rev().take(columns).collect();
    kept.reverse();
    let greatest = kept.iter().copied().fold(0.0_f64, f64::max);
    let bars = if ascii { PLAIN_BARS } else { BARS };
    let bar = |value: &f64| {
        let level = if greatest > 0.0 { (value / greatest * 7.0).round().clamp(0.0, 7.0) as usize } else { 0 };
        bars[level]
    };
    Span::raw(kept.iter().map(bar).collect::<String>())
}

/// A bar that is `fraction` full.
pub(crate) fn gauge(fraction: f64, columns: usize, ascii: bool) -> String {
    let full = (fraction.clamp(0.0, 1.0) * columns as f64).round() as usize;
    let (on, off) = if ascii { ("#", ".") } else { ("█", "░") };
    format!("{}{}", on.repeat(full), off.repeat(columns - full))
}

/// A text padded (or cut) to exactly `columns`.
pub(crate) fn cell(text: &str, columns: usize) -> String {
    let shown = truncated(&visible_line(text), columns);
    let pad = columns.saturating_sub(width(&shown));
    format!("{shown}{}", " ".repeat(pad))
}

/// As [`cell`], to the right.
pub(crate) fn right(text: &str, columns: usize) -> String {
    let shown = truncated(text, columns);
    let pad = columns.saturating_sub(width(&shown));
    format!("{}{shown}", " ".repeat(pad))
}

/// Marks a row as the selected one.
pub(crate) fn select(area: Rect, row: u16, palette: Palette, buf: &mut Buffer) {
    if row < area.height {
        buf.set_style(Rect { x: area.x, y: area.y + row, width: area.width, height: 1 }, palette.style(Role::Selected));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_covers_nothing() {
        let mut buffer = Buffer::with_lines(["日本日本日本", "a日本日本日b"]);
        clear(Rect::new(3, 0, 4, 2), &mut buffer);
        for (x, wanted) in [(0, "日"), (2, " "), (3, " "), (6, " "), (7, " "), (8, "日")] {
            assert_eq!(buffer[(x, 0)].symbol(), wanted, "column {x}");
        }
        for (x, wanted) in [(1, "日"), (3, " "), (7, "本"), (9, "日")] {
            assert_eq!(buffer[(x, 1)].symbol(), wanted, "column {x}");
        }
        clear(Rect::new(0, 0, 12, 5), &mut buffer);
        assert_eq!(buffer, Buffer::empty(buffer.area));
    }
}
