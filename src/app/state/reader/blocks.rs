//! What the lines of a text are: headings, items of lists, quotes, code, tables, paragraphs. Pure; used by `page` only.
//!
//! Shapes that a parser kept say most of it; marks that a text shows by itself (`-`, `>`, ` | `) the rest.

use std::ops::Range;

use crate::domain::shape::{Shape, ShapeKind};

/// What stands between two cells of a row.
pub(super) const CELLS: &str = " | ";
/// Deeper quotes are shown no deeper.
const DEEPEST: usize = 6;

/// How a text shows its structure by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// `>` at the beginning of a line quotes.
    pub(super) has_quotes: bool,
    /// Rows of cells are a table, and the lines of a paragraph belong together.
    pub(super) is_structured: bool,
}

/// Some lines that are one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: BlockKind,
    /// How deep it is quoted.
    pub(super) depth: usize,
    /// Its lines in the text, without marks of quotes.
    pub(super) lines: Vec<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Blank,
    Heading(u8),
    Code,
    /// Its rows are the lines.
    Table,
    /// A paragraph.
    Text,
    /// An item of a list, whose mark takes so many bytes.
    Item(usize),
}

/// The blocks of a text, in order.
pub(super) fn blocks(text: &str, shapes: &[Shape], manner: Manner) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        let range = start..start + line.len();
        start = range.end + 1;
        let block = block(text, range, shapes, manner);
        match blocks.last_mut() {
            Some(last) if manner.is_structured && goes_on(last, &block) => last.lines.extend(block.lines),
            _ => blocks.push(block),
        }
    }
    // A single row is a line with a bar in it.
    for block in blocks.iter_mut().filter(|block| block.kind == BlockKind::Table && block.lines.len() == 1) {
        block.kind = BlockKind::Text;
    }
    blocks
}

fn goes_on(last: &Block, next: &Block) -> bool {
    last.depth == next.depth
        && matches!(
            (last.kind, next.kind),
            (BlockKind::Table, BlockKind::Table) | (BlockKind::Text | BlockKind::Item(_), BlockKind::Text)
        )
}

fn block(text: &str, range: Range<usize>, shapes: &[Shape], manner: Manner) -> Block {
    let over = |shape: &&Shape| {
        let shape = shape.range();
        shape.start < range.end.max(range.start + 1) && range.start < shape.end
    };
    let (mut depth, mut kind) = (0, None);
    for shape in shapes.iter().filter(over) {
        match shape.kind {
            ShapeKind::Quote => depth += 1,
            ShapeKind::Code => kind = Some(BlockKind::Code),
            ShapeKind::Heading(level) if shape.range().start <= range.start => kind = Some(BlockKind::Heading(level)),
            _ => {}
        }
    }
    let (marks, signs) = if manner.has_quotes && kind.is_none() { quote_marks(&text[range.clone()]) } else { (0, 0) };
    let range = range.start + signs..range.end;
    let line = &text[range.clone()];
    let kind = kind.unwrap_or_else(|| {
        if line.trim().is_empty() {
            BlockKind::Blank
        } else if let Some(mark) = item_mark(line) {
            BlockKind::Item(mark)
        } else if manner.is_structured && line.contains(CELLS) {
            BlockKind::Table
        } else {
            BlockKind::Text
        }
    });
    Block { kind, depth: (depth + marks).min(DEEPEST), lines: vec![range] }
}

/// How often a line is quoted, and how many bytes say so.
fn quote_marks(line: &str) -> (usize, usize) {
    let (mut count, mut end) = (0, 0);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'>' => (count, end) = (count + 1, at + 1),
            b' ' if count > 0 && at == end => {}
            _ => break,
        }
    }
    let blank = usize::from(end > 0 && line[end..].starts_with(' '));
    (count, end + blank)
}

