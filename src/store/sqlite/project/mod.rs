//! What the graph must say: the projection of documents, and of the whole store.
//!
//! `load` reads what is needed (a few documents and their surroundings, or everything), `shared::world` works it out in
//! memory; both ways share the same rules, so that projections and the expected graph cannot drift apart.

mod load;

use crate::domain::graph::{DocumentProjection, GraphDump};
use crate::domain::{DocumentId, DocumentLinks, Timestamp};
use crate::store::StoreResult;

use super::SqliteStore;
use super::error::classify;

/// See [`crate::store::GraphStore::project`]. One read transaction: all projections speak of the same moment.
pub(super) async fn project(
    store: &SqliteStore,
    ids: &[DocumentId],
    now: Timestamp,
) -> StoreResult<Vec<DocumentProjection>> {
    let key = format!("{} documents", ids.len());
    let work = async {
        let mut transaction = store.reader.begin().await?;
        let world = load::around(&mut transaction, ids).await?;
        transaction.commit().await?;
        Ok(ids.iter().map(|id| world.projection(*id, now)).collect())
    };
    work.await.map_err(|error| classify("project", key, error))
}

/// See [`crate::store::GraphStore::expected_graph`].
pub(super) async fn expected_graph(store: &SqliteStore) -> StoreResult<GraphDump> {
    let work = async {
        let mut transaction = store.reader.begin().await?;
        let world = load::everything(&mut transaction).await?;
        transaction.commit().await?;
        Ok(world.whole())
    };
    work.await.map_err(|error| classify("work out the graph", "whole store", error))
}

/// See [`crate::store::DocumentStore::links`].
pub(super) async fn links(store: &SqliteStore, id: DocumentId) -> StoreResult<DocumentLinks> {
    let work = async {
        let mut transaction = store.reader.begin().await?;
        let world = load::around(&mut transaction, &[id]).await?;
        transaction.commit().await?;
        Ok(world.links_of(id))
    };
    work.await.map_err(|error| classify("read links", id.to_string(), error))
}
