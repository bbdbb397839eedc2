//! Mail archives: one message at a time out of a file of any size.
//!
//! Owns the framing of mbox files (mboxo, mboxrd, mboxcl read alike: `Content-Length` is not believed) and of
//! UW `mbx` files. Called by `ingest::pipeline`, which hands in a buffered reader and the offset it stands at.
//! Never holds more than one message, and never more of it than the limit.

mod item;

use std::collections::VecDeque;
use std::io::{self, BufRead, Chain, Cursor, Read};

use crate::domain::Timestamp;

pub use super::remark::NO_BLANK_LINE;
pub use item::{MboxError, RawMessage};

use super::separator::{Habit, Headers, Shape, Verdict};
use super::{envelope, remark};

/// Messages larger than this are reported, not read: 64 MiB.
pub const MESSAGE_LIMIT_BYTES: usize = 64 << 20;

/// A line longer than this is handled in pieces, so a file without line ends costs no memory.
const PIECE_LIMIT_BYTES: u64 = 64 << 10;

/// Bytes of the beginning from which the archive's own ways are learned.
const HEAD_BYTES: u64 = 64 << 10;

/// Size of the header block of a UW `mbx` file.
const MBX_HEADER_BYTES: u64 = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Unknown,
    FromLines,
    Mbx,
}

/// One line with its end, or a piece of a very long one.
#[derive(Debug, Default)]
struct Line {
    offset: u64,
    bytes: Vec<u8>,
    is_start: bool,
}

/// What is being collected between two separators.
#[derive(Debug)]
struct Stretch {
    offset: u64,
    bytes: Vec<u8>,
    dated_at: Option<Timestamp>,
    is_message: bool,
    is_too_large: bool,
    has_text: bool,
}

impl Stretch {
    fn at(offset: u64, is_message: bool) -> Self {
        Self { offset, bytes: Vec::new(), dated_at: None, is_message, is_too_large: false, has_text: false }
    }

    /// A message behind the separator at `offset`.
    fn behind(offset: u64, dated_at: Option<Timestamp>) -> Self {
        Self { dated_at, ..Self::at(offset, true) }
    }
}

/// Iterator over the messages of an archive. Items come in file order and cover every byte that is not blank.
#[derive(Debug)]
pub struct MboxReader<R> {
    /// The first bytes, once they were looked at, then the rest.
    reader: Chain<Cursor<Vec<u8>>, R>,
    position: u64,
    limit_bytes: usize,
    framing: Framing,
    habit: Option<Habit>,
    line_end: u8,
    in_line: bool,
    previous_is_blank: bool,
    current: Line,
    lookahead: VecDeque<Line>,
    separator: Option<(u64, Option<Timestamp>)>,
    is_done: bool,
}

impl<R: BufRead> MboxReader<R> {
    /// A reader over `reader`, which stands `start_offset` bytes into the archive: 0, or where an earlier pass ended.
    #[must_use]
    pub fn new(reader: R, start_offset: u64) -> Self {
        Self {
            reader: Cursor::new(Vec::new()).chain(reader),
            position: start_offset,
            limit_bytes: MESSAGE_LIMIT_BYTES,
            framing: Framing::Unknown,
            habit: None,
            line_end: b'\n',
            in_line: false,
            previous_is_blank: true,
            current: Line::default(),
            lookahead: VecDeque::new(),
            separator: None,
            is_done: false,
        }
    }

    /// The same reader with another limit per message, in bytes.
    #[must_use]
    pub fn with_limit(mut self, limit_bytes: usize) -> Self {
        self.limit_bytes = limit_bytes;
        self
    }

    /// The same reader, which knows the ways of the archive from `head`, its first bytes: for a pass that starts behind
    /// them.
    #[must_use]
    pub fn with_head(mut self, head: &[u8]) -> Self {
        self.habit = Some(Habit::learn(head, line_end(head)));
        self
    }

    /// Bytes of the archive consumed so far, as an offset into the file: for progress.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    fn fill(&mut self, mut line: Line) -> io::Result<Option<Line>> {
        line.bytes.clear();
        line.offset = self.position;
        line.is_start = !self.in_line;
        let read = (&mut self.reader).take(PIECE_LIMIT_BYTES).read_until(self.line_end, &mut line.bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.position += read as u64;
        self.in_line = line.bytes.last() != Some(&self.line_end);
        if self.line_end == b'\r' && !self.in_line {
            line.bytes.pop();
            line.bytes.push(b'\n');
        }
        Ok(Some(line))
    }

