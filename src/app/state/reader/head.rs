//! What stands above a document's text: the headers of a mail in their order, facts of a file, the thread. Pure; used by
//! `page` only.

use crate::app::state::wrap::{truncated, width, wrap};
use crate::domain::visible::visible_line;
use crate::domain::{DocumentView, PersonMention, PersonRole, SourceType, Timestamp};

use super::line::{Look, Part, ReaderLine};
use super::page::{Setting, Target};
use super::text::blank;

/// Columns of a label.
const LABEL: usize = 10;
/// People named in one header.
const MOST_PEOPLE: usize = 12;
/// Messages of a thread listed above the text.
const THREAD_ROWS: usize = 5;

/// All of it.
pub(super) fn whole(document: &DocumentView, setting: &mut Setting<'_>) {
    if document.source_type == SourceType::Mail {
        for (label, roles) in [
            ("From", &[PersonRole::From][..]),
            ("To", &[PersonRole::To]),
            ("Cc", &[PersonRole::Cc]),
            ("Bcc", &[PersonRole::Bcc]),
        ] {
            labelled(setting, label, &people(document, roles));
        }
        labelled(setting, "Date", &moment(document.dated_at));
        labelled(setting, "Subject", &document.title);
        attached(document, setting);
    } else {
        let author = people(document, &[PersonRole::From, PersonRole::Author]);
        let facts = [document.source_type.as_str().to_owned(), day(document.dated_at), author];
        let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        labelled(setting, "Kind", &facts.join(" · "));
    }
    labelled(setting, "Tags", &document.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" "));
    let offset = document.source_offset.map_or(String::new(), |offset| format!(" @{offset}"));
    labelled(setting, "File", &format!("{}{offset}", document.source_path));
    thread(document, setting);
    setting.page.lines.push(ReaderLine::new(String::new(), Look::About));
}

/// The line above a message of a conversation, and what it adds to the message before, whose title is given.
pub(super) fn message(document: &DocumentView, before: &str, setting: &mut Setting<'_>) {
    let from = people(document, &[PersonRole::From]);
    let from = if from.is_empty() { "?".to_owned() } else { from };
    let when = moment(document.dated_at);
    setting.rule(&if when.is_empty() { from } else { format!("{from} · {when}") });
    if bare(&document.title) != bare(before) {
        labelled(setting, "Subject", &document.title);
    }
    attached(document, setting);
    blank("", &mut setting.page.lines);
}

fn attached(document: &DocumentView, setting: &mut Setting<'_>) {
    let names = document.message.as_ref().map(|message| message.attachments.join(", ")).unwrap_or_default();
    labelled(setting, "Attached", &names);
}

/// A label with its value, which hangs when it is wrapped; nothing without a value.
fn labelled(setting: &mut Setting<'_>, label: &str, value: &str) {
    let value = visible_line(value);
    let value = value.trim();
    if value.is_empty() {
        return;
    }
    let indent = LABEL.min(setting.shown.columns / 2);
    for (number, range) in wrap(value, setting.shown.columns.saturating_sub(indent)).into_iter().enumerate() {
        let label = if number == 0 { truncated(label, indent.saturating_sub(1)) } else { String::new() };
        let pad = " ".repeat(indent.saturating_sub(width(&label)));
        let mut line = ReaderLine::new(format!("{label}{pad}{}", value[range].trim_end()), Look::Text);
        line.parts.push((0..label.len() + pad.len(), Part::Frame));
        setting.page.lines.push(line);
    }
}

fn thread(document: &DocumentView, setting: &mut Setting<'_>) {
    let count = document.thread.len();
    if count < 2 {
        return;
    }
    let at = document.thread.iter().position(|entry| entry.id == document.id).unwrap_or(0);
    labelled(setting, "Thread", &format!("{} of {count} ([ and ] move, c shows all)", at + 1));
    let first = at.saturating_sub(THREAD_ROWS / 2).min(count.saturating_sub(THREAD_ROWS));
    for (index, entry) in document.thread.iter().enumerate().skip(first).take(THREAD_ROWS) {
        let mark = if index == at { ">" } else { " " };
        let text =
            format!("  {mark} {} {} {}", day(entry.dated_at), visible_line(&entry.from), visible_line(&entry.title));
        let target = Target::Document(entry.id, entry.title.clone());
        setting.say(&text, (index != at).then_some(target));
    }
}

fn people(document: &DocumentView, roles: &[PersonRole]) -> String {
    let named: Vec<&PersonMention> = document.people.iter().filter(|person| roles.contains(&person.role)).collect();
    let mut shown: Vec<String> = named.iter().take(MOST_PEOPLE).map(|person| called(person)).collect();
    if named.len() > MOST_PEOPLE {
        shown.push(format!("and {} more", named.len() - MOST_PEOPLE));
    }
    shown.join(", ")
}

fn called(person: &PersonMention) -> String {
    match (&person.name, &person.email) {
        (Some(name), Some(email)) if name != email => format!("{name} <{email}>"),
        (Some(one), _) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    }
}

/// A subject without what answers put before it.
fn bare(title: &str) -> &str {
    let mut title = title.trim();
    while let Some((before, rest)) = title.split_once(':') {
        let is_answer =
            ["re", "aw", "fw", "fwd", "wg", "sv", "antw"].iter().any(|sign| before.eq_ignore_ascii_case(sign));
        if !is_answer {
            break;
        }
        title = rest.trim();
    }
    title
}

fn written(moment: Option<Timestamp>, format: &str) -> String {
    let zoned = moment.and_then(|moment| jiff::Timestamp::from_millisecond(moment.0).ok());
    zoned
        .map(|moment| moment.to_zoned_datetime(jiff::tz::TimeZone::UTC).strftime(format).to_string())
        .unwrap_or_default()
}

/// Days are told in UTC, so that every terminal shows the same.
fn day(moment: Option<Timestamp>) -> String {
    written(moment, "%Y-%m-%d")
}

fn moment(moment: Option<Timestamp>) -> String {
    written(moment, "%Y-%m-%d %H:%M UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_subject_of_what_they_answer() {
        assert_eq!(
            [bare("Re: AW: Budget"), bare("Budget: more"), bare("RE:Budget ")],
            ["Budget", "Budget: more", "Budget"]
        );
    }

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(moment(Some(Timestamp(1_726_149_780_000))), "2024-09-12 14:03 UTC");
        assert_eq!(day(None), "");
    }
}
