//! Dates of mail headers, also those no standard knows.
//!
//! Reads RFC 5322 and its obsolete forms, `asctime`, ISO 8601 and mixtures by looking at what each word can be.
//! Called by `mail` for `Date`, `Received` and envelope lines.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::domain::Timestamp;

/// Nobody sent mail before 1970, nor after this year; such dates come from broken clocks.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2100;

/// Month names by their first letters, in the languages whose mailers wrote localised dates.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "янв"],
    &["feb", "fév", "fev", "фев"],
    &["mar", "mär", "mrz", "maa", "мар"],
    &["apr", "abr", "avr", "апр"],
    &["may", "mai", "mag", "mei", "maj", "мая", "май"],
    &["jun", "juin", "giu", "июн"],
    &["jul", "juil", "lug", "июл"],
    &["aug", "ago", "aoû", "aou", "авг"],
    &["sep", "set", "сен"],
    &["oct", "okt", "ott", "out", "окт"],
    &["nov", "ноя"],
    &["dec", "dez", "dic", "déc", "дек"],
];

/// Zone names that RFC 5322 and common mailers use, in minutes east of Greenwich.
const ZONES: [(&str, i32); 22] = [
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("wet", 0),
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("bst", 60),
    ("cet", 60),
    ("met", 60),
    ("mez", 60),
    ("cest", 120),
    ("mest", 120),
    ("eet", 120),
    ("msk", 180),
    ("jst", 540),
];

#[derive(Debug, Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<(i8, i8, i8)>,
    offset_minutes: Option<i32>,
    is_afternoon: Option<bool>,
}

fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.');
    if word.chars().count() < 3 {
        return None;
    }
    // Longer spellings first: `juil` is no June.
    let found = MONTHS.iter().enumerate().filter_map(|(index, names)| {
        names.iter().filter(|name| word.starts_with(**name)).map(|name| name.len()).max().map(|length| (length, index))
    });
    found.max().and_then(|(_, index)| i8::try_from(index + 1).ok())
}

fn full_year(number: i16, digits: usize) -> Option<i16> {
    match (number, digits) {
        // RFC 5322 section 4.3: two digits, three digits.
        (0..=49, 1 | 2) => Some(number + 2000),
        (50..=99, 2) | (100..=999, 3) => Some(number + 1900),
        (_, 4) => Some(number),
        _ => None,
    }
}

fn clock(word: &str) -> Option<(i8, i8, i8)> {
    let separator = if word.contains(':') { ':' } else { '.' };
    let mut parts = word.split(separator);
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next()?.parse().ok()?;
    let second = match parts.next() {
        Some(second) => second.split(['.', ',']).next()?.parse().ok()?,
        None => 0,
    };
    // A leap second counts as the one before it.
    ((0..=23).contains(&hour) && (0..=59).contains(&minute) && (0..=60).contains(&second)).then_some((
        hour,
        minute,
        second.min(59),
    ))
}

