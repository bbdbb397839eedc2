//! What a document is about, without a language model: its tags and the headings that carry links. Pure; called by the
//! pipeline. Wikilinks that lead nowhere become concepts too, in the store, because only it knows what exists.

use std::collections::HashSet;

use super::parse::Parsed;

/// Labels of concepts, as shown, unique when lower-cased, in order of appearance.
#[must_use]
pub fn concepts(parsed: &Parsed) -> Vec<String> {
    let mut seen = HashSet::new();
    let labels = parsed.tags.iter().chain(&parsed.concept_headings).map(|label| label.trim());
    labels.filter(|label| !label.is_empty() && seen.insert(label.to_lowercase())).map(str::to_owned).collect()
}
