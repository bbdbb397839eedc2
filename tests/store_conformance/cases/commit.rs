//! `DocumentStore`.

use peanut::domain::intake::FileState;
use peanut::domain::{
    ChunkKind, DocumentId, MessageMeta, ModelId, NewDocument, PersonRole, Place, SourceType, Timestamp, WriteOutcome,
};
use peanut::store::{
    CommitBatch, DeletedOf, DocumentPage, DocumentStore, EarlierCommit, EmbeddingStore, IntakeStore, ONCE_KEPT,
    OnceKey, OutboxStore, RetireReason, StoreErrorKind, SystemStore,
};

use crate::build::{
    LEASE, NOW, after, assert_sound, batch, batch_with, chunk, commit, commit_one, file, mail, offered, person, update,
};
use crate::harness::{Backend, Harness};

pub(crate) async fn round_trip<H: Harness>(harness: H) {
    let store = harness.store();
    let mut document = file("/notes/plan.md", "first part\n\nsecond part");
    document.tags = vec!["b".into(), "a/c".into()];
    document.chunks[1].place =
        Place { headings: vec!["Top".into(), "Sub".into()], page: Some(3), line: Some(7), ..Place::default() };
    document.chunks[1].overlap_bytes = 4;
    document.people = vec![person("bob@example.org", Some("Bob"), PersonRole::Author)];
    let report = commit(store, vec![document.clone()]).await;
    assert_eq!(report.outcomes, [WriteOutcome::Added]);
    assert_eq!((report.events, report.jobs), (1, 0));

    let read = store.document(document.id).await.expect("document");
    assert_eq!(read.title, "plan");
    assert_eq!(read.source_type, SourceType::Markdown);
    assert_eq!(read.source_path, "/notes/plan.md");
    assert_eq!((read.dated_at, read.ingested_at, read.deleted_at), (document.dated_at, NOW, None));
    assert_eq!(read.tags, ["a/c", "b"]);
    assert_eq!(read.people, document.people);
    assert_eq!(read.message, None);
    assert!(read.thread.is_empty());
    assert_eq!(read.chunks.len(), 2);
    for (held, new) in read.chunks.iter().zip(&document.chunks) {
        assert_eq!(held.document_id, document.id);
        assert_eq!((held.ordinal, held.kind, held.overlap_bytes), (new.ordinal, new.kind, new.overlap_bytes));
        assert_eq!((&held.text, &held.context, &held.place), (&new.text, &new.context, &new.place));
        assert_eq!(held.token_count, new.token_count);
    }
    assert_eq!(store.documents_of_file("/notes/plan.md").await.expect("of file"), [document.id]);
    assert_sound(store).await;
}

pub(crate) async fn mail_round_trips_with_headers_and_people<H: Harness>(harness: H) {
    let store = harness.store();
    let mut message = mail("/mail/all.mbox", 120, "m1@example.org", "hello");
    message.message = Some(MessageMeta {
        message_id: "m1@example.org".into(),
        in_reply_to: Some("m0@example.org".into()),
        references: vec!["r@example.org".into(), "m0@example.org".into()],
        attachments: vec!["plan.pdf".into()],
    });
    message.people = vec![
        person("ann@example.org", Some("Ann A."), PersonRole::From),
        person("bob@example.org", None, PersonRole::To),
        person("bob@example.org", Some("Bob"), PersonRole::Cc),
        person("cy@example.org", Some("Cy"), PersonRole::Bcc),
    ];
    message.chunks.push(chunk(1, ChunkKind::Quoted, "> earlier"));
    message.chunks.push(chunk(2, ChunkKind::Signature, "-- Ann"));
    commit(store, vec![message.clone()]).await;
    let read = store.document(message.id).await.expect("document");
    assert_eq!(read.source_offset, Some(120));
    assert_eq!(read.message, message.message);
    assert_eq!(read.people, message.people);
    assert_eq!(read.chunks.len(), 3);
    assert_eq!(read.thread.len(), 1);
    assert_eq!(read.thread[0].from, "Ann A.");
    let counts = store.counts().await.expect("counts");
    assert_eq!((counts.documents, counts.chunks, counts.searchable_chunks, counts.persons), (1, 3, 3, 3));
    assert_sound(store).await;
}

pub(crate) async fn committing_twice_changes_nothing<H: Harness>(harness: H) {
    let store = harness.store();
    let documents =
        vec![file("/a.md", "one\n\ntwo"), mail("/all.mbox", 0, "m1", "x"), mail("/all.mbox", 50, "m2", "y")];
    let first = commit(store, documents.clone()).await;
    let views = (store.document(documents[0].id).await.expect("a"), store.document(documents[1].id).await.expect("m1"));
    let second = commit(store, documents.clone()).await;
    assert_eq!(first.outcomes, [WriteOutcome::Added; 3]);
    assert_eq!(second.outcomes, [WriteOutcome::Unchanged; 3]);
    assert_eq!((second.events, second.jobs), (0, 0));
    assert_eq!(store.outbox_status(NOW).await.expect("status").pending, 3);
    let again = (store.document(documents[0].id).await.expect("a"), store.document(documents[1].id).await.expect("m1"));
    assert_eq!(views, again);
    assert_sound(store).await;
}

pub(crate) async fn same_content_elsewhere_is_a_duplicate<H: Harness>(harness: H) {
    let store = harness.store();
    let first = file("/a.md", "same");
    commit(store, vec![first.clone()]).await;
    assert_eq!(commit_one(store, file("/b.md", "same")).await, WriteOutcome::Duplicate(first.id));
    assert_eq!(store.counts().await.expect("counts").documents, 1);
    // Once the file of the first is gone, the document goes on where its content lies.
    store.retire(&[first.id], RetireReason::FileGone, NOW).await.expect("retire");
    assert_eq!(commit_one(store, file("/b.md", "same")).await, WriteOutcome::Moved);
    assert_eq!(store.documents_of_file("/b.md").await.expect("of file"), [first.id]);
    assert_sound(store).await;
}

