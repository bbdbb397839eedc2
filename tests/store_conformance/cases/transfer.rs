//! `TransferStore`: a store moves to another engine and back, and is the same.

use async_trait::async_trait;
use peanut::domain::intake::FileState;
use peanut::domain::key::KeyRecord;
use peanut::domain::search::{Filter, Occur, VectorQuery, WordMatch, WordsQuery};
use peanut::domain::terms;
use peanut::domain::{ModelId, NewDocument, PersonRole, Scope, Timestamp};
use peanut::store::sqlite::SqliteStore;
use peanut::store::transfer::{self, Cell, Marks, Moved, Progress, Row, Stage, StoreDump, TABLES, Table, UNFINISHED};
use peanut::store::{
    CommitBatch, DocumentStore, EmbeddingStore, EventFailure, FailedEmbedding, IntakeStore, OnceKey, OutboxStore,
    RetireReason, StoreErrorKind, StoreResult, SystemStore, TransferStore,
};

use crate::build::{
    LEASE, NOW, after, assert_graph_matches, assert_sound, batch_with, chunk, commit, dead_letter, drain, file, mail,
    offered, person, update, wikilink,
};
use crate::harness::{Backend, Harness};

struct Silent;

impl Progress for Silent {
    fn rows(&mut self, _: Stage, _: &'static str, rows: u64, of: u64) {
        assert!(rows <= of, "{rows} of {of}");
    }
    fn done(&mut self, _: Stage, _: &Moved) {}
}

async fn export(store: &impl TransferStore) -> String {
    let mut out = Vec::new();
    transfer::export(store, &mut out, &mut Silent).await.expect("export");
    String::from_utf8(out).expect("JSON lines")
}

async fn copy(source: &impl TransferStore, target: &impl TransferStore) -> StoreResult<Vec<Moved>> {
    transfer::copy(source, target, "elsewhere", NOW, &mut Silent).await
}

/// Terms as ingest makes them, and a vector.
fn indexed(mut document: NewDocument, random: &mut fastrand::Rng) -> NewDocument {
    for chunk in &mut document.chunks {
        chunk.terms = terms::terms(&format!("{}\n{}", chunk.context, chunk.text));
        let angle = random.f32() * std::f32::consts::TAU;
        chunk.vector = random.bool().then(|| vec![angle.cos(), angle.sin()]);
    }
    document
}

