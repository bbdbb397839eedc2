//! `GraphStore`, and that the outbox carries every change of the graph.

use std::collections::BTreeSet;

use peanut::domain::graph::{Edge, EdgeKind, Node, NodeLabel};
use peanut::domain::names::NameQuery;
use peanut::domain::{DocumentId, DocumentLinks, NewDocument, PersonId, PersonRole, Timestamp, concept_id};
use peanut::store::{CommitBatch, DocumentStore, GraphStore, OutboxStore, RetireReason};
use uuid::Uuid;

use crate::build::{
    LEASE, NOW, after, assert_graph_matches, assert_sound, batch, commit, deliver, drain, file, file_link, mail,
    person, wikilink,
};
use crate::harness::{Backend, Harness};

fn edge(from: Uuid, kind: EdgeKind, to: Uuid, valid_at: Timestamp) -> Edge {
    Edge { from, kind, to, field: String::new(), valid_at, invalid_at: None }
}

fn linking(path: &str, links: &[&str]) -> NewDocument {
    let mut document = file(path, &format!("text of {path}"));
    document.links = links.iter().map(|target| wikilink(target)).collect();
    document
}

fn answering(id: &str, to: Option<&str>, references: &[&str]) -> NewDocument {
    let mut message = mail(
        "/a.mbox",
        u64::from(id.bytes().fold(0_u32, |sum, byte| sum * 31 + u32::from(byte))),
        id,
        &format!("text of {id}"),
    );
    if let Some(meta) = &mut message.message {
        meta.in_reply_to = to.map(str::to_owned);
        meta.references = references.iter().map(|id| (*id).to_owned()).collect();
    }
    message
}

/// True edges of one kind in the graph tables.
async fn edges(store: &impl Backend, kind: EdgeKind) -> BTreeSet<(Uuid, Uuid)> {
    let dump = store.graph_table_dump().await.expect("dump");
    dump.edges.iter().filter(|edge| edge.kind == kind).map(|edge| (edge.from, edge.to)).collect()
}

pub(crate) async fn projections_say_what_documents_say<H: Harness>(harness: H) {
    let store = harness.store();
    let mut message = answering("m", None, &[]);
    message.people = vec![
        person("ann@example.org", Some("Ann"), PersonRole::From),
        person("bob@example.org", None, PersonRole::To),
        person("bob@example.org", None, PersonRole::Cc),
    ];
    message.concepts = vec!["Budget".into()];
    let mut note = linking("/n.md", &["Nobody", "n"]);
    note.dated_at = None;
    note.concepts = vec!["budget".into(), "Nobody".into()];
    note.people = vec![person("ann@example.org", None, PersonRole::Author)];
    commit(store, vec![message.clone(), note.clone()]).await;
    let projections = store.project(&[message.id, note.id], after(1)).await.expect("project");
    let ann = PersonId::from_email("ann@example.org").0;
    let bob = PersonId::from_email("bob@example.org").0;
    assert_eq!((projections[0].id, projections[0].at), (message.id, after(1)));
    let received = |field: &str| Edge { field: field.into(), ..edge(message.id.0, EdgeKind::Received, bob, NOW) };
    let mut expected = vec![
        edge(ann, EdgeKind::Sent, message.id.0, NOW),
        received("to"),
        received("cc"),
        edge(message.id.0, EdgeKind::Contains, concept_id("budget"), NOW),
    ];
    expected.sort();
    assert_eq!(projections[0].edges, expected);
    assert_eq!(projections[0].nodes.len(), 4);
    // Undated: true since it was taken in. The link to itself says nothing; the one to nobody is a concept, once.
    let mut expected = vec![
        edge(ann, EdgeKind::Sent, note.id.0, NOW),
        edge(note.id.0, EdgeKind::Contains, concept_id("BUDGET "), NOW),
        edge(note.id.0, EdgeKind::Contains, concept_id("nobody"), NOW),
    ];
    expected.sort();
    assert_eq!(projections[1].edges, expected);
    let label = projections[1].nodes.iter().find_map(|node| match node {
        Node::Concept { id, label } if *id == concept_id("budget") => Some(label.as_str()),
        _ => None,
    });
    assert_eq!(label, Some("Budget"), "the first spelling is kept");
    assert_graph_matches(store, NOW).await;
    assert_sound(store).await;
}

