//! Documents in and out. `commit` is called only by `outbox::recorder`; the rest by ingest, search and the screens.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::intake::{FileUpdate, NewDeadLetter};
use crate::domain::{
    DocumentId, DocumentLinks, DocumentProgress, DocumentSummary, DocumentView, ModelId, NewDocument, SourceType,
    Timestamp, WriteOutcome,
};

use super::StoreResult;

/// Everything one transaction writes: documents with their persons, chunks, instant vectors and outbox
/// events, the ledger rows they belong to, and what could not be read beside them.
#[derive(Clone, Debug, Default)]
pub struct CommitBatch {
    /// Documents, in order. Two with the same `source_key` or (for files) the same content may meet in one batch.
    pub documents: Vec<NewDocument>,
    /// For a moved file: `(source_key of the document above, id of the document that moved there)`.
    pub moves: Vec<(String, DocumentId)>,
    /// Ledger rows to update.
    pub files: Vec<FileUpdate>,
    /// What could not be read; counted on the file's row as `dead_letters` when new. A dead letter that
    /// exists for the same path and offset gets one more attempt instead.
    pub dead_letters: Vec<NewDeadLetter>,
    /// Places `(path, offset)` that were read well this time: their dead letters go.
    pub recovered: Vec<(String, Option<u64>)>,
    /// The model of `NewChunk::vector`.
    pub instant_model: Option<ModelId>,
    /// Models whose background jobs are queued for every new searchable chunk; one the store does not know is passed over.
    pub background_models: Vec<ModelId>,
    /// Set by a caller that may repeat itself: the batch is written once for this key.
    pub once: Option<OnceKey>,
    /// The moment written everywhere.
    pub now: Timestamp,
}

/// Names a batch of one document that must be written once, however often its caller asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceKey {
    /// The caller's name for it, unique among all callers; kept for [`ONCE_KEPT`].
    pub key: String,
    /// SHA-256 of what was asked: tells a repetition from another request under the same key.
    pub fingerprint: [u8; 32],
}

/// How long a key is known.
pub const ONCE_KEPT: Duration = Duration::from_hours(7 * 24);

/// What an earlier batch with the same key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierCommit {
    /// What was asked then.
    pub fingerprint: [u8; 32],
    /// The document that held the content then: its own, or the one it was a duplicate of.
    pub document_id: DocumentId,
    /// Whether it was new.
    pub added: bool,
}

/// What `commit` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitReport {
    /// One outcome per document of the batch, in order.
    pub outcomes: Vec<WriteOutcome>,
    /// The document that holds the content of each, in order: the store chooses the id of what moved, what it repeats and
    /// what it must keep apart.
    pub ids: Vec<DocumentId>,
    /// Outbox events appended.
    pub events: u64,
    /// Background embedding jobs queued.
    pub jobs: u64,
    /// Set when the batch's key was known: nothing was written, and `outcomes` and `ids` are empty.
    pub earlier: Option<EarlierCommit>,
}

/// Which documents to list: newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentPage {
    /// Only documents listed after this place; `None` begins with the newest.
    pub after: Option<i64>,
    /// Documents wanted.
    pub limit: u32,
    /// Only this kind.
    pub source_type: Option<SourceType>,
    /// Deleted documents instead of live ones.
    pub deleted: bool,
}

/// A page of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentListing {
    /// In the order they were first taken in, the newest first.
    pub documents: Vec<DocumentSummary>,
    /// The place of the last one, when there may be more.
    pub next: Option<i64>,
}

/// A stored document with the same content as a file at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentMatch {
    /// The content.
    pub content_sha256: [u8; 32],
    /// Who holds it.
    pub id: DocumentId,
    /// Its source path.
    pub source_path: String,
}

