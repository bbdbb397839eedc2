//! The embedded graph's own tables: `graph_node` and `graph_edge`, and the store's side of the graph trait.

mod apply;
mod find;
mod read;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, GraphCounts, GraphDump, Node, NodeLabel};
use crate::domain::names::NameQuery;
use crate::domain::{DocumentId, Timestamp};
use crate::store::{GraphStore, Neighbourhood, StoreResult};

use super::error::classify;
use super::{SqliteStore, project};

#[async_trait]
impl GraphStore for SqliteStore {
    async fn project(&self, ids: &[DocumentId], now: Timestamp) -> StoreResult<Vec<DocumentProjection>> {
        project::project(self, ids, now).await
    }

    async fn expected_graph(&self) -> StoreResult<GraphDump> {
        project::expected_graph(self).await
    }

    async fn apply_projections(&self, projections: &[DocumentProjection]) -> StoreResult<()> {
        const OPERATION: &str = "apply projections";
        let key = format!("{} documents", projections.len());
        let mut transaction = self.begin(OPERATION, &key).await?;
        let work = async {
            apply::apply(&mut transaction, projections).await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }

    async fn graph_table_counts(&self) -> StoreResult<GraphCounts> {
        read::counts(&self.reader).await.map_err(|error| classify("count graph", "tables", error))
    }

    async fn graph_table_dump(&self) -> StoreResult<GraphDump> {
        read::dump(&self.reader).await.map_err(|error| classify("dump graph", "tables", error))
    }

    async fn graph_table_neighbourhood(&self, id: Uuid, limit: u32) -> StoreResult<Neighbourhood> {
        read::neighbourhood(&self.reader, id, limit)
            .await
            .map_err(|error| classify("read neighbourhood", id.to_string(), error))
    }

    async fn graph_table_nodes(
        &self,
        label: Option<NodeLabel>,
        after: Option<Uuid>,
        limit: u32,
    ) -> StoreResult<Vec<Node>> {
        read::nodes(&self.reader, label, after, limit)
            .await
            .map_err(|error| classify("list nodes", format!("{limit} of them"), error))
    }

    async fn graph_table_find(&self, query: &NameQuery, labels: &[NodeLabel], limit: u32) -> StoreResult<Vec<Node>> {
        find::find(&self.reader, query, labels, limit)
            .await
            .map_err(|error| classify("find nodes", query.folded(), error))
    }

    async fn clear_graph_tables(&self) -> StoreResult<()> {
        const OPERATION: &str = "clear graph";
        let mut transaction = self.begin(OPERATION, "tables").await?;
        let work = async {
            sqlx::query("DELETE FROM graph_edge").execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM graph_node").execute(&mut *transaction).await?;
            sqlx::query("UPDATE counter SET value = 0 WHERE name = 'graph_edges'").execute(&mut *transaction).await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, "tables", error))
    }
}
