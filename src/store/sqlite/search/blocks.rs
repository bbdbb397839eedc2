//! Vectors in blocks of codes, so that a process that starts reads a few large rows instead of one per vector. Written
//! by `optimize`, read by `catch_up`; the vectors themselves stay what counts.
//!
//! A vector of `d` dimensions lies in a block as chunk id (8 bytes), scale (4 bytes), code and remainder (`d` bytes
//! each), numbers in little-endian order.

use sqlx::{Row, SqliteConnection};

use crate::store::StoreResult;

use super::super::SqliteStore;
use super::super::error::classify;
use super::vectors::{Coded, floats};

/// Vectors of one block: about 2 MB of them.
const BLOCK: usize = 4_096;
/// Blocks written at once: a second's work or so. Nobody who quits waits for more; the next one goes on.
const MOST_BLOCKS: usize = 32;

/// One block as it is read.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) last_seq: i64,
    dimension: usize,
    bytes: Vec<u8>,
}

impl Block {
    /// The vectors in it, in the order of their numbers.
    pub(super) fn vectors(&self) -> impl Iterator<Item = Coded> {
        self.bytes.chunks_exact(vector_bytes(self.dimension)).filter_map(|bytes| {
            let (chunk, rest) = bytes.split_first_chunk::<8>()?;
            let (scale, rest) = rest.split_first_chunk::<4>()?;
            let signed = |bytes: &[u8]| bytes.iter().map(|byte| byte.cast_signed()).collect();
            let (code, fine) = rest.split_at_checked(self.dimension)?;
            let (code, fine) = (signed(code), signed(fine));
            Some(Coded { chunk: i64::from_le_bytes(*chunk), code, fine, scale: f32::from_le_bytes(*scale) })
        })
    }
}

fn vector_bytes(dimension: usize) -> usize {
    8 + 4 + 2 * dimension
}

fn append(bytes: &mut Vec<u8>, vector: &Coded) {
    bytes.extend_from_slice(&vector.chunk.to_le_bytes());
    bytes.extend_from_slice(&vector.scale.to_le_bytes());
    bytes.extend(vector.code.iter().chain(&vector.fine).map(|number| number.cast_unsigned()));
}

/// The block that goes on after vector `seen` and not beyond `newest`, if there is one and it is whole.
pub(super) async fn next(
    connection: &mut SqliteConnection,
    (model, dimension): (i64, usize),
    seen: i64,
    newest: i64,
) -> Result<Option<Block>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT last_seq, vectors, codes FROM vector_block \
         WHERE model_seq = ?1 AND last_seq > ?2 AND after_seq <= ?2 AND last_seq <= ?3 ORDER BY last_seq LIMIT 1",
    )
    .bind(model)
    .bind(seen)
    .bind(newest)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (vectors, bytes): (i64, Vec<u8>) = (row.get(1), row.get(2));
    let is_whole = usize::try_from(vectors).is_ok_and(|vectors| vectors * vector_bytes(dimension) == bytes.len());
    Ok(is_whole.then(|| Block { last_seq: row.get(0), dimension, bytes }))
}

impl SqliteStore {
    /// Writes blocks of what is not in one yet, as long as there is enough for one; starts over when most of what they
    /// hold is gone. Each block is a transaction of its own: stopped in between, nothing is lost.
    pub(in crate::store::sqlite) async fn pack_vectors(&self) -> StoreResult<()> {
        self.pack_vectors_by(BLOCK).await
    }

    /// As `pack_vectors`, `block` vectors at a time.
    pub(in crate::store::sqlite) async fn pack_vectors_by(&self, block: usize) -> StoreResult<()> {
        let fail = |error| classify("pack vectors", self.location(), error);
        let models: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT model.seq, model.dimension, embedding_total.done, \
                    (SELECT coalesce(sum(vectors), 0) FROM vector_block WHERE model_seq = model.seq) \
             FROM model JOIN embedding_total ON embedding_total.model_seq = model.seq",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(fail)?;
        for (model, dimension, held, packed) in models {
            if packed > 2 * held.max(block as i64) {
                sqlx::query("DELETE FROM vector_block WHERE model_seq = ?")
                    .bind(model)
                    .execute(&self.writer)
                    .await
                    .map_err(fail)?;
            }
            let dimension = usize::try_from(dimension).unwrap_or(0);
            for _ in 0..MOST_BLOCKS {
                if !self.pack_one(model, dimension, block).await.map_err(fail)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Writes the next block; false when there is not enough for one, or another process is at it.
    async fn pack_one(&self, model: i64, dimension: usize, block: usize) -> Result<bool, sqlx::Error> {
        let last = "SELECT coalesce(max(last_seq), 0) FROM vector_block WHERE model_seq = ?";
        let after: i64 = sqlx::query_scalar(last).bind(model).fetch_one(&self.reader).await?;
        let rows = sqlx::query(
            "SELECT seq, chunk_id, vector FROM embedding WHERE seq > ? AND model_seq = ? AND vector IS NOT NULL \
             ORDER BY seq LIMIT ?",
        )
        .bind(after)
        .bind(model)
        .bind(block as i64)
        .fetch_all(&self.reader)
        .await?;
        let (Some(newest), true) = (rows.last(), rows.len() == block) else { return Ok(false) };
        let newest: i64 = newest.get(0);
        let packing = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::with_capacity(block * vector_bytes(dimension));
            let mut vectors = 0_i64;
            for row in rows {
                let vector: &[u8] = row.get(2);
                if vector.len() == dimension * 4 {
                    append(&mut bytes, &Coded::of(row.get(1), &floats(vector)));
                    vectors += 1;
                }
            }
            (vectors, bytes)
        });
        let (vectors, bytes) = packing.await.map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
        // Whoever was quicker wrote the same; and the number may be another model's by now.
        let written = sqlx::query(
            "INSERT INTO vector_block (model_seq, after_seq, last_seq, vectors, codes) SELECT ?1, ?2, ?3, ?4, ?5 \
             WHERE ?2 = (SELECT coalesce(max(last_seq), 0) FROM vector_block WHERE model_seq = ?1) \
             AND EXISTS (SELECT 1 FROM embedding WHERE seq = ?3 AND model_seq = ?1)",
        )
        .bind(model)
        .bind(after)
        .bind(newest)
        .bind(vectors)
        .bind(bytes)
        .execute(&self.writer)
        .await?;
        Ok(written.rows_affected() == 1)
    }
}
