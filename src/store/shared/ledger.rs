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
    /// Hash of an archive's head and of where its reading ended.
    pub(crate) head_sha256: Option<Vec<u8>>,
    /// Hash of the whole file as last read.
    pub(crate) content_sha256: Option<Vec<u8>>,
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
    /// What one of the duplicates repeats, in words.
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
        if let Some(reason) = tally.duplicate_of.as_ref().filter(|_| tally.is_whole_file) {
            self.reason = Some(reason.clone());
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
        self.content_sha256 = update.content_sha256.map(|hash| hash.to_vec());
        let known_reason = std::mem::replace(&mut self.reason, update.reason.clone());
        self.state = update.state;
        let only_duplicate = ItemCounts { seen: 1, duplicates: 1, ..ItemCounts::default() };
        if update.state == FileState::Indexed && self.items == only_duplicate {
            self.state = FileState::Duplicate;
            // Whom it repeats matters more than what was left out of it, which the other says as well.
            self.reason = known_reason.or(self.reason.take());
        }
        self.worker = None;
        self.lease_until = None;
        let again = std::mem::take(&mut self.offered_again);
        if again > 0 {
            self.state = FileState::Queued;
            self.offered_at = now.0;
        }
        if again > 1 || self.state == FileState::Retired {
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

/// Paths below a folder are greater than this...
pub(crate) fn start_of(folder: &str) -> String {
    format!("{}/", folder.trim_end_matches('/'))
}

/// ...and less than this: `0` follows `/`.
pub(crate) fn end_of(folder: &str) -> String {
    format!("{}0", folder.trim_end_matches('/'))
}

/// What the row of a file says that is gone while something of it was brought back: the text in the store is all there is.
pub(crate) const BROUGHT_BACK: &str = "the file is gone; what was brought back of it is kept here";

/// Promises about files, each with a query (columns `path` and `host`) of those of which it does not hold: for both engines.
/// `check` tells them, and `--repair` takes them in anew.
pub(crate) const FILE_CHECKS: [(&str, &str); 4] = [
    (
        "what a finished file is said to hold is held by a live document, or was deleted by the user",
        "SELECT path, host FROM file WHERE state IN ('indexed', 'duplicate') AND documents + unchanged + duplicates > 0
            AND NOT EXISTS (SELECT 1 FROM document WHERE source_path = file.path
                AND (deleted_at IS NULL OR deleted_reason = 'deleted'))
            AND NOT EXISTS (SELECT 1 FROM duplicate JOIN document ON document.seq = duplicate.document_seq
                WHERE duplicate.path = file.path AND (deleted_at IS NULL OR deleted_reason = 'deleted'))",
    ),
    (
        "every duplicate has a live holder, or one that the user deleted",
        "SELECT file.path, host FROM duplicate JOIN document ON document.seq = duplicate.document_seq
            JOIN file ON file.path = duplicate.path
            WHERE deleted_reason = 'file_gone' AND state NOT IN ('queued', 'parsing', 'retired')",
    ),
    (
        "of every duplicate it is known what it repeats",
        "SELECT path, host FROM file WHERE state IN ('indexed', 'duplicate', 'failed', 'skipped') AND duplicates > 0
            AND duplicates > (SELECT count(*) FROM duplicate WHERE duplicate.path = file.path)",
    ),
    (
        "no live document is of a file that is gone, but for what was brought back",
        "SELECT path, host FROM file WHERE state = 'retired' AND origin <> 'drop_zone'
            AND reason IS DISTINCT FROM 'the file is gone; what was brought back of it is kept here'
            AND EXISTS (SELECT 1 FROM document WHERE source_path = file.path AND deleted_at IS NULL)",
    ),
];

/// Files of which one of these promises does not hold: columns `path` and `host`.
pub(crate) fn unsound_files() -> String {
    FILE_CHECKS.map(|(_, sql)| sql).join(" UNION ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_brought_back_is_known_by_its_words() {
        assert!(FILE_CHECKS.iter().any(|(_, sql)| sql.contains(BROUGHT_BACK)));
    }
}
