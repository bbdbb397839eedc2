//! Keeps the index in few pieces: eight segments of a size become one of the next, so that a search looks into few of them
//! and every posting is rewritten a handful of times in its life; likewise blocks of vectors. Large ones lie in files.
//!
//! Any process may tidy up, several at once: whoever publishes takes the old pieces out of the table in the same
//! transaction, and whose pieces are not all there any more throws away what it made. Chunks that go while a merge runs are
//! not lost: exactly those are dropped whose rows were read in `word_gone`, and exactly those rows are deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::{Row as _, SqliteConnection, SqlitePool};
use tokio::sync::oneshot;

use crate::index::bytes::Bytes;
use crate::index::files::{Folder, Written};
use crate::index::vectors::{self, Block, Coded};
use crate::index::words::{Input, Segment, merge};
use crate::store::StoreResult;

use super::super::SqliteStore;
use super::super::batch::json_numbers;
use super::super::error::classify;
use super::super::writer::Writer;
use super::{bulk, floats};

/// Pieces of one size that become one.
const FAN_IN: usize = 8;
/// Pieces merged at once at most.
const MOST_AT_ONCE: usize = 4 * FAN_IN;
/// Segments of this many chunks, and blocks of this many vectors, are not merged any further.
const LARGEST: i64 = 1 << 21;
/// Segments with more than this share of removed chunks are rewritten.
const ROTTEN: f64 = 0.3;
/// Smaller segments stay in the database.
const LEAST_FILE_BYTES: usize = 1 << 20;
/// Vectors of a block that is packed while documents come in.
const BLOCK: i64 = 4_096;
/// Vectors of a block that is packed when there is time.
const SMALL_BLOCK: i64 = 512;
/// Vectors packed at once at most.
const LARGEST_BLOCK: i64 = 16_384;
/// A thorough look makes one of so many segments that are smaller than `SMALL`, whatever their sizes.
const SMALL: i64 = 32_768;

const OPERATION: &str = "tidy up search index";

/// Whether this process is at it.
#[derive(Debug, Default)]
pub(super) struct Tidying {
    is_running: AtomicBool,
    commits: AtomicU64,
}

/// What tidying needs, to go on when the caller has gone.
#[derive(Clone, Debug)]
struct Tidier {
    reader: SqlitePool,
    writer: Writer,
    folder: Folder,
}

/// A row of `word_segment`, or of `vector_segment` by its model: number, chunks or vectors, file, bytes.
type Piece = (i64, i64, Option<String>, i64);

impl SqliteStore {
    fn tidier(&self) -> Tidier {
        Tidier { reader: self.reader.clone(), writer: self.writer.clone(), folder: self.index.folder().clone() }
    }

    /// Merges what there is to merge, in the background. Called after commits.
    pub(in crate::store::sqlite) fn tidy_soon(&self) {
        let tidying = Arc::clone(&self.index.tidying);
        if tidying.commits.fetch_add(1, Ordering::Relaxed) % FAN_IN as u64 != FAN_IN as u64 - 1
            || tidying.is_running.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let tidier = self.tidier();
        tokio::spawn(async move {
            let _running = Running(tidying);
            if let Err(error) = tidier.tidy(false).await {
                tracing::debug!(event = "search_index_merge_failed", %error, "segments stay as they are");
            }
        });
    }

    /// Merges what there is to merge and more, writes down what the first search of a process asks for, and removes files
    /// that nobody names.
    pub(in crate::store::sqlite) async fn tidy(&self) -> StoreResult<()> {
        let tidier = self.tidier();
        tidier.tidy(true).await.map_err(|error| classify(OPERATION, self.location(), error))?;
        self.write_down_answers().await?;
        tidier.sweep().await.map_err(|error| classify(OPERATION, self.location(), error))
    }

    /// Packs the vectors of every model as long as there are `least` for a block.
    #[cfg(test)]
    pub(in crate::store::sqlite) async fn pack_vectors_by(&self, least: i64) -> Result<(), sqlx::Error> {
        let models: Vec<(i64, i64)> =
            sqlx::query_as("SELECT seq, dimension FROM model").fetch_all(&self.reader).await?;
        for (model, dimension) in models {
            while self.tidier().pack_vectors(model, dimension as usize, least).await? {}
        }
        Ok(())
    }

