//! Applies projections: reads what the tables say of their documents, works out the difference in memory, writes it.

use std::borrow::Cow;
use std::collections::HashSet;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, EdgeKind, Node, NodeLabel};
use crate::store::shared::graph_changes::{EdgeKey, EdgeState, Tables, label_name};

use super::super::rows::{named, text};
use super::read::{NODE, node_at};

/// The lock of whoever writes the graph tables: node numbers and degrees are worked out from what was read. Any number
/// that nothing else uses ("nodes" in ASCII).
const GRAPH_LOCK: i64 = 0x6e_6f_64_65_73;

/// Waits for every other writer of the graph tables, in any process.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(GRAPH_LOCK).execute(connection).await.map(drop)
}

/// Applies projections in order, in the caller's transaction.
pub(super) async fn apply(
    connection: &mut PgConnection,
    projections: &[DocumentProjection],
) -> Result<(), sqlx::Error> {
    if projections.is_empty() {
        return Ok(());
    }
    lock(connection).await?;
    let mut tables = load(connection, projections).await?;
    for projection in projections {
        tables.apply(projection);
    }
    save(connection, &tables).await?;
    mark_deleted(connection, &tables.nodes_to_mark(projections)).await
}

async fn load(connection: &mut PgConnection, projections: &[DocumentProjection]) -> Result<Tables, sqlx::Error> {
    let highest =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM graph_node").fetch_one(&mut *connection).await?;
    let mut tables = Tables::after(highest);
    let mut ids: HashSet<Uuid> = projections.iter().map(|projection| projection.id.0).collect();
    ids.extend(projections.iter().flat_map(|projection| &projection.nodes).map(Node::id));
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT {NODE} FROM graph_node WHERE id = ANY($1)")))
        .bind(ids.into_iter().collect::<Vec<_>>())
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
        "SELECT from_seq, kind, to_seq, field, valid_at, invalid_at FROM graph_edge WHERE from_seq = ANY($1)
         UNION ALL SELECT from_seq, kind, to_seq, field, valid_at, invalid_at FROM graph_edge WHERE to_seq = ANY($1)",
    )
    .bind(own)
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        let kind = named("edge kind", row.try_get(1)?, EdgeKind::parse)?;
        let key: EdgeKey = (row.try_get(0)?, kind, row.try_get(2)?, row.try_get(3)?);
        tables.hold_edge(key, EdgeState { valid_at: row.try_get(4)?, invalid_at: row.try_get(5)? });
    }
    Ok(tables)
}

async fn save(connection: &mut PgConnection, tables: &Tables) -> Result<(), sqlx::Error> {
    save_nodes(connection, &tables.nodes_to_write()).await?;
    let purged = tables.nodes_to_purge();
    if !purged.is_empty() {
        sqlx::query("DELETE FROM graph_edge WHERE from_seq = ANY($1) OR to_seq = ANY($1)")
            .bind(purged)
            .execute(&mut *connection)
            .await?;
    }
    save_edges(connection, &tables.edges_to_write()).await?;
    save_degrees(connection, tables).await?;
    let gone = tables.nodes_to_delete();
    if gone.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM graph_node WHERE seq = ANY($1)").bind(gone).execute(connection).await.map(drop)
}

/// Columns of nodes as the table keeps them.
#[derive(Default)]
struct NodeColumns<'a> {
    names: Vec<Cow<'a, str>>,
    emails: Vec<Option<Cow<'a, str>>>,
    pii: Vec<bool>,
    paths: Vec<Option<Cow<'a, str>>>,
    types: Vec<Option<&'static str>>,
    ingested: Vec<Option<i64>>,
}

impl<'a> NodeColumns<'a> {
    fn push(&mut self, node: &'a Node) {
        let (name, email, pii, path, source_type, ingested) = match node {
            Node::Person { email, display_name, pii, .. } => {
                (display_name, email.as_deref().map(text), *pii, None, None, None)
            }
            Node::Document { title, source_path, source_type, ingested_at, .. } => {
                (title, None, false, Some(text(source_path)), Some(source_type.as_str()), Some(ingested_at.0))
            }
            Node::Concept { label, .. } => (label, None, false, None, None, None),
        };
        self.names.push(text(name));
        self.emails.push(email);
        self.pii.push(pii);
        self.paths.push(path);
        self.types.push(source_type);
        self.ingested.push(ingested);
    }
}