pub(crate) async fn links_find_documents_by_path_stem_title_and_alias<H: Harness>(harness: H) {
    let store = harness.store();
    let mut target = file("/v/sub/Target Note.md", "target");
    target.title = "A Title".into();
    target.aliases = vec!["Other Name".into()];
    let mut source = file("/v/source.md", "source");
    let good = [
        wikilink("target note"),
        wikilink("A title"),
        wikilink("OTHER NAME"),
        wikilink("sub/Target Note"),
        wikilink("Target Note.md"),
        file_link("sub/Target%20Note.md"),
        file_link("./sub/../sub/Target Note"),
        file_link("/v/sub/Target Note.md"),
    ];
    let bad = [
        wikilink("else/Target Note"),
        file_link("Target Note.md"),
        wikilink("Target Note.pdf"),
        file_link("sub/Target Note.html"),
    ];
    commit(store, vec![target.clone()]).await;
    for link in good {
        source.links = vec![link.clone()];
        source.content_sha256[0] ^= 1;
        commit(store, vec![source.clone()]).await;
        drain(store, NOW).await;
        assert_eq!(edges(store, EdgeKind::LinksTo).await, BTreeSet::from([(source.id.0, target.id.0)]), "{link:?}");
    }
    for link in bad {
        source.links = vec![link.clone()];
        source.content_sha256[0] ^= 1;
        commit(store, vec![source.clone()]).await;
        drain(store, NOW).await;
        assert_eq!(edges(store, EdgeKind::LinksTo).await, BTreeSet::new(), "{link:?}");
    }
    assert_graph_matches(store, NOW).await;
}

pub(crate) async fn links_prefer_the_same_folder_then_the_shortest_path<H: Harness>(harness: H) {
    let store = harness.store();
    let far = file("/v/archive/deep/Note.md", "far");
    let near = file("/v/Note.md", "near");
    let same = file("/v/work/Note.md", "same");
    let source = linking("/v/work/source.md", &["Note"]);
    let outside = linking("/v/other/source.md", &["Note"]);
    commit(store, vec![source.clone(), outside.clone()]).await;
    let links = async |store: &H::Store| {
        drain(store, NOW).await;
        edges(store, EdgeKind::LinksTo).await
    };
    assert_eq!(links(store).await, BTreeSet::new());
    commit(store, vec![far.clone()]).await;
    assert_eq!(links(store).await, BTreeSet::from([(source.id.0, far.id.0), (outside.id.0, far.id.0)]));
    commit(store, vec![near.clone()]).await;
    assert_eq!(links(store).await, BTreeSet::from([(source.id.0, near.id.0), (outside.id.0, near.id.0)]));
    commit(store, vec![same.clone()]).await;
    assert_eq!(links(store).await, BTreeSet::from([(source.id.0, same.id.0), (outside.id.0, near.id.0)]));
    store.retire_file("/v/work/Note.md", after(1)).await.expect("retire");
    assert_eq!(links(store).await, BTreeSet::from([(source.id.0, near.id.0), (outside.id.0, near.id.0)]));
    assert_graph_matches(store, after(1)).await;
}

