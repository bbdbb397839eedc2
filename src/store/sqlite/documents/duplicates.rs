//! The table `duplicate`: which items of files repeat a document of another place, and the files that are read again when
//! that document no longer holds what they repeat. Called by `documents::commit` and `documents::retire`.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use crate::domain::Timestamp;
use crate::store::plan::commit::DuplicateRow;
use crate::store::shared::ledger::FileRow;

use super::super::batch::{insert_rows, json_numbers, json_texts};

/// Notes the items that repeat a document, and forgets those that were read and do not.
pub(super) async fn note(
    connection: &mut SqliteConnection,
    repeating: &[DuplicateRow<'_>],
    own: &[(&str, i64)],
) -> Result<(), sqlx::Error> {
    insert_rows(
        connection,
        "INSERT INTO duplicate (path, position, document_seq, pass) VALUES",
        4,
        "ON CONFLICT (path, position) DO UPDATE SET document_seq = excluded.document_seq, pass = excluded.pass",
        repeating,
        |statement, row| statement.bind(row.path.to_owned()).bind(row.position).bind(row.document_seq).bind(row.pass),
    )
    .await?;
    if own.is_empty() || !any(connection).await? {
        return Ok(());
    }
    insert_rows(
        connection,
        "WITH own (path, position) AS (VALUES",
        2,
        ") DELETE FROM duplicate WHERE (path, position) IN (SELECT path, position FROM own)",
        own,
        |statement, (path, position)| statement.bind((*path).to_owned()).bind(*position),
    )
    .await
}

/// Whether there is any at all: without one nothing needs to be looked up.
async fn any(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let one: Option<i64> = sqlx::query_scalar("SELECT 1 FROM duplicate LIMIT 1").fetch_optional(connection).await?;
    Ok(one.is_some())
}

/// Forgets what a finished pass over its file no longer met, where it read.
pub(super) async fn clear_ended(connection: &mut SqliteConnection, ended: &[&FileRow]) -> Result<(), sqlx::Error> {
    if ended.is_empty() || !any(connection).await? {
        return Ok(());
    }
    let paths: HashSet<String> = sqlx::query_scalar(
        "SELECT DISTINCT path FROM duplicate WHERE path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1))",
    )
    .bind(json_texts(ended.iter().map(|file| file.path.as_str())))
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .collect();
    for file in ended.iter().filter(|file| paths.contains(&file.path)) {
        sqlx::query("DELETE FROM duplicate WHERE path = ?1 AND pass <> ?2 AND (position = -1 OR position >= ?3)")
            .bind(file.path.as_str())
            .bind(file.pass)
            .bind(file.pass_start)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Forgets what a file repeats: it is gone.
pub(super) async fn forget_file(connection: &mut SqliteConnection, path: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM duplicate WHERE path = ?1").bind(path).execute(connection).await.map(drop)
}

/// Queues the files that repeat one of these documents, to be read whole.
pub(super) async fn queue_files(
    connection: &mut SqliteConnection,
    documents: &[i64],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if documents.is_empty() || !any(connection).await? {
        return Ok(());
    }
    sqlx::query(
        "UPDATE file SET
            offered_again = CASE state WHEN 'parsing' THEN 2 ELSE 0 END,
            offered_at = CASE WHEN state IN ('queued', 'parsing') THEN offered_at ELSE ?2 END,
            updated_at = ?2,
            reason = CASE state WHEN 'parsing' THEN reason ELSE NULL END,
            bytes_done = CASE state WHEN 'parsing' THEN bytes_done ELSE 0 END,
            head_sha256 = CASE state WHEN 'parsing' THEN head_sha256 ELSE NULL END,
            state = CASE state WHEN 'parsing' THEN 'parsing' ELSE 'queued' END
         WHERE state <> 'retired' AND path IN (
            SELECT path FROM duplicate WHERE document_seq IN (SELECT value FROM json_each(?1)))",
    )
    .bind(json_numbers(documents.iter().copied()))
    .bind(now.0)
    .execute(connection)
    .await
    .map(drop)
}
