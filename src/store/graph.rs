//! What the graph must say (projections) and the tables the embedded graph keeps it in.
//!
//! Called by the relay (projections), `graph::embedded` (tables) and the checker (both, compared).

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, Edge, GraphCounts, GraphDump, Node, NodeLabel};
use crate::domain::names::NameQuery;
use crate::domain::{DocumentId, Timestamp};

use super::StoreResult;

/// A node's surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbourhood {
    /// The node itself first, then its neighbours.
    pub nodes: Vec<Node>,
    /// Edges between them, the true ones first.
    pub edges: Vec<Edge>,
}

/// Projections and graph tables.
#[async_trait]
pub trait GraphStore: Send + Sync {
    /// What the graph must say about each document, as the store knows it now. One entry per id, in order;
    /// ids the store does not know yield an empty projection (remove it).
    ///
    /// `REPLIES_TO` goes to the live document whose Message-ID is `in_reply_to`, else the last of `references` that is
    /// held. Wikilinks and file links go to the live document whose path, file stem, title or alias they name
    /// (same folder first, then the shortest path); unresolved wikilinks are concepts.
    async fn project(&self, ids: &[DocumentId], now: Timestamp) -> StoreResult<Vec<DocumentProjection>>;

    /// The graph the store implies, whole: what the graph must equal once the outbox is drained.
    async fn expected_graph(&self) -> StoreResult<GraphDump>;

    /// Applies projections to the graph tables. Idempotent.
    async fn apply_projections(&self, projections: &[DocumentProjection]) -> StoreResult<()>;

    /// Counts over the graph tables.
    async fn graph_table_counts(&self) -> StoreResult<GraphCounts>;

    /// The graph tables, whole, as far as true now.
    async fn graph_table_dump(&self) -> StoreResult<GraphDump>;

    /// A node with its neighbours in the graph tables; empty when unknown. At most `limit` neighbours.
    async fn graph_table_neighbourhood(&self, id: Uuid, limit: u32) -> StoreResult<Neighbourhood>;

    /// Nodes of the graph tables that are true now (as [`GraphDump`] counts them), by id, beginning after `after`.
    async fn graph_table_nodes(
        &self,
        label: Option<NodeLabel>,
        after: Option<Uuid>,
        limit: u32,
    ) -> StoreResult<Vec<Node>>;

    /// Nodes of the graph tables that are true now and whose name or address fits `query`: the best fit first, then the one
    /// with the most edges. Only those with one of `labels`; none means any.
    async fn graph_table_find(&self, query: &NameQuery, labels: &[NodeLabel], limit: u32) -> StoreResult<Vec<Node>>;

    /// Empties the graph tables.
    async fn clear_graph_tables(&self) -> StoreResult<()>;
}
