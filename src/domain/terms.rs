//! How text becomes index terms, the same for every store. Called by `ingest::chunk`, `search::query`, snippets and stores.

/// Placeholder until the search room lands.
#[must_use]
pub fn terms(text: &str) -> String {
    text.to_lowercase()
}
