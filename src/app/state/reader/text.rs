//! A text with its shapes as lines of a screen: structure shown as such, wrapped to the columns. Pure; used by `page` only.

use std::ops::Range;

use crate::app::state::wrap::width;
use crate::domain::shape::{Shape, ShapeKind};

use super::blocks::{Block, BlockKind, Manner, blocks, cells};
use super::flow::Flow;
use super::line::{Look, Part, ReaderLine};

/// What is shown instead of a part of a text.
type Edit = (Range<usize>, String);
/// What lies over a part of a text.
pub(super) type Over = (Range<usize>, Part);

/// What frames a text on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signs {
    /// Before a quoted line.
    pub(super) bar: &'static str,
    /// Before what goes on of a line of code.
    pub(super) goes_on: &'static str,
    /// Between cells.
    pub(super) cells: &'static str,
    /// A line across.
    pub(super) rule: &'static str,
}

impl Signs {
    pub(super) fn new(ascii: bool) -> Self {
        if ascii {
            Self { bar: "| ", goes_on: "> ", cells: " | ", rule: "-" }
        } else {
            Self { bar: "│ ", goes_on: "↪ ", cells: " │ ", rule: "─" }
        }
    }
}

/// A text that is to be shown.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) shapes: &'a [Shape],
    /// What lies over it, by bytes: matches and links.
    pub(super) over: Vec<Over>,
    pub(super) manner: Manner,
    /// What its plain lines are.
    pub(super) look: Look,
    /// How deep all of it is quoted.
    pub(super) depth: usize,
}

/// Lays texts out.
pub(super) struct Setter {
    pub(super) columns: usize,
    pub(super) signs: Signs,
}

/// Lines of one thing.
struct Piece<'a> {
    bars: &'a str,
    look: Look,
    /// Bytes of what is shown that the first line begins with, and columns that the others are indented by.
    head: usize,
    hang: usize,
}

impl Setter {
    /// Adds the lines of a text.
    pub(super) fn set(&self, source: &Source<'_>, out: &mut Vec<ReaderLine>) {
        let (edits, mut over) = marked(source);
        over.extend(source.over.iter().cloned());
        for block in blocks(source.text, source.shapes, source.manner) {
            self.block(source, &block, &edits, &over, out);
        }
    }

    fn block(&self, source: &Source<'_>, block: &Block, edits: &[Edit], over: &[Over], out: &mut Vec<ReaderLine>) {
        let depth = (block.depth + source.depth).min(self.columns / 4);
        let bars = self.signs.bar.repeat(depth);
        let room = self.columns.saturating_sub(width(&bars)).max(2);
        let (Some(first), Some(last)) = (block.lines.first(), block.lines.last()) else { return };
        let over: Vec<_> =
            over.iter().filter(|(range, _)| range.start < last.end && first.start < range.end).cloned().collect();
        let flow = |range: &Range<usize>| {
            let mut flow = Flow::default();
            copy(&mut flow, source.text, range, edits);
            flow
        };
        let look = if depth > 0 { Look::Dim } else { source.look };
        match block.kind {
            BlockKind::Blank => blank(&bars, out),
            BlockKind::Heading(level) => {
                let piece = Piece { bars: &bars, look: Look::Heading(level), head: 0, hang: 0 };
                put(&flow(first), &piece, room, &over, out);
            }
            BlockKind::Code => self.code(&flow(first), &bars, room, &over, out),
            BlockKind::Table => self.table(source, block, &bars, room, (edits, &over), out),
            BlockKind::Text | BlockKind::Item(_) => {
                let mark = if let BlockKind::Item(bytes) = block.kind { first.start + bytes } else { first.start };
                let is_wide = block.lines.iter().any(|line| width(&source.text[line.clone()]) > room);
                let mut hang = 0;
                let mut flows: Vec<Flow> = Vec::new();
                for line in &block.lines {
                    match flows.last_mut() {
                        Some(last) if is_wide => {
                            last.replace(&(line.start - 1..line.start), " ");
                            copy(last, source.text, line, edits);
                        }
                        _ => flows.push(flow(line)),
                    }
                }
                for (number, flow) in flows.iter().enumerate() {
                    let head = if number == 0 { flow.place(mark) } else { 0 };
                    if number == 0 {
                        hang = width(&flow.shown[..head]);
                    }
                    // A mark that takes half of the room is a text.
                    let (head, hang) = if hang * 2 > room { (0, 0) } else { (head, hang) };
                    let piece = Piece { bars: &bars, look, head, hang };
                    if number > 0 && hang > 0 {
                        put_hanging(flow, &piece, room, &over, out);
                    } else {
                        put(flow, &piece, room, &over, out);
                    }
                }
            }
        }
    }

