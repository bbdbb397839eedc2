//! Dates as files write them. Called by the Markdown, HTML, DOCX and PDF parsers.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::domain::Timestamp;

/// A moment from RFC 3339, `2024-09-12`, `2024-09-12 10:30`, `2024/09/12`, RFC 2822, or a PDF date (`D:20240912…`).
/// Without a time zone it is read as UTC, so that the same file gives the same moment everywhere.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let millis = |timestamp: jiff::Timestamp| Timestamp(timestamp.as_millisecond());
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(millis(timestamp));
    }
    if let Some(digits) = text.strip_prefix("D:") {
        return pdf(digits);
    }
    let utc = |moment: DateTime| moment.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| millis(zoned.timestamp()));
    if let Ok(moment) = text.replace('/', "-").parse::<DateTime>() {
        return utc(moment);
    }
    if let Ok(day) = text.replace('/', "-").parse::<Date>() {
        return utc(day.at(0, 0, 0, 0));
    }
    if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
        return Some(millis(zoned.timestamp()));
    }
    let formats = ["%Y-%m-%d %H:%M", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y"];
    formats.iter().find_map(|format| {
        let broken = jiff::fmt::strtime::parse(format, text).ok()?;
        utc(broken.to_datetime().or_else(|_| broken.to_date().map(|day| day.at(0, 0, 0, 0))).ok()?)
    })
}

/// `YYYYMMDDHHmmSS`, any tail missing (ISO 32000-1, 7.9.4); the offset is ignored, a day is what matters.
fn pdf(digits: &str) -> Option<Timestamp> {
    let digits: String = digits.chars().take_while(char::is_ascii_digit).take(14).collect();
    let part =
        |from: usize, to: usize, default: i8| digits.get(from..to).map_or(Some(default), |part| part.parse().ok());
    let year: i16 = digits.get(0..4)?.parse().ok()?;
    let day = Date::new(year, part(4, 6, 1)?, part(6, 8, 1)?).ok()?;
    let moment = day.at(part(8, 10, 0)?.clamp(0, 23), part(10, 12, 0)?.clamp(0, 59), part(12, 14, 0)?.clamp(0, 59), 0);
    moment.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| Timestamp(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn common_forms_mean_the_same_day() {
        let day = parse("2024-09-12").unwrap();
        for text in [
            "2024/09/12",
            "2024-09-12T00:00:00Z",
            "September 12, 2024",
            "12 Sep 2024",
            "D:20240912",
            "2024-09-12 00:00",
        ] {
            assert_eq!(parse(text), Some(day), "{text}");
        }
        assert_eq!(parse("soon"), None);
        assert_eq!(parse("D:2024"), parse("2024-01-01"));
    }
}
