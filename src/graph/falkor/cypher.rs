//! The statements, and how values get into them: as parameters, never as text. Called by the rest of this folder.
//!
//! FalkorDB takes parameters as a preamble of literals; the client library's encoder writes them. Labels and relationship
//! types cannot be parameters: they come from the closed enums of `domain::graph`.

use std::collections::BTreeMap;

use falkordb::{FalkorValue, to_cypher_param};
use uuid::Uuid;

use crate::domain::graph::{EdgeKind, Node, NodeLabel};
use crate::domain::names::NameQuery;
use crate::domain::text::without_nul;

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Cypher with its preamble of parameters.
    pub(super) text: String,
    /// Whether it only reads.
    pub(super) reads: bool,
}

/// A row of `UNWIND $rows`.
pub(super) type Row = BTreeMap<&'static str, FalkorValue>;

pub(super) const LABELS: [NodeLabel; 3] = [NodeLabel::Person, NodeLabel::Document, NodeLabel::Concept];

/// The label in Cypher.
pub(super) fn label_name(label: NodeLabel) -> &'static str {
    match label {
        NodeLabel::Person => "Person",
        NodeLabel::Document => "Document",
        NodeLabel::Concept => "Concept",
    }
}

/// Labels an edge starts and ends at.
pub(super) fn ends(kind: EdgeKind) -> (&'static str, &'static str) {
    match kind {
        EdgeKind::Sent => ("Person", "Document"),
        EdgeKind::Received | EdgeKind::Mentions => ("Document", "Person"),
        EdgeKind::RepliesTo | EdgeKind::LinksTo => ("Document", "Document"),
        EdgeKind::Contains => ("Document", "Concept"),
    }
}

/// An id as it is kept.
pub(super) fn id_value(id: Uuid) -> FalkorValue {
    FalkorValue::String(id.to_string())
}

/// A text, or nothing.
pub(super) fn optional(text: Option<&str>) -> FalkorValue {
    text.map_or(FalkorValue::None, |text| FalkorValue::String(without_nul(text).into_owned()))
}

/// A write over rows.
///
/// # Errors
/// When a value cannot be written at all: a NUL character in a text.
pub(super) fn over_rows(rows: &[Row], batch: i64, body: &str) -> Result<Statement, String> {
    let rows = to_cypher_param(rows).map_err(|error| error.to_string())?;
    Ok(Statement { text: format!("CYPHER rows={rows} batch={batch} UNWIND $rows AS row {body}"), reads: false })
}

fn plain(text: &str, reads: bool) -> Statement {
    Statement { text: text.to_owned(), reads }
}

/// Literal of a text the program made itself; a text without a literal would be a NUL, which cannot occur in it.
fn literal(text: &str) -> String {
    to_cypher_param(text).unwrap_or_else(|_| "''".to_owned())
}

/// Counts the batch on the graph's mark; answers nothing when the mark is another or missing.
pub(super) fn next_batch(mark: Option<&str>) -> Statement {
    let (parameter, condition) = match mark {
        Some(mark) => (format!("CYPHER mark={} ", literal(mark)), "WHERE m.mark = $mark "),
        None => (String::new(), ""),
    };
    let body = "SET m.batch = m.batch + 1 RETURN m.batch";
    plain(&format!("{parameter}MATCH (m:Meta {{key: 'peanut'}}) {condition}{body}"), false)
}

/// Reads the mark.
pub(super) fn mark() -> Statement {
    plain("MATCH (m:Meta {key: 'peanut'}) RETURN m.mark", true)
}

/// Indexes first, then the mark.
pub(super) fn begin(mark: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = LABELS
        .map(|label| plain(&format!("CREATE INDEX FOR (n:{}) ON (n.id)", label_name(label)), false))
        .into_iter()
        .collect();
    let mark = literal(mark);
    let set = "MERGE (m:Meta {key: 'peanut'}) SET m.mark = $mark, m.batch = 0";
    statements.push(plain(&format!("CYPHER mark={mark} {set}"), false));
    statements
}

/// Persons, documents, concepts, true edges.
pub(super) fn counts() -> Vec<Statement> {
    let touched = |label: &str| {
        plain(&format!("MATCH (n:{label})-[r]-() WHERE r.invalid_at IS NULL RETURN count(DISTINCT n)"), true)
    };
    vec![
        touched("Person"),
        plain("MATCH (n:Document) WHERE n.deleted = false RETURN count(n)", true),
        touched("Concept"),
        plain("MATCH ()-[r]->() WHERE r.invalid_at IS NULL RETURN count(r)", true),
    ]
}

/// What `read::node` reads from a row.
fn node_columns(variable: &str) -> String {
    let v = variable;
    format!(
        "labels({v})[0], {v}.id, {v}.email, {v}.display_name, {v}.pii, {v}.title, {v}.source_path, {v}.source_type, \
         {v}.ingested_at, {v}.label, {v}.deleted"
    )
}

/// What `read::edge` reads from a row.
const EDGE_COLUMNS: &str = "a.id, type(r), b.id, r.field, r.valid_at, r.invalid_at";

/// Every node by label, then every true edge by kind.
pub(super) fn whole() -> Vec<Statement> {
    let nodes =
        LABELS.map(|label| plain(&format!("MATCH (n:{}) RETURN {}", label_name(label), node_columns("n")), true));
    let edges = EdgeKind::ALL.map(|kind| {
        let kind = kind.as_str();
        plain(&format!("MATCH (a)-[r:{kind}]->(b) WHERE r.invalid_at IS NULL RETURN {EDGE_COLUMNS}"), true)
    });
    nodes.into_iter().chain(edges).collect()
}