pub(crate) async fn same_content_twice_in_a_batch_is_a_duplicate<H: Harness>(harness: H) {
    let store = harness.store();
    let report = commit(
        store,
        vec![
            file("/a.md", "same"),
            file("/b.md", "same"),
            file("/a.md", "same"),
            file("/a.md", "other"),
            file("/c.md", "same"),
            mail("/x.mbox", 0, "m", "text"),
            mail("/x.mbox", 70, "m", "text"),
        ],
    )
    .await;
    let a = file("/a.md", "").id;
    assert_eq!(
        report.outcomes,
        [
            WriteOutcome::Added,
            WriteOutcome::Duplicate(a),
            WriteOutcome::Unchanged,
            WriteOutcome::Changed,
            WriteOutcome::Added,
            WriteOutcome::Added,
            WriteOutcome::Duplicate(mail("", 0, "m", "").id),
        ]
    );
    assert_eq!(store.document(a).await.expect("a").body(), "other");
    assert_sound(store).await;
}

pub(crate) async fn message_in_another_archive_is_a_duplicate<H: Harness>(harness: H) {
    let store = harness.store();
    let first = mail("/a.mbox", 10, "m", "text");
    commit(store, vec![first.clone()]).await;
    let copy = mail("/b.mbox", 10, "m", "text");
    assert_eq!(commit_one(store, copy).await, WriteOutcome::Duplicate(first.id));
    assert_eq!(store.document(first.id).await.expect("document").source_path, "/a.mbox");
    // Other headers of the way and the mailbox make no other mail.
    let mut labelled = mail("/c.mbox", 10, "m", "text");
    labelled.content_sha256 = [9; 32];
    assert_eq!(commit_one(store, labelled.clone()).await, WriteOutcome::Duplicate(first.id));
    // In its own place it replaces what was there, labels and all.
    labelled.source_path = "/a.mbox".into();
    assert_eq!(commit_one(store, labelled).await, WriteOutcome::Changed);
    assert_eq!(store.counts().await.expect("counts").documents, 1);
    assert_sound(store).await;
}

pub(crate) async fn mails_of_one_message_id_stay_apart<H: Harness>(harness: H) {
    let store = harness.store();
    let texts = ["order 1001", "order 2002", "the list's copy of order 1001"];
    let mails = |archive: &str| -> Vec<_> {
        let placed = texts.iter().zip([0, 100, 200]);
        placed.map(|(text, offset)| mail(archive, offset, "static@shop", text)).collect()
    };
    begin_pass(store, "/a.mbox").await;
    let report = store.commit(&pass("/a.mbox", mails("/a.mbox"), 300)).await.expect("commit");
    assert_eq!(report.outcomes, [WriteOutcome::Added; 3]);
    let ids = report.ids;
    assert_eq!(ids[0], mail("", 0, "static@shop", "").id, "the first has the plain key");
    // Read again, from the start and in another order, all three are what they were.
    for order in [[0, 1, 2], [2, 0, 1]] {
        begin_pass(store, "/a.mbox").await;
        let all = mails("/a.mbox");
        let again: Vec<_> = order.iter().map(|at| all[*at].clone()).collect();
        let report = store.commit(&pass("/a.mbox", again, 300)).await.expect("again");
        assert_eq!(report.outcomes, [WriteOutcome::Unchanged; 3]);
        assert_eq!(report.ids, order.map(|at| ids[at]));
    }
    // Each is told apart elsewhere too.
    for (copy, id) in mails("/copy.mbox").into_iter().zip(&ids) {
        assert_eq!(commit_one(store, copy).await, WriteOutcome::Duplicate(*id));
    }
    for (id, text) in ids.iter().zip(texts) {
        let read = store.document(*id).await.expect("document");
        assert_eq!(read.body(), text);
        assert_eq!(read.thread.len(), 3, "they are of one thread");
    }
    assert_sound(store).await;
}

pub(crate) async fn an_edited_mail_of_its_own_file_stays_its_document<H: Harness>(harness: H) {
    let store = harness.store();
    let saved = |text: &str| NewDocument { source_offset: None, ..mail("/drafts/1.eml", 0, "draft@x", text) };
    let first = saved("dear");
    commit(store, vec![first.clone()]).await;
    for text in ["dear all", "dear all, thanks"] {
        assert_eq!(commit_one(store, saved(text)).await, WriteOutcome::Changed);
        assert_eq!(store.document(first.id).await.expect("document").body(), text);
    }
    assert_eq!(store.counts().await.expect("counts").documents, 1);
    // One the user deleted is not brought back, and keeps no other mail of its id out.
    store.retire(&[first.id], RetireReason::Deleted, NOW).await.expect("retire");
    assert_eq!(commit_one(store, saved("dear all, thanks")).await, WriteOutcome::Unchanged);
    assert_eq!(commit_one(store, saved("something else")).await, WriteOutcome::Added);
    assert_sound(store).await;
}

pub(crate) async fn mails_of_before_are_known_by_title_and_date<H: Harness>(harness: H) {
    let store = harness.store();
    let old = NewDocument { fingerprint: None, ..mail("/a.mbox", 0, "m", "text as it was read then") };
    commit(store, vec![old.clone()]).await;
    let copy = mail("/b.mbox", 0, "m", "text as it is read now");
    assert_eq!(commit_one(store, copy.clone()).await, WriteOutcome::Duplicate(old.id));
    let other = NewDocument { title: "Another matter".into(), ..copy };
    assert_eq!(commit_one(store, other).await, WriteOutcome::Added);
    assert_sound(store).await;
}

pub(crate) async fn mails_of_before_get_their_fingerprint<H: Harness>(harness: H) {
    let store = harness.store();
    let mail_now = mail("/a.mbox", 0, "m", "text");
    let old = NewDocument { fingerprint: None, ..mail_now.clone() };
    commit(store, vec![old.clone()]).await;
    // Same bytes: it is known, and has a fingerprint from now on.
    assert_eq!(commit_one(store, mail_now.clone()).await, WriteOutcome::Unchanged);
    // What a title and a date would take for the same is another mail; what a reader sees the same of is not.
    let other = NewDocument { content_sha256: [7; 32], ..mail("/b.mbox", 0, "m", "other text") };
    let other = NewDocument { title: mail_now.title.clone(), dated_at: mail_now.dated_at, ..other };
    assert_eq!(commit_one(store, other).await, WriteOutcome::Added);
    let copy = NewDocument { content_sha256: [8; 32], ..mail("/c.mbox", 0, "m", "text") };
    assert_eq!(commit_one(store, copy).await, WriteOutcome::Duplicate(old.id));
    // Met as a copy first, and one whose fingerprint another has: that stays as it is.
    let deleted = NewDocument { fingerprint: None, ..mail("/d.mbox", 0, "d", "text") };
    commit(store, vec![deleted.clone()]).await;
    assert_eq!(commit_one(store, mail("/e.mbox", 0, "d", "text")).await, WriteOutcome::Duplicate(deleted.id));
    let other = NewDocument { content_sha256: [9; 32], ..mail("/e.mbox", 9, "d", "other text") };
    assert_eq!(commit_one(store, other).await, WriteOutcome::Added);
    assert_sound(store).await;
}

