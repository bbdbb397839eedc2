//! Packs vectors into blocks, and merges blocks. Called by `tidy`.

use sqlx::Row as _;

use crate::index::bytes::Bytes;
use crate::index::files::Written;
use crate::index::tiers::{LARGEST_BLOCK, are_rotten, side_by_side};
use crate::index::vectors::{Block, Coded, merge, write};

use super::super::super::batch::json_numbers;
use super::super::{bulk, floats};
use super::{Piece, Tidier, aside, take_out};

impl Tidier {
    /// Blocks of which most is gone are made anew from what is left.
    pub(super) async fn forget_rotten_blocks(&self, model: i64) -> Result<(), sqlx::Error> {
        let (held, packed): (i64, i64) = sqlx::query_as(
            "SELECT done, (SELECT coalesce(sum(vectors), 0) FROM vector_segment WHERE model_seq = ?1) \
             FROM embedding_total WHERE model_seq = ?1",
        )
        .bind(model)
        .fetch_one(&self.reader)
        .await?;
        if are_rotten(packed, held) {
            sqlx::query("DELETE FROM vector_segment WHERE model_seq = ?").bind(model).execute(&self.writer).await?;
        }
        Ok(())
    }

    /// Writes the next block of vectors; false when there are fewer than `least`, or another process is at it.
    pub(super) async fn pack_vectors(&self, model: i64, dimension: usize, least: i64) -> Result<bool, sqlx::Error> {
        let last = "SELECT coalesce(max(last_seq), 0) FROM vector_segment WHERE model_seq = ?";
        let after: i64 = sqlx::query_scalar(last).bind(model).fetch_one(&self.reader).await?;
        let rows = sqlx::query(
            "SELECT seq, chunk_id, vector FROM embedding WHERE seq > ? AND model_seq = ? AND vector IS NOT NULL \
             ORDER BY seq LIMIT ?",
        )
        .bind(after)
        .bind(model)
        .bind(LARGEST_BLOCK)
        .fetch_all(&self.reader)
        .await?;
        let (Some(newest), true) = (rows.last(), rows.len() as i64 >= least) else { return Ok(false) };
        let newest: i64 = newest.get(0);
        let folder = self.folder.clone();
        let made = aside(move || {
            let whole = rows.iter().filter(|row| row.get::<&[u8], _>(2).len() == dimension * 4);
            let coded: Vec<Coded> = whole.map(|row| Coded::of(row.get(1), &floats(row.get(2)))).collect();
            let vectors = coded.len();
            folder.write("vectors", |out| Ok((write(coded, dimension, out)?, vectors)))
        });
        let (written, vectors) = made.await?;
        // Whoever was quicker wrote the same; and the number may be another model's by now.
        let published = sqlx::query(
            "INSERT INTO vector_segment (model_seq, after_seq, last_seq, vectors, size_bytes, file) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
             WHERE ?2 = (SELECT coalesce(max(last_seq), 0) FROM vector_segment WHERE model_seq = ?1) \
             AND EXISTS (SELECT 1 FROM embedding WHERE seq = ?3 AND model_seq = ?1)",
        )
        .bind(model)
        .bind(after)
        .bind(newest)
        .bind(vectors as i64)
        .bind(written.bytes as i64)
        .bind(&written.name)
        .execute(&self.writer)
        .await?;
        Ok(published.rows_affected() > 0)
    }

    /// Merges one group of blocks; false when there is none, or another process was quicker.
    pub(super) async fn merge_vectors(&self, model: i64, dimension: usize) -> Result<bool, sqlx::Error> {
        let pieces: Vec<Piece> = sqlx::query_as(
            "SELECT id, vectors, file, size_bytes FROM vector_segment WHERE model_seq = ? ORDER BY last_seq",
        )
        .bind(model)
        .fetch_all(&self.reader)
        .await?;
        let Some(group) = side_by_side(&pieces) else { return Ok(false) };
        let mut blocks = Vec::with_capacity(group.len());
        for (_, _, file, _) in group {
            let bytes = file.as_ref().and_then(|file| Bytes::map(&self.folder.file(file)).ok());
            let Some(block) = bytes.and_then(|bytes| Block::of(bytes, dimension)) else { return Ok(false) };
            blocks.push(block);
        }
        let gone = sqlx::query_scalar("SELECT json_group_array(chunk_id) FROM word_gone");
        let gone = bulk::numbers_of(gone, &mut *self.reader.acquire().await?).await?;
        let gone: std::collections::HashSet<i64> = gone.into_iter().collect();
        let folder = self.folder.clone();
        let made =
            aside(move || folder.write("vectors", |out| merge(&blocks, dimension, |chunk| gone.contains(&chunk), out)));
        let (written, vectors) = made.await?;
        let published = self.publish_vectors(model, group, &written, vectors).await;
        self.clean_up(matches!(published, Ok(true)), group, Some(&written));
        published
    }

    async fn publish_vectors(
        &self,
        model: i64,
        group: &[Piece],
        written: &Written,
        vectors: usize,
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        let ids = json_numbers(group.iter().map(|(id, ..)| *id));
        let (after, last): (Option<i64>, Option<i64>) = sqlx::query_as(
            "SELECT min(after_seq), max(last_seq) FROM vector_segment WHERE id IN (SELECT value FROM json_each(?1))",
        )
        .bind(ids)
        .fetch_one(&mut *transaction)
        .await?;
        if !take_out(&mut transaction, "DELETE FROM vector_segment", group).await? {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO vector_segment (model_seq, after_seq, last_seq, vectors, size_bytes, file) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(model)
        .bind(after)
        .bind(last)
        .bind(vectors as i64)
        .bind(written.bytes as i64)
        .bind(&written.name)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }
}
