//! Which `From ` lines divide an archive: one decision for detection, for the splitter and for the date a line names.
//!
//! Archives escape badly, so a line is believed only when it has the shape of the archive's own separators (or carries
//! the mark of a mail program) and headers follow. Sentences, bare days and the lines of git patches divide nothing.
//! Called by `mbox`, `sniff` and `mail`.

mod shape;

use super::envelope;
pub(super) use shape::Shape;
use shape::{Moment, Sender};

/// What stands behind a `From ` line, as far as a message begins there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Headers {
    /// Headers that real messages carry.
    pub known: usize,
    /// One of them tells where the message came from (`From`, `Received`, `Return-Path`).
    pub has_origin: bool,
    /// One of them is a date or an id.
    pub has_date_or_id: bool,
}

impl Headers {
    /// Takes one more line in; false when the block ends with it.
    pub(super) fn take(&mut self, line: &[u8]) -> bool {
        if line.trim_ascii().is_empty() {
            return false;
        }
        if matches!(line.first(), Some(b' ' | b'\t')) || line.starts_with(b">From ") || line.starts_with(b"From ") {
            return true;
        }
        let Some(name) = envelope::header_name(line) else { return false };
        let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        self.known += usize::from(envelope::is_known_header(line));
        self.has_origin |= is_one_of(&["from", "received", "return-path", "sender"]);
        self.has_date_or_id |= is_one_of(&["date", "message-id", "received", "x-mozilla-status"]);
        true
    }

    /// Whether this is the beginning of a whole message, as only mail systems write it.
    fn is_whole(self) -> bool {
        self.known >= 3 && self.has_origin && self.has_date_or_id
    }
}

/// What can be said of a line before more than the next one is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It divides nothing.
    No,
    /// It separates.
    Yes,
    /// It separates when the headers behind it are many enough, see [`Habit::is_convinced`].
    Doubtful(Proof),
}

/// How much has to follow a doubtful line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Two headers that real messages carry.
    TwoHeaders,
    /// The beginning of a whole message.
    WholeMessage,
}

/// How an archive separates its messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habit {
    shape: Option<Shape>,
    /// Separators with and without a blank line in front.
    with_blank: u32,
    without_blank: u32,
    /// The file begins with a message that has no separator at all.
    is_single: bool,
}

/// A line a message begins with.
fn opens_headers(line: &[u8]) -> bool {
    envelope::header_name(line).is_some() || line.starts_with(b">From ") || line.starts_with(b"From ")
}

impl Habit {
    /// Learns from the first bytes of an archive whose lines end with `line_end`.
    pub(super) fn learn(head: &[u8], line_end: u8) -> Self {
        let mut habit = Self::default();
        let head = envelope::without_byte_order_mark(head);
        let mut is_blank_before = true;
        let mut is_first = true;
        let mut rest = head;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == line_end).map_or(rest.len(), |at| at + 1);
            let (line, tail) = rest.split_at(end);
            if is_first && !line.trim_ascii().is_empty() {
                habit.is_single = envelope::is_known_header(line);
                is_first = false;
            }
            if line.starts_with(b"From ")
                && let Some((shape, _)) = Shape::read(line)
            {
                let headers = block(tail, line_end);
                match habit.shape {
                    None if is_blank_before && habit.begins_with(shape, headers) => habit.shape = Some(shape),
                    Some(own) if shape.is_akin(own) && headers.known > 0 => habit.count(is_blank_before),
                    _ => {}
                }
            }
            is_blank_before = line.trim_ascii().is_empty();
            rest = tail;
        }
        habit
    }

    /// Whether the first separator of an archive may look so.
    fn begins_with(self, shape: Shape, headers: Headers) -> bool {
        match (self.is_single, shape.moment, shape.sender) {
            (true, ..) => headers.is_whole() && !shape.is_patch(),
            (_, Moment::Full(_) | Moment::Iso, _) | (_, _, Sender::Dash) => headers.known >= 1,
            _ => headers.known >= 2,
        }
    }

    fn count(&mut self, is_blank_before: bool) {
        if is_blank_before {
            self.with_blank += 1;
        } else {
            self.without_blank += 1;
        }
    }

    /// Takes note of a separator that was found.
    pub(super) fn note(&mut self, line: &[u8], is_first: bool, is_blank_before: bool) {
        if self.shape.is_none() {
            self.shape = Shape::read(line).map(|(shape, _)| shape);
        }
        if !is_first {
            self.count(is_blank_before);
        }
    }

    /// Whether every message ends with a blank line, as far as can be told.
    pub(super) fn ends_with_blank(self) -> bool {
        self.with_blank > 0 && self.without_blank == 0
    }

    /// Whether `line`, which starts with `From `, separates; `next` is the line behind it, `None` at the end of the file.
    pub(super) fn judge(self, line: &[u8], is_blank_before: bool, next: Option<&[u8]>) -> Verdict {
        let Some((shape, _)) = Shape::read(line) else { return Verdict::No };
        let is_known = next.is_some_and(envelope::is_known_header);
        let Some(own) = self.shape else {
            let is_open = is_blank_before && next.is_none_or(opens_headers);
            let proof = if self.is_single { Proof::WholeMessage } else { Proof::TwoHeaders };
            return match () {
                () if !is_open || self.is_single && shape.is_patch() => Verdict::No,
                () if !self.is_single && shape.is_dated() => Verdict::Yes,
                () => Verdict::Doubtful(proof),
            };
        };
        if shape.is_patch() != own.is_patch() {
            return Verdict::No;
        }
        // Thunderbird puts its status behind every separator it writes, and behind nothing else.
        if next.is_some_and(|line| line.starts_with(b"X-Mozilla-Status: ")) {
            return Verdict::Yes;
        }
        let is_weak = own.is_lone_dash();
        if !shape.is_akin(own) && !is_weak {
            let is_stronger = shape.is_dated() && !own.is_dated() && shape.sender != Sender::Nobody;
            return if is_stronger && is_blank_before && is_known {
                Verdict::Doubtful(Proof::WholeMessage)
            } else {
                Verdict::No
            };
        }
        if !is_blank_before {
            return match () {
                () if !is_known || !shape.is_akin(own) => Verdict::No,
                () if self.without_blank > 0 && self.without_blank >= self.with_blank => Verdict::Yes,
                () if self.with_blank == 0 => Verdict::Doubtful(Proof::TwoHeaders),
                () => Verdict::Doubtful(Proof::WholeMessage),
            };
        }
        match () {
            () if shape == own && shape.is_dated() || shape.is_dash() || is_weak => {
                if next.is_none_or(opens_headers) {
                    Verdict::Yes
                } else {
                    Verdict::No
                }
            }
            () if is_known && shape == own => Verdict::Yes,
            () if is_known => Verdict::Doubtful(Proof::TwoHeaders),
            () => Verdict::No,
        }
    }

    /// Whether `headers` are what `proof` asks for.
    pub(super) fn is_convinced(proof: Proof, headers: Headers) -> bool {
        match proof {
            Proof::TwoHeaders => headers.known >= 2,
            Proof::WholeMessage => headers.is_whole(),
        }
    }
}

/// The headers at the start of `bytes`.
pub(super) fn block(bytes: &[u8], line_end: u8) -> Headers {
    let mut headers = Headers::default();
    for line in bytes.split(|byte| *byte == line_end).take(Habit::BLOCK_LINES) {
        if !headers.take(line) {
            break;
        }
    }
    headers
}

impl Habit {
    /// Lines behind a doubtful separator that are looked at.
    pub(super) const BLOCK_LINES: usize = 60;
}
