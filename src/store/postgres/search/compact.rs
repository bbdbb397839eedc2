//! Merges segments: eight of one size (powers of eight) become one of the next, so that a search reads few of them,
//! however many commits there were, and every posting is rewritten a handful of times in its life.
//!
//! One merger at a time, in any process, by an advisory lock that its transaction holds. The merge happens in one
//! transaction: the old segments vanish when the new one appears, and readers see either. A reader whose list is older
//! misses blocks and looks again.
//!
//! Removals while a merge runs are not lost. The merger drops exactly the chunks whose rows it read in `word_gone`, and
//! deletes exactly those rows. A removal that commits later, or that was not committed when it looked, keeps its row:
//! it hides the chunk in the new segment as it did in the old, until a later merge drops it. A row is only ever deleted
//! together with the last segment that holds its chunk, and chunk ids are never used again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::{PgConnection, PgPool};

use crate::store::StoreResult;

use super::super::error::classify;
use super::super::rows::undecodable;
use super::neighbours::Running;
use super::segment::{Input, Segment, merge};
use super::write::write_segment;
use super::{SearchIndex, compute};

/// Segments of one size that become one.
const FAN_IN: usize = 8;
/// Segments of this many chunks are not merged any further: a merge holds its segments in memory.
const LARGEST: i64 = 262_144;
/// Segments with more than this share of removed chunks are rewritten.
const ROTTEN: f64 = 0.3;
/// The lock that whoever merges holds; any number that nothing else uses ("words" in ASCII).
const MERGER_LOCK: i64 = 0x77_6f_72_64_73;

const OPERATION: &str = "merge word index";

impl SearchIndex {
    /// Merges what there is to merge and builds the graphs that are due, unless another process is at it. Returns how
    /// many there were of both.
    pub(in crate::store::postgres) async fn compact(&self) -> StoreResult<u64> {
        Ok(compact(&self.pool).await? + self.build_graphs().await?)
    }

    /// The same in the background, unless this process is at it already. Called after commits.
    pub(in crate::store::postgres) fn compact_soon(&self) {
        self.build_graphs_soon();
        if self.commits.fetch_add(1, Ordering::Relaxed) % FAN_IN as u64 != FAN_IN as u64 - 1
            || self.compacting.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let (pool, compacting) = (self.pool.clone(), Arc::clone(&self.compacting));
        tokio::spawn(async move {
            let _running = Running(compacting);
            if let Err(error) = compact(&pool).await {
                tracing::debug!(event = "word_index_merge_failed", %error, "segments stay as they are");
            }
        });
    }
}

