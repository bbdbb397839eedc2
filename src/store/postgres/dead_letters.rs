//! What could not be read: recorded with the commit that met it, retried on a fixed schedule, listed for the screens.
//!
//! Called by `documents::commit` (record, recovered) and `intake` (retries, list). Whoever changes dead letters of a
//! file with a ledger row has locked that row first.

use std::collections::HashMap;

use sqlx::{PgConnection, Row as _};

use crate::domain::Timestamp;
use crate::domain::intake::{DeadLetter, NewDeadLetter};
use crate::store::shared::dead_letters::{self as shared, position};

use super::ledger::FileRow;
use super::rows::{moment, signed, small, text};

/// Records failures and counts them on their files. One that already failed in this pass of its file is the
/// repetition of a commit and counts nothing.
pub(super) async fn record(
    connection: &mut PgConnection,
    letters: &[NewDeadLetter],
    files: &mut HashMap<String, FileRow>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if letters.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(
        "SELECT path, position, attempts, pass FROM dead_letter WHERE path = ANY($1) AND position = ANY($2)",
    )
    .bind(letters.iter().map(|letter| letter.path.as_str()).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| position(letter.offset)).collect::<Vec<_>>())
    .fetch_all(&mut *connection)
    .await?;
    let mut held = shared::Held::new();
    for row in rows {
        held.insert((row.try_get(0)?, row.try_get(1)?), (row.try_get(2)?, row.try_get(3)?));
    }
    let upserts = shared::record(letters, &held, files, now);
    sqlx::query(
        "INSERT INTO dead_letter (path, position, error, attempts, next_retry_at, pass, first_failed_at, last_failed_at)
         SELECT new.*, $7, $7 FROM unnest($1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[]) AS new
         ON CONFLICT (path, position) DO UPDATE SET error = excluded.error, attempts = excluded.attempts,
            next_retry_at = excluded.next_retry_at, retrying = FALSE, pass = excluded.pass,
            last_failed_at = excluded.last_failed_at",
    )
    .bind(upserts.iter().map(|upsert| upsert.letter.path.as_str()).collect::<Vec<_>>())
    .bind(upserts.iter().map(|upsert| upsert.position).collect::<Vec<_>>())
    .bind(upserts.iter().map(|upsert| text(&upsert.letter.error)).collect::<Vec<_>>())
    .bind(upserts.iter().map(|upsert| upsert.attempts).collect::<Vec<_>>())
    .bind(upserts.iter().map(|upsert| upsert.next_retry_at).collect::<Vec<_>>())
    .bind(upserts.iter().map(|upsert| upsert.pass).collect::<Vec<_>>())
    .bind(now.0)
    .execute(connection)
    .await
    .map(drop)
}

/// Removes the dead letters of places that were read well.
pub(super) async fn recovered(
    connection: &mut PgConnection,
    places: &[(String, Option<u64>)],
) -> Result<(), sqlx::Error> {
    if places.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM dead_letter USING unnest($1::TEXT[], $2::BIGINT[]) AS place (path, position)
         WHERE dead_letter.path = place.path AND dead_letter.position = place.position",
    )
    .bind(places.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>())
    .bind(places.iter().map(|(_, offset)| position(*offset)).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// Removes what a finished pass over its file no longer met: neither failing again nor before the place it began at.
pub(super) async fn clear_passed(connection: &mut PgConnection, finished: &[&FileRow]) -> Result<(), sqlx::Error> {
    let passed = shared::passed(finished);
    if passed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM dead_letter USING unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[]) AS passed (path, pass, pass_start)
         WHERE dead_letter.path = passed.path AND dead_letter.pass IS DISTINCT FROM passed.pass
           AND (dead_letter.position = -1 OR dead_letter.position >= passed.pass_start)",
    )
    .bind(passed.iter().map(|file| file.path.as_str()).collect::<Vec<_>>())
    .bind(passed.iter().map(|file| file.pass).collect::<Vec<_>>())
    .bind(passed.iter().map(|file| file.pass_start).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// Removes every dead letter of a file that vanished: nothing is left to retry.
pub(super) async fn forget_file(connection: &mut PgConnection, path: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM dead_letter WHERE path = $1").bind(path).execute(connection).await.map(drop)
}

/// Rows, newest failure first.
pub(super) async fn list(
    connection: &mut PgConnection,
    offset: u64,
    limit: u64,
) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, path, position, error, attempts, next_retry_at, first_failed_at, last_failed_at
         FROM dead_letter ORDER BY last_failed_at DESC, id DESC LIMIT $1 OFFSET $2",
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
                attempts: small(row.try_get(4)?),
                next_retry_at: moment(row.try_get(5)?),
                first_failed_at: Timestamp(row.try_get(6)?),
                last_failed_at: Timestamp(row.try_get(7)?),
            })
        })
        .collect()
}

/// Marks due dead letters as being retried and locks their ledger rows; returns their paths, each once, with the place
/// the retry has to read from. A file that somebody else is writing just now is left for the next time.
pub(super) async fn take_due(connection: &mut PgConnection, now: Timestamp) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let paths: Vec<String> = sqlx::query_scalar(
        "SELECT path FROM file WHERE path IN (
            SELECT path FROM dead_letter WHERE next_retry_at <= $1 AND NOT retrying)
         ORDER BY path FOR UPDATE SKIP LOCKED",
    )
    .bind(now.0)
    .fetch_all(&mut *connection)
    .await?;
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let due: Vec<(String, i64)> = sqlx::query_as(
        "UPDATE dead_letter SET retrying = TRUE WHERE next_retry_at <= $1 AND NOT retrying AND path = ANY($2)
         RETURNING path, position",
    )
    .bind(now.0)
    .bind(paths)
    .fetch_all(connection)
    .await?;
    Ok(shared::earliest(due))
}

/// Puts the attempts of one dead letter back to zero and marks it as being retried; its path and place, if it exists.
pub(super) async fn restart(
    connection: &mut PgConnection,
    id: i64,
    now: Timestamp,
) -> Result<Option<(String, i64)>, sqlx::Error> {
    sqlx::query("SELECT 1 FROM file WHERE path = (SELECT path FROM dead_letter WHERE id = $1) FOR UPDATE")
        .bind(id)
        .execute(&mut *connection)
        .await?;
    sqlx::query_as(
        "UPDATE dead_letter SET attempts = 0, retrying = TRUE, next_retry_at = $2, pass = NULL WHERE id = $1
         RETURNING path, position",
    )
    .bind(id)
    .bind(now.0)
    .fetch_optional(connection)
    .await
}
