//! Claiming jobs: a text that already has a vector is never handed out, nor the same text twice at a time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sqlx::PgConnection;

use crate::domain::{ChunkId, Timestamp};
use crate::store::EmbeddingJob;

use super::super::rows::small;
use super::Model;

/// Rounds of copying vectors of known texts within one claim; the rest is copied by the next claim.
const COPY_ROUNDS: usize = 64;

/// Half of the lock of whoever claims jobs; the model is the other half. Two workers that looked at the same moment
/// could take twins of one text.
const CLAIM_LOCK: i32 = 0x656d_6265;

/// Claims within a transaction. Jobs of chunks that are being removed at this moment are passed over: nobody waits for
/// them.
pub(super) async fn claim(
    connection: &mut PgConnection,
    model: Model,
    worker: &str,
    limit: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<EmbeddingJob>, sqlx::Error> {
    // A statement of its own: the next ones see what the worker before this one claimed.
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2::INT)")
        .bind(CLAIM_LOCK)
        .bind(model.seq)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE embedding_job SET state = 'pending', worker = NULL, lease_until = NULL
         WHERE model_seq = $1 AND chunk_id IN (SELECT chunk_id FROM embedding_job
            WHERE model_seq = $1 AND state = 'processing' AND lease_until <= $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(model.seq)
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    let busy: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT chunk.text_sha256 FROM embedding_job AS job JOIN chunk ON chunk.id = job.chunk_id
         WHERE job.model_seq = $1 AND job.state = 'processing'",
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
            "SELECT job.chunk_id, chunk.text_sha256 FROM embedding_job AS job JOIN chunk ON chunk.id = job.chunk_id
             WHERE job.model_seq = $1 AND job.state = 'pending' AND job.chunk_id > $2
               AND (job.due_at IS NULL OR job.due_at <= $3)
             ORDER BY job.chunk_id LIMIT $4 FOR UPDATE OF job SKIP LOCKED FOR KEY SHARE OF chunk SKIP LOCKED",
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
    connection: &mut PgConnection,
    model: Model,
    due: &[(i64, Vec<u8>)],
) -> Result<HashSet<i64>, sqlx::Error> {
    let texts: HashSet<&[u8]> = due.iter().map(|(_, text)| text.as_slice()).collect();
    let known: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        // `OFFSET 0` keeps the planner at the index of texts, also while it knows nothing of new tables.
        "SELECT wanted.text, held.chunk_id FROM unnest($2::BYTEA[]) AS wanted (text) CROSS JOIN LATERAL (
            SELECT min(twin.id) AS chunk_id FROM (SELECT id FROM chunk WHERE text_sha256 = wanted.text OFFSET 0) AS twin
            WHERE EXISTS (SELECT 1 FROM embedding WHERE chunk_id = twin.id AND model_seq = $1 OFFSET 0)) AS held
         WHERE held.chunk_id IS NOT NULL",
    )
    .bind(model.seq)
    .bind(texts.into_iter().collect::<Vec<_>>())
    .fetch_all(&mut *connection)
    .await?;
    if known.is_empty() {
        return Ok(HashSet::new());
    }
    let known: HashMap<Vec<u8>, i64> = known.into_iter().collect();
    let (chunks, sources): (Vec<i64>, Vec<i64>) =
        due.iter().filter_map(|(chunk, text)| known.get(text).map(|source| (*chunk, *source))).unzip();
    sqlx::query(
        "INSERT INTO embedding (model_seq, chunk_id, vector)
         SELECT $1, copy.target, source.vector FROM unnest($2::BIGINT[], $3::BIGINT[]) AS copy (target, source)
         JOIN embedding AS source ON source.chunk_id = copy.source AND source.model_seq = $1
         ON CONFLICT (chunk_id, model_seq) DO NOTHING",
    )
    .bind(model.seq)
    .bind(chunks.as_slice())
    .bind(sources)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM embedding_job WHERE model_seq = $1 AND chunk_id = ANY($2)")
        .bind(model.seq)
        .bind(chunks.as_slice())
        .execute(connection)
        .await?;
    Ok(chunks.into_iter().collect())
}

async fn hand_out(
    connection: &mut PgConnection,
    model: Model,
    worker: &str,
    chunks: &[i64],
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<EmbeddingJob>, sqlx::Error> {
    if chunks.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query(
        "UPDATE embedding_job SET state = 'processing', worker = $3, lease_until = $4, due_at = NULL
         WHERE model_seq = $1 AND chunk_id = ANY($2)",
    )
    .bind(model.seq)
    .bind(chunks)
    .bind(worker)
    .bind(now.plus(lease).0)
    .execute(&mut *connection)
    .await?;
    let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(
        "SELECT job.chunk_id, chunk.context, chunk.text, job.attempts FROM embedding_job AS job
         JOIN chunk ON chunk.id = job.chunk_id
         WHERE job.model_seq = $1 AND job.chunk_id = ANY($2)",
    )
    .bind(model.seq)
    .bind(chunks)
    .fetch_all(connection)
    .await?;
    let mut jobs: Vec<EmbeddingJob> = rows
        .into_iter()
        .map(|(chunk, context, text, attempts)| EmbeddingJob {
            chunk_id: ChunkId(chunk),
            context,
            text,
            attempts: small(attempts),
        })
        .collect();
    jobs.sort_by_key(|job| (job.context.len() + job.text.len(), job.chunk_id));
    Ok(jobs)
}
