//! The graph behind two traits: [`GraphSink`] (written by the relay alone) and [`GraphReader`] (screens, checker).
//!
//! `embedded` keeps nodes and edges in the store's own tables. Another engine is another adapter here.

pub mod check;
pub mod embedded;

use async_trait::async_trait;
use thiserror::Error;
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, GraphCounts, GraphDump};
pub use crate::store::Neighbourhood;

/// What a graph failure means for the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphErrorKind {
    /// The graph does not answer: release the events, count no attempt.
    Unavailable,
    /// It refused this write: the event's own fault.
    Rejected,
}

/// A graph failure.
#[derive(Debug, Error)]
#[error("{operation} {key}: {message}")]
pub struct GraphError {
    /// What it means.
    pub kind: GraphErrorKind,
    /// What was tried.
    pub operation: &'static str,
    /// On what.
    pub key: String,
    /// The cause.
    pub message: String,
}

/// Takes projections. Idempotent: the same projection twice leaves the same graph.
#[async_trait]
pub trait GraphSink: Send + Sync {
    /// Makes the graph say what the projections say, all or nothing.
    async fn apply(&self, projections: &[DocumentProjection]) -> Result<(), GraphError>;
    /// Empties the graph.
    async fn clear(&self) -> Result<(), GraphError>;
}

/// Reads the graph.
#[async_trait]
pub trait GraphReader: Send + Sync {
    /// Answers with the engine's name and version when it is there.
    async fn ping(&self) -> Result<String, GraphError>;
    /// Counts.
    async fn counts(&self) -> Result<GraphCounts, GraphError>;
    /// The whole graph as far as true now, sorted.
    async fn dump(&self) -> Result<GraphDump, GraphError>;
    /// A node with at most `limit` neighbours.
    async fn neighbourhood(&self, id: Uuid, limit: u32) -> Result<Neighbourhood, GraphError>;
}
