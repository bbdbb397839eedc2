//! Ledger rows inside a transaction: loaded, moved on in memory, written back in one go.
//!
//! Shared by `documents::commit` (rows move together with the documents they speak of) and `intake`.

use std::collections::HashMap;

use sqlx::{Row as _, SqliteConnection};

use crate::domain::SourceType;
use crate::domain::intake::{FileState, ItemCounts};

use super::batch::{insert_rows, json_texts};
use super::rows::{named, signed, unsigned};

pub(super) use crate::store::shared::ledger::FileRow;

/// Loads the rows of `paths`; paths without a row are left out.
pub(super) async fn load_files<'a>(
    connection: &mut SqliteConnection,
    paths: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, FileRow>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT seq, path, source_type, state, reason, bytes_done, head_sha256, seen, documents, duplicates, unchanged,
                dead_letters, skipped, offered_at, updated_at, worker, lease_until, lease_ms, offered_again, pass, pass_start,
                content_sha256
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
                content_sha256: row.try_get(21)?,
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
                   dead_letters, skipped, offered_at, updated_at, worker, lease_until, lease_ms, offered_again, pass_start,
                   content_sha256)
         AS (VALUES",
        20,
        ") UPDATE file SET source_type = new.source_type, state = new.state, reason = new.reason, bytes_done = new.bytes_done,
              head_sha256 = new.head_sha256, seen = new.seen, documents = new.documents, duplicates = new.duplicates,
              unchanged = new.unchanged, dead_letters = new.dead_letters, skipped = new.skipped,
              offered_at = new.offered_at, updated_at = new.updated_at, worker = new.worker,
              lease_until = new.lease_until, lease_ms = new.lease_ms, offered_again = new.offered_again,
              pass_start = new.pass_start, attempts = 0, content_sha256 = new.content_sha256
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
                .bind(file.content_sha256.as_deref())
        },
    )
    .await
}
