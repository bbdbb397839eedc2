//! The vector leg while codes are not in memory: the server finds the nearest, by its graph (HNSW over half-precision
//! copies) where there is one and by a scan where not; the stored f32 score them. Called by `legs`.
//!
//! Retired documents and filters are applied to what the server returns, which is asked for more the less they let
//! through. When they let through little, or the graph's best are all ruled out, the allowed chunks are scored one by
//! one instead: a page is full whenever enough chunks exist. The graph's settings are set per connection
//! ([`GRAPH_SETTINGS`]).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use pgvector::Vector;
use sqlx::AssertSqlSafe;

use crate::domain::ChunkId;
use crate::domain::search::ScoredChunk;
use crate::store::StoreResult;

use super::super::error::classify;
use super::vectors::Asked;
use super::view::{Allowed, Model, View};
use super::{SearchIndex, best_first};

/// What every connection is opened with: how widely the graph is searched (recall@10 above 0.99 at 100,000 vectors),
/// and that it goes on searching when more rows are asked for.
pub(in crate::store::postgres) const GRAPH_SETTINGS: [(&str, &str); 3] =
    [("hnsw.ef_search", "200"), ("hnsw.iterative_scan", "relaxed_order"), ("hnsw.max_scan_tuples", "40000")];

/// Up to so many allowed chunks are scored one by one whatever share of the whole they are.
const FEW_CHUNKS: usize = 2_000;
/// Below this share of all chunks the allowed ones are scored one by one.
const SMALL_SHARE: f64 = 0.05;
/// Candidates asked of the graph at least.
const LEAST_CANDIDATES: usize = 100;
/// Candidates asked of the graph at most.
const MOST_CANDIDATES: usize = 6_400;
/// How long a model is known to cover every chunk before it is looked up again.
const COVERED_FOR: Duration = Duration::from_secs(2);

/// Scores by chunk id.
type Scores = Vec<(i64, f32)>;