    fn code(&self, flow: &Flow, bars: &str, room: usize, over: &[Over], out: &mut Vec<ReaderLine>) {
        let sign = width(self.signs.goes_on);
        let rest = room.saturating_sub(sign).max(2);
        for (number, range) in flow.code_lines(room, rest).into_iter().enumerate() {
            let before = if number == 0 { "" } else { self.signs.goes_on };
            add(flow, &format!("{bars}{before}"), Look::Code, range, over, out);
        }
    }

    /// Columns below each other where they have room, else each row as a line that hangs.
    fn table(
        &self,
        source: &Source<'_>,
        block: &Block,
        bars: &str,
        room: usize,
        (edits, over): (&[Edit], &[Over]),
        out: &mut Vec<ReaderLine>,
    ) {
        let rows: Vec<Vec<Range<usize>>> = block.lines.iter().map(|line| cells(source.text, line)).collect();
        let flow = |range: &Range<usize>| {
            let mut flow = Flow::default();
            copy(&mut flow, source.text, range, edits);
            flow
        };
        let wide = |cell: &Range<usize>| width(&flow(cell).shown);
        let count = rows.iter().map(Vec::len).max().unwrap_or(0);
        let column = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(wide).max().unwrap_or(0);
        let widths: Vec<usize> = (0..count).map(column).collect();
        let between = width(self.signs.cells);
        if widths.iter().sum::<usize>() + between * count.saturating_sub(1) > room {
            for line in &block.lines {
                let piece = Piece { bars, look: source.look, head: 0, hang: 2.min(room / 2) };
                put(&flow(line), &piece, room, over, out);
            }
            return;
        }
        for (number, row) in rows.iter().enumerate() {
            let (mut flow, mut frames) = (Flow::default(), Vec::new());
            for (at, cell) in row.iter().enumerate() {
                let before = flow.shown.len();
                copy(&mut flow, source.text, cell, edits);
                if at + 1 < row.len() {
                    let used = width(&flow.shown[before..]);
                    let pad = " ".repeat(widths[at].saturating_sub(used));
                    let next = row[at + 1].start;
                    frames.push(flow.shown.len()..flow.shown.len() + pad.len() + self.signs.cells.len());
                    flow.replace(&(cell.end..next), &format!("{pad}{}", self.signs.cells));
                }
            }
            let shown = 0..flow.shown.len();
            add(&flow, bars, source.look, shown, over, out);
            if let Some(line) = out.last_mut() {
                let end = line.text.len();
                let frames =
                    frames.into_iter().map(|range| range.start + bars.len()..(range.end + bars.len()).min(end));
                line.parts.extend(frames.map(|range| (range, Part::Frame)));
                if number == 0 {
                    line.parts.push((bars.len()..end, Part::Strong));
                }
            }
            if number == 0 {
                let cross = self.signs.rule.repeat(between);
                let rule = widths.iter().map(|wide| self.signs.rule.repeat(*wide)).collect::<Vec<_>>().join(&cross);
                let mut line = ReaderLine::new(format!("{bars}{rule}"), source.look);
                line.parts.push((0..line.text.len(), Part::Frame));
                out.push(line);
            }
        }
    }
}

/// Adds the lines of one thing.
fn put(flow: &Flow, piece: &Piece<'_>, room: usize, over: &[Over], out: &mut Vec<ReaderLine>) {
    for (number, range) in flow.lines(piece.head, room - piece.hang).into_iter().enumerate() {
        let (range, indent) = if number == 0 { (0..range.end, 0) } else { (range, piece.hang) };
        add(flow, &format!("{}{}", piece.bars, " ".repeat(indent)), piece.look, range, over, out);
    }
}

/// The same with all lines indented.
fn put_hanging(flow: &Flow, piece: &Piece<'_>, room: usize, over: &[Over], out: &mut Vec<ReaderLine>) {
    let bars = format!("{}{}", piece.bars, " ".repeat(piece.hang));
    put(flow, &Piece { bars: &bars, look: piece.look, head: 0, hang: 0 }, room - piece.hang, over, out);
}

/// Adds a line: its bars, then a part of what is shown with what lies over it.
fn add(flow: &Flow, bars: &str, look: Look, range: Range<usize>, over: &[Over], out: &mut Vec<ReaderLine>) {
    let shown = flow.shown[range.clone()].trim_end();
    let end = range.start + shown.len();
    let mut line = ReaderLine::new(format!("{bars}{shown}").trim_end().to_owned(), look);
    let length = line.text.len();
    if !bars.trim().is_empty() {
        line.parts.push((0..bars.len().min(length), Part::Frame));
    }
    for (place, part) in over {
        let place = flow.places(place);
        let (from, to) = (place.start.max(range.start), place.end.min(end));
        if from < to {
            line.parts.push((from - range.start + bars.len()..to - range.start + bars.len(), *part));
        }
    }
    out.push(line);
}

