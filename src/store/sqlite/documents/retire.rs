//! Documents leave the searchable set and come back; their rows stay.

use std::collections::{HashMap, HashSet};

use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use crate::domain::outbox::EventType;
use crate::domain::{DocumentId, Timestamp};
use crate::store::plan::affected::Touched;
use crate::store::plan::documents::reason_name;
use crate::store::shared::ledger::BROUGHT_BACK;
use crate::store::{RetireReason, StoreResult};

use super::super::batch::{json_ids, json_numbers, json_texts};
use super::super::error::classify;
use super::super::rows::uuid;
use super::super::{SqliteStore, dead_letters};
use super::affected::{append_events, append_for_others};
use super::duplicates;
use super::load::load_names;

/// One document whose life changes.
struct Turning {
    seq: i64,
    id: Uuid,
    message_id: Option<String>,
}

/// See [`crate::store::DocumentStore::retire`].
pub(super) async fn retire(
    store: &SqliteStore,
    ids: &[DocumentId],
    reason: RetireReason,
    now: Timestamp,
) -> StoreResult<u64> {
    const OPERATION: &str = "retire documents";
    let key = format!("{} ids", ids.len());
    let mut transaction = store.begin(OPERATION, &key).await?;
    let work = async {
        let turning = turning(&mut transaction, &TurnBy::Ids(ids), true).await?;
        turn(&mut transaction, &turning, Some(reason), now).await?;
        transaction.commit().await?;
        Ok(turning.len() as u64)
    };
    work.await.map_err(|error| classify(OPERATION, key, error))
}

/// See [`crate::store::DocumentStore::restore`].
pub(super) async fn restore(store: &SqliteStore, ids: &[DocumentId], now: Timestamp) -> StoreResult<u64> {
    const OPERATION: &str = "restore documents";
    let key = format!("{} ids", ids.len());
    let mut transaction = store.begin(OPERATION, &key).await?;
    let work = async {
        let turning = turning(&mut transaction, &TurnBy::Ids(ids), false).await?;
        turn(&mut transaction, &turning, None, now).await?;
        tell_brought_back(&mut transaction, &turning, now).await?;
        transaction.commit().await?;
        Ok(turning.len() as u64)
    };
    work.await.map_err(|error| classify(OPERATION, key, error))
}

/// See [`crate::store::DocumentStore::retire_file`]. The ledger row forgets how far the file was read: should it come
/// back, all of it is read again.
pub(super) async fn retire_file(store: &SqliteStore, path: &str, now: Timestamp) -> StoreResult<Vec<DocumentId>> {
    const OPERATION: &str = "retire file";
    let mut transaction = store.begin(OPERATION, path).await?;
    let work = async {
        let turning = turning(&mut transaction, &TurnBy::Path(path), true).await?;
        turn(&mut transaction, &turning, Some(RetireReason::FileGone), now).await?;
        sqlx::query(
            "UPDATE file SET state = 'retired', reason = 'the file is gone', bytes_done = 0, head_sha256 = NULL, worker = NULL,
                content_sha256 = NULL, lease_until = NULL, offered_again = 0, updated_at = ?2
             WHERE path = ?1 AND state <> 'retired'",
        )
        .bind(path)
        .bind(now.0)
        .execute(&mut *transaction)
        .await?;
        forget(&mut transaction, path).await?;
        transaction.commit().await?;
        Ok(turning.into_iter().map(|document| DocumentId(document.id)).collect())
    };
    work.await.map_err(|error| classify(OPERATION, path, error))
}

/// Files that are gone while documents of them were brought back say so: what the store holds is all there is.
async fn tell_brought_back(
    connection: &mut SqliteConnection,
    documents: &[Turning],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE file SET reason = ?2, updated_at = ?3 WHERE state = 'retired' AND origin <> 'drop_zone' AND path IN (
            SELECT source_path FROM document WHERE seq IN (SELECT value FROM json_each(?1)))",
    )
    .bind(json_numbers(documents.iter().map(|document| document.seq)))
    .bind(BROUGHT_BACK)
    .bind(now.0)
    .execute(connection)
    .await
    .map(drop)
}

