//! Both legs of search over SQLite: the segments of `index`, whose names (of files) and bytes (of small ones) this
//! database keeps.
//!
//! `write` packs what a commit brings into a segment, `tidy` merges segments and vectors into files, `renew` makes all of it
//! anew; `catch_up` brings a process to the present, which costs one small query when nothing changed. `legs` searches
//! (with `store::shared::legs`), `filter` turns conditions and trees into a set of documents, `suggest` finds words,
//! `hydrate` what hits show; `bulk` reads many rows as few, `patient` ends a statement that nobody waits for. `check` holds
//! the index against the tables.

mod bulk;
mod catch_up;
mod check;
mod filter;
mod hydrate;
mod legs;
mod patient;
mod suggest;
mod tidy;
mod vectors;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use crate::domain::search::{Filter, HitSource, ScoredChunk, VectorQuery, WordsQuery};
use crate::domain::{ChunkId, DocumentId, ModelId};
use crate::index::files::Folder;
use crate::index::stop::Stop;
use crate::index::vectors::Model;
use crate::index::view::View;
use crate::store::shared::legs::Cores;
use crate::store::{DatePage, DatedChunks, Legs, SearchStore, StoreResult, TermSuggestion};

use super::SqliteStore;
use tidy::Tidying;

pub(super) use patient::settle;
pub(super) use vectors::floats;
pub(super) use write::{IndexedChunk, Packing, document_ids, forget_words, index_chunks};

/// What a process knows of the index.
#[derive(Debug)]
pub(super) struct SearchIndex {
    folder: Folder,
    state: RwLock<State>,
    /// Held while the state is brought up to date: one search does it for all that wait.
    catching_up: tokio::sync::Mutex<()>,
    tidying: Arc<Tidying>,
}

/// The present, as far as this process has seen it. Searches take what they need and let go of it at once.
#[derive(Debug, Default)]
struct State {
    view: Arc<View>,
    models: HashMap<String, Arc<Model>>,
    seen: catch_up::Seen,
}

impl SearchIndex {
    /// The index of the store at `path`; nothing is read before the first search.
    pub(super) fn beside(path: &Path) -> Self {
        let mut folder = path.to_owned().into_os_string();
        folder.push("-index");
        Self {
            folder: Folder::at(folder.into()),
            state: RwLock::default(),
            catching_up: tokio::sync::Mutex::default(),
            tidying: Arc::default(),
        }
    }

    /// Where its files lie.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Vectors known of one model, and how many of them lie in blocks.
    #[cfg(test)]
    pub(super) fn vectors_held(&self, model: &str) -> (usize, usize) {
        let state = self.read();
        state
            .models
            .get(model)
            .map_or((0, 0), |model| (model.vectors(), model.blocks.iter().map(|(_, block)| block.vectors()).sum()))
    }
}

/// Runs scoring off the async threads, and stops it when nobody waits any more.
async fn compute<T: Send + 'static>(work: impl FnOnce(&Stop) -> T + Send + 'static) -> StoreResult<T> {
    Cores::default().run(work).await
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
        let present = self.catch_up().await?;
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

    async fn chunk_vectors(&self, model: &ModelId, chunks: &[ChunkId]) -> StoreResult<HashMap<ChunkId, Vec<f32>>> {
        self.vectors_of_chunks(model, chunks).await
    }

    async fn warm_up(&self) -> StoreResult<()> {
        // The rest is read where it lies, by the search that asks for it.
        self.catch_up().await.map(drop)
    }
}
