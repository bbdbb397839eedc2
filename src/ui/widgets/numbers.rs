//! Numbers, sizes, ages and dates as people read them.

use crate::domain::Timestamp;

/// `18.2k`, `1.3M`; exact below a thousand.
pub(crate) fn compact(number: u64) -> String {
    let scaled = |unit: f64, name: &str| {
        let value = number as f64 / unit;
        if value < 99.95 { format!("{value:.1}{name}") } else { format!("{value:.0}{name}") }
    };
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => scaled(1e3, "k"),
        1_000_000..1_000_000_000 => scaled(1e6, "M"),
        _ => scaled(1e9, "G"),
    }
}

/// `41 MB`, in powers of 1024.
pub(crate) fn bytes(number: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 10.0 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

/// `3s`, `5m`, `2h`, `9d`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3_600 => format!("{}m", whole / 60),
        3_600..86_400 => format!("{}h", whole / 3_600),
        _ => format!("{}d", whole / 86_400),
    }
}

/// How long ago; `—` when never.
pub(crate) fn age(now: Timestamp, then: Option<Timestamp>) -> String {
    then.map_or_else(|| "—".to_owned(), |then| duration(now.seconds_since(then)))
}

/// `1 document`, `2 documents`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `12/s`, `0.4/s`.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second >= 10.0 || per_second == 0.0 { format!("{per_second:.0}/s") } else { format!("{per_second:.1}/s") }
}

/// `2024-09-12`; empty when unknown. Days are told in UTC, so that every terminal shows the same.
pub(crate) fn date(moment: Option<Timestamp>) -> String {
    let zoned = moment.and_then(|moment| jiff::Timestamp::from_millisecond(moment.0).ok());
    zoned
        .map(|moment| moment.to_zoned_datetime(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([compact(999), compact(18_240), compact(1_300_000)], ["999", "18.2k", "1.3M"]);
        assert_eq!([counted(1, "item", "items"), counted(0, "item", "items")], ["1 item", "0 items"]);
        assert_eq!([bytes(512), bytes(1536), bytes(45 << 20)], ["512 B", "1.5 kB", "45 MB"]);
        assert_eq!([duration(3.9), duration(300.0), duration(1e6)], ["3s", "5m", "11d"]);
        assert_eq!([rate(0.0), rate(0.42), rate(1234.5)], ["0/s", "0.4/s", "1234/s"]);
    }
}