/// A bit of everything a store can hold.
async fn filled(store: &impl Backend) {
    let mut random = fastrand::Rng::with_seed(11);
    for (model, dimension) in [("small", 2), ("big", 3), ("never used", 1)] {
        store.register_model(&ModelId::from(model), dimension, NOW).await.expect("register");
    }
    let odd = ["e\u{301}\u{200d}🧑‍🚀 \u{202e}rtl", "nul \0 here", "\"'\\ $1 ?1 {\"a\":1}", "tab\tand\u{feff}bom"];
    let mut documents = Vec::new();
    for at in 0..1300_u64 {
        let word = |n: u64| format!("word{}", (at * 7 + n * n) % 97);
        let text = format!("{} {} {}\n\n{}", word(1), odd[at as usize % odd.len()], word(2), word(3));
        let mut document = if at % 2 == 0 {
            mail("/a.mbox", at, &format!("m{at}"), &text)
        } else {
            file(&format!("/notes/n{at}.md"), &text)
        };
        document.people = vec![person(&format!("p{}@example.org", at % 40), Some(odd[0]), PersonRole::From)];
        document.tags = vec![format!("t{}", at % 5), "x".repeat(if at == 5 { 5000 } else { 3 })];
        document.concepts = vec![format!("t{}", at % 5), format!("Concept \0 {}", at % 9)];
        document.links = vec![wikilink(&format!("n{}", (at + 2) % 1300)), wikilink(&"long ".repeat(600))];
        document.aliases = vec![format!("{}{at}", "ö".repeat(if at == 7 { 2000 } else { 2 }))];
        if let Some(message) = &mut document.message {
            message.in_reply_to = (at > 10).then(|| format!("m{}", at - 10));
        }
        documents.push(indexed(document, &mut random));
    }
    store.offer(&[offered("/a.mbox")], false, NOW).await.expect("offer");
    store.claim_files("w", 1, LEASE, NOW).await.expect("claim");
    for part in documents.chunks(200) {
        store.commit(&batch_with(part.to_vec(), "small", &["big"])).await.expect("commit");
    }
    store.offer(&[offered("/copy.mbox")], false, NOW).await.expect("offer");
    store.claim_files("w", 1, LEASE, NOW).await.expect("claim");
    let mut copy = documents[0].clone();
    copy.source_path = "/copy.mbox".into();
    let mut copied = batch_with(vec![copy], "small", &["big"]);
    copied.files = vec![update("/copy.mbox", FileState::Indexed, 1)];
    store.commit(&copied).await.expect("a copy");
    drain(store, NOW).await;
    store.retire(&[documents[3].id, documents[4].id], RetireReason::Deleted, after(1)).await.expect("retire");
    let mut changed = documents[9].clone();
    changed.content_sha256[0] ^= 1;
    changed.chunks = vec![chunk(0, peanut::domain::ChunkKind::Body, "another text"), changed.chunks[1].clone()];
    changed.chunks[1].ordinal = 1;
    let changed = indexed(changed, &mut random);
    let mut again = batch_with(vec![changed], "small", &["big"]);
    again.now = after(2);
    store.commit(&again).await.expect("change");
    // Jobs in every state, events in every state, files in every state.
    let big = ModelId::from("big");
    let jobs = store.claim_embeddings(&big, "w", 30, LEASE, after(3)).await.expect("claim");
    let done: Vec<_> = jobs[..10].iter().map(|job| (job.chunk_id, Some(vec![0.0, -0.0, 1.0]))).collect();
    store.complete_embeddings(&big, &done, after(3)).await.expect("complete");
    let failed =
        |at: usize, retry| FailedEmbedding { chunk_id: jobs[at].chunk_id, error: "no\0".into(), retry_at: retry };
    store.fail_embeddings(&big, &[failed(11, None), failed(12, Some(after(99)))], after(3)).await.expect("fail");
    let events = store.claim_events("w", 3, LEASE, after(4)).await.expect("claim");
    let failure = |at: usize, retry_at| EventFailure { id: events[at].id, error: "gone\0".into(), retry_at };
    store.mark_failed(&[failure(0, None), failure(1, Some(after(50)))], after(4)).await.expect("fail");
    store.offer(&[offered("/broken.pdf"), offered("/q\u{1F95C}.txt")], false, NOW).await.expect("offer");
    store.claim_files("w", 2, LEASE, after(5)).await.expect("claim");
    let mut broken = batch_with(Vec::new(), "small", &[]);
    broken.files = vec![update("/broken.pdf", FileState::Failed, 1)];
    broken.dead_letters = vec![dead_letter("/broken.pdf", None, "damaged"), dead_letter("/a.mbox", Some(7), "nul \0")];
    store.commit(&broken).await.expect("commit");
    let folder = peanut::domain::intake::WatchedFolder { path: "/notes".into(), excludes: vec!["*.bak".into()] };
    store.put_folder(&folder, NOW).await.expect("folder");
    store.put_setting("search.rrf_k", "60", NOW).await.expect("setting");
    let key = KeyRecord {
        id: "k1".into(),
        name: "laptop".into(),
        scope: Scope::Write,
        secret_sha256: [7; 32],
        created_at: NOW,
        rotated_at: Some(after(1)),
        expires_at: Some(after(9)),
        revoked_at: None,
        last_used_at: Some(after(2)),
    };
    store.add_key(&key).await.expect("key");
    let once = Some(OnceKey { key: "k1/today".into(), fingerprint: [9; 32] });
    let batch = CommitBatch { once, ..batch_with(vec![file("/once.md", "once")], "small", &[]) };
    store.commit(&batch).await.expect("commit once");
    store.prune_processed(after(1), 3).await.expect("prune");
}

/// What two stores say to the same search: the same chunks in the same order, scores to four digits.
fn assert_same_answers(one: &[Vec<(i64, f32)>], other: &[Vec<(i64, f32)>]) {
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(other) {
        let ids = |leg: &[(i64, f32)]| leg.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        assert_eq!(ids(one), ids(other));
        assert!(one.iter().zip(other).all(|((_, a), (_, b))| (a - b).abs() < 5e-5), "{one:?} {other:?}");
    }
}

/// What searches say, by id and score.
async fn searches(store: &impl Backend) -> Vec<Vec<(i64, f32)>> {
    let mut said = Vec::new();
    let vectors = VectorQuery { model: ModelId::from("small"), vector: vec![0.6, 0.8], scale: 1.0, offset: 0.0 };
    for word in ["word3", "word50", "rtl", "nul"] {
        let clauses = terms::terms_of(word).into_iter().map(|term| (Occur::Should, WordMatch::Term(term))).collect();
        let words = WordsQuery { clauses };
        let legs =
            store.search_legs(&words, std::slice::from_ref(&vectors), &Filter::default(), 40).await.expect("search");
        for leg in [legs.words, legs.vectors] {
            said.push(leg.iter().map(|hit| (hit.chunk_id.0, hit.score)).collect());
        }
    }
    said
}

