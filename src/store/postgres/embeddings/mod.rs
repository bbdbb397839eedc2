//! Models, vectors, and the jobs that make them: the tables `model`, `embedding`, `embedding_job`.

mod claim;

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;

use crate::domain::status::EmbeddingProgress;
use crate::domain::{ChunkId, ModelId, Timestamp};
use crate::store::{EmbeddingJob, EmbeddingStore, FailedEmbedding, StoreError, StoreResult};

use super::PostgresStore;
use super::error::classify;
use super::rows::{text, unsigned};

/// A model's row.
#[derive(Clone, Copy, Debug)]
struct Model {
    seq: i64,
    dimension: i64,
}

/// How far the last search for chunks without vector and job came, so that bounded steps do not start over.
/// One position serves all models: a search that ends away from the start runs once more over all before it answers
/// "none".
#[derive(Debug, Default)]
pub(super) struct MissingCursor(AtomicI64);

async fn find(connection: &mut PgConnection, model: &ModelId) -> Result<Option<Model>, sqlx::Error> {
    let row: Option<(i64, i64)> = sqlx::query_as("SELECT seq, dimension FROM model WHERE name = $1")
        .bind(model.0.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(seq, dimension)| Model { seq, dimension }))
}

impl PostgresStore {
    /// Starts a transaction and looks the model up in it.
    async fn begin_with_model(
        &self,
        operation: &'static str,
        model: &ModelId,
    ) -> StoreResult<(super::PgTransaction, Model)> {
        let mut transaction = self.begin(operation, &model.0).await?;
        let found =
            find(&mut transaction, model).await.map_err(|error| classify(operation, model.0.as_str(), error))?;
        match found {
            Some(found) => Ok((transaction, found)),
            None => Err(StoreError::not_found(operation, model.0.as_str())),
        }
    }
}

/// Chunks that another process is removing at this moment are passed over: nobody waits here. `OFFSET 0` keeps the
/// planner at one look into each index per chunk, in the order of chunks, also while it knows nothing of new tables.
async fn queue_from(
    connection: &mut PgConnection,
    model: Model,
    after: i64,
    limit: u32,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "WITH missing AS MATERIALIZED (
            SELECT chunk.id FROM chunk WHERE chunk.searchable AND chunk.kind IN ('body', 'attachment') AND chunk.id > $2
              AND EXISTS (SELECT 1 FROM document WHERE seq = chunk.document_seq AND deleted_at IS NULL OFFSET 0)
              AND NOT EXISTS (SELECT 1 FROM embedding WHERE chunk_id = chunk.id AND model_seq = $1 OFFSET 0)
              AND NOT EXISTS (SELECT 1 FROM embedding_job WHERE model_seq = $1 AND chunk_id = chunk.id OFFSET 0)
            ORDER BY chunk.id LIMIT $3 FOR KEY SHARE SKIP LOCKED)
         INSERT INTO embedding_job (model_seq, chunk_id) SELECT $1, id FROM missing
         ON CONFLICT (model_seq, chunk_id) DO NOTHING RETURNING chunk_id",
    )
    .bind(model.seq)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
}

/// A chunk that is gone, or being removed at this moment, is passed over, and so is one whose job another worker takes at
/// this moment because the lease ran out: nobody waits here, and a job that was passed over for nothing is taken again.
async fn complete(
    connection: &mut PgConnection,
    model: Model,
    vectors: &[(ChunkId, Option<Vec<f32>>)],
) -> Result<(), sqlx::Error> {
    let alive: Vec<i64> = sqlx::query_scalar(
        "WITH job AS MATERIALIZED (SELECT chunk_id FROM embedding_job WHERE model_seq = $1 AND chunk_id = ANY($2)
            FOR UPDATE SKIP LOCKED)
         SELECT id FROM chunk WHERE id = ANY($2) AND (id IN (SELECT chunk_id FROM job)
            OR NOT EXISTS (SELECT 1 FROM embedding_job WHERE model_seq = $1 AND chunk_id = chunk.id OFFSET 0))
         ORDER BY id FOR KEY SHARE SKIP LOCKED",
    )
    .bind(model.seq)
    .bind(vectors.iter().map(|(chunk, _)| chunk.0).collect::<Vec<_>>())
    .fetch_all(&mut *connection)
    .await?;
    let held: HashSet<i64> = alive.iter().copied().collect();
    let rows: Vec<&(ChunkId, Option<Vec<f32>>)> = vectors.iter().filter(|(chunk, _)| held.contains(&chunk.0)).collect();
    sqlx::query(
        "INSERT INTO embedding (model_seq, chunk_id, vector)
         SELECT $1, new.* FROM unnest($2::BIGINT[], $3::vector[]) AS new ON CONFLICT (chunk_id, model_seq) DO NOTHING",
    )
    .bind(model.seq)
    .bind(rows.iter().map(|(chunk, _)| chunk.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, vector)| vector.clone().map(pgvector::Vector::from)).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM embedding_job WHERE model_seq = $1 AND chunk_id = ANY($2)")
        .bind(model.seq)
        .bind(alive)
        .execute(connection)
        .await
        .map(drop)
}