pub(crate) async fn a_crowd_of_one_message_id_stays_apart<H: Harness>(harness: H) {
    const MAILS: u64 = 700;
    let store = harness.store();
    let all =
        |from: u64| (from..MAILS).map(|n| mail("/a.mbox", n * 100, "m", &format!("text {n}"))).collect::<Vec<_>>();
    for outcome in [WriteOutcome::Added, WriteOutcome::Unchanged] {
        begin_pass(store, "/a.mbox").await;
        let mut given = Vec::new();
        for part in all(0).chunks(100) {
            let report = commit(store, part.to_vec()).await;
            assert!(report.outcomes.iter().all(|found| *found == outcome), "{:?}", report.outcomes);
            given.extend(report.ids);
        }
        let mut end = pass("/a.mbox", Vec::new(), MAILS * 100);
        (end.files[0].seen, end.files[0].whole) = (MAILS, Some(given));
        store.commit(&end).await.expect("commit");
    }
    assert_eq!(store.documents_of_file("/a.mbox").await.expect("of file").len(), 700);
    // Edited where it stood, copied elsewhere, deleted and copied, and one more.
    begin_pass(store, "/a.mbox").await;
    assert_eq!(commit_one(store, mail("/a.mbox", 33_300, "m", "edited")).await, WriteOutcome::Changed);
    let copies: Vec<_> = [5, 650, 333].map(|n| mail("/b.mbox", n, "m", &format!("text {n}"))).into();
    let report = commit(store, copies).await;
    assert!(matches!(report.outcomes[..2], [WriteOutcome::Duplicate(_), WriteOutcome::Duplicate(_)]));
    assert_eq!(report.outcomes[2], WriteOutcome::Added, "what it was before is not held any more");
    assert_eq!(commit_one(store, mail("/e.mbox", 0, "m", "one more")).await, WriteOutcome::Added);
    let moved = NewDocument { source_offset: None, ..mail("/c.eml", 0, "m", "a file of its own") };
    assert_eq!(commit_one(store, moved.clone()).await, WriteOutcome::Added);
    let edited = NewDocument { source_offset: None, ..mail("/c.eml", 0, "m", "edited file") };
    assert_eq!(commit_one(store, edited).await, WriteOutcome::Changed);
    // Its key is still the first one's: the next of that text gets another.
    let again = NewDocument { source_path: "/d.eml".into(), ..moved };
    assert_eq!(commit_one(store, again.clone()).await, WriteOutcome::Added);
    assert_eq!(commit_one(store, again).await, WriteOutcome::Unchanged);
    crate::build::assert_graph_matches(store, NOW).await;
    assert_sound(store).await;
}

pub(crate) async fn the_store_says_who_holds_what<H: Harness>(harness: H) {
    let store = harness.store();
    let old = file("/a.md", "text");
    begin_pass(store, "/a.md").await;
    store.commit(&whole("/a.md", vec![old.clone()])).await.expect("commit");
    // Renamed, then edited: the id is still the first one's, and the row of the old name says where it went.
    let moved = file("/b.md", "text");
    begin_pass(store, "/b.md").await;
    let moving = CommitBatch { moves: vec![(moved.source_key.clone(), old.id)], ..whole("/b.md", vec![moved]) };
    let report = store.commit(&moving).await.expect("commit");
    assert_eq!((report.outcomes, report.ids), (vec![WriteOutcome::Moved], vec![old.id]));
    let row = store.file("/a.md").await.expect("file").expect("row");
    assert_eq!((row.state, row.reason.as_deref()), (FileState::Retired, Some("moved to /b.md")));
    for text in ["edited", "edited again"] {
        begin_pass(store, "/b.md").await;
        let report = store.commit(&whole("/b.md", vec![file("/b.md", text)])).await.expect("commit");
        assert_eq!((report.outcomes, report.ids), (vec![WriteOutcome::Changed], vec![old.id]));
        assert_eq!(store.documents_of_file("/b.md").await.expect("of file"), [old.id]);
    }
    // A new file under the old name is another document, and so is what it becomes.
    for (text, outcome) in [("new", WriteOutcome::Added), ("newer", WriteOutcome::Changed)] {
        begin_pass(store, "/a.md").await;
        let report = store.commit(&whole("/a.md", vec![file("/a.md", text)])).await.expect("commit");
        assert_eq!((report.outcomes, report.ids[0] == old.id), (vec![outcome], false));
        assert_eq!(store.documents_of_file("/a.md").await.expect("of file"), report.ids);
    }
    assert_sound(store).await;
}

pub(crate) async fn what_a_file_holds_no_more_retires<H: Harness>(harness: H) {
    let store = harness.store();
    begin_pass(store, "/a.mbox").await;
    let first: Vec<_> = (0..4).map(|n| mail("/a.mbox", n * 100, &format!("m{n}"), "text")).collect();
    let ids = store.commit(&whole("/a.mbox", first)).await.expect("commit").ids;
    // It shrank; the pass over it takes two commits.
    begin_pass(store, "/a.mbox").await;
    commit(store, vec![mail("/a.mbox", 0, "m1", "text")]).await;
    let mut end = whole("/a.mbox", vec![mail("/a.mbox", 100, "m3", "text")]);
    end.files[0].whole = Some(vec![ids[1]]);
    let report = store.commit(&end).await.expect("commit");
    assert_eq!(report.events, 2, "two are gone");
    assert_eq!(store.documents_of_file("/a.mbox").await.expect("of file"), [ids[1], ids[3]]);
    // It was overwritten by a picture; then its first content is back.
    begin_pass(store, "/a.mbox").await;
    let mut skipped = whole("/a.mbox", Vec::new());
    (skipped.files[0].state, skipped.files[0].seen, skipped.files[0].skipped) = (FileState::Skipped, 1, 1);
    store.commit(&skipped).await.expect("commit");
    assert_eq!(store.documents_of_file("/a.mbox").await.expect("of file"), []);
    begin_pass(store, "/a.mbox").await;
    let report = store.commit(&whole("/a.mbox", vec![mail("/a.mbox", 0, "m2", "text")])).await.expect("commit");
    assert_eq!((report.outcomes, report.ids), (vec![WriteOutcome::Changed], vec![ids[2]]));
    crate::build::assert_graph_matches(store, NOW).await;
    assert_sound(store).await;
}

