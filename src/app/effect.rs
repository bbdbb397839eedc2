//! Requests for IO, as data. Made by `update`, carried out by `drivers` and the event loop.

use crate::domain::search::SearchRequest;
use crate::domain::{DocumentId, EventId};

use super::ports::Draft;

/// One request.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
#[expect(missing_docs, reason = "each names the service call it stands for")]
pub enum Effect {
    Search {
        generation: u64,
        request: SearchRequest,
    },
    MoreLike {
        generation: u64,
        id: DocumentId,
    },
    LoadDocument(DocumentId),
    /// How a document that is open is linked with others.
    LoadLinks(DocumentId),
    /// The messages of the thread that `open` belongs to.
    LoadThread {
        open: DocumentId,
        messages: Vec<DocumentId>,
    },
    Delete(Vec<DocumentId>),
    Restore(Vec<DocumentId>),
    /// What was deleted last, by whatever process.
    RestoreLast,
    Offer(Vec<String>),
    AddFolder {
        path: String,
        excludes: Vec<String>,
    },
    RemoveFolder(String),
    WriteNote {
        title: String,
        text: String,
    },
    PauseIntake(bool),
    PauseEmbedding(bool),
    RetryFile(String),
    RetryDeadLetter(i64),
    DiscardDeadLetter(i64),
    RetryEvent(EventId),
    SkipEvent(EventId),
    LoadSettings,
    PutSetting {
        key: String,
        value: String,
    },
    LoadLog,
    CompletePath(String),
    /// To the terminal's clipboard.
    Copy(String),
    /// The terminal is handed to `$EDITOR`.
    Edit {
        path: String,
        line: Option<u32>,
    },
    /// The terminal is handed to `$PAGER`.
    Page(String),
    /// What is being written, as it is now.
    KeepDraft(Draft),
    /// The note with this number is stored, or was thrown away.
    DiscardDraft(u64),
    /// A search that the next start offers too.
    RememberSearch(String),
    /// The whole screen is drawn anew.
    Redraw,
    /// Stop the process until the shell brings it back.
    Suspend,
    Quit,
}

/// Requests in order.
pub type Effects = Vec<Effect>;