pub(crate) async fn late_targets_turn_concepts_into_links<H: Harness>(harness: H) {
    let store = harness.store();
    let source = linking("/v/source.md", &["Later"]);
    commit(store, vec![source.clone()]).await;
    drain(store, NOW).await;
    let concept = (source.id.0, concept_id("later"));
    assert_eq!(edges(store, EdgeKind::Contains).await, BTreeSet::from([concept]));
    let target = file("/v/Later.md", "here");
    let report = commit(store, vec![target.clone()]).await;
    assert_eq!(report.events, 2, "the linking document has an event too");
    drain(store, NOW).await;
    assert_eq!(edges(store, EdgeKind::Contains).await, BTreeSet::new());
    assert_eq!(edges(store, EdgeKind::LinksTo).await, BTreeSet::from([(source.id.0, target.id.0)]));
    store.retire(&[target.id], RetireReason::Deleted, after(1)).await.expect("retire");
    assert_graph_matches(store, after(1)).await;
    assert_eq!(edges(store, EdgeKind::Contains).await, BTreeSet::from([concept]));
    store.restore(&[target.id], after(2)).await.expect("restore");
    assert_graph_matches(store, after(2)).await;
    assert_eq!(edges(store, EdgeKind::LinksTo).await, BTreeSet::from([(source.id.0, target.id.0)]));
}

pub(crate) async fn late_parents_and_better_parents_are_found<H: Harness>(harness: H) {
    let store = harness.store();
    let reply = answering("reply", Some("parent"), &["root", "middle", "parent"]);
    commit(store, vec![reply.clone()]).await;
    drain(store, NOW).await;
    let id = |name: &str| answering(name, None, &[]).id.0;
    for (arrives, answered) in [("root", "root"), ("parent", "parent"), ("middle", "parent")] {
        commit(store, vec![answering(arrives, None, &[])]).await;
        drain(store, NOW).await;
        assert_eq!(edges(store, EdgeKind::RepliesTo).await, BTreeSet::from([(reply.id.0, id(answered))]), "{arrives}");
    }
    store.retire(&[DocumentId(id("parent"))], RetireReason::Deleted, after(1)).await.expect("retire");
    assert_graph_matches(store, after(1)).await;
    assert_eq!(edges(store, EdgeKind::RepliesTo).await, BTreeSet::from([(reply.id.0, id("middle"))]));
}

pub(crate) async fn deleted_documents_lose_their_edges<H: Harness>(harness: H) {
    let store = harness.store();
    let document = linking("/a.md", &["X"]);
    let bare = file("/bare.md", "no edges");
    commit(store, vec![document.clone(), bare.clone()]).await;
    drain(store, NOW).await;
    assert_eq!(store.graph_table_counts().await.expect("counts").documents, 2);
    store.retire(&[document.id, bare.id], RetireReason::FileGone, after(5)).await.expect("retire");
    drain(store, after(6)).await;
    let dump = store.graph_table_dump().await.expect("dump");
    assert_eq!((dump.nodes.len(), dump.edges.len()), (0, 0));
    // History stays: the edge tells when it stopped being true.
    let around = store.graph_table_neighbourhood(document.id.0, 10).await.expect("neighbourhood");
    assert_eq!(around.edges.len(), 1);
    assert_eq!(around.edges[0].invalid_at, Some(after(6)));
    assert_graph_matches(store, after(6)).await;
    assert_sound(store).await;
}

pub(crate) async fn unknown_documents_are_removed<H: Harness>(harness: H) {
    let store = harness.store();
    let document = linking("/a.md", &["X"]);
    commit(store, vec![document.clone()]).await;
    drain(store, NOW).await;
    let stranger = DocumentId::from_source_key("nobody");
    let mut projections = store.project(&[stranger, document.id], NOW).await.expect("project");
    assert_eq!((projections[0].id, projections[0].nodes.len(), projections[0].edges.len()), (stranger, 0, 0));
    assert_eq!(projections[1].id, document.id);
    store.apply_projections(&projections).await.expect("apply");
    // A document gone for good leaves no node and no edge.
    projections[1].nodes.clear();
    projections[1].edges.clear();
    store.apply_projections(&projections).await.expect("apply");
    let around = store.graph_table_neighbourhood(document.id.0, 10).await.expect("neighbourhood");
    assert!(around.nodes.is_empty() && around.edges.is_empty());
    store.clear_graph_tables().await.expect("clear");
    store.replay_documents(after(1)).await.expect("replay");
    assert_graph_matches(store, after(1)).await;
    assert_sound(store).await;
}