/// Retires every live document of these files but those that stay; for a commit that knows all they hold. Returns how many
/// events that took.
pub(super) async fn retire_rest(
    connection: &mut SqliteConnection,
    files: &[(&str, HashSet<DocumentId>)],
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    if files.is_empty() {
        return Ok(0);
    }
    let rows = sqlx::query(
        "SELECT seq, id, message_id, source_path FROM document WHERE deleted_at IS NULL
            AND source_path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1)) ORDER BY seq",
    )
    .bind(json_texts(files.iter().map(|(path, _)| *path)))
    .fetch_all(&mut *connection)
    .await?;
    // What one file repeats of another stays only if the other holds it still.
    let staying: HashMap<&str, &HashSet<DocumentId>> = files.iter().map(|(path, staying)| (*path, staying)).collect();
    let mut turning = Vec::new();
    for row in rows {
        let (document, path): (Turning, &str) = (
            Turning { seq: row.try_get(0)?, id: uuid(row.try_get(1)?)?, message_id: row.try_get(2)? },
            row.try_get(3)?,
        );
        if staying.get(path).is_some_and(|staying| !staying.contains(&DocumentId(document.id))) {
            turning.push(document);
        }
    }
    turn(connection, &turning, Some(RetireReason::FileGone), now).await?;
    Ok(turning.len() as u64)
}

/// Marks the row of a file whose documents moved to `new`, unless it holds more.
pub(super) async fn vacate(
    connection: &mut SqliteConnection,
    old: &str,
    new: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let done = sqlx::query(
        "UPDATE file SET state = 'retired', reason = ?3, bytes_done = 0, head_sha256 = NULL, content_sha256 = NULL,
            updated_at = ?2
         WHERE path = ?1 AND state IN ('indexed', 'duplicate', 'failed', 'skipped')
           AND NOT EXISTS (SELECT 1 FROM document WHERE source_path = ?1 AND deleted_at IS NULL)",
    )
    .bind(old)
    .bind(now.0)
    .bind(format!("moved to {new}"))
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() > 0 { forget(connection, old).await } else { Ok(()) }
}

/// Nothing of a file that is gone is left to retry, and it repeats nothing.
pub(super) async fn forget(connection: &mut SqliteConnection, path: &str) -> Result<(), sqlx::Error> {
    dead_letters::forget_file(connection, path).await?;
    duplicates::forget_file(connection, path).await
}

enum TurnBy<'a> {
    Ids(&'a [DocumentId]),
    Path(&'a str),
}

/// Finds the documents that are live (or retired) now.
async fn turning(connection: &mut SqliteConnection, by: &TurnBy<'_>, live: bool) -> Result<Vec<Turning>, sqlx::Error> {
    let query = match by {
        TurnBy::Ids(ids) => sqlx::query(
            "SELECT seq, id, message_id FROM document WHERE id IN (SELECT unhex(value) FROM json_each(?1))
                AND (deleted_at IS NULL) = ?2 ORDER BY seq",
        )
        .bind(json_ids(ids.iter().map(|id| id.0))),
        TurnBy::Path(path) => sqlx::query(
            "SELECT seq, id, message_id FROM document WHERE source_path = ?1 AND (deleted_at IS NULL) = ?2 ORDER BY seq",
        )
        .bind(*path),
    };
    let rows = query.bind(i64::from(live)).fetch_all(connection).await?;
    rows.into_iter()
        .map(|row| Ok(Turning { seq: row.try_get(0)?, id: uuid(row.try_get(1)?)?, message_id: row.try_get(2)? }))
        .collect()
}

/// Retires (`Some`) or restores (`None`) documents, and tells outbox and search.
async fn turn(
    connection: &mut SqliteConnection,
    turning: &[Turning],
    reason: Option<RetireReason>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if turning.is_empty() {
        return Ok(());
    }
    let seqs: Vec<i64> = turning.iter().map(|document| document.seq).collect();
    let json = json_numbers(seqs.iter().copied());
    sqlx::query(
        "UPDATE document SET deleted_at = ?2, deleted_reason = ?3, changed_at = ?4
         WHERE seq IN (SELECT value FROM json_each(?1))",
    )
    .bind(json.as_str())
    .bind(reason.map(|_| now.0))
    .bind(reason.map(reason_name))
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO search_change (document_seq) SELECT value FROM json_each(?1)")
        .bind(json.as_str())
        .execute(&mut *connection)
        .await?;
    let event = if reason.is_some() { EventType::DocumentDeleted } else { EventType::DocumentChanged };
    let events: Vec<(EventType, Uuid)> = turning.iter().map(|document| (event, document.id)).collect();
    append_events(connection, &events, now).await?;
    let names = load_names(connection, &seqs).await?;
    let touched = Touched {
        documents: seqs.iter().copied().collect(),
        appeared_or_gone: seqs.iter().copied().collect(),
        names: names.into_values().flatten().collect(),
        message_ids: turning.iter().filter_map(|document| document.message_id.clone()).collect(),
    };
    append_for_others(connection, &touched, now).await?;
    // What the user deleted is wanted no more, wherever else it lies.
    if reason == Some(RetireReason::FileGone) { duplicates::queue_files(connection, &seqs, now).await } else { Ok(()) }
}
