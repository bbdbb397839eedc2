//! Batches that are written once for a key. Called by `commit` inside its transaction: there is one writer at a time.

use sqlx::SqliteConnection;

use crate::domain::{DocumentId, Timestamp};
use crate::store::plan::commit::once_forgotten_before;
use crate::store::{EarlierCommit, OnceKey};

use super::super::rows::{document_id, sha256};

/// What the first batch with this key did, if there was one.
pub(super) async fn known(
    connection: &mut SqliteConnection,
    once: &OnceKey,
    now: Timestamp,
) -> Result<Option<EarlierCommit>, sqlx::Error> {
    let row: Option<(Vec<u8>, Vec<u8>, bool)> =
        sqlx::query_as("SELECT fingerprint, document_id, added FROM commit_once WHERE key = ?1 AND at >= ?2")
            .bind(&once.key)
            .bind(once_forgotten_before(now))
            .fetch_optional(connection)
            .await?;
    row.map(|(fingerprint, id, added)| {
        Ok(EarlierCommit { fingerprint: sha256(&fingerprint)?, document_id: document_id(&id)?, added })
    })
    .transpose()
}

/// Remembers what this batch did, and forgets what is too old.
pub(super) async fn remember(
    connection: &mut SqliteConnection,
    once: &OnceKey,
    (document, added): (DocumentId, bool),
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM commit_once WHERE at < ?1")
        .bind(once_forgotten_before(now))
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO commit_once (key, fingerprint, document_id, added, at) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(&once.key)
        .bind(once.fingerprint.as_slice())
        .bind(document.0.as_bytes().as_slice())
        .bind(added)
        .bind(now.0)
        .execute(connection)
        .await
        .map(drop)
}
