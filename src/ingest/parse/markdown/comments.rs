//! Comments that span blocks: Obsidian's, from a line that is only `%%` to the next such line, both outside code; and
//! HTML's, when blank lines are in them. Used by `reader` only.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What of a document is comment, as far as reading has come.
#[derive(Debug, Default)]
pub(super) struct Comments {
    /// Between lines of `%%`, in order.
    blocks: Vec<Range<usize>>,
    /// The first of `blocks` that reading has not come to.
    next: usize,
    /// Everything before this byte that has not been read is comment.
    until: usize,
    /// No `-->` stands after this byte.
    no_end_after: Option<usize>,
}

impl Comments {
    pub(super) fn new(source: &str, options: Options) -> Self {
        Self { blocks: blocks(source, options), ..Self::default() }
    }

    /// How much of what stands in `range` is comment: bytes from its beginning.
    pub(super) fn hidden(&mut self, range: &Range<usize>) -> usize {
        while let Some(block) = self.blocks.get(self.next).filter(|block| block.start <= range.start) {
            self.until = self.until.max(block.end);
            self.next += 1;
        }
        self.until.min(range.end).saturating_sub(range.start)
    }

    /// An HTML comment that opened before `from` goes on to its end, when it has one.
    pub(super) fn goes_on(&mut self, source: &str, from: usize) -> bool {
        if self.no_end_after.is_some_and(|after| after <= from) {
            return false;
        }
        match source[from..].find("-->") {
            Some(length) => self.until = from + length + "-->".len(),
            None => self.no_end_after = Some(from),
        }
        self.no_end_after.is_none()
    }
}

fn blocks(source: &str, options: Options) -> Vec<Range<usize>> {
    let is_mark = |line: &str| line.trim() == "%%";
    let Some(first) = source.find("%%") else { return Vec::new() };
    if !source[first..].lines().any(is_mark) {
        return Vec::new();
    }
    let mut marks = Vec::new();
    let mut in_code = false;
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code && text.trim() == "%%" => {
                let start = source[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
                let end = source[range.end..].find('\n').map_or(source.len(), |length| range.end + length);
                if is_mark(&source[start..end]) {
                    marks.push(start..end);
                }
            }
            _ => {}
        }
    }
    marks.chunks_exact(2).map(|pair| pair[0].start..pair[1].end).collect()
}