    /// Merges all segments into one file, however small; whoever merges some meanwhile has it begin again.
    #[cfg(test)]
    pub(in crate::store::sqlite) async fn merge_into_files(&self) -> Result<(), sqlx::Error> {
        loop {
            let pieces: Vec<Piece> =
                sqlx::query_as("SELECT id, chunks, file, size_bytes FROM word_segment").fetch_all(&self.reader).await?;
            if matches!(&pieces[..], [(_, _, Some(_), _)]) {
                return Ok(());
            }
            let gone = sqlx::query_scalar("SELECT json_group_array(chunk_id) FROM word_gone");
            let gone = bulk::numbers_of(gone, &mut *self.reader.acquire().await?).await?;
            self.tidier().merge_group(pieces, &gone, 0).await?;
        }
    }

    /// Merges segments while the index is made anew.
    pub(in crate::store::sqlite) async fn merge_segments(&self) -> Result<(), sqlx::Error> {
        let tidier = self.tidier();
        while tidier.merge_words(false).await? {}
        Ok(())
    }

    /// Which documents answer a live message, for the first search of the next process.
    async fn write_down_answers(&self) -> StoreResult<()> {
        let fail = |error| classify(OPERATION, self.location(), error);
        let present = self.catch_up().await?;
        let Some(answered) = self.index.read().seen.answers else { return Ok(()) };
        let known: Option<(i64, i64)> = sqlx::query_as("SELECT chunk_id, change_seq FROM index_state")
            .fetch_optional(&self.reader)
            .await
            .map_err(fail)?;
        if known == Some((answered.chunk, answered.change)) {
            return Ok(());
        }
        sqlx::query("INSERT OR REPLACE INTO index_state (single, chunk_id, change_seq, answers) VALUES (1, ?1, ?2, ?3)")
            .bind(answered.chunk)
            .bind(answered.change)
            .bind(present.view.answers.to_bytes())
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(fail)
    }
}

/// Set while this process tidies up.
struct Running(Arc<Tidying>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::Release);
    }
}

impl Tidier {
    async fn tidy(&self, is_thorough: bool) -> Result<(), sqlx::Error> {
        while self.merge_words(is_thorough).await? {}
        let models: Vec<(i64, i64)> =
            sqlx::query_as("SELECT seq, dimension FROM model").fetch_all(&self.reader).await?;
        for (model, dimension) in models {
            let dimension = usize::try_from(dimension).unwrap_or(0);
            self.forget_rotten_blocks(model).await?;
            while self.pack_vectors(model, dimension, if is_thorough { SMALL_BLOCK } else { BLOCK }).await? {}
            while self.merge_vectors(model, dimension).await? {}
        }
        Ok(())
    }

    /// Merges one group of segments; false when there is none, or another process was quicker.
    async fn merge_words(&self, is_thorough: bool) -> Result<bool, sqlx::Error> {
        let mut snapshot = self.reader.begin().await?;
        let pieces: Vec<Piece> = sqlx::query_as("SELECT id, chunks, file, size_bytes FROM word_segment ORDER BY id")
            .fetch_all(&mut *snapshot)
            .await?;
        let gone = sqlx::query_scalar("SELECT json_group_array(chunk_id) FROM word_gone");
        let gone = bulk::numbers_of(gone, &mut snapshot).await?;
        let mut group = full_tier(&pieces);
        if group.is_empty() && is_thorough {
            group = small(&pieces);
        }
        if group.is_empty() {
            group.extend(self.rotten(&mut snapshot, &pieces, &gone).await?);
        }
        snapshot.commit().await?;
        if group.is_empty() { Ok(false) } else { self.merge_group(group, &gone, LEAST_FILE_BYTES).await }
    }

    /// Makes one segment of some, in a file when they have `least_file` bytes together; false when one of them is not there
    /// any more.
    async fn merge_group(&self, group: Vec<Piece>, gone: &[i64], least_file: usize) -> Result<bool, sqlx::Error> {
        let mut connection = self.reader.acquire().await?;
        let mut inputs = Vec::with_capacity(group.len());
        for piece in &group {
            let Some(input) = self.input(&mut connection, piece, gone).await? else { return Ok(false) };
            inputs.push(input);
        }
        drop(connection);
        let dropped: Vec<i64> = inputs.iter().flat_map(dropped).collect();
        let large = group.iter().map(|(.., bytes)| *bytes).sum::<i64>() >= least_file as i64;
        let folder = self.folder.clone();
        let made = aside(move || {
            if large {
                let (written, chunks) = folder.write("words", |out| merge(&inputs, out))?;
                return Ok((Some(written), Vec::new(), chunks));
            }
            let (bytes, chunks) = merge(&inputs, Vec::new())?;
            Ok((None, bytes, chunks))
        });
        let (written, bytes, chunks) = made.await?;
        let published = self.publish_words(&group, written.as_ref(), bytes, chunks, dropped).await;
        self.clean_up(matches!(published, Ok(true)), &group, written.as_ref());
        published
    }

