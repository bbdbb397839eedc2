//! What projections change in the graph tables: the touched part as read, as it shall be, and the difference. Pure.
//!
//! Called by the adapters' `graph_tables`, which load the touched part and write the difference.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, EdgeKind, Node, NodeLabel};

/// An edge's identity in the tables.
pub(crate) type EdgeKey = (i64, EdgeKind, i64, String);

/// What an edge row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EdgeState {
    /// Since when it is true.
    pub(crate) valid_at: i64,
    /// When it stopped being true.
    pub(crate) invalid_at: Option<i64>,
}

/// The touched part of the tables, as read and as it shall be.
#[derive(Default)]
pub(crate) struct Tables {
    numbers: HashMap<Uuid, i64>,
    held_nodes: HashMap<i64, Node>,
    new_nodes: BTreeMap<i64, Node>,
    changed_nodes: BTreeMap<i64, Node>,
    held_edges: HashMap<EdgeKey, EdgeState>,
    edges: HashMap<EdgeKey, EdgeState>,
    touching: HashMap<i64, HashSet<EdgeKey>>,
    /// Nodes without a row when all is applied.
    gone: HashSet<i64>,
    /// Nodes that were gone at some point: every edge they had is deleted before anything is written.
    purged: HashSet<i64>,
    /// The highest number of a node so far.
    next_number: i64,
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

    /// Applies one projection.
    pub(crate) fn apply(&mut self, projection: &DocumentProjection) {
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
                self.purged.insert(number);
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

    /// Empty tables whose highest node number is `highest`.
    pub(crate) fn after(highest: i64) -> Self {
        Self { next_number: highest, ..Self::default() }
    }

    /// Takes note of a node's row.
    pub(crate) fn hold_node(&mut self, number: i64, node: Node) {
        self.numbers.insert(node.id(), number);
        self.held_nodes.insert(number, node);
    }

    /// Takes note of an edge's row.
    pub(crate) fn hold_edge(&mut self, key: EdgeKey, state: EdgeState) {
        self.held_edges.insert(key.clone(), state);
        self.put_edge(key, state);
    }

    /// Rows of the projected documents' own nodes, as far as they have one.
    pub(crate) fn own(&self, projections: &[DocumentProjection]) -> Vec<i64> {
        projections.iter().filter_map(|projection| self.numbers.get(&projection.id.0).copied()).collect()
    }

    /// Nodes to write, new and changed.
    pub(crate) fn nodes_to_write(&self) -> Vec<(i64, &Node)> {
        let new = self.new_nodes.iter().filter(|(number, _)| !self.gone.contains(number));
        new.chain(&self.changed_nodes).map(|(number, node)| (*number, node)).collect()
    }

    /// Nodes whose edges are deleted before any is written.
    pub(crate) fn nodes_to_purge(&self) -> Vec<i64> {
        self.purged.iter().copied().collect()
    }

    /// Edges to write, in the order of the table.
    pub(crate) fn edges_to_write(&self) -> Vec<(&EdgeKey, &EdgeState)> {
        let purged = |key: &EdgeKey| self.purged.contains(&key.0) || self.purged.contains(&key.2);
        let differs = |key: &EdgeKey, state: &EdgeState| self.held_edges.get(key) != Some(state) || purged(key);
        let mut edges: Vec<_> = self.edges.iter().filter(|(key, state)| differs(key, state)).collect();
        edges.sort_unstable_by_key(|(key, _)| *key);
        edges
    }

    /// Changes of the number of true edges: of every touched node, and of all.
    pub(crate) fn degree_changes(&self) -> (Vec<(i64, i64)>, i64) {
        let mut degrees: BTreeMap<i64, i64> = BTreeMap::new();
        let mut edges = 0;
        let keys = self.edges.keys().chain(self.held_edges.keys().filter(|key| !self.edges.contains_key(*key)));
        for key in keys {
            let is_true = |edges: &HashMap<EdgeKey, EdgeState>| {
                i64::from(edges.get(key).is_some_and(|state| state.invalid_at.is_none()))
            };
            let change = is_true(&self.edges) - is_true(&self.held_edges);
            if change != 0 {
                edges += change;
                *degrees.entry(key.0).or_default() += change;
                if key.2 != key.0 {
                    *degrees.entry(key.2).or_default() += change;
                }
            }
        }
        (degrees.into_iter().filter(|(_, change)| *change != 0).collect(), edges)
    }

    /// Nodes to delete.
    pub(crate) fn nodes_to_delete(&self) -> Vec<i64> {
        self.gone.iter().filter(|number| !self.new_nodes.contains_key(number)).copied().collect()
    }

    /// The projected documents' nodes whose mark "deleted" may have to change: none when all of them are new and touched
    /// by edges.
    pub(crate) fn nodes_to_mark(&self, projections: &[DocumentProjection]) -> Vec<i64> {
        let own = self.own(projections);
        let held_before = own.iter().any(|number| self.held_nodes.contains_key(number));
        if held_before || projections.iter().any(|projection| projection.edges.is_empty()) { own } else { Vec::new() }
    }
}

/// The stable name of a label in the tables.
pub(crate) fn label_name(label: NodeLabel) -> &'static str {
    match label {
        NodeLabel::Person => "person",
        NodeLabel::Document => "document",
        NodeLabel::Concept => "concept",
    }
}
