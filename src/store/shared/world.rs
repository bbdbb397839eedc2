//! Documents and what they say, in memory, and the nodes and edges that follow. Pure.
//!
//! Filled by the adapters' `project`, which reads a few documents and their surroundings, or everything.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, Edge, EdgeKind, GraphDump, Node};
use crate::domain::{
    DocumentId, DocumentLinks, Link, LinkKind, LinkedDocument, OutgoingLink, PersonRole, SourceType, Timestamp,
};

use super::names::{Candidate, Resolution, resolve};

/// A document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Row number.
    pub(crate) seq: i64,
    /// Its id.
    pub(crate) id: DocumentId,
    /// Its title.
    pub(crate) title: String,
    /// Its path.
    pub(crate) source_path: String,
    /// Its kind.
    pub(crate) source_type: SourceType,
    /// Its own date.
    pub(crate) dated_at: Option<Timestamp>,
    /// When it was taken in.
    pub(crate) ingested_at: Timestamp,
    /// Whether it is not deleted.
    pub(crate) live: bool,
    /// Message-IDs it names, the best to answer last.
    pub(crate) answers: Vec<String>,
}

impl Document {
    fn node(&self) -> Node {
        Node::Document {
            id: self.id,
            title: self.title.clone(),
            source_path: self.source_path.clone(),
            source_type: self.source_type,
            ingested_at: self.ingested_at,
        }
    }

    fn linked(&self) -> LinkedDocument {
        LinkedDocument { id: self.id, title: self.title.clone(), source_path: self.source_path.clone() }
    }

    /// Since when its edges are true.
    fn valid_at(&self) -> Timestamp {
        self.dated_at.unwrap_or(self.ingested_at)
    }
}

/// A link that may lead to a document.
#[derive(Clone, Debug)]
pub(crate) struct OutLink {
    /// How it was written.
    pub(crate) kind: LinkKind,
    /// As written.
    pub(crate) target: String,
    /// The name it looks for.
    pub(crate) target_name: String,
    /// What it stands for when unresolved.
    pub(crate) concept: Option<i64>,
}

/// What was loaded. Everything is by row number.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// Documents, retired ones among them.
    pub(crate) documents: HashMap<i64, Document>,
    /// The same, by id.
    pub(crate) by_id: HashMap<DocumentId, i64>,
    /// Live documents by Message-ID; of several with one id the first taken in, which is the one that answers lead to.
    pub(crate) by_message: HashMap<String, i64>,
    /// Live documents by name.
    pub(crate) by_name: HashMap<String, Vec<i64>>,
    /// Links of documents.
    pub(crate) links: HashMap<i64, Vec<OutLink>>,
    /// People of documents.
    pub(crate) people: HashMap<i64, Vec<(PersonRole, i64)>>,
    /// Person nodes.
    pub(crate) persons: HashMap<i64, Node>,
    /// Concepts documents contain.
    pub(crate) contains: HashMap<i64, Vec<i64>>,
    /// Concept nodes.
    pub(crate) concepts: HashMap<i64, Node>,
    /// Live documents that may link to or answer a document, by that document.
    pub(crate) pointing: HashMap<i64, BTreeSet<i64>>,
}

/// Nodes and edges, each once.
#[derive(Default)]
struct Collected {
    nodes: BTreeMap<Uuid, Node>,
    edges: BTreeSet<Edge>,
}

impl Collected {
    fn edge(&mut self, from: &Node, kind: EdgeKind, to: &Node, field: &str, valid_at: Timestamp) {
        let edge = Edge { from: from.id(), kind, to: to.id(), field: field.to_owned(), valid_at, invalid_at: None };
        self.edges.insert(edge);
        self.nodes.entry(from.id()).or_insert_with(|| from.clone());
        self.nodes.entry(to.id()).or_insert_with(|| to.clone());
    }
}

impl World {
    /// Takes note of a live document's Message-ID.
    pub(crate) fn hold_message(&mut self, message_id: String, seq: i64) {
        let held = self.by_message.entry(message_id).or_insert(seq);
        *held = (*held).min(seq);
    }

    /// What the graph must say about one document.
    pub(crate) fn projection(&self, id: DocumentId, now: Timestamp) -> DocumentProjection {
        let Some(document) = self.by_id.get(&id).and_then(|seq| self.documents.get(seq)) else {
            return DocumentProjection { id, nodes: Vec::new(), edges: Vec::new(), deleted: true, at: now };
        };
        let mut collected = Collected::default();
        let own = document.node();
        if document.live {
            self.say(document, &mut collected);
            for other in self.pointing.get(&document.seq).into_iter().flatten() {
                if let Some(other) = self.documents.get(other).filter(|other| other.live && other.seq != document.seq) {
                    self.point(other, Some(document.seq), &mut collected);
                }
            }
        } else {
            // Nothing is true of it any more, but the people and concepts it names may have changed with it.
            let people = self.people.get(&document.seq).into_iter().flatten();
            let concepts = self.contains.get(&document.seq).into_iter().flatten();
            let named = people
                .filter_map(|(_, person)| self.persons.get(person))
                .chain(concepts.filter_map(|concept| self.concepts.get(concept)));
            for node in named {
                collected.nodes.insert(node.id(), node.clone());
            }
        }
        collected.nodes.remove(&id.0);
        let nodes = std::iter::once(own).chain(collected.nodes.into_values()).collect();
        let edges = collected.edges.into_iter().collect();
        DocumentProjection { id, nodes, edges, deleted: !document.live, at: now }
    }