/// Per label: the true nodes after an id, in order.
pub(super) fn nodes(label: Option<NodeLabel>, after: Option<Uuid>, limit: u32) -> Vec<Statement> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let parameters = format!("CYPHER after={} limit={limit}", literal(&after));
    let statement = |label: NodeLabel| {
        // A document that is not deleted is there by itself; everything else by a true edge.
        let alone = if label == NodeLabel::Document { "n.deleted = false OR " } else { "" };
        let touched = format!("MATCH (n:{})", label_name(label));
        let text = format!(
            "{parameters} {touched} WHERE n.id > $after OPTIONAL MATCH (n)-[r]-() WHERE r.invalid_at IS NULL \
             WITH n, count(r) AS degree WHERE {alone}degree > 0 RETURN {} ORDER BY n.id LIMIT $limit",
            node_columns("n")
        );
        plain(&text, true)
    };
    match label {
        Some(label) => vec![statement(label)],
        None => LABELS.map(statement).into_iter().collect(),
    }
}

/// Per label: nodes that hold every word of the query, the likeliest first, with the number of their true edges.
pub(super) fn find(query: &NameQuery, labels: &[NodeLabel], limit: u32) -> Vec<Statement> {
    let mut parameters = format!("CYPHER text={} limit={limit}", literal(query.folded()));
    for (at, word) in query.words().iter().enumerate() {
        parameters = format!("{parameters} word{at}={}", literal(word));
    }
    let statement = |label: NodeLabel| {
        let (names, alone): (&[&str], &str) = match label {
            NodeLabel::Person => (&["toLower(n.display_name)", "toLower(n.email)"], ""),
            NodeLabel::Document => (&["toLower(n.title)"], "n.deleted = false OR "),
            NodeLabel::Concept => (&["toLower(n.label)"], ""),
        };
        let any = |test: &str, value: &str| {
            let tests: Vec<String> = names.iter().map(|name| format!("{name} {test} {value}")).collect();
            format!("({})", tests.join(" OR "))
        };
        let words: Vec<String> = (0..query.words().len()).map(|at| any("CONTAINS", &format!("$word{at}"))).collect();
        let text = format!(
            "{parameters} MATCH (n:{}) WHERE {} OPTIONAL MATCH (n)-[r]-() WHERE r.invalid_at IS NULL \
             WITH n, count(r) AS degree WHERE {alone}degree > 0 \
             WITH n, degree, CASE WHEN {} THEN 0 WHEN {} THEN 1 WHEN {} THEN 2 ELSE 3 END AS fit \
             RETURN {}, degree ORDER BY fit, degree DESC, ID(n) LIMIT $limit",
            label_name(label),
            words.join(" AND "),
            any("=", "$text"),
            any("STARTS WITH", "$text"),
            any("CONTAINS", "$text"),
            node_columns("n")
        );
        plain(&text, true)
    };
    let wanted = |label: &NodeLabel| labels.is_empty() || labels.contains(label);
    LABELS.into_iter().filter(wanted).map(statement).collect()
}

/// Per label: the node, then its neighbours, those over true edges first, then the latest.
pub(super) fn around(id: Uuid, limit: u32) -> Vec<Statement> {
    let parameters = format!("CYPHER id={} limit={limit}", literal(&id.to_string()));
    LABELS
        .into_iter()
        .flat_map(|label| {
            let label = label_name(label);
            let own = format!("{parameters} MATCH (n:{label} {{id: $id}}) RETURN {}", node_columns("n"));
            let others = format!(
                "{parameters} MATCH (n:{label} {{id: $id}})-[r]-(o) WHERE ID(o) <> ID(n) \
                 WITH o, max(CASE WHEN r.invalid_at IS NULL THEN 1 ELSE 0 END) AS live, max(r.valid_at) AS latest \
                 RETURN {} ORDER BY live DESC, latest DESC, ID(o) LIMIT $limit",
                node_columns("o")
            );
            [plain(&own, true), plain(&others, true)]
        })
        .collect()
}

/// Edges between nodes, one statement for each label an edge may start at.
pub(super) fn between(nodes: &[Node]) -> Vec<Statement> {
    let ids: Vec<String> = nodes.iter().map(|node| node.id().to_string()).collect();
    let ids = to_cypher_param(&ids).unwrap_or_else(|_| "[]".to_owned());
    [NodeLabel::Person, NodeLabel::Document]
        .map(|label| {
            let label = label_name(label);
            let text = format!(
                "CYPHER ids={ids} MATCH (a:{label})-[r]->(b) WHERE a.id IN $ids AND b.id IN $ids RETURN {EDGE_COLUMNS}"
            );
            plain(&text, true)
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_literal() {
        let row: Row = [("id", FalkorValue::String("x'}] MATCH (n) DELETE n // \\".into()))].into();
        let statement = over_rows(&[row], 1, "RETURN row.id").unwrap();
        assert!(
            statement.text.starts_with("CYPHER rows=[{id: 'x\\'}] MATCH (n) DELETE n // \\\\'}] batch=1 UNWIND"),
            "{statement:?}"
        );
        let row: Row = [("id", FalkorValue::String("a\0b".into()))].into();
        assert!(over_rows(&[row], 1, "").unwrap_err().contains("NUL"));
    }
}
