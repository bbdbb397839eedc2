//! Settings, workers, counts and the store's own health. Called by `runtime`, `health` and `cli`.

use async_trait::async_trait;

use crate::domain::health::WorkerRecord;
use crate::domain::status::StoreCounts;
use crate::domain::{DocumentId, Timestamp};

use super::StoreResult;

/// What the engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreInfo {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// Engine version.
    pub version: String,
    /// Number of the last applied migration.
    pub schema_version: i64,
    /// Where the data is, without secrets.
    pub location: String,
}

/// A standby that may serve searches, as last seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaStatus {
    /// Where it is, without secrets.
    pub location: String,
    /// How long the primary has been ahead of it; `None` when that is not known.
    pub behind_seconds: Option<f64>,
    /// Bytes of log it has not replayed yet.
    pub behind_bytes: Option<u64>,
    /// Whether searches go there.
    pub serves: bool,
    /// Whether it has all that this process wrote; until then this process reads the primary.
    pub has_own_writes: bool,
    /// Why it cannot serve, with what to do.
    pub problem: Option<String>,
}

/// Outcome of a deep check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Every violation found, in words; empty when sound.
    pub problems: Vec<String>,
    /// What was checked, one line each.
    pub checked: Vec<String>,
}

/// A text or a title that is not what it was when it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedText {
    /// Its row; of a title, that of its document's first text.
    pub chunk: i64,
    /// Its document.
    pub document: DocumentId,
    /// That document's file.
    pub path: String,
    /// Whether it is the title.
    pub is_title: bool,
}

/// The rest of the store.
#[async_trait]
pub trait SystemStore: Send + Sync {
    /// Answers when the engine answers and the store is where it was opened; a cheap read. Once it was removed or replaced
    /// meanwhile, this and every write fail as `Permanent`.
    async fn ping(&self) -> StoreResult<()>;

    /// About the engine.
    async fn info(&self) -> StoreResult<StoreInfo>;

    /// Counts for the status line; cheap enough to ask every second.
    async fn counts(&self) -> StoreResult<StoreCounts>;

    /// Deep check of engine and invariants: every document whole (chunks 0..n without gaps, searchable ones in the word
    /// index and nowhere else), no two documents of one source or Message-ID, an outbox event for every document,
    /// ledger counts that add up, texts equal to their checksums.
    async fn verify(&self) -> StoreResult<Integrity>;

    /// Every text and every title that differs from its checksum; reads them all.
    async fn damaged_texts(&self) -> StoreResult<Vec<DamagedText>>;

    /// Forgets the checksums of these texts (rows of chunks) and of the contents of their documents: whoever reads their
    /// files again writes these texts anew.
    async fn distrust_texts(&self, chunks: &[i64]) -> StoreResult<()>;

    /// Makes what searches read anew from the texts when it is damaged, and says whether it was. Searches go on meanwhile, and
    /// find what is made already.
    async fn repair_index(&self) -> StoreResult<bool>;

    /// A setting changed at run time (search weights, pauses); JSON text.
    async fn setting(&self, key: &str) -> StoreResult<Option<String>>;

    /// Writes a setting.
    async fn put_setting(&self, key: &str, value: &str, now: Timestamp) -> StoreResult<()>;

    /// All settings, by key.
    async fn settings(&self) -> StoreResult<Vec<(String, String)>>;

    /// Writes a worker's sign of life (keyed by name, host, pid) and forgets rows older than a day.
    async fn put_worker(&self, worker: &WorkerRecord) -> StoreResult<()>;

    /// Workers of all processes, by host, pid, name.
    async fn workers(&self) -> StoreResult<Vec<WorkerRecord>>;

    /// Writes a setting only when its present value is `expected` (`None`: there is none); `None` as the new value takes
    /// it away. Returns whether it was written: of two that change the same value one succeeds.
    async fn replace_setting(
        &self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<bool>;

    /// Gives back at once what workers hold under a lease: files are queued again and start over, jobs and events wait,
    /// no attempt is counted. Of workers named `worker` or `worker:…`; `None` means everybody, for whoever knows that
    /// nobody else can be at work: then their signs of life go too. Returns how many things were held.
    async fn release_leases(&self, worker: Option<&str>, now: Timestamp) -> StoreResult<u64>;

    /// Folds the write-ahead log back and lets the engine refresh its statistics; called when idle and at shutdown.
    async fn optimize(&self) -> StoreResult<()>;

    /// How the standby that serves searches is, as last seen; `None` when there is none. Asks nobody.
    async fn replica(&self) -> StoreResult<Option<ReplicaStatus>>;

    /// Closes every connection; later calls fail.
    async fn close(&self);
}