/// `+0100`, `-05:30`, `+01`, with the sign at the front.
fn numeric_offset(word: &str) -> Option<i32> {
    let (sign, digits) = match word.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|character| *character != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        3 | 4 => {
            let (hours, minutes) = digits.split_at(digits.len() - 2);
            (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?)
        }
        _ => return None,
    };
    (hours <= 23 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// `2024-03-09`, `2024/03/09`, `09.03.2024`, `09-Mar-2024`; month before day only when the day cannot be a month.
fn joined_date(word: &str, parts: &mut Parts) -> bool {
    let fields: Vec<&str> = word.split(['-', '/', '.']).filter(|field| !field.is_empty()).collect();
    let [first, second, third] = fields.as_slice() else { return false };
    let number = |field: &str| field.parse::<i16>().ok();
    if let (Some(day), Some(month), Some(year)) = (number(first), month(second), number(third)) {
        parts.day = i8::try_from(day).ok();
        parts.month = Some(month);
        parts.year = full_year(year, third.len());
        return true;
    }
    let (Some(a), Some(b), Some(c)) = (number(first), number(second), number(third)) else { return false };
    let (year, month, day) = if first.len() == 4 {
        (Some(a), b, c)
    } else if word.contains('.') || a > 12 {
        (full_year(c, third.len()), b, a)
    } else {
        (full_year(c, third.len()), a, b)
    };
    parts.year = year;
    parts.month = i8::try_from(month).ok();
    parts.day = i8::try_from(day).ok();
    true
}

fn read_word(word: &str, parts: &mut Parts) {
    if parts.time.is_none() && word.contains(':') && word.starts_with(|first: char| first.is_ascii_digit()) {
        // A time with its zone glued on: `10:00:00+0100`, `10:00:00Z`.
        let end = word.find(['+', '-', 'z']).unwrap_or(word.len());
        let (time, zone) = word.split_at(end);
        if let Some(time) = clock(time) {
            parts.time = Some(time);
            if !zone.is_empty() {
                parts.offset_minutes = if zone == "z" { Some(0) } else { numeric_offset(zone) };
            }
            return;
        }
    }
    if parts.time.is_some() && parts.offset_minutes.is_none() {
        parts.offset_minutes = numeric_offset(word)
            .or_else(|| ZONES.iter().find(|(name, _)| *name == word).map(|(_, minutes)| *minutes))
            .or_else(|| word.strip_prefix("gmt").or_else(|| word.strip_prefix("utc")).and_then(numeric_offset));
        if parts.offset_minutes.is_some() {
            return;
        }
    }
    if word == "am" || word == "pm" {
        parts.is_afternoon = Some(word == "pm");
        return;
    }
    if parts.month.is_none() {
        parts.month = month(word);
        if parts.month.is_some() {
            return;
        }
    }
    let digits = word.trim_end_matches(['.', ',', ';']);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let Ok(number) = digits.parse::<i16>() else { return };
        if parts.day.is_none() && digits.len() <= 2 {
            parts.day = i8::try_from(number).ok();
        } else if parts.year.is_none() && digits.len() >= 2 {
            parts.year = full_year(number, digits.len());
        }
        return;
    }
    if parts.year.is_none() && word.starts_with(|first: char| first.is_ascii_digit()) {
        joined_date(digits, parts);
    }
}

/// The moment a header names, or `None` when it names none that can be. A missing zone counts as UTC.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let mut parts = Parts::default();
    let mut depth = 0_usize;
    // Comments are dropped; an ISO `T` between digits becomes a blank.
    let mut plain = String::with_capacity(text.len().min(200));
    let mut characters = text.chars().take(400).peekable();
    let mut previous = ' ';
    while let Some(character) = characters.next() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            'T' | 't' if previous.is_ascii_digit() && characters.peek().is_some_and(char::is_ascii_digit) => {
                plain.push(' ');
            }
            ',' | ';' | '"' => plain.push(' '),
            _ => plain.extend(character.to_lowercase()),
        }
        previous = character;
    }
    plain.split_whitespace().for_each(|word| read_word(word, &mut parts));
    let year = parts.year.filter(|year| YEARS.contains(year))?;
    let (mut hour, minute, second) = parts.time.unwrap_or((0, 0, 0));
    match parts.is_afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    let civil = DateTime::new(year, parts.month?, parts.day?, hour, minute, second, 0).ok()?;
    let offset = Offset::from_seconds(parts.offset_minutes.unwrap_or(0) * 60).ok()?;
    let millis = offset.to_timestamp(civil).ok()?.as_millisecond();
    (millis >= 0).then_some(Timestamp(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_mailers() {
        // 2001-11-01T11:19:12Z
        let moment = Some(Timestamp(1_004_613_552_000));
        for text in [
            "Thu, 1 Nov 2001 11:19:12 +0000",
            "Thu Nov  1 11:19:12 2001",
            "1 Nov 01 11:19:12 GMT",
            "Thu, 01 Nov 2001 12:19:12 +0100 (CET)",
            "Thu, 1 Nov 2001 06:19:12 EST",
            "Thu, 1 Nov 2001 11:19:12",
            "2001-11-01T11:19:12Z",
            "2001-11-01 12:19:12+01:00",
            "Thursday, November 1, 2001 11:19:12 AM",
            "01-Nov-2001 11:19:12 UT",
            "Thu, 1 Nov 101 11:19:12 GMT",
            "Do, 1 Nov. 2001 12:19:12 MEZ",
            "01.11.2001 11:19:12",
            "Thu,1 Nov 2001 11:19:12 +0000 (added by postmaster@x)",
        ] {
            assert_eq!(parse(text), moment, "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in
            ["", "yesterday", "Thu, 32 Nov 2001 11:19:12", "Mon, 1 Jan 1904 00:00:00", "99999999999999", "1 2 3"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
