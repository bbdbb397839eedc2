//! Totals of what is inserted by the thousand: documents, chunks, vectors, jobs, events. A trigger for every row costs more
//! than the row, so whoever inserts into these tables says here what came, in the same transaction. What is changed or
//! deleted is counted by triggers. `verify` compares all of it with the tables. Called by every file that inserts.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use crate::domain::SourceType;
use crate::domain::outbox::EventType;

use super::rows::signed;

/// Live documents came.
pub(super) async fn count_documents(
    connection: &mut SqliteConnection,
    kinds: impl Iterator<Item = SourceType>,
) -> Result<(), sqlx::Error> {
    for (kind, count) in counted(kinds.map(SourceType::as_str)) {
        sqlx::query(
            "INSERT INTO document_total (source_type, live, documents) VALUES (?1, 1, ?2)
             ON CONFLICT (source_type, live) DO UPDATE SET documents = documents + excluded.documents",
        )
        .bind(kind)
        .bind(count)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Chunks with the ids `first` to `last` came, and no other has such an id.
pub(super) async fn count_chunks(connection: &mut SqliteConnection, first: i64, last: i64) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE document_total SET chunks = document_total.chunks + added.chunks,
             searchable_chunks = document_total.searchable_chunks + added.searchable
         FROM (SELECT document.source_type, document.deleted_at IS NULL AS live, count(*) AS chunks,
                   sum(chunk.searchable) AS searchable
               FROM chunk CROSS JOIN document ON document.seq = chunk.document_seq
               WHERE chunk.id BETWEEN ?1 AND ?2 GROUP BY 1, 2) AS added
         WHERE document_total.source_type = added.source_type AND document_total.live = added.live",
    )
    .bind(first)
    .bind(last)
    .execute(connection)
    .await
    .map(drop)
}

/// Vectors of a model came.
pub(super) async fn count_vectors(
    connection: &mut SqliteConnection,
    model: i64,
    count: u64,
) -> Result<(), sqlx::Error> {
    add(connection, "UPDATE embedding_total SET done = done + ?2 WHERE model_seq = ?1", model, count).await
}

/// Jobs of a model came, all waiting.
pub(super) async fn count_jobs(connection: &mut SqliteConnection, model: i64, count: u64) -> Result<(), sqlx::Error> {
    add(connection, "UPDATE embedding_total SET pending = pending + ?2 WHERE model_seq = ?1", model, count).await
}

async fn add(connection: &mut SqliteConnection, sql: &'static str, model: i64, count: u64) -> Result<(), sqlx::Error> {
    if count == 0 {
        return Ok(());
    }
    sqlx::query(sql).bind(model).bind(signed(count)).execute(connection).await.map(drop)
}

/// Events came, all waiting.
pub(super) async fn count_events(
    connection: &mut SqliteConnection,
    events: impl Iterator<Item = EventType>,
) -> Result<(), sqlx::Error> {
    for (event, count) in counted(events.map(EventType::as_str)) {
        sqlx::query("UPDATE outbox_total SET pending = pending + ?2 WHERE event_type = ?1")
            .bind(event)
            .bind(count)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// So much came, or went by a way that nobody counts, that all of it is counted anew: documents, chunks, vectors, jobs.
pub(super) async fn count_all(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM document_total",
        "INSERT INTO document_total (source_type, live, documents, chunks, searchable_chunks)
         SELECT source_type, deleted_at IS NULL, count(*), 0, 0 FROM document GROUP BY 1, 2",
        "UPDATE embedding_total SET
             done = (SELECT count(*) FROM embedding AS e WHERE e.model_seq = embedding_total.model_seq),
             (pending, processing, failed) =
                (SELECT coalesce(sum(state = 'pending'), 0), coalesce(sum(state = 'processing'), 0),
                        coalesce(sum(state = 'failed'), 0)
                 FROM embedding_job AS job WHERE job.model_seq = embedding_total.model_seq)",
    ] {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    count_chunks(connection, 0, i64::MAX).await
}

fn counted(names: impl Iterator<Item = &'static str>) -> BTreeMap<&'static str, i64> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}
