//! Dates as people and files write them. Called by the Markdown, HTML, DOCX and PDF parsers, and by the pipeline for
//! files whose name is a date.

mod words;

#[cfg(test)]
mod tests;

use std::path::Path;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use crate::domain::Timestamp;

use words::{Token, is_filler, is_weekday, month, tokens, zone};

/// Longer texts are no dates.
const LONGEST: usize = 80;

/// A moment from what people write: RFC 3339, RFC 2822, `2024-09-12 10:30 +0200`, `2024-3-5`, `12 March 2024`,
/// `March 5th, 2024`, `5.3.2024`, `20240305T1010`, `2024年3月5日`, a PDF date (`D:20240912…`).
/// Without a time zone it is read as UTC, so that the same file gives the same moment everywhere. `3/5/2024` may be
/// March or May and is no date; a month or a year alone is its first day.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_matches(['"', '\'', '[', ']', '<', '>', '(', ')']).trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    if let Some(digits) = text.strip_prefix("D:") {
        return pdf(digits);
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(timestamp.as_millisecond()));
    }
    if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
        return Some(Timestamp(zoned.timestamp().as_millisecond()));
    }
    written(&tokens(text))
}

/// The day a file's name begins with: `2024_03_12.md`, `2024-03-12 Minutes.md`, `20240312.md`.
#[must_use]
pub fn of_name(path: &Path) -> Option<Timestamp> {
    let stem = path.file_stem()?.to_str()?;
    let ends = |length: usize| !stem[length..].starts_with(|next: char| next.is_ascii_digit());
    let start = |length: usize| stem.get(..length).filter(|start| start.is_ascii());
    let parted = start(10).filter(|_| ends(10)).map(tokens);
    let day = match parted.as_deref() {
        Some([Token::Digits(year), Token::Mark(a), Token::Digits(month), Token::Mark(b), Token::Digits(day)])
            if year.len() == 4 && a == b && "-_.".contains(*a) =>
        {
            date(year, month.parse().ok()?, day)
        }
        _ => {
            let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
            compact(&stem[..digits]).map(DateTime::date)
        }
    };
    day.filter(|day| (1900..=2100).contains(&day.year())).and_then(|day| moment(day.at(0, 0, 0, 0), Offset::UTC))
}

fn moment(local: DateTime, offset: Offset) -> Option<Timestamp> {
    local.to_zoned_datetime(TimeZone::fixed(offset)).ok().map(|zoned| Timestamp(zoned.timestamp().as_millisecond()))
}

fn date(year: &str, month: i8, day: &str) -> Option<Date> {
    Date::new(year.parse().ok()?, month, day.parse().ok()?).ok()
}

fn clock(day: Date, hour: &str, minute: &str, second: &str) -> Option<DateTime> {
    let (hour, minute, second): (i8, i8, i8) = (hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?);
    // A leap second is the last one that a clock shows.
    DateTime::new(day.year(), day.month(), day.day(), hour, minute, second.min(59), 0).ok()
}

/// `YYYYMMDD`, `YYYYMMDDhhmm`, `YYYYMMDDhhmmss`.
fn compact(digits: &str) -> Option<DateTime> {
    if !matches!(digits.len(), 8 | 12 | 14) {
        return None;
    }
    let day = date(&digits[..4], digits[4..6].parse().ok()?, &digits[6..8])?;
    let part = |from: usize| digits.get(from..from + 2).unwrap_or("0");
    clock(day, part(8), part(10), part(12))
}