    fn next_line(&mut self) -> io::Result<bool> {
        if let Some(line) = self.lookahead.pop_front() {
            self.current = line;
            return Ok(true);
        }
        let spare = std::mem::take(&mut self.current);
        match self.fill(spare)? {
            Some(line) => {
                self.current = line;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The line `ahead` lines behind the current one.
    fn peek_line(&mut self, ahead: usize) -> io::Result<Option<&[u8]>> {
        while self.lookahead.len() <= ahead {
            match self.fill(Line::default())? {
                Some(line) => self.lookahead.push_back(line),
                None => return Ok(None),
            }
        }
        Ok(self.lookahead.get(ahead).map(|line| line.bytes.as_slice()))
    }

    /// Looks at the first bytes: old Macintosh line ends, UW `mbx`, or an ordinary mbox and how it separates.
    fn recognise(&mut self) -> io::Result<()> {
        let mut head = Vec::new();
        let (start, rest) = self.reader.get_mut();
        rest.take(HEAD_BYTES).read_to_end(&mut head)?;
        self.line_end = line_end(&head);
        let first_line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
        self.framing = match () {
            () if self.position == 0 && first_line.starts_with(b"*mbx*") => Framing::Mbx,
            () if envelope::mbx_line(first_line).is_some() => Framing::Mbx,
            () => Framing::FromLines,
        };
        let has_header = first_line.starts_with(b"*mbx*");
        if self.framing == Framing::FromLines && self.habit.is_none() {
            self.habit = Some(Habit::learn(&head, self.line_end));
        }
        *start = Cursor::new(head);
        if self.framing == Framing::Mbx && has_header {
            self.position += io::copy(&mut (&mut self.reader).take(MBX_HEADER_BYTES), &mut io::sink())?;
        }
        Ok(())
    }

    /// Whether the current line begins a message, and the date it names.
    #[expect(clippy::option_option, reason = "whether it separates, and then the date, if it names one")]
    fn separates(&mut self, is_first: bool) -> io::Result<Option<Option<Timestamp>>> {
        let line = &self.current;
        let text = if line.offset == 0 { envelope::without_byte_order_mark(&line.bytes) } else { &line.bytes };
        if !line.is_start || !text.starts_with(b"From ") {
            return Ok(None);
        }
        let envelope_line = text.to_vec();
        let is_blank_before = self.previous_is_blank;
        let habit = self.habit.unwrap_or_default();
        let next = self.peek_line(0)?;
        let is_separator = match habit.judge(&envelope_line, is_blank_before, next) {
            Verdict::No => false,
            Verdict::Yes => true,
            Verdict::Doubtful(proof) => {
                let mut headers = Headers::default();
                for ahead in 0..Habit::BLOCK_LINES {
                    if !self.peek_line(ahead)?.is_some_and(|line| headers.take(line)) {
                        break;
                    }
                }
                Habit::is_convinced(proof, headers)
            }
        };
        if !is_separator {
            return Ok(None);
        }
        self.habit.get_or_insert_default().note(&envelope_line, is_first, is_blank_before);
        Ok(Some(Shape::read(&envelope_line).and_then(|(_, dated_at)| dated_at)))
    }

    fn append(&self, stretch: &mut Stretch) {
        let line = &self.current;
        stretch.has_text = stretch.has_text || line.bytes.iter().any(|byte| !byte.is_ascii_whitespace() && *byte != 0);
        if stretch.is_too_large || !stretch.is_message {
            return;
        }
        let bytes = if line.is_start { envelope::unescape(&line.bytes) } else { &line.bytes };
        if stretch.bytes.len() + bytes.len() > self.limit_bytes {
            stretch.is_too_large = true;
            stretch.bytes = Vec::new();
        } else {
            stretch.bytes.extend_from_slice(bytes);
        }
    }

    fn finish(&self, stretch: Stretch, end_offset: u64) -> Option<Result<RawMessage, MboxError>> {
        let Stretch { offset, mut bytes, dated_at, is_message, is_too_large, has_text } = stretch;
        if is_too_large {
            let reason = format!(
                "message of {} bytes is over the limit of {} bytes",
                end_offset.saturating_sub(offset),
                self.limit_bytes
            );
            return Some(Err(MboxError::new(offset, end_offset, reason)));
        }
        if is_message {
            if let Some(reason) = remark::deleted(&bytes) {
                let reason = reason.to_owned();
                return Some(Err(MboxError { offset, end_offset, reason, is_left_out: true }));
            }
            let is_ended = self.habit.is_some_and(Habit::ends_with_blank);
            let cut_off = self.is_done.then(|| remark::cut_off(&bytes, is_ended)).flatten();
            envelope::strip_final_blank_line(&mut bytes);
            return Some(Ok(RawMessage { offset, end_offset, bytes, dated_at, cut_off }));
        }
        has_text.then(|| {
            let reason = format!("{} bytes before the first `From ` line belong to no message", end_offset - offset);
            Err(MboxError::new(offset, end_offset, reason))
        })
    }

    /// Reads to the next separator. `None` at the end of the archive.
    fn next_between_separators(&mut self) -> io::Result<Option<Result<RawMessage, MboxError>>> {
        let mut stretch = self.separator.take().map(|(offset, dated_at)| Stretch::behind(offset, dated_at));
        loop {
            if !self.next_line()? {
                self.is_done = true;
                let end_offset = self.position;
                return Ok(stretch.and_then(|stretch| self.finish(stretch, end_offset)));
            }
            // A second `From ` line right behind a separator belongs to it.
            let is_doubled = stretch.as_ref().is_some_and(|stretch| stretch.is_message && !stretch.has_text)
                && !self.previous_is_blank;
            let is_first = stretch.as_ref().is_none_or(|stretch| !stretch.is_message);
            if !is_doubled && let Some(dated_at) = self.separates(is_first)? {
                let separator = self.current.offset;
                self.previous_is_blank = false;
                let Some(finished) = stretch.replace(Stretch::behind(separator, dated_at)) else { continue };
                if let Some(item) = self.finish(finished, separator) {
                    self.separator = Some((separator, dated_at));
                    return Ok(Some(item));
                }
                continue;
            }
            let line = &self.current;
            let open = stretch.get_or_insert_with(|| {
                // A single message saved under an archive's name has no `From ` line at all.
                let text = envelope::without_byte_order_mark(&line.bytes);
                Stretch::at(line.offset, line.offset == 0 && envelope::is_known_header(text))
            });
            self.append(open);
            self.previous_is_blank = if self.current.is_start {
                self.current.bytes.iter().all(u8::is_ascii_whitespace)
            } else {
                self.previous_is_blank && self.current.bytes.iter().all(u8::is_ascii_whitespace)
            };
        }
    }

    /// Reads one message of a UW `mbx` file: a line with its size, then that many bytes.
    fn next_sized(&mut self) -> io::Result<Option<Result<RawMessage, MboxError>>> {
        let offset = self.position;
        if !self.next_line()? {
            self.is_done = true;
            return Ok(None);
        }
        let Some(line) = envelope::mbx_line(&self.current.bytes) else {
            let rest = io::copy(&mut self.reader, &mut io::sink())?;
            self.position += rest;
            self.is_done = true;
            let reason = "no mbx message header where one is due; the rest cannot be divided".to_owned();
            let is_padding = self.current.bytes.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace());
            let error = MboxError::new(offset, self.position, reason);
            return Ok((!is_padding || rest > 0).then_some(Err(error)));
        };
        let size = line.size;
        let mut bytes = Vec::new();
        let is_too_large = size > self.limit_bytes as u64;
        let read = if is_too_large {
            io::copy(&mut (&mut self.reader).take(size), &mut io::sink())?
        } else {
            (&mut self.reader).take(size).read_to_end(&mut bytes)? as u64
        };
        self.position += read;
        let end_offset = self.position;
        if is_too_large {
            let reason = format!("message of {size} bytes is over the limit of {} bytes", self.limit_bytes);
            return Ok(Some(Err(MboxError::new(offset, end_offset, reason))));
        }
        if line.is_deleted {
            let reason = "marked as deleted in its mailbox, not purged yet".to_owned();
            return Ok(Some(Err(MboxError { offset, end_offset, reason, is_left_out: true })));
        }
        let cut_off = (read < size).then_some("it is shorter than the mailbox says");
        Ok(Some(Ok(RawMessage { offset, end_offset, bytes, dated_at: line.dated_at, cut_off })))
    }
}

/// The byte that ends lines: files of old Macintosh programs have no line feed.
fn line_end(head: &[u8]) -> u8 {
    if !head.contains(&b'\n') && head.contains(&b'\r') { b'\r' } else { b'\n' }
}

impl<R: BufRead> Iterator for MboxReader<R> {
    type Item = Result<RawMessage, MboxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let offset = self.separator.map_or(self.position, |(offset, _)| offset);
        let result = (|| {
            if self.framing == Framing::Unknown {
                self.recognise()?;
            }
            if self.framing == Framing::Mbx { self.next_sized() } else { self.next_between_separators() }
        })();
        match result {
            Ok(item) => item,
            Err(error) => {
                self.is_done = true;
                let reason = format!("reading the archive failed: {error}");
                Some(Err(MboxError::new(offset, self.position, reason)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
