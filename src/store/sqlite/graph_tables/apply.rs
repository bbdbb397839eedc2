//! Applies projections: reads what the tables say of their documents, works out the difference in memory, writes it.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, EdgeKind, Node, NodeLabel};

use super::super::batch::{insert_rows, json_ids, json_numbers};
use super::super::rows::{named, uuid};
use super::read::{NODE, label_name, node_at};

/// An edge's identity in the tables.
type EdgeKey = (i64, EdgeKind, i64, String);

/// What an edge row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EdgeState {
    valid_at: i64,
    invalid_at: Option<i64>,
}

/// The touched part of the tables, as read and as it shall be.
#[derive(Default)]
struct Tables {
    numbers: HashMap<Uuid, i64>,
    held_nodes: HashMap<i64, Node>,
    new_nodes: BTreeMap<i64, Node>,
    changed_nodes: BTreeMap<i64, Node>,
    held_edges: HashMap<EdgeKey, EdgeState>,
    edges: HashMap<EdgeKey, EdgeState>,
    touching: HashMap<i64, HashSet<EdgeKey>>,
    gone: HashSet<i64>,
    next_number: i64,
}

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

impl Tables {
    fn put_node(&mut self, node: &Node) -> i64 {
        if let Some(number) = self.numbers.get(&node.id()) {
            let number = *number;
            // Removed earlier in this batch and named again: its row stays.
            self.gone.remove(&number);
            if let Some(new) = self.new_nodes.get_mut(&number) {
                new.clone_from(node);
            } else if self.held_nodes.get(&number) != Some(node) {
                self.changed_nodes.insert(number, node.clone());
            } else {
                self.changed_nodes.remove(&number);
            }
            return number;
        }
        self.next_number += 1;
        self.numbers.insert(node.id(), self.next_number);
        self.new_nodes.insert(self.next_number, node.clone());
        self.next_number
    }

    fn put_edge(&mut self, key: EdgeKey, state: EdgeState) {
        self.touching.entry(key.0).or_default().insert(key.clone());
        self.touching.entry(key.2).or_default().insert(key.clone());
        self.edges.insert(key, state);
    }

    fn apply(&mut self, projection: &DocumentProjection) {
        if projection.nodes.is_empty() {
            if let Some(number) = self.numbers.get(&projection.id.0).copied() {
                for key in self.touching.remove(&number).unwrap_or_default() {
                    self.edges.remove(&key);
                    for end in [key.0, key.2] {
                        if let Some(keys) = self.touching.get_mut(&end) {
                            keys.remove(&key);
                        }
                    }
                }
                self.gone.insert(number);
            }
            return;
        }
        for node in &projection.nodes {
            self.put_node(node);
        }
        let mut said = HashSet::new();
        for edge in &projection.edges {
            let (Some(from), Some(to)) = (self.numbers.get(&edge.from), self.numbers.get(&edge.to)) else { continue };
            let key = (*from, edge.kind, *to, edge.field.clone());
            let state = EdgeState { valid_at: edge.valid_at.0, invalid_at: edge.invalid_at.map(|at| at.0) };
            said.insert(key.clone());
            self.put_edge(key, state);
        }
        let Some(own) = self.numbers.get(&projection.id.0) else { return };
        for key in self.touching.get(own).into_iter().flatten() {
            if let Some(state) = self.edges.get_mut(key)
                && state.invalid_at.is_none()
                && !said.contains(key)
            {
                state.invalid_at = Some(projection.at.0);
            }
        }
    }
}

async fn load(connection: &mut SqliteConnection, projections: &[DocumentProjection]) -> Result<Tables, sqlx::Error> {
    let mut tables = Tables {
        next_number: sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM graph_node")
            .fetch_one(&mut *connection)
            .await?,
        ..Tables::default()
    };
    let mut ids: HashSet<Uuid> = projections.iter().map(|projection| projection.id.0).collect();
    ids.extend(projections.iter().flat_map(|projection| &projection.nodes).map(Node::id));
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {NODE} FROM graph_node WHERE id IN (SELECT unhex(value) FROM json_each(?1))"
    )))
    .bind(json_ids(ids))
    .fetch_all(&mut *connection)
    .await?;
    for row in &rows {
        let number: i64 = row.try_get(0)?;
        tables.numbers.insert(uuid(row.try_get(1)?)?, number);
        tables.held_nodes.insert(number, node_at(row)?);
    }
    let own: Vec<i64> =
        projections.iter().filter_map(|projection| tables.numbers.get(&projection.id.0).copied()).collect();
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
        tables.held_edges.insert(key.clone(), state);
        tables.put_edge(key, state);
    }
    Ok(tables)
}

async fn save(connection: &mut SqliteConnection, tables: &Tables) -> Result<(), sqlx::Error> {
    let nodes: Vec<(&i64, &Node)> = tables
        .new_nodes
        .iter()
        .filter(|(number, _)| !tables.gone.contains(number))
        .chain(&tables.changed_nodes)
        .collect();
    insert_rows(
        connection,
        "INSERT INTO graph_node (seq, id, label, name, email, pii, source_path, source_type, ingested_at) VALUES",
        9,
        "ON CONFLICT DO UPDATE SET name = excluded.name, email = excluded.email, pii = excluded.pii,
            source_path = excluded.source_path, source_type = excluded.source_type, ingested_at = excluded.ingested_at",
        &nodes,
        |statement, (number, node)| {
            let id = node.id();
            let statement = statement.bind(**number).bind(id.as_bytes().as_slice()).bind(label_name(node.label()));
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
    let mut edges: Vec<(&EdgeKey, &EdgeState)> =
        tables.edges.iter().filter(|(key, state)| tables.held_edges.get(*key) != Some(*state)).collect();
    edges.sort_unstable_by_key(|(key, _)| *key);
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
    let removed: Vec<&EdgeKey> = tables.held_edges.keys().filter(|key| !tables.edges.contains_key(*key)).collect();
    insert_rows(
        connection,
        "DELETE FROM graph_edge WHERE (from_seq, kind, to_seq, field) IN (VALUES",
        4,
        ")",
        &removed,
        |statement, key| statement.bind(key.0).bind(key.1.as_str()).bind(key.2).bind(key.3.as_str()),
    )
    .await?;
    let gone: Vec<i64> = tables.gone.iter().filter(|number| !tables.new_nodes.contains_key(number)).copied().collect();
    if gone.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM graph_node WHERE seq IN (SELECT value FROM json_each(?1))")
        .bind(json_numbers(gone))
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
    let without_edges = projections.iter().filter(|projection| projection.edges.is_empty());
    let own: HashSet<i64> =
        projections.iter().filter_map(|projection| tables.numbers.get(&projection.id.0).copied()).collect();
    let held_before = own.iter().any(|number| tables.held_nodes.contains_key(number));
    if !held_before && without_edges.count() == 0 {
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
