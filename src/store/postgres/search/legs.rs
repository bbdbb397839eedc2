//! Both legs in one go: words and codes are scored side by side over one view, then one statement scores exactly what
//! either listed. What fusion needs of the unlisted falls out of it: the words of every chunk are scored anyway.
//! Three round trips in all when nothing changed: the look, the filter if there is one, the exact scores.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::ChunkId;
use crate::domain::search::{Filter, Occur, ScoredChunk, VectorQuery, WordsQuery};
use crate::store::shared::codes::QueryCode;
use crate::store::{Legs, StoreResult};

use super::codes::{Candidate, Gate, ModelCodes, scan};
use super::matches::best;
use super::source::Source;
use super::vectors::{Asked, asked};
use super::view::{Allowed, Model, View};
use super::{SearchIndex, best_first};

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
        let allowed = Arc::new(self.allowed(source, filter).await?);
        // One moment for both legs: when segments are merged under the words, they are scored over a later view, and
        // what is near is looked up in that one.
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
            self.rescored(&view, &codes, &asked, &near, &listed, limit).await?
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

    /// Candidates by code.
    async fn near(
        &self,
        view: &Arc<View>,
        codes: &[Arc<ModelCodes>],
        asked: &[Asked<'_>],
        allowed: &Arc<Allowed>,
        words: Arc<Vec<f32>>,
        limit: usize,
    ) -> StoreResult<Vec<Candidate>> {
        let models: Vec<(Arc<ModelCodes>, QueryCode)> =
            codes.iter().zip(asked).map(|(codes, (_, query))| (Arc::clone(codes), QueryCode::of(query))).collect();
        let (view, allowed) = (Arc::clone(view), Arc::clone(allowed));
        self.score_apart(move || {
            let gate = Gate { view: &view, allowed: &allowed, share: view.share(&allowed), words: &words };
            scan(&models, &gate, limit)
        })
        .await
    }

    async fn best_words(
        &self,
        view: &Arc<View>,
        scores: &Arc<Vec<f32>>,
        allowed: &Arc<Allowed>,
        limit: usize,
    ) -> StoreResult<Vec<ScoredChunk>> {
        let (view, scores, allowed) = (Arc::clone(view), Arc::clone(scores), Arc::clone(allowed));
        self.score_apart(move || best(&view, &scores, &allowed, limit)).await
    }

    /// The vector leg in order, and the scores of what only the words leg lists: one statement for all.
    async fn rescored(
        &self,
        view: &View,
        codes: &[Arc<ModelCodes>],
        asked: &[Asked<'_>],
        near: &[Candidate],
        listed: &[ScoredChunk],
        limit: usize,
    ) -> StoreResult<(Vec<ScoredChunk>, HashMap<ChunkId, f32>)> {
        let mut of_model: Vec<Vec<i64>> = vec![Vec::new(); asked.len()];
        for candidate in near {
            of_model[candidate.model].push(candidate.id);
        }
        let by_code: HashSet<i64> = near.iter().map(|candidate| candidate.id).collect();
        for id in listed.iter().map(|chunk| chunk.chunk_id.0).filter(|id| !by_code.contains(id)) {
            if let Some(model) = codes.iter().position(|codes| codes.has_vector(id)) {
                of_model[model].push(id);
            }
        }
        let mut exact = self.exact_scores(view.source, asked, of_model).await?;
        let found = near.iter().filter_map(|candidate| {
            let (part, place) = view.find(candidate.id)?;
            let document_id = part.segment.places.get(place)?.document_id;
            let chunk_id = ChunkId(candidate.id);
            Some(ScoredChunk { chunk_id, document_id, score: *exact.get(&chunk_id)? })
        });
        let by_vectors = best_first(found.collect(), limit);
        let others: HashSet<ChunkId> = left_out(listed, &by_vectors).into_iter().collect();
        exact.retain(|id, _| others.contains(id));
        Ok((by_vectors, exact))
    }
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
