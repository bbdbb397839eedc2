//! What parts of a text are: headings, quotes, code, emphasis, links. Kept beside the text, which stays as a person reads it,
//! so that searching knows nothing of marks and a reader shows them. Made by `ingest::parse`, cut by `ingest::chunk`, stored
//! with the place of a chunk, shown by `app::state::reader`.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Most shapes that one chunk keeps: a page of nothing but marks is shown as text.
pub const MOST_SHAPES: usize = 400;

/// A part of a text, by bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Shape {
    /// Where it begins.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// What it is.
    pub kind: ShapeKind,
}

/// What a part of a text is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShapeKind {
    /// A heading of this level, 1 the outermost.
    Heading(u8),
    /// A quotation; one within another is deeper.
    Quote,
    /// Lines of code.
    Code,
    /// Code within a line, with its marks.
    InlineCode,
    /// Strong emphasis.
    Strong,
    /// Emphasis.
    Emphasis,
    /// What no longer counts.
    Struck,
    /// The mark of a list's item that has this number.
    Item(u64),
    /// A link to this address or relative path, as written.
    Link(String),
    /// A link to the note of this name.
    Wikilink(String),
}

impl Shape {
    /// A shape of the bytes in `range`.
    #[must_use]
    pub fn new(range: Range<usize>, kind: ShapeKind) -> Self {
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: number(range.start), end: number(range.end), kind }
    }

    /// The bytes it covers.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The shapes in a part of a text, as they stand in another where that part begins at `at`. What reaches beyond the part
/// is cut; what is empty then is left out.
#[must_use]
pub fn cut(shapes: &[Shape], part: &Range<usize>, at: usize) -> Vec<Shape> {
    let moved = |shape: &Shape| {
        let range = shape.range();
        let (start, end) = (range.start.max(part.start), range.end.min(part.end));
        (start < end).then(|| Shape::new(start - part.start + at..end - part.start + at, shape.kind.clone()))
    };
    shapes.iter().filter_map(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_beyond_a_part_is_cut_and_moved_with_it() {
        let shapes = [
            (0..4, ShapeKind::Heading(1)),
            (3..9, ShapeKind::Strong),
            (8..20, ShapeKind::Code),
            (20..24, ShapeKind::Quote),
        ]
        .map(|(range, kind)| Shape::new(range, kind));
        let cut = cut(&shapes, &(4..20), 100);
        let shown: Vec<_> = cut.iter().map(|shape| (shape.range(), &shape.kind)).collect();
        assert_eq!(shown, [(100..105, &ShapeKind::Strong), (104..116, &ShapeKind::Code)]);
    }
}
