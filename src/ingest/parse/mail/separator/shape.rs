//! The shape of one `From ` line: who it names, and when. Called by its parent, `sniff` and `mail`.

use crate::domain::Timestamp;
use crate::ingest::parse::mail::date;

/// Words of a line that are looked at; real separators have at most a dozen.
const WORD_LIMIT: usize = 16;

/// Longest line that can be a separator.
const LINE_LIMIT_BYTES: usize = 1_000;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Who a separator names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
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
pub(super) enum Moment {
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
pub(in crate::ingest::parse::mail) struct Shape {
    pub(super) sender: Sender,
    pub(super) moment: Moment,
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
    pub(in crate::ingest::parse::mail) fn read(line: &[u8]) -> Option<(Self, Option<Timestamp>)> {
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
    pub(in crate::ingest::parse::mail) fn is_patch(self) -> bool {
        self.sender == Sender::Commit
    }

    /// Whether it names a date as mail systems do.
    pub(in crate::ingest::parse::mail) fn is_dated(self) -> bool {
        matches!(self.moment, Moment::Full(_))
    }

    /// Whether it has Netscape's dash.
    pub(in crate::ingest::parse::mail) fn is_dash(self) -> bool {
        self.sender == Sender::Dash
    }

    /// Whether it is nothing but `From -`, which programs write that write anything else too.
    pub(super) fn is_lone_dash(self) -> bool {
        self.sender == Sender::Dash && self.moment == Moment::Never
    }

    /// The same but for the order of the date's words and for how an address is written.
    pub(super) fn is_akin(self, other: Self) -> bool {
        let is_name = |sender| matches!(sender, Sender::Word | Sender::Words);
        let is_same_sender = self.sender == other.sender || is_name(self.sender) && is_name(other.sender);
        // Netscape wrote its dash with a date and without, into one archive.
        is_same_sender && (self.is_dash() || self.moment == other.moment || self.is_dated() && other.is_dated())
    }
}
