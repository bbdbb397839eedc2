//! The ledger read back: rows in order, and its numbers.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::domain::intake::{FileRecord, FileState, IntakeCounts, ItemCounts, Origin};
use crate::domain::{SourceType, Timestamp};
use crate::store::FilePage;

use super::super::SqliteStore;
use super::super::ledger::items_at;
use super::super::rows::{named, signed, unsigned};

/// Columns of a [`FileRecord`], in the order [`record`] reads them.
pub(super) const RECORD: &str = "path, origin, source_type, state, reason, size_bytes, modified_at, bytes_done, head_sha256, \
                      seen, documents, duplicates, unchanged, dead_letters, skipped, offered_at, updated_at, seq, attempts";
/// The record in a row of [`RECORD`] columns.
pub(super) fn record(row: &SqliteRow) -> Result<FileRecord, sqlx::Error> {
    let source_type: Option<String> = row.try_get(2)?;
    Ok(FileRecord {
        path: row.try_get(0)?,
        origin: named("origin", row.try_get(1)?, Origin::parse)?,
        source_type: source_type.map(|name| named("source type", &name, SourceType::parse)).transpose()?,
        state: named("file state", row.try_get(3)?, FileState::parse)?,
        reason: row.try_get(4)?,
        size_bytes: unsigned(row.try_get(5)?),
        modified_at: Timestamp(row.try_get(6)?),
        bytes_done: unsigned(row.try_get(7)?),
        head_sha256: row.try_get(8)?,
        items: items_at(row, 9)?,
        offered_at: Timestamp(row.try_get(15)?),
        updated_at: Timestamp(row.try_get(16)?),
        attempts: u32::try_from(row.try_get::<i64, _>(18)?).unwrap_or(0),
    })
}

/// See [`crate::store::IntakeStore::files`].
pub(super) async fn page(store: &SqliteStore, page: &FilePage) -> Result<Vec<FileRecord>, sqlx::Error> {
    let states: Vec<FileState> = if page.states.is_empty() { FileState::ALL.to_vec() } else { page.states.clone() };
    let needle = page.path_contains.as_deref().map(str::to_lowercase);
    // One index range per state, each already in order and cut: the whole ledger is never sorted.
    let filter = if needle.is_some() { " AND instr(coalesce(path_folded, lower(path)), ?3) > 0" } else { "" };
    let branches: Vec<String> = states
        .iter()
        .map(|state| {
            format!(
                "SELECT * FROM (SELECT seq, updated_at, state = 'parsing' AS in_hand FROM file WHERE state = '{}'{filter}
                 ORDER BY updated_at DESC, seq DESC LIMIT ?1 + ?2)",
                state.as_str()
            )
        })
        .collect();
    let columns: Vec<String> = RECORD.split(", ").map(|column| format!("file.{}", column.trim())).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT * FROM ({}) ORDER BY in_hand DESC, updated_at DESC, seq DESC LIMIT ?1 OFFSET ?2) AS picked
         JOIN file ON file.seq = picked.seq
         ORDER BY picked.in_hand DESC, picked.updated_at DESC, picked.seq DESC",
        columns.join(", "),
        branches.join(" UNION ALL ")
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(signed(page.limit.min(u64::from(u32::MAX))))
        .bind(signed(page.offset.min(u64::from(u32::MAX))))
        .bind(needle)
        .fetch_all(&store.reader)
        .await?;
    rows.iter().map(record).collect()
}

/// See [`crate::store::IntakeStore::intake_counts`].
pub(super) async fn counts(store: &SqliteStore) -> Result<IntakeCounts, sqlx::Error> {
    let mut transaction = store.reader.begin().await?;
    let rows = sqlx::query(
        "SELECT state, files, seen, documents, duplicates, unchanged, dead_letters, skipped, bytes_waiting FROM file_total",
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut counts = IntakeCounts::default();
    let mut by_state: HashMap<FileState, u64> = HashMap::new();
    for row in rows {
        let state = named("file state", row.try_get(0)?, FileState::parse)?;
        by_state.insert(state, unsigned(row.try_get(1)?));
        let items = items_at(&row, 2)?;
        counts.items = ItemCounts {
            seen: counts.items.seen + items.seen,
            documents: counts.items.documents + items.documents,
            duplicates: counts.items.duplicates + items.duplicates,
            unchanged: counts.items.unchanged + items.unchanged,
            dead_letters: counts.items.dead_letters + items.dead_letters,
            skipped: counts.items.skipped + items.skipped,
        };
        if matches!(state, FileState::Queued | FileState::Parsing) {
            counts.bytes_waiting += unsigned(row.try_get(8)?);
        }
    }
    counts.files_by_state = FileState::ALL
        .into_iter()
        .filter_map(|state| by_state.get(&state).filter(|files| **files > 0).map(|files| (state, *files)))
        .collect();
    let (retrying, all): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM dead_letter WHERE next_retry_at IS NOT NULL), (SELECT count(*) FROM dead_letter)",
    )
    .fetch_one(&mut *transaction)
    .await?;
    counts.dead_letters_retrying = unsigned(retrying);
    counts.dead_letters_dead = unsigned(all - retrying);
    Ok(counts)
}
