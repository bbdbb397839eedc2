//! Small documents, batches and the relay's work, for the cases.

use std::time::Duration;

use peanut::domain::intake::{FileState, FileUpdate, NewDeadLetter, OfferedFile, Origin, Retry};
use peanut::domain::{
    ChunkKind, DocumentId, Link, LinkKind, MessageMeta, ModelId, NewChunk, NewDocument, PersonMention, PersonRole,
    Place, SourceType, Timestamp, WriteOutcome,
};
use peanut::store::{CommitBatch, CommitReport, GraphStore};
use sha2::{Digest as _, Sha256};

use crate::harness::Backend;

/// The moment cases start at.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);
/// A lease that outlives any case that does not move the time.
pub(crate) const LEASE: Duration = Duration::from_mins(1);

/// `NOW` and some seconds.
pub(crate) fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// A chunk of some text.
pub(crate) fn chunk(ordinal: u32, kind: ChunkKind, text: &str) -> NewChunk {
    let mut hash = Sha256::new();
    hash.update(b"context");
    hash.update([0]);
    hash.update(text.as_bytes());
    NewChunk {
        pieces: Vec::new(),
        ordinal,
        kind,
        text: text.to_owned(),
        overlap_bytes: 0,
        context: "context".to_owned(),
        place: Place { line: Some(ordinal + 1), ..Place::default() },
        token_count: u32::try_from(text.split_whitespace().count()).expect("few words"),
        text_sha256: hash.finalize().into(),
        terms: text.to_lowercase(),
        vector: None,
    }
}

/// A file of some paragraphs, one chunk each.
pub(crate) fn file(path: &str, text: &str) -> NewDocument {
    let source_key = format!("file:{path}");
    let stem = path.rsplit('/').next().expect("last part").trim_end_matches(".md");
    NewDocument {
        id: DocumentId::from_source_key(&source_key),
        source_key,
        source_type: SourceType::Markdown,
        source_path: path.to_owned(),
        source_offset: None,
        content_sha256: Sha256::digest(text.as_bytes()).into(),
        fingerprint: None,
        title: stem.to_owned(),
        dated_at: Some(Timestamp(NOW.0 - 1000)),
        tags: Vec::new(),
        concepts: Vec::new(),
        aliases: Vec::new(),
        links: Vec::new(),
        people: Vec::new(),
        message: None,
        chunks: text
            .split("\n\n")
            .enumerate()
            .map(|(at, text)| chunk(u32::try_from(at).expect("few"), ChunkKind::Body, text))
            .collect(),
    }
}

/// A message in an archive.
pub(crate) fn mail(archive: &str, offset: u64, message_id: &str, text: &str) -> NewDocument {
    let source_key = format!("message:{message_id}");
    NewDocument {
        id: DocumentId::from_source_key(&source_key),
        source_key,
        source_type: SourceType::Mail,
        source_path: archive.to_owned(),
        source_offset: Some(offset),
        content_sha256: Sha256::digest(format!("{message_id}\n{text}").as_bytes()).into(),
        fingerprint: Some(Sha256::digest(text.as_bytes()).into()),
        title: format!("About {message_id}"),
        dated_at: Some(NOW),
        tags: Vec::new(),
        concepts: Vec::new(),
        aliases: Vec::new(),
        links: Vec::new(),
        people: vec![person("ann@example.org", Some("Ann"), PersonRole::From)],
        message: Some(MessageMeta { message_id: message_id.to_owned(), ..MessageMeta::default() }),
        chunks: vec![chunk(0, ChunkKind::Body, text)],
    }
}

/// A person with an address.
pub(crate) fn person(email: &str, name: Option<&str>, role: PersonRole) -> PersonMention {
    PersonMention { email: Some(email.to_owned()), name: name.map(str::to_owned), role }
}

/// `[[target]]`
pub(crate) fn wikilink(target: &str) -> Link {
    Link { kind: LinkKind::Wikilink, target: target.to_owned() }
}

