//! Projections become a few statements over rows. Works out in memory what a batch says in the end, in the order given,
//! so that each node and edge is written once. Called by `apply`.

use std::collections::{BTreeMap, BTreeSet};

use falkordb::FalkorValue;
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, EdgeKind, Node};
use crate::domain::text::without_nul;

use super::cypher::{LABELS, Row, Statement, ends, id_value, label_name, optional, over_rows};

/// Rows of one statement; keeps it well below the server's limits on query text.
const ROWS: usize = 2_000;

/// `(from, kind, to, field)`.
type EdgeKey = (Uuid, EdgeKind, Uuid, String);

/// What a batch says in the end.
#[derive(Default)]
pub(super) struct Batch {
    nodes: BTreeMap<Uuid, Node>,
    /// Whether a projected document is deleted; documents that were only named keep what is known of them.
    deleted: BTreeMap<Uuid, bool>,
    /// Validity of every edge that was said: since when, and until when if a later projection denied it.
    edges: BTreeMap<EdgeKey, (i64, Option<i64>)>,
    /// Said edges by their ends.
    touching: BTreeMap<Uuid, BTreeSet<EdgeKey>>,
    /// Documents gone for good at some point, with their edges.
    purged: BTreeSet<Uuid>,
    /// Projected documents with the moment from which what they do not say is no longer true.
    denied_at: BTreeMap<Uuid, i64>,
}

impl Batch {
    /// Takes projections in order.
    pub(super) fn of(projections: &[DocumentProjection]) -> Self {
        let mut batch = Self::default();
        for projection in projections {
            batch.add(projection);
        }
        batch
    }

    fn add(&mut self, projection: &DocumentProjection) {
        let own = projection.id.0;
        if projection.nodes.is_empty() {
            for key in self.touching.remove(&own).unwrap_or_default() {
                self.edges.remove(&key);
            }
            self.nodes.remove(&own);
            self.deleted.remove(&own);
            self.denied_at.remove(&own);
            self.purged.insert(own);
            return;
        }
        for node in &projection.nodes {
            self.nodes.insert(node.id(), node.clone());
        }
        self.deleted.insert(own, projection.deleted);
        let mut said = BTreeSet::new();
        for edge in &projection.edges {
            let key = (edge.from, edge.kind, edge.to, edge.field.clone());
            self.edges.insert(key.clone(), (edge.valid_at.0, edge.invalid_at.map(|at| at.0)));
            self.touching.entry(edge.from).or_default().insert(key.clone());
            self.touching.entry(edge.to).or_default().insert(key.clone());
            said.insert(key);
        }
        for key in self.touching.get(&own).into_iter().flatten().filter(|key| !said.contains(*key)) {
            if let Some((_, invalid_at @ None)) = self.edges.get_mut(key) {
                *invalid_at = Some(projection.at.0);
            }
        }
        self.denied_at.entry(own).or_insert(projection.at.0);
    }

    /// The statements, in the order they must run. `batch` marks what was said now: of the edges at a projected
    /// document, those with another number are no longer true.
    ///
    /// # Errors
    /// When a value cannot be written.
    pub(super) fn statements(&self, batch: i64) -> Result<Vec<Statement>, String> {
        let mut statements = Vec::new();
        let mut add = |rows: Vec<Row>, body: &str| -> Result<(), String> {
            for rows in rows.chunks(ROWS) {
                statements.push(over_rows(rows, batch, body)?);
            }
            Ok(())
        };
        let purged = self.purged.iter().map(|id| Row::from([("id", id_value(*id))])).collect();
        add(purged, "MATCH (n:Document {id: row.id}) DETACH DELETE n")?;
        for label in LABELS {
            let rows =
                self.nodes.values().filter(|node| node.label() == label).map(|node| self.node_row(node)).collect();
            add(rows, &format!("MERGE (n:{} {{id: row.id}}) {}", label_name(label), node_assignments(label)))?;
        }
        for kind in EdgeKind::ALL {
            let of_kind = self.edges.iter().filter(|(key, _)| key.1 == kind);
            let rows = of_kind.map(|(key, state)| edge_row(key, *state)).collect();
            let (from, to) = ends(kind);
            let identity = if kind == EdgeKind::Received { " {field: row.field}" } else { "" };
            let body = format!(
                "MATCH (a:{from} {{id: row.from}}) MATCH (b:{to} {{id: row.to}}) MERGE (a)-[r:{}{identity}]->(b) \
                 SET r.valid_at = row.valid_at, r.invalid_at = row.invalid_at, r.batch = $batch",
                kind.as_str()
            );
            add(rows, &body)?;
        }
        let denied = self.denied_at.iter();
        let denied = denied.map(|(id, at)| Row::from([("id", id_value(*id)), ("at", FalkorValue::I64(*at))])).collect();
        let body = "MATCH (d:Document {id: row.id})-[r]-() WHERE r.invalid_at IS NULL AND r.batch <> $batch \
                    SET r.invalid_at = row.at";
        add(denied, body)?;
        Ok(statements)
    }

    fn node_row(&self, node: &Node) -> Row {
        // A store of before texts were held to it may still have a NUL, which no literal can hold.
        let text = |text: &str| FalkorValue::String(without_nul(text).into_owned());
        let id = ("id", id_value(node.id()));
        match node {
            Node::Person { email, display_name, pii, .. } => Row::from([
                id,
                ("email", optional(email.as_deref())),
                ("display_name", text(display_name)),
                ("pii", FalkorValue::Bool(*pii)),
            ]),
            Node::Document { title, source_path, source_type, ingested_at, .. } => Row::from([
                id,
                ("title", text(title)),
                ("source_path", text(source_path)),
                ("source_type", text(source_type.as_str())),
                ("ingested_at", FalkorValue::I64(ingested_at.0)),
                ("deleted", self.deleted.get(&node.id()).map_or(FalkorValue::None, |is| FalkorValue::Bool(*is))),
            ]),
            Node::Concept { label, .. } => Row::from([id, ("label", text(label))]),
        }
    }
}

fn node_assignments(label: crate::domain::graph::NodeLabel) -> &'static str {
    use crate::domain::graph::NodeLabel;
    match label {
        NodeLabel::Person => "SET n.email = row.email, n.display_name = row.display_name, n.pii = row.pii",
        NodeLabel::Document => {
            "SET n.title = row.title, n.source_path = row.source_path, n.source_type = row.source_type, \
             n.ingested_at = row.ingested_at, n.deleted = coalesce(row.deleted, n.deleted, false)"
        }
        NodeLabel::Concept => "SET n.label = row.label",
    }
}

fn edge_row((from, _, to, field): &EdgeKey, (valid_at, invalid_at): (i64, Option<i64>)) -> Row {
    Row::from([
        ("from", id_value(*from)),
        ("to", id_value(*to)),
        ("field", FalkorValue::String(field.clone())),
        ("valid_at", FalkorValue::I64(valid_at)),
        ("invalid_at", invalid_at.map_or(FalkorValue::None, FalkorValue::I64)),
    ])
}
