//! The graph's words: nodes, edges, and the projection of one document. Made by the store, written by
//! the relay through `graph::GraphSink`, compared by the checker.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::document::SourceType;
use super::ids::{DocumentId, PersonId};
use super::time::Timestamp;

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub enum NodeLabel {
    /// A person.
    Person,
    /// A document.
    Document,
    /// A concept: a tag, a linked note that does not exist, a link-bearing heading.
    Concept,
}

/// What an edge says. Direction is from the first named to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EdgeKind {
    /// Person → Document: wrote it.
    Sent,
    /// Document → Person: was addressed to them; `field` is `to`, `cc` or `bcc`.
    Received,
    /// Document → Document: answers it.
    RepliesTo,
    /// Document → Person: names them.
    Mentions,
    /// Document → Concept: is about it.
    Contains,
    /// Document → Document: links to it.
    LinksTo,
}

impl EdgeKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Sent, Self::Received, Self::RepliesTo, Self::Mentions, Self::Contains, Self::LinksTo];

    /// The relationship type in Cypher and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "SENT",
            Self::Received => "RECEIVED",
            Self::RepliesTo => "REPLIES_TO",
            Self::Mentions => "MENTIONS",
            Self::Contains => "CONTAINS",
            Self::LinksTo => "LINKS_TO",
        }
    }

    /// The kind with the stable name `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A node with its properties.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(tag = "node")]
pub enum Node {
    /// A person.
    Person {
        /// Stable id.
        id: PersonId,
        /// Address, if known.
        email: Option<String>,
        /// Name to show.
        display_name: String,
        /// Whether the person is personal data to hide by default.
        pii: bool,
    },
    /// A document.
    Document {
        /// Stable id.
        id: DocumentId,
        /// Title.
        title: String,
        /// Where it was read from.
        source_path: String,
        /// Kind of source.
        source_type: SourceType,
        /// When it was taken in.
        ingested_at: Timestamp,
    },
    /// A concept.
    Concept {
        /// Name-based id of the lower-cased label.
        #[schema(value_type = String, format = "uuid")]
        id: Uuid,
        /// As shown.
        label: String,
    },
}

impl Node {
    /// The node's stable id, whatever it stands for.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Person { id, .. } => id.0,
            Self::Document { id, .. } => id.0,
            Self::Concept { id, .. } => *id,
        }
    }

    /// What it stands for.
    #[must_use]
    pub fn label(&self) -> NodeLabel {
        match self {
            Self::Person { .. } => NodeLabel::Person,
            Self::Document { .. } => NodeLabel::Document,
            Self::Concept { .. } => NodeLabel::Concept,
        }
    }
}

/// An edge, identified by `(from, kind, to, field)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct Edge {
    /// Node it starts at.
    #[schema(value_type = String, format = "uuid")]
    pub from: Uuid,
    /// What it says.
    pub kind: EdgeKind,
    /// Node it ends at.
    #[schema(value_type = String, format = "uuid")]
    pub to: Uuid,
    /// `to`, `cc` or `bcc` for `RECEIVED`; empty otherwise.
    pub field: String,
    /// Since when it is true: the document's own date, else when it was taken in.
    pub valid_at: Timestamp,
    /// When it stopped being true; `None` while it is.
    pub invalid_at: Option<Timestamp>,
}

/// What the graph must say about one document: written as a whole, replacing what it said before.
///
/// `edges` are the true edges that start at or belong to the document (its `SENT` included) plus the
/// `REPLIES_TO` and `LINKS_TO` edges of other live documents that end at it. An edge the graph has for
/// this document (any edge touching its node) and the projection has not, becomes invalid at `at`.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentProjection {
    /// The document.
    pub id: DocumentId,
    /// Its node, the people and concepts it names, and nodes at the far ends of its edges;
    /// empty when the document is gone for good: then its node and edges are removed.
    pub nodes: Vec<Node>,
    /// Its true edges; empty for a deleted document (every edge becomes invalid).
    pub edges: Vec<Edge>,
    /// Whether the document is deleted: its node stays for the edges that were true, but no longer counts.
    pub deleted: bool,
    /// The moment the projection is true for.
    pub at: Timestamp,
}

/// Node and edge counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct GraphCounts {
    /// Person nodes.
    pub persons: u64,
    /// Document nodes.
    pub documents: u64,
    /// Concept nodes.
    pub concepts: u64,
    /// Edges that are true now.
    pub edges: u64,
}

/// The whole graph as far as it is true now, sorted; for the checker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphDump {
    /// Nodes that touch at least one true edge, and every document node that is not deleted.
    pub nodes: Vec<Node>,
    /// True edges.
    pub edges: Vec<Edge>,
}
