//! The ledger of files, watched folders and dead letters. Called by `ingest`, the screens and `peanut ingest`.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::Timestamp;
use crate::domain::intake::{
    DeadLetter, FileMark, FileRecord, FileState, FileUpdate, IntakeCounts, KnownPath, OfferedFile, WatchedFolder,
};

use super::StoreResult;

/// Which ledger rows to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePage {
    /// Only these states; empty means all.
    pub states: Vec<FileState>,
    /// Only paths that contain this, ignoring case.
    pub path_contains: Option<String>,
    /// Rows to pass over.
    pub offset: u64,
    /// Rows wanted.
    pub limit: u64,
}

/// Files on their way in.
#[async_trait]
pub trait IntakeStore: Send + Sync {
    /// Puts files in the queue. A file already indexed, skipped or failed with the same size, modification
    /// time and stamp is left alone unless `force`; one already queued or in hand is updated in place. A file that is being
    /// parsed while it changed is queued again when its worker finishes. Returns how many are now queued.
    async fn offer(&self, files: &[OfferedFile], force: bool, now: Timestamp) -> StoreResult<u64>;

    /// Takes up to `limit` queued files (oldest offer first) for `worker` until `now + lease`, and files whose lease
    /// ran out. Where several hosts share a store, only files that lie on this process's own host. Two callers never get the same file. A file claimed anew starts its item counts at zero.
    async fn claim_files(
        &self,
        worker: &str,
        limit: u32,
        lease: Duration,
        now: Timestamp,
    ) -> StoreResult<Vec<FileRecord>>;

    /// Extends the lease of files in hand and records progress without documents.
    async fn update_files(&self, updates: &[FileUpdate], lease: Duration, now: Timestamp) -> StoreResult<()>;

    /// Gives files in hand back to the queue (shutdown); their counts start over.
    async fn release_files(&self, paths: &[String], now: Timestamp) -> StoreResult<()>;

    /// One row.
    async fn file(&self, path: &str) -> StoreResult<Option<FileRecord>>;

    /// Rows, those in hand first, then newest change first.
    async fn files(&self, page: &FilePage) -> StoreResult<Vec<FileRecord>>;

    /// Files (not retired, and not of the drop zone, whose documents stay) below `folder` on this process's own host, for finding the vanished. At most `limit`, with paths greater than `after`, sorted.
    async fn paths_below(&self, folder: &str, after: &str, limit: u32) -> StoreResult<Vec<KnownPath>>;

    /// By what those of `paths` that are known are compared with what lies there.
    async fn marks(&self, paths: &[String]) -> StoreResult<Vec<FileMark>>;

    /// Rows of `path` itself and below it that something could not be read of: failed, with dead letters, or indexed with
    /// a reason. At most `limit`, with paths greater than `after`, sorted.
    async fn troubled(&self, path: &str, after: &str, limit: u32) -> StoreResult<Vec<FileRecord>>;

    /// Paths on this process's own host of files whose row says that something of them is held while nothing is, which the
    /// user did not delete: those [`super::SystemStore::verify`] finds unsound. At most `limit`, greater than `after`, sorted.
    async fn unsound_files(&self, after: &str, limit: u32) -> StoreResult<Vec<String>>;

    /// The ledger in numbers.
    async fn intake_counts(&self) -> StoreResult<IntakeCounts>;

    /// Dead letters, newest failure first.
    async fn dead_letters(&self, offset: u64, limit: u64) -> StoreResult<Vec<DeadLetter>>;

    /// Queues again the files of dead letters whose retry time has come. Returns how many files.
    async fn queue_due_retries(&self, now: Timestamp) -> StoreResult<u64>;

    /// Queues the file of one dead letter at once, with its attempts back at zero (the user asked).
    async fn retry_dead_letter(&self, id: i64, now: Timestamp) -> StoreResult<()>;

    /// Forgets one dead letter (the user asked); the file's row keeps its reason.
    async fn discard_dead_letter(&self, id: i64) -> StoreResult<()>;

    /// Watched folders, by path.
    async fn folders(&self) -> StoreResult<Vec<WatchedFolder>>;

    /// Adds or updates a watched folder.
    async fn put_folder(&self, folder: &WatchedFolder, now: Timestamp) -> StoreResult<()>;

    /// Stops watching a folder; its documents stay. `NotFound` when it is not watched.
    async fn remove_folder(&self, path: &str) -> StoreResult<()>;
}
