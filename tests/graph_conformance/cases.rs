//! What every graph promises.

use peanut::domain::graph::{DocumentProjection, Edge, EdgeKind, Node, NodeLabel};
use peanut::domain::names::NameQuery;
use peanut::domain::{DocumentId, NewDocument, PersonRole, Timestamp};
use peanut::store::{CommitBatch, RetireReason};
use uuid::Uuid;

use crate::build::{LEASE, NOW, after, batch, file, mail, person, wikilink};
use crate::harness::World;

fn linking(path: &str, links: &[&str]) -> NewDocument {
    let mut document = file(path, &format!("text of {path}"));
    document.links = links.iter().map(|target| wikilink(target)).collect();
    document
}

fn changed(document: &NewDocument) -> NewDocument {
    let mut document = document.clone();
    document.content_sha256[0] ^= 1;
    document
}

async fn projections(world: &World, ids: &[DocumentId]) -> Vec<DocumentProjection> {
    world.store.project(ids, peanut::domain::Clock::now(&world.clock)).await.expect("project")
}

pub(crate) async fn says_what_documents_say(world: World) {
    let mut message = mail("/a.mbox", 0, "m", "hello");
    message.people.push(person("bob@example.org", None, PersonRole::To));
    message.people.push(person("bob@example.org", None, PersonRole::Cc));
    message.concepts = vec!["Budget".into()];
    let mut reply = mail("/a.mbox", 1, "r", "answer");
    reply.message.as_mut().expect("mail").in_reply_to = Some("m".into());
    world.commit(vec![message, reply, linking("/n.md", &["o", "Nobody"]), file("/o.md", "other")]).await;
    let compared = world.assert_equal().await;
    // Documents 4, persons 2, concepts 2; sent 2, received 2, replies 1, links 1, contains 2.
    assert_eq!((compared.nodes, compared.edges), (8, 8));
    for kind in [EdgeKind::Sent, EdgeKind::Received, EdgeKind::RepliesTo, EdgeKind::LinksTo, EdgeKind::Contains] {
        assert!(world.dump().await.edges.iter().any(|edge| edge.kind == kind), "{kind:?}");
    }
    assert!(!world.reader.ping().await.expect("ping").is_empty());
}

pub(crate) async fn replays_change_nothing(world: World) {
    world.commit(vec![linking("/a.md", &["b", "X"]), linking("/b.md", &["a"])]).await;
    world.assert_equal().await;
    let before = world.dump().await;
    for _ in 0..3 {
        world.store.replay_documents(NOW).await.expect("replay");
        assert_eq!(world.drain().await, 2);
    }
    assert_eq!(world.dump().await, before);
}

pub(crate) async fn stale_deliveries_converge(world: World) {
    let first = linking("/a.md", &["b", "Old"]);
    world.commit(vec![first.clone(), file("/b.md", "b")]).await;
    world.drain().await;
    let stale = projections(&world, &[first.id]).await;
    let mut second = changed(&first);
    second.links.clear();
    world.commit(vec![second]).await;
    // A relay that slept wakes up and writes what was true before; the event still waits and mends it.
    world.sink.apply(&stale).await.expect("apply");
    world.assert_equal().await;
    assert!(world.dump().await.edges.is_empty());
}

pub(crate) async fn later_projections_of_a_batch_win(world: World) {
    let (a, b) = (linking("/a.md", &["b"]), file("/b.md", "b"));
    world.commit(vec![a.clone(), b.clone()]).await;
    world.drain().await;
    let with = projections(&world, &[a.id, b.id]).await;
    let mut without = with.clone();
    for projection in &mut without {
        projection.edges.clear();
        projection.at = after(1);
    }
    let batches: [(Vec<DocumentProjection>, usize); 4] = [
        (vec![with[0].clone(), without[1].clone()], 0),
        (vec![without[0].clone(), with[1].clone()], 1),
        (vec![with[0].clone(), without[0].clone()], 0),
        (vec![without[1].clone(), with[0].clone(), with[1].clone()], 1),
    ];
    for (at, (projections, edges)) in batches.into_iter().enumerate() {
        world.sink.apply(&projections).await.expect("apply");
        assert_eq!(world.dump().await.edges.len(), edges, "batch {at}");
    }
}