/// Empties the word index, within a transaction that begins to make it anew. No merge goes on meanwhile.
pub(in crate::store::postgres) async fn forget_words(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MERGER_LOCK).execute(&mut *connection).await?;
    for sql in ["DELETE FROM word_block", "DELETE FROM word_segment", "DELETE FROM word_gone"] {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn compact(pool: &PgPool) -> StoreResult<u64> {
    let mut merges = 0;
    while merge_once(pool).await? {
        merges += 1;
    }
    Ok(merges)
}

/// Merges one group of segments; `false` when there is none or another process merges.
async fn merge_once(pool: &PgPool) -> StoreResult<bool> {
    let fail = |error| classify(OPERATION, "", error);
    let mut transaction = pool.begin().await.map_err(fail)?;
    let ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
        .bind(MERGER_LOCK)
        .fetch_one(&mut *transaction)
        .await
        .map_err(fail)?;
    if !ours {
        return Ok(false);
    }
    // Without removed chunks yet: counting them means reading headers, which a merge does anyway.
    let sizes: Vec<(i64, i64)> = sqlx::query_as("SELECT id, chunks FROM word_segment ORDER BY id")
        .fetch_all(&mut *transaction)
        .await
        .map_err(fail)?;
    let mut group = full_tier(&sizes);
    if group.is_empty() {
        group = rotten(&mut transaction, &sizes).await?;
    }
    if group.is_empty() {
        return Ok(false);
    }
    let inputs = read_inputs(&mut transaction, &group).await?;
    let dropped: Vec<i64> = inputs
        .iter()
        .flat_map(|input| input.segment.places.iter().zip(&input.dropped))
        .filter_map(|(place, dropped)| dropped.then_some(place.id))
        .collect();
    let packed = compute(move |_| merge(&inputs)).await?;
    let swap = async {
        if packed.chunks > 0 {
            write_segment(&mut transaction, packed).await?;
        }
        for sql in ["DELETE FROM word_block WHERE segment_id = ANY($1)", "DELETE FROM word_segment WHERE id = ANY($1)"]
        {
            sqlx::query(sql).bind(&group).execute(&mut *transaction).await?;
        }
        if !dropped.is_empty() {
            let sql = "DELETE FROM word_gone WHERE chunk_id = ANY($1)";
            sqlx::query(sql).bind(dropped).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    };
    swap.await.map_err(fail)?;
    Ok(true)
}

/// The segments of the smallest size that has enough of them.
fn full_tier(sizes: &[(i64, i64)]) -> Vec<i64> {
    let tier = |chunks: i64| chunks.unsigned_abs().max(1).ilog(FAN_IN as u64);
    (0..tier(LARGEST))
        .map(|wanted| sizes.iter().filter(|(_, chunks)| tier(*chunks) == wanted).map(|(id, _)| *id).collect::<Vec<_>>())
        .find(|group| group.len() >= FAN_IN)
        .map(|mut group| {
            group.truncate(FAN_IN * 4);
            group
        })
        .unwrap_or_default()
}

/// A segment of which much is gone.
async fn rotten(connection: &mut PgConnection, sizes: &[(i64, i64)]) -> StoreResult<Vec<i64>> {
    let fail = |error| classify(OPERATION, "", error);
    let gone: i64 =
        sqlx::query_scalar("SELECT count(*) FROM word_gone").fetch_one(&mut *connection).await.map_err(fail)?;
    let chunks: i64 = sizes.iter().map(|(_, chunks)| chunks).sum();
    // No segment can have its share of removed chunks unless they are that many of the smallest.
    if gone == 0 || chunks == 0 || (gone as f64) < sizes.iter().map(|(_, n)| *n).min().unwrap_or(0) as f64 * ROTTEN {
        return Ok(Vec::new());
    }
    for (id, _) in sizes.iter().filter(|(_, chunks)| *chunks as f64 * ROTTEN <= gone as f64) {
        let input = read_headers(connection, &[*id]).await?;
        let bad = input.iter().flat_map(|(_, dropped)| dropped).filter(|dropped| **dropped).count();
        let all: usize = input.iter().map(|(segment, _)| segment.places.len()).sum();
        if bad as f64 > all as f64 * ROTTEN {
            return Ok(vec![*id]);
        }
    }
    Ok(Vec::new())
}

/// Headers with marks at the chunks that are gone.
async fn read_headers(connection: &mut PgConnection, group: &[i64]) -> StoreResult<Vec<(Segment, Vec<bool>)>> {
    let fail = |error| classify(OPERATION, format!("{} segments", group.len()), error);
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT id, header FROM word_segment WHERE id = ANY($1) ORDER BY id")
            .bind(group)
            .fetch_all(&mut *connection)
            .await
            .map_err(fail)?;
    let gone: Vec<i64> =
        sqlx::query_scalar("SELECT chunk_id FROM word_gone").fetch_all(&mut *connection).await.map_err(fail)?;
    let mut headers = Vec::with_capacity(rows.len());
    for (id, header) in rows {
        let segment = Segment::unpack(id, &header).ok_or_else(|| fail(undecodable("header of word segment", id)))?;
        let mut dropped = vec![false; segment.places.len()];
        gone.iter().filter_map(|chunk| segment.find(*chunk)).for_each(|place| dropped[place] = true);
        headers.push((segment, dropped));
    }
    Ok(headers)
}

/// Segments whole.
async fn read_inputs(connection: &mut PgConnection, group: &[i64]) -> StoreResult<Vec<Input>> {
    let mut inputs = Vec::with_capacity(group.len());
    for (segment, dropped) in read_headers(connection, group).await? {
        let id = segment.id;
        let fail = |error| classify(OPERATION, format!("segment {id}"), error);
        let blocks: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT bytes FROM word_block WHERE segment_id = $1 ORDER BY block")
                .bind(id)
                .fetch_all(&mut *connection)
                .await
                .map_err(fail)?;
        if blocks.len() != segment.blocks() {
            return Err(fail(undecodable("number of blocks of word segment", blocks.len())));
        }
        inputs.push(Input { segment, blocks, dropped });
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_of_a_size_are_merged_smallest_first() {
        let of = |sizes: &[i64]| full_tier(&(0..).zip(sizes.iter().copied()).collect::<Vec<_>>());
        assert!(of(&[1, 2, 3, 4, 5, 6, 7]).is_empty());
        assert_eq!(of(&[1, 2, 3, 900, 4, 5, 6, 7, 1]), [0, 1, 2, 4, 5, 6, 7, 8]);
        assert_eq!(of(&[64; 8]).len(), 8);
        assert!(of(&[LARGEST; 30]).is_empty());
    }
}
