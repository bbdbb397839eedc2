//! The head of a note: YAML between `---`, or TOML between `+++`. Broken heads are taken as text, never lost.

use serde_yaml_ng::Value;

use crate::domain::{PersonMention, PersonRole, Timestamp};
use crate::ingest::parse::date;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Head {
    pub(super) title: Option<String>,
    pub(super) dated_at: Option<Timestamp>,
    pub(super) tags: Vec<String>,
    pub(super) aliases: Vec<String>,
    pub(super) people: Vec<PersonMention>,
}

/// The head, and where the body starts (0 when there is no head, or one that cannot be read).
pub(super) fn read(source: &str) -> (Head, usize) {
    let fence = if source.starts_with("---\n") {
        "---"
    } else if source.starts_with("+++\n") {
        "+++"
    } else {
        return (Head::default(), 0);
    };
    let Some((inner, body_start)) = between(source, fence) else { return (Head::default(), 0) };
    let value = if fence == "---" {
        serde_yaml_ng::from_str::<Value>(inner).ok()
    } else {
        inner.parse::<toml::Table>().ok().and_then(|table| serde_yaml_ng::to_value(table).ok())
    };
    match value {
        Some(Value::Mapping(_)) => (head(&value.unwrap_or_default()), body_start),
        Some(Value::Null) => (Head::default(), body_start),
        _ => (Head::default(), 0),
    }
}

fn between<'a>(source: &'a str, fence: &str) -> Option<(&'a str, usize)> {
    let start = fence.len() + 1;
    let mut offset = start;
    for line in source[start..].split_inclusive('\n') {
        if line.trim_end() == fence || (fence == "---" && line.trim_end() == "...") {
            return Some((&source[start..offset], offset + line.len()));
        }
        offset += line.len();
    }
    None
}

fn head(value: &Value) -> Head {
    let field = |names: &[&str]| names.iter().find_map(|name| value.get(*name)).filter(|value| !value.is_null());
    let title = field(&["title", "Title"]).and_then(text).filter(|title| !title.is_empty());
    let dated_at = field(&["date", "created", "created_at", "date_created", "updated", "modified"]).and_then(text);
    let tags = field(&["tags", "tag", "keywords", "Tags"]).map(list).unwrap_or_default();
    let people = field(&["author", "authors", "Author"]).map(list).unwrap_or_default();
    Head {
        title,
        dated_at: dated_at.and_then(|text| date::parse(&text)),
        tags: tags.iter().map(|tag| tag.trim_start_matches('#').to_lowercase()).filter(|tag| !tag.is_empty()).collect(),
        aliases: field(&["aliases", "alias"]).map(list).unwrap_or_default(),
        people: people.into_iter().filter_map(|name| person(&name)).collect(),
    }
}

/// `Name <address>`, an address, or a name.
fn person(text: &str) -> Option<PersonMention> {
    let text = text.trim();
    let (name, email) = match text.split_once('<') {
        Some((name, rest)) => (name.trim(), rest.trim_end_matches('>').trim()),
        None if text.contains('@') && !text.contains(' ') && !text.starts_with('@') => ("", text),
        None => (text, ""),
    };
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mention = PersonMention { email: filled(&email.to_lowercase()), name: filled(name), role: PersonRole::Author };
    mention.person_id().map(|_| mention)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        // TOML's dates come as a mapping with one field.
        Value::Mapping(mapping) => mapping.values().next().and_then(text),
        _ => None,
    }
}

/// A list, or a string of words or comma-separated parts.
fn list(value: &Value) -> Vec<String> {
    if let Value::Sequence(items) = value {
        items.iter().filter_map(text).filter(|item| !item.is_empty()).collect()
    } else {
        let joined = text(value).unwrap_or_default();
        joined.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    }
}