/// The end of a pass that read all there is.
fn whole(path: &str, documents: Vec<NewDocument>) -> CommitBatch {
    let mut batch = pass(path, documents, 1000);
    batch.files[0].whole = Some(Vec::new());
    batch
}

/// Offers and claims an archive, as an ingest worker does before each pass.
async fn begin_pass(store: &impl Backend, path: &str) {
    store.offer(&[offered(path)], true, NOW).await.expect("offer");
    assert_eq!(store.claim_files("w", 1, LEASE, NOW).await.expect("claim").len(), 1);
}

fn pass(path: &str, documents: Vec<NewDocument>, bytes_done: u64) -> CommitBatch {
    let mut end = update(path, FileState::Indexed, documents.len() as u64);
    end.bytes_done = bytes_done;
    CommitBatch { files: vec![end], ..batch(documents) }
}

pub(crate) async fn second_copy_in_an_archive_is_a_duplicate<H: Harness>(harness: H) {
    let store = harness.store();
    let copies =
        || vec![mail("/a.mbox", 0, "m", "text"), mail("/a.mbox", 100, "n", "other"), mail("/a.mbox", 200, "m", "text")];
    let duplicate = WriteOutcome::Duplicate(mail("", 0, "m", "").id);
    begin_pass(store, "/a.mbox").await;
    let report = store.commit(&pass("/a.mbox", copies(), 300)).await.expect("first pass");
    assert_eq!(report.outcomes, [WriteOutcome::Added, WriteOutcome::Added, duplicate]);
    // Read again from the start, in two commits: the same answer.
    begin_pass(store, "/a.mbox").await;
    let mut parts = copies();
    let tail = parts.split_off(2);
    assert_eq!(commit(store, parts).await.outcomes, [WriteOutcome::Unchanged; 2]);
    assert_eq!(commit(store, tail).await.outcomes, [duplicate]);
    assert_eq!(store.document(mail("", 0, "m", "").id).await.expect("m").source_offset, Some(0));
    assert_sound(store).await;
}

pub(crate) async fn rewritten_archive_keeps_its_messages<H: Harness>(harness: H) {
    let store = harness.store();
    begin_pass(store, "/a.mbox").await;
    let first =
        vec![mail("/a.mbox", 0, "gone", "x"), mail("/a.mbox", 100, "m", "text"), mail("/a.mbox", 200, "n", "old")];
    store.commit(&pass("/a.mbox", first, 300)).await.expect("first pass");
    // A mail program compacted the archive and another message was edited.
    begin_pass(store, "/a.mbox").await;
    let second =
        vec![mail("/a.mbox", 0, "m", "text"), mail("/a.mbox", 100, "n", "new"), mail("/a.mbox", 220, "m", "text")];
    let report = store.commit(&pass("/a.mbox", second, 300)).await.expect("second pass");
    let m = mail("", 0, "m", "").id;
    assert_eq!(report.outcomes, [WriteOutcome::Unchanged, WriteOutcome::Changed, WriteOutcome::Duplicate(m)]);
    assert_eq!(store.document(m).await.expect("m").source_offset, Some(0));
    assert_eq!(store.document(mail("", 0, "n", "").id).await.expect("n").source_offset, Some(100));
    let file = store.file("/a.mbox").await.expect("file").expect("row");
    assert_eq!((file.items.documents, file.items.unchanged, file.items.duplicates), (1, 1, 1));
    assert_sound(store).await;
}

pub(crate) async fn appended_copy_in_an_archive_is_a_duplicate<H: Harness>(harness: H) {
    let store = harness.store();
    begin_pass(store, "/a.mbox").await;
    store.commit(&pass("/a.mbox", vec![mail("/a.mbox", 0, "m", "text")], 100)).await.expect("first pass");
    // The archive grew; the next pass reads only the tail.
    let mut grown = offered("/a.mbox");
    grown.size_bytes = 2000;
    store.offer(&[grown], false, NOW).await.expect("offer");
    assert_eq!(store.claim_files("w", 1, LEASE, NOW).await.expect("claim")[0].bytes_done, 100);
    let report = store.commit(&pass("/a.mbox", vec![mail("/a.mbox", 100, "m", "text")], 200)).await.expect("tail");
    let m = mail("", 0, "m", "").id;
    assert_eq!(report.outcomes, [WriteOutcome::Duplicate(m)]);
    assert_eq!(store.document(m).await.expect("m").source_offset, Some(0));
}

pub(crate) async fn changed_content_replaces_the_document<H: Harness>(harness: H) {
    let store = harness.store();
    let mut old = file("/a.md", "one\n\ntwo");
    old.tags = vec!["old".into()];
    old.people = vec![person("ann@example.org", Some("Ann"), PersonRole::Author)];
    commit(store, vec![old.clone()]).await;
    let mut new = file("/a.md", "three");
    new.title = "New title".into();
    new.tags = vec!["new".into()];
    let report = store.commit(&CommitBatch { now: after(5), ..batch(vec![new.clone()]) }).await.expect("commit");
    assert_eq!(report.outcomes, [WriteOutcome::Changed]);
    assert_eq!(report.events, 1);
    let read = store.document(old.id).await.expect("document");
    assert_eq!((read.title.as_str(), read.body().as_str()), ("New title", "three"));
    assert_eq!((read.tags, read.people), (vec!["new".to_owned()], Vec::new()));
    assert_eq!(read.ingested_at, NOW);
    assert_eq!(store.counts().await.expect("counts").chunks, 1);
    assert_sound(store).await;
}

