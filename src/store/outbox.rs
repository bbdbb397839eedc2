//! The outbox as the relay sees it. Appending happens inside `DocumentStore`; there is no other way in.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::outbox::{ClaimedEvent, DeadEvent, OutboxStatus};
use crate::domain::{EventId, Timestamp};

use super::StoreResult;

/// A delivery that failed through the event's own fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFailure {
    /// The event.
    pub id: EventId,
    /// What was wrong.
    pub error: String,
    /// When to try again; `None` gives it up (dead).
    pub retry_at: Option<Timestamp>,
}

/// Claim, mark, inspect.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Takes up to `limit` deliverable events, oldest first, for `worker` until `now + lease`. In order per entity: an
    /// event is held back while an earlier one of the same entity is claimed, parked or dead by another claim.
    /// Events of one entity may come together in one claim. Two callers never get the same event.
    async fn claim_events(
        &self,
        worker: &str,
        limit: u32,
        lease: Duration,
        now: Timestamp,
    ) -> StoreResult<Vec<ClaimedEvent>>;

    /// Marks delivered events processed. Ids no longer held are passed over.
    async fn mark_processed(&self, ids: &[EventId], now: Timestamp) -> StoreResult<()>;

    /// Counts an attempt for each and parks or buries it.
    async fn mark_failed(&self, failures: &[EventFailure], now: Timestamp) -> StoreResult<()>;

    /// Gives claimed events back without counting an attempt (the service is down, or shutdown).
    async fn release_events(&self, ids: &[EventId]) -> StoreResult<()>;

    /// The outbox at this moment.
    async fn outbox_status(&self, now: Timestamp) -> StoreResult<OutboxStatus>;

    /// Events given up, newest first.
    async fn dead_events(&self, offset: u64, limit: u64) -> StoreResult<Vec<DeadEvent>>;

    /// Makes a dead event deliverable again with no attempts. `NotFound` when it is not dead.
    async fn retry_event(&self, id: EventId) -> StoreResult<()>;

    /// Marks a dead event processed without delivering it (the user asked). `NotFound` when it is not dead.
    async fn skip_event(&self, id: EventId, now: Timestamp) -> StoreResult<()>;

    /// Deletes processed events older than `before`, at most `limit`. Returns how many.
    async fn prune_processed(&self, before: Timestamp, limit: u32) -> StoreResult<u64>;

    /// Appends `document_changed` for every document, deleted ones as `document_deleted`: the way to rebuild an emptied
    /// graph. Events that wait, are parked or were given up are superseded: they count as processed, so that none of
    /// them holds its document back. Returns how many were appended.
    async fn replay_documents(&self, now: Timestamp) -> StoreResult<u64>;
}
