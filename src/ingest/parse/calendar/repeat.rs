//! Rules of repetition and lengths of time, in words. Called by `calendar`.

use std::fmt::Write;

/// `FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20240601T000000Z` as `every 2 weeks on Mon, Wed until 2024-06-01`.
pub(super) fn in_words(rule: &str) -> String {
    let part = |name: &str| {
        let mut parts = rule.split(';').filter_map(|part| part.split_once('='));
        parts.find(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let unit = match part("FREQ").unwrap_or_default().to_ascii_uppercase().as_str() {
        "SECONDLY" => "second",
        "MINUTELY" => "minute",
        "HOURLY" => "hour",
        "DAILY" => "day",
        "WEEKLY" => "week",
        "MONTHLY" => "month",
        "YEARLY" => "year",
        _ => return String::new(),
    };
    let every = part("INTERVAL").and_then(|number| number.parse::<u32>().ok()).filter(|number| *number > 1);
    let mut words = every.map_or_else(|| format!("every {unit}"), |every| format!("every {every} {unit}s"));
    let days: Vec<String> = part("BYDAY").into_iter().flat_map(|days| days.split(',')).filter_map(day).collect();
    if !days.is_empty() {
        let _ = write!(words, " on {}", days.join(", "));
    }
    if let Some(days) =
        part("BYMONTHDAY").filter(|days| days.bytes().all(|byte| byte.is_ascii_digit() || b",-".contains(&byte)))
    {
        let _ = write!(words, " on day {}", days.replace(',', ", "));
    }
    if let Some(until) = part("UNTIL").and_then(super::civil) {
        let _ = write!(words, " until {}", until.date());
    }
    if let Some(count) = part("COUNT").and_then(|count| count.parse::<u32>().ok()) {
        let _ = write!(words, ", {count} times");
    }
    words
}

/// `MO` as `Mon`, `2TU` as `2nd Tue`, `-1FR` as `last Fri`.
fn day(code: &str) -> Option<String> {
    let code = code.trim();
    let split = code.len().checked_sub(2)?;
    let (place, name) = (code.get(..split)?, code.get(split..)?);
    let names =
        [("MO", "Mon"), ("TU", "Tue"), ("WE", "Wed"), ("TH", "Thu"), ("FR", "Fri"), ("SA", "Sat"), ("SU", "Sun")];
    let name = names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1;
    Some(match place.trim_start_matches('+') {
        "" => name.to_owned(),
        "1" => format!("1st {name}"),
        "2" => format!("2nd {name}"),
        "3" => format!("3rd {name}"),
        "-1" => format!("last {name}"),
        other => format!("{other}th {name}"),
    })
}

/// `PT1H30M` as `1 h 30 min`.
pub(super) fn duration(value: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut number = String::new();
    for character in value.trim().trim_start_matches(['+', '-']).chars().take(60) {
        let unit = match character {
            '0'..='9' => {
                number.push(character);
                continue;
            }
            'W' => "weeks",
            'D' => "days",
            'H' => "h",
            'M' => "min",
            'S' => "s",
            'P' | 'T' => continue,
            _ => return String::new(),
        };
        let amount = std::mem::take(&mut number);
        if amount.chars().any(|digit| digit != '0') {
            words.push(format!("{amount} {unit}"));
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_lengths() {
        assert_eq!(
            in_words("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20240601T000000Z"),
            "every 2 weeks on Mon, Wed until 2024-06-01"
        );
        assert_eq!(in_words("FREQ=MONTHLY;BYDAY=-1FR;COUNT=10"), "every month on last Fri, 10 times");
        assert_eq!(in_words("FREQ=MONTHLY;BYMONTHDAY=1,15"), "every month on day 1, 15");
        assert_eq!(in_words("nonsense"), "");
        assert_eq!(duration("PT1H30M"), "1 h 30 min");
        assert_eq!(duration("P1DT0H"), "1 days");
    }
}