pub(crate) async fn unchanged_chunks_keep_row_and_vector<H: Harness>(harness: H) {
    let store = harness.store();
    store.register_model(&ModelId::from("small"), 2, NOW).await.expect("register");
    store.register_model(&ModelId::from("big"), 3, NOW).await.expect("register");
    let with_vectors = |text: &str| {
        let mut document = file("/a.md", text);
        for chunk in &mut document.chunks {
            chunk.vector = Some(vec![1.0, 0.0]);
        }
        document
    };
    let report =
        store.commit(&batch_with(vec![with_vectors("one\n\ntwo\n\nthree")], "small", &["big"])).await.expect("commit");
    assert_eq!(report.jobs, 3);
    let before = store.document(file("/a.md", "").id).await.expect("document");
    let claimed = store.claim_embeddings(&ModelId::from("big"), "w", 10, LEASE, NOW).await.expect("claim");
    let vectors: Vec<_> = claimed.iter().map(|job| (job.chunk_id, Some(vec![0.0, 1.0, 0.0]))).collect();
    store.complete_embeddings(&ModelId::from("big"), &vectors, NOW).await.expect("complete");

    let report =
        store.commit(&batch_with(vec![with_vectors("zero\n\none\n\nthree")], "small", &["big"])).await.expect("commit");
    assert_eq!(report.outcomes, [WriteOutcome::Changed]);
    assert_eq!(report.jobs, 1);
    let after = store.document(before.id).await.expect("document");
    let texts: Vec<&str> = after.chunks.iter().map(|chunk| chunk.text.as_str()).collect();
    assert_eq!(texts, ["zero", "one", "three"]);
    assert_eq!(after.chunks[1].id, before.chunks[0].id);
    assert_eq!(after.chunks[2].id, before.chunks[2].id);
    assert!(after.chunks[0].id > before.chunks[2].id);
    let progress = store.embedding_progress().await.expect("progress");
    assert_eq!((progress[0].done, progress[1].done, progress[1].pending), (3, 2, 1));
    assert_sound(store).await;
}

pub(crate) async fn moved_file_keeps_its_document<H: Harness>(harness: H) {
    let store = harness.store();
    let old = file("/old.md", "text");
    commit(store, vec![old.clone()]).await;
    let new = file("/new.md", "text");
    let moving = CommitBatch { moves: vec![(new.source_key.clone(), old.id)], ..batch(vec![new.clone()]) };
    let report = store.commit(&moving.clone()).await.expect("commit");
    assert_eq!((report.outcomes, report.events), (vec![WriteOutcome::Moved], 1));
    assert_eq!(store.document(old.id).await.expect("document").source_path, "/new.md");
    assert_eq!(store.documents_of_file("/old.md").await.expect("old"), []);
    assert_eq!(store.commit(&moving).await.expect("again").outcomes, [WriteOutcome::Unchanged]);
    // It may also be found after its old path was retired.
    store.retire_file("/new.md", NOW).await.expect("retire");
    let third = file("/third.md", "text");
    let moving = CommitBatch { moves: vec![(third.source_key.clone(), old.id)], ..batch(vec![third]) };
    assert_eq!(store.commit(&moving).await.expect("commit").outcomes, [WriteOutcome::Moved]);
    assert_eq!(store.document(old.id).await.expect("document").deleted_at, None);
    assert_sound(store).await;
}

pub(crate) async fn new_file_at_the_old_path_gets_an_id_of_its_own<H: Harness>(harness: H) {
    let store = harness.store();
    let old = file("/a.md", "text");
    commit(store, vec![old.clone()]).await;
    let moved = file("/b.md", "text");
    let newcomer = file("/a.md", "another text");
    let moving =
        CommitBatch { moves: vec![(moved.source_key.clone(), old.id)], ..batch(vec![moved, newcomer.clone()]) };
    assert_eq!(store.commit(&moving).await.expect("commit").outcomes, [WriteOutcome::Moved, WriteOutcome::Added]);
    let ids = store.documents_of_file("/a.md").await.expect("ids");
    assert_eq!(ids, [DocumentId::from_source_key("file:/a.md#2")]);
    assert_eq!(store.document(old.id).await.expect("old").source_path, "/b.md");
    assert_eq!(commit_one(store, newcomer).await, WriteOutcome::Unchanged);
    assert_sound(store).await;
}

pub(crate) async fn message_of_a_vanished_archive_moves<H: Harness>(harness: H) {
    let store = harness.store();
    let message = mail("/old.mbox", 0, "m", "text");
    commit(store, vec![message.clone()]).await;
    store.retire_file("/old.mbox", NOW).await.expect("retire");
    assert_eq!(commit_one(store, mail("/new.mbox", 30, "m", "text")).await, WriteOutcome::Moved);
    let read = store.document(message.id).await.expect("document");
    assert_eq!((read.source_path.as_str(), read.source_offset, read.deleted_at), ("/new.mbox", Some(30), None));
    assert_sound(store).await;
}

pub(crate) async fn deleted_by_user_stays_deleted<H: Harness>(harness: H) {
    let store = harness.store();
    let document = file("/a.md", "text");
    commit(store, vec![document.clone()]).await;
    store.retire(&[document.id], RetireReason::Deleted, NOW).await.expect("retire");
    assert_eq!(commit_one(store, document.clone()).await, WriteOutcome::Unchanged);
    assert!(store.document(document.id).await.expect("document").deleted_at.is_some());
    assert_eq!(commit_one(store, file("/a.md", "edited")).await, WriteOutcome::Changed);
    let read = store.document(document.id).await.expect("document");
    assert!(read.deleted_at.is_some());
    assert_eq!(read.body(), "edited");
    assert_sound(store).await;
}

pub(crate) async fn file_that_came_back_is_restored<H: Harness>(harness: H) {
    let store = harness.store();
    let document = file("/a.md", "text");
    commit(store, vec![document.clone()]).await;
    let chunks = store.document(document.id).await.expect("document").chunks;
    assert_eq!(store.retire_file("/a.md", NOW).await.expect("retire"), [document.id]);
    assert_eq!(commit_one(store, document.clone()).await, WriteOutcome::Changed);
    let read = store.document(document.id).await.expect("document");
    assert_eq!((read.deleted_at, read.chunks), (None, chunks));
    assert_sound(store).await;
}

pub(crate) async fn vectors_of_the_wrong_dimension_are_refused<H: Harness>(harness: H) {
    let store = harness.store();
    store.register_model(&ModelId::from("m"), 3, NOW).await.expect("register");
    let mut document = file("/a.md", "text");
    document.chunks[0].vector = Some(vec![1.0, 0.0]);
    let error = store.commit(&batch_with(vec![document], "m", &[])).await.expect_err("refused");
    assert_eq!(error.kind, StoreErrorKind::Invariant);
    assert!(error.to_string().contains("file:/a.md"), "{error}");
    assert_eq!(store.counts().await.expect("counts").documents, 0);
}

pub(crate) async fn unknown_models_are_refused<H: Harness>(harness: H) {
    let store = harness.store();
    let error = store.commit(&batch_with(vec![file("/a.md", "text")], "nobody", &[])).await.expect_err("refused");
    assert_eq!(error.kind, StoreErrorKind::Invariant);
    assert!(error.to_string().contains("nobody"), "{error}");
}

