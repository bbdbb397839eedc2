//! Calendars (iCalendar) as text: what, when, where, who; no alarms, zones and ids. Called by the pipeline for `.ics`
//! files and by the mail parser for invitations.
//!
//! A file is one document however many events it holds, one section an event, dated by the earliest. Times without a
//! zone, and those in a named one, count as they stand: the day is what people remember.

mod repeat;

use std::fmt::Write;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::domain::{Link, LinkKind, PersonMention, PersonRole, Timestamp};

use super::content_lines::{Line, address, lines};
use super::{ParseError, Parsed, Section, budget, html};

/// Most of a calendar that is read: its lines take forty times as much.
const LARGEST: usize = 32 << 20;
/// Characters of what the sender of a calendar wants; every event holds it.
const LONGEST_METHOD: usize = 40;

/// Whether the bytes begin an object of this name (`VCALENDAR`, `VCARD`).
pub(super) fn begins(bytes: &[u8], object: &str) -> bool {
    let head = bytes.get(..512).unwrap_or(bytes);
    let head: Vec<u8> = match head {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => head.iter().copied().filter(|byte| (1..128).contains(byte)).collect(),
        _ => head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).to_vec(),
    };
    let Some(rest) = head.trim_ascii_start().get(..6).filter(|start| start.eq_ignore_ascii_case(b"BEGIN:")) else {
        return false;
    };
    let object_at = head.len() - head.trim_ascii_start().len() + rest.len();
    let name = head.get(object_at..object_at + object.len());
    name.is_some_and(|name| name.eq_ignore_ascii_case(object.as_bytes()))
}

/// Whether the bytes are a calendar, whatever their name says.
#[must_use]
pub fn is_calendar(bytes: &[u8]) -> bool {
    begins(bytes, "VCALENDAR") || begins(bytes, "VEVENT")
}

/// A tag from a category: lower-case, words joined by dashes.
pub(super) fn tag(category: &str) -> Option<String> {
    let tag = category.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase();
    let tag = tag.trim_start_matches('#').to_owned();
    (tag.chars().any(char::is_alphanumeric) && tag.chars().count() <= 60).then_some(tag)
}

/// The digits of a date or time, if it begins with a day.
fn civil(value: &str) -> Option<DateTime> {
    let digits: String = value.chars().filter(char::is_ascii_digit).take(14).collect();
    let number = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<i8>().ok());
    let year: i16 = digits.get(..4)?.parse().ok()?;
    let time = |from| number(from, from + 2).unwrap_or(0);
    DateTime::new(year, number(4, 6)?, number(6, 8)?, time(8).min(23), time(10).min(59), time(12).min(59), 0).ok()
}

