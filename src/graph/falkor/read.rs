//! Answers become nodes, edges and counts. Called by the reader's side of [`super::FalkorGraph`].

use std::collections::HashSet;

use redis::Value;
use uuid::Uuid;

use crate::domain::graph::{Edge, EdgeKind, GraphCounts, GraphDump, Node};
use crate::domain::{DocumentId, PersonId, SourceType, Timestamp};
use crate::graph::{GraphError, GraphErrorKind};

use super::connection::Rows;
use super::cypher::LABELS;

/// A whole number in a row.
pub(super) fn integer(row: &[Value], column: usize) -> Option<i64> {
    match row.get(column)? {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// A text in a row.
pub(super) fn text(row: &[Value], column: usize) -> Option<String> {
    match row.get(column)? {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

/// Truth values are answered as words.
fn flag(row: &[Value], column: usize) -> bool {
    matches!(row.get(column), Some(Value::Boolean(true))) || text(row, column).as_deref() == Some("true")
}

fn strange(what: &str, row: &[Value]) -> GraphError {
    GraphError {
        kind: GraphErrorKind::Rejected,
        operation: "read graph",
        key: what.to_owned(),
        message: format!("the graph holds something Peanut did not write: {row:?}"),
    }
}

fn id(row: &[Value], column: usize) -> Option<Uuid> {
    text(row, column)?.parse().ok()
}

/// The node in a row of `node_columns`, and whether it is marked deleted.
fn node(row: &[Value]) -> Result<(Node, bool), GraphError> {
    let read = || {
        let own = id(row, 1)?;
        Some(match text(row, 0)?.as_str() {
            "Person" => {
                Node::Person { id: PersonId(own), email: text(row, 2), display_name: text(row, 3)?, pii: flag(row, 4) }
            }
            "Document" => Node::Document {
                id: DocumentId(own),
                title: text(row, 5)?,
                source_path: text(row, 6)?,
                source_type: SourceType::parse(&text(row, 7)?)?,
                ingested_at: Timestamp(integer(row, 8)?),
            },
            "Concept" => Node::Concept { id: own, label: text(row, 9)? },
            _ => return None,
        })
    };
    read().map(|node| (node, flag(row, 10))).ok_or_else(|| strange("node", row))
}

/// The edge in a row of `EDGE_COLUMNS`.
fn edge(row: &[Value]) -> Result<Edge, GraphError> {
    let read = || {
        Some(Edge {
            from: id(row, 0)?,
            kind: EdgeKind::parse(&text(row, 1)?)?,
            to: id(row, 2)?,
            field: text(row, 3).unwrap_or_default(),
            valid_at: Timestamp(integer(row, 4)?),
            invalid_at: integer(row, 5).map(Timestamp),
        })
    };
    read().ok_or_else(|| strange("edge", row))
}

/// See `cypher::counts`.
pub(super) fn counts(answer: &[Rows]) -> GraphCounts {
    let of = |at: usize| {
        let number = answer.get(at).and_then(|rows| rows.first()).and_then(|row| integer(row, 0));
        number.unwrap_or_default().unsigned_abs()
    };
    GraphCounts { persons: of(0), documents: of(1), concepts: of(2), edges: of(3) }
}

/// See `cypher::whole`.
pub(super) fn dump(answer: &[Rows]) -> Result<GraphDump, GraphError> {
    let (nodes, edges) = answer.split_at(LABELS.len().min(answer.len()));
    let mut edges = edges.iter().flatten().map(|row| edge(row)).collect::<Result<Vec<_>, _>>()?;
    let touched: HashSet<Uuid> = edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
    let mut kept = Vec::new();
    for row in nodes.iter().flatten() {
        let (node, deleted) = node(row)?;
        let is_live = matches!(node, Node::Document { .. }) && !deleted;
        if is_live || touched.contains(&node.id()) {
            kept.push(node);
        }
    }
    kept.sort_unstable();
    edges.sort_unstable();
    Ok(GraphDump { nodes: kept, edges })
}

/// See `cypher::around`: the node first, then its neighbours; empty when there is no such node.
pub(super) fn around(answer: &[Rows]) -> Result<Vec<Node>, GraphError> {
    answer.iter().flatten().map(|row| node(row).map(|(node, _)| node)).collect()
}

/// See `cypher::find`: nodes with the number of their true edges.
pub(super) fn found(answer: &[Rows]) -> Result<Vec<(Node, i64)>, GraphError> {
    let rows = answer.iter().flatten();
    rows.map(|row| node(row).map(|(node, _)| (node, integer(row, 11).unwrap_or_default()))).collect()
}

/// See `cypher::between`: the true ones first, then the latest.
pub(super) fn edges_latest_first(answer: &[Rows]) -> Result<Vec<Edge>, GraphError> {
    let mut edges = answer.iter().flatten().map(|row| edge(row)).collect::<Result<Vec<_>, _>>()?;
    edges.sort_unstable_by(|a, b| {
        let order = |edge: &Edge| (edge.invalid_at.is_some(), std::cmp::Reverse(edge.valid_at));
        order(a).cmp(&order(b)).then_with(|| a.cmp(b))
    });
    Ok(edges)
}
