//! From glyphs with places to text in reading order: directions, runs, lines, words, columns. Called by `page`. Pure.
//!
//! `pieces` turns and cleans the glyphs of one direction, `lines` makes line segments of them, `words` finds the words
//! of a segment, `bidi` their logical order, `order` the order of segments.

mod bidi;
mod lines;
mod order;
mod pieces;
mod words;

use super::content::Glyph;

/// A piece of a line that no wide gap cuts: what `order` moves about.
pub(super) struct Segment {
    /// Left and right edge.
    x0: f32,
    x1: f32,
    /// Baseline.
    y: f32,
    size: f32,
    /// Which line of the page it is cut from.
    line: usize,
    text: String,
    words: usize,
    is_rtl: bool,
}

/// A page's box as it is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    pub(super) width: f32,
    pub(super) height: f32,
}

/// The text of a page: lines with `\n`, blocks with an empty line between them.
pub(super) fn text(glyphs: &[Glyph], sheet: Sheet) -> String {
    let mut out = String::new();
    for pieces in pieces::by_direction(glyphs, sheet) {
        let segments = lines::segments(pieces);
        let text = order::text(segments);
        if text.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str(&text);
    }
    out
}
