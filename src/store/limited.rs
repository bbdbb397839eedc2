//! A store whose every call ends in bounded time, whatever the network between it and its server does.
//!
//! PostgreSQL ends statements that take too long by itself; a network that loses what is sent gives no answer at all,
//! and nobody may wait for it for ever. A call that is given up is retryable: its transaction is undone, or was committed
//! without anybody hearing of it, and every write of the store may be repeated. Wrapped around a store by `runtime`.

#![expect(clippy::disallowed_methods, reason = "only passes on what the recorder calls")]

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, GraphCounts, GraphDump, Node, NodeLabel};
use crate::domain::health::WorkerRecord;
use crate::domain::intake::{
    DeadLetter, FileMark, FileRecord, FileUpdate, IntakeCounts, KnownPath, OfferedFile, WatchedFolder,
};
use crate::domain::key::{KeyRecord, SecretHash};
use crate::domain::names::NameQuery;
use crate::domain::outbox::{ClaimedEvent, DeadEvent, OutboxStatus};
use crate::domain::search::{Filter, HitSource, ScoredChunk, VectorQuery, WordsQuery};
use crate::domain::status::{EmbeddingProgress, StoreCounts};
use crate::domain::{ChunkId, DocumentId, DocumentLinks, DocumentProgress, DocumentView, EventId, ModelId, Timestamp};

use super::transfer::{Marks, Row, StoreDump, Table, TransferStore};
use super::{
    CommitBatch, CommitReport, ContentMatch, DamagedText, DatePage, DatedChunks, DeletedDocument, DeletedOf,
    DocumentListing, DocumentPage, DocumentStore, EmbeddingJob, EmbeddingStore, EventFailure, FailedEmbedding,
    FilePage, GraphStore, IntakeStore, Integrity, KeyStore, Legs, Neighbourhood, OutboxStore, ReplicaStatus,
    RetireReason, SearchStore, StoreError, StoreErrorKind, StoreInfo, StoreResult, SystemStore, TermSuggestion,
};

/// A usual call takes at most this long: a statement's own limit of 30 s, and as much to get a connection.
const CALL_LIMIT: Duration = Duration::from_mins(1);
/// Calls of many statements take at most so many times as long.
const WRITE: u32 = 2;
/// Calls that read the store whole take at most so many times as long.
const WHOLE: u32 = 10;
const CALL: u32 = 1;

/// The store inside, with limits.
#[derive(Debug)]
pub struct Limited<S> {
    store: S,
    limit: Duration,
}

impl<S> Limited<S> {
    /// `store` with the usual limits: a minute for a call, two for a commit, ten for what reads everything.
    pub fn new(store: S) -> Self {
        Self { store, limit: CALL_LIMIT }
    }

    /// The same with another limit for a usual call; the others are as many times longer.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn within<T>(
        &self,
        times: u32,
        operation: &'static str,
        call: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        let limit = self.limit * times;
        let answer = tokio::time::timeout(limit, call).await;
        answer.unwrap_or_else(|_| {
            let message = format!(
                "no answer within {} s: the server is stuck or overloaded, or the network loses what is sent",
                limit.as_secs_f32()
            );
            Err(StoreError { kind: StoreErrorKind::Retryable, operation, key: String::new(), message, source: None })
        })
    }
}

