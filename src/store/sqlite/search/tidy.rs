//! Keeps the index in few pieces: eight segments of a size become one of the next, so that a search looks into few of them
//! and every posting is rewritten a handful of times in its life; likewise blocks of vectors. Large ones lie in files.
//!
//! Any process may tidy up, several at once: whoever publishes takes the old pieces out of the table in the same
//! transaction, and whose pieces are not all there any more throws away what it made. Chunks that go while a merge runs are
//! not lost: exactly those are dropped whose rows were read in `word_gone`, and exactly those rows are deleted. What is
//! merged when says `index::tiers`; `words` and `vectors` do it. Called after commits, when idle, and while the index is made anew.

mod vectors;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::{SqliteConnection, SqlitePool};

use crate::index::files::{Folder, Written};
use crate::index::tiers::{self, BLOCK, FAN_IN, SMALL_BLOCK};
use crate::store::StoreResult;
use crate::store::shared::aside;

use super::super::SqliteStore;
use super::super::batch::json_numbers;
use super::super::error::classify;
use super::super::writer::Writer;
#[cfg(test)]
use super::bulk;

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

impl tiers::Piece for Piece {
    fn size(&self) -> i64 {
        self.1
    }
}

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

/// Takes pieces out of their table by a statement without its condition; false when they are not all there any more.
async fn take_out(
    connection: &mut SqliteConnection,
    delete: &'static str,
    group: &[Piece],
) -> Result<bool, sqlx::Error> {
    let sql = format!("{delete} WHERE id IN (SELECT value FROM json_each(?1))");
    let taken = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(json_numbers(group.iter().map(|(id, ..)| *id)))
        .execute(connection)
        .await?;
    Ok(taken.rows_affected() == group.len() as u64)
}

/// Runs work on a thread of its own that yields to everything a user waits for.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, sqlx::Error> {
    aside::aside(work).await.map_err(sqlx::Error::Io)
}
