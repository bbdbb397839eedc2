//! Does the graph say what the store implies? Compares the two whole. Called by `peanut check` and tests.

use std::collections::BTreeSet;

use crate::domain::graph::{Edge, Node};
use crate::store::SharedStore;

use super::{GraphError, GraphErrorKind, GraphReader};

/// Differences named one by one; the rest are counted.
const NAMED: usize = 20;

/// Outcome of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Nodes both hold.
    pub nodes: usize,
    /// True edges both hold.
    pub edges: usize,
    /// Nodes the store implies and the graph lacks.
    pub missing_nodes: Vec<Node>,
    /// Nodes the graph has without reason.
    pub extra_nodes: Vec<Node>,
    /// Edges the store implies and the graph lacks.
    pub missing_edges: Vec<Edge>,
    /// Edges the graph has without reason.
    pub extra_edges: Vec<Edge>,
}

impl Comparison {
    /// Whether the two are equal.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.missing_nodes.is_empty()
            && self.extra_nodes.is_empty()
            && self.missing_edges.is_empty()
            && self.extra_edges.is_empty()
    }

    /// One line.
    #[must_use]
    pub fn summary(&self) -> String {
        let verdict = if self.is_equal() { "equals" } else { "DIFFERS from" };
        format!("graph {verdict} the store: {} nodes and {} edges in common", self.nodes, self.edges)
    }

    /// Differences in words; empty when equal.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        name(&mut lines, "graph lacks node", &self.missing_nodes);
        name(&mut lines, "graph has extra node", &self.extra_nodes);
        name(&mut lines, "graph lacks edge", &self.missing_edges);
        name(&mut lines, "graph has extra edge", &self.extra_edges);
        lines
    }
}

fn name(lines: &mut Vec<String>, what: &str, found: &[impl std::fmt::Debug]) {
    lines.extend(found.iter().take(NAMED).map(|item| format!("{what} {item:?}")));
    if found.len() > NAMED {
        lines.push(format!("{what}: {} more", found.len() - NAMED));
    }
}

/// Compares the whole graph with what the store implies. Meaningful when the outbox is drained.
///
/// # Errors
/// When either cannot be read.
pub async fn compare(store: &SharedStore, graph: &dyn GraphReader) -> Result<Comparison, GraphError> {
    let expected = store.expected_graph().await.map_err(|error| GraphError {
        kind: GraphErrorKind::Unavailable,
        operation: "read what the store implies",
        key: String::new(),
        message: error.to_string(),
    })?;
    let actual = graph.dump().await?;
    let (expected_nodes, actual_nodes) = (set(&expected.nodes), set(&actual.nodes));
    let (expected_edges, actual_edges) = (set(&expected.edges), set(&actual.edges));
    Ok(Comparison {
        nodes: expected_nodes.intersection(&actual_nodes).count(),
        edges: expected_edges.intersection(&actual_edges).count(),
        missing_nodes: minus(&expected_nodes, &actual_nodes),
        extra_nodes: minus(&actual_nodes, &expected_nodes),
        missing_edges: minus(&expected_edges, &actual_edges),
        extra_edges: minus(&actual_edges, &expected_edges),
    })
}

fn set<T: Ord>(items: &[T]) -> BTreeSet<&T> {
    items.iter().collect()
}

fn minus<T: Ord + Clone>(left: &BTreeSet<&T>, right: &BTreeSet<&T>) -> Vec<T> {
    left.difference(right).map(|item| (*item).clone()).collect()
}
