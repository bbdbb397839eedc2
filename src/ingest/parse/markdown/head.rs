//! The head of a note: YAML between `---`, or TOML between `+++`. What is no valid YAML is read line by line, and the
//! head's own text stays searchable whatever it is. Called by `markdown`; `names` also by `inline`.

mod lines;
mod values;

use std::ops::Range;

use serde_yaml_ng::Value;

use crate::domain::{Link, LinkKind, PersonMention, PersonRole, Timestamp};
use crate::ingest::parse::date;

use super::inline::{self, Marks, Prose};
pub(super) use values::names;
use values::{list, text};

/// Longer heads are read line by line only.
const LONGEST_YAML: usize = 64 << 10;
/// YAML can name a value and repeat it; in longer heads that is no note but an attack.
const LONGEST_WITH_ANCHORS: usize = 4 << 10;
/// Brackets within brackets that a note has use for.
const DEEPEST: usize = 32;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Head {
    pub(super) title: Option<String>,
    pub(super) dated_at: Option<Timestamp>,
    pub(super) tags: Vec<String>,
    pub(super) aliases: Vec<String>,
    pub(super) people: Vec<PersonMention>,
    pub(super) links: Vec<Link>,
    /// Its properties as they stand, but for the title.
    pub(super) text: String,
    /// Keys it has, as compared.
    keys: Vec<String>,
}

impl Head {
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
    }
}

/// The head, and where the body starts (0 when there is no head).
pub(super) fn read(source: &str) -> (Head, usize) {
    let first = source.split_inclusive('\n').next().unwrap_or_default();
    let fence = first.trim_end();
    if !first.ends_with('\n') || !matches!(fence, "---" | "+++") {
        return (Head::default(), 0);
    }
    let Some((inner, body_start)) = between(source, fence, first.len()) else { return (Head::default(), 0) };
    let inner = &source[inner];
    let entries = if fence == "---" { yaml(inner) } else { toml(inner) };
    let entries = entries.or_else(|| lines::entries(inner, fence == "---"));
    match entries {
        Some(entries) => (head(entries, inner), body_start),
        None if inner.trim().is_empty() => (Head::default(), body_start),
        None => (Head::default(), 0),
    }
}

fn between(source: &str, fence: &str, start: usize) -> Option<(Range<usize>, usize)> {
    let mut offset = start;
    for line in source[start..].split_inclusive('\n') {
        if line.trim_end() == fence || (fence == "---" && line.trim_end() == "...") {
            return Some((start..offset, offset + line.len()));
        }
        offset += line.len();
    }
    None
}

/// Whether a parser with a memory and a stack can be asked.
fn is_tame(inner: &str) -> bool {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in inner.bytes() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let has_anchors = inner.contains('&') && inner.contains('*');
    deepest <= DEEPEST && inner.len() <= if has_anchors { LONGEST_WITH_ANCHORS } else { LONGEST_YAML }
}

type Entries = Vec<(String, Value)>;

fn yaml(inner: &str) -> Option<Entries> {
    // A template's `{{date}}` is a map of maps to YAML.
    if !is_tame(inner) || inner.contains("{{") {
        return None;
    }
    match serde_yaml_ng::from_str::<Value>(inner).ok()? {
        Value::Mapping(mapping) => {
            mapping.into_iter().map(|(key, value)| text(&key).map(|key| (key, value))).collect::<Option<_>>()
        }
        _ => None,
    }
}

fn toml(inner: &str) -> Option<Entries> {
    let table = inner.parse::<toml::Table>().ok().filter(|_| is_tame(inner))?;
    Some(table.into_iter().map(|(key, value)| (key, values::from_toml(value))).collect())
}

/// A key as it is compared: `Date_Created` is `date created`.
fn folded(key: &str) -> String {
    key.trim().to_lowercase().replace(['_', '-'], " ")
}

/// Keys that hold a note's date, the best first.
const DATES: [&str; 16] = [
    "date",
    "published",
    "date published",
    "published at",
    "publish date",
    "publishdate",
    "pubdate",
    "created",
    "created at",
    "date created",
    "creation date",
    "updated",
    "updated at",
    "modified",
    "date modified",
    "lastmod",
];

fn head(entries: Entries, inner: &str) -> Head {
    let entries: Entries = entries.into_iter().map(|(key, value)| (folded(&key), value)).collect();
    let of = |names: &'static [&'static str]| {
        names.iter().flat_map(|name| entries.iter().filter(move |(key, _)| key == name)).map(|(_, value)| value)
    };
    let title = of(&["title"]).find_map(text).map(|title| title.trim().to_owned()).filter(|title| !title.is_empty());
    let mut tags: Vec<String> = of(&["tags", "tag"]).flat_map(values::tags).collect();
    tags.extend(of(&["keywords"]).flat_map(list).filter_map(|word| values::name(&word)));
    let dated_at = of(&DATES).flat_map(|value| text(value).into_iter().chain(list(value)));
    let dated_at = dated_at.into_iter().find_map(|written| date::parse(&written));
    let aliases = of(&["aliases", "alias"]).flat_map(list).collect();
    let people = of(&["author", "authors"]).flat_map(values::people).filter_map(|name| person(&name)).collect();
    let (text, links) = readable(inner, title.is_some());
    Head {
        title,
        dated_at,
        tags,
        aliases,
        people,
        links,
        text,
        keys: entries.into_iter().map(|(key, _)| key).collect(),
    }
}

/// The properties as text, their links by their names; the title is left out where it is the document's.
fn readable(inner: &str, has_title: bool) -> (String, Vec<Link>) {
    let (mut prose, mut in_title) = (Prose::default(), false);
    for line in inner.split_inclusive('\n') {
        let starts = !line.starts_with([' ', '\t', '-', '\n']);
        let key = line.split([':', '=']).next().unwrap_or_default();
        in_title = if starts { has_title && folded(key) == "title" } else { in_title };
        if !in_title {
            prose.push(line);
        }
    }
    let (mut text, mut marks) = (String::new(), Marks::default());
    inline::read(&prose, &mut text, &mut marks);
    marks.links.extend(urls(inner));
    (text.trim_matches('\n').trim_end().to_owned(), marks.links)
}

fn urls(text: &str) -> impl Iterator<Item = Link> + '_ {
    let words = text.split(|character: char| character.is_whitespace() || "\"'<>()[]{}|,".contains(character));
    let targets = words.filter(|word| word.starts_with("http://") || word.starts_with("https://"));
    let targets = targets.map(|word| word.split('#').next().unwrap_or_default().trim_end_matches(['.', ';']));
    targets.map(|target| Link { kind: LinkKind::Url, target: target.to_owned() })
}

/// `Name <address>`, `Name address`, an address, or a name.
fn person(text: &str) -> Option<PersonMention> {
    let text = text.trim().trim_start_matches("[[").trim_end_matches("]]");
    let is_address = |word: &str| word.contains('@') && !word.starts_with('@') && !word.contains(' ');
    let (name, email) = match text.split_once('<') {
        Some((name, rest)) => (name.trim(), rest.trim_end_matches('>').trim()),
        None if is_address(text) => ("", text),
        None => match text.rsplit_once(' ') {
            Some((name, last)) if is_address(last.trim_matches(['(', ')'])) => {
                (name.trim(), last.trim_matches(['(', ')']))
            }
            _ => (text, ""),
        },
    };
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mention = PersonMention { email: filled(&email.to_lowercase()), name: filled(name), role: PersonRole::Author };
    mention.person_id().map(|_| mention)
}

#[cfg(test)]
mod tests;
