//! Which `From ` lines divide an archive: one decision for detection, for the splitter and for the date a line names.
//!
//! Archives escape badly, so a line is believed only when it has the shape of the archive's own separators (or carries
//! the mark of a mail program) and headers follow. Sentences, bare days and the lines of git patches divide nothing.
//! Called by `mbox`, `sniff` and `mail`.

use crate::domain::Timestamp;

use super::{date, envelope};

/// Words of a line that are looked at; real separators have at most a dozen.
const WORD_LIMIT: usize = 16;

/// Longest line that can be a separator.
const LINE_LIMIT_BYTES: usize = 1_000;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Who a separator names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// Nobody: `From ` and perhaps a date.
    Nobody,
    /// Netscape's dash.
    Dash,
    /// One word: an address, a user.
    Word,
    /// A masked address: `jjl at pobox.com`.
    Words,
    /// The id of a git commit: the line of a patch.
    Commit,
}

/// When a separator says the message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Not at all.
    Never,
    /// A bare ISO day.
    Day,
    /// An ISO day and a time.
    Iso,
    /// Month, day and time as mail systems write them; the number tells their order.
    Full(u32),
}

/// The shape of a `From ` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    sender: Sender,
    moment: Moment,
}

/// What a word of a date can be; the numbers make up [`Moment::Full`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Weekday = 1,
    Month,
    Day,
    Time,
    Year,
    Zone,
}

fn is_time(word: &str) -> bool {
    let mut parts = word.split(':');
    let (Some(hour), Some(minute)) = (parts.next(), parts.next()) else { return false };
    let is_number = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    is_number(hour) && is_number(minute) && parts.all(|second| second.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_zone(word: &str) -> bool {
    let word = word.trim_matches(['(', ')']);
    let digits = word.strip_prefix(['+', '-']).unwrap_or_default();
    let is_offset = (4..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    is_offset || (1..=5).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn word_of_date(word: &str) -> Option<Word> {
    let bare = word.trim_end_matches(',').to_ascii_lowercase();
    let digits = bare.bytes().all(|byte| byte.is_ascii_digit());
    if WEEKDAYS.contains(&bare.as_str()) {
        Some(Word::Weekday)
    } else if MONTHS.contains(&bare.as_str()) {
        Some(Word::Month)
    } else if digits && (1..=2).contains(&bare.len()) {
        Some(Word::Day)
    } else if digits && bare.len() == 4 && bare.parse::<u16>().is_ok_and(|year| (1970..2200).contains(&year)) {
        Some(Word::Year)
    } else if is_time(word) {
        Some(Word::Time)
    } else {
        is_zone(word).then_some(Word::Zone)
    }
}

/// The order of a full date that `words` are, whole and nothing else (but UUCP's `remote from host`).
fn full_date(words: &[&str]) -> Option<Moment> {
    let words = match words {
        [date @ .., remote, from, _] if *remote == "remote" && *from == "from" => date,
        _ => words,
    };
    let mut order = 0_u32;
    let mut seen = [0_u8; 7];
    for word in words {
        let kind = word_of_date(word)? as usize;
        seen[kind] += 1;
        order = order << 3 | kind as u32;
    }
    let once = |kind: Word| seen[kind as usize] == 1;
    let never_twice = (Word::Weekday as usize..Word::Zone as usize).all(|kind| seen[kind] <= 1);
    let is_date = once(Word::Month) && once(Word::Day) && once(Word::Time) && (once(Word::Year) || once(Word::Weekday));
    (is_date && never_twice && seen[Word::Zone as usize] <= 2 && words.len() <= 8).then_some(Moment::Full(order))
}

fn iso_date(words: &[&str]) -> Option<Moment> {
    let (first, rest) = words.split_first()?;
    let bytes = first.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_day =
        [0, 1, 2, 3, 5, 6, 8, 9].into_iter().all(digit) && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    if !is_day || rest.len() > 2 {
        return None;
    }
    let glued = first.get(10..).unwrap_or_default();
    let has_glued_time = glued.strip_prefix('T').is_some_and(|time| time.contains(':'));
    match rest {
        [] if glued.is_empty() => Some(Moment::Day),
        [] if has_glued_time => Some(Moment::Iso),
        [time, zone @ ..]
            if glued.is_empty() && time.contains(':') && digit_first(time) && zone.iter().all(|z| is_zone(z)) =>
        {
            Some(Moment::Iso)
        }
        _ => None,
    }
}

fn digit_first(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
}

fn sender(words: &[&str]) -> Option<Sender> {
    match words {
        [] => Some(Sender::Nobody),
        ["-"] => Some(Sender::Dash),
        [word] if matches!(word.len(), 40 | 64) && word.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Some(Sender::Commit)
        }
        [_] => Some(Sender::Word),
        // A masked address, or a local part with blanks in quotes; anything else is a sentence.
        [_, at, _] if at.eq_ignore_ascii_case("at") => Some(Sender::Words),
        [first, .., last] if first.starts_with('"') && last.contains('@') && words.len() <= 6 => Some(Sender::Words),
        _ => None,
    }
}

impl Shape {
    /// The shape of `line` (which starts with `From `) and the moment it names; `None` for a sentence.
    pub(super) fn read(line: &[u8]) -> Option<(Self, Option<Timestamp>)> {
        let text = line.strip_prefix(b"From ").filter(|text| text.len() <= LINE_LIMIT_BYTES)?;
        let text = String::from_utf8_lossy(text);
        let words: Vec<&str> = text.split_whitespace().take(WORD_LIMIT + 1).collect();
        if words.len() > WORD_LIMIT {
            return None;
        }
        for at in 0..words.len().min(7) {
            let (before, behind) = words.split_at(at);
            let Some(moment) = full_date(behind).or_else(|| iso_date(behind)) else { continue };
            let sender = sender(before)?;
            // Git writes the same made-up date in front of every patch.
            let dated_at = (sender != Sender::Commit).then(|| date::parse(&behind.join(" "))).flatten();
            return Some((Self { sender, moment }, dated_at));
        }
        let sender = sender(&words)?;
        let is_named = match sender {
            Sender::Word => words[0].contains('@') || words[0].eq_ignore_ascii_case("mailer-daemon"),
            Sender::Words => false,
            _ => true,
        };
        is_named.then_some((Self { sender, moment: Moment::Never }, None))
    }

    /// Whether it stands in front of a git patch.
    pub(super) fn is_patch(self) -> bool {
        self.sender == Sender::Commit
    }

    /// Whether it names a date as mail systems do.
    pub(super) fn is_dated(self) -> bool {
        matches!(self.moment, Moment::Full(_))
    }

    /// Whether it has Netscape's dash.
    pub(super) fn is_dash(self) -> bool {
        self.sender == Sender::Dash
    }

    /// Whether it is nothing but `From -`, which programs write that write anything else too.
    fn is_lone_dash(self) -> bool {
        self.sender == Sender::Dash && self.moment == Moment::Never
    }

    /// The same but for the order of the date's words and for how an address is written.
    fn is_akin(self, other: Self) -> bool {
        let is_name = |sender| matches!(sender, Sender::Word | Sender::Words);
        let is_same_sender = self.sender == other.sender || is_name(self.sender) && is_name(other.sender);
        // Netscape wrote its dash with a date and without, into one archive.
        is_same_sender && (self.is_dash() || self.moment == other.moment || self.is_dated() && other.is_dated())
    }
}

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
