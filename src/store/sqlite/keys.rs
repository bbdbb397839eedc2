//! Keys to the doors: the table `api_key`.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::domain::key::{KeyRecord, SecretHash};
use crate::domain::{Scope, Timestamp};
use crate::store::{KeyStore, StoreError, StoreResult};

use super::SqliteStore;
use super::error::classify;
use super::rows::{moment, named, sha256};

/// Use is noted at most this often.
const USE_NOTED_MILLIS: i64 = 60 * 1000;
/// Columns in the order [`record`] reads them.
const KEY: &str = "id, name, scope, secret_sha256, created_at, rotated_at, expires_at, revoked_at, last_used_at";

fn record(row: &SqliteRow) -> Result<KeyRecord, sqlx::Error> {
    Ok(KeyRecord {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        scope: named("scope", row.try_get(2)?, Scope::parse)?,
        secret_sha256: sha256(row.try_get(3)?)?,
        created_at: Timestamp(row.try_get(4)?),
        rotated_at: moment(row.try_get(5)?),
        expires_at: moment(row.try_get(6)?),
        revoked_at: moment(row.try_get(7)?),
        last_used_at: moment(row.try_get(8)?),
    })
}

#[async_trait]
impl KeyStore for SqliteStore {
    async fn add_key(&self, key: &KeyRecord) -> StoreResult<()> {
        sqlx::query(AssertSqlSafe(format!("INSERT INTO api_key ({KEY}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")))
            .bind(key.id.as_str())
            .bind(key.name.as_str())
            .bind(key.scope.as_str())
            .bind(key.secret_sha256.as_slice())
            .bind(key.created_at.0)
            .bind(key.rotated_at.map(|at| at.0))
            .bind(key.expires_at.map(|at| at.0))
            .bind(key.revoked_at.map(|at| at.0))
            .bind(key.last_used_at.map(|at| at.0))
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(|error| classify("add key", key.id.as_str(), error))
    }

    async fn key_by_hash(&self, secret_sha256: &SecretHash) -> StoreResult<Option<KeyRecord>> {
        let work = async {
            let row = sqlx::query(AssertSqlSafe(format!("SELECT {KEY} FROM api_key WHERE secret_sha256 = ?1")))
                .bind(secret_sha256.as_slice())
                .fetch_optional(&self.reader)
                .await?;
            row.as_ref().map(record).transpose()
        };
        work.await.map_err(|error| classify("look up key", "by hash", error))
    }

    async fn keys(&self) -> StoreResult<Vec<KeyRecord>> {
        let work = async {
            let rows = sqlx::query(AssertSqlSafe(format!("SELECT {KEY} FROM api_key ORDER BY created_at, id")))
                .fetch_all(&self.reader)
                .await?;
            rows.iter().map(record).collect::<Result<Vec<_>, sqlx::Error>>()
        };
        work.await.map_err(|error| classify("list keys", "all", error))
    }

    async fn has_keys(&self) -> StoreResult<bool> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM api_key)")
            .fetch_one(&self.reader)
            .await
            .map_err(|error| classify("look for keys", "any", error))
    }

    async fn revoke_key(&self, id: &str, now: Timestamp) -> StoreResult<KeyRecord> {
        const OPERATION: &str = "revoke key";
        let work = async {
            let row = sqlx::query(AssertSqlSafe(format!(
                "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1 RETURNING {KEY}"
            )))
            .bind(id)
            .bind(now.0)
            .fetch_optional(&self.writer)
            .await?;
            row.as_ref().map(record).transpose()
        };
        let revoked = work.await.map_err(|error| classify(OPERATION, id, error))?;
        revoked.ok_or_else(|| StoreError::not_found(OPERATION, id))
    }

    async fn rotate_key(
        &self,
        id: &str,
        secret_sha256: &SecretHash,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> StoreResult<KeyRecord> {
        const OPERATION: &str = "rotate key";
        let mut transaction = self.begin(OPERATION, id).await?;
        let work = async {
            let row = sqlx::query(AssertSqlSafe(format!(
                "UPDATE api_key SET secret_sha256 = ?2, expires_at = ?3, rotated_at = ?4
                 WHERE id = ?1 AND revoked_at IS NULL RETURNING {KEY}"
            )))
            .bind(id)
            .bind(secret_sha256.as_slice())
            .bind(expires_at.map(|at| at.0))
            .bind(now.0)
            .fetch_optional(&mut *transaction)
            .await?;
            let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM api_key WHERE id = ?1)")
                .bind(id)
                .fetch_one(&mut *transaction)
                .await?;
            let rotated = row.as_ref().map(record).transpose()?;
            transaction.commit().await?;
            Ok((rotated, known))
        };
        match work.await.map_err(|error| classify(OPERATION, id, error))? {
            (Some(rotated), _) => Ok(rotated),
            (None, true) => Err(StoreError::invariant(OPERATION, id, "is revoked: create another key")),
            (None, false) => Err(StoreError::not_found(OPERATION, id)),
        }
    }

    async fn note_key_use(&self, id: &str, now: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "UPDATE api_key SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?2 - ?3)",
        )
        .bind(id)
        .bind(now.0)
        .bind(USE_NOTED_MILLIS)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(|error| classify("note use of key", id, error))
    }

    async fn forget_key(&self, id: &str) -> StoreResult<()> {
        const OPERATION: &str = "forget key";
        let done = sqlx::query("DELETE FROM api_key WHERE id = ?1").bind(id).execute(&self.writer).await;
        let done = done.map_err(|error| classify(OPERATION, id, error))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found(OPERATION, id)) } else { Ok(()) }
    }
}
