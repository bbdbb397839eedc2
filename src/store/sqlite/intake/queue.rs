//! Files into the queue and out of it: offered, retried, claimed.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use crate::domain::Timestamp;
use crate::domain::intake::{FileRecord, FileState, OfferedFile, Origin};
use crate::store::shared::offers::{AWAITS_RETRY, KnownFile, folded, resume_at, sort, unique};

use super::super::batch::{insert_rows, json_texts};
use super::super::rows::{millis, named, signed};
use super::list::{RECORD, record};

/// Puts files in the queue; see [`crate::store::IntakeStore::offer`].
pub(super) async fn offer(
    connection: &mut SqliteConnection,
    host: Option<&str>,
    files: &[OfferedFile],
    force: bool,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let offered = unique(files);
    let sql = format!(
        "SELECT path, origin, state, size_bytes, modified_at, stamp, device, {AWAITS_RETRY} FROM file
         WHERE path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1))"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(json_texts(offered.iter().map(|file| file.path.as_str())))
        .fetch_all(&mut *connection)
        .await?;
    let mut known: HashMap<String, KnownFile> = HashMap::new();
    for row in rows {
        let file = KnownFile {
            origin: named("origin", row.try_get(1)?, Origin::parse)?,
            state: named("file state", row.try_get(2)?, FileState::parse)?,
            size_bytes: row.try_get(3)?,
            modified_at: row.try_get(4)?,
            stamp: row.try_get(5)?,
            device: row.try_get(6)?,
            awaits_retry: row.try_get(7)?,
        };
        known.insert(row.try_get(0)?, file);
    }
    let offer = sort(offered, &known, force);
    insert_rows(
        connection,
        "INSERT INTO file (path, path_folded, origin, state, size_bytes, modified_at, offered_at, updated_at, host, stamp,
                           device) VALUES",
        11,
        "",
        &offer.new,
        |statement, file| {
            statement
                .bind(file.path.as_str())
                .bind(folded(&file.path))
                .bind(file.origin.as_str())
                .bind(FileState::Queued.as_str())
                .bind(signed(file.size_bytes))
                .bind(file.modified_at.0)
                .bind(now.0)
                .bind(now.0)
                .bind(host)
                .bind(file.stamp)
                .bind(file.device)
        },
    )
    .await?;
    insert_rows(
        connection,
        "WITH new (path, origin, size_bytes, modified_at, queue, again, reread, at, host, stamp, device) AS (VALUES",
        11,
        ") UPDATE file SET origin = new.origin, size_bytes = new.size_bytes, modified_at = new.modified_at,
              host = coalesce(new.host, file.host), stamp = new.stamp, device = coalesce(new.device, file.device),
              state = CASE new.queue WHEN 1 THEN 'queued' ELSE file.state END,
              reason = CASE new.queue WHEN 1 THEN NULL ELSE file.reason END,
              offered_at = CASE new.queue WHEN 1 THEN new.at ELSE file.offered_at END,
              updated_at = CASE WHEN new.queue = 1 OR new.again > 0 THEN new.at ELSE file.updated_at END,
              offered_again = max(new.again, file.offered_again),
              bytes_done = CASE new.reread WHEN 1 THEN 0 ELSE file.bytes_done END,
              head_sha256 = CASE new.reread WHEN 1 THEN NULL ELSE file.head_sha256 END
         FROM new WHERE file.path = new.path",
        &offer.changed,
        |statement, (file, origin, what)| {
            let change = what.change(force);
            statement
                .bind(file.path.as_str())
                .bind(origin.as_str())
                .bind(signed(file.size_bytes))
                .bind(file.modified_at.0)
                .bind(i64::from(change.queue))
                .bind(change.again)
                .bind(i64::from(change.reread))
                .bind(now.0)
                .bind(host)
                .bind(file.stamp)
                .bind(file.device)
        },
    )
    .await?;
    Ok(offer.queued)
}

/// Queues the file of a dead letter so that its pass reads from `position` at the latest.
pub(super) async fn queue_for_retry(
    connection: &mut SqliteConnection,
    path: &str,
    position: i64,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE file SET
            offered_again = CASE state WHEN 'parsing' THEN 2 ELSE 0 END,
            offered_at = CASE state WHEN 'queued' THEN offered_at WHEN 'parsing' THEN offered_at ELSE ?3 END,
            updated_at = ?3,
            head_sha256 = CASE WHEN state = 'parsing' OR ?2 > 0 THEN head_sha256 ELSE NULL END,
            bytes_done = CASE state WHEN 'parsing' THEN bytes_done ELSE min(bytes_done, ?2) END,
            state = CASE state WHEN 'parsing' THEN 'parsing' ELSE 'queued' END
         WHERE path = ?1",
    )
    .bind(path)
    .bind(resume_at(position))
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes queued files and those whose lease ran out.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    worker: &str,
    limit: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<FileRecord>, sqlx::Error> {
    let sql = format!(
        "UPDATE file SET state = 'parsing', worker = ?1, lease_until = ?2, lease_ms = ?3, updated_at = ?4,
            pass = pass + 1, pass_start = bytes_done, reason = NULL, attempts = attempts + 1,
            seen = 0, documents = 0, duplicates = 0, unchanged = 0, dead_letters = 0, skipped = 0
         WHERE seq IN (SELECT seq FROM (
            SELECT * FROM (SELECT offered_at, seq FROM file INDEXED BY file_queue WHERE state = 'queued' ORDER BY offered_at, seq LIMIT ?5)
            UNION ALL SELECT offered_at, seq FROM file INDEXED BY file_in_hand WHERE state = 'parsing' AND lease_until <= ?4
            ORDER BY offered_at, seq LIMIT ?5))
         RETURNING {RECORD}"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(worker)
        .bind(now.plus(lease).0)
        .bind(millis(lease))
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    let mut claimed =
        rows.iter().map(|row| Ok((row.try_get(17)?, record(row)?))).collect::<Result<Vec<(i64, _)>, sqlx::Error>>()?;
    claimed.sort_by_key(|(seq, file)| (file.offered_at, *seq));
    Ok(claimed.into_iter().map(|(_, file)| file).collect())
}