async fn sqlite(folder: &tempfile::TempDir, name: &str) -> SqliteStore {
    SqliteStore::open(&folder.path().join(name)).await.expect("open")
}

pub(crate) async fn a_store_moves_out_and_back<H: Harness>(harness: H) {
    let folder = tempfile::tempdir().expect("folder");
    let origin = harness.store();
    filled(origin).await;
    let before = export(origin).await;
    assert!(!before.contains("\\u0000"), "no text holds a NUL");
    let middle = sqlite(&folder, "middle.db").await;
    let moved = copy(origin, &middle).await.expect("copy out");
    assert_eq!(moved.len(), TABLES.len());
    assert!(moved.iter().all(|table| table.rows > 0), "every table had something to move: {moved:?}");
    assert_eq!(export(&middle).await, before);
    let back = H::fresh().await;
    copy(&middle, back.store()).await.expect("copy back");
    assert_eq!(export(back.store()).await, before);
    for store in [&harness, &back].map(H::store) {
        assert_eq!(store.setting(UNFINISHED).await.expect("setting"), None);
        assert_sound(store).await;
    }
    assert_sound(&middle).await;
    let (said, counted) = (searches(origin).await, origin.counts().await.expect("counts"));
    assert!(said.iter().all(|leg| !leg.is_empty()));
    assert_same_answers(&searches(&middle).await, &said);
    assert_same_answers(&searches(back.store()).await, &said);
    let same = |mut counts: peanut::domain::status::StoreCounts| {
        counts.bytes_on_disk = 0;
        counts
    };
    assert_eq!(same(back.store().counts().await.expect("counts")), same(counted));
    assert_eq!(back.store().intake_counts().await.expect("ledger"), origin.intake_counts().await.expect("ledger"));
    assert_eq!(
        back.store().outbox_status(after(9)).await.expect("outbox"),
        origin.outbox_status(after(9)).await.expect("outbox")
    );
    assert_eq!(
        back.store().embedding_progress().await.expect("progress"),
        origin.embedding_progress().await.expect("progress")
    );
    // And it goes on as the origin would have.
    back.store().release_leases(None, after(10)).await.expect("release");
    let dead = back.store().dead_events(0, 10).await.expect("dead");
    back.store().retry_event(dead[0].id).await.expect("retry");
    let new = file("/after the move.md", "[[n3]] text");
    commit(back.store(), vec![new]).await;
    drain(back.store(), after(1000)).await;
    assert_graph_matches(back.store(), after(1000)).await;
    assert_sound(back.store()).await;
}

pub(crate) async fn numbers_are_never_used_again_after_a_move<H: Harness>(harness: H) {
    let folder = tempfile::tempdir().expect("folder");
    let source = sqlite(&folder, "source.db").await;
    let document = file("/a.md", "one\n\ntwo\n\nthree");
    commit(&source, vec![document.clone()]).await;
    let last = source.document(document.id).await.expect("document").chunks[2].id;
    let mut shorter = file("/a.md", "one");
    shorter.content_sha256[0] ^= 1;
    commit(&source, vec![shorter]).await;
    copy(&source, harness.store()).await.expect("copy");
    let other = file("/b.md", "four");
    commit(harness.store(), vec![other.clone()]).await;
    let next = harness.store().document(other.id).await.expect("document").chunks[0].id;
    assert!(next > last, "{next:?} was given out before ({last:?} was the last)");
}

pub(crate) async fn a_dump_shows_one_moment<H: Harness>(harness: H) {
    let store = harness.store();
    let table = TABLES.iter().find(|table| table.name == "document").expect("table");
    commit(store, vec![file("/a.md", "one"), file("/b.md", "two")]).await;
    let mut dump = store.begin_dump().await.expect("dump");
    commit(&harness.another().await, vec![file("/c.md", "three")]).await;
    assert_eq!(dump.count(table).await.expect("count"), 2);
    let first = dump.page(table, None, 1).await.expect("page");
    let second = dump.page(table, first.last(), 1).await.expect("page");
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(dump.page(table, second.last(), 1).await.expect("page").is_empty());
    drop(dump);
    assert_eq!(store.counts().await.expect("counts").documents, 3);
}

