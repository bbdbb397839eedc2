//! What the screens ask of the house. Implemented by `runtime::wiring`, called by `app::drivers` only.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::search::{SearchRequest, SearchResponse};
use crate::domain::status::StatusSnapshot;
use crate::domain::{DocumentId, DocumentView, EventId};

/// What happened to paths the user offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferReport {
    /// Files now queued.
    pub queued: u64,
    /// Files left alone because they are already in, unchanged.
    pub unchanged: u64,
    /// Paths that cannot be taken, each with the reason and what to do.
    pub refused: Vec<(String, String)>,
}

/// One line of the log, for the Log screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// RFC 3339 time.
    pub timestamp: String,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`.
    pub level: String,
    /// Which part of the program.
    pub target: String,
    /// Stable event name and fields, as one line.
    pub text: String,
}

/// Everything a screen can ask for. Errors are sentences for the user: what was wrong, what to do.
#[async_trait]
pub trait Services: Send + Sync + 'static {
    /// The latest picture of the machine; updated a few times a second while things move.
    fn status(&self) -> watch::Receiver<Arc<StatusSnapshot>>;
    /// Searches.
    async fn search(&self, request: SearchRequest) -> Result<SearchResponse, String>;
    /// Documents like this one.
    async fn more_like(&self, id: DocumentId, limit: usize) -> Result<SearchResponse, String>;
    /// The whole document.
    async fn document(&self, id: DocumentId) -> Result<DocumentView, String>;
    /// Deletes documents (they can be restored).
    async fn delete(&self, ids: Vec<DocumentId>) -> Result<u64, String>;
    /// Brings deleted documents back.
    async fn restore(&self, ids: Vec<DocumentId>) -> Result<u64, String>;
    /// Brings back what was deleted last, in this session or before; none when nothing is deleted.
    async fn restore_last(&self) -> Result<u64, String>;
    /// Queues files and folders (walked).
    async fn offer_paths(&self, paths: Vec<String>) -> Result<OfferReport, String>;
    /// Stores a note; returns its document.
    async fn write_note(&self, title: String, text: String) -> Result<DocumentId, String>;
    /// Watches a folder and takes in what it holds.
    async fn add_folder(&self, path: String, excludes: Vec<String>) -> Result<OfferReport, String>;
    /// Stops watching a folder.
    async fn remove_folder(&self, path: String) -> Result<(), String>;
    /// Pauses or resumes intake.
    async fn pause_intake(&self, paused: bool) -> Result<(), String>;
    /// Pauses or resumes background embedding.
    async fn pause_embedding(&self, paused: bool) -> Result<(), String>;
    /// Takes a file in again.
    async fn retry_file(&self, path: String) -> Result<(), String>;
    /// Retries a dead letter.
    async fn retry_dead_letter(&self, id: i64) -> Result<(), String>;
    /// Forgets a dead letter.
    async fn discard_dead_letter(&self, id: i64) -> Result<(), String>;
    /// Retries a dead event.
    async fn retry_event(&self, id: EventId) -> Result<(), String>;
    /// Skips a dead event.
    async fn skip_event(&self, id: EventId) -> Result<(), String>;
    /// Settings that can be changed at run time, as `(key, value, what it does)`.
    async fn settings(&self) -> Result<Vec<(String, String, String)>, String>;
    /// Changes a setting; refuses impossible values.
    async fn put_setting(&self, key: String, value: String) -> Result<(), String>;
    /// The newest lines of the log, oldest first.
    async fn log_tail(&self, lines: usize) -> Result<Vec<LogLine>, String>;
}
