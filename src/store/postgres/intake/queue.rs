//! Files into the queue and out of it: offered, retried, claimed.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::domain::Timestamp;
use crate::domain::intake::{FileRecord, FileState, OfferedFile, Origin};
use crate::store::shared::offers::{AWAITS_RETRY, KnownFile, Offer, Reoffer, folded, resume_at, sort, unique};

use super::super::rows::{millis, named, signed};
use super::list::{RECORD, record};

/// The lock of whoever offers files: two processes that find the same new files queue them once and in order.
const OFFER_LOCK: i64 = 0x6f_66_66_65_72;

/// A file this process can read: of its own host (`$6`), or of before hosts were told apart.
const ON_HOST: &str = "($6::TEXT IS NULL OR host IS NULL OR host = $6)";

/// Puts files in the queue; see [`crate::store::IntakeStore::offer`].
pub(super) async fn offer(
    connection: &mut PgConnection,
    host: Option<&str>,
    files: &[OfferedFile],
    force: bool,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    if files.is_empty() {
        return Ok(0);
    }
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(OFFER_LOCK).execute(&mut *connection).await?;
    let offered = unique(files);
    let sql = format!(
        "SELECT path, origin, state, size_bytes, modified_at, stamp, device, {AWAITS_RETRY} FROM file WHERE path = ANY($1)
         ORDER BY path FOR UPDATE"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(offered.iter().map(|file| file.path.as_str()).collect::<Vec<_>>())
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
    let Offer { new, changed, queued } = sort(offered, &known, force);
    add(connection, host, &new, now).await?;
    change(connection, host, &changed, force, now).await?;
    Ok(queued)
}

async fn add(
    connection: &mut PgConnection,
    host: Option<&str>,
    new: &[&OfferedFile],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if new.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO file (path, path_folded, origin, state, size_bytes, modified_at, offered_at, updated_at, host, stamp,
                           device)
         SELECT path, path_folded, origin, $6, size_bytes, modified_at, $7, $7, $8, stamp, device
         FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $9::BIGINT[], $10::BIGINT[])
            WITH ORDINALITY AS new (path, path_folded, origin, size_bytes, modified_at, stamp, device, place)
         ORDER BY place",
    )
    .bind(new.iter().map(|file| file.path.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|file| folded(&file.path)).collect::<Vec<_>>())
    .bind(new.iter().map(|file| file.origin.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|file| signed(file.size_bytes)).collect::<Vec<_>>())
    .bind(new.iter().map(|file| file.modified_at.0).collect::<Vec<_>>())
    .bind(FileState::Queued.as_str())
    .bind(now.0)
    .bind(host)
    .bind(new.iter().map(|file| file.stamp).collect::<Vec<_>>())
    .bind(new.iter().map(|file| file.device).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

async fn change(
    connection: &mut PgConnection,
    host: Option<&str>,
    changed: &[(&OfferedFile, Origin, Reoffer)],
    force: bool,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if changed.is_empty() {
        return Ok(());
    }
    let changes: Vec<_> = changed.iter().map(|(_, _, what)| what.change(force)).collect();
    sqlx::query(
        "UPDATE file SET origin = new.origin, size_bytes = new.size_bytes, modified_at = new.modified_at,
              host = coalesce($9, file.host), stamp = new.stamp, device = coalesce(new.device, file.device),
              state = CASE WHEN new.queue THEN 'queued' ELSE file.state END,
              reason = CASE WHEN new.queue THEN NULL ELSE file.reason END,
              offered_at = CASE WHEN new.queue THEN $8 ELSE file.offered_at END,
              updated_at = CASE WHEN new.queue OR new.again > 0 THEN $8 ELSE file.updated_at END,
              offered_again = greatest(new.again, file.offered_again),
              bytes_done = CASE WHEN new.reread THEN 0 ELSE file.bytes_done END,
              head_sha256 = CASE WHEN new.reread THEN NULL ELSE file.head_sha256 END
         FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::BOOLEAN[], $6::BIGINT[], $7::BOOLEAN[],
                $10::BIGINT[], $11::BIGINT[])
            AS new (path, origin, size_bytes, modified_at, queue, again, reread, stamp, device)
         WHERE file.path = new.path",
    )
    .bind(changed.iter().map(|(file, ..)| file.path.as_str()).collect::<Vec<_>>())
    .bind(changed.iter().map(|(_, origin, _)| origin.as_str()).collect::<Vec<_>>())
    .bind(changed.iter().map(|(file, ..)| signed(file.size_bytes)).collect::<Vec<_>>())
    .bind(changed.iter().map(|(file, ..)| file.modified_at.0).collect::<Vec<_>>())
    .bind(changes.iter().map(|change| change.queue).collect::<Vec<_>>())
    .bind(changes.iter().map(|change| change.again).collect::<Vec<_>>())
    .bind(changes.iter().map(|change| change.reread).collect::<Vec<_>>())
    .bind(now.0)
    .bind(host)
    .bind(changed.iter().map(|(file, ..)| file.stamp).collect::<Vec<_>>())
    .bind(changed.iter().map(|(file, ..)| file.device).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

/// Queues the files of dead letters so that the pass of each reads from its place at the latest. Returns how many files
/// have a row.
pub(super) async fn queue_for_retry(
    connection: &mut PgConnection,
    places: &[(String, i64)],
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    if places.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query(
        "UPDATE file SET
            offered_again = CASE state WHEN 'parsing' THEN 2 ELSE 0 END,
            offered_at = CASE WHEN state IN ('queued', 'parsing') THEN offered_at ELSE $3 END,
            updated_at = $3,
            head_sha256 = CASE WHEN state = 'parsing' OR retry.position > 0 THEN head_sha256 END,
            bytes_done = CASE state WHEN 'parsing' THEN bytes_done ELSE least(bytes_done, retry.position) END,
            state = CASE state WHEN 'parsing' THEN 'parsing' ELSE 'queued' END
         FROM unnest($1::TEXT[], $2::BIGINT[]) AS retry (path, position) WHERE file.path = retry.path",
    )
    .bind(places.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>())
    .bind(places.iter().map(|(_, position)| resume_at(*position)).collect::<Vec<_>>())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Takes queued files of this host and those whose lease ran out. Rows somebody else takes at this moment are passed over.
pub(super) async fn claim(
    connection: &mut PgConnection,
    host: Option<&str>,
    worker: &str,
    limit: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<FileRecord>, sqlx::Error> {
    let sql = format!(
        "WITH waiting AS MATERIALIZED (SELECT offered_at, seq FROM file WHERE state = 'queued' AND {ON_HOST}
                ORDER BY offered_at, seq LIMIT $5 FOR UPDATE SKIP LOCKED),
            expired AS MATERIALIZED (SELECT offered_at, seq FROM file
                WHERE state = 'parsing' AND lease_until <= $4 AND {ON_HOST}
                ORDER BY offered_at, seq LIMIT $5 FOR UPDATE SKIP LOCKED),
            chosen AS MATERIALIZED (SELECT seq FROM (SELECT * FROM waiting UNION ALL SELECT * FROM expired) AS due
                ORDER BY offered_at, seq LIMIT $5)
         UPDATE file SET state = 'parsing', worker = $1, lease_until = $2, lease_ms = $3, updated_at = $4,
            pass = pass + 1, pass_start = bytes_done, reason = NULL, attempts = attempts + 1,
            seen = 0, documents = 0, duplicates = 0, unchanged = 0, dead_letters = 0, skipped = 0
         FROM chosen WHERE file.seq = chosen.seq
         RETURNING {RECORD}"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(worker)
        .bind(now.plus(lease).0)
        .bind(millis(lease))
        .bind(now.0)
        .bind(i64::from(limit))
        .bind(host)
        .fetch_all(connection)
        .await?;
    let mut claimed =
        rows.iter().map(|row| Ok((row.try_get(17)?, record(row)?))).collect::<Result<Vec<(i64, _)>, sqlx::Error>>()?;
    claimed.sort_by_key(|(seq, file)| (file.offered_at, *seq));
    Ok(claimed.into_iter().map(|(_, file)| file).collect())
}
