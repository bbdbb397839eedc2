//! Words of the index close to one that matched nothing (`index::suggest`), as people write them.

use std::sync::Arc;

use crate::domain::terms;
use crate::index::suggest::{closest, samples, surface};
use crate::index::view::View;
use crate::store::{StoreResult, TermSuggestion};

use super::super::SqliteStore;
use super::super::batch::json_numbers;
use super::super::error::classify;

impl SqliteStore {
    pub(super) async fn suggest_words(&self, word: &str, limit: usize) -> StoreResult<Vec<TermSuggestion>> {
        let wanted = terms::fold(word);
        let Some(near) = terms::Near::of(word) else { return Ok(Vec::new()) };
        let view = self.catch_up().await?.view;
        let looked_at = Arc::clone(&view);
        let found = super::compute(move |stop| closest(&looked_at, &near, limit, stop)).await?;
        let mut suggestions = Vec::with_capacity(found.len());
        for (term, distance, document_frequency) in found {
            let word = self.surface(&view, &term, &wanted).await?;
            suggestions.push(TermSuggestion { word, distance, document_frequency });
        }
        Ok(suggestions)
    }

    /// How people write a stem.
    async fn surface(&self, view: &View, term: &str, wanted: &str) -> StoreResult<String> {
        let texts: Vec<(String, String)> =
            sqlx::query_as("SELECT context, text FROM chunk WHERE id IN (SELECT value FROM json_each(?))")
                .bind(json_numbers(samples(view, term)))
                .fetch_all(&self.reader)
                .await
                .map_err(|error| classify("suggest words for", term, error))?;
        Ok(surface(term, wanted, &texts))
    }
}