/// A blank line, unless there is one already.
pub(super) fn blank(bars: &str, out: &mut Vec<ReaderLine>) {
    let text = bars.trim_end();
    if out.last().is_some_and(|last| last.text != text) {
        let mut line = ReaderLine::new(text.to_owned(), Look::Dim);
        if !text.is_empty() {
            line.parts.push((0..text.len(), Part::Frame));
        }
        out.push(line);
    }
}

/// Copies a part of a text, with what is shown instead of some of it.
fn copy(flow: &mut Flow, text: &str, range: &Range<usize>, edits: &[Edit]) {
    let mut at = range.start;
    for (place, with) in edits.iter().filter(|(place, _)| range.start <= place.start && place.end <= range.end) {
        if place.start >= at {
            flow.copy(text, at..place.start);
            flow.replace(place, with);
            at = place.end;
        }
    }
    flow.copy(text, at..range.end);
}

/// What is shown instead of marks, in order, and what the shapes say of words.
fn marked(source: &Source<'_>) -> (Vec<Edit>, Vec<Over>) {
    let (mut edits, mut over) = (Vec::new(), Vec::new());
    for shape in source.shapes {
        let range = shape.range();
        let Some(text) = source.text.get(range.clone()) else { continue };
        match shape.kind {
            ShapeKind::Item(number) if text == "-" => edits.push((range, format!("{number}."))),
            ShapeKind::Strong => over.push((range, Part::Strong)),
            ShapeKind::Emphasis => over.push((range, Part::Emphasis)),
            ShapeKind::Struck => over.push((range, Part::Struck)),
            ShapeKind::InlineCode => {
                let marks = text.bytes().take_while(|byte| *byte == b'`').count();
                if marks * 2 < text.len() && text.ends_with(&text[..marks]) {
                    edits.push((range.start..range.start + marks, String::new()));
                    edits.push((range.end - marks..range.end, String::new()));
                }
                over.push((range, Part::Code));
            }
            _ => {}
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    (edits, over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, shapes: &[Shape], columns: usize) -> Vec<ReaderLine> {
        let manner = Manner { has_quotes: false, is_structured: true };
        let source = Source { text, shapes, over: Vec::new(), manner, look: Look::Text, depth: 0 };
        let mut out = Vec::new();
        Setter { columns, signs: Signs::new(false) }.set(&source, &mut out);
        out
    }

    fn shown(text: &str, shapes: &[Shape], columns: usize) -> Vec<String> {
        lines(text, shapes, columns).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn items_hang_and_are_counted() {
        let shapes = [Shape::new(0..1, ShapeKind::Item(9)), Shape::new(26..27, ShapeKind::Item(10))];
        let text = "- a first item that wraps\n- the next";
        assert_eq!(shown(text, &shapes, 16), ["9. a first item", "   that wraps", "10. the next"]);
        assert_eq!(shown("  - one two three", &[], 11), ["  - one two", "    three"]);
    }

    #[test]
    fn a_paragraph_that_is_too_wide_is_filled_and_one_that_fits_keeps_its_lines() {
        assert_eq!(shown("one two three\nfour", &[], 9), ["one two", "three", "four"]);
        assert_eq!(shown("one two three four\nfive six", &[], 15), ["one two three", "four five six"]);
        assert_eq!(shown("a verse\nof a song", &[], 30), ["a verse", "of a song"]);
    }

    #[test]
    fn tables_are_aligned_where_they_fit() {
        let text = "Name | Age\n日本 | 7\nlong name | 12";
        assert_eq!(shown(text, &[], 40), ["Name      │ Age", "───────────────", "日本      │ 7", "long name │ 12"]);
        assert_eq!(shown(text, &[], 12), ["Name | Age", "日本 | 7", "long name", "  | 12"]);
    }

    #[test]
    fn code_is_not_wrapped_as_prose() {
        let text = "fn main() { body }\n    x";
        let shapes = [Shape::new(0..text.len(), ShapeKind::Code)];
        let lines = lines(text, &shapes, 12);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["fn main() {", "↪ body }", "    x"]);
        assert!(lines.iter().all(|line| line.look == Look::Code));
    }

    #[test]
    fn words_keep_what_they_are_when_lines_are_broken() {
        let text = "some `code of` the strong words";
        let shapes = [Shape::new(5..14, ShapeKind::InlineCode), Shape::new(19..31, ShapeKind::Strong)];
        let lines = lines(text, &shapes, 14);
        assert_eq!(lines[0].text, "some code of");
        assert_eq!(lines[0].parts, [(5..12, Part::Code)]);
        assert_eq!((lines[1].text.as_str(), &lines[1].parts[..]), ("the strong", &[(4..10, Part::Strong)][..]));
        assert_eq!((lines[2].text.as_str(), &lines[2].parts[..]), ("words", &[(0..5, Part::Strong)][..]));
    }
}
