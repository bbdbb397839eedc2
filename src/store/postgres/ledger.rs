//! Ledger rows inside a transaction: loaded and locked, moved on in memory, written back in one go.
//!
//! Shared by `documents::commit` (rows move together with the documents they speak of) and `intake`. Rows are always
//! locked in the order of their paths, and before the dead letters of their files.

use std::collections::HashMap;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use crate::domain::SourceType;
use crate::domain::intake::{FileState, ItemCounts};

use super::rows::{named, signed, text, unsigned};

pub(super) use crate::store::shared::ledger::FileRow;

/// Loads the rows of `paths` and keeps others from changing them until the transaction ends; paths without a row are
/// left out.
pub(super) async fn load_files<'a>(
    connection: &mut PgConnection,
    paths: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, FileRow>, sqlx::Error> {
    let paths: Vec<&str> = paths.collect();
    if paths.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(
        "SELECT seq, path, source_type, state, reason, bytes_done, head_sha256, seen, documents, duplicates, unchanged,
                dead_letters, skipped, offered_at, updated_at, worker, lease_until, lease_ms, offered_again, pass, pass_start,
                content_sha256
         FROM file WHERE path = ANY($1) ORDER BY path FOR UPDATE",
    )
    .bind(paths)
    .fetch_all(connection)
    .await?;
    rows.iter()
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
                items: items_at(row, 7)?,
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
pub(super) fn items_at(row: &PgRow, first: usize) -> Result<ItemCounts, sqlx::Error> {
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
pub(super) async fn save_files(connection: &mut PgConnection, files: &[&FileRow]) -> Result<(), sqlx::Error> {
    if files.is_empty() {
        return Ok(());
    }
    let numbers = |of: fn(&FileRow) -> i64| -> Vec<i64> { files.iter().map(|file| of(file)).collect() };
    let counts =
        |of: fn(&ItemCounts) -> u64| -> Vec<i64> { files.iter().map(|file| signed(of(&file.items))).collect() };
    let moments = |of: fn(&FileRow) -> Option<i64>| -> Vec<Option<i64>> { files.iter().map(|file| of(file)).collect() };
    sqlx::query(
        "UPDATE file SET source_type = new.source_type, state = new.state, reason = new.reason, bytes_done = new.bytes_done,
              head_sha256 = new.head_sha256, seen = new.seen, documents = new.documents, duplicates = new.duplicates,
              unchanged = new.unchanged, dead_letters = new.dead_letters, skipped = new.skipped,
              offered_at = new.offered_at, updated_at = new.updated_at, worker = new.worker,
              lease_until = new.lease_until, lease_ms = new.lease_ms, offered_again = new.offered_again,
              pass_start = new.pass_start, attempts = 0, content_sha256 = new.content_sha256
         FROM unnest($1::BIGINT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BYTEA[], $7::BIGINT[],
                $8::BIGINT[], $9::BIGINT[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[], $13::BIGINT[], $14::BIGINT[],
                $15::TEXT[], $16::BIGINT[], $17::BIGINT[], $18::BIGINT[], $19::BIGINT[], $20::BYTEA[])
            AS new (seq, source_type, state, reason, bytes_done, head_sha256, seen, documents, duplicates, unchanged,
                dead_letters, skipped, offered_at, updated_at, worker, lease_until, lease_ms, offered_again, pass_start,
                content_sha256)
         WHERE file.seq = new.seq",
    )
    .bind(numbers(|file| file.seq))
    .bind(files.iter().map(|file| file.source_type.map(SourceType::as_str)).collect::<Vec<_>>())
    .bind(files.iter().map(|file| file.state.as_str()).collect::<Vec<_>>())
    .bind(files.iter().map(|file| file.reason.as_deref().map(text)).collect::<Vec<_>>())
    .bind(numbers(|file| file.bytes_done))
    .bind(files.iter().map(|file| file.head_sha256.as_deref()).collect::<Vec<_>>())
    .bind(counts(|items| items.seen))
    .bind(counts(|items| items.documents))
    .bind(counts(|items| items.duplicates))
    .bind(counts(|items| items.unchanged))
    .bind(counts(|items| items.dead_letters))
    .bind(counts(|items| items.skipped))
    .bind(numbers(|file| file.offered_at))
    .bind(numbers(|file| file.updated_at))
    .bind(files.iter().map(|file| file.worker.as_deref()).collect::<Vec<_>>())
    .bind(moments(|file| file.lease_until))
    .bind(moments(|file| file.lease_ms))
    .bind(numbers(|file| file.offered_again))
    .bind(numbers(|file| file.pass_start))
    .bind(files.iter().map(|file| file.content_sha256.as_deref()).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}
