//! Facts that happened: keys, answers of the drivers, new pictures of the machine. Consumed by `update`.

use std::sync::Arc;

use tui_textarea::Input;

use crate::domain::search::SearchResponse;
use crate::domain::settings::SettingNow;
use crate::domain::status::StatusSnapshot;
use crate::domain::{DocumentId, DocumentLinks, DocumentView, Timestamp};

use super::ports::{Draft, LogLine, OfferReport, Restored};

/// One fact.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each names what happened")]
pub enum Event {
    Key(Input),
    Pasted(String),
    Resized {
        width: u16,
        height: u16,
    },
    Scrolled(i16),
    Clicked {
        column: u16,
        row: u16,
    },
    Ticked(Timestamp),
    Opened(Result<(), String>),
    StatusChanged(Arc<StatusSnapshot>),
    Searched {
        generation: u64,
        result: Result<SearchResponse, String>,
    },
    DocumentLoaded {
        id: DocumentId,
        result: Result<Box<DocumentView>, String>,
    },
    /// How a document is linked with others.
    LinksLoaded {
        id: DocumentId,
        result: Result<DocumentLinks, String>,
    },
    /// The messages of the thread that `open` belongs to, in order.
    ThreadLoaded {
        open: DocumentId,
        result: Result<Vec<DocumentView>, String>,
    },
    Offered(Result<OfferReport, String>),
    Deleted {
        ids: Vec<DocumentId>,
        result: Result<u64, String>,
    },
    /// Documents were brought back, or could not be.
    Restored {
        ids: Vec<DocumentId>,
        result: Result<Restored, String>,
    },
    /// Searches of earlier starts, the newest last.
    SearchesFound(Vec<String>),
    /// Notes that earlier starts left unfinished, the newest last.
    DraftsFound(Vec<Draft>),
    /// The note is stored, or why not: its editor stays until then.
    NoteWritten(Result<(), String>),
    /// The setting is changed, or why not: its prompt stays until then.
    SettingPut {
        name: String,
        value: String,
        result: Result<String, String>,
    },
    SettingsLoaded(Result<Vec<SettingNow>, String>),
    LogLoaded(Result<Vec<LogLine>, String>),
    PathCompleted {
        typed: String,
        completed: Vec<String>,
    },
    /// An action ended: what to tell, or what went wrong.
    Finished(Result<String, String>),
}
