//! The only door to writes that append events: the store commits change and event in one transaction, and whoever
//! acts on events is woken. Called by `ingest` and the screens' services.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::domain::{DocumentId, Timestamp};
use crate::store::{CommitBatch, CommitReport, RetireReason, SharedStore, StoreResult};

/// Writes documents and wakes the relay and the embedder. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    store: SharedStore,
    relay_wake: Arc<Notify>,
    embed_wake: Arc<Notify>,
}

#[expect(clippy::disallowed_methods, reason = "this is the door the rule protects")]
impl Recorder {
    /// A recorder that wakes these two.
    #[must_use]
    pub fn new(store: SharedStore, relay_wake: Arc<Notify>, embed_wake: Arc<Notify>) -> Self {
        Self { store, relay_wake, embed_wake }
    }

    /// See [`crate::store::DocumentStore::commit`].
    ///
    /// # Errors
    /// The store's; nothing was written.
    pub async fn commit(&self, batch: &CommitBatch) -> StoreResult<CommitReport> {
        let report = self.store.commit(batch).await?;
        if report.events > 0 {
            self.relay_wake.notify_one();
        }
        if report.jobs > 0 {
            self.embed_wake.notify_one();
        }
        Ok(report)
    }

    /// See [`crate::store::DocumentStore::retire`].
    ///
    /// # Errors
    /// The store's; nothing was written.
    pub async fn retire(&self, ids: &[DocumentId], reason: RetireReason, now: Timestamp) -> StoreResult<u64> {
        let retired = self.store.retire(ids, reason, now).await?;
        self.relay_wake.notify_one();
        Ok(retired)
    }

    /// See [`crate::store::DocumentStore::restore`].
    ///
    /// # Errors
    /// The store's; nothing was written.
    pub async fn restore(&self, ids: &[DocumentId], now: Timestamp) -> StoreResult<u64> {
        let restored = self.store.restore(ids, now).await?;
        self.relay_wake.notify_one();
        self.embed_wake.notify_one();
        Ok(restored)
    }

    /// See [`crate::store::DocumentStore::retire_file`].
    ///
    /// # Errors
    /// The store's; nothing was written.
    pub async fn retire_file(&self, path: &str, now: Timestamp) -> StoreResult<Vec<DocumentId>> {
        let retired = self.store.retire_file(path, now).await?;
        self.relay_wake.notify_one();
        Ok(retired)
    }
}
