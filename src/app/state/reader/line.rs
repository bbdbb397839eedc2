//! One line of the reader as it is shown. Made by `page`, drawn by `ui::panes::reader`.

use std::ops::Range;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Text.
    Text,
    /// A heading of this level, 1 the outermost.
    Heading(u8),
    /// Code.
    Code,
    /// A quote or a signature.
    Dim,
    /// Headers of a document, and what the reader says about it.
    About,
    /// A page begins here, or a message of a conversation.
    Rule,
}

/// What a part of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bars, signs of wrapping, labels: not text of the document.
    Frame,
    /// Strong emphasis.
    Strong,
    /// Emphasis.
    Emphasis,
    /// What no longer counts.
    Struck,
    /// Code within a line.
    Code,
    /// The match of this number, from 0.
    Match(usize),
    /// The link of this number, from 0.
    Link(usize),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderLine {
    /// The text, bars included.
    pub text: String,
    /// What it is.
    pub look: Look,
    /// What parts of it are, by bytes; they may lie over each other.
    pub parts: Vec<(Range<usize>, Part)>,
}

impl ReaderLine {
    /// A line without parts.
    #[must_use]
    pub fn new(text: String, look: Look) -> Self {
        Self { text, look, parts: Vec::new() }
    }

    /// The line cut where a part begins or ends, each piece with the parts that lie over it.
    #[must_use]
    pub fn pieces(&self) -> Vec<(&str, Vec<Part>)> {
        let mut cuts: Vec<usize> = self.parts.iter().flat_map(|(range, _)| [range.start, range.end]).collect();
        cuts.extend([0, self.text.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let piece = |pair: &[usize]| {
            let text = self.text.get(pair[0]..pair[1])?;
            let over = self.parts.iter().filter(|(range, _)| range.start <= pair[0] && pair[1] <= range.end);
            Some((text, over.map(|(_, part)| *part).collect()))
        };
        cuts.windows(2).filter_map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_its_parts_begin_and_end() {
        let mut line = ReaderLine::new("a bold match".to_owned(), Look::Text);
        line.parts = vec![(2..12, Part::Strong), (7..12, Part::Match(0))];
        let pieces = line.pieces();
        assert_eq!(pieces[0], ("a ", vec![]));
        assert_eq!(pieces[1], ("bold ", vec![Part::Strong]));
        assert_eq!(pieces[2], ("match", vec![Part::Strong, Part::Match(0)]));
    }
}
