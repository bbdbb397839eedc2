//! Reads the graph tables: counts, dump, neighbourhood.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqlitePool};
use uuid::Uuid;

use crate::domain::graph::{Edge, EdgeKind, GraphCounts, GraphDump, Node, NodeLabel};
use crate::domain::{DocumentId, PersonId, SourceType, Timestamp};
use crate::store::Neighbourhood;

use super::super::batch::json_numbers;
use super::super::rows::{moment, named, undecodable, unsigned, uuid};

/// Columns of a node, in the order [`node_at`] reads them; the row number first.
pub(super) const NODE: &str = "seq, id, label, name, email, pii, source_path, source_type, ingested_at";
const EDGE: &str = "from_seq, kind, to_seq, field, valid_at, invalid_at";

/// The node in a row of [`NODE`] columns.
pub(super) fn node_at(row: &SqliteRow) -> Result<Node, sqlx::Error> {
    let id = uuid(row.try_get(1)?)?;
    let name: String = row.try_get(3)?;
    match row.try_get(2)? {
        "person" => Ok(Node::Person {
            id: PersonId(id),
            email: row.try_get(4)?,
            display_name: name,
            pii: row.try_get::<i64, _>(5)? != 0,
        }),
        "document" => Ok(Node::Document {
            id: DocumentId(id),
            title: name,
            source_path: row.try_get::<Option<String>, _>(6)?.unwrap_or_default(),
            source_type: named("source type", row.try_get(7)?, SourceType::parse)?,
            ingested_at: Timestamp(row.try_get::<Option<i64>, _>(8)?.unwrap_or_default()),
        }),
        "concept" => Ok(Node::Concept { id, label: name }),
        other => Err(undecodable("node label", other)),
    }
}

fn edge_at(row: &SqliteRow, ids: &HashMap<i64, Uuid>) -> Result<Edge, sqlx::Error> {
    let end = |number: i64| ids.get(&number).copied().ok_or_else(|| undecodable("edge end", number));
    Ok(Edge {
        from: end(row.try_get(0)?)?,
        kind: named("edge kind", row.try_get(1)?, EdgeKind::parse)?,
        to: end(row.try_get(2)?)?,
        field: row.try_get(3)?,
        valid_at: Timestamp(row.try_get(4)?),
        invalid_at: moment(row.try_get(5)?),
    })
}

/// See [`crate::store::GraphStore::graph_table_counts`].
pub(super) async fn counts(reader: &SqlitePool) -> Result<GraphCounts, sqlx::Error> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, value FROM counter WHERE name >= 'graph_' AND name < 'graph`'")
            .fetch_all(reader)
            .await?;
    let of = |name: &str| rows.iter().find(|(held, _)| held == name).map_or(0, |(_, value)| unsigned(*value));
    Ok(GraphCounts {
        persons: of("graph_person"),
        documents: of("graph_document"),
        concepts: of("graph_concept"),
        edges: of("graph_edges"),
    })
}

/// See [`crate::store::GraphStore::graph_table_dump`].
pub(super) async fn dump(reader: &SqlitePool) -> Result<GraphDump, sqlx::Error> {
    let mut transaction = reader.begin().await?;
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {NODE}, degree > 0 OR (label = 'document' AND deleted = 0) FROM graph_node"
    )))
    .fetch_all(&mut *transaction)
    .await?;
    let mut ids = HashMap::with_capacity(rows.len());
    let mut nodes = Vec::with_capacity(rows.len());
    for row in &rows {
        let node = node_at(row)?;
        ids.insert(row.try_get(0)?, node.id());
        if row.try_get::<i64, _>(9)? != 0 {
            nodes.push(node);
        }
    }
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT {EDGE} FROM graph_edge WHERE invalid_at IS NULL")))
        .fetch_all(&mut *transaction)
        .await?;
    let mut edges = rows.iter().map(|row| edge_at(row, &ids)).collect::<Result<Vec<_>, _>>()?;
    nodes.sort_unstable();
    edges.sort_unstable();
    Ok(GraphDump { nodes, edges })
}

/// See [`crate::store::GraphStore::graph_table_nodes`].
pub(super) async fn nodes(
    reader: &SqlitePool,
    label: Option<NodeLabel>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Node>, sqlx::Error> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {NODE} FROM graph_node WHERE (?1 IS NULL OR id > ?1) AND (?2 IS NULL OR label = ?2)
            AND (degree > 0 OR (label = 'document' AND deleted = 0)) ORDER BY id LIMIT ?3"
    )))
    .bind(after.map(|id| id.as_bytes().to_vec()))
    .bind(label.map(stored_label))
    .bind(i64::from(limit))
    .fetch_all(reader)
    .await?;
    rows.iter().map(node_at).collect()
}

/// The label as the table holds it.
pub(super) fn stored_label(label: NodeLabel) -> &'static str {
    match label {
        NodeLabel::Person => "person",
        NodeLabel::Document => "document",
        NodeLabel::Concept => "concept",
    }
}

/// See [`crate::store::GraphStore::graph_table_neighbourhood`]. Neighbours over true edges come first, then the latest.
pub(super) async fn neighbourhood(reader: &SqlitePool, id: Uuid, limit: u32) -> Result<Neighbourhood, sqlx::Error> {
    let mut transaction = reader.begin().await?;
    let own: Option<i64> = sqlx::query_scalar("SELECT seq FROM graph_node WHERE id = ?1")
        .bind(id.as_bytes().as_slice())
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(own) = own else { return Ok(Neighbourhood::default()) };
    let others: Vec<i64> = sqlx::query_scalar(
        "SELECT other FROM (
            SELECT to_seq AS other, invalid_at, valid_at FROM graph_edge WHERE from_seq = ?1
            UNION ALL SELECT from_seq, invalid_at, valid_at FROM graph_edge WHERE to_seq = ?1)
         WHERE other <> ?1
         GROUP BY other ORDER BY max(invalid_at IS NULL) DESC, max(valid_at) DESC, other LIMIT ?2",
    )
    .bind(own)
    .bind(i64::from(limit))
    .fetch_all(&mut *transaction)
    .await?;
    let json = json_numbers(std::iter::once(own).chain(others.iter().copied()));
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {NODE} FROM graph_node WHERE seq IN (SELECT value FROM json_each(?1))"
    )))
    .bind(json.as_str())
    .fetch_all(&mut *transaction)
    .await?;
    let mut by_number = HashMap::new();
    for row in &rows {
        by_number.insert(row.try_get::<i64, _>(0)?, node_at(row)?);
    }
    let ids: HashMap<i64, Uuid> = by_number.iter().map(|(number, node)| (*number, node.id())).collect();
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {EDGE} FROM graph_edge WHERE from_seq IN (SELECT value FROM json_each(?1))
            AND to_seq IN (SELECT value FROM json_each(?1))
         ORDER BY invalid_at IS NULL DESC, valid_at DESC, from_seq, kind, to_seq, field"
    )))
    .bind(json.as_str())
    .fetch_all(&mut *transaction)
    .await?;
    let edges = rows.iter().map(|row| edge_at(row, &ids)).collect::<Result<Vec<_>, _>>()?;
    let mut placed = HashSet::new();
    let nodes = std::iter::once(own)
        .chain(others)
        .filter(|number| placed.insert(*number))
        .filter_map(|number| by_number.remove(&number))
        .collect();
    Ok(Neighbourhood { nodes, edges })
}
