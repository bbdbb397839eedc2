//! Both legs of a search over one moment of the index, scored the same way for every engine; and the threads it is done on.
//! Called by both engines' `search`, which know what there is and what may be returned.
//!
//! Words and codes are scored side by side from the same moment. What fusion needs of the unlisted falls out of it: the
//! words of every chunk are scored anyway, and every vector's codes are at hand.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::domain::search::{Occur, ScoredChunk, VectorQuery, WordMatch, WordsQuery};
use crate::domain::{ChunkId, DocumentId};
use crate::index::codes::worth_rescoring;
use crate::index::matching::Matching;
use crate::index::score::{best, scores};
use crate::index::stop::{Stop, apart};
use crate::index::vectors::{Asked, Known};
use crate::index::view::{Allowed, View};
use crate::store::{Legs, StoreError, StoreResult};

/// Where scoring runs: off the async threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cores(Option<Arc<Semaphore>>);

impl Cores {
    /// No more at once than there are cores, since each needs one whole.
    pub(crate) fn one_each() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self(Some(Arc::new(Semaphore::new(cores))))
    }

    /// Runs work, and stops it when nobody waits any more. A panic there is a bug and is reported as one.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> StoreResult<T> {
        let permit = match &self.0 {
            // The semaphore is never closed. The work keeps its place until it has stopped, also when nobody waits any more.
            Some(places) => Arc::clone(places).acquire_owned().await.ok(),
            None => None,
        };
        let done = apart(move |stop| {
            let _permit = permit;
            work(stop)
        });
        done.await.map_err(|error| StoreError::invariant("score candidates", "", format!("scoring failed: {error}")))
    }
}

/// What is searched, and what for.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    /// The chunks.
    pub(crate) view: Arc<View>,
    /// The models of the queries.
    pub(crate) known: Known,
    /// What may be returned.
    pub(crate) allowed: Allowed,
    /// Nothing when it has no clauses.
    pub(crate) words: &'a WordsQuery,
    /// Best model first.
    pub(crate) queries: &'a [VectorQuery],
    /// So many of each leg.
    pub(crate) limit: usize,
}

/// See the promise of `SearchStore::search_legs`; a query without clauses or without vectors leaves that leg empty.
pub(crate) async fn legs(cores: &Cores, search: Search<'_>) -> StoreResult<Legs> {
    let Search { view, known, allowed, words, queries, limit } = search;
    let is_gated = words.clauses.iter().any(|(occur, _)| *occur != Occur::Should);
    let scoring = {
        let (view, words) = (Arc::clone(&view), words.clone());
        cores.run(move |stop| if words.clauses.is_empty() { Vec::new() } else { scores(&view, &words, stop) })
    };
    let scanning = |scores: Option<Arc<Vec<f32>>>| {
        let (view, queries, known, allowed) = (Arc::clone(&view), queries.to_vec(), known.clone(), allowed.clone());
        cores.run(move |stop| {
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
    let putting_together = cores.run(move |_| {
        let asked = known.asked(&queries);
        let near = worth_rescoring(near, limit, asked.error());
        let is_asked = words.clauses.iter().any(|(occur, _)| *occur != Occur::MustNot);
        let best = if is_asked { best(&scores, &view, &allowed, limit) } else { Vec::new() };
        put_together(&view, &asked, &scores, &best, &near, limit)
    });
    putting_together.await
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

/// BM25 of given chunks, in order; `None` for one that matches no clause or that a clause rules out.
pub(crate) async fn score_given(
    cores: &Cores,
    view: Arc<View>,
    query: &WordsQuery,
    chunks: &[ChunkId],
) -> StoreResult<Vec<Option<f32>>> {
    let (query, chunks) = (query.clone(), chunks.to_vec());
    let scoring = cores.run(move |stop| {
        let scores = scores(&view, &query, stop);
        let score = |id: &ChunkId| scores.get(view.slot(id.0)?).copied().filter(|score| *score > 0.0);
        chunks.iter().map(score).collect()
    });
    scoring.await
}

/// How many chunks hold each term.
pub(crate) fn frequencies(view: &View, terms: &[String]) -> Vec<u64> {
    let count = |term: &String| Matching::of(view, &WordMatch::Term(term.clone()), &Stop::default()).count().chunks;
    terms.iter().map(count).collect()
}

/// The queries' vectors must have their models' dimensions; a bug of the caller where not.
pub(crate) fn check_dimension(query: &VectorQuery, dimension: usize) -> StoreResult<()> {
    if query.vector.len() == dimension {
        return Ok(());
    }
    let message = format!("query vector has {} dimensions, the model has {dimension}", query.vector.len());
    Err(StoreError::invariant("search vectors", query.model.to_string(), message))
}
