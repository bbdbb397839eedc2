//! What the screens ask of the house. `Services` is implemented by `runtime::services` and called by `app::drivers`
//! only, `Drafts` by `runtime::drafts`, `Searches` by `runtime::searches`, both called by `app::event_loop`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::search::{SearchRequest, SearchResponse};
use crate::domain::settings::SettingNow;
use crate::domain::status::StatusSnapshot;
use crate::domain::{DocumentId, DocumentLinks, DocumentView, EventId};

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

/// What came back of documents that were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// How many documents.
    pub documents: u64,
    /// Files they were read from that are gone: what came back is kept in the store alone.
    pub gone_files: u64,
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

/// A note that is being written, or that an earlier start left unfinished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Which one, within this process.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
}

/// Keeps notes that are not stored yet, so that no end of the process loses them. Calls may wait for the disk.
/// Numbers from [`DRAFTS_FOUND`] on are those of drafts that were found.
pub trait Drafts: Send + Sync + 'static {
    /// What earlier processes left, the newest last; what another process is writing is not among it.
    fn waiting(&self) -> Vec<Draft>;
    /// Keeps a draft as it is now.
    ///
    /// # Errors
    /// In words.
    fn keep(&self, draft: &Draft) -> Result<(), String>;
    /// Forgets a draft; one that was never kept is forgotten already.
    ///
    /// # Errors
    /// In words.
    fn discard(&self, number: u64) -> Result<(), String>;
}

/// Remembers searches, so that the next start offers them too. Calls may wait for the disk.
pub trait Searches: Send + Sync + 'static {
    /// Those of earlier starts, the newest last.
    fn remembered(&self) -> Vec<String>;
    /// Remembers one as the newest; one that is known moves to the end.
    ///
    /// # Errors
    /// In words.
    fn remember(&self, query: &str) -> Result<(), String>;
}

/// The first number of a draft that was found.
pub const DRAFTS_FOUND: u64 = 1 << 32;

/// A signal of the keyboard that reaches us this soon after the terminal came back was meant for who had it.
const MEANT_FOR_OTHERS: Duration = Duration::from_millis(250);

/// Whether another program has the terminal: what the keyboard signals then (Ctrl-C, Ctrl-\\) is meant for that program,
/// although it reaches both. Told by the loop, read by whoever listens to signals.
#[derive(Clone, Debug, Default)]
pub struct TerminalLent(Arc<Mutex<Lent>>);

#[derive(Clone, Copy, Debug, Default)]
enum Lent {
    #[default]
    Never,
    Now,
    Until(Instant),
}

impl TerminalLent {
    /// Another program has the terminal.
    pub fn lend(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Lent::Now;
    }

    /// The terminal is ours again; nothing changes where it was not lent.
    pub fn take_back(&self) {
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*lent, Lent::Now) {
            *lent = Lent::Until(Instant::now());
        }
    }

    /// Whether what the keyboard signals now is meant for somebody else.
    #[must_use]
    pub fn has_the_keyboard(&self) -> bool {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Lent::Never => false,
            Lent::Now => true,
            Lent::Until(moment) => moment.elapsed() < MEANT_FOR_OTHERS,
        }
    }
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
    /// How a document is linked with others.
    async fn links(&self, id: DocumentId) -> Result<DocumentLinks, String>;
    /// Deletes documents (they can be restored).
    async fn delete(&self, ids: Vec<DocumentId>) -> Result<u64, String>;
    /// Brings deleted documents back.
    async fn restore(&self, ids: Vec<DocumentId>) -> Result<Restored, String>;
    /// Brings back what was deleted last, in this session or before; none when nothing is deleted.
    async fn restore_last(&self) -> Result<Restored, String>;
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
    /// Every setting with its present value and where that comes from.
    async fn settings(&self) -> Result<Vec<SettingNow>, String>;
    /// Changes a setting where it is kept, and says when that takes effect; refuses impossible values.
    async fn put_setting(&self, key: String, value: String) -> Result<String, String>;
    /// The newest lines of the log, oldest first.
    async fn log_tail(&self, lines: usize) -> Result<Vec<LogLine>, String>;
}