pub(crate) async fn neighbourhood_shows_true_edges_first<H: Harness>(harness: H) {
    let store = harness.store();
    let mut first = linking("/a.md", &["b", "Old"]);
    commit(store, vec![first.clone(), linking("/b.md", &["c"]), file("/c.md", "c")]).await;
    drain(store, NOW).await;
    first.links.pop();
    first.content_sha256[0] ^= 1;
    commit(store, vec![first.clone()]).await;
    drain(store, after(1)).await;
    let around = store.graph_table_neighbourhood(first.id.0, 10).await.expect("neighbourhood");
    assert_eq!(around.nodes[0].id(), first.id.0);
    assert_eq!(around.nodes.len(), 3);
    assert_eq!(around.edges.iter().map(|edge| edge.invalid_at).collect::<Vec<_>>(), [None, Some(after(1))]);
    assert_eq!(
        store.graph_table_neighbourhood(first.id.0, 1).await.expect("one").nodes[1].id(),
        file("/b.md", "").id.0
    );
    assert!(store.graph_table_neighbourhood(Uuid::nil(), 5).await.expect("nobody").nodes.is_empty());
}

pub(crate) async fn nodes_are_listed_in_pages<H: Harness>(harness: H) {
    let store = harness.store();
    let mut random = fastrand::Rng::with_seed(11);
    commit(store, (0..30).map(|_| random_file(&mut random)).collect()).await;
    let gone = commit_alone(store, linking("/gone.md", &["Only here"])).await;
    drain(store, NOW).await;
    store.retire(&[gone], RetireReason::Deleted, after(1)).await.expect("retire");
    drain(store, after(1)).await;
    let mut expected = store.graph_table_dump().await.expect("dump").nodes;
    expected.sort_unstable_by_key(Node::id);
    let mut listed = Vec::new();
    let mut last = None;
    loop {
        let page = store.graph_table_nodes(None, last, 7).await.expect("page");
        last = page.last().map(Node::id);
        listed.extend(page);
        if last.is_none() {
            break;
        }
    }
    assert_eq!(listed, expected);
    for label in [NodeLabel::Person, NodeLabel::Document, NodeLabel::Concept] {
        let own: Vec<Node> = expected.iter().filter(|node| node.label() == label).cloned().collect();
        assert_eq!(store.graph_table_nodes(Some(label), None, 100).await.expect("own"), own);
    }
}

pub(crate) async fn nodes_are_found_by_name<H: Harness>(harness: H) {
    let store = harness.store();
    let mut message = mail("/a.mbox", 0, "m", "hello");
    message.title = "ПЛАН müller".into();
    message.people = vec![
        person("ann@example.org", Some("Ann van Müller"), PersonRole::From),
        person("ann@example.org", None, PersonRole::Cc),
        person("joanna@example.org", None, PersonRole::To),
    ];
    message.concepts = vec!["Annual 100%".into()];
    let gone = file("/ann.md", "gone");
    commit(store, vec![message, gone.clone()]).await;
    drain(store, NOW).await;
    store.retire(&[gone.id], RetireReason::Deleted, after(1)).await.expect("retire");
    drain(store, after(1)).await;
    let find = async |text: &str, labels: &[NodeLabel], limit| {
        let query = NameQuery::new(text).expect("a query");
        let found = store.graph_table_find(&query, labels, limit).await.expect("find");
        found.iter().map(Node::label).collect::<Vec<NodeLabel>>()
    };
    assert_eq!(find("ann", &[], 9).await, [NodeLabel::Person, NodeLabel::Concept, NodeLabel::Person]);
    assert_eq!(find("ANN", &[], 1).await, [NodeLabel::Person]);
    assert_eq!(find("ann", &[NodeLabel::Concept], 9).await, [NodeLabel::Concept]);
    assert_eq!(find("MÜLLER", &[], 9).await, [NodeLabel::Document, NodeLabel::Person]);
    assert_eq!(find("план", &[], 9).await, [NodeLabel::Document]);
    assert_eq!(find("100%", &[], 9).await, [NodeLabel::Concept]);
    for nobody in ["a%n", "_", "zebra"] {
        assert_eq!(find(nobody, &[], 9).await, [], "{nobody}");
    }
}

