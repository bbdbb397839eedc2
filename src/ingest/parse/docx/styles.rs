//! What styles make of paragraphs, and the document's own properties. Used by `docx` only.

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::package::attribute;

/// Styles that are based on styles that are based on …
const LONGEST_CHAIN: usize = 12;

/// What a style makes of a paragraph.
#[derive(Clone, Debug, Default)]
pub(super) struct Style {
    pub(super) level: Option<u8>,
    pub(super) is_list: bool,
    based_on: Option<String>,
}

/// Styles by their id.
#[derive(Debug, Default)]
pub(super) struct Styles {
    known: HashMap<String, Style>,
}

impl Styles {
    /// The style of that id with what it takes over from those it is based on.
    pub(super) fn of(&self, id: &str) -> Style {
        let mut found = Style::default();
        let mut next = Some(id);
        for _ in 0..LONGEST_CHAIN {
            let Some(style) = next.and_then(|id| self.known.get(id)) else { break };
            found.level = found.level.or(style.level);
            found.is_list |= style.is_list;
            next = style.based_on.as_deref();
        }
        if found.level.is_none() && !self.known.contains_key(id) {
            // A document without that style still names it.
            found.level = heading_level(id);
        }
        found.level = found.level.filter(|level| *level <= 9);
        found
    }
}

/// The level of `heading 2`, `Heading2`, `title`.
fn heading_level(name: &str) -> Option<u8> {
    let name = name.to_lowercase().replace([' ', '-', '_'], "");
    match name.strip_prefix("heading") {
        Some(level) => level.parse().ok().filter(|level| (1..=9).contains(level)),
        None => (name == "title").then_some(1),
    }
}

/// Reads the part that defines the styles.
pub(super) fn read(xml: &str) -> Styles {
    let mut reader = Reader::from_str(xml);
    let mut styles = Styles::default();
    let mut current = (String::new(), Style::default());
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => {
                if element.local_name().as_ref() == "style" {
                    let id = attribute(&element, "styleId").unwrap_or_default();
                    let (id, style) = std::mem::replace(&mut current, (id, Style::default()));
                    styles.known.insert(id, style);
                } else {
                    define(&mut current.1, &element);
                }
            }
            _ => {}
        }
    }
    styles.known.insert(current.0, current.1);
    styles
}

fn define(style: &mut Style, element: &BytesStart<'_>) {
    let value = || attribute(element, "val");
    match element.local_name().as_ref() {
        "name" => style.level = value().and_then(|name| heading_level(&name)).or(style.level),
        "basedOn" => style.based_on = value(),
        "numPr" => style.is_list = true,
        // Ten is the level of text.
        "outlineLvl" if style.level.is_none() => style.level = value().and_then(|level| outline_level(&level)),
        _ => {}
    }
}

/// Outline levels count from 0; from 9 on it is text, and says so to what it is based on.
pub(super) fn outline_level(value: &str) -> Option<u8> {
    value.parse::<u8>().ok().map(|level| level.min(9) + 1)
}

/// Title, author, keywords and dates.
pub(super) fn core_properties(xml: &str) -> HashMap<String, String> {
    let mut reader = Reader::from_str(xml);
    let mut values: HashMap<String, String> = HashMap::new();
    let mut current: Option<String> = None;
    while let Ok(event) = reader.read_event() {
        let text = match event {
            Event::Eof => break,
            Event::Start(element) => {
                current = Some(element.local_name().as_ref().to_owned());
                continue;
            }
            Event::End(_) => {
                current = None;
                continue;
            }
            Event::Text(text) => text.to_string(),
            Event::GeneralRef(reference) => super::body::resolved(&reference),
            _ => continue,
        };
        if let Some(name) = &current {
            values.entry(name.clone()).or_default().push_str(&text);
        }
    }
    values
}