pub(crate) async fn a_failed_commit_leaves_nothing<H: Harness>(harness: H) {
    let store = harness.store();
    commit(store, vec![file("/kept.md", "kept")]).await;
    store.register_model(&ModelId::from("m"), 2, NOW).await.expect("register");
    let good = file("/good.md", "good");
    let mut bad = file("/bad.md", "bad");
    bad.chunks[0].vector = Some(vec![0.5; 5]);
    let mut failing = batch_with(vec![good.clone(), bad], "m", &[]);
    store.offer(&[offered("/good.md")], false, NOW).await.expect("offer");
    failing.files = vec![update("/good.md", FileState::Indexed, 1)];
    store.commit(&failing).await.expect_err("refused");
    assert_eq!(store.document(good.id).await.expect_err("nothing").kind, StoreErrorKind::NotFound);
    assert_eq!(store.counts().await.expect("counts").documents, 1);
    assert_eq!(store.outbox_status(NOW).await.expect("status").pending, 1);
    assert_eq!(store.file("/good.md").await.expect("file").expect("row").state, FileState::Queued);
    assert_sound(store).await;
}

pub(crate) async fn odd_text_survives<H: Harness>(harness: H) {
    let store = harness.store();
    let long = "wörd ".repeat(200_000);
    let texts = [
        "a\0b\0",
        "\u{feff}e\u{301}\u{200d}🧑‍🚀 \u{202e}rtl",
        "'; DROP TABLE document; --",
        "\u{0}",
        &long,
        "?1 $1 :x @y",
    ];
    for (at, text) in texts.iter().enumerate() {
        let mut message = mail(
            "/odd/ſtraße \u{1F95C}.mbox",
            at as u64,
            &format!("id\0{text}").chars().take(80).collect::<String>(),
            text,
        );
        message.title = format!("title {}", text.chars().take(100).collect::<String>());
        message.tags = vec![format!("tag\0{at}")];
        message.people = vec![person(
            &format!("p{at}\0@example.org"),
            Some(text.get(..20.min(text.len())).unwrap_or("x")),
            PersonRole::From,
        )];
        if let Some(meta) = &mut message.message {
            meta.references = vec!["r\0\"\\".into()];
            meta.attachments = vec!["naïve\0.pdf".into()];
        }
        message.concepts = vec![format!("con\0cept{at}")];
        message.chunks[0].context = format!("ctx\0{at}");
        message.chunks[0].place.headings = vec!["he\0ad".into()];
        assert_eq!(commit_one(store, message.clone()).await, WriteOutcome::Added, "{at}");
        assert_eq!(commit_one(store, message.clone()).await, WriteOutcome::Unchanged, "{at}");
        let read = store.document(message.id).await.expect("document");
        assert_eq!(read.chunks[0].text, H::held(text));
        assert_eq!(read.chunks[0].context, H::held(&message.chunks[0].context));
        assert_eq!(read.chunks[0].place.headings, [H::held("he\0ad")]);
        assert_eq!(read.title, H::held(&message.title));
        let held = |texts: &[String]| texts.iter().map(|text| H::held(text)).collect::<Vec<_>>();
        assert_eq!(read.tags, held(&message.tags));
        let (read, meant) = (read.message.expect("message"), message.message.expect("message"));
        assert_eq!(read.message_id, H::held(&meant.message_id));
        assert_eq!((read.references, read.attachments), (held(&meant.references), held(&meant.attachments)));
    }
    crate::build::assert_graph_matches(store, NOW).await;
    assert_sound(store).await;
}