pub(crate) async fn deleted_documents_keep_their_history(world: World) {
    let (document, bare) = (linking("/a.md", &["X"]), file("/bare.md", "no edges"));
    world.commit(vec![document.clone(), bare.clone()]).await;
    world.drain().await;
    assert_eq!(world.counts().await.documents, 2);
    world.store.retire(&[document.id, bare.id], RetireReason::FileGone, after(5)).await.expect("retire");
    world.at(after(6));
    world.assert_equal().await;
    let dump = world.dump().await;
    assert_eq!((dump.nodes.len(), dump.edges.len()), (0, 0));
    let around = world.reader.neighbourhood(document.id.0, 10).await.expect("neighbourhood");
    assert_eq!(around.edges.iter().map(|edge| edge.invalid_at).collect::<Vec<_>>(), [Some(after(6))]);
    world.store.restore(&[document.id, bare.id], after(7)).await.expect("restore");
    assert_eq!(world.assert_equal().await.nodes, 3);
}

pub(crate) async fn documents_gone_for_good_leave_nothing(world: World) {
    let document = linking("/a.md", &["X"]);
    world.commit(vec![document.clone()]).await;
    world.drain().await;
    let held = projections(&world, &[document.id]).await;
    let gone = DocumentProjection { nodes: Vec::new(), edges: Vec::new(), ..held[0].clone() };
    let stranger = DocumentProjection { id: DocumentId::from_source_key("nobody"), ..gone.clone() };
    world.sink.apply(&[stranger, gone.clone()]).await.expect("apply");
    let around = world.reader.neighbourhood(document.id.0, 10).await.expect("neighbourhood");
    assert!(around.nodes.is_empty() && around.edges.is_empty());
    // Gone and back within one batch: it is there, with its edges.
    world.sink.apply(&[gone, held[0].clone()]).await.expect("apply");
    assert_eq!(world.dump().await.edges.len(), 1);
    world.assert_equal().await;
}

pub(crate) async fn neighbours_over_true_edges_come_first(world: World) {
    let mut first = linking("/a.md", &["b", "Old"]);
    world.commit(vec![first.clone(), linking("/b.md", &["c"]), file("/c.md", "c")]).await;
    world.drain().await;
    first.links.pop();
    world.at(after(1));
    world.commit(vec![changed(&first)]).await;
    world.drain().await;
    let around = world.reader.neighbourhood(first.id.0, 10).await.expect("neighbourhood");
    assert_eq!(around.nodes[0].id(), first.id.0);
    assert_eq!(around.nodes.len(), 3);
    assert_eq!(around.edges.iter().map(|edge| edge.invalid_at).collect::<Vec<_>>(), [None, Some(after(1))]);
    let one = world.reader.neighbourhood(first.id.0, 1).await.expect("one");
    assert_eq!(one.nodes.iter().map(Node::id).collect::<Vec<_>>(), [first.id.0, file("/b.md", "").id.0]);
    assert!(world.reader.neighbourhood(Uuid::nil(), 5).await.expect("nobody").nodes.is_empty());
}

pub(crate) async fn odd_text_survives(world: World) {
    let mut document = file("/v/O'Brien \"quoted\" \\ back\nslash.md", "odd");
    document.title = "{id: 'x'}) DETACH DELETE n // $rows `tick` \u{1F95C} né \t \u{7f}".into();
    document.concepts = vec!["it's \\'".into(), "true".into(), "1".into(), "ünï".into()];
    let name = Some("Bobby \"'); MATCH (n) DELETE n; //");
    document.people.push(person("o'brien+tag@example.org", name, PersonRole::Author));
    world.commit(vec![document]).await;
    assert_eq!(world.assert_equal().await.nodes, 6);
}

pub(crate) async fn an_emptied_graph_is_written_anew(world: World) {
    world.commit(vec![linking("/a.md", &["b", "X"]), file("/b.md", "b")]).await;
    world.assert_equal().await;
    let before = world.dump().await;
    peanut::graph::rebuild::rebuild(&world.store, world.sink.as_ref(), NOW).await.expect("rebuild");
    assert_eq!(world.counts().await.documents, 0);
    world.assert_equal().await;
    assert_eq!(world.dump().await, before);
}

