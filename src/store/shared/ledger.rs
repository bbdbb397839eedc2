//! A ledger row in memory: how commits and updates move it on. Pure.
//!
//! Loaded and written back by the adapters' `ledger`; moved by their `documents::commit` and `intake`.

use crate::domain::intake::{FileState, FileUpdate, ItemCounts};
use crate::domain::{SourceType, Timestamp};

/// The part of a ledger row that work on the file changes.
#[derive(Clone, Debug)]
pub(crate) struct FileRow {
    /// Row number.
    pub(crate) seq: i64,
    /// Absolute path.
    pub(crate) path: String,
    /// What it was recognised as.
    pub(crate) source_type: Option<SourceType>,
    /// Where it stands.
    pub(crate) state: FileState,
    /// Why it failed or was skipped, or what it duplicates.
    pub(crate) reason: Option<String>,
    /// Bytes read so far.
    pub(crate) bytes_done: i64,
    /// Hash of an archive's head.
    pub(crate) head_sha256: Option<Vec<u8>>,
    /// What became of its items in the present pass.
    pub(crate) items: ItemCounts,
    /// When it was offered.
    pub(crate) offered_at: i64,
    /// Last change.
    pub(crate) updated_at: i64,
    /// Who has it in hand.
    pub(crate) worker: Option<String>,
    /// Until when.
    pub(crate) lease_until: Option<i64>,
    /// What a commit extends the lease by.
    pub(crate) lease_ms: Option<i64>,
    /// 1: changed while in hand, queue again; 2: and read all of it again.
    pub(crate) offered_again: i64,
    /// Times it was claimed; zero when it never was.
    pub(crate) pass: i64,
    /// Byte offset where the present pass began to read: what lies before it was not read again and still stands.
    pub(crate) pass_start: i64,
}

/// Outcomes of one commit for one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Added, changed or moved.
    pub(crate) documents: u64,
    /// Held elsewhere.
    pub(crate) duplicates: u64,
    /// Held from this file.
    pub(crate) unchanged: u64,
    /// The file is one document, not an archive of many.
    pub(crate) is_whole_file: bool,
    /// Path of a document that one of the duplicates repeats.
    pub(crate) duplicate_of: Option<String>,
}

impl FileRow {
    /// Takes note that an item at `offset` was read in this pass. A pass starts where the last one ended unless it
    /// reads something before that: then it reads the whole file again.
    pub(crate) fn read_at(&mut self, offset: i64) {
        if offset < self.pass_start {
            self.pass_start = 0;
        }
    }

    /// Adds what a commit did. A file that is one document counts one item in a pass, however often it is committed.
    pub(crate) fn count(&mut self, tally: &Tally) {
        let counted = self.items.documents + self.items.duplicates + self.items.unchanged;
        if tally.is_whole_file && self.pass > 0 && counted > 0 {
            return;
        }
        self.items.documents += tally.documents;
        self.items.duplicates += tally.duplicates;
        if let Some(path) = tally.duplicate_of.as_deref().filter(|_| tally.is_whole_file) {
            self.reason = Some(format!("same content as {path}"));
        }
        self.items.unchanged += tally.unchanged;
    }

    /// Takes over an update. Progress of a file that is not in hand (any more) changes no state.
    pub(crate) fn apply(&mut self, update: &FileUpdate, now: Timestamp) {
        self.source_type = update.source_type.or(self.source_type);
        self.bytes_done = i64::try_from(update.bytes_done).unwrap_or(i64::MAX);
        self.head_sha256.clone_from(&update.head_sha256);
        self.items.seen = update.seen;
        self.items.skipped = update.skipped;
        self.updated_at = now.0;
        if update.state == FileState::Parsing {
            if self.state == FileState::Parsing {
                self.reason.clone_from(&update.reason);
            }
            return;
        }
        let known_reason = std::mem::replace(&mut self.reason, update.reason.clone());
        self.state = update.state;
        let only_duplicate = ItemCounts { seen: 1, duplicates: 1, ..ItemCounts::default() };
        if update.state == FileState::Indexed && self.items == only_duplicate {
            self.state = FileState::Duplicate;
            self.reason = self.reason.take().or(known_reason);
        }
        self.worker = None;
        self.lease_until = None;
        let again = std::mem::take(&mut self.offered_again);
        if again > 0 {
            self.state = FileState::Queued;
            self.offered_at = now.0;
        }
        if again > 1 {
            self.bytes_done = 0;
            self.head_sha256 = None;
        }
    }

    /// Keeps a file in hand for another lease.
    pub(crate) fn extend_lease(&mut self, lease_ms: Option<i64>, now: Timestamp) {
        if self.state == FileState::Parsing
            && let Some(lease) = lease_ms.or(self.lease_ms)
        {
            self.lease_ms = Some(lease);
            self.lease_until = Some(now.0.saturating_add(lease));
            self.updated_at = now.0;
        }
    }
}
