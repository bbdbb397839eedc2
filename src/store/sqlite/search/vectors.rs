//! The vector index in memory: one byte a dimension with a scale per vector, scanned whole, rescored exactly.
//!
//! Measured against graphs of neighbours (HNSW) and vec0: at 100,000 vectors a scan takes a millisecond or two, needs
//! no build, and loses nothing, since the best few hundred by code are scored again from the stored f32.

use std::collections::HashMap;

use simsimd::SpatialSimilarity;
use sqlx::Row;

use crate::domain::search::VectorQuery;
use crate::domain::{ChunkId, DocumentId, ModelId};
use crate::store::StoreResult;

use super::super::SqliteStore;
use super::super::error::classify;
use super::catch_up::Present;
use super::slots::{Allowed, Slots};

/// Six standard deviations of what rounding both sides to one byte a dimension adds to a cosine: each side's step is
/// about max/127 ≈ 0.002, its rounding error's deviation step/√12, so √2 · 0.002/√12 · 6.
const CODE_ERROR: f32 = 0.005;
/// Candidates by code that are scored exactly: at most this many per wanted hit, or that many in all.
const RESCORE_FACTOR: usize = 3;
const RESCORE_LEAST: usize = 200;

/// No vector in this slot.
const NONE: u32 = u32::MAX;

/// One model's codes.
#[derive(Debug, Default)]
struct Matrix {
    dimension: usize,
    codes: Vec<i8>,
    scales: Vec<f32>,
    /// Row per slot, or [`NONE`].
    rows: Vec<u32>,
    seen: i64,
}

/// The codes of all models in use.
#[derive(Debug, Default)]
pub(super) struct Matrices {
    models: HashMap<String, Matrix>,
}

/// A stored vector (f32 little-endian) as bytes of −127..127 and the scale that undoes it.
pub(super) fn quantise(bytes: &[u8]) -> (Vec<i8>, f32) {
    let values = floats(bytes);
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return (vec![0; values.len()], 0.0);
    }
    let scale = largest / 127.0;
    (values.iter().map(|value| (value / scale).round() as i8).collect(), scale)
}

pub(in crate::store::sqlite) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

impl Matrices {
    /// Greatest `embedding.seq` seen of a model.
    pub(super) fn seen(&self, model: &str) -> i64 {
        self.models.get(model).map_or(0, |matrix| matrix.seen)
    }

    pub(super) fn set_seen(&mut self, model: &str, dimension: usize, seen: i64) {
        let matrix = self.models.entry(model.to_owned()).or_default();
        matrix.dimension = dimension;
        matrix.seen = seen;
    }

    /// Adds vectors of chunks; one whose chunk has no slot (not searchable, gone) is passed over.
    pub(super) fn add(
        &mut self,
        model: &str,
        dimension: usize,
        slots: &Slots,
        vectors: impl Iterator<Item = (i64, Vec<i8>, f32)>,
    ) {
        let matrix = self.models.entry(model.to_owned()).or_default();
        matrix.dimension = dimension;
        for (id, code, scale) in vectors {
            let Some(slot) = slots.slot(id) else { continue };
            if matrix.rows.len() <= slot {
                matrix.rows.resize(slots.ids.len(), NONE);
            }
            let row = matrix.scales.len();
            matrix.rows[slot] = row as u32;
            matrix.codes.extend_from_slice(&code);
            matrix.scales.push(scale);
        }
    }

    /// Approximate scores of the allowed slots that have a vector in one of the models and may be among the best `limit`
    /// once scored exactly, and some more; in no order.
    pub(super) fn scan(
        &self,
        queries: &[VectorQuery],
        slots: &Slots,
        allowed: &Allowed,
        limit: usize,
    ) -> Vec<(f32, u32)> {
        let asked: Vec<(&Matrix, Vec<i8>, f32, &VectorQuery)> = queries
            .iter()
            .filter_map(|query| {
                let matrix = self.models.get(&query.model.0)?;
                let bytes: Vec<u8> = query.vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                let (code, scale) = quantise(&bytes);
                Some((matrix, code, scale, query))
            })
            .collect();
        // Whenever many have gathered, what cannot be among the best any more goes, and nothing like it comes in again.
        let many = limit.saturating_mul(4).max(4 * RESCORE_LEAST);
        let mut scored: Vec<(f32, u32)> = Vec::with_capacity(many.min(slots.ids.len()));
        let mut least = f32::NEG_INFINITY;
        for slot in 0..slots.ids.len() {
            if !allowed.slot(slots, slot) {
                continue;
            }
            // The first model that has this chunk scores it.
            let found = asked.iter().find_map(|(matrix, code, scale, query)| {
                let row = *matrix.rows.get(slot).filter(|row| **row != NONE)? as usize;
                let stored = &matrix.codes[row * matrix.dimension..(row + 1) * matrix.dimension];
                let dot = i8::dot(code, stored)? as f32;
                Some(query.scale * dot * scale * matrix.scales[row] + query.offset)
            });
            if let Some(score) = found.filter(|score| *score >= least) {
                scored.push((score, slot as u32));
                if scored.len() == many {
                    least = least_worth(&mut scored, limit);
                    scored.retain(|(score, _)| *score >= least);
                    scored.truncate(many / 2);
                }
            }
        }
        scored
    }
}

