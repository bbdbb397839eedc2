//! Models, vectors, and the jobs that make them: the tables `model`, `embedding`, `embedding_job`.

mod claim;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use crate::domain::status::EmbeddingProgress;
use crate::domain::text::without_nul;
use crate::domain::{ChunkId, ModelId, Timestamp};
use crate::store::{EmbeddingJob, EmbeddingStore, FailedEmbedding, StoreError, StoreResult};

use super::SqliteStore;
use super::batch::{insert_new_rows, insert_rows, json_numbers};
use super::error::classify;
use super::rows::{unsigned, vector_bytes};
use super::totals;

/// A model's row.
#[derive(Clone, Copy, Debug)]
struct Model {
    seq: i64,
    dimension: i64,
}

/// How far the last search for chunks without vector and job came, so that bounded steps do not start over.
/// One position serves all models: a search that ends away from the start runs once more over all before it answers "none".
#[derive(Debug, Default)]
pub(super) struct MissingCursor(AtomicI64);

async fn find(connection: &mut SqliteConnection, model: &ModelId) -> Result<Option<Model>, sqlx::Error> {
    let row: Option<(i64, i64)> = sqlx::query_as("SELECT seq, dimension FROM model WHERE name = ?1")
        .bind(model.0.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(seq, dimension)| Model { seq, dimension }))
}

impl SqliteStore {
    /// Starts a transaction and looks the model up in it.
    async fn begin_with_model(
        &self,
        operation: &'static str,
        model: &ModelId,
    ) -> StoreResult<(super::WriteTransaction, Model)> {
        let mut transaction = self.begin(operation, &model.0).await?;
        let found =
            find(&mut transaction, model).await.map_err(|error| classify(operation, model.0.as_str(), error))?;
        match found {
            Some(found) => Ok((transaction, found)),
            None => Err(StoreError::not_found(operation, model.0.as_str())),
        }
    }
}

async fn queue_from(
    connection: &mut SqliteConnection,
    model: Model,
    after: i64,
    limit: u32,
) -> Result<Vec<i64>, sqlx::Error> {
    let queued: Vec<i64> = sqlx::query_scalar(
        "INSERT INTO embedding_job (model_seq, chunk_id)
         SELECT ?1, chunk.id FROM chunk INDEXED BY chunk_searchable
         CROSS JOIN document ON document.seq = chunk.document_seq
         WHERE chunk.searchable = 1 AND chunk.kind IN ('body', 'attachment') AND chunk.id > ?2 AND document.deleted_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM embedding WHERE chunk_id = chunk.id AND model_seq = ?1)
           AND NOT EXISTS (SELECT 1 FROM embedding_job WHERE model_seq = ?1 AND chunk_id = chunk.id)
         ORDER BY chunk.id LIMIT ?3
         RETURNING chunk_id",
    )
    .bind(model.seq)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(&mut *connection)
    .await?;
    totals::count_jobs(connection, model.seq, queued.len() as u64).await?;
    Ok(queued)
}

