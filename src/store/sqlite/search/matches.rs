//! Scores given chunks by their words, and counts what holds a term.

use std::sync::Arc;

use crate::domain::ChunkId;
use crate::domain::search::{WordMatch, WordsQuery};
use crate::index::matching::Matching;
use crate::index::score::scores;
use crate::index::stop::Stop;
use crate::store::StoreResult;

use super::super::SqliteStore;

impl SqliteStore {
    /// BM25 of given chunks, in order; `None` for one that matches no clause or that a clause rules out.
    pub(super) async fn score_given(&self, query: &WordsQuery, chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>> {
        let view = self.catch_up().await?.view;
        let (query, chunks) = (query.clone(), chunks.to_vec());
        super::compute(move |stop| {
            let scores = scores(&view, &query, stop);
            let score = |id: &ChunkId| scores.get(view.slot(id.0)?).copied().filter(|score| *score > 0.0);
            chunks.iter().map(score).collect()
        })
        .await
    }

    /// How many chunks hold each term.
    pub(super) async fn term_frequencies(&self, terms: &[String]) -> StoreResult<Vec<u64>> {
        let view = Arc::clone(&self.catch_up().await?.view);
        let count =
            |term: &String| Matching::of(&view, &WordMatch::Term(term.clone()), &Stop::default()).count().chunks;
        Ok(terms.iter().map(count).collect())
    }
}
