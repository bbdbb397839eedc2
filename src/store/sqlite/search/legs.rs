//! Both legs in one go, from the same moment (`store::shared::legs`); given chunks by their words; and what holds a term.

use crate::domain::ChunkId;
use crate::domain::search::{Filter, VectorQuery, WordsQuery};
use crate::store::shared::legs::{Cores, Search, frequencies, legs, score_given};
use crate::store::{Legs, StoreResult};

use super::super::SqliteStore;

impl SqliteStore {
    pub(super) async fn legs(
        &self,
        words: &WordsQuery,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Legs> {
        let present = self.catch_up().await?;
        let known = self.models_of(&present, queries).await?;
        let allowed = self.allowed(&present.view, filter).await?;
        legs(&Cores::default(), Search { view: present.view, known, allowed, words, queries, limit }).await
    }

    pub(super) async fn score_given(&self, query: &WordsQuery, chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>> {
        score_given(&Cores::default(), self.catch_up().await?.view, query, chunks).await
    }

    pub(super) async fn term_frequencies(&self, terms: &[String]) -> StoreResult<Vec<u64>> {
        Ok(frequencies(&self.catch_up().await?.view, terms))
    }
}