async fn complete(
    connection: &mut SqliteConnection,
    model: Model,
    vectors: &[(ChunkId, Option<Vec<f32>>)],
) -> Result<(), sqlx::Error> {
    let chunks = json_numbers(vectors.iter().map(|(chunk, _)| chunk.0));
    let alive: Vec<i64> = sqlx::query_scalar("SELECT id FROM chunk WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(chunks.as_str())
        .fetch_all(&mut *connection)
        .await?;
    let alive: std::collections::HashSet<i64> = alive.into_iter().collect();
    let rows: Vec<&(ChunkId, Option<Vec<f32>>)> =
        vectors.iter().filter(|(chunk, _)| alive.contains(&chunk.0)).collect();
    let count = insert_new_rows(
        connection,
        "INSERT INTO embedding (model_seq, chunk_id, vector) VALUES",
        3,
        "ON CONFLICT (chunk_id, model_seq) DO NOTHING",
        &rows,
        |statement, (chunk, vector)| statement.bind(model.seq).bind(chunk.0).bind(vector.as_deref().map(vector_bytes)),
    )
    .await?;
    totals::count_vectors(connection, model.seq, count).await?;
    sqlx::query("DELETE FROM embedding_job WHERE model_seq = ?1 AND chunk_id IN (SELECT value FROM json_each(?2))")
        .bind(model.seq)
        .bind(chunks)
        .execute(connection)
        .await
        .map(drop)
}

#[async_trait]
impl EmbeddingStore for SqliteStore {
    async fn register_model(&self, model: &ModelId, dimension: usize, now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "register model";
        let key = model.0.as_str();
        let wanted = i64::try_from(dimension).unwrap_or(i64::MAX);
        let work = async {
            // Mostly known: whoever only looks need not wait for another writer.
            if let Some(found) = find(&mut *self.reader.acquire().await?, model).await? {
                return Ok(found.dimension);
            }
            let mut transaction = self.writer.begin().await?;
            if let Some(found) = find(&mut transaction, model).await? {
                return Ok(found.dimension);
            }
            sqlx::query("INSERT INTO model (name, dimension, registered_at) VALUES (?1, ?2, ?3)")
                .bind(key)
                .bind(wanted)
                .bind(now.0)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(wanted)
        };
        let held = work.await.map_err(|error| classify(OPERATION, key, error))?;
        if held == wanted {
            Ok(())
        } else {
            Err(StoreError::invariant(OPERATION, key, format!("known with {held} dimensions, not {wanted}")))
        }
    }

    async fn queue_missing(&self, model: &ModelId, limit: u32, _now: Timestamp) -> StoreResult<u64> {
        const OPERATION: &str = "queue missing embeddings";
        let (mut transaction, found) = self.begin_with_model(OPERATION, model).await?;
        let work = async {
            let after = self.missing_cursor.0.load(Ordering::Relaxed);
            let mut queued = queue_from(&mut transaction, found, after, limit).await?;
            if queued.is_empty() && after > 0 {
                queued = queue_from(&mut transaction, found, 0, limit).await?;
            }
            transaction.commit().await?;
            self.missing_cursor.0.store(queued.iter().max().copied().unwrap_or(0), Ordering::Relaxed);
            Ok(queued.len() as u64)
        };
        work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error))
    }

    async fn claim_embeddings(
        &self,
        model: &ModelId,
        worker: &str,
        limit: u32,
        lease: Duration,
        now: Timestamp,
    ) -> StoreResult<Vec<EmbeddingJob>> {
        const OPERATION: &str = "claim embeddings";
        let (mut transaction, found) = self.begin_with_model(OPERATION, model).await?;
        let work = async {
            let jobs = claim::claim(&mut transaction, found, worker, limit, lease, now).await?;
            transaction.commit().await?;
            Ok(jobs)
        };
        work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error))
    }

    async fn complete_embeddings(
        &self,
        model: &ModelId,
        vectors: &[(ChunkId, Option<Vec<f32>>)],
        _now: Timestamp,
    ) -> StoreResult<()> {
        const OPERATION: &str = "complete embeddings";
        let (mut transaction, found) = self.begin_with_model(OPERATION, model).await?;
        let wrong = vectors.iter().find_map(|(chunk, vector)| {
            let length = vector.as_ref()?.len();
            (i64::try_from(length) != Ok(found.dimension)).then_some((*chunk, length))
        });
        if let Some((chunk, length)) = wrong {
            let message = format!("vector has {length} dimensions, {model} has {}", found.dimension);
            return Err(StoreError::invariant(OPERATION, format!("chunk {chunk}"), message));
        }
        let work = async {
            complete(&mut transaction, found, vectors).await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error))
    }

    async fn fail_embeddings(&self, model: &ModelId, failures: &[FailedEmbedding], _now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "fail embeddings";
        let (mut transaction, found) = self.begin_with_model(OPERATION, model).await?;
        let work = async {
            insert_rows(
                &mut transaction,
                "WITH new (model_seq, chunk_id, error, due_at) AS (VALUES",
                4,
                ") UPDATE embedding_job SET attempts = attempts + 1, error = new.error, due_at = new.due_at,
                      state = CASE WHEN new.due_at IS NULL THEN 'failed' ELSE 'pending' END, worker = NULL, lease_until = NULL
                 FROM new WHERE embedding_job.model_seq = new.model_seq AND embedding_job.chunk_id = new.chunk_id
                   AND embedding_job.state = 'processing'",
                failures,
                |statement, failure| {
                    statement
                        .bind(found.seq)
                        .bind(failure.chunk_id.0)
                        .bind(without_nul(&failure.error).into_owned())
                        .bind(failure.retry_at.map(|at| at.0))
                },
            )
            .await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error))
    }

    async fn release_embeddings(&self, model: &ModelId, chunks: &[ChunkId]) -> StoreResult<()> {
        const OPERATION: &str = "release embeddings";
        let (mut transaction, found) = self.begin_with_model(OPERATION, model).await?;
        let work = async {
            sqlx::query(
                "UPDATE embedding_job SET state = 'pending', worker = NULL, lease_until = NULL
                 WHERE model_seq = ?1 AND state = 'processing' AND chunk_id IN (SELECT value FROM json_each(?2))",
            )
            .bind(found.seq)
            .bind(json_numbers(chunks.iter().map(|chunk| chunk.0)))
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error))
    }

    async fn retry_failed_embeddings(&self, model: &ModelId) -> StoreResult<u64> {
        const OPERATION: &str = "retry failed embeddings";
        let (mut transaction, found) = self.begin_with_model(OPERATION, model).await?;
        let work = async {
            let done = sqlx::query(
                "UPDATE embedding_job SET state = 'pending', attempts = 0, due_at = NULL, error = NULL
                 WHERE model_seq = ?1 AND state = 'failed'",
            )
            .bind(found.seq)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(done.rows_affected())
        };
        work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error))
    }

    async fn embedding_progress(&self) -> StoreResult<Vec<EmbeddingProgress>> {
        let rows: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT model.name, total.done, total.pending, total.processing, total.failed
             FROM model JOIN embedding_total AS total ON total.model_seq = model.seq
             ORDER BY model.registered_at, model.seq",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(|error| classify("read embedding progress", "all models", error))?;
        Ok(rows
            .into_iter()
            .map(|(name, done, pending, processing, failed)| EmbeddingProgress {
                model: ModelId(name),
                done: unsigned(done),
                pending: unsigned(pending),
                processing: unsigned(processing),
                failed: unsigned(failed),
            })
            .collect())
    }

    async fn drop_model(&self, model: &ModelId) -> StoreResult<()> {
        const OPERATION: &str = "drop model";
        let (mut transaction, found) = self.begin_with_model(OPERATION, model).await?;
        let work = async {
            for sql in [
                "DELETE FROM embedding_job WHERE model_seq = ?1",
                "DELETE FROM embedding WHERE model_seq = ?1",
                "DELETE FROM model WHERE seq = ?1",
            ] {
                sqlx::query(sql).bind(found.seq).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error))
    }
}