/// `[…](target)`
pub(crate) fn file_link(target: &str) -> Link {
    Link { kind: LinkKind::File, target: target.to_owned() }
}

/// A batch of documents alone.
pub(crate) fn batch(documents: Vec<NewDocument>) -> CommitBatch {
    CommitBatch { documents, now: NOW, ..CommitBatch::default() }
}

/// A batch of documents with one model for their vectors.
pub(crate) fn batch_with(documents: Vec<NewDocument>, instant: &str, background: &[&str]) -> CommitBatch {
    CommitBatch {
        instant_model: Some(ModelId::from(instant)),
        background_models: background.iter().map(|name| ModelId::from(*name)).collect(),
        ..batch(documents)
    }
}

/// Commits documents alone.
pub(crate) async fn commit(store: &impl Backend, documents: Vec<NewDocument>) -> CommitReport {
    store.commit(&batch(documents)).await.expect("commit")
}

/// Commits one document and tells what became of it.
pub(crate) async fn commit_one(store: &impl Backend, document: NewDocument) -> WriteOutcome {
    commit(store, vec![document]).await.outcomes.remove(0)
}

/// A file as a watcher offers it.
pub(crate) fn offered(path: &str) -> OfferedFile {
    OfferedFile {
        path: path.to_owned(),
        origin: Origin::Folder,
        size_bytes: 1000,
        modified_at: NOW,
        stamp: 7,
        device: Some(1),
    }
}

/// An update of a ledger row.
pub(crate) fn update(path: &str, state: FileState, seen: u64) -> FileUpdate {
    FileUpdate {
        path: path.to_owned(),
        state,
        source_type: None,
        reason: None,
        bytes_done: 1000,
        head_sha256: None,
        seen,
        skipped: 0,
        whole: None,
        content_sha256: None,
    }
}

/// Something that could not be read.
pub(crate) fn dead_letter(path: &str, offset: Option<u64>, error: &str) -> NewDeadLetter {
    NewDeadLetter { path: path.to_owned(), offset, error: error.to_owned(), retry: Retry::AFewTimes }
}

/// Does the relay's work until nothing is deliverable: claim, project, apply, mark.
pub(crate) async fn drain(store: &impl Backend, now: Timestamp) -> usize {
    let mut delivered = 0;
    loop {
        let events = store.claim_events("relay", 50, LEASE, now).await.expect("claim");
        if events.is_empty() {
            return delivered;
        }
        deliver(store, &events.iter().map(|event| DocumentId(event.entity_id)).collect::<Vec<_>>(), now).await;
        delivered += events.len();
        store.mark_processed(&events.iter().map(|event| event.id).collect::<Vec<_>>(), now).await.expect("mark");
    }
}

/// Projects documents and applies what comes out.
pub(crate) async fn deliver(store: &impl GraphStore, ids: &[DocumentId], now: Timestamp) {
    let projections = store.project(ids, now).await.expect("project");
    store.apply_projections(&projections).await.expect("apply");
}

/// The store's own deep check must find nothing.
pub(crate) async fn assert_sound(store: &impl Backend) {
    let integrity = store.verify().await.expect("verify");
    assert_eq!(integrity.problems, Vec::<String>::new());
    assert!(integrity.checked.len() > 5);
}

/// Drains the outbox; then the graph must be what the documents imply.
pub(crate) async fn assert_graph_matches(store: &impl Backend, now: Timestamp) {
    drain(store, now).await;
    assert_eq!(store.outbox_status(now).await.expect("status").pending, 0);
    let expected = store.expected_graph().await.expect("expected");
    let held = store.graph_table_dump().await.expect("dump");
    assert_eq!(expected.edges, held.edges);
    assert_eq!(expected.nodes, held.nodes);
    let counts = store.graph_table_counts().await.expect("counts");
    assert_eq!(counts.edges, held.edges.len() as u64);
    assert_eq!(counts.persons + counts.documents + counts.concepts, held.nodes.len() as u64);
}