    async fn publish_words(
        &self,
        group: &[Piece],
        written: Option<&Written>,
        bytes: Vec<u8>,
        chunks: usize,
        dropped: Vec<i64>,
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        let ids = json_numbers(group.iter().map(|(id, ..)| *id));
        let taken = sqlx::query("DELETE FROM word_segment WHERE id IN (SELECT value FROM json_each(?1))")
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
        if taken.rows_affected() != group.len() as u64 {
            return Ok(false);
        }
        if chunks > 0 {
            let size = written.map_or(bytes.len() as u64, |written| written.bytes);
            sqlx::query("INSERT INTO word_segment (chunks, size_bytes, file, bytes) VALUES (?1, ?2, ?3, ?4)")
                .bind(chunks as i64)
                .bind(size as i64)
                .bind(written.map(|written| written.name.clone()))
                .bind(written.is_none().then_some(bytes))
                .execute(&mut *transaction)
                .await?;
        } else {
            // Nobody would see that there is something new to see.
            sqlx::query("INSERT INTO search_change (chunk_id) VALUES (NULL)").execute(&mut *transaction).await?;
        }
        sqlx::query("DELETE FROM word_gone WHERE chunk_id IN (SELECT value FROM json_each(?1))")
            .bind(json_numbers(dropped))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Files of pieces that are merged go, or the one that nobody wants.
    fn clean_up(&self, is_published: bool, group: &[Piece], written: Option<&Written>) {
        if is_published {
            let old = group.iter().filter_map(|(_, _, file, _)| file.as_deref());
            old.filter(|old| written.is_none_or(|written| written.name != *old))
                .for_each(|old| self.folder.remove(old));
        } else if let Some(written) = written {
            self.folder.remove(&written.name);
        }
    }

    /// A segment to be merged; `None` when its file is not there.
    async fn input(
        &self,
        snapshot: &mut SqliteConnection,
        (id, _, file, _): &Piece,
        gone: &[i64],
    ) -> Result<Option<Input>, sqlx::Error> {
        let bytes = if let Some(file) = file {
            Bytes::map(&self.folder.file(file)).ok()
        } else {
            let bytes: Option<Vec<u8>> = sqlx::query_scalar("SELECT bytes FROM word_segment WHERE id = ?")
                .bind(id)
                .fetch_optional(snapshot)
                .await?
                .flatten();
            bytes.map(Bytes::from)
        };
        let Some(segment) = bytes.and_then(Segment::of) else {
            tracing::debug!(event = "search_index_segment_unreadable", id, file, "it is not merged");
            return Ok(None);
        };
        let mut marks = Vec::new();
        for place in gone.iter().filter_map(|chunk| segment.find(*chunk)) {
            marks.resize(segment.chunks(), false);
            marks[place] = true;
        }
        Ok(Some(Input { segment, gone: marks }))
    }

    /// A segment of which much is gone.
    async fn rotten(
        &self,
        snapshot: &mut SqliteConnection,
        pieces: &[Piece],
        gone: &[i64],
    ) -> Result<Option<Piece>, sqlx::Error> {
        for piece in pieces.iter().filter(|(_, chunks, ..)| *chunks as f64 * ROTTEN < gone.len() as f64) {
            let Some(input) = self.input(snapshot, piece, gone).await? else { continue };
            let share = dropped(&input).count() as f64 / input.segment.chunks().max(1) as f64;
            if share > ROTTEN {
                return Ok(Some(piece.clone()));
            }
        }
        Ok(None)
    }

    /// Blocks of which most is gone are made anew from what is left.
    async fn forget_rotten_blocks(&self, model: i64) -> Result<(), sqlx::Error> {
        let (held, packed): (i64, i64) = sqlx::query_as(
            "SELECT done, (SELECT coalesce(sum(vectors), 0) FROM vector_segment WHERE model_seq = ?1) \
             FROM embedding_total WHERE model_seq = ?1",
        )
        .bind(model)
        .fetch_one(&self.reader)
        .await?;
        if packed > 2 * held.max(BLOCK) {
            sqlx::query("DELETE FROM vector_segment WHERE model_seq = ?").bind(model).execute(&self.writer).await?;
        }
        Ok(())
    }

    /// Writes the next block of vectors; false when there are fewer than `least`, or another process is at it.
    async fn pack_vectors(&self, model: i64, dimension: usize, least: i64) -> Result<bool, sqlx::Error> {
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
            folder.write("vectors", |out| Ok((vectors::write(coded, dimension, out)?, vectors)))
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
    async fn merge_vectors(&self, model: i64, dimension: usize) -> Result<bool, sqlx::Error> {
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
        let made = aside(move || {
            folder.write("vectors", |out| vectors::merge(&blocks, dimension, |chunk| gone.contains(&chunk), out))
        });
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
        .bind(ids.as_str())
        .fetch_one(&mut *transaction)
        .await?;
        let taken = sqlx::query("DELETE FROM vector_segment WHERE id IN (SELECT value FROM json_each(?1))")
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
        if taken.rows_affected() != group.len() as u64 {
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

    /// Removes what processes that were killed left behind.
    async fn sweep(&self) -> Result<(), sqlx::Error> {
        let named: Vec<String> = sqlx::query_scalar(
            "SELECT file FROM word_segment WHERE file IS NOT NULL UNION SELECT file FROM vector_segment",
        )
        .fetch_all(&self.reader)
        .await?;
        let folder = self.folder.clone();
        aside(move || {
            folder.sweep(|name| named.iter().any(|known| known == name));
            Ok(())
        })
        .await
    }
}

fn dropped(input: &Input) -> impl Iterator<Item = i64> {
    let gone = input.gone.iter().enumerate().filter(|(_, gone)| **gone);
    gone.map(|(place, _)| input.segment.id(place))
}

fn tier(size: i64) -> u32 {
    size.unsigned_abs().max(1).ilog(FAN_IN as u64)
}

/// The pieces of the smallest size that has enough of them.
fn full_tier(pieces: &[Piece]) -> Vec<Piece> {
    let of = |wanted| pieces.iter().filter(move |(_, size, ..)| tier(*size) == wanted);
    let full = (0..tier(LARGEST)).find(|wanted| of(*wanted).count() >= FAN_IN);
    full.map(|wanted| of(wanted).take(MOST_AT_ONCE).cloned().collect()).unwrap_or_default()
}

/// Small segments, when there are enough of them together.
fn small(pieces: &[Piece]) -> Vec<Piece> {
    let small: Vec<Piece> = pieces.iter().filter(|(_, size, ..)| *size < SMALL).take(MOST_AT_ONCE).cloned().collect();
    if small.len() >= FAN_IN { small } else { Vec::new() }
}

/// Eight blocks of one size that follow each other.
fn side_by_side(pieces: &[Piece]) -> Option<&[Piece]> {
    pieces.windows(FAN_IN).find(|group| {
        let first = tier(group[0].1);
        first < tier(LARGEST) && group.iter().all(|(_, size, ..)| tier(*size) == first)
    })
}

/// Runs work on a thread of its own that yields to everything a user waits for.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, sqlx::Error> {
    /// Lower than the screen's and the workers'.
    const NICENESS: i32 = 12;
    let (answer, answered) = oneshot::channel();
    let begun = std::thread::Builder::new().name("peanut-index".to_owned()).spawn(move || {
        // Linux keeps a priority per thread; elsewhere, and where it is refused, the thread is an ordinary one.
        let own = rustix::process::Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get());
        let _ = rustix::process::setpriority_process(own, NICENESS);
        let _ = answer.send(work());
    });
    begun.map_err(sqlx::Error::Io)?;
    let done =
        answered.await.map_err(|_| sqlx::Error::Protocol("merging the search index ended without".to_owned()))?;
    done.map_err(sqlx::Error::Io)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sizes: &[i64]) -> Vec<Piece> {
        (0..).zip(sizes).map(|(id, size)| (id, *size, None, 0)).collect()
    }

    #[test]
    fn eight_of_a_size_are_merged_smallest_first() {
        let of = |sizes: &[i64]| full_tier(&pieces(sizes)).into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
        assert!(of(&[1, 2, 3, 4, 5, 6, 7]).is_empty());
        assert_eq!(of(&[1, 2, 3, 900, 4, 5, 6, 7, 1]), [0, 1, 2, 4, 5, 6, 7, 8]);
        assert_eq!(of(&[64; 8]).len(), 8);
        assert!(of(&[LARGEST; 30]).is_empty());
    }

    #[test]
    fn blocks_are_merged_with_their_neighbours() {
        let of = |sizes: &[i64]| side_by_side(&pieces(sizes)).map(|group| group[0].0);
        assert_eq!(of(&[4096, 600, 600, 600, 600, 600, 600, 600, 600]), Some(1));
        assert_eq!(of(&[600, 600, 600, 600, 5000, 600, 600, 600, 600]), None);
    }

    #[test]
    fn many_small_ones_of_all_sizes_become_one_when_there_is_time() {
        assert_eq!(small(&pieces(&[1, 9, 70, 600, 5000, 40_000, 1, 9, 70])).len(), 8);
        assert!(small(&pieces(&[1, 9, 70, 600, 5000, 40_000, 1])).is_empty());
    }
}
