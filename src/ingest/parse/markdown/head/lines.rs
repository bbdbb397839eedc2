//! A head that YAML or TOML refuses, line by line: titles with a colon, doubled keys, tabs, templates, `@names`. Each
//! property is asked for alone, so one that is wrong costs no other. Used by `head` only.

use serde_yaml_ng::Value;

use super::{Entries, is_tame, toml, yaml};

/// Longest name of a property.
const LONGEST_KEY: usize = 60;
/// Most words of one.
const MOST_WORDS: usize = 4;

/// The properties, or nothing when this is no head but text between two rules.
pub(super) fn entries(inner: &str, is_yaml: bool) -> Option<Entries> {
    let sign = if is_yaml { ':' } else { '=' };
    let mut entries: Vec<(&str, std::ops::Range<usize>)> = Vec::new();
    let (mut offset, mut strange) = (0, 0);
    for line in inner.split_inclusive('\n') {
        let end = offset + line.len();
        let is_own = !line.starts_with([' ', '\t', '-', '#', '[', ']', '}']) && !line.trim().is_empty();
        if let Some(key) = key(line, sign).filter(|_| is_own) {
            entries.push((key, offset..end));
        } else {
            strange += usize::from(is_own);
            match entries.last_mut() {
                Some((_, range)) => range.end = end,
                None if is_own => return None,
                None => {}
            }
        }
        offset = end;
    }
    if entries.is_empty() || strange > entries.len() {
        return None;
    }
    Some(entries.into_iter().map(|(key, range)| (key.to_owned(), value(&inner[range], is_yaml))).collect())
}

fn key(line: &str, sign: char) -> Option<&str> {
    let (key, rest) = line.split_once(sign)?;
    let key = key.trim_end().trim_matches(['"', '\'']);
    let is_name = key.starts_with(|first: char| first.is_alphanumeric() || "_@$.".contains(first))
        && key.len() <= LONGEST_KEY
        && key.split_whitespace().count() <= MOST_WORDS
        && key.chars().all(|character| character.is_alphanumeric() || " _-./@$".contains(character));
    let parts = sign == '=' || rest.is_empty() || rest.starts_with(char::is_whitespace);
    (is_name && parts).then_some(key)
}

/// One property's value: as YAML or TOML has it, or as it stands.
fn value(entry: &str, is_yaml: bool) -> Value {
    let mended = if is_yaml { entry.replace('\t', "  ") } else { entry.to_owned() };
    let parsed = if is_yaml { yaml(&mended) } else { toml(&mended) };
    if let Some(entries) = parsed
        && let [(_, _)] = &entries[..]
        && let Some((_, value)) = entries.into_iter().next()
    {
        return value;
    }
    let sign = if is_yaml { ':' } else { '=' };
    let rest = entry.split_once(sign).map_or("", |(_, rest)| rest);
    let (first, more) = rest.split_once('\n').unwrap_or((rest, ""));
    let first = unquoted(first);
    let items: Vec<&str> = more.lines().filter_map(|line| line.trim().strip_prefix("- ")).map(unquoted).collect();
    let inside = first.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|rest| !rest.starts_with('['));
    match inside {
        _ if first.is_empty() && !items.is_empty() => sequence(items.into_iter()),
        Some(inside) if is_tame(inside) => sequence(inside.split(',').map(unquoted)),
        _ => {
            let more = more.lines().map(unquoted).filter(|line| !line.is_empty());
            let whole: Vec<&str> = std::iter::once(first).filter(|line| !line.is_empty()).chain(more).collect();
            if whole.is_empty() { Value::Null } else { Value::String(whole.join(" ")) }
        }
    }
}

fn sequence<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    Value::Sequence(items.map(|item| Value::String(item.to_owned())).collect())
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inside = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text).trim()
}
