//! Dates as people type them: `2024`, `2024-09`, `2024-09-12`, `today`, `7d`, `2024-01..2024-03`. Called by [`super::parse`].

use jiff::civil::{Date, date};
use jiff::{Span, ToSpan, ZonedDateTime};

use crate::domain::Timestamp;

const EXPECTED: &str = "dates are 2024, 2024-09, 2024-09-12, today, yesterday, 7d, 2w, 3m or 1y";

/// The first moment of what `text` names.
pub(super) fn start_of(text: &str, now: &ZonedDateTime) -> Result<Timestamp, String> {
    period(text, now).and_then(|(start, _)| moment(start, now))
}

/// First moment and first moment after what `text` names; `a..b`, `a..` and `..b` are spans.
pub(super) fn span(text: &str, now: &ZonedDateTime) -> Result<(Timestamp, Timestamp), String> {
    let (start, end) = match text.split_once("..") {
        Some(("", to)) => (date(0, 1, 1), end_of(to, now)?),
        Some((from, "")) => (period(from, now)?.0, date(9999, 1, 1)),
        Some((from, to)) => (period(from, now)?.0, end_of(to, now)?),
        None => period(text, now)?,
    };
    if start >= end {
        return Err("the span ends before it begins".to_owned());
    }
    Ok((moment(start, now)?, moment(end, now)?))
}

/// First day after a span that ends with what `text` names: `..1w` ends with the day a week ago.
fn end_of(text: &str, now: &ZonedDateTime) -> Result<Date, String> {
    let (start, end) = period(text, now)?;
    let is_relative = text.trim().ends_with(|unit: char| unit.is_ascii_alphabetic() && "dwmyDWMY".contains(unit));
    let is_number = text.trim().starts_with(|digit: char| digit.is_ascii_digit());
    if is_relative && is_number { start.checked_add(1.day()).map_err(|_| EXPECTED.to_owned()) } else { Ok(end) }
}

/// First day, and first day after.
fn period(text: &str, now: &ZonedDateTime) -> Result<(Date, Date), String> {
    let today = now.date();
    let text = text.trim().to_lowercase();
    let after = |day: Date, span: Span| day.checked_add(span).map_err(|_| EXPECTED.to_owned());
    match text.as_str() {
        "today" => return Ok((today, after(today, 1.day())?)),
        "yesterday" => return Ok((after(today, -1.days())?, today)),
        _ => {}
    }
    // 7d, 2w, 3m, 1y: from so long ago until now.
    if let Some(unit) = text.chars().last().filter(|unit| "dwmy".contains(*unit))
        && let Ok(count) = text[..text.len() - 1].parse::<i64>()
        && (1..=10_000).contains(&count)
    {
        let back = match unit {
            'd' => Span::new().try_days(-count),
            'w' => Span::new().try_weeks(-count),
            'm' => Span::new().try_months(-count),
            _ => Span::new().try_years(-count),
        };
        let back = back.map_err(|_| EXPECTED.to_owned())?;
        return Ok((after(today, back)?, after(today, 1.day())?));
    }
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    let number = |part: &str| part.parse::<i16>().map_err(|_| EXPECTED.to_owned());
    let year = number(parts.first().copied().unwrap_or_default())?;
    if !(1000..=9998).contains(&year) {
        return Err(EXPECTED.to_owned());
    }
    let small = |part: &str| part.parse::<i8>().map_err(|_| EXPECTED.to_owned());
    let day = |month: i8, day: i8| Date::new(year, month, day).map_err(|_| EXPECTED.to_owned());
    match parts.as_slice() {
        [_] => Ok((day(1, 1)?, after(day(1, 1)?, 1.year())?)),
        [_, month] => {
            let first = day(small(month)?, 1)?;
            Ok((first, after(first, 1.month())?))
        }
        [_, month, number] => {
            let first = day(small(month)?, small(number)?)?;
            Ok((first, after(first, 1.day())?))
        }
        _ => Err(EXPECTED.to_owned()),
    }
}

fn moment(day: Date, now: &ZonedDateTime) -> Result<Timestamp, String> {
    let start = day.to_zoned_datetime(now.time_zone().clone()).map_err(|_| EXPECTED.to_owned())?;
    Ok(Timestamp(start.timestamp().as_millisecond()))
}
