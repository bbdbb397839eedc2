//! Applies projections: reads what the tables say of their documents, works out the difference in memory, writes it.

use std::collections::HashSet;

use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, EdgeKind, Node, NodeLabel};
use crate::store::shared::graph_changes::{EdgeKey, EdgeState, Tables, label_name};

use super::super::batch::{insert_rows, json_ids, json_numbers};
use super::super::rows::named;
use super::read::{NODE, node_at};

/// Applies projections in order, in the caller's transaction.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    projections: &[DocumentProjection],
) -> Result<(), sqlx::Error> {
    let mut tables = load(connection, projections).await?;
    for projection in projections {
        tables.apply(projection);
    }
    save(connection, &tables).await?;
    mark_deleted(connection, projections, &tables).await
}

async fn load(connection: &mut SqliteConnection, projections: &[DocumentProjection]) -> Result<Tables, sqlx::Error> {
    let highest =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM graph_node").fetch_one(&mut *connection).await?;
    let mut tables = Tables::after(highest);
    let mut ids: HashSet<Uuid> = projections.iter().map(|projection| projection.id.0).collect();
    ids.extend(projections.iter().flat_map(|projection| &projection.nodes).map(Node::id));
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {NODE} FROM graph_node WHERE id IN (SELECT unhex(value) FROM json_each(?1))"
    )))
    .bind(json_ids(ids))
    .fetch_all(&mut *connection)
    .await?;
    for row in &rows {
        tables.hold_node(row.try_get(0)?, node_at(row)?);
    }
    let own = tables.own(projections);
    if own.is_empty() {
        return Ok(tables);
    }
    let rows = sqlx::query(
        "SELECT from_seq, kind, to_seq, field, valid_at, invalid_at FROM graph_edge
            WHERE from_seq IN (SELECT value FROM json_each(?1))
         UNION ALL SELECT from_seq, kind, to_seq, field, valid_at, invalid_at FROM graph_edge INDEXED BY graph_edge_to
            WHERE to_seq IN (SELECT value FROM json_each(?1))",
    )
    .bind(json_numbers(own))
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        let kind = named("edge kind", row.try_get(1)?, EdgeKind::parse)?;
        let key: EdgeKey = (row.try_get(0)?, kind, row.try_get(2)?, row.try_get(3)?);
        let state = EdgeState { valid_at: row.try_get(4)?, invalid_at: row.try_get(5)? };
        tables.hold_edge(key, state);
    }
    Ok(tables)
}

async fn save(connection: &mut SqliteConnection, tables: &Tables) -> Result<(), sqlx::Error> {
    let nodes = tables.nodes_to_write();
    insert_rows(
        connection,
        "INSERT INTO graph_node (seq, id, label, name, email, pii, source_path, source_type, ingested_at) VALUES",
        9,
        "ON CONFLICT DO UPDATE SET name = excluded.name, email = excluded.email, pii = excluded.pii,
            source_path = excluded.source_path, source_type = excluded.source_type, ingested_at = excluded.ingested_at",
        &nodes,
        |statement, (number, node)| {
            let id = node.id();
            let statement = statement.bind(*number).bind(id.as_bytes().as_slice()).bind(label_name(node.label()));
            match node {
                Node::Person { email, display_name, pii, .. } => statement
                    .bind(display_name.as_str())
                    .bind(email.as_deref())
                    .bind(i64::from(*pii))
                    .bind(None::<&str>)
                    .bind(None::<&str>)
                    .bind(None::<i64>),
                Node::Document { title, source_path, source_type, ingested_at, .. } => statement
                    .bind(title.as_str())
                    .bind(None::<&str>)
                    .bind(0_i64)
                    .bind(source_path.as_str())
                    .bind(source_type.as_str())
                    .bind(ingested_at.0),
                Node::Concept { label, .. } => statement
                    .bind(label.as_str())
                    .bind(None::<&str>)
                    .bind(0_i64)
                    .bind(None::<&str>)
                    .bind(None::<&str>)
                    .bind(None::<i64>),
            }
        },
    )
    .await?;
    let purged = tables.nodes_to_purge();
    if !purged.is_empty() {
        let json = json_numbers(purged);
        for sql in [
            "DELETE FROM graph_edge WHERE from_seq IN (SELECT value FROM json_each(?1))",
            "DELETE FROM graph_edge WHERE to_seq IN (SELECT value FROM json_each(?1))",
        ] {
            sqlx::query(sql).bind(json.as_str()).execute(&mut *connection).await?;
        }
    }
    let edges = tables.edges_to_write();
    insert_rows(
        connection,
        "INSERT INTO graph_edge (from_seq, kind, to_seq, field, valid_at, invalid_at) VALUES",
        6,
        "ON CONFLICT (from_seq, kind, to_seq, field) DO UPDATE SET valid_at = excluded.valid_at, invalid_at = excluded.invalid_at",
        &edges,
        |statement, (key, state)| {
            statement
                .bind(key.0)
                .bind(key.1.as_str())
                .bind(key.2)
                .bind(key.3.as_str())
                .bind(state.valid_at)
                .bind(state.invalid_at)
        },
    )
    .await?;
    save_degrees(connection, tables).await?;
    let gone = tables.nodes_to_delete();
    if gone.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM graph_node WHERE seq IN (SELECT value FROM json_each(?1))")
        .bind(json_numbers(gone))
        .execute(connection)
        .await
        .map(drop)
}

/// Keeps the number of true edges of every touched node, and of all.
async fn save_degrees(connection: &mut SqliteConnection, tables: &Tables) -> Result<(), sqlx::Error> {
    let (degrees, edges) = tables.degree_changes();
    insert_rows(
        connection,
        "WITH new (seq, change) AS (VALUES",
        2,
        ") UPDATE graph_node SET degree = degree + new.change FROM new WHERE graph_node.seq = new.seq",
        &degrees,
        |statement, (node, change)| statement.bind(*node).bind(*change),
    )
    .await?;
    if edges == 0 {
        return Ok(());
    }
    sqlx::query("UPDATE counter SET value = value + ?1 WHERE name = 'graph_edges'")
        .bind(edges)
        .execute(connection)
        .await
        .map(drop)
}

/// Notes on the projected documents' nodes whether the store holds them as deleted: a live document counts as a node
/// even when no edge touches it, a deleted one does not.
async fn mark_deleted(
    connection: &mut SqliteConnection,
    projections: &[DocumentProjection],
    tables: &Tables,
) -> Result<(), sqlx::Error> {
    let own = tables.nodes_to_mark(projections);
    if own.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE graph_node SET deleted = NOT deleted
         WHERE seq IN (SELECT value FROM json_each(?1)) AND label = ?2
           AND deleted <> EXISTS (SELECT 1 FROM document WHERE document.id = graph_node.id AND deleted_at IS NOT NULL)",
    )
    .bind(json_numbers(own))
    .bind(label_name(NodeLabel::Document))
    .execute(connection)
    .await
    .map(drop)
}
