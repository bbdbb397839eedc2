//! Words of the index close to one that matched nothing: "did you mean".

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::search::WordMatch;
use crate::domain::terms;
use crate::index::matching::Matching;
use crate::index::stop::Stop;
use crate::index::view::View;
use crate::store::{StoreResult, TermSuggestion};

use super::super::SqliteStore;
use super::super::batch::json_numbers;
use super::super::error::classify;

/// Chunks read to find the surface form of a stem.
const SURFACE_SAMPLES: usize = 20;
/// Terms looked at between two looks whether anybody still waits.
const LOOKED_AT_ONCE: usize = 4_096;

/// A term, its distance, and how many chunks hold it.
type Close = (String, u32, u64);

impl SqliteStore {
    pub(super) async fn suggest_words(&self, word: &str, limit: usize) -> StoreResult<Vec<TermSuggestion>> {
        let wanted = terms::fold(word);
        let Some(near) = terms::Near::of(word) else { return Ok(Vec::new()) };
        let view = self.catch_up().await?.view;
        let looked_at = Arc::clone(&view);
        let mut found = super::compute(move |stop| close(&looked_at, &near, stop)).await?;
        found.sort_unstable_by(|a, b| a.1.cmp(&b.1).then(b.2.cmp(&a.2)).then(a.0.cmp(&b.0)));
        found.truncate(limit);
        let mut suggestions = Vec::with_capacity(found.len());
        for (term, distance, document_frequency) in found {
            let word = self.surface(&view, &term, &wanted).await?;
            suggestions.push(TermSuggestion { word, distance, document_frequency });
        }
        Ok(suggestions)
    }

    /// How people write a stem: the form nearest to `wanted` in a few chunks that hold it.
    async fn surface(&self, view: &View, term: &str, wanted: &str) -> StoreResult<String> {
        let mut ids = Vec::new();
        Matching::of(view, &WordMatch::Term(term.to_owned()), &Stop::default()).each(|part, place, _| {
            if ids.len() < SURFACE_SAMPLES {
                ids.push(part.segment.id(place));
            }
        });
        let texts: Vec<(String, String)> =
            sqlx::query_as("SELECT context, text FROM chunk WHERE id IN (SELECT value FROM json_each(?))")
                .bind(json_numbers(ids))
                .fetch_all(&self.reader)
                .await
                .map_err(|error| classify("suggest words for", term, error))?;
        let mut best: Option<(usize, String)> = None;
        for text in texts.iter().flat_map(|(context, text)| [context, text]) {
            for token in terms::tokens(text).into_iter().filter(|token| token.term == term) {
                let form = terms::fold(&text[token.range]);
                let distance = strsim::osa_distance(&form, wanted);
                if best.as_ref().is_none_or(|(known, _)| distance < *known) {
                    best = Some((distance, form));
                }
            }
        }
        Ok(best.map_or_else(|| term.to_owned(), |(_, form)| form))
    }
}

/// Terms of all segments that are near enough, with the chunks that hold them; those that are gone count too.
fn close(view: &View, near: &terms::Near, stop: &Stop) -> Vec<Close> {
    let mut found: HashMap<String, (u32, u64)> = HashMap::new();
    let mut looked_at = 0;
    for part in &view.parts {
        let mut terms = part.segment.terms();
        while terms.advance() {
            looked_at += 1;
            if looked_at % LOOKED_AT_ONCE == 0 && stop.is_set() {
                return Vec::new();
            }
            let Ok(term) = std::str::from_utf8(terms.term()) else { continue };
            let chunks = u64::from(terms.postings().chunks);
            if let Some((_, total)) = found.get_mut(term) {
                *total += chunks;
            } else if let Some(distance) = near.distance(term) {
                found.insert(term.to_owned(), (distance, chunks));
            }
        }
    }
    found.into_iter().map(|(term, (distance, chunks))| (term, distance, chunks)).collect()
}
