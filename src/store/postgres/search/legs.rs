//! Both legs in one go, from the same moment (`store::shared::legs`); given chunks by their words; and what holds a term.

use crate::domain::ChunkId;
use crate::domain::search::{Filter, VectorQuery, WordsQuery};
use crate::store::shared::legs::{Search, frequencies, legs, score_given};
use crate::store::{Legs, StoreResult};

use super::SearchIndex;
use super::source::Source;

impl SearchIndex {
    pub(super) async fn legs(
        &self,
        source: Source,
        words: &WordsQuery,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Legs> {
        let present = self.refresh(source).await?;
        let known = self.models_of(&present, queries).await?;
        let allowed = self.allowed(&present, filter).await?;
        legs(&self.cores, Search { view: present.view, known, allowed, words, queries, limit }).await
    }

    pub(super) async fn score_given(
        &self,
        source: Source,
        query: &WordsQuery,
        chunks: &[ChunkId],
    ) -> StoreResult<Vec<Option<f32>>> {
        score_given(&self.cores, self.refresh(source).await?.view, query, chunks).await
    }

    pub(super) async fn frequencies(&self, source: Source, terms: &[String]) -> StoreResult<Vec<u64>> {
        Ok(frequencies(&self.refresh(source).await?.view, terms))
    }
}