/// The moment a value names; without a zone it is read as UTC.
pub(super) fn moment_of(value: &str) -> Option<Timestamp> {
    let zoned = civil(value)?.to_zoned_datetime(TimeZone::UTC).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

/// `20240309T140000Z` as `2024-03-09 14:00 UTC`; other zones by their name.
fn moment(line: &Line) -> String {
    let value = line.value.trim();
    let Some(civil) = civil(value) else { return value.to_owned() };
    if !value.contains('T') {
        return civil.date().to_string();
    }
    let mut text = civil.strftime("%Y-%m-%d %H:%M").to_string();
    if value.ends_with('Z') {
        text.push_str(" UTC");
    } else if let Some(zone) = line.parameter("TZID").filter(|zone| !zone.is_empty()) {
        let _ = write!(text, " ({})", zone.trim_start_matches('/'));
    }
    text
}

/// The name and address behind `ORGANIZER` or `ATTENDEE`.
fn person(line: &Line, role: PersonRole) -> Option<PersonMention> {
    let email = address(&line.value).or_else(|| line.parameter("EMAIL").and_then(address));
    let name = line.parameter("CN").map(str::trim).filter(|name| !name.is_empty());
    let name = name.filter(|name| address(name).is_none()).map(str::to_owned);
    (email.is_some() || name.is_some()).then_some(PersonMention { email, name, role })
}

fn shown(person: &PersonMention) -> String {
    match (&person.name, &person.email) {
        (Some(name), Some(email)) => format!("{name} <{email}>"),
        (name, email) => name.clone().or_else(|| email.clone()).unwrap_or_default(),
    }
}

/// What one event, task or journal entry says.
#[derive(Debug, Default)]
pub(super) struct Event {
    kind: &'static str,
    /// `CANCEL`, `REPLY` and so on: what the sender of the calendar wants.
    method: String,
    summary: String,
    start: Option<Line>,
    end: Option<Line>,
    is_cancelled: bool,
    facts: Vec<(&'static str, String)>,
    description: String,
    html: String,
    organizer: Option<PersonMention>,
    attendees: Vec<PersonMention>,
    links: Vec<String>,
    tags: Vec<String>,
}

impl Event {
    /// When it begins, else when a task is due.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        self.start.as_ref().or(self.end.as_ref()).and_then(|line| moment_of(&line.value))
    }

    fn people(&self) -> impl Iterator<Item = &PersonMention> {
        self.organizer.iter().chain(&self.attendees)
    }

    fn take(&mut self, line: Line) {
        let fact = match line.name.as_str() {
            "SUMMARY" => {
                self.summary = line.text();
                return;
            }
            "DTSTART" => {
                self.start = Some(line);
                return;
            }
            "DTEND" | "DUE" => {
                self.end = Some(line);
                return;
            }
            "DESCRIPTION" => {
                self.description = readable(&line.text());
                return;
            }
            "X-ALT-DESC" => {
                self.html = readable(&line.text());
                return;
            }
            "ORGANIZER" => {
                self.organizer = person(&line, PersonRole::Author);
                return;
            }
            "ATTENDEE" => {
                self.attendees.extend(person(&line, PersonRole::To));
                return;
            }
            "STATUS" => {
                self.is_cancelled = line.value.trim().eq_ignore_ascii_case("CANCELLED");
                return;
            }
            "URL" | "X-GOOGLE-CONFERENCE" | "X-MICROSOFT-SKYPETEAMSMEETINGURL" | "CONFERENCE" => {
                let url = line.text();
                if url.contains("://") && !self.links.contains(&url) && self.links.len() < 20 {
                    self.facts.push(("Link", url.clone()));
                    self.links.push(url);
                }
                return;
            }
            "ATTACH" => {
                // Files inside are bytes; only a name or an address is text.
                let name = line.parameter("FILENAME").or_else(|| line.parameter("X-FILENAME")).map(str::to_owned);
                let address = Some(line.text()).filter(|value| value.contains("://") && value.len() < 2_000);
                ("Attached", name.or(address).unwrap_or_default())
            }
            "CATEGORIES" => {
                self.tags.extend(line.parts(',').iter().filter_map(|category| tag(category)));
                ("Categories", line.parts(',').join(", "))
            }
            "RRULE" => ("Repeats", repeat::in_words(&line.value)),
            "DURATION" => ("Duration", repeat::duration(&line.value)),
            "RECURRENCE-ID" => ("Instead of", moment(&line)),
            "LOCATION" => ("Location", readable(&line.text()).replace('\n', ", ")),
            "CONTACT" => ("Contact", line.text()),
            "COMMENT" => ("Comment", line.text()),
            "RESOURCES" => ("Resources", line.parts(',').join(", ")),
            _ => return,
        };
        if !fact.1.is_empty() {
            self.facts.push(fact);
        }
    }

    /// The event as lines to read; empty when it says nothing.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let kind = match (self.kind, self.method.as_str()) {
            ("VEVENT", "CANCEL") => "Cancelled event",
            ("VEVENT", "REPLY") => "Reply to event",
            ("VEVENT", _) if self.is_cancelled => "Cancelled event",
            ("VTODO", _) => "Task",
            ("VJOURNAL", _) => "Journal",
            _ => "Event",
        };
        if !self.summary.is_empty() {
            let _ = writeln!(out, "{kind}: {}", self.summary);
        }
        if let Some(start) = &self.start {
            let _ = writeln!(out, "Start: {}", moment(start));
        }
        if let Some(end) = self.end.as_ref().and_then(|end| self.shown_end(end)) {
            let _ = writeln!(out, "{}: {end}", if self.kind == "VTODO" { "Due" } else { "End" });
        }
        for (label, value) in &self.facts {
            let _ = writeln!(out, "{label}: {value}");
        }
        if let Some(organizer) = &self.organizer {
            let _ = writeln!(out, "Organizer: {}", shown(organizer));
        }
        let description = if self.description.is_empty() { &self.html } else { &self.description };
        if !description.is_empty() && *description != self.summary {
            let _ = write!(out, "\n{description}\n\n");
        }
        if !self.attendees.is_empty() {
            let names: Vec<String> = self.attendees.iter().map(shown).collect();
            let _ = writeln!(out, "Attendees: {}", names.join(", "));
        }
        out.trim().to_owned()
    }

    /// An event of whole days ends before the day its end names; one of a single day needs none.
    fn shown_end(&self, end: &Line) -> Option<String> {
        if end.value.contains('T') || self.kind == "VTODO" {
            return Some(moment(end));
        }
        let last = civil(&end.value)?.date().yesterday().ok()?;
        let first = self.start.as_ref().and_then(|start| civil(&start.value)).map(DateTime::date);
        (first.is_none_or(|first| first < last)).then(|| last.to_string())
    }
}

