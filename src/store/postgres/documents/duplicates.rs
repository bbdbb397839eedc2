//! The table `duplicate`: which items of files repeat a document of another place, and the files that are read again when
//! that document no longer holds what they repeat. Called by `documents::commit` and `documents::retire`.

use sqlx::PgConnection;

use crate::domain::Timestamp;
use crate::store::plan::commit::DuplicateRow;
use crate::store::shared::ledger::FileRow;

/// Notes the items that repeat a document, and forgets those that were read and do not.
pub(super) async fn note(
    connection: &mut PgConnection,
    repeating: &[DuplicateRow<'_>],
    own: &[(&str, i64)],
) -> Result<(), sqlx::Error> {
    if !repeating.is_empty() {
        sqlx::query(
            "INSERT INTO duplicate (path, position, document_seq, pass)
             SELECT * FROM unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[])
             ON CONFLICT (path, position) DO UPDATE SET document_seq = excluded.document_seq, pass = excluded.pass",
        )
        .bind(repeating.iter().map(|row| row.path).collect::<Vec<_>>())
        .bind(repeating.iter().map(|row| row.position).collect::<Vec<_>>())
        .bind(repeating.iter().map(|row| row.document_seq).collect::<Vec<_>>())
        .bind(repeating.iter().map(|row| row.pass).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    if own.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM duplicate USING unnest($1::TEXT[], $2::BIGINT[]) AS own (path, position)
         WHERE duplicate.path = own.path AND duplicate.position = own.position",
    )
    .bind(own.iter().map(|(path, _)| *path).collect::<Vec<_>>())
    .bind(own.iter().map(|(_, position)| *position).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets what a finished pass over its file no longer met, where it read.
pub(super) async fn clear_ended(connection: &mut PgConnection, ended: &[&FileRow]) -> Result<(), sqlx::Error> {
    if ended.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM duplicate USING unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[]) AS ended (path, pass, pass_start)
         WHERE duplicate.path = ended.path AND duplicate.pass <> ended.pass
           AND (duplicate.position = -1 OR duplicate.position >= ended.pass_start)",
    )
    .bind(ended.iter().map(|file| file.path.as_str()).collect::<Vec<_>>())
    .bind(ended.iter().map(|file| file.pass).collect::<Vec<_>>())
    .bind(ended.iter().map(|file| file.pass_start).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets what a file repeats: it is gone.
pub(super) async fn forget_file(connection: &mut PgConnection, path: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM duplicate WHERE path = $1").bind(path).execute(connection).await.map(drop)
}

/// Queues the files that repeat one of these documents, to be read whole. Rows are locked in the order of their paths.
pub(super) async fn queue_files(
    connection: &mut PgConnection,
    documents: &[i64],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if documents.is_empty() {
        return Ok(());
    }
    let paths: Vec<String> = sqlx::query_scalar(
        "SELECT path FROM file WHERE state <> 'retired' AND path IN (
            SELECT path FROM duplicate WHERE document_seq = ANY($1)) ORDER BY path FOR UPDATE",
    )
    .bind(documents)
    .fetch_all(&mut *connection)
    .await?;
    if paths.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE file SET
            offered_again = CASE state WHEN 'parsing' THEN 2 ELSE 0 END,
            offered_at = CASE WHEN state IN ('queued', 'parsing') THEN offered_at ELSE $2 END,
            updated_at = $2,
            reason = CASE state WHEN 'parsing' THEN reason END,
            bytes_done = CASE state WHEN 'parsing' THEN bytes_done ELSE 0 END,
            head_sha256 = CASE state WHEN 'parsing' THEN head_sha256 END,
            state = CASE state WHEN 'parsing' THEN 'parsing' ELSE 'queued' END
         WHERE path = ANY($1)",
    )
    .bind(paths)
    .bind(now.0)
    .execute(connection)
    .await
    .map(drop)
}