pub(crate) async fn longest_name_of_a_person_is_shown<H: Harness>(harness: H) {
    let store = harness.store();
    for (at, name) in [None, Some("Al"), Some("Alice Example"), Some("Alice"), None].into_iter().enumerate() {
        let mut message = mail("/a.mbox", at as u64, &format!("m{at}"), "text");
        message.people = vec![person(" Alice@Example.ORG ", name, PersonRole::From)];
        commit(store, vec![message]).await;
    }
    let graph = peanut::store::GraphStore::expected_graph(store).await.expect("graph");
    let shown: Vec<&str> = graph
        .nodes
        .iter()
        .filter_map(|node| match node {
            peanut::domain::graph::Node::Person { display_name, email, .. } => {
                assert_eq!(email.as_deref(), Some("alice@example.org"));
                Some(display_name.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(shown, ["Alice Example"]);
    assert_eq!(store.counts().await.expect("counts").persons, 1);
}

pub(crate) async fn retire_and_restore<H: Harness>(harness: H) {
    let store = harness.store();
    let (a, b) = (file("/a.md", "one"), file("/b.md", "two"));
    commit(store, vec![a.clone(), b.clone()]).await;
    let unknown = DocumentId::from_source_key("nobody");
    assert_eq!(store.retire(&[a.id, unknown, a.id], RetireReason::Deleted, after(1)).await.expect("retire"), 1);
    assert_eq!(store.retire(&[a.id], RetireReason::FileGone, after(2)).await.expect("again"), 0);
    let read = store.document(a.id).await.expect("document");
    assert_eq!(read.deleted_at, Some(after(1)));
    let counts = store.counts().await.expect("counts");
    assert_eq!((counts.documents, counts.deleted, counts.chunks), (1, 1, 1));
    assert_eq!(store.restore(&[a.id, b.id, unknown], after(3)).await.expect("restore"), 1);
    let counts = store.counts().await.expect("counts");
    assert_eq!((counts.documents, counts.deleted, counts.chunks), (2, 0, 2));
    let status = store.outbox_status(after(3)).await.expect("status");
    assert_eq!(status.pending, 4);
    assert_sound(store).await;
}

pub(crate) async fn what_the_user_deleted_is_listed<H: Harness>(harness: H) {
    let store = harness.store();
    let (a, b) = (file("/n/a.md", "one"), file("/n/b.md", "two"));
    let (c, d) = (file("/n.md", "three"), file("/n/sub/d.md", "four"));
    let all = [a.id, b.id, c.id, d.id];
    commit(store, vec![a.clone(), b.clone(), c.clone(), d.clone()]).await;
    let listed = async |of: DeletedOf<'_>| {
        let deleted = store.deleted(of, 10).await.expect("deleted");
        deleted.into_iter().map(|document| document.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(DeletedOf::Last).await, []);
    store.retire(&[a.id], RetireReason::Deleted, after(1)).await.expect("retire");
    store.retire(&[b.id], RetireReason::FileGone, after(2)).await.expect("retire");
    store.retire(&[c.id, d.id], RetireReason::Deleted, after(3)).await.expect("retire");
    assert_eq!(listed(DeletedOf::Ids(&all)).await, [c.id, d.id, a.id], "the latest first, none whose file is gone");
    assert_eq!(listed(DeletedOf::Ids(&[a.id, b.id])).await, [a.id]);
    assert_eq!(listed(DeletedOf::Path("/n/a.md")).await, [a.id]);
    assert_eq!(listed(DeletedOf::Path("/n")).await, [d.id, a.id], "a folder is no beginning of a name");
    assert_eq!(listed(DeletedOf::Path("/n/")).await, [d.id, a.id]);
    assert_eq!(listed(DeletedOf::Path("/%")).await, [], "no pattern either");
    assert_eq!(listed(DeletedOf::Last).await, [c.id, d.id], "what was deleted together");
    assert_eq!(store.deleted(DeletedOf::Ids(&all), 1).await.expect("deleted").len(), 1);
    let told = store.deleted(DeletedOf::Ids(&[a.id]), 1).await.expect("deleted").remove(0);
    assert_eq!((told.title, told.source_path, told.deleted_at), ("a".into(), "/n/a.md".into(), after(1)));
    store.restore(&[c.id, d.id], after(4)).await.expect("restore");
    assert_eq!(listed(DeletedOf::Last).await, [a.id], "then the deletion before");
}

pub(crate) async fn files_know_what_they_hold<H: Harness>(harness: H) {
    let store = harness.store();
    let messages = (0..3).map(|n| mail("/box.mbox", n * 100, &format!("m{n}@x"), &format!("text {n}")));
    let gone = mail("/box.mbox", 0, "m0@x", "text 0").id;
    commit(store, messages.chain([file("/a.md", "one")]).collect()).await;
    let paths = ["/a.md", "/none", "/box.mbox", "/a.md"].map(str::to_owned);
    assert_eq!(store.documents_held(&paths).await.expect("held"), [1, 0, 3, 1]);
    store.retire(&[gone], RetireReason::Deleted, after(1)).await.expect("retire");
    assert_eq!(store.documents_held(&paths[2..3]).await.expect("held"), [2]);
    assert!(store.documents_held(&[]).await.expect("held").is_empty());
}

pub(crate) async fn retire_file_retires_all_of_it<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.mbox")], false, NOW).await.expect("offer");
    let messages = vec![mail("/a.mbox", 0, "m1", "x"), mail("/a.mbox", 9, "m2", "y"), mail("/b.mbox", 0, "m3", "z")];
    let ids: Vec<DocumentId> = messages.iter().map(|message| message.id).collect();
    commit(store, messages).await;
    assert_eq!(store.retire_file("/a.mbox", after(1)).await.expect("retire"), ids[..2]);
    assert_eq!(store.retire_file("/a.mbox", after(2)).await.expect("again"), []);
    let file = store.file("/a.mbox").await.expect("file").expect("row");
    assert_eq!((file.state, file.bytes_done, file.updated_at), (FileState::Retired, 0, after(1)));
    assert_eq!(store.counts().await.expect("counts").documents, 1);
    assert_eq!(store.retire_file("/nowhere", NOW).await.expect("nothing"), []);
    assert_sound(store).await;
}

pub(crate) async fn find_by_content_sees_live_documents<H: Harness>(harness: H) {
    let store = harness.store();
    let (a, b) = (file("/a.md", "one"), file("/b.md", "two"));
    commit(store, vec![a.clone(), b.clone()]).await;
    store.retire(&[b.id], RetireReason::FileGone, NOW).await.expect("retire");
    let found = store.find_by_content(&[a.content_sha256, b.content_sha256, [7; 32]]).await.expect("find");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].id, found[0].source_path.as_str(), found[0].content_sha256),
        (a.id, "/a.md", a.content_sha256)
    );
}

pub(crate) async fn threads_are_gathered<H: Harness>(harness: H) {
    let store = harness.store();
    let answer = |id: &str, offset: u64, to: Option<&str>, references: &[&str], at: i64| {
        let mut message = mail("/a.mbox", offset, id, &format!("text of {id}"));
        message.dated_at = Some(Timestamp(at));
        if let Some(meta) = &mut message.message {
            meta.in_reply_to = to.map(str::to_owned);
            meta.references = references.iter().map(|id| (*id).to_owned()).collect();
        }
        message
    };
    let messages = vec![
        answer("c", 0, Some("b"), &["a", "b"], 30),
        answer("a", 1, None, &[], 10),
        answer("b", 2, Some("a"), &[], 20),
        answer("d", 3, Some("never-held"), &[], 40),
        answer("e", 4, Some("never-held"), &[], 50),
        answer("alone", 5, None, &[], 60),
    ];
    let id = |name: &str| mail("", 0, name, "").id;
    commit(store, messages).await;
    for start in ["a", "b", "c"] {
        let thread = store.document(id(start)).await.expect("document").thread;
        let ids: Vec<DocumentId> = thread.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [id("a"), id("b"), id("c")], "from {start}");
        assert_eq!(thread[0].from, "Ann");
    }
    assert_eq!(store.document(id("d")).await.expect("d").thread.len(), 2);
    assert_eq!(store.document(id("alone")).await.expect("alone").thread.len(), 1);
}

pub(crate) async fn missing_document_is_not_found<H: Harness>(harness: H) {
    let id = DocumentId::from_source_key("nobody");
    let error = harness.store().document(id).await.expect_err("missing");
    assert_eq!(error.kind, StoreErrorKind::NotFound);
    assert!(error.to_string().contains(&id.to_string()), "{error}");
}

/// A batch of one document under a key.
fn once(text: &str, key: &str, fingerprint: u8, now: Timestamp) -> CommitBatch {
    let once = Some(OnceKey { key: key.to_owned(), fingerprint: [fingerprint; 32] });
    CommitBatch { once, now, ..batch(vec![file(&format!("/{text}.md"), text)]) }
}

