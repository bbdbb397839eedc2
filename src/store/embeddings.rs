//! Vectors and the jobs that make them. Called by `embed::worker`, settings and `reindex`.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::status::EmbeddingProgress;
use crate::domain::{ChunkId, ModelId, Timestamp};

use super::StoreResult;

/// A chunk waiting for a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingJob {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Title, headings, sender; embedded before the text.
    pub context: String,
    /// The text.
    pub text: String,
    /// Attempts that failed so far.
    pub attempts: u32,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEmbedding {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// What was wrong.
    pub error: String,
    /// When to try again; `None` gives it up (`failed`).
    pub retry_at: Option<Timestamp>,
}

/// Embedding jobs: `pending → processing → done | failed`, and the vectors they end in.
#[async_trait]
pub trait EmbeddingStore: Send + Sync {
    /// Makes a model known with its dimension. `Invariant` when it is known with another dimension.
    async fn register_model(&self, model: &ModelId, dimension: usize, now: Timestamp) -> StoreResult<()>;

    /// Queues a job for every live text that has neither vector nor job in `model`. Works in bounded
    /// steps; returns how many were queued by this call, zero when none was missing.
    async fn queue_missing(&self, model: &ModelId, limit: u32, now: Timestamp) -> StoreResult<u64>;

    /// Takes up to `limit` due jobs for `worker` until `now + lease`, jobs with an expired lease included, shortest text
    /// first within the batch. Chunks whose text already has a vector in `model` (equal `text_sha256`) get it at
    /// once and are not handed out. Two callers never get the same job.
    async fn claim_embeddings(
        &self,
        model: &ModelId,
        worker: &str,
        limit: u32,
        lease: Duration,
        now: Timestamp,
    ) -> StoreResult<Vec<EmbeddingJob>>;

    /// Stores vectors (unit length, the model's dimension) and finishes their jobs; `None` means the text has
    /// nothing to embed: done without a vector. A chunk deleted meanwhile is passed over.
    async fn complete_embeddings(
        &self,
        model: &ModelId,
        vectors: &[(ChunkId, Option<Vec<f32>>)],
        now: Timestamp,
    ) -> StoreResult<()>;

    /// Records failed attempts.
    async fn fail_embeddings(&self, model: &ModelId, failures: &[FailedEmbedding], now: Timestamp) -> StoreResult<()>;

    /// Gives jobs back untouched (shutdown, or the service is down: no attempt is counted).
    async fn release_embeddings(&self, model: &ModelId, chunks: &[ChunkId]) -> StoreResult<()>;

    /// Makes failed jobs pending again with no attempts. Returns how many.
    async fn retry_failed_embeddings(&self, model: &ModelId) -> StoreResult<u64>;

    /// Progress of every known model, in order of registration.
    async fn embedding_progress(&self) -> StoreResult<Vec<EmbeddingProgress>>;

    /// Removes a model with its vectors and jobs.
    async fn drop_model(&self, model: &ModelId) -> StoreResult<()>;
}
