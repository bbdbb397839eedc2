//! Both legs of search over PostgreSQL: an inverted index of our own for words, pgvector's graph for meaning.
//!
//! PostgreSQL's own text ranking is not BM25 and reads every match whole, so commits write packed postings beside their
//! rows (`write`, `segment`), merged like a log-structured tree (`compact`). A search lists the segments (`refresh`,
//! one small statement), reads the few blocks that are not in memory yet (`blocks`, `cache`) and scores them with the
//! formula of the embedded store (`matches`). The other leg scans codes of all vectors in memory (`codes`, kept current by
//! `load`; `scan`); before they are loaded, and in a store whose codes take too much memory, the server is asked (`nearest`;
//! `neighbours` builds its graphs). `vectors` scores exactly, `legs` puts both legs together, `filter` turns conditions
//! and trees into a set of documents. Everything committed is searched, by whichever process it was committed.

mod blocks;
mod cache;
mod clauses;
mod codes;
mod compact;
mod filter;
mod hydrate;
mod legs;
mod load;
mod matches;
mod nearest;
mod neighbours;
mod refresh;
mod scan;
mod segment;
mod source;
mod suggest;
mod vectors;
mod view;
mod write;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::PgPool;
use tokio::sync::Semaphore;

use crate::domain::search::{Filter, HitSource, ScoredChunk, VectorQuery, WordsQuery};
use crate::domain::{ChunkId, DocumentId, ModelId};
use crate::index::stop::{Stop, apart};
use crate::store::{DatePage, DatedChunks, Legs, SearchStore, StoreError, StoreResult, TermSuggestion};

use super::PostgresStore;
use super::replica::Replica;
use cache::BlockCache;
use load::{Codes, Limits};
use refresh::Looking;
use scan::Scans;
use source::Source;

pub(super) use compact::forget_words;
pub(super) use nearest::GRAPH_SETTINGS;
pub(super) use neighbours::{drop_model_index, register_model_index};
pub(super) use write::{IndexedChunk, index_chunks};

/// How long a standby may take to be read for the first time.
const REPLICA_WARM_UP: Duration = Duration::from_secs(30);

/// What a process keeps of the index, and the connections it is read by.
#[derive(Debug)]
pub(super) struct SearchIndex {
    pool: PgPool,
    /// The standby, where there is one.
    replica: OnceLock<Replica>,
    primary_looks: Looking,
    replica_looks: Looking,
    /// Looks at the database that were begun; tells a waiting search whether one began after it came.
    looks_begun: AtomicU64,
    blocks: BlockCache,
    codes: Codes,
    scans: Arc<Scans>,
    limits: Limits,
    /// Scans and scorings that run at once: as many as there are cores, since each needs one whole.
    scoring: Arc<Semaphore>,
    dictionaries: Mutex<HashMap<i64, Arc<[u8]>>>,
    /// A model that had a vector of every chunk, of how many, and when that was seen.
    covered: Mutex<Option<(i64, u64, Instant)>>,
    /// Set while this process merges segments.
    compacting: Arc<AtomicBool>,
    commits: AtomicU64,
    /// Set while this process waits to build a graph, or builds one.
    building: Arc<AtomicBool>,
}

impl SearchIndex {
    /// An index read over `pool`; nothing is loaded before the first search.
    pub(super) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            replica: OnceLock::new(),
            primary_looks: Looking::default(),
            replica_looks: Looking::default(),
            looks_begun: AtomicU64::new(0),
            blocks: BlockCache::default(),
            codes: Codes::default(),
            scans: Arc::default(),
            limits: Limits::default(),
            scoring: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get))),
            dictionaries: Mutex::default(),
            covered: Mutex::default(),
            compacting: Arc::default(),
            commits: AtomicU64::new(0),
            building: Arc::default(),
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

    /// Runs scoring off the async threads, no more at once than there are cores.
    async fn score_apart<T: Send + 'static>(&self, work: impl FnOnce(&Stop) -> T + Send + 'static) -> StoreResult<T> {
        // The semaphore is never closed. The work keeps its place until it has stopped, also when nobody waits any more.
        let permit = Arc::clone(&self.scoring).acquire_owned().await;
        compute(move |stop| {
            let _permit = permit;
            work(stop)
        })
        .await
    }
}

/// Runs work off the async threads, and stops it when nobody waits any more. A panic there is a bug and is reported as one.
async fn compute<T: Send + 'static>(work: impl FnOnce(&Stop) -> T + Send + 'static) -> StoreResult<T> {
    apart(work).await.map_err(|error| StoreError::invariant("score candidates", "", format!("scoring failed: {error}")))
}

/// Best first, ties by chunk id: the order every leg promises.
fn best_first(mut scored: Vec<ScoredChunk>, limit: usize) -> Vec<ScoredChunk> {
    let order = |a: &ScoredChunk, b: &ScoredChunk| b.score.total_cmp(&a.score).then(a.chunk_id.cmp(&b.chunk_id));
    if scored.len() > limit && limit > 0 {
        scored.select_nth_unstable_by(limit - 1, order);
    }
    scored.truncate(limit);
    scored.sort_unstable_by(order);
    scored
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
        let scored = self.search.reading(|source| self.search.words_of(source, query, chunks)).await?;
        let by_id: HashMap<ChunkId, f32> = scored.iter().map(|s| (s.chunk_id, s.score)).collect();
        Ok(chunks.iter().map(|id| by_id.get(id).copied()).collect())
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
        self.search.build_graphs_soon();
        let view = self.search.refresh(Source::Primary).await?;
        self.search.load_codes(&view).await?;
        if self.search.replica().is_some() {
            // So that the first search there need not read everything; one that is not there is no reason to fail.
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
