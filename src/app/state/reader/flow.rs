//! A piece of a text on its way to the screen: what is shown of it, where each byte of it went, and the lines it is broken
//! into. Used by `page` only.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::app::state::wrap::{width, without_tabs, wrap};

/// What is shown of a piece of text.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) shown: String,
    /// Where copying began or went on: in the text, and in what is shown.
    trail: Vec<(usize, usize)>,
}

impl Flow {
    /// Shows a part of the text as it stands, but for tabs.
    pub(super) fn copy(&mut self, text: &str, range: Range<usize>) {
        let mut at = range.start;
        for piece in text[range].split_inclusive('\t') {
            self.trail.push((at, self.shown.len()));
            self.shown.push_str(&without_tabs(piece));
            at += piece.len();
            if piece.ends_with('\t') {
                self.trail.push((at, self.shown.len()));
            }
        }
        self.trail.push((at, self.shown.len()));
    }

    /// Shows something else for a part of the text.
    pub(super) fn replace(&mut self, range: &Range<usize>, with: &str) {
        self.trail.push((range.start, self.shown.len()));
        self.shown.push_str(with);
        self.trail.push((range.end, self.shown.len()));
    }

    /// Where what stands at `at` in the text is shown.
    pub(super) fn place(&self, at: usize) -> usize {
        let after = self.trail.partition_point(|(from, _)| *from <= at);
        let next = self.trail.get(after).map_or(self.shown.len(), |(_, to)| *to);
        let before = after.checked_sub(1).and_then(|before| self.trail.get(before));
        let place = before.map_or(next, |(from, to)| (to + at - from).min(next));
        self.shown.floor_char_boundary(place)
    }

    /// Where a part of the text is shown; empty when nothing of it is.
    pub(super) fn places(&self, range: &Range<usize>) -> Range<usize> {
        self.place(range.start)..self.place(range.end)
    }

    /// The lines at most `columns` wide. The first `head` bytes stand in the first line alone, and what follows hangs
    /// below their end.
    pub(super) fn lines(&self, head: usize, columns: usize) -> Vec<Range<usize>> {
        wrap(&self.shown[head..], columns).into_iter().map(|line| line.start + head..line.end + head).collect()
    }

    /// The lines of code: cut where they are full, the first `columns` wide, those that follow `rest`.
    pub(super) fn code_lines(&self, columns: usize, rest: usize) -> Vec<Range<usize>> {
        let (mut lines, mut start, mut used) = (Vec::new(), 0, 0);
        for (at, one) in self.shown.grapheme_indices(true) {
            let room = if lines.is_empty() { columns } else { rest };
            let wide = width(one);
            if used + wide > room && at > start {
                lines.push(start..at);
                (start, used) = (at, 0);
            }
            used += wide;
        }
        lines.push(start..self.shown.len());
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_where_it_is_shown() {
        let text = "- a\tb `code` end";
        let mut flow = Flow::default();
        flow.replace(&(0..1), "12.");
        flow.copy(text, 1..6);
        flow.replace(&(6..7), "");
        flow.copy(text, 7..11);
        flow.replace(&(11..12), "");
        flow.copy(text, 12..16);
        assert_eq!(flow.shown, "12. a    b code end");
        let shown = |part: &str| {
            let at = text.find(part).unwrap();
            &flow.shown[flow.places(&(at..at + part.len()))]
        };
        assert_eq!(
            [shown("a"), shown("b"), shown("code"), shown("end"), shown("`code`")],
            ["a", "b", "code", "end", "code"]
        );
    }

    #[test]
    fn code_is_cut_where_it_is_full() {
        let mut flow = Flow::default();
        flow.copy("let a = 日本;", 0.."let a = 日本;".len());
        let lines: Vec<&str> = flow.code_lines(9, 4).into_iter().map(|range| &flow.shown[range]).collect();
        assert_eq!(lines, ["let a = ", "日本", ";"]);
    }
}
