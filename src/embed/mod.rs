//! Text to vectors: the [`Embedder`] trait, the two built-in models, Ollama and OpenAI-compatible servers, and the worker
//! that drains the backlog.
//!
//! `worker` is run by `reindex`, for the model that serves and the one that is being built (`roles`); `search::service` embeds queries; the ingest pipeline uses
//! [`InstantEmbedder`] inline because it costs microseconds.

pub mod builtin;
mod http;
pub mod ollama;
pub mod openai;
pub mod reindex;
mod remote;
pub mod roles;
pub mod worker;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::ModelId;
use crate::domain::search::PerQuery;

/// A text to embed with what stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbedText<'a> {
    /// Title, headings, sender.
    pub context: &'a str,
    /// The text.
    pub text: &'a str,
}

/// How a model's cosines are used in search; measured on the judged sets (`docs/BENCHMARKS.md`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusionProfile {
    /// Weight `a` of the vector leg: `fused = a × cosine + (1 − a) × BM25 / max BM25`. The other rules are given this weight
    /// where nobody set one.
    pub vector_weight: f32,
    /// Slope and offset that map this model's cosines onto the reference model's scale (MiniLM: 1, 0).
    pub calibration: (f32, f32),
    /// A calibrated cosine below this is no likeness: a query none of whose words is known finds nothing there. `None` where
    /// nobody measured.
    pub floor: Option<f32>,
    /// How the legs are put together.
    pub rule: FusionRule,
}

/// How words and meaning are put together for a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FusionRule {
    /// By what the query and its candidates are like.
    PerQuery(PerQuery),
    /// The weighted sum of their scores.
    Score,
    /// The weighted sum of z-scores, for cosines nobody measured.
    ZScore,
}

/// What an embedder's failure means for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedErrorKind {
    /// The service does not answer or is overloaded: nobody's fault, try later, count no attempt.
    Unavailable,
    /// This text cannot be embedded; others can.
    Rejected,
    /// Configuration or model is wrong; a person must act.
    Permanent,
}

/// An embedder's failure.
#[derive(Debug, Error)]
#[error("{operation} with {model}: {message}")]
pub struct EmbedError {
    /// What it means.
    pub kind: EmbedErrorKind,
    /// What was tried: `load model`, `embed batch of 32`.
    pub operation: String,
    /// The model.
    pub model: ModelId,
    /// The cause, with what to do when that is known.
    pub message: String,
    /// When the service wants to be asked again (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// Makes vectors of one model. Vectors have unit length; `None` means the text has nothing to embed.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The model.
    fn model(&self) -> &ModelId;
    /// Length of its vectors; 0 while only the service knows ([`Embedder::prepare`] asks).
    fn dimension(&self) -> usize;
    /// Asks the service what must be known before the first text; returns the length of the vectors.
    async fn prepare(&self) -> Result<usize, EmbedError> {
        Ok(self.dimension())
    }
    /// How search uses it.
    fn profile(&self) -> FusionProfile;
    /// One vector per text, in order. Texts longer than the model's window are embedded by parts and averaged.
    async fn embed_documents(&self, texts: &[EmbedText<'_>]) -> Result<Vec<Option<Vec<f32>>>, EmbedError>;
    /// The vector of a query.
    async fn embed_query(&self, query: &str) -> Result<Option<Vec<f32>>, EmbedError>;
    /// Cheap sign of life; loads nothing.
    async fn ping(&self) -> Result<String, EmbedError>;
}

/// Makes the embedder of any model the settings can reach.
pub trait Embedders: Send + Sync {
    /// The embedder of `model`, the same one every time.
    ///
    /// # Errors
    /// In words, with what to set, when the settings do not lead to that model.
    fn embedder(&self, model: &ModelId) -> Result<Arc<dyn Embedder>, String>;
}

/// An embedder fast enough to run inside the parser's loop (tens of microseconds a chunk).
pub trait InstantEmbedder: Send + Sync {
    /// The model.
    fn model(&self) -> &ModelId;
    /// Length of its vectors.
    fn dimension(&self) -> usize;
    /// The vector of one text.
    fn embed_now(&self, text: EmbedText<'_>) -> Option<Vec<f32>>;
    /// The same, of a text whose word pieces ([`crate::domain::wordpiece::pieces`]) are known.
    fn embed_pieces(&self, context: &str, pieces: &[u16]) -> Option<Vec<f32>>;
}