/// Which deleted documents are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedOf<'a> {
    /// These, as far as the user deleted them.
    Ids(&'a [DocumentId]),
    /// Those read from this file, or whose content it repeats, or read from files below this folder.
    Path(&'a str),
    /// Those that were deleted last, together.
    Last,
}

/// A document the user deleted; its text is kept, and it can be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    /// Its source path.
    pub source_path: String,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

/// Why documents leave the searchable set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetireReason {
    /// The user deleted them.
    Deleted,
    /// Their file vanished from a watched folder.
    FileGone,
}

/// Documents: commit, retire, restore, read.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Writes the batch in one transaction and appends one outbox event per added, changed or moved document.
    ///
    /// Rules: a document whose `source_key` is held with the same `content_sha256` is `Unchanged` (and is
    /// restored, as `Changed`, when it had been retired because its file was gone; one the user deleted stays
    /// deleted); with other content it is `Changed`: chunks are compared by `text_sha256`, equal ones keep
    /// their row and vectors. Mail with the Message-ID of a stored mail is that mail only when it is equal, by
    /// `content_sha256` or `fingerprint`, or when it took its place in its file; otherwise it is a document of its own.
    /// Equal mail held from another path or offset is a `Duplicate`; so is any other document whose `content_sha256` a
    /// live document holds, or one the user deleted, unless `moves` names it, which makes it `Moved`. Everything else is
    /// `Added`. A file whose only document is a duplicate gets the state
    /// [`crate::domain::intake::FileState::Duplicate`] instead of `Indexed`.
    /// Idempotent: committing the same batch twice changes nothing the second time.
    ///
    /// The files of duplicates are queued again, to be read whole, when the document they repeat gets other content or is
    /// retired with its file, here and in `retire` and `retire_file`; not when the user deletes it.
    ///
    /// A batch with a [`OnceKey`] that is known already writes nothing at all and answers with what the first did; of two
    /// at the same moment one writes and the other is told of it. The key is remembered in the same transaction.
    async fn commit(&self, batch: &CommitBatch) -> StoreResult<CommitReport>;

    /// Marks live documents deleted, appends `document_deleted` for each, and takes them out of both search
    /// legs. Ids that are unknown or already retired are passed over. Returns how many were retired.
    async fn retire(&self, ids: &[DocumentId], reason: RetireReason, now: Timestamp) -> StoreResult<u64>;

    /// Undoes `retire`; appends `document_changed`. Returns how many came back.
    async fn restore(&self, ids: &[DocumentId], now: Timestamp) -> StoreResult<u64>;

    /// Retires every live document read from `path` and marks its ledger row retired. Returns the ids.
    async fn retire_file(&self, path: &str, now: Timestamp) -> StoreResult<Vec<DocumentId>>;

    /// Documents the user deleted and may bring back, the latest deletion first; at most `limit`. Those whose file is gone
    /// are not among them.
    async fn deleted(&self, of: DeletedOf<'_>, limit: u32) -> StoreResult<Vec<DeletedDocument>>;

    /// How many live documents each file holds, in the order of `paths`, whichever pass over it brought them.
    async fn documents_held(&self, paths: &[String]) -> StoreResult<Vec<u64>>;

    /// Live documents whose content is one of `hashes`, but for those read from files of other hosts.
    async fn find_by_content(&self, hashes: &[[u8; 32]]) -> StoreResult<Vec<ContentMatch>>;

    /// The whole document with its thread, deleted or not. `NotFound` when there is none.
    async fn document(&self, id: DocumentId) -> StoreResult<DocumentView>;

    /// How a document is linked with others, as [`super::GraphStore::project`] resolves links; nothing for one that is unknown.
    async fn links(&self, id: DocumentId) -> StoreResult<DocumentLinks>;

    /// A page of documents, without their text.
    async fn list_documents(&self, page: &DocumentPage) -> StoreResult<DocumentListing>;

    /// What is still to be done for one document. `NotFound` when there is none.
    async fn document_progress(&self, id: DocumentId) -> StoreResult<DocumentProgress>;

    /// Ids of all live documents read from `path`.
    async fn documents_of_file(&self, path: &str) -> StoreResult<Vec<DocumentId>>;
}
