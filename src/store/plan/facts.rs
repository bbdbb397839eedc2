//! What documents say beside their text: people, concepts, links and references, gathered for writing.
//!
//! Called by the adapters' `documents::facts`.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::domain::{LinkKind, NewDocument, PersonRole, concept_id};
use crate::store::shared::links::message_hash;
use crate::store::shared::names::{target_name, wikilink_label};

use super::commit::Writing;

/// A person as the documents of a commit speak of them.
#[derive(Debug)]
pub(crate) struct Mentioned {
    /// Normalised address.
    pub(crate) email: Option<String>,
    /// The best name met.
    pub(crate) name: String,
}

/// Whether `offered` is better to show than `known`: the longer one is, the known one when equal. An address stands in
/// only until a name is known.
pub(crate) fn better_name(known: &str, offered: &str, email: Option<&str>) -> bool {
    let is_stand_in = email == Some(known);
    let offered_is_stand_in = email == Some(offered);
    !offered.is_empty()
        && !offered_is_stand_in
        && (is_stand_in || known.is_empty() || offered.chars().count() > known.chars().count())
}

/// A document naming a person: document, person, role, and the name it writes.
pub(crate) type Naming<'a> = (i64, Uuid, PersonRole, Option<&'a str>);

/// The people of a commit, and which document names whom in which role, each once.
pub(crate) fn people<'a>(writings: &[Writing<'a>]) -> (BTreeMap<Uuid, Mentioned>, Vec<Naming<'a>>) {
    let mut mentioned: BTreeMap<Uuid, Mentioned> = BTreeMap::new();
    let mut roles: Vec<Naming<'a>> = Vec::new();
    for writing in writings {
        let mut met: HashMap<(Uuid, PersonRole), usize> = HashMap::new();
        for mention in &writing.document.people {
            let Some(id) = mention.person_id() else { continue };
            let name = mention.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
            let email =
                mention.email.as_deref().map(|email| email.trim().to_lowercase()).filter(|email| !email.is_empty());
            let shown = name.map_or_else(|| email.clone().unwrap_or_default(), str::to_owned);
            let person =
                mentioned.entry(id.0).or_insert_with(|| Mentioned { email: email.clone(), name: shown.clone() });
            if better_name(&person.name, &shown, person.email.as_deref()) {
                person.name = shown;
            }
            match met.entry((id.0, mention.role)) {
                Entry::Vacant(entry) => {
                    entry.insert(roles.len());
                    roles.push((writing.slot.seq, id.0, mention.role, name));
                }
                Entry::Occupied(entry) => {
                    if let Some(row) = roles.get_mut(*entry.get())
                        && row.3.is_none()
                    {
                        row.3 = name;
                    }
                }
            }
        }
    }
    (mentioned, roles)
}

/// Concepts a document contains whatever its links lead to: its labels without those that only repeat a wikilink
/// (a wikilink is a concept only while no document answers to it).
fn own_concepts(document: &NewDocument) -> impl Iterator<Item = &str> {
    let tags: HashSet<String> = document.tags.iter().map(|tag| tag.to_lowercase()).collect();
    let mut linked: HashSet<String> = HashSet::new();
    for link in document.links.iter().filter(|link| link.kind == LinkKind::Wikilink) {
        linked.insert(link.target.trim().to_lowercase());
        linked.extend(wikilink_label(&link.target).map(str::to_lowercase));
        linked.extend(target_name(link.kind, &link.target, &document.source_path));
    }
    document.concepts.iter().map(|label| label.trim()).filter(move |label| {
        let folded = label.to_lowercase();
        !folded.is_empty() && (tags.contains(&folded) || !linked.contains(&folded))
    })
}

/// A row of `document_link`.
#[derive(Debug)]
pub(crate) struct LinkRow<'a> {
    /// Who links.
    pub(crate) document_seq: i64,
    /// How.
    pub(crate) kind: LinkKind,
    /// To what, as written.
    pub(crate) target: &'a str,
    /// The name it looks for.
    pub(crate) target_name: Option<String>,
    /// The concept an unresolved wikilink stands for.
    pub(crate) concept: Option<Uuid>,
}

/// Concepts and links of a commit.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    /// Every concept named, in the order met, so that the spelling first seen is the one kept.
    pub(crate) labels: Vec<(Uuid, &'a str)>,
    /// Which document contains which concept.
    pub(crate) contains: Vec<(i64, Uuid)>,
    /// Links, each document's in its order.
    pub(crate) links: Vec<LinkRow<'a>>,
}

/// Gathers the concepts and links of a commit, each of a document once.
pub(crate) fn concepts_and_links<'a>(writings: &[Writing<'a>]) -> Said<'a> {
    let mut said = Said::default();
    let mut known: HashSet<Uuid> = HashSet::new();
    for writing in writings {
        let document = writing.document;
        let mut contained: HashSet<Uuid> = HashSet::new();
        for label in own_concepts(document) {
            let id = concept_id(label);
            if contained.insert(id) {
                said.contains.push((writing.slot.seq, id));
            }
            if known.insert(id) {
                said.labels.push((id, label));
            }
        }
        let mut linked: HashSet<(LinkKind, &str)> = HashSet::new();
        for link in &document.links {
            let concept = match link.kind {
                LinkKind::Wikilink => wikilink_label(&link.target),
                LinkKind::File | LinkKind::Url => None,
            };
            if let Some(label) = concept
                && known.insert(concept_id(label))
            {
                said.labels.push((concept_id(label), label));
            }
            if linked.insert((link.kind, link.target.as_str())) {
                said.links.push(LinkRow {
                    document_seq: writing.slot.seq,
                    kind: link.kind,
                    target: &link.target,
                    target_name: target_name(link.kind, &link.target, &document.source_path),
                    concept: concept.map(concept_id),
                });
            }
        }
    }
    said
}

/// Which messages the mails of a commit name: hash of the Message-ID, and document; each once.
pub(crate) fn references(writings: &[Writing<'_>]) -> Vec<(i64, i64)> {
    let mut rows: Vec<(i64, i64)> = Vec::new();
    for writing in writings {
        let Some(message) = &writing.document.message else { continue };
        let named = message.references.iter().chain(&message.in_reply_to);
        rows.extend(named.map(|id| (message_hash(id), writing.slot.seq)));
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}
