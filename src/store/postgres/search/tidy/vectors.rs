//! Packs vectors into blocks, and merges blocks. Called by `tidy`.
//!
//! A block holds vectors of transactions that had all ended when it was packed: nothing comes into its range any more.

use std::collections::HashSet;

use pgvector::Vector;
use sqlx::{FromRow, PgConnection};

use crate::index::tiers::{LARGEST_BLOCK, LEAST_FILE_BYTES, Piece, are_rotten, side_by_side};
use crate::index::vectors::{Coded, merge, write};

use super::super::SearchIndex;
use super::super::pieces::{self, Stored};
use super::super::refresh::all_gone;
use super::super::vectors::BEGINNING;
use super::{Made, made, take_out};

/// What the names of blocks end in.
const VECTORS: &str = "vectors";

/// A row of `vector_segment`.
#[derive(Clone, Debug, FromRow)]
struct Row {
    #[sqlx(flatten)]
    stored: Stored,
    vectors: i64,
    after_xact: i64,
    after_chunk: i64,
    last_xact: i64,
    last_chunk: i64,
}

impl Piece for Row {
    fn size(&self) -> i64 {
        self.vectors
    }
}

/// A block to be written: its model, and the keys it lies between.
struct NewBlock {
    model: i64,
    after: (i64, i64),
    last: (i64, i64),
}

impl NewBlock {
    /// Writes it; false when its model is gone.
    async fn write(self, connection: &mut PgConnection, (bytes, name, vectors): Made) -> Result<bool, sqlx::Error> {
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO vector_segment \
                (model_seq, name, vectors, after_xact, after_chunk, last_xact, last_chunk, size_bytes) \
             SELECT seq, $2, $3, $4, $5, $6, $7, $8 FROM model WHERE seq = $1 FOR KEY SHARE RETURNING id",
        )
        .bind(self.model)
        .bind(name)
        .bind(vectors as i64)
        .bind(self.after.0)
        .bind(self.after.1)
        .bind(self.last.0)
        .bind(self.last.1)
        .bind(bytes.len() as i64)
        .fetch_optional(&mut *connection)
        .await?;
        match id {
            Some(id) => pieces::write(connection, id, &bytes).await.map(|()| true),
            None => Ok(false),
        }
    }
}

impl SearchIndex {
    /// Blocks of which most is gone are made anew from what is left.
    pub(super) async fn forget_rotten_blocks(&self, model: i64) -> Result<(), sqlx::Error> {
        let Some(mut step) = self.step().await? else { return Ok(()) };
        let counted: Option<(i64, i64)> = sqlx::query_as(
            "SELECT done, (SELECT coalesce(sum(vectors), 0)::BIGINT FROM vector_segment WHERE model_seq = $1) \
             FROM embedding_total WHERE model_seq = $1",
        )
        .bind(model)
        .fetch_optional(&mut *step)
        .await?;
        if counted.is_some_and(|(held, packed)| are_rotten(packed, held)) {
            sqlx::query("DELETE FROM vector_segment WHERE model_seq = $1").bind(model).execute(&mut *step).await?;
        }
        step.commit().await
    }

