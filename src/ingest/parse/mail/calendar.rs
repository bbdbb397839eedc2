//! Calendar invitations and contact cards as a few readable lines. Called by `body`.

use std::fmt::Write;

/// Longest description that is kept, in characters.
const DESCRIPTION_LIMIT: usize = 4_000;

/// The unfolded content lines as (name, parameters, value); names upper-case.
fn content_lines(text: &str) -> Vec<(String, String, String)> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(fold), Some(last)) => last.push_str(fold),
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    let split = |line: &String| {
        // The value starts at the first colon outside quotes.
        let mut in_quotes = false;
        let colon = line.char_indices().find_map(|(at, character)| {
            in_quotes ^= character == '"';
            (character == ':' && !in_quotes).then_some(at)
        })?;
        let (head, value) = line.split_at(colon);
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        // vCards may group fields: `item1.EMAIL`.
        let name = name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase();
        Some((name, parameters.to_owned(), unescape(value.get(1..).unwrap_or_default())))
    };
    lines.iter().filter_map(split).collect()
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            _ => out.push(character),
        }
    }
    out
}

/// `20240309T140000Z` as `2024-03-09 14:00 UTC`; other zones by their name.
fn moment(value: &str, parameters: &str) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let (Some(year), Some(month), Some(day)) = (digits.get(..4), digits.get(4..6), digits.get(6..8)) else {
        return value.to_owned();
    };
    let mut text = format!("{year}-{month}-{day}");
    if let (Some(hour), Some(minute)) = (digits.get(8..10), digits.get(10..12)) {
        let _ = write!(text, " {hour}:{minute}");
        if value.ends_with('Z') {
            text.push_str(" UTC");
        } else if let Some((_, zone)) = parameters.split_once("TZID=") {
            let _ = write!(text, " ({})", zone.split(';').next().unwrap_or_default().trim_matches('"'));
        }
    }
    text
}

fn person(parameters: &str, value: &str) -> String {
    let address = value.trim().trim_start_matches("mailto:").trim_start_matches("MAILTO:");
    let name =
        parameters.split(';').find_map(|parameter| parameter.strip_prefix("CN=")).map(|name| name.trim_matches('"'));
    match name {
        Some(name) if !name.eq_ignore_ascii_case(address) => format!("{name} <{address}>"),
        _ => address.to_owned(),
    }
}

/// An iCalendar object as text: what, when, where, who; empty when it holds no event.
pub(super) fn invitation(text: &str) -> String {
    let mut out = String::new();
    let mut blocks: Vec<String> = Vec::new();
    let mut method = String::new();
    let mut people = Vec::new();
    for (name, parameters, value) in content_lines(text).into_iter().take(20_000) {
        match name.as_str() {
            "BEGIN" => blocks.push(value.to_ascii_uppercase()),
            "END" => {
                blocks.pop();
            }
            "METHOD" => method = value.to_ascii_uppercase(),
            _ => {}
        }
        if !blocks.last().is_some_and(|block| matches!(block.as_str(), "VEVENT" | "VTODO" | "VJOURNAL")) {
            continue;
        }
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        match name.as_str() {
            "SUMMARY" => {
                let kind = match method.as_str() {
                    "CANCEL" => "Cancelled event",
                    "REPLY" => "Reply to event",
                    _ => "Event",
                };
                let _ = writeln!(out, "{kind}: {value}");
            }
            "DTSTART" => {
                let _ = writeln!(out, "Start: {}", moment(value, &parameters));
            }
            "DTEND" | "DUE" => {
                let _ = writeln!(out, "End: {}", moment(value, &parameters));
            }
            "LOCATION" => {
                let _ = writeln!(out, "Location: {value}");
            }
            "ORGANIZER" => {
                let _ = writeln!(out, "Organizer: {}", person(&parameters, value));
            }
            "ATTENDEE" if people.len() < 200 => people.push(person(&parameters, value)),
            "DESCRIPTION" => {
                let description: String = value.chars().take(DESCRIPTION_LIMIT).collect();
                let _ = write!(out, "\n{}\n\n", description.trim());
            }
            _ => {}
        }
    }
    if !people.is_empty() {
        let _ = writeln!(out, "Attendees: {}", people.join(", "));
    }
    out.trim().to_owned()
}

/// A vCard as text: names, organisation, addresses, numbers, notes; no pictures.
pub(super) fn contact(text: &str) -> String {
    let mut out = String::new();
    for (name, _, value) in content_lines(text).into_iter().take(5_000) {
        let label = match name.as_str() {
            "FN" => "Name",
            "ORG" => "Organization",
            "TITLE" | "ROLE" => "Title",
            "EMAIL" => "E-mail",
            "TEL" => "Phone",
            "ADR" => "Address",
            "URL" => "Web",
            "NOTE" => "Note",
            _ => continue,
        };
        let fields: Vec<&str> = value.split(';').map(str::trim).filter(|field| !field.is_empty()).collect();
        if !fields.is_empty() {
            let _ = writeln!(out, "{label}: {}", fields.join(", "));
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invitations_read_well() {
        let text = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nDTSTART:19700101T000000\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n\
                    SUMMARY:Budget\\, second\r\n  look\r\nDTSTART;TZID=Europe/Berlin:20240309T140000\r\nDTEND:20240309T143000Z\r\n\
                    LOCATION:Room 1\r\nORGANIZER;CN=\"Ann: Lee\":mailto:ann@x.org\r\nATTENDEE;CN=Bob;RSVP=TRUE:MAILTO:bob@x.org\r\n\
                    DESCRIPTION:Bring\\nnumbers.\r\nBEGIN:VALARM\r\nDESCRIPTION:Reminder\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(
            invitation(text),
            "Event: Budget, second look\nStart: 2024-03-09 14:00 (Europe/Berlin)\nEnd: 2024-03-09 14:30 UTC\nLocation: Room 1\n\
             Organizer: Ann: Lee <ann@x.org>\n\nBring\nnumbers.\n\nAttendees: Bob <bob@x.org>"
        );
        assert_eq!(invitation("no calendar"), "");
    }

    #[test]
    fn contacts_read_well() {
        let text = "BEGIN:VCARD\nVERSION:3.0\nFN:Ann Lee\nORG:Example;Research\nitem1.EMAIL;TYPE=INTERNET:ann@x.org\nPHOTO:AAAA\nEND:VCARD\n";
        assert_eq!(contact(text), "Name: Ann Lee\nOrganization: Example, Research\nE-mail: ann@x.org");
    }
}
