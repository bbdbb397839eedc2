//! What the graph must say: the projection of documents, and of the whole store.
//!
//! `load` reads what is needed (a few documents and their surroundings, or everything), `shared::world` works it out in
//! memory; both ways share the same rules, so that projections and the expected graph cannot drift apart.

mod load;

use crate::domain::graph::{DocumentProjection, GraphDump};
use crate::domain::{DocumentId, DocumentLinks, Timestamp};
use crate::store::StoreResult;

use super::PostgresStore;
use super::error::classify;

/// See [`crate::store::GraphStore::project`]. One read transaction: all projections speak of the same moment.
pub(super) async fn project(
    store: &PostgresStore,
    ids: &[DocumentId],
    now: Timestamp,
) -> StoreResult<Vec<DocumentProjection>> {
    const OPERATION: &str = "project";
    let key = format!("{} documents", ids.len());
    let mut transaction = store.begin_reading(OPERATION, &key).await?;
    let work = async {
        let world = load::around(&mut transaction, ids).await?;
        transaction.commit().await?;
        Ok(ids.iter().map(|id| world.projection(*id, now)).collect())
    };
    work.await.map_err(|error| classify(OPERATION, key, error))
}

/// See [`crate::store::GraphStore::expected_graph`].
pub(super) async fn expected_graph(store: &PostgresStore) -> StoreResult<GraphDump> {
    const OPERATION: &str = "work out the graph";
    let mut transaction = store.begin_reading(OPERATION, "whole store").await?;
    let work = async {
        let world = load::everything(&mut transaction).await?;
        transaction.commit().await?;
        Ok(world.whole())
    };
    work.await.map_err(|error| classify(OPERATION, "whole store", error))
}

/// See [`crate::store::DocumentStore::links`].
pub(super) async fn links(store: &PostgresStore, id: DocumentId) -> StoreResult<DocumentLinks> {
    const OPERATION: &str = "read links";
    let mut transaction = store.begin_reading(OPERATION, &id.to_string()).await?;
    let work = async {
        let world = load::around(&mut transaction, &[id]).await?;
        transaction.commit().await?;
        Ok(world.links_of(id))
    };
    work.await.map_err(|error| classify(OPERATION, id.to_string(), error))
}