pub(crate) async fn counts_are_those_of_the_whole(world: World) {
    for step in 0..10 {
        let mut random = fastrand::Rng::with_seed(step);
        let documents = (0..5).map(|_| random_document(&mut random)).collect();
        world.commit_batch(CommitBatch { now: after(step), ..batch(documents) }).await;
        world.assert_equal().await;
    }
    let (counts, dump) = (world.counts().await, world.dump().await);
    assert_eq!(counts.edges, dump.edges.len() as u64);
    assert_eq!(counts.persons + counts.documents + counts.concepts, dump.nodes.len() as u64);
}

/// Few names and few targets, so that much is shared.
fn random_document(random: &mut fastrand::Rng) -> NewDocument {
    let mut pick = |from: &[&str]| (*random.choice(from).expect("any")).to_owned();
    let (folder, name) = (pick(&["/v", "/v/a", "/w"]), pick(&["One", "two", "Three", "four"]));
    let target = pick(&["One", "TWO", "three", "Missing", "a/One", "title"]);
    let (label, sender) = (pick(&["red", "Red", "missing"]), pick(&["ann@example.org", "bob@example.org"]));
    let (id, parent) = (pick(&["m0", "m1", "m2", "m3"]), pick(&["m0", "m1", "m2", "m3"]));
    let mut document = if random.u32(..3) == 0 {
        let mut message = mail("/a.mbox", u64::from(id.as_bytes()[1]), &id, &format!("{}", random.u32(..4)));
        message.message.as_mut().expect("mail").in_reply_to = random.bool().then_some(parent);
        message.people.push(person("bob@example.org", None, PersonRole::To));
        message
    } else {
        let mut note = linking(&format!("{folder}/{name}.md"), &[&target]);
        note.people.push(person(&sender, random.bool().then_some("Some Name"), PersonRole::Author));
        note.content_sha256[0] = random.u8(..40);
        note
    };
    document.dated_at = random.bool().then(|| Timestamp(NOW.0 - random.i64(..5)));
    if random.bool() {
        document.concepts.push(label);
    }
    document
}

pub(crate) async fn random_work_converges(world: World) {
    let mut held: Vec<DocumentId> = Vec::new();
    for step in 0..120_u64 {
        let mut random = fastrand::Rng::with_seed(step);
        let now = after(step);
        world.at(now);
        let some = |random: &mut fastrand::Rng, one_in: u32| -> Vec<DocumentId> {
            held.iter().filter(|_| random.u32(..one_in) == 0).copied().collect()
        };
        match random.u32(..8) {
            0..=2 => {
                let documents: Vec<_> = (0..random.usize(1..5)).map(|_| random_document(&mut random)).collect();
                held.extend(documents.iter().map(|document| document.id));
                world.commit_batch(CommitBatch { now, ..batch(documents) }).await;
            }
            3 => {
                let some = some(&mut random, 5);
                world.store.retire(&some, RetireReason::Deleted, now).await.expect("retire");
            }
            4 => {
                let some = some(&mut random, 3);
                world.store.restore(&some, now).await.expect("restore");
            }
            _ => {
                // A relay that delivers some, repeats some, and dies before marking others.
                let events = world.store.claim_events("other", random.u32(1..8), LEASE, now).await.expect("claim");
                let ids: Vec<DocumentId> = events.iter().map(|event| DocumentId(event.entity_id)).collect();
                let events: Vec<_> = events.iter().map(|event| event.id).collect();
                peanut::graph::rebuild::ensure(&world.store, world.sink.as_ref(), now).await.expect("ensure");
                world.sink.apply(&projections(&world, &ids).await).await.expect("apply");
                if random.bool() {
                    world.store.release_events(&events).await.expect("release");
                } else {
                    world.store.mark_processed(&events, now).await.expect("mark");
                }
            }
        }
        if random.u32(..12) == 0 {
            world.assert_equal().await;
        }
    }
    let compared = world.assert_equal().await;
    assert!(compared.edges > 10, "{}", compared.summary());
    assert!(world.dump().await.edges.iter().all(|Edge { invalid_at, .. }| invalid_at.is_none()));
}

