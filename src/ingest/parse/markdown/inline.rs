//! Marks inside a block of text: `[[wikilinks]]`, `#tags`, `%% comments %%`, Logseq's `key:: value`. Code is never read.
//!
//! One block at a time, so nothing can open in one and close in another. Every search for an end has a limit or
//! remembers that there is none: linear in the block. Called by `reader` for each block and by `head` for properties.

mod logseq;
mod marks;

pub(super) use marks::percent_decoded;

use std::ops::Range;

use crate::domain::shape::{Shape, ShapeKind};
use crate::domain::{Link, Timestamp};

/// A block's text as the Markdown parser gives it, and which bytes of it are code or were written with a backslash.
#[derive(Debug, Default)]
pub(super) struct Prose {
    text: String,
    /// In order, apart from each other.
    verbatim: Vec<Range<usize>>,
    /// What parts of it are.
    shapes: Vec<(Range<usize>, ShapeKind)>,
    /// Parts that have begun.
    open: Vec<(usize, ShapeKind)>,
}

impl Prose {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.verbatim.clear();
        self.shapes.clear();
        self.open.clear();
    }

    /// A part begins here.
    pub(super) fn open(&mut self, kind: ShapeKind) {
        self.open.push((self.text.len(), kind));
    }

    /// The part that began last ends here.
    pub(super) fn close(&mut self) {
        if let Some((start, kind)) = self.open.pop() {
            self.shapes.push((start..self.text.len(), kind));
        }
    }

    /// Code within a line.
    pub(super) fn push_code(&mut self, text: &str) {
        self.open(ShapeKind::InlineCode);
        self.push_verbatim(text);
        self.close();
    }

    /// Text whose marks count.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Text that stands as it is.
    pub(super) fn push_verbatim(&mut self, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        if !text.is_empty() {
            self.verbatim.push(start..self.text.len());
        }
    }

    /// Text whose first character was escaped.
    pub(super) fn push_escaped(&mut self, text: &str) {
        let first = text.chars().next().map_or(0, char::len_utf8);
        self.push_verbatim(&text[..first]);
        self.push(&text[first..]);
    }

    /// Cuts the size off an image's description, `alt|100x200`, which began at `start`.
    pub(super) fn drop_image_size(&mut self, start: usize) {
        if let Some((description, size)) = self.text.get(start..).and_then(|text| text.rsplit_once('|'))
            && marks::is_size(size)
        {
            let end = start + description.len();
            self.text.truncate(end);
            self.verbatim.retain(|range| range.end <= end);
        }
    }
}

/// What the marks of a document say.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) links: Vec<Link>,
    /// Where links lead, as written.
    pub(super) targets: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) aliases: Vec<String>,
    pub(super) title: Option<String>,
    pub(super) dated_at: Option<Timestamp>,
    /// What parts of the text are that was read since they were taken last.
    pub(super) shapes: Vec<Shape>,
}

/// Appends the block's text as a reader sees it to `out`, and what its marks say to `marks`.
pub(super) fn read(prose: &Prose, out: &mut String, marks: &mut Marks) {
    let bytes = prose.text.as_bytes();
    let mut block = Block {
        prose,
        out,
        marks,
        copied: 0,
        comments_end: true,
        drawers_end: true,
        queries_end: true,
        trail: Vec::new(),
    };
    let (mut at, mut verbatim) = (0, 0);
    while let Some(step) = bytes[at..].iter().position(|byte| IS_MARK[usize::from(*byte)]) {
        at += step;
        while prose.verbatim.get(verbatim).is_some_and(|range| range.end <= at) {
            verbatim += 1;
        }
        if let Some(range) = prose.verbatim.get(verbatim).filter(|range| range.start <= at) {
            at = range.end;
            continue;
        }
        at = block.mark(at).unwrap_or(at + 1);
    }
    block.copy_to(bytes.len());
    let (trail, end) = (std::mem::take(&mut block.trail), out.len());
    for (range, kind) in &prose.shapes {
        let range = read_as(&trail, end, range.start)..read_as(&trail, end, range.end);
        if !range.is_empty() {
            marks.shapes.push(Shape::new(range, kind.clone()));
        }
    }
}