async fn commit_alone(store: &impl Backend, document: NewDocument) -> DocumentId {
    let id = document.id;
    commit(store, vec![document]).await;
    id
}

/// A document with random links, people, names and concepts, so that few names are shared by many.
fn random_file(random: &mut fastrand::Rng) -> NewDocument {
    let folders = ["/v", "/v/a", "/v/a/b", "/w"];
    let names = ["One", "two", "Three", "four"];
    let path = format!("{}/{}.md", random.choice(folders).expect("any"), random.choice(names).expect("any"));
    let mut document = file(&path, &format!("text {}", random.u32(..40)));
    document.dated_at = random.bool().then(|| Timestamp(NOW.0 - random.i64(..5)));
    if random.bool() {
        (*random.choice(["One", "Title", "four"].iter()).expect("any")).clone_into(&mut document.title);
    }
    if random.u32(..3) == 0 {
        document.aliases = vec![(*random.choice(["two", "Alias"].iter()).expect("any")).to_owned()];
    }
    let targets = ["One", "TWO", "three", "Alias", "title", "a/One", "b/four", "Missing", "missing"];
    let links = ["One.md", "../One.md", "a/two.md", "four", "../w/Three.md"];
    document.links = (0..random.usize(..4))
        .map(|_| {
            if random.bool() {
                wikilink(random.choice(targets.iter()).expect("any"))
            } else {
                file_link(random.choice(links.iter()).expect("any"))
            }
        })
        .collect();
    document.links.sort();
    document.links.dedup();
    for tag in ["red", "Red", "missing", "one"] {
        if random.u32(..4) == 0 {
            document.concepts.push(tag.to_owned());
            if random.bool() {
                document.tags.push(tag.to_lowercase());
            }
        }
    }
    document.concepts.dedup_by_key(|label| label.to_lowercase());
    document.tags.sort();
    document.tags.dedup();
    if random.bool() {
        let name = *random.choice(["Ann", "Ann B.", "Ann Bea C."].iter()).expect("any");
        document.people.push(person("ann@example.org", Some(name), PersonRole::Author));
    }
    document
}

fn random_mail(random: &mut fastrand::Rng) -> NewDocument {
    let ids = ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"];
    let id = *random.choice(ids.iter()).expect("any");
    let to = random.bool().then(|| *random.choice(ids.iter()).expect("any"));
    let references: Vec<&str> = (0..random.usize(..4)).map(|_| *random.choice(ids.iter()).expect("any")).collect();
    let mut message = answering(id, to, &references);
    (*random.choice(["/a.mbox", "/b.mbox"].iter()).expect("any")).clone_into(&mut message.source_path);
    message.content_sha256[0] = random.u8(..3);
    let role = *random.choice([PersonRole::To, PersonRole::Cc].iter()).expect("any");
    message.people.push(person("bob@example.org", random.bool().then_some("Bob Bob"), role));
    message
}

