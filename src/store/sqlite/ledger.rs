//! Ledger rows inside a transaction: loaded, moved on in memory, written back in one go.
//!
//! Shared by `documents::commit` (rows move together with the documents they speak of) and `intake`.

use std::collections::HashMap;

use sqlx::{Row as _, SqliteConnection};

use crate::domain::intake::{FileState, FileUpdate, ItemCounts};
use crate::domain::{SourceType, Timestamp};

use super::batch::{insert_rows, json_texts};
use super::rows::{named, signed, unsigned};

/// The part of a ledger row that work on the file changes.
#[derive(Clone, Debug)]
pub(super) struct FileRow {
    seq: i64,
    /// Absolute path.
    pub(super) path: String,
    source_type: Option<SourceType>,
    /// Where it stands.
    pub(super) state: FileState,
    reason: Option<String>,
    bytes_done: i64,
    head_sha256: Option<Vec<u8>>,
    /// What became of its items in the present pass.
    pub(super) items: ItemCounts,
    offered_at: i64,
    updated_at: i64,
    worker: Option<String>,
    lease_until: Option<i64>,
    lease_ms: Option<i64>,
    /// 1: changed while in hand, queue again; 2: and read all of it again.
    offered_again: i64,
    /// Times it was claimed; zero when it never was.
    pub(super) pass: i64,
    /// Byte offset where the present pass began to read: what lies before it was not read again and still stands.
    pub(super) pass_start: i64,
}

/// Outcomes of one commit for one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Added, changed or moved.
    pub(super) documents: u64,
    /// Held elsewhere.
    pub(super) duplicates: u64,
    /// Held from this file.
    pub(super) unchanged: u64,
    /// The file is one document, not an archive of many.
    pub(super) is_whole_file: bool,
    /// Path of a document that one of the duplicates repeats.
    pub(super) duplicate_of: Option<String>,
}

impl FileRow {
    /// Takes note that an item at `offset` was read in this pass. A pass starts where the last one ended unless it
    /// reads something before that: then it reads the whole file again.
    pub(super) fn read_at(&mut self, offset: i64) {
        if offset < self.pass_start {
            self.pass_start = 0;
        }
    }

    /// Adds what a commit did. A file that is one document counts one item in a pass, however often it is committed.
    pub(super) fn count(&mut self, tally: &Tally) {
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
    pub(super) fn apply(&mut self, update: &FileUpdate, now: Timestamp) {
        self.source_type = update.source_type.or(self.source_type);
        self.bytes_done = signed(update.bytes_done);
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
    pub(super) fn extend_lease(&mut self, lease_ms: Option<i64>, now: Timestamp) {
        if self.state == FileState::Parsing
            && let Some(lease) = lease_ms.or(self.lease_ms)
        {
            self.lease_ms = Some(lease);
            self.lease_until = Some(now.0.saturating_add(lease));
            self.updated_at = now.0;
        }
    }
}

/// Loads the rows of `paths`; paths without a row are left out.
pub(super) async fn load_files<'a>(
    connection: &mut SqliteConnection,
    paths: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, FileRow>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT seq, path, source_type, state, reason, bytes_done, head_sha256, seen, documents, duplicates, unchanged,
                dead_letters, skipped, offered_at, updated_at, worker, lease_until, lease_ms, offered_again, pass, pass_start
         FROM file WHERE path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1))",
    )
    .bind(json_texts(paths))
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let path: String = row.try_get(1)?;
            let source_type: Option<String> = row.try_get(2)?;
            let file = FileRow {
                seq: row.try_get(0)?,
                path: path.clone(),
                source_type: source_type.map(|name| named("source type", &name, SourceType::parse)).transpose()?,
                state: named("file state", row.try_get(3)?, FileState::parse)?,
                reason: row.try_get(4)?,
                bytes_done: row.try_get(5)?,
                head_sha256: row.try_get(6)?,
                items: items_at(&row, 7)?,
                offered_at: row.try_get(13)?,
                updated_at: row.try_get(14)?,
                worker: row.try_get(15)?,
                lease_until: row.try_get(16)?,
                lease_ms: row.try_get(17)?,
                offered_again: row.try_get(18)?,
                pass: row.try_get(19)?,
                pass_start: row.try_get(20)?,
            };
            Ok((path, file))
        })
        .collect()
}

/// Six counts in the order of the table, from column `first` on.
pub(super) fn items_at(row: &sqlx::sqlite::SqliteRow, first: usize) -> Result<ItemCounts, sqlx::Error> {
    Ok(ItemCounts {
        seen: unsigned(row.try_get(first)?),
        documents: unsigned(row.try_get(first + 1)?),
        duplicates: unsigned(row.try_get(first + 2)?),
        unchanged: unsigned(row.try_get(first + 3)?),
        dead_letters: unsigned(row.try_get(first + 4)?),
        skipped: unsigned(row.try_get(first + 5)?),
    })
}

/// Writes rows back.
pub(super) async fn save_files(connection: &mut SqliteConnection, files: &[&FileRow]) -> Result<(), sqlx::Error> {
    insert_rows(
        connection,
        "WITH new (seq, source_type, state, reason, bytes_done, head_sha256, seen, documents, duplicates, unchanged,
                   dead_letters, skipped, offered_at, updated_at, worker, lease_until, lease_ms, offered_again, pass_start)
         AS (VALUES",
        19,
        ") UPDATE file SET source_type = new.source_type, state = new.state, reason = new.reason, bytes_done = new.bytes_done,
              head_sha256 = new.head_sha256, seen = new.seen, documents = new.documents, duplicates = new.duplicates,
              unchanged = new.unchanged, dead_letters = new.dead_letters, skipped = new.skipped,
              offered_at = new.offered_at, updated_at = new.updated_at, worker = new.worker,
              lease_until = new.lease_until, lease_ms = new.lease_ms, offered_again = new.offered_again,
              pass_start = new.pass_start
         FROM new WHERE file.seq = new.seq",
        files,
        |statement, file| {
            statement
                .bind(file.seq)
                .bind(file.source_type.map(SourceType::as_str))
                .bind(file.state.as_str())
                .bind(file.reason.as_deref())
                .bind(file.bytes_done)
                .bind(file.head_sha256.as_deref())
                .bind(signed(file.items.seen))
                .bind(signed(file.items.documents))
                .bind(signed(file.items.duplicates))
                .bind(signed(file.items.unchanged))
                .bind(signed(file.items.dead_letters))
                .bind(signed(file.items.skipped))
                .bind(file.offered_at)
                .bind(file.updated_at)
                .bind(file.worker.as_deref())
                .bind(file.lease_until)
                .bind(file.lease_ms)
                .bind(file.offered_again)
                .bind(file.pass_start)
        },
    )
    .await
}