    /// How many vectors lie in no block, `most` at most.
    pub(in crate::store::postgres::search) async fn unpacked(&self, model: i64, most: i64) -> Result<i64, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let (xact, chunk) = last_key(&mut connection, model).await?;
        sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT 1 FROM embedding WHERE model_seq = $1 AND vector IS NOT NULL \
                AND (written_by, chunk_id) > ($2, $3) LIMIT $4) AS unpacked",
        )
        .bind(model)
        .bind(xact)
        .bind(chunk)
        .bind(most)
        .fetch_one(&mut *connection)
        .await
    }

    /// Writes the next block of vectors and returns how many there are in it; 0 when there are fewer than `least` to pack,
    /// or another process tidies up.
    pub(in crate::store::postgres::search) async fn pack_vectors(
        &self,
        model: i64,
        dimension: usize,
        least: i64,
    ) -> Result<usize, sqlx::Error> {
        let Some(mut step) = self.step().await? else { return Ok(0) };
        let after = last_key(&mut step, model).await?;
        let rows: Vec<(i64, i64, Vector)> = sqlx::query_as(
            "SELECT written_by, chunk_id, vector FROM embedding WHERE model_seq = $1 AND vector IS NOT NULL \
             AND (written_by, chunk_id) > ($2, $3) \
             AND written_by < pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT \
             ORDER BY written_by, chunk_id LIMIT $4",
        )
        .bind(model)
        .bind(after.0)
        .bind(after.1)
        .bind(LARGEST_BLOCK)
        .fetch_all(&mut *step)
        .await?;
        let Some((xact, chunk, _)) = rows.last().filter(|_| rows.len() as i64 >= least) else { return Ok(0) };
        let last = (*xact, *chunk);
        let read = rows.len();
        let block = made(None, VECTORS, move |out| {
            let coded = rows.iter().map(|(_, chunk, vector)| Coded::of(*chunk, vector.as_slice()));
            let coded: Vec<Coded> = coded.filter(|coded| coded.code.len() == dimension).collect();
            let vectors = coded.len();
            write(coded, dimension, out).map(|_| vectors)
        });
        let block = block.await?;
        // Whoever forgets blocks has this lock for itself: either it sees the new one, or its doing is seen here.
        sqlx::query("LOCK TABLE vector_segment IN ROW EXCLUSIVE MODE").execute(&mut *step).await?;
        if last_key(&mut step, model).await? != after
            || !(NewBlock { model, after, last }).write(&mut step, block).await?
        {
            return Ok(0);
        }
        step.commit().await?;
        Ok(read)
    }

    /// Merges one group of blocks; false when there is none, or another process tidies up.
    pub(super) async fn merge_vectors(&self, model: i64, dimension: usize) -> Result<bool, sqlx::Error> {
        let Some(mut step) = self.step().await? else { return Ok(false) };
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, name, size_bytes, vectors, after_xact, after_chunk, last_xact, last_chunk FROM vector_segment \
             WHERE model_seq = $1 ORDER BY last_xact, last_chunk",
        )
        .bind(model)
        .fetch_all(&mut *step)
        .await?;
        let Some(group) = side_by_side(&rows) else { return Ok(false) };
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(false) };
        let mut blocks = Vec::with_capacity(group.len());
        for row in group {
            let Some(block) = self.block(&mut step, &row.stored, dimension).await? else { return Ok(false) };
            blocks.push(block);
        }
        let gone: HashSet<i64> = all_gone(&mut step).await?.into_iter().collect();
        let folder = self.place_for(group.iter().map(|row| row.stored.size_bytes).sum(), LEAST_FILE_BYTES);
        let block = made(folder, VECTORS, move |out| {
            merge(&blocks, dimension, |chunk| gone.contains(&chunk), out).map(|(_, vectors)| vectors)
        });
        let block = block.await?;
        let ids: Vec<i64> = group.iter().map(|row| row.stored.id).collect();
        // First of all, for whoever drops the model begins with it too.
        let is_there: Option<i64> = sqlx::query_scalar("SELECT seq FROM model WHERE seq = $1 FOR KEY SHARE")
            .bind(model)
            .fetch_optional(&mut *step)
            .await?;
        if is_there.is_none() || !take_out(&mut step, "DELETE FROM vector_segment WHERE id = ANY($1)", &ids).await? {
            return Ok(false);
        }
        let (after, last) = ((first.after_xact, first.after_chunk), (last.last_xact, last.last_chunk));
        let name = block.1.clone();
        if !(NewBlock { model, after, last }).write(&mut step, block).await? {
            return Ok(false);
        }
        step.commit().await?;
        self.remove_copies(group.iter().map(|row| &row.stored), &name);
        Ok(true)
    }
}

/// The key of the last vector that lies in a block.
async fn last_key(connection: &mut PgConnection, model: i64) -> Result<(i64, i64), sqlx::Error> {
    let last: Option<(i64, i64)> = sqlx::query_as(
        "SELECT last_xact, last_chunk FROM vector_segment WHERE model_seq = $1 \
         ORDER BY last_xact DESC, last_chunk DESC LIMIT 1",
    )
    .bind(model)
    .fetch_optional(connection)
    .await?;
    Ok(last.unwrap_or(BEGINNING))
}
