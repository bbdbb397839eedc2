//! Keeps the index in few pieces: eight segments of a size become one of the next; likewise blocks of vectors. What is merged
//! when says `index::tiers`; `words` and `vectors` do it. Called after commits, when idle, and while the index is made anew.
//!
//! One tidies up at a time, in any process on any host, by an advisory lock that the transaction of every step holds; it has
//! no number before it publishes, so nobody waits for it. The old pieces go when the new one comes, and readers see either.
//! Removals while a merge runs are not lost: exactly those chunks are dropped whose rows were read in `word_gone`, and
//! exactly those rows are deleted. One that commits later keeps its row: it hides the chunk in the new segment as it did in
//! the old, until a later merge drops it.

mod vectors;
mod words;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::{PgConnection, Postgres, Transaction};

use crate::index::bytes::Bytes;
use crate::index::files::{Folder, name_of};
use crate::index::tiers::{BLOCK, FAN_IN, LARGEST_BLOCK, SMALL_BLOCK};
use crate::store::StoreResult;
use crate::store::shared::aside;

use super::super::error::classify;
use super::pieces::Stored;
use super::{SearchIndex, pieces};

/// The lock that whoever tidies up holds; any number that nothing else uses ("words" in ASCII).
const LOCK: i64 = 0x77_6f_72_64_73;
/// From so many vectors without a block on they are packed before anybody searches: they came with an older version.
const MANY_VECTORS: i64 = 4 * LARGEST_BLOCK;

const OPERATION: &str = "tidy up search index";

/// Whether this process is at it.
#[derive(Debug, Default)]
pub(super) struct Tidying {
    is_running: AtomicBool,
    commits: AtomicU64,
}

/// A step of tidying up, with the lock.
type Step = Transaction<'static, Postgres>;

impl SearchIndex {
    /// Merges and packs what there is, in the background. Called after commits.
    pub(in crate::store::postgres) fn tidy_soon(self: &Arc<Self>) {
        let tidying = &self.tidying;
        if tidying.commits.fetch_add(1, Ordering::Relaxed) % FAN_IN as u64 != FAN_IN as u64 - 1
            || tidying.is_running.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let running = Running(Arc::clone(self));
        tokio::spawn(async move {
            if let Err(error) = running.0.tidy_up(false).await {
                tracing::debug!(event = "search_index_merge_failed", %error, "segments stay as they are");
            }
        });
    }

    /// Merges what there is to merge and more, and removes copies that nothing names.
    pub(in crate::store::postgres) async fn tidy(&self) -> StoreResult<()> {
        let tidying = async {
            self.tidy_up(true).await?;
            pieces::sweep(&self.pool, &self.local).await
        };
        tidying.await.map_err(|error| classify(OPERATION, "", error))
    }

    /// Merges segments while the index is made anew.
    pub(in crate::store::postgres) async fn merge_segments(&self) -> Result<(), sqlx::Error> {
        while self.merge_words(false).await? {}
        Ok(())
    }

    async fn tidy_up(&self, is_thorough: bool) -> Result<(), sqlx::Error> {
        while self.merge_words(is_thorough).await? {}
        for (model, dimension) in self.models().await? {
            self.forget_rotten_blocks(model).await?;
            while self.pack_vectors(model, dimension, if is_thorough { SMALL_BLOCK } else { BLOCK }).await? > 0 {}
            while self.merge_vectors(model, dimension).await? {}
        }
        Ok(())
    }

    /// Packs the vectors of models that have very many without a block, as those of an older version are; one look where
    /// there are none.
    pub(in crate::store::postgres) async fn pack_many(&self) -> Result<(), sqlx::Error> {
        for (model, dimension) in self.models().await? {
            if self.unpacked(model, MANY_VECTORS).await? < MANY_VECTORS {
                continue;
            }
            tracing::info!(event = "vector_index_renewal_began", model, "the codes of all vectors are made, once");
            let mut done = 0;
            loop {
                let packed = self.pack_vectors(model, dimension, BLOCK).await?;
                if packed == 0 {
                    break;
                }
                done += packed;
                tracing::info!(event = "vector_index_renewal_goes_on", model, done);
                while self.merge_vectors(model, dimension).await? {}
            }
            tracing::info!(event = "vector_index_renewed", model);
        }
        Ok(())
    }

    /// Numbers and dimensions of all models.
    pub(super) async fn models(&self) -> Result<Vec<(i64, usize)>, sqlx::Error> {
        let models: Vec<(i64, i64)> =
            sqlx::query_as("SELECT seq, dimension FROM model ORDER BY seq").fetch_all(&self.pool).await?;
        Ok(models.into_iter().map(|(model, dimension)| (model, usize::try_from(dimension).unwrap_or(0))).collect())
    }

    /// Begins a step; `None` while another process tidies up.
    async fn step(&self) -> Result<Option<Step>, sqlx::Error> {
        let mut step = self.pool.begin().await?;
        // A merge may take longer than a transaction may usually stand still.
        let sql = "SELECT pg_try_advisory_xact_lock($1), set_config('idle_in_transaction_session_timeout', '0', true)";
        let (ours, _): (bool, String) = sqlx::query_as(sql).bind(LOCK).fetch_one(&mut *step).await?;
        Ok(ours.then_some(step))
    }

    /// Removes this host's copies of pieces that were merged into one; whoever has one mapped keeps it, and whoever still
    /// lists one makes it again.
    fn remove_copies<'a>(&self, merged: impl Iterator<Item = &'a Stored>, made: &str) {
        let Some(folder) = self.local.known() else { return };
        for old in merged.filter(|old| old.name != made && old.is_copied(&self.local)) {
            folder.remove(&old.name);
        }
    }

    /// Where a piece made of so many bytes is made: in the folder when it is large.
    fn place_for(&self, bytes: i64, least_file: usize) -> Option<Folder> {
        if bytes < least_file as i64 {
            return None;
        }
        match self.local.folder() {
            Ok(folder) => Some(folder),
            Err(error) => {
                tracing::warn!(event = "index_folder_missing", %error, "segments are merged in memory");
                None
            }
        }
    }
}

/// Set while this process tidies up.
struct Running(Arc<SearchIndex>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.tidying.is_running.store(false, Ordering::Release);
    }
}

/// Takes pieces out of their table; false when they are not all there any more.
async fn take_out(connection: &mut PgConnection, delete: &'static str, ids: &[i64]) -> Result<bool, sqlx::Error> {
    let taken = sqlx::query(delete).bind(ids).execute(connection).await?;
    Ok(taken.rows_affected() == ids.len() as u64)
}

/// A piece that was made: where it lies now, its name, and how many chunks or vectors it holds.
type Made = (Bytes, String, usize);

/// Makes a piece that writes itself: in a file of `folder`, or in memory without one.
async fn made(
    folder: Option<Folder>,
    ending: &'static str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<usize> + Send + 'static,
) -> Result<Made, sqlx::Error> {
    aside(move || {
        if let Some(folder) = folder {
            let (written, size) = folder.write(ending, |mut out| {
                let size = write(&mut out)?;
                Ok((out, size))
            })?;
            return Ok((Bytes::map(&folder.file(&written.name))?, written.name, size));
        }
        let mut bytes = Vec::new();
        let size = write(&mut bytes)?;
        let name = name_of(&bytes, ending);
        Ok((Bytes::from(bytes), name, size))
    })
    .await
}

/// Runs work on a thread of its own that yields to everything a user waits for.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, sqlx::Error> {
    aside::aside(work).await.map_err(sqlx::Error::Io)
}
