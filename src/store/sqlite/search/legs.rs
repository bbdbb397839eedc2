//! Both legs in one go: words and codes are scored side by side from the same moment. What fusion needs of the unlisted
//! falls out of it: the words of every chunk are scored anyway, and every vector's codes are at hand.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use crate::domain::search::{Filter, Occur, ScoredChunk, VectorQuery, WordsQuery};
use crate::domain::{ChunkId, DocumentId};
use crate::store::shared::codes::worth_rescoring;
use crate::store::{Legs, StoreResult};

use super::super::SqliteStore;
use super::slots::Slots;
use super::{compute, matches, vectors};

impl SqliteStore {
    /// See the promise of `SearchStore::search_legs`; a query without clauses or without vectors leaves that leg empty.
    pub(super) async fn legs(
        &self,
        words: &WordsQuery,
        queries: &[VectorQuery],
        filter: &Filter,
        limit: usize,
    ) -> StoreResult<Legs> {
        self.catch_up_vectors(queries).await?;
        let allowed = self.allowed(filter).await?;
        let clauses = self.sources(words).await?;
        let is_asked = clauses.iter().any(|(occur, _)| *occur != Occur::MustNot);
        let is_gated = clauses.iter().any(|(occur, _)| *occur != Occur::Should);
        let state = Arc::clone(&self.index.state);
        let scoring = compute(move |stop| {
            let state = state.read().unwrap_or_else(PoisonError::into_inner);
            if clauses.is_empty() {
                Vec::new()
            } else {
                matches::accumulate(&clauses, &state.slots, state.words.as_ref(), stop)
            }
        });
        // What words rule out is known only afterwards: everything has to be kept until then.
        let deep = if is_gated { usize::MAX } else { limit };
        let (state, wanted, may) = (Arc::clone(&self.index.state), queries.to_vec(), allowed.clone());
        let scanning = compute(move |stop| {
            let state = state.read().unwrap_or_else(PoisonError::into_inner);
            if wanted.is_empty() { Vec::new() } else { state.matrices.scan(&wanted, &state.slots, &may, deep, stop) }
        });
        let (scores, mut near) = tokio::try_join!(scoring, scanning)?;
        // What was committed between the two reads has a slot beyond the scores: it matches no word here.
        let score_of = |slot: usize| scores.get(slot).copied().unwrap_or(0.0);
        if is_gated {
            near.retain(|(_, slot)| !score_of(*slot as usize).is_nan());
        }
        let near = worth_rescoring(near, limit, vectors::code_error(queries));
        let state = self.index.read();
        let (slots, asked) = (&state.slots, state.matrices.asked(queries));
        let best = if is_asked { matches::best(&scores, slots, &allowed, limit) } else { Vec::new() };
        let found = near.iter().filter_map(|slot| Some(scored(slots, *slot, asked.fine_score(*slot)?)));
        let by_vectors = best_first(found.collect(), limit);
        let ids = |leg: &[ScoredChunk]| leg.iter().map(|chunk| chunk.chunk_id).collect::<HashSet<ChunkId>>();
        let listed_by_vectors = ids(&by_vectors);
        let others = best.iter().filter(|(_, slot)| !listed_by_vectors.contains(&ChunkId(slots.ids[*slot as usize])));
        let vectors_of_others: HashMap<ChunkId, f32> = others
            .filter_map(|(_, slot)| Some((ChunkId(slots.ids[*slot as usize]), asked.fine_score(*slot)?)))
            .collect();
        let listed = best_first(best.iter().map(|(score, slot)| scored(slots, *slot, *score)).collect(), limit);
        let listed_by_words = ids(&listed);
        let others = by_vectors.iter().map(|chunk| chunk.chunk_id).filter(|id| !listed_by_words.contains(id));
        let words_of_others: HashMap<ChunkId, f32> =
            others.filter_map(|id| Some((id, score_of(slots.slot(id.0)?)))).filter(|(_, score)| *score > 0.0).collect();
        Ok(Legs { words: listed, vectors: by_vectors, words_of_others, vectors_of_others })
    }
}

fn scored(slots: &Slots, slot: u32, score: f32) -> ScoredChunk {
    let slot = slot as usize;
    ScoredChunk { chunk_id: ChunkId(slots.ids[slot]), document_id: DocumentId(slots.document_id(slot)), score }
}

/// Best first, ties by chunk id: the order every leg promises.
fn best_first(mut scored: Vec<ScoredChunk>, limit: usize) -> Vec<ScoredChunk> {
    scored.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk_id.cmp(&b.chunk_id)));
    scored.truncate(limit);
    scored
}