pub(crate) async fn nodes_are_found_by_name(world: World) {
    let mut message = mail("/a.mbox", 0, "m", "hello");
    message.title = "Budget 100% of Müller's".into();
    message.people = vec![
        person("ann@example.org", Some("Ann van Müller"), PersonRole::From),
        person("joanna@example.org", Some("Joanna"), PersonRole::To),
        person("m.ann@example.com", Some("ИВАН Анненков"), PersonRole::Cc),
    ];
    message.concepts = vec!["annual report".into(), "O'Brien \\ $text".into()];
    let mut second = mail("/a.mbox", 1, "s", "again");
    second.people = vec![person("ann@example.org", None, PersonRole::From)];
    second.title = "Ann".into();
    let gone = file("/announcement.md", "gone");
    world.commit(vec![message, second, gone.clone()]).await;
    world.drain().await;
    world.store.retire(&[gone.id], RetireReason::Deleted, after(1)).await.expect("retire");
    world.drain().await;
    let find = async |text: &str, labels: &[NodeLabel], limit| {
        let query = NameQuery::new(text).expect("a query");
        let found = world.reader.find(&query, labels, limit).await.expect("find");
        let name = |node| match node {
            Node::Person { email, .. } => email.unwrap_or_default(),
            Node::Document { title: name, .. } | Node::Concept { label: name, .. } => name,
        };
        found.into_iter().map(name).collect::<Vec<String>>()
    };
    let every = find("ann", &[], 100).await;
    assert_eq!(every[..3], ["Ann", "ann@example.org", "annual report"], "exact, then beginnings by their edges");
    assert_eq!(every.len(), 5, "{every:?}");
    assert_eq!(find("ANN", &[], 2).await, every[..2]);
    assert_eq!(find("ann", &[NodeLabel::Concept], 9).await, ["annual report"]);
    assert_eq!(find("ann", &[NodeLabel::Concept, NodeLabel::Document], 9).await, ["Ann", "annual report"]);
    assert_eq!(find("MÜLLER", &[NodeLabel::Person], 9).await, ["ann@example.org"]);
    assert_eq!(find("müller ann", &[NodeLabel::Person], 9).await, ["ann@example.org"]);
    assert_eq!(find("иван", &[], 9).await, ["m.ann@example.com"]);
    assert_eq!(find("joanna@EXAMPLE.org", &[], 9).await, ["joanna@example.org"]);
    assert_eq!(find("100%", &[], 9).await, ["Budget 100% of Müller's"]);
    assert_eq!(find("o'brien \\ $", &[], 9).await, ["O'Brien \\ $text"]);
    for nobody in ["announcement", "zebra", "a%n", "_", "ann'] // x"] {
        assert_eq!(find(nobody, &[], 9).await, Vec::<String>::new(), "{nobody}");
    }
}

pub(crate) async fn nodes_are_those_of_the_whole(world: World) {
    let mut message = mail("/a.mbox", 0, "m", "hello");
    message.people.push(person("bob@example.org", None, PersonRole::To));
    let gone = linking("/gone.md", &["Only here"]);
    let documents =
        (0..9).map(|n| linking(&format!("/{n}.md"), &[&format!("{}", (n + 1) % 9), &format!("Concept {n}")]));
    world.commit(documents.chain([message, gone.clone()]).collect()).await;
    world.drain().await;
    world.store.retire(&[gone.id], RetireReason::Deleted, after(1)).await.expect("retire");
    world.at(after(1));
    world.assert_equal().await;
    let mut expected = world.dump().await.nodes;
    expected.sort_unstable_by_key(Node::id);
    let mut listed = Vec::new();
    let mut last = None;
    loop {
        let page = world.reader.nodes(None, last, 5).await.expect("page");
        last = page.last().map(Node::id);
        listed.extend(page);
        if last.is_none() {
            break;
        }
    }
    assert_eq!(listed, expected);
    let concepts = world.reader.nodes(Some(NodeLabel::Concept), None, 100).await.expect("concepts");
    assert_eq!(concepts.len(), 9, "the concept of the deleted document is left out");
}