/// Text as people read it: what web calendars wrote as HTML is not shown as such.
fn readable(text: &str) -> String {
    let lower = text.get(..text.len().min(20_000)).map_or_else(|| text.to_lowercase(), str::to_lowercase);
    let is_html = ["<br", "<p>", "<p ", "<a ", "<html", "<!doctype", "<b>", "<ul", "<span", "<div", "<table"]
        .iter()
        .any(|tag| lower.contains(tag));
    let text = if is_html { html::to_text(&text.replace('\n', "<br>")) } else { text.to_owned() };
    text.trim().to_owned()
}

/// A calendar: its name, and what is in it.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    name: Option<String>,
    /// In the order of the file; those that say nothing are left out.
    pub(super) events: Vec<Event>,
    /// What was not read, for the ledger.
    pub(super) left_out: Option<String>,
}

/// Reads a calendar.
pub(super) fn read(bytes: &[u8]) -> Calendar {
    let (bytes, left_out) = budget::head(bytes, LARGEST);
    let mut calendar = Calendar { left_out, ..Calendar::default() };
    let mut method = String::new();
    // What we are inside of: alarms and zones have starts and descriptions of their own.
    let mut open: Option<Event> = None;
    let mut depth_inside = 0_usize;
    for line in lines(bytes) {
        match (line.name.as_str(), &mut open) {
            ("BEGIN", None) => {
                let kind = ["VEVENT", "VTODO", "VJOURNAL"]
                    .into_iter()
                    .find(|kind| line.value.trim().eq_ignore_ascii_case(kind));
                open = kind.map(|kind| Event { kind, method: method.clone(), ..Event::default() });
                depth_inside = 0;
            }
            ("BEGIN", Some(event)) if line.value.trim().eq_ignore_ascii_case(event.kind) => {
                // The end before was lost.
                let next = Event { kind: event.kind, method: method.clone(), ..Event::default() };
                calendar.events.extend(open.replace(next));
                depth_inside = 0;
            }
            ("BEGIN", Some(_)) => depth_inside += 1,
            ("END", Some(event)) => {
                if line.value.trim().eq_ignore_ascii_case(event.kind)
                    || line.value.trim().eq_ignore_ascii_case("VCALENDAR")
                {
                    calendar.events.extend(open.take());
                } else {
                    depth_inside = depth_inside.saturating_sub(1);
                }
            }
            ("METHOD", None) => {
                method = line.value.trim().chars().take(LONGEST_METHOD).collect::<String>().to_ascii_uppercase();
            }
            ("X-WR-CALNAME" | "NAME", None) => {
                calendar.name = calendar.name.take().or_else(|| Some(line.text()).filter(|name| !name.is_empty()));
            }
            (_, Some(event)) if depth_inside == 0 => event.take(line),
            _ => {}
        }
    }
    calendar.events.extend(open);
    calendar.events.retain(|event| !event.text().is_empty());
    calendar
}

/// Organizers and attendees of all events, each once for each role.
pub(super) fn people(events: &[Event]) -> Vec<PersonMention> {
    let mut seen = std::collections::HashSet::new();
    let all = events.iter().flat_map(Event::people);
    let mut people: Vec<PersonMention> = Vec::new();
    for person in all {
        if seen.insert((person.role, person.email.clone().or_else(|| person.name.clone()))) {
            people.push(person.clone());
        }
    }
    people
}

/// Parses a calendar file.
///
/// # Errors
/// `NoText` when it holds no event, task or journal entry that says anything.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let Calendar { name, events, left_out } = read(bytes);
    if events.is_empty() {
        return Err(ParseError::NoText);
    }
    let title = match &events[..] {
        [only] if !only.summary.is_empty() => Some(only.summary.split_whitespace().collect::<Vec<_>>().join(" ")),
        _ => name,
    };
    let mut tags: Vec<String> = Vec::new();
    let mut known = std::collections::HashSet::new();
    let mut links: Vec<Link> = Vec::new();
    for event in &events {
        for tag in &event.tags {
            if known.insert(tag) {
                tags.push(tag.clone());
            }
        }
        links.extend(event.links.iter().map(|url| Link { kind: LinkKind::Url, target: url.clone() }));
    }
    let mut seen = std::collections::HashSet::new();
    links.retain(|link| seen.insert(link.target.clone()));
    let sections = events.iter().map(|event| Section { text: event.text(), ..Section::default() }).collect();
    Ok(Parsed {
        title,
        dated_at: events.iter().filter_map(Event::moment).min(),
        tags,
        links,
        people: people(&events),
        sections,
        left_out: left_out.into_iter().collect(),
        ..Parsed::default()
    }
    .bounded())
}

#[cfg(test)]
mod tests;