/// The least approximate score that may be among the best `limit` of `scored` (more than `limit`) once scored exactly.
fn least_worth(scored: &mut [(f32, u32)], limit: usize) -> f32 {
    let (_, last, _) = scored.select_nth_unstable_by(limit.max(1) - 1, |a, b| b.0.total_cmp(&a.0));
    last.0 - CODE_ERROR
}

/// The slots that can be among the best `limit` once scored exactly: the best by code, and whatever is within the error
/// of the codes below the last of them.
pub(super) fn worth_rescoring(mut scored: Vec<(f32, u32)>, limit: usize) -> Vec<u32> {
    if limit == 0 {
        return Vec::new();
    }
    if scored.len() > limit {
        let least = least_worth(&mut scored, limit);
        scored.retain(|(score, _)| *score >= least);
        let most = (limit * RESCORE_FACTOR).max(RESCORE_LEAST);
        if scored.len() > most {
            scored.select_nth_unstable_by(most - 1, |a, b| b.0.total_cmp(&a.0));
            scored.truncate(most);
        }
    }
    scored.into_iter().map(|(_, slot)| slot).collect()
}

impl SqliteStore {
    /// Calibrated cosines from the stored f32, in the order of `chunks`.
    pub(super) async fn exact_scores(
        &self,
        present: &Present,
        queries: &[VectorQuery],
        chunks: &[ChunkId],
    ) -> StoreResult<Vec<Option<f32>>> {
        let mut scores: HashMap<i64, f32> = HashMap::with_capacity(chunks.len());
        for query in queries {
            let Some((_, model, dimension)) = present.model(&query.model.0) else { continue };
            let missing: Vec<i64> = chunks.iter().map(|id| id.0).filter(|id| !scores.contains_key(id)).collect();
            if missing.is_empty() || query.vector.len() != *dimension {
                continue;
            }
            let ids = serde_json::to_string(&missing).unwrap_or_default();
            let rows = sqlx::query(
                "SELECT chunk_id, vector FROM embedding WHERE chunk_id IN (SELECT value FROM json_each(?)) \
                 AND model_seq = ? AND vector IS NOT NULL",
            )
            .bind(ids)
            .bind(model)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| classify("score vectors", query.model.to_string(), error))?;
            for row in rows {
                let vector = floats(row.get(1));
                let cosine: f32 = vector.iter().zip(&query.vector).map(|(a, b)| a * b).sum();
                scores.insert(row.get(0), query.scale * cosine + query.offset);
            }
        }
        Ok(chunks.iter().map(|id| scores.get(&id.0).copied()).collect())
    }

    pub(super) async fn vectors_of_document(&self, model: &ModelId, id: DocumentId) -> StoreResult<Vec<Vec<f32>>> {
        let rows = sqlx::query(
            "SELECT embedding.vector FROM embedding \
             JOIN chunk ON chunk.id = embedding.chunk_id JOIN document ON document.seq = chunk.document_seq \
             JOIN model ON model.seq = embedding.model_seq \
             WHERE document.id = ? AND model.name = ? AND embedding.vector IS NOT NULL ORDER BY chunk.ordinal",
        )
        .bind(id.0.as_bytes().as_slice())
        .bind(&model.0)
        .fetch_all(&self.reader)
        .await
        .map_err(|error| classify("read vectors of document", id.to_string(), error))?;
        Ok(rows.iter().map(|row| floats(row.get(0))).collect())
    }
}