/// Where what stands at `at` in the block stands in what was read of it.
fn read_as(trail: &[(usize, usize)], end: usize, at: usize) -> usize {
    let after = trail.partition_point(|(from, _)| *from <= at);
    let next = trail.get(after).map_or(end, |(_, to)| *to);
    after.checked_sub(1).and_then(|before| trail.get(before)).map_or(next, |(from, to)| (to + at - from).min(next))
}

/// Bytes at which something may begin. 0xC2 is the first byte of a soft hyphen, which is no part of its word.
const IS_MARK: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"[!#%{(:;\xC2";
    let mut index = 0;
    while index < marks.len() {
        table[marks[index] as usize] = true;
        index += 1;
    }
    table
};

/// A block that is being read. What `mark` does not take is copied as it stands.
struct Block<'a> {
    prose: &'a Prose,
    out: &'a mut String,
    marks: &'a mut Marks,
    /// Bytes of the block that are in `out` or were left out.
    copied: usize,
    /// Whether an end may still come; false once one was looked for in vain.
    comments_end: bool,
    drawers_end: bool,
    queries_end: bool,
    /// Where copying began or went on, in the block and in `out`.
    trail: Vec<(usize, usize)>,
}

impl Block<'_> {
    /// Takes what begins at `at`, and says where reading goes on.
    fn mark(&mut self, at: usize) -> Option<usize> {
        let here = &self.prose.text.as_bytes()[at..];
        match here {
            [b'[', b'[', ..] => self.wikilink(at, at),
            [b'!', b'[', b'[', ..] => self.wikilink(at + 1, at),
            [b'#', b'[', b'[', ..] => self.link_as_tag(at),
            [b'#', b'+', ..] => self.query_block(at),
            [b'#', ..] => self.tag(at),
            [b'%', b'%', ..] => self.comment(at),
            [b'{', b'{', ..] => self.macro_call(at),
            [b'(', b'(', ..] => self.block_reference(at),
            [b':', b':', ..] => self.property(at),
            [b':', ..] => self.drawer(at),
            [b';', ..] => self.data_url(at),
            [0xC2, 0xAD, ..] => self.leave_out(at..at + 2),
            _ => None,
        }
    }

    fn copy_to(&mut self, end: usize) {
        if end > self.copied {
            self.trail.push((self.copied, self.out.len()));
            self.out.push_str(&self.prose.text[self.copied..end]);
            self.copied = end;
        }
    }

    /// What is in `range` is no text.
    fn leave_out(&mut self, range: Range<usize>) -> Option<usize> {
        self.replace(range, "")
    }

    fn replace(&mut self, range: Range<usize>, text: &str) -> Option<usize> {
        if range.start < self.copied {
            return None;
        }
        self.copy_to(range.start);
        self.trail.push((range.start, self.out.len()));
        self.out.push_str(text);
        self.trail.push((range.end, self.out.len()));
        self.copied = range.end;
        Some(range.end)
    }

    /// Whether code or an escaped character stands in `range`.
    fn has_verbatim(&self, range: &Range<usize>) -> bool {
        let after = self.prose.verbatim.partition_point(|verbatim| verbatim.end <= range.start);
        self.prose.verbatim.get(after).is_some_and(|verbatim| verbatim.start < range.end)
    }

    /// The line `at` is on.
    fn line_start(&self, at: usize, furthest: usize) -> Option<usize> {
        let before = &self.prose.text.as_bytes()[at.saturating_sub(furthest)..at];
        match before.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => Some(at - before.len() + newline + 1),
            None if at <= furthest => Some(0),
            None => None,
        }
    }

    fn line_end(&self, at: usize) -> usize {
        self.prose.text[at..].find('\n').map_or(self.prose.text.len(), |end| at + end)
    }

    /// Leaves whole lines out, with the line end that parts them from what stands before.
    fn leave_out_lines(&mut self, start: usize, end: usize) -> Option<usize> {
        let range = if start > self.copied { start - 1..end } else { start..(end + 1).min(self.prose.text.len()) };
        self.leave_out(range)
    }
}

#[cfg(test)]
mod tests;
