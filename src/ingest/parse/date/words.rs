//! What a written date is made of: digits, words and marks; names of months, days and zones. Used by `date` only.

use jiff::tz::Offset;

/// A part of a written date; blanks only part them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Digits(&'a str),
    Word(&'a str),
    Mark(char),
}

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |belongs: fn(&char) -> bool| rest.chars().take_while(belongs).map(char::len_utf8).sum::<usize>();
        let length = if first.is_ascii_digit() {
            run(char::is_ascii_digit)
        } else if first.is_alphabetic() {
            run(|character| character.is_alphabetic())
        } else {
            first.len_utf8()
        };
        let (part, after) = rest.split_at(length);
        if first.is_ascii_digit() {
            found.push(Token::Digits(part));
        } else if first.is_alphabetic() {
            found.push(Token::Word(part));
        } else if !first.is_whitespace() {
            found.push(Token::Mark(first));
        }
        rest = after;
    }
    found
}

/// How the names of the twelve months begin, in languages that notes are written in.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "янв"],
    &["feb", "fév", "fev", "фев"],
    &["mar", "mär", "mrt", "maar", "мар"],
    &["apr", "avr", "abr", "апр"],
    &["may", "mai", "mei", "mag", "мая", "май"],
    &["jun", "juin", "giu", "июн"],
    &["jul", "juil", "lug", "июл"],
    &["aug", "aoû", "aou", "ago", "авг"],
    &["sep", "set", "сен"],
    &["oct", "okt", "ott", "out", "окт"],
    &["nov", "ноя"],
    &["dec", "dez", "déc", "dic", "дек"],
];

/// The number of the month a word names.
pub(super) fn month(word: &str) -> Option<i8> {
    let word = word.to_lowercase();
    if word.chars().count() > 10 {
        return None;
    }
    let number = MONTHS.iter().position(|names| names.iter().any(|name| word.starts_with(name)))?;
    i8::try_from(number + 1).ok()
}

/// Whether a word is an English day of the week.
pub(super) fn is_weekday(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    word.len() >= 3 && (days.iter().any(|day| day.starts_with(&word)) || matches!(word.as_str(), "tues" | "thurs"))
}

/// Words between a day and its time.
pub(super) fn is_filler(word: &str) -> bool {
    matches!(word, "T" | "t" | "at" | "um" | "à" | "a" | "om" | "kl")
}

/// The offset that these tokens are, none when there are none; nothing when they are something else.
pub(super) fn zone(tokens: &[Token<'_>]) -> Option<Offset> {
    use Token::{Digits, Mark, Word};
    let offset = match tokens {
        [Word("UTC" | "GMT" | "utc" | "gmt"), rest @ ..] if !rest.is_empty() => return zone(rest),
        [] | [Mark('('), Word(_), Mark(')')] => 0,
        [Mark(sign @ ('+' | '-' | '−')), rest @ ..] => {
            let (hours, minutes): (i32, i32) = match rest {
                [Digits(hours), Mark(':'), Digits(minutes)] => (hours.parse().ok()?, minutes.parse().ok()?),
                [Digits(both)] if both.len() == 4 => (both[..2].parse().ok()?, both[2..].parse().ok()?),
                [Digits(hours)] if hours.len() <= 2 => (hours.parse().ok()?, 0),
                [more @ .., Mark('('), Word(_), Mark(')')] => {
                    let with_sign: Vec<Token<'_>> = std::iter::once(&tokens[0]).chain(more).copied().collect();
                    return zone(&with_sign);
                }
                _ => return None,
            };
            let seconds = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?;
            if *sign == '+' { seconds } else { -seconds }
        }
        [Word(name)] => {
            3600 * match name.to_ascii_uppercase().as_str() {
                "Z" | "UTC" | "GMT" => 0,
                "CET" => 1,
                "CEST" | "EET" => 2,
                "EEST" | "MSK" => 3,
                "EDT" => -4,
                "EST" | "CDT" => -5,
                "CST" | "MDT" => -6,
                "MST" | "PDT" => -7,
                "PST" => -8,
                _ => return None,
            }
        }
        _ => return None,
    };
    Offset::from_seconds(offset).ok()
}
