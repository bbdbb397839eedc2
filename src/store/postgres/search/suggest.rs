//! Words of the index close to one that matched nothing (`index::suggest`), as people write them.

use std::sync::Arc;

use crate::domain::terms;
use crate::index::suggest::{closest, samples, surface};
use crate::index::view::View;
use crate::store::{StoreResult, TermSuggestion};

use super::super::error::classify;
use super::SearchIndex;
use super::source::Source;

impl SearchIndex {
    pub(super) async fn suggest_words(
        &self,
        source: Source,
        word: &str,
        limit: usize,
    ) -> StoreResult<Vec<TermSuggestion>> {
        let wanted = terms::fold(word);
        let Some(near) = terms::Near::of(word) else { return Ok(Vec::new()) };
        let view = self.refresh(source).await?.view;
        let looked_at = Arc::clone(&view);
        let found = self.cores.run(move |stop| closest(&looked_at, &near, limit, stop)).await?;
        let mut suggestions = Vec::with_capacity(found.len());
        for (term, distance, document_frequency) in found {
            let word = self.surface(source, &view, &term, &wanted).await?;
            suggestions.push(TermSuggestion { word, distance, document_frequency });
        }
        Ok(suggestions)
    }

    /// How people write a stem.
    async fn surface(&self, source: Source, view: &View, term: &str, wanted: &str) -> StoreResult<String> {
        let texts: Vec<(String, String)> = sqlx::query_as("SELECT context, text FROM chunk WHERE id = ANY($1)")
            .bind(samples(view, term))
            .fetch_all(self.at(source))
            .await
            .map_err(|error| classify("suggest words for", term, error))?;
        Ok(surface(term, wanted, &texts))
    }
}
