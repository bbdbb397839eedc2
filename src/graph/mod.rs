//! The graph behind two traits: [`GraphSink`] (written by the relay alone) and [`GraphReader`] (screens, checker).
//!
//! `embedded` keeps nodes and edges in the store's own tables; `falkor` in FalkorDB. `rebuild` notices a graph that is
//! not the one this store wrote (lost data, another engine) and has it written anew.

pub mod check;
pub mod embedded;
pub mod falkor;
pub mod rebuild;

use async_trait::async_trait;
use thiserror::Error;
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, GraphCounts, GraphDump, Node, NodeLabel};
use crate::domain::names::NameQuery;
pub use crate::store::Neighbourhood;

/// What a graph failure means for the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphErrorKind {
    /// The graph does not answer: release the events, count no attempt.
    Unavailable,
    /// It refused this write: the event's own fault.
    Rejected,
    /// It answers, but is not the graph that was written before: rebuild it ([`rebuild`]), count no attempt.
    Lost,
}

/// Which graph an engine holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphState {
    /// The store's own tables: lives and dies with the store.
    Embedded,
    /// A graph with the mark it was begun with.
    Marked(String),
    /// No graph, or one that nobody marked.
    Blank,
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
    /// Which graph the engine holds now.
    async fn state(&self) -> Result<GraphState, GraphError> {
        Ok(GraphState::Embedded)
    }
    /// Begins an empty graph that carries `mark`; writes are for this graph from now on.
    async fn begin(&self, _mark: &str) -> Result<(), GraphError> {
        self.clear().await
    }
    /// Writes are for the graph that carries `mark`: [`GraphErrorKind::Lost`] for any other.
    fn expect(&self, _mark: &str) {}
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
    /// Nodes that are true now (as in a dump), by id, beginning after `after`; at most `limit`.
    async fn nodes(&self, label: Option<NodeLabel>, after: Option<Uuid>, limit: u32) -> Result<Vec<Node>, GraphError>;
    /// Nodes that are true now and whose name or address fits `query`: the best fit first, then the one with the most edges.
    /// Only those with one of `labels`; none means any.
    async fn find(&self, query: &NameQuery, labels: &[NodeLabel], limit: u32) -> Result<Vec<Node>, GraphError>;
    /// A node with at most `limit` neighbours.
    async fn neighbourhood(&self, id: Uuid, limit: u32) -> Result<Neighbourhood, GraphError>;
}
