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
use super::{PostgresStore, project};

#[async_trait]
impl GraphStore for PostgresStore {
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
        read::counts(&self.pool).await.map_err(|error| classify("count graph", "tables", error))
    }

    async fn graph_table_dump(&self) -> StoreResult<GraphDump> {
        const OPERATION: &str = "dump graph";
        let mut transaction = self.begin_reading(OPERATION, "tables").await?;
        let work = async {
            let dump = read::dump(&mut transaction).await?;
            transaction.commit().await?;
            Ok(dump)
        };
        work.await.map_err(|error| classify(OPERATION, "tables", error))
    }

    async fn graph_table_neighbourhood(&self, id: Uuid, limit: u32) -> StoreResult<Neighbourhood> {
        const OPERATION: &str = "read neighbourhood";
        let key = id.to_string();
        let mut transaction = self.begin_reading(OPERATION, &key).await?;
        let work = async {
            let around = read::neighbourhood(&mut transaction, id, limit).await?;
            transaction.commit().await?;
            Ok(around)
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }

    async fn graph_table_nodes(
        &self,
        label: Option<NodeLabel>,
        after: Option<Uuid>,
        limit: u32,
    ) -> StoreResult<Vec<Node>> {
        read::nodes(&self.pool, label, after, limit)
            .await
            .map_err(|error| classify("list nodes", format!("{limit} of them"), error))
    }

    async fn graph_table_find(&self, query: &NameQuery, labels: &[NodeLabel], limit: u32) -> StoreResult<Vec<Node>> {
        const OPERATION: &str = "find nodes";
        let mut transaction = self.begin_reading(OPERATION, query.folded()).await?;
        let work = async {
            let found = find::find(&mut transaction, query, labels, limit).await?;
            transaction.commit().await?;
            Ok(found)
        };
        work.await.map_err(|error| classify(OPERATION, query.folded(), error))
    }

    async fn clear_graph_tables(&self) -> StoreResult<()> {
        const OPERATION: &str = "clear graph";
        let mut transaction = self.begin(OPERATION, "tables").await?;
        let work = async {
            apply::lock(&mut transaction).await?;
            sqlx::query("DELETE FROM graph_edge").execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM graph_node").execute(&mut *transaction).await?;
            sqlx::query(
                "INSERT INTO counter_change (name, value)
                 SELECT name, -value FROM counter_total WHERE name = 'graph_edges' AND value <> 0",
            )
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, "tables", error))
    }
}