pub(crate) async fn a_key_writes_once<H: Harness>(harness: H) {
    let store = harness.store();
    let first = store.commit(&once("one", "k", 1, NOW)).await.expect("commit");
    assert_eq!((first.outcomes.as_slice(), first.earlier), ([WriteOutcome::Added].as_slice(), None));
    let id = file("/one.md", "one").id;
    // Whatever is asked under a known key, nothing is written; the fingerprint says whether it was the same.
    for (text, fingerprint) in [("one", 1), ("two", 2)] {
        let again = harness.another().await.commit(&once(text, "k", fingerprint, after(1))).await.expect("commit");
        assert_eq!(again.outcomes, []);
        assert_eq!(again.earlier, Some(EarlierCommit { fingerprint: [1; 32], document_id: id, added: true }));
    }
    assert_eq!(store.counts().await.expect("counts").documents, 1);
    // A duplicate is remembered as what it was.
    let copy = CommitBatch {
        once: Some(OnceKey { key: "copy".into(), fingerprint: [3; 32] }),
        ..batch(vec![file("/copy.md", "one")])
    };
    assert_eq!(store.commit(&copy.clone()).await.expect("commit").outcomes, [WriteOutcome::Duplicate(id)]);
    let again = store.commit(&copy).await.expect("commit").earlier.expect("known");
    assert_eq!((again.document_id, again.added), (id, false));
    // A commit that fails uses no key up.
    let failing = CommitBatch { instant_model: Some(ModelId::from("unheard-of")), ..once("three", "fresh", 4, NOW) };
    store.commit(&failing).await.expect_err("an unknown model");
    assert_eq!(store.commit(&once("three", "fresh", 4, NOW)).await.expect("commit").outcomes, [WriteOutcome::Added]);
    assert_sound(store).await;
}

pub(crate) async fn a_key_writes_once_at_once<H: Harness>(harness: H) {
    let (one, other) = (harness.another().await, harness.another().await);
    for round in 0..10 {
        let (text, key) = (format!("text {round}"), format!("key {round}"));
        let batch = once(&text, &key, 1, NOW);
        let (a, b) = tokio::join!(one.commit(&batch), other.commit(&batch));
        let earlier = [a.expect("commit").earlier, b.expect("commit").earlier];
        assert_eq!(earlier.iter().flatten().count(), 1, "{earlier:?}");
    }
    assert_eq!(harness.store().counts().await.expect("counts").documents, 10);
    assert_sound(harness.store()).await;
}

pub(crate) async fn keys_are_forgotten_after_a_week<H: Harness>(harness: H) {
    let store = harness.store();
    store.commit(&once("one", "k", 1, NOW)).await.expect("commit");
    let kept = NOW.plus(ONCE_KEPT);
    assert!(store.commit(&once("two", "k", 1, kept)).await.expect("commit").earlier.is_some());
    let late = kept.plus(std::time::Duration::from_millis(1));
    assert_eq!(store.commit(&once("two", "k", 2, late)).await.expect("commit").outcomes, [WriteOutcome::Added]);
    let again = store.commit(&once("two", "k", 2, late)).await.expect("commit").earlier.expect("known");
    assert_eq!(again.document_id, file("/two.md", "two").id);
}

pub(crate) async fn documents_are_listed_in_pages<H: Harness>(harness: H) {
    let store = harness.store();
    for n in 0..7 {
        let mut document = file(&format!("/{n}.md"), &format!("text {n}"));
        document.tags = vec![format!("t{n}"), "all".into()];
        commit_one(store, document).await;
    }
    commit_one(store, mail("/a.mbox", 0, "m", "a message")).await;
    let page = |after, limit| DocumentPage { after, limit, ..DocumentPage::default() };
    let mut titles = Vec::new();
    let mut after = None;
    loop {
        let listing = store.list_documents(&page(after, 3)).await.expect("list");
        titles.extend(listing.documents.iter().map(|document| document.source_path.clone()));
        // Neither what comes in nor what was listed moves what follows.
        commit_one(store, file(&format!("/late{}.md", titles.len()), &format!("late {}", titles.len()))).await;
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(titles, ["/a.mbox", "/6.md", "/5.md", "/4.md", "/3.md", "/2.md", "/1.md", "/0.md"]);
    let of_kind = |source_type| DocumentPage { source_type: Some(source_type), ..page(None, 100) };
    let mails = store.list_documents(&of_kind(SourceType::Mail)).await.expect("list");
    assert_eq!(mails.documents.len(), 1);
    assert_eq!(mails.next, None);
    assert!(store.list_documents(&of_kind(SourceType::Pdf)).await.expect("list").documents.is_empty());
    let gone = file("/3.md", "text 3").id;
    store.retire(&[gone], RetireReason::Deleted, NOW).await.expect("retire");
    let deleted = store.list_documents(&DocumentPage { deleted: true, ..page(None, 100) }).await.expect("list");
    assert_eq!(deleted.documents.len(), 1);
    assert_eq!((deleted.documents[0].id, deleted.documents[0].deleted_at), (gone, Some(NOW)));
    assert_eq!(deleted.documents[0].tags, ["all", "t3"]);
    let live = store.list_documents(&page(None, 100)).await.expect("list").documents;
    assert!(live.iter().all(|document| document.id != gone && document.deleted_at.is_none()));
}

pub(crate) async fn progress_tells_what_is_left<H: Harness>(harness: H) {
    let store = harness.store();
    for name in ["instant", "background"] {
        store.register_model(&ModelId::from(name), 4, NOW).await.expect("register");
    }
    let mut document = file("/a.md", "a text");
    for chunk in &mut document.chunks {
        chunk.vector = Some(vec![1.0, 0.0, 0.0, 0.0]);
    }
    let id = document.id;
    store.commit(&batch_with(vec![document, file("/b.md", "b")], "instant", &["background"])).await.expect("commit");
    let progress = store.document_progress(id).await.expect("progress");
    let by_model: Vec<(&str, u64, u64)> =
        progress.embeddings.iter().map(|m| (m.model.0.as_str(), m.done, m.pending)).collect();
    assert_eq!(by_model, [("instant", 1, 0), ("background", 0, 1)]);
    assert_eq!((progress.searchable_chunks, progress.events_pending, progress.events_dead), (1, 1, 0));
    let events = store.claim_events("w", 10, LEASE, NOW).await.expect("claim");
    let own: Vec<_> = events.iter().filter(|event| event.entity_id == id.0).map(|event| event.id).collect();
    assert_eq!(store.document_progress(id).await.expect("progress").events_pending, 1, "in hand is not done");
    store.mark_processed(&own, NOW).await.expect("processed");
    assert_eq!(store.document_progress(id).await.expect("progress").events_pending, 0);
    let nobody = DocumentId::from_source_key("nobody");
    let error = store.document_progress(nobody).await.expect_err("nobody");
    assert_eq!(error.kind, StoreErrorKind::NotFound);
}