/// How many bytes the mark of an item takes, with its indent and its box: `  - [x] `, `3. `.
fn item_mark(line: &str) -> Option<usize> {
    let text = line.trim_start_matches([' ', '\t']);
    let indent = line.len() - text.len();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mark = if (1..=9).contains(&digits) {
        text[digits..].strip_prefix(['.', ')']).map(|_| digits + 1)
    } else {
        text.chars().next().filter(|sign| matches!(sign, '-' | '*' | '+' | '•' | '◦' | '‣')).map(char::len_utf8)
    }?;
    let rest = text[mark..].strip_prefix(' ')?;
    if rest.trim().is_empty() {
        return None;
    }
    let is_box = |rest: &str| ["[ ] ", "[x] ", "[X] "].iter().any(|sign| rest.starts_with(sign));
    Some(indent + mark + 1 + if is_box(rest) { 4 } else { 0 })
}

/// The cells of a row.
pub(super) fn cells(text: &str, row: &Range<usize>) -> Vec<Range<usize>> {
    let mut start = row.start;
    let cells = text[row.clone()].split(CELLS).map(|cell| {
        let range = start..start + cell.len();
        start = range.end + CELLS.len();
        let blank = cell.len() - cell.trim_start_matches(' ').len();
        range.start + blank..range.start + blank + cell.trim_matches(' ').len()
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRUCTURED: Manner = Manner { has_quotes: false, is_structured: true };
    const MAIL: Manner = Manner { has_quotes: true, is_structured: false };

    fn shown<'a>(text: &'a str, shapes: &[Shape], manner: Manner) -> Vec<(BlockKind, usize, Vec<&'a str>)> {
        let blocks = blocks(text, shapes, manner).into_iter();
        blocks
            .map(|block| (block.kind, block.depth, block.lines.into_iter().map(|line| &text[line]).collect()))
            .collect()
    }

    #[test]
    fn items_rows_and_paragraphs_are_told_apart() {
        let text = "one\ntwo\n\n- [x] done\nand more\n  - below\n3. three\n\na | b\nc | d\nlast";
        assert_eq!(
            shown(text, &[], STRUCTURED),
            [
                (BlockKind::Text, 0, vec!["one", "two"]),
                (BlockKind::Blank, 0, vec![""]),
                (BlockKind::Item(6), 0, vec!["- [x] done", "and more"]),
                (BlockKind::Item(4), 0, vec!["  - below"]),
                (BlockKind::Item(3), 0, vec!["3. three"]),
                (BlockKind::Blank, 0, vec![""]),
                (BlockKind::Table, 0, vec!["a | b", "c | d"]),
                (BlockKind::Text, 0, vec!["last"]),
            ]
        );
    }

    #[test]
    fn quotes_of_mails_are_as_deep_as_their_marks() {
        assert_eq!(
            shown("> > deep\n>one\nown > x\n>", &[], MAIL),
            [
                (BlockKind::Text, 2, vec!["deep"]),
                (BlockKind::Text, 1, vec!["one"]),
                (BlockKind::Text, 0, vec!["own > x"]),
                (BlockKind::Blank, 1, vec![""]),
            ]
        );
    }

    #[test]
    fn shapes_say_what_lines_are() {
        let text = "Title\n\n- no item\nquoted";
        let shapes = [
            Shape::new(0..5, ShapeKind::Heading(2)),
            Shape::new(7..16, ShapeKind::Code),
            Shape::new(17..23, ShapeKind::Quote),
        ];
        let kinds: Vec<_> = blocks(text, &shapes, STRUCTURED).iter().map(|block| (block.kind, block.depth)).collect();
        assert_eq!(
            kinds,
            [(BlockKind::Heading(2), 0), (BlockKind::Blank, 0), (BlockKind::Code, 0), (BlockKind::Text, 1)]
        );
    }

    #[test]
    fn cells_come_without_their_blanks() {
        let text = "a  | b |  | d";
        let cells: Vec<&str> = cells(text, &(0..text.len())).into_iter().map(|cell| &text[cell]).collect();
        assert_eq!(cells, ["a", "b", "", "d"]);
    }
}