/// Every method of a trait, each within so many times the limit. What stands behind `also` has no result to report in.
macro_rules! limited {
    ($trait:ident also { $($more:tt)* }: $($times:ident $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl<S: $trait> $trait for Limited<S> {
            $(async fn $name(&self, $($argument: $kind),*) -> StoreResult<$answer> {
                self.within($times, stringify!($name), self.store.$name($($argument),*)).await
            })*
            $($more)*
        }
    };
}

limited! { DocumentStore also {}:
    WRITE commit(batch: &CommitBatch) -> CommitReport;
    WRITE retire(ids: &[DocumentId], reason: RetireReason, now: Timestamp) -> u64;
    WRITE restore(ids: &[DocumentId], now: Timestamp) -> u64;
    WRITE retire_file(path: &str, now: Timestamp) -> Vec<DocumentId>;
    CALL deleted(of: DeletedOf<'_>, limit: u32) -> Vec<DeletedDocument>;
    CALL documents_held(paths: &[String]) -> Vec<u64>;
    CALL find_by_content(hashes: &[[u8; 32]]) -> Vec<ContentMatch>;
    CALL document(id: DocumentId) -> DocumentView;
    CALL links(id: DocumentId) -> DocumentLinks;
    CALL documents_of_file(path: &str) -> Vec<DocumentId>;
    CALL list_documents(page: &DocumentPage) -> DocumentListing;
    CALL document_progress(id: DocumentId) -> DocumentProgress;
}

limited! { EmbeddingStore also {}:
    WRITE register_model(model: &ModelId, dimension: usize, now: Timestamp) -> ();
    CALL queue_missing(model: &ModelId, limit: u32, now: Timestamp) -> u64;
    CALL claim_embeddings(model: &ModelId, worker: &str, limit: u32, lease: Duration, now: Timestamp) -> Vec<EmbeddingJob>;
    CALL complete_embeddings(model: &ModelId, vectors: &[(ChunkId, Option<Vec<f32>>)], now: Timestamp) -> ();
    CALL fail_embeddings(model: &ModelId, failures: &[FailedEmbedding], now: Timestamp) -> ();
    CALL release_embeddings(model: &ModelId, chunks: &[ChunkId]) -> ();
    CALL retry_failed_embeddings(model: &ModelId) -> u64;
    CALL embedding_progress() -> Vec<EmbeddingProgress>;
    WRITE drop_model(model: &ModelId) -> ();
}

limited! { GraphStore also {}:
    CALL project(ids: &[DocumentId], now: Timestamp) -> Vec<DocumentProjection>;
    WHOLE expected_graph() -> GraphDump;
    CALL apply_projections(projections: &[DocumentProjection]) -> ();
    CALL graph_table_counts() -> GraphCounts;
    WHOLE graph_table_dump() -> GraphDump;
    CALL graph_table_neighbourhood(id: Uuid, limit: u32) -> Neighbourhood;
    WHOLE clear_graph_tables() -> ();
    CALL graph_table_nodes(label: Option<NodeLabel>, after: Option<Uuid>, limit: u32) -> Vec<Node>;
    CALL graph_table_find(query: &NameQuery, labels: &[NodeLabel], limit: u32) -> Vec<Node>;
}

limited! { IntakeStore also {}:
    WRITE offer(files: &[OfferedFile], force: bool, now: Timestamp) -> u64;
    CALL claim_files(worker: &str, limit: u32, lease: Duration, now: Timestamp) -> Vec<FileRecord>;
    CALL update_files(updates: &[FileUpdate], lease: Duration, now: Timestamp) -> ();
    CALL release_files(paths: &[String], now: Timestamp) -> ();
    CALL file(path: &str) -> Option<FileRecord>;
    CALL files(page: &FilePage) -> Vec<FileRecord>;
    CALL paths_below(folder: &str, after: &str, limit: u32) -> Vec<KnownPath>;
    CALL marks(paths: &[String]) -> Vec<FileMark>;
    CALL troubled(path: &str, after: &str, limit: u32) -> Vec<FileRecord>;
    WHOLE unsound_files(after: &str, limit: u32) -> Vec<String>;
    CALL intake_counts() -> IntakeCounts;
    CALL dead_letters(offset: u64, limit: u64) -> Vec<DeadLetter>;
    CALL queue_due_retries(now: Timestamp) -> u64;
    CALL retry_dead_letter(id: i64, now: Timestamp) -> ();
    CALL discard_dead_letter(id: i64) -> ();
    CALL folders() -> Vec<WatchedFolder>;
    CALL put_folder(folder: &WatchedFolder, now: Timestamp) -> ();
    WRITE remove_folder(path: &str) -> ();
}

limited! { OutboxStore also {}:
    CALL claim_events(worker: &str, limit: u32, lease: Duration, now: Timestamp) -> Vec<ClaimedEvent>;
    CALL mark_processed(ids: &[EventId], now: Timestamp) -> ();
    CALL mark_failed(failures: &[EventFailure], now: Timestamp) -> ();
    CALL release_events(ids: &[EventId]) -> ();
    CALL outbox_status(now: Timestamp) -> OutboxStatus;
    CALL dead_events(offset: u64, limit: u64) -> Vec<DeadEvent>;
    CALL retry_event(id: EventId) -> ();
    CALL skip_event(id: EventId, now: Timestamp) -> ();
    CALL prune_processed(before: Timestamp, limit: u32) -> u64;
    WHOLE replay_documents(now: Timestamp) -> u64;
}

limited! { SearchStore also {}:
    CALL search_words(query: &WordsQuery, filter: &Filter, limit: usize) -> Vec<ScoredChunk>;
    CALL search_vectors(queries: &[VectorQuery], filter: &Filter, limit: usize) -> Vec<ScoredChunk>;
    CALL search_legs(words: &WordsQuery, queries: &[VectorQuery], filter: &Filter, limit: usize) -> Legs;
    CALL score_vectors(queries: &[VectorQuery], chunks: &[ChunkId]) -> Vec<Option<f32>>;
    CALL score_words(query: &WordsQuery, chunks: &[ChunkId]) -> Vec<Option<f32>>;
    CALL by_date(filter: &Filter, page: &DatePage) -> DatedChunks;
    CALL newest(filter: &Filter, limit: usize) -> Vec<ScoredChunk>;
    CALL hydrate(chunks: &[ChunkId]) -> Vec<HitSource>;
    CALL document_frequencies(terms: &[String]) -> Vec<u64>;
    CALL suggest(word: &str, limit: usize) -> Vec<TermSuggestion>;
    CALL document_vectors(model: &ModelId, id: DocumentId) -> Vec<Vec<f32>>;
    CALL chunk_vectors(model: &ModelId, chunks: &[ChunkId]) -> HashMap<ChunkId, Vec<f32>>;
    WHOLE warm_up() -> ();
}

limited! { SystemStore also {
        async fn close(&self) {
            // Connections that hang are left to end by themselves.
            if tokio::time::timeout(self.limit, self.store.close()).await.is_err() {
                tracing::warn!(event = "store_left_open", "connections to the store did not close in time");
            }
        }
    }:
    CALL ping() -> ();
    CALL info() -> StoreInfo;
    CALL counts() -> StoreCounts;
    WHOLE verify() -> Integrity;
    WHOLE damaged_texts() -> Vec<DamagedText>;
    WRITE distrust_texts(chunks: &[i64]) -> ();
    WHOLE repair_index() -> bool;
    CALL setting(key: &str) -> Option<String>;
    CALL put_setting(key: &str, value: &str, now: Timestamp) -> ();
    CALL settings() -> Vec<(String, String)>;
    CALL replace_setting(key: &str, expected: Option<&str>, value: Option<&str>, now: Timestamp) -> bool;
    CALL release_leases(worker: Option<&str>, now: Timestamp) -> u64;
    CALL put_worker(worker: &WorkerRecord) -> ();
    CALL workers() -> Vec<WorkerRecord>;
    WHOLE optimize() -> ();
    CALL replica() -> Option<ReplicaStatus>;
}

limited! { KeyStore also {}:
    CALL add_key(key: &KeyRecord) -> ();
    CALL key_by_hash(secret_sha256: &SecretHash) -> Option<KeyRecord>;
    CALL keys() -> Vec<KeyRecord>;
    CALL has_keys() -> bool;
    CALL revoke_key(id: &str, now: Timestamp) -> KeyRecord;
    CALL rotate_key(id: &str, secret_sha256: &SecretHash, expires_at: Option<Timestamp>, now: Timestamp) -> KeyRecord;
    CALL note_key_use(id: &str, now: Timestamp) -> ();
    CALL forget_key(id: &str) -> ();
}

limited! { TransferStore also {}:
    CALL begin_dump() -> Box<dyn StoreDump>;
    WHOLE begin_load(origin: &str, now: Timestamp) -> ();
    WRITE load(table: &'static Table, rows: Vec<Row>) -> ();
    WHOLE seal_load(marks: &Marks) -> ();
    CALL complete_load() -> ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_without_answer_is_given_up_as_retryable() {
        let limited = Limited::new(()).with_limit(Duration::from_millis(20));
        let error = limited.within::<()>(CALL, "ask", std::future::pending()).await.unwrap_err();
        assert!(error.is_retryable() && error.to_string().contains("no answer within 0.02 s"), "{error}");
        assert_eq!(limited.within(CALL, "ask", async { Ok(7) }).await.unwrap(), 7);
    }
}
