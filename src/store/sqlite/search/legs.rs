//! Both legs in one go: words and codes are scored side by side from the same moment. What fusion needs of the unlisted
//! falls out of it: the words of every chunk are scored anyway, and every vector's codes are at hand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::search::{Filter, Occur, ScoredChunk, VectorQuery, WordsQuery};
use crate::domain::{ChunkId, DocumentId};
use crate::index::codes::worth_rescoring;
use crate::index::score::{best, scores};
use crate::index::vectors::Asked;
use crate::index::view::View;
use crate::store::{Legs, StoreResult};

use super::super::SqliteStore;
use super::compute;

impl SqliteStore {
    /// See the promise of `SearchStore::search_legs`; a query without clauses or without vectors leaves that leg empty.
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
        let is_gated = words.clauses.iter().any(|(occur, _)| *occur != Occur::Should);
        let view = Arc::clone(&present.view);
        let scoring = {
            let (view, words) = (Arc::clone(&view), words.clone());
            compute(move |stop| if words.clauses.is_empty() { Vec::new() } else { scores(&view, &words, stop) })
        };
        let scanning = |scores: Option<Arc<Vec<f32>>>| {
            let (view, queries, known, allowed) = (Arc::clone(&view), queries.to_vec(), known.clone(), allowed.clone());
            compute(move |stop| {
                let asked = known.asked(&queries);
                asked.scan(&view, &allowed, scores.as_deref().map(Vec::as_slice), limit, stop)
            })
        };
        let (scores, near): (Arc<Vec<f32>>, Vec<(f32, u32)>) = if queries.is_empty() {
            (Arc::new(scoring.await?), Vec::new())
        } else if is_gated {
            // What words rule out is worth no look.
            let scores = Arc::new(scoring.await?);
            (Arc::clone(&scores), scanning(Some(scores)).await?)
        } else {
            let (scores, near) = tokio::try_join!(scoring, scanning(None))?;
            (Arc::new(scores), near)
        };
        let (words, queries) = (words.clone(), queries.to_vec());
        compute(move |_| {
            let asked = known.asked(&queries);
            let near = worth_rescoring(near, limit, asked.error());
            let is_asked = words.clauses.iter().any(|(occur, _)| *occur != Occur::MustNot);
            let best = if is_asked { best(&scores, &view, &allowed, limit) } else { Vec::new() };
            put_together(&view, &asked, &scores, &best, &near, limit)
        })
        .await
    }
}

/// Both lists, and each leg's scores of what only the other listed.
fn put_together(
    view: &View,
    asked: &Asked<'_>,
    scores: &[f32],
    best: &[(f32, u32)],
    near: &[u32],
    limit: usize,
) -> Legs {
    let score_of = |id: i64| view.slot(id).and_then(|slot| scores.get(slot).copied()).unwrap_or(0.0);
    let found = near.iter().filter_map(|slot| {
        let chunk = scored(view, *slot, 0.0);
        Some(ScoredChunk { score: asked.fine_score(chunk.chunk_id.0)?, ..chunk })
    });
    let vectors = best_first(found.collect(), limit);
    let words = best_first(best.iter().map(|(score, slot)| scored(view, *slot, *score)).collect(), limit);
    let ids = |leg: &[ScoredChunk]| leg.iter().map(|chunk| chunk.chunk_id).collect::<HashSet<ChunkId>>();
    let (by_vectors, by_words) = (ids(&vectors), ids(&words));
    let vectors_of_others: HashMap<ChunkId, f32> =
        by_words.difference(&by_vectors).filter_map(|id| Some((*id, asked.fine_score(id.0)?))).collect();
    let words_of_others: HashMap<ChunkId, f32> =
        by_vectors.difference(&by_words).map(|id| (*id, score_of(id.0))).filter(|(_, score)| *score > 0.0).collect();
    Legs { words, vectors, words_of_others, vectors_of_others }
}

fn scored(view: &View, slot: u32, score: f32) -> ScoredChunk {
    let slot = slot as usize;
    ScoredChunk { chunk_id: ChunkId(view.id(slot)), document_id: DocumentId(view.document_id(slot)), score }
}

/// Best first, ties by chunk id: the order every leg promises.
fn best_first(mut scored: Vec<ScoredChunk>, limit: usize) -> Vec<ScoredChunk> {
    scored.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk_id.cmp(&b.chunk_id)));
    scored.truncate(limit);
    scored
}
