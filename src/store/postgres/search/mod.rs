//! Both legs of search over PostgreSQL: the segments of `index`, whose bytes this database keeps in rows.
//!
//! `write` packs what a commit brings into a segment, `tidy` merges segments and packs vectors, `store::postgres::terms`
//! makes all of it anew; `pieces` reads and writes their bytes, large ones by way of a copy on this host (`local`).
//! `refresh` brings a process to the present, which costs one small statement when nothing changed (`answers` says whose
//! quotes count less); `vectors` does the same for the vectors of the models that are asked, `exact` scores by the stored
//! ones. `legs` searches (with `store::shared::legs`), `filter` turns conditions and trees into a set of documents, `suggest`
//! finds words, `hydrate` what hits show; `source` says which server is read. `check` holds the index against the tables.
//! Everything committed is searched, by whichever process it was committed.

mod answers;
mod check;
mod exact;
mod filter;
mod hydrate;
mod legs;
mod local;
mod pieces;
mod refresh;
mod source;
mod suggest;
mod tidy;
mod vectors;
mod write;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;

use crate::domain::search::{Filter, HitSource, ScoredChunk, VectorQuery, WordsQuery};
use crate::domain::{ChunkId, DocumentId, ModelId};
use crate::store::shared::legs::Cores;
use crate::store::{DatePage, DatedChunks, Legs, SearchStore, StoreResult, TermSuggestion};

use super::PostgresStore;
use super::replica::Replica;
use local::Local;
use refresh::Looking;
use source::Source;
use tidy::Tidying;

pub(super) use write::{IndexedChunk, forget_vectors, forget_words, index_chunks};

/// How long a standby may take to be read for the first time.
const REPLICA_WARM_UP: Duration = Duration::from_secs(30);

/// What a process knows of the index, and the connections it is read by.
#[derive(Debug)]
pub(super) struct SearchIndex {
    pool: PgPool,
    /// The standby, where there is one.
    replica: OnceLock<Replica>,
    primary_looks: Looking,
    replica_looks: Looking,
    /// Looks at the database that were begun; tells a waiting search whether one began after it came.
    looks_begun: AtomicU64,
    local: Arc<Local>,
    cores: Cores,
    tidying: Tidying,
}

impl SearchIndex {
    /// An index read over `pool`, with copies of large segments in `folder`, or for this process alone; nothing is read
    /// before the first search.
    pub(super) fn new(pool: PgPool, folder: Option<PathBuf>) -> Self {
        Self {
            pool,
            replica: OnceLock::new(),
            primary_looks: Looking::default(),
            replica_looks: Looking::default(),
            looks_begun: AtomicU64::new(0),
            local: Arc::new(Local::at(folder)),
            cores: Cores::one_each(),
            tidying: Tidying::default(),
        }
    }

    /// Follows a standby from now on and lets it serve reads. Called once, before the first search.
    pub(super) fn serve_from(&self, replica: Replica) {
        if self.replica.set(replica).is_err() {
            tracing::warn!(event = "second_replica_ignored", "one is followed already");
        }
    }

    /// The standby, where there is one.
    pub(super) fn replica(&self) -> Option<&Replica> {
        self.replica.get()
    }
}

#[async_trait]
impl SearchStore for PostgresStore {
    async fn search_words(&self, query: &WordsQuery, filter: &Filter, limit: usize) -> StoreResult<Vec<ScoredChunk>> {
        let legs = self.search.reading(|source| self.search.legs(source, query, &[], filter, limit));
        Ok(legs.await?.words)
    }

    async fn search_vectors(
        &self,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Vec<ScoredChunk>> {
        let words = WordsQuery::default();
        let legs = self.search.reading(|source| self.search.legs(source, &words, queries, filter, limit));
        Ok(legs.await?.vectors)
    }

    async fn search_legs(
        &self,
        words: &WordsQuery,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Legs> {
        self.search.reading(|source| self.search.legs(source, words, queries, filter, limit)).await
    }

    async fn score_vectors(&self, queries: &[VectorQuery], chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>> {
        self.search.reading(|source| self.search.vector_scores(source, queries, chunks)).await
    }

    async fn score_words(&self, query: &WordsQuery, chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>> {
        self.search.reading(|source| self.search.score_given(source, query, chunks)).await
    }

    async fn by_date(&self, filter: &Filter, page: &DatePage) -> StoreResult<DatedChunks> {
        self.search.reading(|source| self.search.chunks_by_date(source, filter, page)).await
    }

    async fn hydrate(&self, chunks: &[ChunkId]) -> StoreResult<Vec<HitSource>> {
        self.search.hydrate_chunks(chunks).await
    }

    async fn document_frequencies(&self, terms: &[String]) -> StoreResult<Vec<u64>> {
        self.search.reading(|source| self.search.frequencies(source, terms)).await
    }

    async fn suggest(&self, word: &str, limit: usize) -> StoreResult<Vec<TermSuggestion>> {
        self.search.reading(|source| self.search.suggest_words(source, word, limit)).await
    }

    async fn document_vectors(&self, model: &ModelId, id: DocumentId) -> StoreResult<Vec<Vec<f32>>> {
        self.search.reading(|source| self.search.vectors_of_document(source, model, id)).await
    }

    async fn chunk_vectors(&self, model: &ModelId, chunks: &[ChunkId]) -> StoreResult<HashMap<ChunkId, Vec<f32>>> {
        self.search.reading(|source| self.search.vectors_of_chunks(source, model, chunks)).await
    }

    async fn warm_up(&self) -> StoreResult<()> {
        // The rest is read where it lies, by the search that asks for it.
        self.search.refresh(Source::Primary).await?;
        if self.search.replica().is_some() {
            // One that is not there is no reason to fail.
            let looking = self.search.refresh(Source::Replica);
            if !matches!(tokio::time::timeout(REPLICA_WARM_UP, looking).await, Ok(Ok(_))) {
                tracing::debug!(event = "replica_not_warm", "its first search reads what it needs");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
