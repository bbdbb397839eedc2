//! Both legs in one go: words and codes are scored side by side over one view. What fusion needs of the unlisted falls
//! out of it: the words of every chunk are scored anyway, and every vector's codes are at hand.
//! One round trip when nothing changed and the words' blocks are in memory, the look; with a filter, its statements too.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::ChunkId;
use crate::domain::search::{Filter, Occur, ScoredChunk, VectorQuery, WordsQuery};
use crate::index::codes::QueryCode;
use crate::index::stop::Stop;
use crate::store::{Legs, StoreResult};

use super::SearchIndex;
use super::codes::ModelCodes;
use super::matches::best;
use super::scan::Wanted;
use super::source::Source;
use super::vectors::{Asked, asked};
use super::view::{Allowed, Model, View};

/// How much deeper the server is asked when words may rule out what is near.
const GATED_DEPTH: usize = 10;

impl SearchIndex {
    /// See the promise of `SearchStore::search_legs`; a query without clauses or without vectors leaves that leg empty.
    pub(super) async fn legs(
        self: &Arc<Self>,
        source: Source,
        words: &WordsQuery,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Legs> {
        let has_words = words.clauses.iter().any(|(occur, _)| *occur != Occur::MustNot);
        let is_gated = words.clauses.iter().any(|(occur, _)| *occur != Occur::Should);
        if !has_words && queries.is_empty() {
            return Ok(Legs::default());
        }
        let view = self.refresh(source).await?;
        let asked = asked(&view, queries)?;
        let allowed = Arc::new(self.allowed(&view, filter).await?);
        // When segments are merged under the words, they are scored over a later view; a chunk that went between the two
        // is left out when it is to be shown.
        let scoring = self.word_scores(&view, words);
        let models: Vec<Model> = asked.iter().map(|(model, _)| model.clone()).collect();
        let codes = self.codes_for(&view, &models).await?;
        let (view, scores, near) = match codes {
            Some(codes) if !asked.is_empty() && !is_gated => {
                let scanning = self.near(&view, &codes, &asked, &allowed, Arc::default(), limit);
                let ((view, scores), near) = tokio::try_join!(scoring, scanning)?;
                (view, scores, Some((codes, near)))
            }
            Some(codes) if !asked.is_empty() => {
                let (view, scores) = scoring.await?;
                let near = self.near(&view, &codes, &asked, &allowed, Arc::clone(&scores), limit).await?;
                (view, scores, Some((codes, near)))
            }
            _ => {
                let (view, scores) = scoring.await?;
                (view, scores, None)
            }
        };
        let listed = if has_words { self.best_words(&view, &scores, &allowed, limit).await? } else { Vec::new() };
        if asked.is_empty() || limit == 0 {
            return Ok(Legs { words: listed, ..Legs::default() });
        }
        let (by_vectors, exact) = if let Some((codes, near)) = near {
            let others = scores_of(&codes, &asked, left_out(&listed, &near));
            (near, others)
        } else {
            let depth = if is_gated { limit.saturating_mul(GATED_DEPTH) } else { limit };
            let mut found = self.nearest_by_server(&view, &asked, &allowed, depth).await?;
            found.retain(|chunk| !word_score(&view, &scores, chunk.chunk_id).is_some_and(f32::is_nan));
            found.truncate(limit);
            let others = left_out(&listed, &found);
            let known = self.vector_scores(source, queries, &others).await?;
            (found, others.into_iter().zip(known).filter_map(|(id, score)| Some((id, score?))).collect())
        };
        let lists = |leg: &[ScoredChunk]| leg.iter().map(|chunk| chunk.chunk_id).collect::<HashSet<ChunkId>>();
        let listed_by_words = lists(&listed);
        let others = by_vectors.iter().map(|chunk| chunk.chunk_id).filter(|id| !listed_by_words.contains(id));
        let words_of_others = others
            .filter_map(|id| Some((id, word_score(&view, &scores, id)?)))
            .filter(|(_, score)| *score > 0.0)
            .collect();
        Ok(Legs { words: listed, vectors: by_vectors, words_of_others, vectors_of_others: exact })
    }

    /// The vector leg by codes.
    async fn near(
        &self,
        view: &Arc<View>,
        codes: &[Arc<ModelCodes>],
        asked: &[Asked<'_>],
        allowed: &Arc<Allowed>,
        words: Arc<Vec<f32>>,
        limit: usize,
    ) -> StoreResult<Vec<ScoredChunk>> {
        let models = codes.iter().zip(asked).map(|(codes, (_, query))| (Arc::clone(codes), QueryCode::of(query)));
        let share = view.share(allowed);
        let (view, allowed) = (Arc::clone(view), Arc::clone(allowed));
        let models = models.collect();
        self.scanned(Wanted { models, view, allowed, share, words, limit, stop: Stop::default() }).await
    }

    async fn best_words(
        &self,
        view: &Arc<View>,
        scores: &Arc<Vec<f32>>,
        allowed: &Arc<Allowed>,
        limit: usize,
    ) -> StoreResult<Vec<ScoredChunk>> {
        let (view, scores, allowed) = (Arc::clone(view), Arc::clone(scores), Arc::clone(allowed));
        self.score_apart(move |_| best(&view, &scores, &allowed, limit)).await
    }
}

/// Scores of chunks, each by the first model that has it.
fn scores_of(codes: &[Arc<ModelCodes>], asked: &[Asked<'_>], chunks: Vec<ChunkId>) -> HashMap<ChunkId, f32> {
    let queries: Vec<QueryCode> = asked.iter().map(|(_, query)| QueryCode::of(query)).collect();
    let score = |id: &ChunkId| codes.iter().zip(&queries).find_map(|(codes, query)| codes.fine_score(id.0, query));
    chunks.into_iter().filter_map(|id| Some((id, score(&id)?))).collect()
}

/// Chunks one leg lists and the other does not.
fn left_out(listed: &[ScoredChunk], by: &[ScoredChunk]) -> Vec<ChunkId> {
    let there: HashSet<ChunkId> = by.iter().map(|chunk| chunk.chunk_id).collect();
    listed.iter().map(|chunk| chunk.chunk_id).filter(|id| !there.contains(id)).collect()
}

/// The words' score of a chunk: NaN when they rule it out, `None` when it is not in the view.
fn word_score(view: &View, scores: &[f32], id: ChunkId) -> Option<f32> {
    let (part, place) = view.find(id.0)?;
    scores.get(part.base + place).copied()
}
