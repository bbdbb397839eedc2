//! The ledger of files: what was offered, what became of it, and why. Kept by the store, moved by `ingest`.

use serde::{Deserialize, Serialize};

use super::document::SourceType;
use super::ids::DocumentId;
use super::time::Timestamp;

/// Who offered a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It lay in the drop zone.
    DropZone,
    /// It lies in a watched folder; when it vanishes, its documents are retired.
    Folder,
    /// A path given on screen, on the command line or by paste.
    Explicit,
}

impl Origin {
    /// The stable name used in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DropZone => "drop_zone",
            Self::Folder => "folder",
            Self::Explicit => "explicit",
        }
    }

    /// The origin with the stable name `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::DropZone, Self::Folder, Self::Explicit].into_iter().find(|origin| origin.as_str() == name)
    }
}

/// Where a file stands on its way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Parsing,
    /// All of it that can be read is in the store (dead letters of single messages may remain).
    Indexed,
    /// Its content is already held under another path; nothing new.
    Duplicate,
    /// Could not be read; a dead letter says why and when it is tried again.
    Failed,
    /// Nothing to read in it, by rule (empty, hidden, unsupported type); the reason says which.
    Skipped,
    /// It vanished or moved away; its documents are retired, or moved with it.
    Retired,
}

impl FileState {
    /// Every state, in the order screens list them.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Parsing, Self::Indexed, Self::Duplicate, Self::Failed, Self::Skipped, Self::Retired];

    /// The stable name used in the store and on screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Parsing => "parsing",
            Self::Indexed => "indexed",
            Self::Duplicate => "duplicate",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Retired => "retired",
        }
    }

    /// The state with the stable name `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A file offered for ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedFile {
    /// Absolute path.
    pub path: String,
    /// Who offered it.
    pub origin: Origin,
    /// Size when offered, in bytes.
    pub size_bytes: u64,
    /// Modification time when offered, in milliseconds since the epoch.
    pub modified_at: Timestamp,
    /// What else tells that a file changed in any way (inode, times, rights, owner), as a number; 0 when it cannot be
    /// relied on, because the file changed a moment before.
    pub stamp: i64,
    /// The device it lies on; `None` when that is not known.
    pub device: Option<i64>,
}

/// By what a known file is compared with the file as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMark {
    /// Absolute path.
    pub path: String,
    /// Where it stands.
    pub state: FileState,
    /// Size in bytes when last offered.
    pub size_bytes: u64,
    /// See [`OfferedFile::stamp`]; `None` for files of before it was kept.
    pub stamp: Option<i64>,
    /// SHA-256 of the whole file as last read; `None` for archives and for what was never read whole.
    pub content_sha256: Option<[u8; 32]>,
    /// The device it lay on when it was last offered, if known.
    pub device: Option<i64>,
}

/// A known file below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPath {
    /// Absolute path.
    pub path: String,
    /// The device it lay on when it was last offered, if known.
    pub device: Option<i64>,
}

/// Counts of a file's items (messages of an archive; otherwise the file itself).
/// `seen == documents + duplicates + unchanged + dead_letters + skipped` once a file is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ItemCounts {
    /// Items read so far.
    pub seen: u64,
    /// Became (or updated) a document.
    pub documents: u64,
    /// Already held elsewhere.
    pub duplicates: u64,
    /// Already held from this very file, as they are.
    pub unchanged: u64,
    /// Could not be read.
    pub dead_letters: u64,
    /// Left out by rule (an empty file).
    pub skipped: u64,
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FileRecord {
    /// Absolute path.
    pub path: String,
    /// Who offered it.
    pub origin: Origin,
    /// What it was recognised as.
    pub source_type: Option<SourceType>,
    /// Where it stands.
    pub state: FileState,
    /// Why it failed or was skipped, or what it duplicates.
    pub reason: Option<String>,
    /// Size in bytes when last offered.
    pub size_bytes: u64,
    /// Modification time when last offered.
    pub modified_at: Timestamp,
    /// Bytes read so far; for an append-only archive, where the next scan starts.
    pub bytes_done: u64,
    /// SHA-256 of the first and the last 64 KiB of the `bytes_done` bytes of an archive, to tell appending from rewriting.
    pub head_sha256: Option<Vec<u8>>,
    /// What became of its items.
    pub items: ItemCounts,
    /// When it was offered.
    pub offered_at: Timestamp,
    /// Last change of this row: the heartbeat of a file in hand.
    pub updated_at: Timestamp,
    /// How often it was taken in hand since anything came out of it, this time included: more than once when processes ended
    /// meanwhile.
    pub attempts: u32,
}

/// A change of a ledger row, committed together with the documents it speaks of.
#[derive(Clone, Debug, PartialEq)]
pub struct FileUpdate {
    /// The row.
    pub path: String,
    /// New state.
    pub state: FileState,
    /// What it was recognised as, if known by now.
    pub source_type: Option<SourceType>,
    /// New reason; `None` clears it.
    pub reason: Option<String>,
    /// New position.
    pub bytes_done: u64,
    /// See [`FileRecord::head_sha256`].
    pub head_sha256: Option<Vec<u8>>,
    /// Absolute counts that do not depend on the commit (`seen`, `dead_letters`, `skipped`) since the
    /// file was claimed; the store adds `documents`, `duplicates` and `unchanged` from the outcomes.
    pub seen: u64,
    /// Items left out by rule so far.
    pub skipped: u64,
    /// Set when this is all that the file holds now: the documents that earlier commits of the same pass found in it. Every
    /// other live document of the file that the batch does not hold either retires with it.
    pub whole: Option<Vec<DocumentId>>,
    /// SHA-256 of the whole file as read; `None` for archives and for what was not read whole.
    pub content_sha256: Option<[u8; 32]>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// The file.
    pub path: String,
    /// Byte offset of the message in its archive; `None` for the whole file.
    pub offset: Option<u64>,
    /// What was wrong and what to do.
    pub error: String,
    /// When it is tried again.
    pub retry: Retry,
}

/// When something that could not be read is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// A few times, soon: a file may have been half written.
    #[default]
    AFewTimes,
    /// Until it goes well: nothing is wrong with the file itself (a disk error, no descriptors left, rights).
    UntilItPasses,
    /// When it changes, or when somebody asks for it: trying costs too much.
    ByHand,
}

/// A dead letter as the screens show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DeadLetter {
    /// Row.
    pub id: i64,
    /// The file.
    pub path: String,
    /// Byte offset of the message in its archive; `None` for the whole file.
    pub offset: Option<u64>,
    /// What was wrong and what to do.
    pub error: String,
    /// Times it was tried, the first included.
    pub attempts: u32,
    /// When it is tried next; `None` when given up until the user retries.
    pub next_retry_at: Option<Timestamp>,
    /// First failure.
    pub first_failed_at: Timestamp,
    /// Last failure.
    pub last_failed_at: Timestamp,
}

/// A folder indexed in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WatchedFolder {
    /// Absolute path.
    pub path: String,
    /// Gitignore-style patterns left out, besides hidden files and the folder's own `.gitignore`.
    pub excludes: Vec<String>,
}

/// The ledger in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct IntakeCounts {
    /// Files per state; states without files left out.
    pub files_by_state: Vec<(FileState, u64)>,
    /// Items over all files.
    pub items: ItemCounts,
    /// Bytes of queued and parsing files not yet read.
    pub bytes_waiting: u64,
    /// Dead letters waiting for a retry.
    pub dead_letters_retrying: u64,
    /// Dead letters given up.
    pub dead_letters_dead: u64,
}
