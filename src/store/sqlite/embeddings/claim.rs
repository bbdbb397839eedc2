//! Claiming jobs: a text that already has a vector is never handed out, nor the same text twice at a time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sqlx::SqliteConnection;

use crate::domain::{ChunkId, Timestamp};
use crate::store::EmbeddingJob;

use super::super::batch::{json_blobs, json_numbers};
use super::super::totals;
use super::Model;

/// Rounds of copying vectors of known texts within one claim; the rest is copied by the next claim.
const COPY_ROUNDS: usize = 64;

/// Claims within a transaction.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    model: Model,
    worker: &str,
    limit: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<EmbeddingJob>, sqlx::Error> {
    sqlx::query(
        "UPDATE embedding_job INDEXED BY embedding_job_processing SET state = 'pending', worker = NULL, lease_until = NULL
         WHERE model_seq = ?1 AND state = 'processing' AND lease_until <= ?2",
    )
    .bind(model.seq)
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    let busy: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT chunk.text_sha256 FROM embedding_job AS job INDEXED BY embedding_job_processing
         CROSS JOIN chunk ON chunk.id = job.chunk_id WHERE job.model_seq = ?1 AND job.state = 'processing'",
    )
    .bind(model.seq)
    .fetch_all(&mut *connection)
    .await?;
    let mut taken_texts: HashSet<Vec<u8>> = busy.into_iter().collect();
    let mut taken: Vec<i64> = Vec::new();
    let mut after = 0;
    for _ in 0..COPY_ROUNDS {
        let wanted = i64::from(limit) - taken.len() as i64;
        if wanted <= 0 {
            break;
        }
        let due: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT job.chunk_id, chunk.text_sha256 FROM embedding_job AS job INDEXED BY embedding_job_pending
             CROSS JOIN chunk ON chunk.id = job.chunk_id
             WHERE job.model_seq = ?1 AND job.state = 'pending' AND job.chunk_id > ?2
               AND (job.due_at IS NULL OR job.due_at <= ?3)
             ORDER BY job.chunk_id LIMIT ?4",
        )
        .bind(model.seq)
        .bind(after)
        .bind(now.0)
        .bind(wanted)
        .fetch_all(&mut *connection)
        .await?;
        let Some((last, _)) = due.last() else { break };
        after = *last;
        let copied = copy_known(connection, model, &due).await?;
        for (chunk, text) in due {
            if !copied.contains(&chunk) && taken_texts.insert(text) {
                taken.push(chunk);
            }
        }
    }
    hand_out(connection, model, worker, &taken, lease, now).await
}

/// Gives chunks whose text has a vector already that vector. Returns them.
async fn copy_known(
    connection: &mut SqliteConnection,
    model: Model,
    due: &[(i64, Vec<u8>)],
) -> Result<HashSet<i64>, sqlx::Error> {
    let known: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT chunk.text_sha256, min(embedding.seq) FROM chunk
         CROSS JOIN embedding ON embedding.chunk_id = chunk.id AND embedding.model_seq = ?1
         WHERE chunk.text_sha256 IN (SELECT unhex(value) FROM json_each(?2)) GROUP BY chunk.text_sha256",
    )
    .bind(model.seq)
    .bind(json_blobs(due.iter().map(|(_, text)| text.as_slice())))
    .fetch_all(&mut *connection)
    .await?;
    if known.is_empty() {
        return Ok(HashSet::new());
    }
    let known: HashMap<Vec<u8>, i64> = known.into_iter().collect();
    let copies: Vec<(i64, i64)> =
        due.iter().filter_map(|(chunk, text)| known.get(text).map(|source| (*chunk, *source))).collect();
    let chunks = json_numbers(copies.iter().map(|(chunk, _)| *chunk));
    let copied = sqlx::query(
        "INSERT INTO embedding (model_seq, chunk_id, vector)
         SELECT ?1, target.value, source.vector
         FROM json_each(?2) AS target CROSS JOIN json_each(?3) AS origin ON origin.key = target.key
         CROSS JOIN embedding AS source ON source.seq = origin.value
         WHERE true ON CONFLICT (chunk_id, model_seq) DO NOTHING",
    )
    .bind(model.seq)
    .bind(chunks.as_str())
    .bind(json_numbers(copies.iter().map(|(_, source)| *source)))
    .execute(&mut *connection)
    .await?;
    totals::count_vectors(connection, model.seq, copied.rows_affected()).await?;
    sqlx::query("DELETE FROM embedding_job WHERE model_seq = ?1 AND chunk_id IN (SELECT value FROM json_each(?2))")
        .bind(model.seq)
        .bind(chunks)
        .execute(connection)
        .await?;
    Ok(copies.into_iter().map(|(chunk, _)| chunk).collect())
}

async fn hand_out(
    connection: &mut SqliteConnection,
    model: Model,
    worker: &str,
    chunks: &[i64],
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<EmbeddingJob>, sqlx::Error> {
    if chunks.is_empty() {
        return Ok(Vec::new());
    }
    let json = json_numbers(chunks.iter().copied());
    sqlx::query(
        "UPDATE embedding_job SET state = 'processing', worker = ?3, lease_until = ?4, due_at = NULL
         WHERE model_seq = ?1 AND chunk_id IN (SELECT value FROM json_each(?2))",
    )
    .bind(model.seq)
    .bind(json.as_str())
    .bind(worker)
    .bind(now.plus(lease).0)
    .execute(&mut *connection)
    .await?;
    let rows: Vec<(i64, String, String, u32)> = sqlx::query_as(
        "SELECT job.chunk_id, chunk.context, chunk.text, job.attempts FROM embedding_job AS job
         CROSS JOIN chunk ON chunk.id = job.chunk_id
         WHERE job.model_seq = ?1 AND job.chunk_id IN (SELECT value FROM json_each(?2))",
    )
    .bind(model.seq)
    .bind(json)
    .fetch_all(connection)
    .await?;
    let mut jobs: Vec<EmbeddingJob> = rows
        .into_iter()
        .map(|(chunk, context, text, attempts)| EmbeddingJob { chunk_id: ChunkId(chunk), context, text, attempts })
        .collect();
    jobs.sort_by_key(|job| (job.context.len() + job.text.len(), job.chunk_id));
    Ok(jobs)
}