/// A date, then perhaps a time and a zone, and nothing else.
fn written(tokens: &[Token<'_>]) -> Option<Timestamp> {
    let rest = match tokens {
        [Token::Word(word), Token::Mark('.' | ','), rest @ ..] | [Token::Word(word), rest @ ..] if is_weekday(word) => {
            rest
        }
        all => all,
    };
    if let [Token::Digits(digits), rest @ ..] = rest
        && digits.len() >= 8
    {
        return match rest {
            [Token::Word("T" | "t") | Token::Mark('_' | '-'), Token::Digits(time), rest @ ..] if digits.len() == 8 => {
                moment(compact(&format!("{digits}{time}"))?, zone(rest)?)
            }
            rest => moment(compact(digits)?, zone(rest)?),
        };
    }
    let (day, rest) = calendar(rest)?;
    let rest = match rest {
        [Token::Mark(','), Token::Word(word), rest @ ..] | [Token::Word(word), rest @ ..] if is_filler(word) => rest,
        [Token::Mark(',' | '_'), rest @ ..] => rest,
        all => all,
    };
    let (local, rest) = time(day, rest)?;
    moment(local, zone(rest)?)
}

/// The day at the beginning, and what follows it.
fn calendar<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(Date, &'t [Token<'a>])> {
    use Token::{Digits, Mark, Word};
    let is_year = |digits: &str| digits.len() == 4;
    Some(match tokens {
        [Digits(year), Mark(a), Digits(number), Mark(b), Digits(day), rest @ ..]
            if is_year(year) && a == b && "-/._".contains(*a) =>
        {
            (date(year, number.parse().ok()?, day)?, rest)
        }
        [Digits(year), Word("年"), Digits(number), Word("月"), Digits(day), Word("日"), rest @ ..] if is_year(year) => {
            (date(year, number.parse().ok()?, day)?, rest)
        }
        [Digits(year), Mark('-' | '/'), Word(name), Mark('-' | '/'), Digits(day), rest @ ..] if is_year(year) => {
            (date(year, month(name)?, day)?, rest)
        }
        [Digits(day), Mark('.'), Digits(number), Mark('.'), Digits(year), rest @ ..] if is_year(year) => {
            (date(year, number.parse().ok()?, day)?, rest)
        }
        [Digits(a), Mark(first), Digits(b), Mark(second), Digits(year), rest @ ..]
            if is_year(year) && first == second =>
        {
            let (a_is, b_is): (u8, u8) = (a.parse().ok()?, b.parse().ok()?);
            let (day, month) = if a_is > 12 || a == b {
                (a, b_is)
            } else if b_is > 12 {
                (b, a_is)
            } else {
                return None;
            };
            (date(year, i8::try_from(month).ok()?, day)?, rest)
        }
        // Unix: `Mar 5 10:00:00 2024`, perhaps with a zone before the year.
        [Word(name), Digits(day), Digits(_), Mark(':'), .., Digits(year)] if is_year(year) => {
            let whole = &tokens[2..tokens.len() - 1];
            (date(year, month(name)?, day)?, whole)
        }
        [Word(name), rest @ ..] => {
            let name = month(name)?;
            let rest = without_mark(rest, '.');
            match rest {
                [Digits(day), rest @ ..] if day.len() <= 2 => match without_mark(without_ordinal(rest), ',') {
                    [Digits(year), rest @ ..] if is_year(year) => (date(year, name, day)?, rest),
                    _ => return None,
                },
                [Digits(year), rest @ ..] if is_year(year) => (date(year, name, "1")?, rest),
                _ => return None,
            }
        }
        [Digits(day), rest @ ..] if day.len() <= 2 => {
            let rest = without_ordinal(rest);
            let rest = match rest {
                [Mark('.' | '-' | '/') | Word("of" | "de"), rest @ ..] => rest,
                all => all,
            };
            let [Word(name), rest @ ..] = rest else { return None };
            let name = month(name)?;
            let rest = match rest {
                [Mark('.' | ',' | '-' | '/') | Word("de" | "del"), rest @ ..] => rest,
                all => all,
            };
            let [Digits(year), rest @ ..] = rest else { return None };
            if !is_year(year) {
                return None;
            }
            (date(year, name, day)?, rest)
        }
        [Digits(year), Mark('-' | '/'), Digits(number)] if is_year(year) => {
            (date(year, number.parse().ok()?, "1")?, &[])
        }
        [Digits(year)] if is_year(year) => (date(year, 1, "1")?, &[]),
        _ => return None,
    })
}

fn without_mark<'t, 'a>(tokens: &'t [Token<'a>], mark: char) -> &'t [Token<'a>] {
    match tokens {
        [Token::Mark(found), rest @ ..] if *found == mark => rest,
        all => all,
    }
}

fn without_ordinal<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    match tokens {
        [Token::Word("st" | "nd" | "rd" | "th"), rest @ ..] => rest,
        all => all,
    }
}

/// The time of day, midnight when there is none.
fn time<'t, 'a>(day: Date, tokens: &'t [Token<'a>]) -> Option<(DateTime, &'t [Token<'a>])> {
    use Token::{Digits, Mark, Word};
    let (hour, minute, second, rest) = match tokens {
        [Digits(h), Mark(':'), Digits(m), Mark(':'), Digits(s), Mark('.' | ','), Digits(_), rest @ ..]
        | [Digits(h), Mark(':'), Digits(m), Mark(':'), Digits(s), rest @ ..] => (*h, *m, *s, rest),
        [Digits(h), Mark(':'), Digits(m), rest @ ..] => (*h, *m, "0", rest),
        [Digits(h), Word(half), ..] if is_half(half) => (*h, "0", "0", &tokens[1..]),
        rest => ("0", "0", "0", rest),
    };
    match rest {
        [Word(half), rest @ ..] if is_half(half) => {
            let hour = hour.parse::<u8>().ok().filter(|hour| (1..=12).contains(hour))? % 12;
            let hour = if half.starts_with(['p', 'P']) { hour + 12 } else { hour };
            Some((clock(day, &hour.to_string(), minute, second)?, rest))
        }
        rest => Some((clock(day, hour, minute, second)?, rest)),
    }
}

fn is_half(word: &str) -> bool {
    word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm")
}

/// `YYYYMMDDHHmmSS`, any tail missing (ISO 32000-1, 7.9.4); the offset is ignored, a day is what matters.
fn pdf(digits: &str) -> Option<Timestamp> {
    let digits: String = digits.chars().take_while(char::is_ascii_digit).take(14).collect();
    let part =
        |from: usize, to: usize, default: i8| digits.get(from..to).map_or(Some(default), |part| part.parse().ok());
    let year: i16 = digits.get(0..4)?.parse().ok()?;
    let day = Date::new(year, part(4, 6, 1)?, part(6, 8, 1)?).ok()?;
    let local = day.at(part(8, 10, 0)?.clamp(0, 23), part(10, 12, 0)?.clamp(0, 59), part(12, 14, 0)?.clamp(0, 59), 0);
    moment(local, Offset::UTC)
}
