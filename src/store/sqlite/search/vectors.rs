//! The vector index in memory: two codes of one byte a dimension with a scale per vector (`shared::codes`). The first is
//! scanned whole, both together score what the scan finds.

use std::collections::HashMap;

use sqlx::Row;

use crate::domain::search::VectorQuery;
use crate::domain::{ChunkId, DocumentId, ModelId};
use crate::store::StoreResult;
use crate::store::shared::codes::{Nearest, QueryCode, quantise, remainder};
use crate::store::shared::stop::Stop;

use super::super::SqliteStore;
use super::super::error::classify;
use super::catch_up::Present;
use super::slots::{Allowed, Slots};

/// Slots scanned between two looks whether anybody still waits.
const LOOKED_AT_ONCE: usize = 4_096;
/// No vector in this slot.
const NONE: u32 = u32::MAX;

/// One model's codes.
#[derive(Debug, Default)]
struct Matrix {
    dimension: usize,
    codes: Vec<i8>,
    /// What the codes leave.
    fine: Vec<i8>,
    scales: Vec<f32>,
    /// Row per slot, or [`NONE`].
    rows: Vec<u32>,
    seen: i64,
    /// Better models whose vectors made this one's superfluous: without them it lacks some.
    leans_on: Vec<String>,
    /// It was needed alone once, and may be again.
    stands_alone: bool,
}

/// The codes of all models in use.
#[derive(Debug, Default)]
pub(super) struct Matrices {
    models: HashMap<String, Matrix>,
}

pub(in crate::store::sqlite) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

/// A chunk's vector in codes.
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) chunk: i64,
    pub(super) code: Vec<i8>,
    pub(super) fine: Vec<i8>,
    pub(super) scale: f32,
}

impl Coded {
    pub(super) fn of(chunk: i64, vector: &[f32]) -> Self {
        let (code, scale) = quantise(vector);
        let fine = remainder(vector, &code, scale);
        Self { chunk, code, fine, scale }
    }
}

impl Matrix {
    fn row(&self, slot: usize) -> Option<usize> {
        self.rows.get(slot).filter(|row| **row != NONE).map(|row| *row as usize)
    }

    /// Room for one more row: for all chunks there are, so that nothing is copied again and again while many are read,
    /// and an eighth more than there are when they are all here.
    fn make_room(&mut self, chunks: usize) {
        if self.scales.len() == self.scales.capacity() {
            let held = self.scales.len();
            let more = chunks.saturating_sub(held).max(held / 8).max(1);
            self.scales.reserve_exact(more);
            self.codes.reserve_exact(more * self.dimension);
            self.fine.reserve_exact(more * self.dimension);
        }
    }

    /// Puts a vector in its slot, over the one that is there.
    fn put(&mut self, slot: usize, slots: usize, vector: &Coded) {
        if self.rows.len() <= slot {
            self.rows.resize(slots, NONE);
        }
        if let Some(row) = self.row(slot) {
            let bytes = self.bytes(row);
            self.codes[bytes.clone()].copy_from_slice(&vector.code);
            self.fine[bytes].copy_from_slice(&vector.fine);
            self.scales[row] = vector.scale;
            return;
        }
        self.rows[slot] = self.scales.len() as u32;
        self.make_room(slots);
        self.codes.extend_from_slice(&vector.code);
        self.fine.extend_from_slice(&vector.fine);
        self.scales.push(vector.scale);
    }

    fn bytes(&self, row: usize) -> std::ops::Range<usize> {
        row * self.dimension..(row + 1) * self.dimension
    }
}

/// Queries with the codes of their models, best model first: a chunk is scored by the first that has it.
pub(super) struct Asked<'a>(Vec<(&'a Matrix, QueryCode)>);

impl Asked<'_> {
    /// Calibrated cosine by both codes.
    pub(super) fn fine_score(&self, slot: u32) -> Option<f32> {
        self.0.iter().find_map(|(matrix, query)| {
            let row = matrix.row(slot as usize)?;
            let bytes = matrix.bytes(row);
            Some(query.fine_score(&matrix.codes[bytes.clone()], &matrix.fine[bytes], matrix.scales[row]))
        })
    }

    /// Approximate.
    fn score(&self, slot: usize) -> Option<f32> {
        self.0.iter().find_map(|(matrix, query)| {
            let row = matrix.row(slot)?;
            Some(query.score(&matrix.codes[matrix.bytes(row)], matrix.scales[row]))
        })
    }
}

