//! Values of properties as texts and lists. Pure; used by `head` only.

use serde_yaml_ng::Value;

/// A value as one text. A link that was written without quotes, `[[Note]]`, is a list in a list to YAML.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Sequence(items) => match &items[..] {
            [Value::Sequence(inner)] => Some(inner.iter().filter_map(text).collect::<Vec<_>>().join(", ")),
            [one] => text(one),
            _ => None,
        },
        Value::Mapping(mapping) => mapping.values().find_map(text),
        Value::Tagged(tagged) => text(&tagged.value),
        Value::Null => None,
    }
}

/// A list, or a text of comma-separated parts.
pub(super) fn list(value: &Value) -> Vec<String> {
    let mut parts: Vec<String> = match value {
        Value::Sequence(items) => items.iter().filter_map(text).collect(),
        value => text(value).unwrap_or_default().split(',').map(|part| part.trim().to_owned()).collect(),
    };
    parts.retain(|part| !part.is_empty());
    parts
}

/// Tags: a list, or one text of words (`a b`) or of comma-separated parts (`a, b c`).
pub(super) fn tags(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(items) => items.iter().flat_map(tags_of_item).collect(),
        value => names(&text(value).unwrap_or_default()),
    }
}

fn tags_of_item(item: &Value) -> Vec<String> {
    match item {
        Value::Sequence(items) => items.iter().filter_map(text).filter_map(|tag| name(&tag)).collect(),
        item => text(item).into_iter().flat_map(|tag| tag.split(',').filter_map(name).collect::<Vec<_>>()).collect(),
    }
}

/// One tag without its mark, in lower case.
pub(super) fn name(tag: &str) -> Option<String> {
    let tag = tag.trim().trim_matches(['"', '\'']).trim_start_matches('#');
    let tag = tag.trim_start_matches("[[").trim_end_matches("]]").trim().trim_end_matches('/');
    (!tag.is_empty()).then(|| tag.to_lowercase())
}

/// The tags of one line: `a b`, `#a #b`, `a, b c`, `a, [[b c]]`.
pub(in crate::ingest::parse::markdown) fn names(line: &str) -> Vec<String> {
    if !line.contains("[[") {
        let by_comma = line.contains(',');
        return line
            .split(|character: char| if by_comma { character == ',' } else { character.is_whitespace() })
            .filter_map(name)
            .collect();
    }
    let mut found = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("[[") {
        found.extend(before.split(',').filter_map(name));
        let (inside, after) = after.split_once("]]").unwrap_or((after, ""));
        found.extend(name(inside));
        rest = after;
    }
    found.extend(rest.split(',').filter_map(name));
    found
}

/// People: names, addresses, or maps of `name` and `email`.
pub(super) fn people(value: &Value) -> Vec<String> {
    match value {
        Value::Mapping(_) => person(value).into_iter().collect(),
        Value::Sequence(items) => items.iter().filter_map(person).collect(),
        value => list(value),
    }
}

fn person(value: &Value) -> Option<String> {
    let part = |key: &str| value.get(key).and_then(text).filter(|part| !part.is_empty());
    match (part("name"), part("email")) {
        (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
        (name, email) => name.or(email).or_else(|| text(value)),
    }
}

/// A value of TOML as one of YAML. The parser of TOML has bounded its depth.
pub(super) fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::Number(number.into()),
        toml::Value::Float(number) => Value::Number(number.into()),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Array(items) => Value::Sequence(items.into_iter().map(from_toml).collect()),
        toml::Value::Table(table) => {
            Value::Mapping(table.into_iter().map(|(key, value)| (Value::String(key), from_toml(value))).collect())
        }
    }
}
