//! Both legs of search over SQLite: compact indexes in memory, kept current from the database.
//!
//! `bulk` and `blocks` read many rows as few; `patient` ends a statement that nobody waits for; `slots` numbers the searchable chunks, `words` scores BM25 over them, `vectors` scans codes of one byte a dimension
//! and scores the best by a second, `filter` turns conditions and trees into a set of documents. Nothing is loaded before the first search;
//! until the word index is built in the background, single terms are read from FTS5 with the same formula. Every
//! search first catches up with what was committed since, by this process or another.

mod blocks;
mod bulk;
mod catch_up;
mod filter;
mod hydrate;
mod legs;
mod matches;
mod patient;
mod slots;
mod suggest;
mod vectors;
mod words;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use crate::domain::search::{Filter, HitSource, ScoredChunk, VectorQuery, WordsQuery};
use crate::domain::{ChunkId, DocumentId, ModelId};
use crate::store::shared::stop::{Stop, apart};
use crate::store::{DatePage, DatedChunks, Legs, SearchStore, StoreError, StoreResult, TermSuggestion};

use super::SqliteStore;
use slots::Slots;
use vectors::Matrices;
use words::Words;

pub(super) use patient::settle;
pub(super) use vectors::floats;

/// In-memory indexes, loaded on first use and kept current.
#[derive(Debug, Default)]
pub(super) struct SearchIndex {
    state: Arc<RwLock<State>>,
    /// Held while the state is brought up to date: one search does it for all that wait.
    catching_up: tokio::sync::Mutex<()>,
    /// Set while the word index is being built in the background.
    building: Arc<AtomicBool>,
    /// For suggestions until the word index is built.
    dictionary: tokio::sync::Mutex<Option<(suggest::Moment, suggest::Dictionary)>>,
}

/// What is in memory. Searches share it for reading; catching up adds to it in short writes.
#[derive(Debug, Default)]
struct State {
    slots: Slots,
    /// `None` until built.
    words: Option<Words>,
    matrices: Matrices,
}

impl SearchIndex {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Vectors in memory of one model.
    #[cfg(test)]
    pub(super) fn vectors_held(&self, model: &str) -> usize {
        self.read().matrices.held(model)
    }

    /// Does `work` as if the word index were still being built, which then comes without what happened meanwhile.
    #[cfg(test)]
    pub(super) async fn while_words_are_built<T>(&self, work: impl Future<Output = T>) -> T {
        let words = self.write().words.take();
        let done = work.await;
        self.write().words = words;
        done
    }
}

/// Runs scoring off the async threads, and stops it when nobody waits any more. A panic there is a bug and is reported as
/// one.
async fn compute<T: Send + 'static>(work: impl FnOnce(&Stop) -> T + Send + 'static) -> StoreResult<T> {
    apart(work).await.map_err(|error| StoreError::invariant("score candidates", "", format!("scoring failed: {error}")))
}

#[async_trait]
impl SearchStore for SqliteStore {
    async fn search_words(&self, query: &WordsQuery, filter: &Filter, limit: usize) -> StoreResult<Vec<ScoredChunk>> {
        Ok(self.legs(query, &[], filter, limit).await?.words)
    }

    async fn search_vectors(
        &self,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Vec<ScoredChunk>> {
        Ok(self.legs(&WordsQuery::default(), queries, filter, limit).await?.vectors)
    }

    async fn search_legs(
        &self,
        words: &WordsQuery,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Legs> {
        self.legs(words, queries, filter, limit).await
    }

    async fn score_vectors(&self, queries: &[VectorQuery], chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>> {
        let present = self.catch_up_slots().await?;
        self.exact_scores(&present, queries, chunks).await
    }

    async fn score_words(&self, query: &WordsQuery, chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>> {
        self.score_given(query, chunks).await
    }

    async fn by_date(&self, filter: &Filter, page: &DatePage) -> StoreResult<DatedChunks> {
        self.chunks_by_date(filter, page).await
    }

    async fn hydrate(&self, chunks: &[ChunkId]) -> StoreResult<Vec<HitSource>> {
        self.hydrate_chunks(chunks).await
    }

    async fn document_frequencies(&self, terms: &[String]) -> StoreResult<Vec<u64>> {
        self.term_frequencies(terms).await
    }

    async fn suggest(&self, word: &str, limit: usize) -> StoreResult<Vec<TermSuggestion>> {
        self.suggest_words(word, limit).await
    }

    async fn document_vectors(&self, model: &ModelId, id: DocumentId) -> StoreResult<Vec<Vec<f32>>> {
        self.vectors_of_document(model, id).await
    }

    async fn warm_up(&self) -> StoreResult<()> {
        // Vectors are read by the first search that asks for their model.
        self.catch_up_slots().await?;
        self.build_words().await
    }
}
