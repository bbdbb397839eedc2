//! What could not be read: recorded with the commit that met it, retried on a fixed schedule, listed for the screens.
//!
//! Called by `documents::commit` (record, recovered) and `intake` (retries, list).

use std::collections::{HashMap, HashSet};

use sqlx::{Row as _, SqliteConnection};

use crate::domain::Timestamp;
use crate::domain::intake::{DeadLetter, NewDeadLetter};
use crate::store::shared::dead_letters::{self as shared, position};

use super::batch::{insert_rows, json_numbers, json_texts};
use super::ledger::FileRow;
use super::rows::{moment, signed, unsigned};

/// Records failures and counts them on their files. One that already failed in this pass of its file is the
/// repetition of a commit and counts nothing.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    letters: &[NewDeadLetter],
    files: &mut HashMap<String, FileRow>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if letters.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(
        "SELECT path, position, attempts, pass FROM dead_letter
         WHERE path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1))
           AND position IN (SELECT value FROM json_each(?2))",
    )
    .bind(json_texts(letters.iter().map(|letter| letter.path.as_str())))
    .bind(json_numbers(letters.iter().map(|letter| position(letter.offset))))
    .fetch_all(&mut *connection)
    .await?;
    let mut held = shared::Held::new();
    for row in rows {
        held.insert((row.try_get(0)?, row.try_get(1)?), (row.try_get(2)?, row.try_get(3)?));
    }
    let upserts = shared::record(letters, &held, files, now);
    insert_rows(
        connection,
        "INSERT INTO dead_letter (path, position, error, attempts, next_retry_at, pass, first_failed_at, last_failed_at) VALUES",
        8,
        "ON CONFLICT (path, position) DO UPDATE SET error = excluded.error, attempts = excluded.attempts,
            next_retry_at = excluded.next_retry_at, retrying = 0, pass = excluded.pass, last_failed_at = excluded.last_failed_at",
        &upserts,
        |statement, upsert| {
            statement
                .bind(upsert.letter.path.as_str())
                .bind(upsert.position)
                .bind(upsert.letter.error.as_str())
                .bind(upsert.attempts)
                .bind(upsert.next_retry_at)
                .bind(upsert.pass)
                .bind(now.0)
                .bind(now.0)
        },
    )
    .await
}

/// Whether there is any at all: most stores have none, and then nothing needs to be looked up.
async fn any(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let one: Option<i64> = sqlx::query_scalar("SELECT 1 FROM dead_letter LIMIT 1").fetch_optional(connection).await?;
    Ok(one.is_some())
}

/// Removes the dead letters of places that were read well.
pub(super) async fn recovered(
    connection: &mut SqliteConnection,
    places: &[(String, Option<u64>)],
) -> Result<(), sqlx::Error> {
    if places.is_empty() || !any(connection).await? {
        return Ok(());
    }
    let rows = sqlx::query(
        "SELECT id, path, position FROM dead_letter WHERE path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1))
           AND position IN (SELECT value FROM json_each(?2))",
    )
    .bind(json_texts(places.iter().map(|(path, _)| path.as_str())))
    .bind(json_numbers(places.iter().map(|(_, offset)| position(*offset))))
    .fetch_all(&mut *connection)
    .await?;
    let wanted: HashSet<(&str, i64)> = places.iter().map(|(path, offset)| (path.as_str(), position(*offset))).collect();
    let mut ids = Vec::new();
    for row in rows {
        let path: String = row.try_get(1)?;
        if wanted.contains(&(path.as_str(), row.try_get(2)?)) {
            ids.push(row.try_get(0)?);
        }
    }
    if !ids.is_empty() {
        sqlx::query("DELETE FROM dead_letter WHERE id IN (SELECT value FROM json_each(?1))")
            .bind(json_numbers(ids))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Removes what a finished pass over its file no longer met: neither failing again nor before the place it began at.
pub(super) async fn clear_passed(connection: &mut SqliteConnection, finished: &[&FileRow]) -> Result<(), sqlx::Error> {
    let passed = shared::passed(finished);
    if passed.is_empty() || !any(connection).await? {
        return Ok(());
    }
    for file in passed {
        sqlx::query("DELETE FROM dead_letter WHERE path = ?1 AND pass IS NOT ?2 AND (position = -1 OR position >= ?3)")
            .bind(file.path.as_str())
            .bind(file.pass)
            .bind(file.pass_start)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Removes every dead letter of a file that vanished: nothing is left to retry.
pub(super) async fn forget_file(connection: &mut SqliteConnection, path: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM dead_letter WHERE path = ?1").bind(path).execute(connection).await.map(drop)
}

/// Rows, newest failure first.
pub(super) async fn list(
    connection: &mut SqliteConnection,
    offset: u64,
    limit: u64,
) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, path, position, error, attempts, next_retry_at, first_failed_at, last_failed_at
         FROM dead_letter ORDER BY last_failed_at DESC, id DESC LIMIT ?1 OFFSET ?2",
    )
    .bind(signed(limit))
    .bind(signed(offset))
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DeadLetter {
                id: row.try_get(0)?,
                path: row.try_get(1)?,
                offset: u64::try_from(row.try_get::<i64, _>(2)?).ok(),
                error: row.try_get(3)?,
                attempts: u32::try_from(unsigned(row.try_get(4)?)).unwrap_or(u32::MAX),
                next_retry_at: moment(row.try_get(5)?),
                first_failed_at: Timestamp(row.try_get(6)?),
                last_failed_at: Timestamp(row.try_get(7)?),
            })
        })
        .collect()
}

/// Marks due dead letters as being retried; returns their paths, each once, with the place the retry has to read from.
pub(super) async fn take_due(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let due: Vec<(String, i64)> = sqlx::query_as(
        "UPDATE dead_letter SET retrying = 1 WHERE next_retry_at <= ?1 AND retrying = 0
           AND EXISTS (SELECT 1 FROM file WHERE file.path = dead_letter.path) RETURNING path, position",
    )
    .bind(now.0)
    .fetch_all(connection)
    .await?;
    Ok(shared::earliest(due))
}

/// Puts the attempts of one dead letter back to zero and marks it as being retried; its path and place, if it exists.
pub(super) async fn restart(
    connection: &mut SqliteConnection,
    id: i64,
    now: Timestamp,
) -> Result<Option<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE dead_letter SET attempts = 0, retrying = 1, next_retry_at = ?2, pass = NULL WHERE id = ?1
         RETURNING path, position",
    )
    .bind(id)
    .bind(now.0)
    .fetch_optional(connection)
    .await
}