    /// How one document is linked with others, by the rules of the graph.
    pub(crate) fn links_of(&self, id: DocumentId) -> DocumentLinks {
        let Some(own) = self.by_id.get(&id).and_then(|seq| self.documents.get(seq)) else {
            return DocumentLinks::default();
        };
        let leads_to = |document: &Document, link: &OutLink| match self.resolve(document, link) {
            Resolution::Document(seq) => self.documents.get(&seq),
            Resolution::Nothing | Resolution::Itself => None,
        };
        let links = |seq: i64| self.links.get(&seq).into_iter().flatten();
        let out = links(own.seq).map(|link| OutgoingLink {
            link: Link { kind: link.kind, target: link.target.clone() },
            to: leads_to(own, link).map(Document::linked),
        });
        let pointing = self.pointing.get(&own.seq).into_iter().flatten().filter_map(|seq| self.documents.get(seq));
        let pointing = pointing.filter(|other| {
            let is_other = other.live && other.seq != own.seq;
            is_other && links(other.seq).any(|link| leads_to(other, link).is_some_and(|end| end.seq == own.seq))
        });
        let mut links = DocumentLinks { out: out.collect(), into: pointing.map(Document::linked).collect() };
        links.into.sort_by(|a, b| (&a.title, &a.source_path).cmp(&(&b.title, &b.source_path)));
        links
    }

    /// The graph of everything that was loaded.
    pub(crate) fn whole(&self) -> GraphDump {
        let mut collected = Collected::default();
        for document in self.documents.values().filter(|document| document.live) {
            collected.nodes.insert(document.id.0, document.node());
            self.say(document, &mut collected);
        }
        let mut nodes: Vec<Node> = collected.nodes.into_values().collect();
        nodes.sort_unstable();
        GraphDump { nodes, edges: collected.edges.into_iter().collect() }
    }

    /// Everything a live document says.
    fn say(&self, document: &Document, collected: &mut Collected) {
        let own = document.node();
        let valid_at = document.valid_at();
        for (role, person) in self.people.get(&document.seq).into_iter().flatten() {
            let Some(person) = self.persons.get(person) else { continue };
            match role {
                PersonRole::From | PersonRole::Author => collected.edge(person, EdgeKind::Sent, &own, "", valid_at),
                PersonRole::To | PersonRole::Cc | PersonRole::Bcc => {
                    collected.edge(&own, EdgeKind::Received, person, role.as_str(), valid_at);
                }
                PersonRole::Mentioned => collected.edge(&own, EdgeKind::Mentions, person, "", valid_at),
            }
        }
        for concept in self.contains.get(&document.seq).into_iter().flatten() {
            if let Some(concept) = self.concepts.get(concept) {
                collected.edge(&own, EdgeKind::Contains, concept, "", valid_at);
            }
        }
        self.point(document, None, collected);
    }

    /// The answer and the links of a live document; only those that end at `only`, if given.
    fn point(&self, document: &Document, only: Option<i64>, collected: &mut Collected) {
        let own = document.node();
        let valid_at = document.valid_at();
        let wanted = |seq: i64| only.is_none_or(|only| only == seq);
        let parent =
            document.answers.iter().rev().filter_map(|id| self.by_message.get(id)).find(|seq| **seq != document.seq);
        if let Some(parent) = parent.filter(|seq| wanted(**seq)).and_then(|seq| self.documents.get(seq)) {
            collected.edge(&own, EdgeKind::RepliesTo, &parent.node(), "", valid_at);
        }
        for link in self.links.get(&document.seq).into_iter().flatten() {
            match self.resolve(document, link) {
                Resolution::Document(seq) if wanted(seq) => {
                    if let Some(target) = self.documents.get(&seq) {
                        collected.edge(&own, EdgeKind::LinksTo, &target.node(), "", valid_at);
                    }
                }
                Resolution::Nothing if only.is_none() => {
                    if let Some(concept) = link.concept.and_then(|concept| self.concepts.get(&concept)) {
                        collected.edge(&own, EdgeKind::Contains, concept, "", valid_at);
                    }
                }
                Resolution::Document(_) | Resolution::Nothing | Resolution::Itself => {}
            }
        }
    }

    fn resolve(&self, document: &Document, link: &OutLink) -> Resolution {
        let candidates = self.by_name.get(&link.target_name).into_iter().flatten();
        let candidates = candidates.filter_map(|seq| self.documents.get(seq)).map(candidate);
        resolve(link.kind, &link.target, candidate(document), candidates)
    }
}

fn candidate(document: &Document) -> Candidate<'_> {
    Candidate { seq: document.seq, id: document.id, path: &document.source_path }
}