async fn save_nodes(connection: &mut PgConnection, nodes: &[(i64, &Node)]) -> Result<(), sqlx::Error> {
    if nodes.is_empty() {
        return Ok(());
    }
    let mut columns = NodeColumns::default();
    for (_, node) in nodes {
        columns.push(node);
    }
    sqlx::query(
        "INSERT INTO graph_node (seq, id, label, name, email, pii, source_path, source_type, ingested_at)
         SELECT * FROM unnest($1::BIGINT[], $2::UUID[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::BOOLEAN[], $7::TEXT[],
            $8::TEXT[], $9::BIGINT[])
         ON CONFLICT (seq) DO UPDATE SET name = excluded.name, email = excluded.email, pii = excluded.pii,
            source_path = excluded.source_path, source_type = excluded.source_type, ingested_at = excluded.ingested_at",
    )
    .bind(nodes.iter().map(|(number, _)| *number).collect::<Vec<_>>())
    .bind(nodes.iter().map(|(_, node)| node.id()).collect::<Vec<_>>())
    .bind(nodes.iter().map(|(_, node)| label_name(node.label())).collect::<Vec<_>>())
    .bind(columns.names)
    .bind(columns.emails)
    .bind(columns.pii)
    .bind(columns.paths)
    .bind(columns.types)
    .bind(columns.ingested)
    .execute(connection)
    .await
    .map(drop)
}

async fn save_edges(connection: &mut PgConnection, edges: &[(&EdgeKey, &EdgeState)]) -> Result<(), sqlx::Error> {
    if edges.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO graph_edge (from_seq, kind, to_seq, field, valid_at, invalid_at)
         SELECT * FROM unnest($1::BIGINT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[])
         ON CONFLICT (from_seq, kind, to_seq, field) DO UPDATE SET valid_at = excluded.valid_at,
            invalid_at = excluded.invalid_at",
    )
    .bind(edges.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
    .bind(edges.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>())
    .bind(edges.iter().map(|(key, _)| key.2).collect::<Vec<_>>())
    .bind(edges.iter().map(|(key, _)| key.3.as_str()).collect::<Vec<_>>())
    .bind(edges.iter().map(|(_, state)| state.valid_at).collect::<Vec<_>>())
    .bind(edges.iter().map(|(_, state)| state.invalid_at).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// Keeps the number of true edges of every touched node, and of all.
async fn save_degrees(connection: &mut PgConnection, tables: &Tables) -> Result<(), sqlx::Error> {
    let (degrees, edges) = tables.degree_changes();
    if !degrees.is_empty() {
        let (nodes, changes): (Vec<i64>, Vec<i64>) = degrees.into_iter().unzip();
        sqlx::query(
            "UPDATE graph_node SET degree = degree + new.change FROM unnest($1::BIGINT[], $2::BIGINT[]) AS new (seq, change)
             WHERE graph_node.seq = new.seq",
        )
        .bind(nodes)
        .bind(changes)
        .execute(&mut *connection)
        .await?;
    }
    if edges == 0 {
        return Ok(());
    }
    sqlx::query("INSERT INTO counter_change (name, value) VALUES ('graph_edges', $1)")
        .bind(edges)
        .execute(connection)
        .await
        .map(drop)
}

/// Notes on the projected documents' nodes whether the store holds them as deleted: a live document counts as a node
/// even when no edge touches it, a deleted one does not.
async fn mark_deleted(connection: &mut PgConnection, own: &[i64]) -> Result<(), sqlx::Error> {
    if own.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE graph_node SET deleted = NOT deleted WHERE seq = ANY($1) AND label = $2
           AND deleted <> EXISTS (SELECT 1 FROM document WHERE document.id = graph_node.id AND deleted_at IS NOT NULL
                                  OFFSET 0)",
    )
    .bind(own)
    .bind(label_name(NodeLabel::Document))
    .execute(connection)
    .await
    .map(drop)
}
