//! Words of the index close to one that matched nothing: "did you mean".
//!
//! Reads the dictionaries of all segments; they stay in memory for the next time, since whoever mistypes once does so
//! again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use crate::domain::terms;
use crate::store::{StoreResult, TermSuggestion};

use super::super::error::classify;
use super::segment::each_term;
use super::source::Source;
use super::{SearchIndex, compute};

/// Chunks read to find the surface form of a stem.
const SURFACE_SAMPLES: usize = 20;

impl SearchIndex {
    pub(super) async fn suggest_words(
        &self,
        source: Source,
        word: &str,
        limit: usize,
    ) -> StoreResult<Vec<TermSuggestion>> {
        let wanted = terms::fold(word);
        let Some(wanted_near) = terms::Near::of(word) else { return Ok(Vec::new()) };
        let dictionaries = self.dictionaries(source).await?;
        let mut found: Vec<(String, u32, u64)> = compute(move |stop| {
            let mut near: HashMap<String, (u32, u64)> = HashMap::new();
            for dictionary in dictionaries.iter().take_while(|_| !stop.is_set()) {
                each_term(dictionary, |term, count| {
                    if let Some((_, total)) = near.get_mut(term) {
                        *total += u64::from(count);
                        return;
                    }
                    if let Some(distance) = wanted_near.distance(term) {
                        near.insert(term.to_owned(), (distance, u64::from(count)));
                    }
                });
            }
            near.into_iter().map(|(term, (distance, count))| (term, distance, count)).collect()
        })
        .await?;
        found.sort_unstable_by(|a, b| a.1.cmp(&b.1).then(b.2.cmp(&a.2)).then(a.0.cmp(&b.0)));
        found.truncate(limit);
        let mut suggestions = Vec::with_capacity(found.len());
        for (term, distance, document_frequency) in found {
            let word = self.surface(source, &term, &wanted).await?;
            suggestions.push(TermSuggestion { word, distance, document_frequency });
        }
        Ok(suggestions)
    }

    /// The dictionaries of all segments.
    async fn dictionaries(&self, source: Source) -> StoreResult<Vec<Arc<[u8]>>> {
        let view = self.refresh(source).await?;
        let mut known: HashMap<i64, Arc<[u8]>> =
            self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.retain(|id, _| view.parts.iter().any(|part| part.segment.id == *id));
        let missing: Vec<i64> =
            view.parts.iter().map(|part| part.segment.id).filter(|id| !known.contains_key(id)).collect();
        if !missing.is_empty() {
            let rows: Vec<(i64, Vec<u8>)> =
                sqlx::query_as("SELECT id, dictionary FROM word_segment WHERE id = ANY($1)")
                    .bind(missing)
                    .fetch_all(self.at(source))
                    .await
                    .map_err(|error| classify("read dictionary", "", error))?;
            known.extend(rows.into_iter().map(|(id, bytes)| (id, Arc::from(bytes))));
        }
        let all = known.values().cloned().collect();
        *self.dictionaries.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(all)
    }

    /// How people write a stem: the form nearest to `wanted` in a few chunks that hold it.
    async fn surface(&self, source: Source, term: &str, wanted: &str) -> StoreResult<String> {
        let ids = self.some_holding(source, term, SURFACE_SAMPLES).await?;
        let texts: Vec<(String, String)> = sqlx::query_as("SELECT context, text FROM chunk WHERE id = ANY($1)")
            .bind(ids)
            .fetch_all(self.at(source))
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