impl SearchIndex {
    /// The best `limit` chunks by calibrated cosine.
    pub(super) async fn nearest_by_server(
        &self,
        view: &Arc<View>,
        asked: &[Asked<'_>],
        allowed: &Allowed,
        limit: usize,
    ) -> StoreResult<Vec<ScoredChunk>> {
        let share = view.share(allowed);
        let mut scored: HashMap<i64, f32> = HashMap::new();
        for number in 0..asked.len() {
            let found = self.best_of_model(view, asked, number, allowed, share, limit).await?;
            let (_, query) = &asked[number];
            for (id, cosine) in found {
                scored.entry(id).or_insert(query.scale * cosine + query.offset);
            }
            if number + 1 < asked.len() && self.covers(view, &asked[number].0).await? {
                break;
            }
        }
        let resolved = scored.into_iter().filter_map(|(id, score)| {
            let (part, place) = view.find(id)?;
            let document_id = part.segment.places.get(place)?.document_id;
            Some(ScoredChunk { chunk_id: ChunkId(id), document_id, score })
        });
        Ok(best_first(resolved.collect(), limit))
    }

    /// Best chunks of one model among those that no model before it has a vector for.
    async fn best_of_model(
        &self,
        view: &Arc<View>,
        asked: &[Asked<'_>],
        number: usize,
        allowed: &Allowed,
        share: f64,
        limit: usize,
    ) -> StoreResult<Scores> {
        let count = share * view.alive as f64;
        if share < SMALL_SHARE || (share < 0.5 && count <= FEW_CHUNKS as f64) {
            return self.best_exactly(view, asked, number, view.allowed_chunks(allowed), limit).await;
        }
        // A third more than the share demands, since a filter may keep more far away than near by.
        let mut wanted = (limit as f64 / share * if share < 1.0 { 1.33 } else { 1.0 }).ceil() as usize;
        if number > 0 {
            wanted *= 4;
        }
        // Rounded up, so that few different statements are prepared.
        wanted = wanted.max(LEAST_CANDIDATES).next_multiple_of(100);
        loop {
            let near = self.nearest(view, asked, number, wanted.min(MOST_CANDIDATES)).await?;
            let exhausted = near.seen < wanted.min(MOST_CANDIDATES);
            let kept: Scores = near
                .scores
                .into_iter()
                .filter(|(id, _)| view.find(*id).is_some_and(|(part, place)| allowed.lets(part, place)))
                .collect();
            // Exhausted: that was every vector the model has. Behind the first model few chunks are left to find: not
            // worth looking ever deeper.
            if kept.len() >= limit || kept.len() as f64 >= count || exhausted || number > 0 {
                return Ok(kept);
            }
            if wanted >= MOST_CANDIDATES {
                return self.best_exactly(view, asked, number, view.allowed_chunks(allowed), limit).await;
            }
            wanted *= 4;
        }
    }

    /// The graph's nearest, with exact scores.
    async fn nearest(&self, view: &View, asked: &[Asked<'_>], number: usize, wanted: usize) -> StoreResult<Near> {
        let (model, query) = &asked[number];
        let (seq, dimension) = (model.seq, model.dimension);
        // The first column counts what the graph returned, whatever the models before take away.
        let sql = format!(
            "WITH near AS MATERIALIZED (SELECT chunk_id, vector FROM embedding \
                WHERE model_seq = {seq} AND vector IS NOT NULL \
                ORDER BY vector::halfvec({dimension}) <=> $1::vector::halfvec({dimension}) LIMIT {wanted}) \
             SELECT near.chunk_id, (-(near.vector <#> $1))::REAL, (SELECT count(*) FROM near) FROM near WHERE TRUE{}",
            not_in_models("near.chunk_id", &asked[..number]),
        );
        let rows: Vec<(i64, f32, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(Vector::from(query.vector.clone()))
            .fetch_all(self.at(view.source))
            .await
            .map_err(|error| classify("search vectors", query.model.to_string(), error))?;
        // Nothing left may mean that all were taken away: no reason to think the graph is exhausted.
        let seen = rows.first().map_or(if number == 0 { 0 } else { wanted }, |(_, _, seen)| *seen as usize);
        Ok(Near { seen, scores: rows.into_iter().map(|(id, score, _)| (id, score)).collect() })
    }

    /// The best of given chunks, each scored.
    async fn best_exactly(
        &self,
        view: &View,
        asked: &[Asked<'_>],
        number: usize,
        chunks: Vec<i64>,
        limit: usize,
    ) -> StoreResult<Scores> {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        let (model, query) = &asked[number];
        let sql = format!(
            "SELECT e.chunk_id, (-(e.vector <#> $1))::REAL AS cosine FROM embedding e \
             WHERE e.model_seq = {} AND e.chunk_id = ANY($2) AND e.vector IS NOT NULL{} \
             ORDER BY cosine DESC, e.chunk_id LIMIT $3",
            model.seq,
            not_in_models("e.chunk_id", &asked[..number]),
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(Vector::from(query.vector.clone()))
            .bind(chunks)
            .bind(limit as i64)
            .fetch_all(self.at(view.source))
            .await
            .map_err(|error| classify("search vectors", query.model.to_string(), error))
    }

    /// Whether a model has every chunk, so that those behind it have nothing to add.
    async fn covers(&self, view: &View, model: &Model) -> StoreResult<bool> {
        let known = *self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seq, alive, at)) = known
            && seq == model.seq
            && alive == view.alive
            && at.elapsed() < COVERED_FOR
        {
            return Ok(true);
        }
        let done: Option<i64> = sqlx::query_scalar("SELECT done FROM embedding_total WHERE model_seq = $1")
            .bind(model.seq)
            .fetch_optional(self.at(view.source))
            .await
            .map_err(|error| classify("search vectors", model.name.as_str(), error))?;
        let covers = done.is_some_and(|done| done.unsigned_abs() >= view.alive);
        *self.covered.lock().unwrap_or_else(PoisonError::into_inner) =
            covers.then(|| (model.seq, view.alive, Instant::now()));
        Ok(covers)
    }
}

/// What the graph returned.
struct Near {
    /// Rows before the models that come first took theirs away.
    seen: usize,
    scores: Scores,
}

/// A clause that leaves out chunks the models before have vectors for.
fn not_in_models(chunk: &str, before: &[Asked<'_>]) -> String {
    if before.is_empty() {
        return String::new();
    }
    let models: Vec<String> = before.iter().map(|(model, _)| model.seq.to_string()).collect();
    format!(
        " AND NOT EXISTS (SELECT 1 FROM embedding f WHERE f.chunk_id = {chunk} AND f.model_seq IN ({}) \
         AND f.vector IS NOT NULL)",
        models.join(", "),
    )
}