/// Whatever happens, in whatever order: once the outbox is drained, the graph is what the documents imply.
pub(crate) async fn graph_converges_whatever_happens<H: Harness>(harness: H) {
    for seed in 0..6 {
        let mut random = fastrand::Rng::with_seed(seed);
        let store = harness.another().await;
        let mut held: Vec<DocumentId> = Vec::new();
        for step in 0..150_u64 {
            let now = after(seed * 1000 + step);
            random_step(&store, &mut random, &mut held, now).await;
            if random.u32(..12) == 0 {
                assert_graph_matches(&store, now).await;
            }
        }
        assert_graph_matches(&store, after(seed * 1000 + 900)).await;
        assert_links_are_those_of_the_graph(&store).await;
        assert_sound(&store).await;
    }
    // And the graph rebuilt from nothing is the same.
    let store = harness.store();
    let before = store.graph_table_dump().await.expect("dump");
    store.clear_graph_tables().await.expect("clear");
    store.replay_documents(after(9000)).await.expect("replay");
    assert_graph_matches(store, after(9000)).await;
    assert_eq!(store.graph_table_dump().await.expect("dump"), before);
}

/// What a reader is told of a document's links, there and back, is what the graph holds.
async fn assert_links_are_those_of_the_graph(store: &impl Backend) {
    let drawn = edges(store, EdgeKind::LinksTo).await;
    let nodes = store.graph_table_dump().await.expect("dump").nodes;
    let documents = nodes.iter().filter(|node| node.label() == NodeLabel::Document);
    let live: Vec<DocumentId> = documents.map(|node| DocumentId(node.id())).collect();
    let (mut there, mut back) = (BTreeSet::new(), BTreeSet::new());
    for id in &live {
        let links = store.links(*id).await.expect("links");
        there.extend(links.out.iter().filter_map(|link| Some((id.0, link.to.as_ref()?.id.0))));
        back.extend(links.into.iter().map(|from| (from.id.0, id.0)));
    }
    assert!(!drawn.is_empty(), "nothing would be shown by a graph without links");
    assert_eq!(there, drawn);
    assert_eq!(back, drawn);
    assert_eq!(store.links(DocumentId::from_source_key("nobody")).await.expect("links"), DocumentLinks::default());
}

async fn random_step(store: &impl Backend, random: &mut fastrand::Rng, held: &mut Vec<DocumentId>, now: Timestamp) {
    match random.u32(..10) {
        0..=3 => {
            let documents: Vec<NewDocument> = (0..random.usize(1..5))
                .map(|_| if random.u32(..3) == 0 { random_mail(random) } else { random_file(random) })
                .collect();
            let mut commit = CommitBatch { now, ..batch(documents) };
            if random.u32(..4) == 0
                && let Some(id) = random.choice(held.iter())
            {
                commit.moves = vec![(commit.documents[0].source_key.clone(), *id)];
            }
            held.extend(commit.documents.iter().map(|document| document.id));
            store.commit(&commit).await.expect("commit");
        }
        4 => {
            let reason = if random.bool() { RetireReason::Deleted } else { RetireReason::FileGone };
            let some: Vec<DocumentId> = held.iter().filter(|_| random.u32(..6) == 0).copied().collect();
            store.retire(&some, reason, now).await.expect("retire");
        }
        5 => {
            let some: Vec<DocumentId> = held.iter().filter(|_| random.u32(..3) == 0).copied().collect();
            store.restore(&some, now).await.expect("restore");
        }
        6 => {
            let path = *random.choice(["/a.mbox", "/b.mbox", "/v/One.md", "/v/a/two.md"].iter()).expect("any");
            store.retire_file(path, now).await.expect("retire file");
        }
        _ => {
            // A relay that delivers some, repeats some, and dies before marking others.
            let events = store.claim_events("relay", random.u32(1..8), LEASE, now).await.expect("claim");
            let ids: Vec<DocumentId> = events.iter().map(|event| DocumentId(event.entity_id)).collect();
            let events: Vec<_> = events.iter().map(|event| event.id).collect();
            match random.u32(..4) {
                0 => store.release_events(&events).await.expect("release"),
                1 => {
                    deliver(store, &ids, now).await;
                    store.release_events(&events).await.expect("release");
                }
                _ => {
                    deliver(store, &ids, now).await;
                    store.mark_processed(&events, now).await.expect("mark");
                }
            }
        }
    }
}
