//! The two legs of search and what a hit shows. Called by `search::service` only.

use async_trait::async_trait;

use crate::domain::search::{Filter, HitSource, ScoredChunk, VectorQuery, WordsQuery};
use crate::domain::{ChunkId, DocumentId, ModelId};

use super::StoreResult;

/// A term of the index close to one that matched nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermSuggestion {
    /// The word as people write it (not stemmed).
    pub word: String,
    /// Edit distance (optimal string alignment) to the term asked for.
    pub distance: u32,
    /// Chunks that hold it.
    pub document_frequency: u64,
}

/// Words, vectors, and what to show.
#[async_trait]
pub trait SearchStore: Send + Sync {
    /// The best `limit` chunks by BM25 (k1 = 1.2, b = 0.75, idf = ln(1 + (N − n + 0.5) / (n + 0.5))), among documents
    /// that pass `filter`; best first, ties by chunk id. The filter is applied before the cut. Sees every committed document.
    async fn search_words(&self, query: &WordsQuery, filter: &Filter, limit: usize) -> StoreResult<Vec<ScoredChunk>>;

    /// The best `limit` chunks by calibrated cosine, best first, ties by chunk id. A chunk is scored in the first
    /// model of `queries` that holds a vector for it. Exact to f32 among the returned. The filter is applied in the scan.
    async fn search_vectors(
        &self,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Vec<ScoredChunk>>;

    /// Calibrated cosines of given chunks, in order; `None` for a chunk without a vector in any model of `queries`.
    async fn score_vectors(&self, queries: &[VectorQuery], chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>>;

    /// BM25 of given chunks for `query`, in order; `None` for a chunk that matches no clause.
    async fn score_words(&self, query: &WordsQuery, chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>>;

    /// First chunks of the newest documents that pass `filter`, newest date first: the answer to a query of filters only.
    async fn newest(&self, filter: &Filter, limit: usize) -> StoreResult<Vec<ScoredChunk>>;

    /// What hits show, in the order asked; chunks that vanished meanwhile are left out.
    async fn hydrate(&self, chunks: &[ChunkId]) -> StoreResult<Vec<HitSource>>;

    /// How many chunks hold each term, in order.
    async fn document_frequencies(&self, terms: &[String]) -> StoreResult<Vec<u64>>;

    /// Words of the index within edit distance 2 of `word` (1 for words of up to 4 letters), nearest and then most frequent first.
    async fn suggest(&self, word: &str, limit: usize) -> StoreResult<Vec<TermSuggestion>>;

    /// The stored vectors of a document's chunks in `model`; for "more like this".
    async fn document_vectors(&self, model: &ModelId, id: DocumentId) -> StoreResult<Vec<Vec<f32>>>;

    /// Brings the in-memory indexes up to date with the database; the searches do it by themselves when needed.
    async fn warm_up(&self) -> StoreResult<()>;
}
