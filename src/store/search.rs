//! The two legs of search and what a hit shows. Called by `search::service` only.

use async_trait::async_trait;

use std::collections::HashMap;

use crate::domain::search::{ByDate, Filter, HitSource, ScoredChunk, VectorQuery, WordsQuery};
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

/// Both legs of one search, and each leg's scores of what only the other leg listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Legs {
    /// The words leg, best first.
    pub words: Vec<ScoredChunk>,
    /// The vector leg, best first; nothing a required or forbidden word rules out.
    pub vectors: Vec<ScoredChunk>,
    /// BM25 of chunks that only the vector leg listed; those that match no clause are left out.
    pub words_of_others: HashMap<ChunkId, f32>,
    /// Calibrated cosines of chunks that only the words leg listed; those without a vector are left out.
    pub vectors_of_others: HashMap<ChunkId, f32>,
}

/// Which documents of an order by dates are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatePage {
    /// What comes first.
    pub order: ByDate,
    /// Documents passed over.
    pub offset: usize,
    /// Documents wanted.
    pub limit: usize,
}

/// A page of documents by date.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatedChunks {
    /// First chunks, in the order asked; without scores.
    pub chunks: Vec<ScoredChunk>,
    /// How many documents pass in all; `None` on a page behind the last.
    pub total: Option<u64>,
}

/// Words, vectors, and what to show.
#[async_trait]
pub trait SearchStore: Send + Sync {
    /// The best `limit` chunks by BM25 (k1 = 1.2, b = 0.75, idf = ln(1 + (N − n + 0.5) / (n + 0.5)), all counted over
    /// texts), among documents that pass `filter`; best first, ties by chunk id. A quote counts like a text unless the
    /// message it answers is live in the store; then, as for signatures, asides and names, a word is worth a part of its idf
    /// that is less than any text with the word gets. The filter is applied before the cut. Sees every committed document.
    async fn search_words(&self, query: &WordsQuery, filter: &Filter, limit: usize) -> StoreResult<Vec<ScoredChunk>>;

    /// The best `limit` chunks by calibrated cosine, best first, ties by chunk id. A chunk is scored in the first
    /// model of `queries` that holds a vector for it. Cosines are right to four digits. The filter is applied in the scan.
    async fn search_vectors(
        &self,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Vec<ScoredChunk>>;

    /// Both legs at once, each at most `limit` long, and what fusion needs of the unlisted. Required and forbidden words
    /// hold for the vector leg too.
    async fn search_legs(
        &self,
        words: &WordsQuery,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Legs>;

    /// Calibrated cosines of given chunks, in order; `None` for a chunk without a vector in any model of `queries`.
    async fn score_vectors(&self, queries: &[VectorQuery], chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>>;

    /// BM25 of given chunks for `query`, in order; `None` for a chunk that matches no clause.
    async fn score_words(&self, query: &WordsQuery, chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>>;

    /// A page of the documents that pass `filter`, in the order of their dates (of their arrival, where they have none), by
    /// their first chunks: the answer to a query that ranks nothing.
    async fn by_date(&self, filter: &Filter, page: &DatePage) -> StoreResult<DatedChunks>;

    /// The first page of the newest.
    async fn newest(&self, filter: &Filter, limit: usize) -> StoreResult<Vec<ScoredChunk>> {
        let page = DatePage { order: ByDate::Newest, offset: 0, limit };
        Ok(self.by_date(filter, &page).await?.chunks)
    }

    /// What hits show, in the order asked; chunks that vanished meanwhile are left out.
    async fn hydrate(&self, chunks: &[ChunkId]) -> StoreResult<Vec<HitSource>>;

    /// How many chunks hold each term, in order.
    async fn document_frequencies(&self, terms: &[String]) -> StoreResult<Vec<u64>>;

    /// Words of the index within edit distance 2 of `word` (1 for words of up to 4 letters), nearest and then most frequent first.
    async fn suggest(&self, word: &str, limit: usize) -> StoreResult<Vec<TermSuggestion>>;

    /// The stored vectors of a document's chunks in `model`; for "more like this".
    async fn document_vectors(&self, model: &ModelId, id: DocumentId) -> StoreResult<Vec<Vec<f32>>>;

    /// The stored vectors of given chunks in `model`; those without one are left out.
    async fn chunk_vectors(&self, model: &ModelId, chunks: &[ChunkId]) -> StoreResult<HashMap<ChunkId, Vec<f32>>>;

    /// Brings what this process knows of the index up to date with the database; the searches do it by themselves.
    async fn warm_up(&self) -> StoreResult<()>;
}
