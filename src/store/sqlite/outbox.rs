//! The outbox as the relay and the screens see it. Rows are appended by `documents` in the transaction that makes them true.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Row as _, SqliteConnection};

use crate::domain::outbox::{ClaimedEvent, DeadEvent, EventType, OutboxStatus};
use crate::domain::text::without_nul;
use crate::domain::{EventId, Timestamp};
use crate::store::{EventFailure, OutboxStore, StoreError, StoreResult};

use super::SqliteStore;
use super::batch::{insert_rows, json_numbers};
use super::error::classify;
use super::rows::{named, signed, unsigned, uuid};

/// Events whose turn it is: pending, not parked, no earlier event of the same entity in somebody's hands, parked or dead.
macro_rules! deliverable {
    () => {
        "event.state = 'pending' AND (event.retry_at IS NULL OR event.retry_at <= ?1)
           AND NOT EXISTS (SELECT 1 FROM outbox AS earlier INDEXED BY outbox_entity
                WHERE earlier.entity_id = event.entity_id AND earlier.id < event.id
                  AND (earlier.state IN ('claimed', 'dead') OR (earlier.state = 'pending' AND earlier.retry_at > ?1)))"
    };
}

async fn claim(
    connection: &mut SqliteConnection,
    worker: &str,
    limit: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<ClaimedEvent>, sqlx::Error> {
    sqlx::query(
        "UPDATE outbox SET state = 'pending', worker = NULL, lease_until = NULL
         WHERE state = 'claimed' AND lease_until <= ?1",
    )
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query(concat!(
        "UPDATE outbox SET state = 'claimed', worker = ?2, lease_until = ?3, retry_at = NULL WHERE id IN (
            SELECT event.id FROM outbox AS event INDEXED BY outbox_pending WHERE ",
        deliverable!(),
        " ORDER BY event.id LIMIT ?4) RETURNING id, event_type, entity_id, recorded_at, attempts"
    ))
    .bind(now.0)
    .bind(worker)
    .bind(now.plus(lease).0)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    let mut events = rows
        .into_iter()
        .map(|row| {
            Ok(ClaimedEvent {
                id: EventId(row.try_get(0)?),
                event_type: named("event type", row.try_get(1)?, EventType::parse)?,
                entity_id: uuid(row.try_get(2)?)?,
                recorded_at: Timestamp(row.try_get(3)?),
                attempts: row.try_get(4)?,
            })
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    events.sort_by_key(|event| event.id);
    Ok(events)
}

async fn status(store: &SqliteStore, now: Timestamp) -> Result<OutboxStatus, sqlx::Error> {
    let mut transaction = store.reader.begin().await?;
    let rows: Vec<(String, i64, i64, i64)> =
        sqlx::query_as("SELECT event_type, pending, dead, processed FROM outbox_total")
            .fetch_all(&mut *transaction)
            .await?;
    let mut status = OutboxStatus::default();
    let mut by_type = Vec::new();
    for (name, pending, dead, processed) in rows {
        status.pending += unsigned(pending);
        status.dead += unsigned(dead);
        status.processed_total += unsigned(processed);
        by_type.push((named("event type", &name, EventType::parse)?, unsigned(pending)));
    }
    status.pending_by_type = EventType::ALL
        .into_iter()
        .filter_map(|event_type| by_type.iter().find(|(held, pending)| *held == event_type && *pending > 0).copied())
        .collect();
    if status.pending == 0 {
        return Ok(status);
    }
    let parked: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE retry_at > ?1")
        .bind(now.0)
        .fetch_one(&mut *transaction)
        .await?;
    status.parked = unsigned(parked);
    let waiting: Option<i64> = sqlx::query_scalar(concat!(
        "SELECT recorded_at FROM outbox AS event INDEXED BY outbox_pending WHERE ",
        deliverable!(),
        " ORDER BY event.id LIMIT 1"
    ))
    .bind(now.0)
    .fetch_optional(&mut *transaction)
    .await?;
    // An event in the relay's hands is not delivered yet either: a relay that hangs must show.
    let in_hand: Option<i64> = sqlx::query_scalar("SELECT min(recorded_at) FROM outbox WHERE state = 'claimed'")
        .fetch_one(&mut *transaction)
        .await?;
    let oldest = waiting.into_iter().chain(in_hand).min();
    status.oldest_pending_seconds = oldest.map(|at| now.seconds_since(Timestamp(at)));
    Ok(status)
}

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn claim_events(
        &self,
        worker: &str,
        limit: u32,
        lease: Duration,
        now: Timestamp,
    ) -> StoreResult<Vec<ClaimedEvent>> {
        const OPERATION: &str = "claim events";
        let mut transaction = self.begin(OPERATION, worker).await?;
        let work = async {
            let events = claim(&mut transaction, worker, limit, lease, now).await?;
            transaction.commit().await?;
            Ok(events)
        };
        work.await.map_err(|error| classify(OPERATION, worker, error))
    }

    async fn mark_processed(&self, ids: &[EventId], now: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "UPDATE outbox SET state = 'processed', processed_at = ?2, worker = NULL, lease_until = NULL, error = NULL
             WHERE id IN (SELECT value FROM json_each(?1)) AND state = 'claimed'",
        )
        .bind(json_numbers(ids.iter().map(|id| id.0)))
        .bind(now.0)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(|error| classify("mark events processed", format!("{} events", ids.len()), error))
    }

    async fn mark_failed(&self, failures: &[EventFailure], now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "mark events failed";
        let key = format!("{} events", failures.len());
        let mut transaction = self.begin(OPERATION, &key).await?;
        let work = async {
            insert_rows(
                &mut transaction,
                "WITH new (id, error, retry_at, at) AS (VALUES",
                4,
                ") UPDATE outbox SET attempts = attempts + 1, error = new.error, retry_at = new.retry_at,
                      state = CASE WHEN new.retry_at IS NULL THEN 'dead' ELSE 'pending' END,
                      dead_at = CASE WHEN new.retry_at IS NULL THEN new.at END, worker = NULL, lease_until = NULL
                 FROM new WHERE outbox.id = new.id AND outbox.state = 'claimed'",
                failures,
                |statement, failure| {
                    statement
                        .bind(failure.id.0)
                        .bind(without_nul(&failure.error).into_owned())
                        .bind(failure.retry_at.map(|at| at.0))
                        .bind(now.0)
                },
            )
            .await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }

    async fn release_events(&self, ids: &[EventId]) -> StoreResult<()> {
        sqlx::query(
            "UPDATE outbox SET state = 'pending', worker = NULL, lease_until = NULL
             WHERE id IN (SELECT value FROM json_each(?1)) AND state = 'claimed'",
        )
        .bind(json_numbers(ids.iter().map(|id| id.0)))
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(|error| classify("release events", format!("{} events", ids.len()), error))
    }

    async fn outbox_status(&self, now: Timestamp) -> StoreResult<OutboxStatus> {
        status(self, now).await.map_err(|error| classify("read outbox status", "all", error))
    }

    async fn dead_events(&self, offset: u64, limit: u64) -> StoreResult<Vec<DeadEvent>> {
        let work = async {
            let rows = sqlx::query(
                "SELECT id, event_type, entity_id, attempts, error, recorded_at, dead_at FROM outbox
                 WHERE state = 'dead' ORDER BY dead_at DESC, id DESC LIMIT ?1 OFFSET ?2",
            )
            .bind(signed(limit))
            .bind(signed(offset))
            .fetch_all(&self.reader)
            .await?;
            rows.into_iter()
                .map(|row| {
                    Ok(DeadEvent {
                        id: EventId(row.try_get(0)?),
                        event_type: named("event type", row.try_get(1)?, EventType::parse)?,
                        entity_id: uuid(row.try_get(2)?)?,
                        attempts: row.try_get(3)?,
                        error: row.try_get::<Option<String>, _>(4)?.unwrap_or_default(),
                        recorded_at: Timestamp(row.try_get(5)?),
                        dead_at: Timestamp(row.try_get::<Option<i64>, _>(6)?.unwrap_or_default()),
                    })
                })
                .collect::<Result<Vec<_>, sqlx::Error>>()
        };
        work.await.map_err(|error| classify("list dead events", format!("from {offset}"), error))
    }

    async fn retry_event(&self, id: EventId) -> StoreResult<()> {
        const OPERATION: &str = "retry event";
        let done = sqlx::query(
            "UPDATE outbox SET state = 'pending', attempts = 0, retry_at = NULL, dead_at = NULL, error = NULL
             WHERE id = ?1 AND state = 'dead'",
        )
        .bind(id.0)
        .execute(&self.writer)
        .await
        .map_err(|error| classify(OPERATION, id.to_string(), error))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found(OPERATION, id.to_string())) } else { Ok(()) }
    }

    async fn skip_event(&self, id: EventId, now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "skip event";
        let done = sqlx::query(
            "UPDATE outbox SET state = 'processed', processed_at = ?2, dead_at = NULL WHERE id = ?1 AND state = 'dead'",
        )
        .bind(id.0)
        .bind(now.0)
        .execute(&self.writer)
        .await
        .map_err(|error| classify(OPERATION, id.to_string(), error))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found(OPERATION, id.to_string())) } else { Ok(()) }
    }

    async fn prune_processed(&self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        const OPERATION: &str = "prune outbox";
        let mut transaction = self.begin(OPERATION, "processed").await?;
        let work = async {
            let done = sqlx::query(
                "DELETE FROM outbox WHERE id IN (
                    SELECT id FROM outbox NOT INDEXED WHERE state = 'processed' AND processed_at < ?1 ORDER BY id LIMIT ?2)",
            )
            .bind(before.0)
            .bind(i64::from(limit))
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() > 0 {
                // Documents written before this moment may have no event any more; `verify` does not miss them.
                sqlx::query("UPDATE counter SET value = max(value, ?1) WHERE name = 'outbox_pruned_before'")
                    .bind(before.0)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(done.rows_affected())
        };
        work.await.map_err(|error| classify(OPERATION, "processed", error))
    }

    async fn replay_documents(&self, now: Timestamp) -> StoreResult<u64> {
        const OPERATION: &str = "replay documents";
        let mut transaction = self.begin(OPERATION, "all").await?;
        let work = async {
            sqlx::query(
                "UPDATE outbox SET state = 'processed', processed_at = ?1, retry_at = NULL, dead_at = NULL
                 WHERE state IN ('pending', 'dead')",
            )
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
            let done = sqlx::query(
                "INSERT INTO outbox (event_type, entity_id, recorded_at)
                 SELECT CASE WHEN deleted_at IS NULL THEN ?1 ELSE ?2 END, id, ?3 FROM document ORDER BY seq",
            )
            .bind(EventType::DocumentChanged.as_str())
            .bind(EventType::DocumentDeleted.as_str())
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "UPDATE outbox_total SET pending = (SELECT count(*) FROM outbox
                 WHERE event_type = outbox_total.event_type AND state IN ('pending', 'claimed'))",
            )
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(done.rows_affected())
        };
        work.await.map_err(|error| classify(OPERATION, "all", error))
    }
}
