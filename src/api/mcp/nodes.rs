//! `search_nodes`: people, documents and concepts by name, and what they are connected with.

use std::collections::HashMap;
use std::fmt::Write as _;

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::graph::{Edge, EdgeKind, Node, NodeLabel};
use crate::domain::names::NameQuery;
use crate::domain::{DocumentId, Scope};

use super::Mcp;
use super::answer::{Answer, Refusal, address, day, join, moment, one_line, text_within, within};
use super::tools::{ToolInfo, schemas};

pub(super) const NAME: &str = "search_nodes";
const LONGEST_NAME: usize = 200;
const MOST_NODES: u32 = 50;
const MOST_CONNECTIONS: u32 = 20;

pub(super) const TOOL: ToolInfo = ToolInfo {
    name: NAME,
    title: "Search people, documents and concepts",
    about: "Finds people, documents and concepts by name (or address), best fit first, each with what it is connected with: who \
            sent or received what, what answers or links to what, what is about what.",
    needs: Scope::Read,
    schemas: schemas::<Arguments, Nodes>,
};

fn usual_limit() -> u32 {
    10
}

fn usual_connections() -> u32 {
    5
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// A name, part of one, or a mail address
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// Only these kinds: "person", "document", "concept"; all when missing or empty
    #[serde(default)]
    #[schemars(length(max = 3))]
    kinds: Vec<Kind>,
    /// Nodes wanted
    #[serde(default = "usual_limit")]
    #[schemars(range(min = 1, max = 50))]
    limit: u32,
    /// Connections wanted of each node, the latest first
    #[serde(default = "usual_connections")]
    #[schemars(range(min = 0, max = 20))]
    connections: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Kind {
    Person,
    Document,
    Concept,
}

impl From<Kind> for NodeLabel {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Person => Self::Person,
            Kind::Document => Self::Document,
            Kind::Concept => Self::Concept,
        }
    }
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Nodes {
    /// Best fit first.
    nodes: Vec<NodeView>,
}

/// A node.
#[derive(Debug, Serialize, JsonSchema)]
struct NodeView {
    /// Its id in the graph; a document's is its document_id.
    id: String,
    /// person, document or concept.
    kind: &'static str,
    /// Name, title or label.
    name: String,
    /// A person's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// A document as a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    /// The file a document was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// What it is connected with now, the latest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connections: Vec<Connection>,
}

/// One connection of a node.
#[derive(Debug, Serialize, JsonSchema)]
struct Connection {
    /// From the node to the other, in words: sent, received by, answers, linked from.
    relation: &'static str,
    /// The other's id.
    id: String,
    /// The other's kind.
    kind: &'static str,
    /// The other's name.
    name: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

pub(super) async fn call(mcp: &Mcp, arguments: Arguments) -> Result<Answer, Refusal> {
    text_within("name", &arguments.name, LONGEST_NAME)?;
    let limit = within("limit", arguments.limit, 1..=MOST_NODES)?;
    within("connections", arguments.connections, 0..=MOST_CONNECTIONS)?;
    let query = NameQuery::new(&arguments.name).ok_or_else(|| Refusal::new("name is empty"))?;
    let labels: Vec<NodeLabel> = arguments.kinds.into_iter().map(NodeLabel::from).collect();
    let found = mcp.graph.find(&query, &labels, MOST_NODES * 2).await?;
    let told: Vec<Node> = found.into_iter().filter(|node| mcp.may_tell(node)).take(limit).collect();
    let mut nodes = Vec::new();
    for node in told {
        let connections = connections(mcp, node.id(), arguments.connections).await?;
        nodes.push(view(&node, connections));
    }
    let answer = Nodes { nodes };
    let text = in_words(&answer);
    Answer::new(&answer, text)
}

impl Mcp {
    /// People marked as personal data are told of only when the owner allows it.
    fn may_tell(&self, node: &Node) -> bool {
        self.personal_data || !matches!(node, Node::Person { pii: true, .. })
    }
}

/// What a node is connected with now.
async fn connections(mcp: &Mcp, id: Uuid, limit: u32) -> Result<Vec<Connection>, Refusal> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let around = mcp.graph.neighbourhood(id, limit).await?;
    let others: HashMap<Uuid, &Node> =
        around.nodes.iter().filter(|node| mcp.may_tell(node)).map(|node| (node.id(), node)).collect();
    let true_now = around.edges.iter().filter(|edge| edge.invalid_at.is_none() && (edge.from == id || edge.to == id));
    let mut connections: Vec<Connection> = true_now
        .filter_map(|edge| {
            let other = others.get(if edge.from == id { &edge.to } else { &edge.from })?;
            let (kind, name) = (kind_of(other), one_line(name_of(other)));
            let (relation, since) = (relation(edge, edge.from == id), moment(edge.valid_at));
            Some(Connection { relation, id: other.id().to_string(), kind, name, since })
        })
        .collect();
    connections.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(connections)
}

fn view(node: &Node, connections: Vec<Connection>) -> NodeView {
    let (email, uri, source) = match node {
        Node::Person { email, .. } => (email.clone(), None, None),
        Node::Document { id, source_path, .. } => (None, Some(address(DocumentId(id.0))), Some(source_path.clone())),
        Node::Concept { .. } => (None, None, None),
    };
    NodeView {
        id: node.id().to_string(),
        kind: kind_of(node),
        name: one_line(name_of(node)),
        email: email.as_deref().map(one_line),
        uri,
        source: source.as_deref().map(one_line),
        connections,
    }
}

fn kind_of(node: &Node) -> &'static str {
    match node.label() {
        NodeLabel::Person => "person",
        NodeLabel::Document => "document",
        NodeLabel::Concept => "concept",
    }
}

fn name_of(node: &Node) -> &str {
    match node {
        Node::Person { display_name: name, .. }
        | Node::Document { title: name, .. }
        | Node::Concept { label: name, .. } => name,
    }
}

/// An edge as seen from one of its ends.
fn relation(edge: &Edge, outwards: bool) -> &'static str {
    match (edge.kind, outwards) {
        (EdgeKind::Sent, true) => "sent",
        (EdgeKind::Sent, false) => "sent by",
        (EdgeKind::Received, true) => "received by",
        (EdgeKind::Received, false) => "received",
        (EdgeKind::RepliesTo, true) => "answers",
        (EdgeKind::RepliesTo, false) => "answered by",
        (EdgeKind::Mentions, true) => "mentions",
        (EdgeKind::Mentions, false) => "mentioned in",
        (EdgeKind::Contains, true) => "is about",
        (EdgeKind::Contains, false) => "subject of",
        (EdgeKind::LinksTo, true) => "links to",
        (EdgeKind::LinksTo, false) => "linked from",
    }
}

fn in_words(answer: &Nodes) -> String {
    if answer.nodes.is_empty() {
        return "Nothing has such a name. Part of a name is enough; search_facts looks into texts.".to_owned();
    }
    let mut text = String::new();
    for node in &answer.nodes {
        let email = node.email.as_deref().unwrap_or_default();
        let about =
            [node.kind, email, node.source.as_deref().unwrap_or_default(), node.uri.as_deref().unwrap_or_default()];
        let _ = writeln!(text, "{} ({})", node.name, join(&about, ", "));
        for other in &node.connections {
            let _ =
                writeln!(text, "  {} {} {} ({})", other.relation, other.kind, other.name, day(other.since.as_ref()));
        }
    }
    text
}