pub(crate) async fn a_store_with_content_is_refused<H: Harness>(harness: H) {
    let folder = tempfile::tempdir().expect("folder");
    let source = sqlite(&folder, "source.db").await;
    commit(&source, vec![file("/a.md", "one")]).await;
    commit(harness.store(), vec![file("/b.md", "two")]).await;
    let before = export(harness.store()).await;
    let refused = copy(&source, harness.store()).await.expect_err("refused");
    assert_eq!((refused.kind, refused.operation), (StoreErrorKind::Invariant, "copy into"));
    assert!(refused.to_string().contains("not empty"), "{refused}");
    assert_eq!(export(harness.store()).await, before, "nothing was touched");
    // What opening leaves behind does not count.
    let opened = H::fresh().await;
    opened.store().register_model(&ModelId::from("static"), 7, NOW).await.expect("register");
    opened.store().put_setting("a", "b", NOW).await.expect("setting");
    copy(&source, opened.store()).await.expect("copy");
    assert_eq!(export(opened.store()).await, export(&source).await);
}

pub(crate) async fn an_interrupted_copy_starts_over<H: Harness>(harness: H) {
    let folder = tempfile::tempdir().expect("folder");
    let source = sqlite(&folder, "source.db").await;
    filled(&source).await;
    let target = harness.store();
    // As a killed copy leaves it: some tables in, the mark set, totals and numbers not yet taken over.
    target.begin_load("the first attempt", NOW).await.expect("begin");
    let mut dump = source.begin_dump().await.expect("dump");
    for table in &TABLES[..7] {
        let rows = dump.page(table, None, 50).await.expect("page");
        // Rows that name nothing beyond the first of every table.
        let early =
            |row: &Row| table.name == "person" || matches!(row.first(), Some(Cell::Integer(number)) if *number < 20);
        target.load(table, rows.into_iter().filter(early).collect()).await.expect("load");
    }
    drop(dump);
    assert_eq!(target.setting(UNFINISHED).await.expect("setting").as_deref(), Some("the first attempt"));
    copy(&source, target).await.expect("copy");
    assert_eq!(target.setting(UNFINISHED).await.expect("setting"), None);
    assert_eq!(export(target).await, export(&source).await);
    assert_sound(target).await;
    assert_same_answers(&searches(target).await, &searches(&source).await);
}

/// What happens to the rows.
type Spoil = fn(&mut Vec<Row>);

/// A target on whose way in a table's rows are spoilt.
struct Spoilt<'a, S> {
    store: &'a S,
    table: &'static str,
    spoil: Spoil,
}

#[async_trait]
impl<S: TransferStore> TransferStore for Spoilt<'_, S> {
    async fn begin_dump(&self) -> StoreResult<Box<dyn StoreDump>> {
        self.store.begin_dump().await
    }
    async fn begin_load(&self, origin: &str, now: Timestamp) -> StoreResult<()> {
        self.store.begin_load(origin, now).await
    }
    async fn load(&self, table: &'static Table, mut rows: Vec<Row>) -> StoreResult<()> {
        if table.name == self.table {
            (self.spoil)(&mut rows);
        }
        self.store.load(table, rows).await
    }
    async fn seal_load(&self, marks: &Marks) -> StoreResult<()> {
        self.store.seal_load(marks).await
    }
    async fn complete_load(&self) -> StoreResult<()> {
        self.store.complete_load().await
    }
}

pub(crate) async fn a_copy_that_differs_is_not_trusted<H: Harness>(harness: H) {
    let folder = tempfile::tempdir().expect("folder");
    let source = sqlite(&folder, "source.db").await;
    source.register_model(&ModelId::from("small"), 2, NOW).await.expect("register");
    let mut random = fastrand::Rng::with_seed(3);
    let mut document = indexed(file("/a.md", "one\n\ntwo"), &mut random);
    document.chunks[0].vector = Some(vec![0.6, 0.8]);
    source.commit(&batch_with(vec![document], "small", &[])).await.expect("commit");
    let spoilt: [(&str, Spoil, &str); 3] = [
        ("document_name", |rows| drop(rows.pop()), "arrived"),
        ("chunk", |rows| rows[1][5] = Cell::Text("tvo".into()), "checksum"),
        ("embedding", |rows| rows[0][2] = Cell::Vector(vec![0.8, 0.6]), "checksum"),
    ];
    for (table, spoil, said) in spoilt {
        let target = Spoilt { store: harness.store(), table, spoil };
        let error = copy(&source, &target).await.expect_err("not trusted");
        assert_eq!(error.kind, StoreErrorKind::Permanent);
        assert!(error.to_string().contains(table) && error.to_string().contains(said), "{error}");
        assert!(harness.store().setting(UNFINISHED).await.expect("setting").is_some(), "still marked");
    }
    copy(&source, harness.store()).await.expect("copy");
    assert_sound(harness.store()).await;
}