#[async_trait]
impl EmbeddingStore for PostgresStore {
    async fn register_model(&self, model: &ModelId, dimension: usize, now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "register model";
        let key = model.0.as_str();
        let wanted = i64::try_from(dimension).unwrap_or(i64::MAX);
        let mut transaction = self.begin(OPERATION, key).await?;
        let work = async {
            sqlx::query(
                "INSERT INTO model (name, dimension, registered_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
            )
            .bind(key)
            .bind(wanted)
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
            // It may have been known, or another process may have come first.
            let Some(held) = find(&mut transaction, model).await? else { return Ok(wanted) };
            transaction.commit().await?;
            Ok(held.dimension)
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
        let done = work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error));
        self.wrote();
        self.search.tidy_soon();
        done
    }

    async fn fail_embeddings(&self, model: &ModelId, failures: &[FailedEmbedding], _now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "fail embeddings";
        let (mut transaction, found) = self.begin_with_model(OPERATION, model).await?;
        let work = async {
            sqlx::query(
                "WITH new AS MATERIALIZED (
                    SELECT new.* FROM unnest($2::BIGINT[], $3::TEXT[], $4::BIGINT[]) AS new (chunk_id, error, due_at)
                    JOIN embedding_job AS job ON job.model_seq = $1 AND job.chunk_id = new.chunk_id
                    WHERE job.state = 'processing' FOR UPDATE OF job SKIP LOCKED)
                 UPDATE embedding_job SET attempts = attempts + 1, error = new.error, due_at = new.due_at,
                    state = CASE WHEN new.due_at IS NULL THEN 'failed' ELSE 'pending' END, worker = NULL, lease_until = NULL
                 FROM new WHERE embedding_job.model_seq = $1 AND embedding_job.chunk_id = new.chunk_id",
            )
            .bind(found.seq)
            .bind(failures.iter().map(|failure| failure.chunk_id.0).collect::<Vec<_>>())
            .bind(failures.iter().map(|failure| text(&failure.error)).collect::<Vec<_>>())
            .bind(failures.iter().map(|failure| failure.retry_at.map(|at| at.0)).collect::<Vec<_>>())
            .execute(&mut *transaction)
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
                 WHERE model_seq = $1 AND chunk_id IN (SELECT chunk_id FROM embedding_job
                    WHERE model_seq = $1 AND state = 'processing' AND chunk_id = ANY($2) FOR UPDATE SKIP LOCKED)",
            )
            .bind(found.seq)
            .bind(chunks.iter().map(|chunk| chunk.0).collect::<Vec<_>>())
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
                 WHERE model_seq = $1 AND state = 'failed'",
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
        .fetch_all(&self.pool)
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
            // A model of millions of vectors takes longer to go than any statement may usually take.
            sqlx::query("SELECT set_config('statement_timeout', '0', true)").execute(&mut *transaction).await?;
            for sql in [
                // Whoever is about to write a row of this model waits, and then finds it gone.
                "SELECT 1 FROM model WHERE seq = $1 FOR UPDATE",
                "DELETE FROM embedding_job WHERE model_seq = $1",
                "DELETE FROM embedding WHERE model_seq = $1",
                "DELETE FROM model WHERE seq = $1",
            ] {
                sqlx::query(sql).bind(found.seq).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, model.0.as_str(), error))
    }
}
