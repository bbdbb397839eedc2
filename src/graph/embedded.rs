//! The graph in the store's own tables: nothing to install, the same promises as any other graph.

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, GraphCounts, GraphDump, Node, NodeLabel};
use crate::domain::names::NameQuery;
use crate::store::{SharedStore, StoreError};

use super::{GraphError, GraphErrorKind, GraphReader, GraphSink, Neighbourhood};

/// The embedded graph.
#[derive(Clone)]
pub struct EmbeddedGraph {
    store: SharedStore,
}

impl EmbeddedGraph {
    /// The graph that lives in `store`.
    #[must_use]
    pub fn new(store: SharedStore) -> Self {
        Self { store }
    }
}

fn failed(operation: &'static str, key: String) -> impl FnOnce(StoreError) -> GraphError {
    move |error| {
        let kind = if error.is_retryable() { GraphErrorKind::Unavailable } else { GraphErrorKind::Rejected };
        GraphError { kind, operation, key, message: error.to_string() }
    }
}

#[async_trait]
impl GraphSink for EmbeddedGraph {
    async fn apply(&self, projections: &[DocumentProjection]) -> Result<(), GraphError> {
        let key = format!("{} documents", projections.len());
        self.store.apply_projections(projections).await.map_err(failed("write graph", key))
    }

    async fn clear(&self) -> Result<(), GraphError> {
        self.store.clear_graph_tables().await.map_err(failed("empty graph", String::new()))
    }
}

#[async_trait]
impl GraphReader for EmbeddedGraph {
    async fn ping(&self) -> Result<String, GraphError> {
        let counts = self.counts().await?;
        Ok(format!("embedded, {} documents, {} edges", counts.documents, counts.edges))
    }

    async fn counts(&self) -> Result<GraphCounts, GraphError> {
        self.store.graph_table_counts().await.map_err(failed("count graph", String::new()))
    }

    async fn dump(&self) -> Result<GraphDump, GraphError> {
        self.store.graph_table_dump().await.map_err(failed("read graph", String::new()))
    }

    async fn nodes(&self, label: Option<NodeLabel>, after: Option<Uuid>, limit: u32) -> Result<Vec<Node>, GraphError> {
        self.store.graph_table_nodes(label, after, limit).await.map_err(failed("list nodes", String::new()))
    }

    async fn find(&self, query: &NameQuery, labels: &[NodeLabel], limit: u32) -> Result<Vec<Node>, GraphError> {
        self.store.graph_table_find(query, labels, limit).await.map_err(failed("find nodes", query.folded().to_owned()))
    }

    async fn neighbourhood(&self, id: Uuid, limit: u32) -> Result<Neighbourhood, GraphError> {
        self.store.graph_table_neighbourhood(id, limit).await.map_err(failed("read neighbours of", id.to_string()))
    }
}
