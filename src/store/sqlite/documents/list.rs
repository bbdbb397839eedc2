//! Documents in pages, and what is still to be done for one.

use std::collections::HashMap;

use sqlx::Row as _;

use crate::domain::status::EmbeddingProgress;
use crate::domain::{DocumentId, DocumentProgress, DocumentSummary, ModelId, SourceType, Timestamp};
use crate::store::{DocumentListing, DocumentPage, StoreError, StoreResult};

use super::super::SqliteStore;
use super::super::batch::json_numbers;
use super::super::error::classify;
use super::super::rows::{document_id, moment, named, unsigned};

/// See [`crate::store::DocumentStore::list_documents`].
pub(super) async fn list(store: &SqliteStore, page: &DocumentPage) -> StoreResult<DocumentListing> {
    read(store, page).await.map_err(|error| classify("list documents", format!("{} of them", page.limit), error))
}

async fn read(store: &SqliteStore, page: &DocumentPage) -> Result<DocumentListing, sqlx::Error> {
    let mut transaction = store.reader.begin().await?;
    let rows = sqlx::query(
        "SELECT seq, id, source_type, source_path, title, dated_at, ingested_at, deleted_at FROM document
         WHERE seq < ?1 AND (deleted_at IS NOT NULL) = ?2 AND (?3 IS NULL OR source_type = ?3)
         ORDER BY seq DESC LIMIT ?4",
    )
    .bind(page.after.unwrap_or(i64::MAX))
    .bind(page.deleted)
    .bind(page.source_type.map(SourceType::as_str))
    .bind(i64::from(page.limit))
    .fetch_all(&mut *transaction)
    .await?;
    let numbers = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    let tags: Vec<(i64, String)> = sqlx::query_as(
        "SELECT document_seq, tag FROM document_tag WHERE document_seq IN (SELECT value FROM json_each(?1)) ORDER BY tag",
    )
    .bind(json_numbers(numbers.iter().copied()))
    .fetch_all(&mut *transaction)
    .await?;
    let mut tags_of: HashMap<i64, Vec<String>> = HashMap::new();
    for (number, tag) in tags {
        tags_of.entry(number).or_default().push(tag);
    }
    let documents = rows.iter().zip(&numbers).map(|(row, number)| {
        Ok(DocumentSummary {
            id: document_id(row.try_get(1)?)?,
            source_type: named("source type", row.try_get(2)?, SourceType::parse)?,
            source_path: row.try_get(3)?,
            title: row.try_get(4)?,
            dated_at: moment(row.try_get(5)?),
            ingested_at: Timestamp(row.try_get(6)?),
            deleted_at: moment(row.try_get(7)?),
            tags: tags_of.remove(number).unwrap_or_default(),
        })
    });
    let documents = documents.collect::<Result<Vec<_>, sqlx::Error>>()?;
    let is_full = u32::try_from(numbers.len()).is_ok_and(|count| count == page.limit);
    Ok(DocumentListing { documents, next: numbers.last().copied().filter(|_| is_full) })
}

/// See [`crate::store::DocumentStore::document_progress`].
pub(super) async fn progress(store: &SqliteStore, id: DocumentId) -> StoreResult<DocumentProgress> {
    const OPERATION: &str = "read progress of document";
    let found = read_progress(store, id).await.map_err(|error| classify(OPERATION, id.to_string(), error))?;
    found.ok_or_else(|| StoreError::not_found(OPERATION, id.to_string()))
}

async fn read_progress(store: &SqliteStore, id: DocumentId) -> Result<Option<DocumentProgress>, sqlx::Error> {
    let mut transaction = store.reader.begin().await?;
    let own = id.0.as_bytes().as_slice();
    let seq: Option<i64> = sqlx::query_scalar("SELECT seq FROM document WHERE id = ?1")
        .bind(own)
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(seq) = seq else { return Ok(None) };
    let chunks: i64 =
        sqlx::query_scalar("SELECT count(*) FROM chunk WHERE document_seq = ?1 AND kind IN ('body', 'attachment')")
            .bind(seq)
            .fetch_one(&mut *transaction)
            .await?;
    let models: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT model.name,
            (SELECT count(*) FROM chunk JOIN embedding ON embedding.chunk_id = chunk.id
                WHERE chunk.document_seq = ?1 AND embedding.model_seq = model.seq),
            coalesce(sum(job.state = 'pending'), 0), coalesce(sum(job.state = 'processing'), 0),
            coalesce(sum(job.state = 'failed'), 0)
         FROM model LEFT JOIN (SELECT job.model_seq, job.state FROM chunk
            JOIN embedding_job AS job ON job.chunk_id = chunk.id WHERE chunk.document_seq = ?1) AS job
            ON job.model_seq = model.seq
         GROUP BY model.seq ORDER BY model.registered_at, model.seq",
    )
    .bind(seq)
    .fetch_all(&mut *transaction)
    .await?;
    let (pending, dead): (i64, i64) = sqlx::query_as(
        "SELECT coalesce(sum(state <> 'dead'), 0), coalesce(sum(state = 'dead'), 0) FROM outbox
         WHERE entity_id = ?1 AND state <> 'processed'",
    )
    .bind(own)
    .fetch_one(&mut *transaction)
    .await?;
    Ok(Some(DocumentProgress {
        searchable_chunks: unsigned(chunks),
        embeddings: models
            .into_iter()
            .map(|(name, done, pending, processing, failed)| EmbeddingProgress {
                model: ModelId(name),
                done: unsigned(done),
                pending: unsigned(pending),
                processing: unsigned(processing),
                failed: unsigned(failed),
            })
            .collect(),
        events_pending: unsigned(pending),
        events_dead: unsigned(dead),
    }))
}