impl Matrices {
    /// Those of the queries whose models are known.
    pub(super) fn asked(&self, queries: &[VectorQuery]) -> Asked<'_> {
        let of = |query: &VectorQuery| Some((self.models.get(&query.model.0)?, QueryCode::of(query)));
        Asked(queries.iter().filter_map(of).collect())
    }

    /// Greatest `embedding.seq` seen of a model.
    pub(super) fn seen(&self, model: &str) -> i64 {
        self.models.get(model).map_or(0, |matrix| matrix.seen)
    }

    /// Whether a model lacks vectors because another had them that is not among `better` any more.
    pub(super) fn lacks(&self, model: &str, better: &[&str]) -> bool {
        let is_gone = |name: &String| !better.contains(&name.as_str());
        self.models.get(model).is_some_and(|matrix| matrix.leans_on.iter().any(is_gone))
    }

    /// Takes over a model that was read anew because it was asked alone; from now on it is held whole.
    pub(super) fn replace(&mut self, anew: Self) {
        for (name, mut matrix) in anew.models {
            matrix.stands_alone = true;
            self.models.insert(name, matrix);
        }
    }

    /// Vectors in memory of one model.
    #[cfg(test)]
    pub(super) fn held(&self, model: &str) -> usize {
        self.models.get(model).map_or(0, |matrix| matrix.scales.len())
    }

    pub(super) fn set_seen(&mut self, model: &str, dimension: usize, seen: i64) {
        let matrix = self.models.entry(model.to_owned()).or_default();
        matrix.dimension = dimension;
        matrix.seen = seen;
    }

    /// Adds vectors of chunks. Passed over are those whose chunk has no slot (not searchable, gone), and those of chunks
    /// that one of the `better` models knows: it is asked first, and memory is dear.
    pub(super) fn add<'n>(
        &mut self,
        (model, dimension): (&str, usize),
        better: &[&'n str],
        slots: &Slots,
        vectors: impl Iterator<Item = Coded>,
    ) {
        // Out of the table while the others are looked at.
        let mut matrix = self.models.remove(model).unwrap_or_default();
        if matrix.dimension != dimension {
            // Another model under the same name: nothing of the old one is left.
            matrix = Matrix { dimension, ..Matrix::default() };
        }
        let others = |name: &&'n str| Some((*name, self.models.get(*name)?));
        let better: Vec<(&str, &Matrix)> =
            if matrix.stands_alone { Vec::new() } else { better.iter().filter_map(others).collect() };
        for vector in vectors {
            let Some(slot) = slots.slot(vector.chunk) else { continue };
            if let Some((name, _)) = better.iter().find(|(_, matrix)| matrix.row(slot).is_some()) {
                if !matrix.leans_on.iter().any(|known| known == name) {
                    matrix.leans_on.push((*name).to_owned());
                }
                continue;
            }
            matrix.put(slot, slots.ids.len(), &vector);
        }
        self.models.insert(model.to_owned(), matrix);
    }

    /// Approximate scores of the allowed slots that have a vector in one of the models and may be among the best `limit`
    /// once scored exactly, and some more; in no order. Given up when nobody waits any more.
    pub(super) fn scan(
        &self,
        queries: &[VectorQuery],
        slots: &Slots,
        allowed: &Allowed,
        limit: usize,
        stop: &Stop,
    ) -> Vec<(f32, u32)> {
        let asked = self.asked(queries);
        let mut nearest = Nearest::new(limit, code_error(queries));
        for slot in 0..slots.ids.len() {
            if slot % LOOKED_AT_ONCE == 0 && stop.is_set() {
                break;
            }
            // Few scores are wanted: only then is it worth to see whether the chunk may be returned.
            let score = asked.score(slot).filter(|score| nearest.wants(*score));
            if let Some(score) = score.filter(|_| allowed.slot(slots, slot)) {
                nearest.push(score, slot as u32);
            }
        }
        nearest.into_held()
    }
}

/// What approximate scores may be wrong by, over all models asked.
pub(super) fn code_error(queries: &[VectorQuery]) -> f32 {
    queries.iter().map(|query| QueryCode::of(query).error()).fold(0.0, f32::max)
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
