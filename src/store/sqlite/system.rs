//! Settings, workers, counts, and the engine itself.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row as _};

use crate::domain::health::{WorkerRecord, WorkerState};
use crate::domain::status::StoreCounts;
use crate::domain::text::without_nul;
use crate::domain::{SourceType, Timestamp};
use crate::store::{DamagedText, Integrity, ReplicaStatus, StoreInfo, StoreResult, SystemStore};

use super::error::classify;
use super::rows::{named, unsigned};
use super::{SqliteStore, verify};

/// A worker without a sign of life for this long is forgotten.
const WORKER_KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

async fn counts(store: &SqliteStore) -> Result<StoreCounts, sqlx::Error> {
    let mut transaction = store.reader.begin().await?;
    let rows: Vec<(String, bool, i64, i64, i64)> =
        sqlx::query_as("SELECT source_type, live, documents, chunks, searchable_chunks FROM document_total")
            .fetch_all(&mut *transaction)
            .await?;
    let mut counts = StoreCounts::default();
    let mut by_type = Vec::new();
    for (name, live, documents, chunks, searchable) in rows {
        if live {
            counts.documents += unsigned(documents);
            counts.chunks += unsigned(chunks);
            counts.searchable_chunks += unsigned(searchable);
            by_type.push((named("source type", &name, SourceType::parse)?, unsigned(documents)));
        } else {
            counts.deleted += unsigned(documents);
        }
    }
    counts.documents_by_type = SourceType::ALL
        .into_iter()
        .filter_map(|source_type| by_type.iter().find(|(held, count)| *held == source_type && *count > 0).copied())
        .collect();
    let persons: i64 =
        sqlx::query_scalar("SELECT value FROM counter WHERE name = 'persons'").fetch_one(&mut *transaction).await?;
    counts.persons = unsigned(persons);
    transaction.commit().await?;
    for suffix in ["", "-wal"] {
        let mut path = store.place.file().to_owned().into_os_string();
        path.push(suffix);
        counts.bytes_on_disk += tokio::fs::metadata(path).await.map_or(0, |file| file.len());
    }
    counts.bytes_on_disk += store.index.folder().bytes();
    Ok(counts)
}

async fn optimize(store: &SqliteStore) -> Result<(), sqlx::Error> {
    // Bounds the rows read per index when statistics are refreshed.
    sqlx::query("PRAGMA analysis_limit = 400").execute(&store.writer).await?;
    sqlx::query("PRAGMA optimize").execute(&store.writer).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&store.writer).await.map(drop)
}

#[async_trait]
impl SystemStore for SqliteStore {
    async fn ping(&self) -> StoreResult<()> {
        let work = async {
            self.place.check()?;
            let _: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox_total").fetch_one(&self.pulse).await?;
            // The connection just used stays open.
            self.place.note_beside();
            Ok(())
        };
        work.await.map_err(|error| classify("ping", self.location(), error))
    }

    async fn info(&self) -> StoreResult<StoreInfo> {
        let location = self.location();
        let (version, schema_version): (String, i64) =
            sqlx::query_as("SELECT sqlite_version(), coalesce(max(version), 0) FROM _sqlx_migrations")
                .fetch_one(&self.pulse)
                .await
                .map_err(|error| classify("read store info", location.as_str(), error))?;
        Ok(StoreInfo { engine: "sqlite", version, schema_version, location })
    }

    async fn counts(&self) -> StoreResult<StoreCounts> {
        counts(self).await.map_err(|error| classify("count documents", "all", error))
    }

    async fn verify(&self) -> StoreResult<Integrity> {
        verify::verify(self).await.map_err(|error| classify("verify", self.location(), error))
    }

    async fn damaged_texts(&self) -> StoreResult<Vec<DamagedText>> {
        self.find_damaged().await
    }

    async fn distrust_texts(&self, chunks: &[i64]) -> StoreResult<()> {
        self.distrust(chunks).await
    }

    async fn repair_index(&self) -> StoreResult<bool> {
        let fail = |error| classify("repair search index", self.location(), error);
        let mut snapshot = self.reader.begin().await.map_err(fail)?;
        let problems = self.damaged_index(&mut snapshot).await.map_err(fail)?;
        drop(snapshot);
        if problems.is_empty() {
            return Ok(false);
        }
        // Blocks are packed again from the vectors when there is time.
        sqlx::query("DELETE FROM vector_segment").execute(&self.writer).await.map_err(fail)?;
        self.make_words(true).await?;
        Ok(true)
    }

    async fn setting(&self, key: &str) -> StoreResult<Option<String>> {
        sqlx::query_scalar("SELECT value FROM setting WHERE key = ?1")
            .bind(key)
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| classify("read setting", key, error))
    }

    async fn put_setting(&self, key: &str, value: &str, now: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO setting (key, value, updated_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        )
        .bind(key)
        .bind(without_nul(value).as_ref())
        .bind(now.0)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(|error| classify("write setting", key, error))
    }

    async fn settings(&self) -> StoreResult<Vec<(String, String)>> {
        sqlx::query_as("SELECT key, value FROM setting ORDER BY key")
            .fetch_all(&self.reader)
            .await
            .map_err(|error| classify("read settings", "all", error))
    }

    async fn replace_setting(
        &self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        const OPERATION: &str = "replace setting";
        let mut transaction = self.begin(OPERATION, key).await?;
        let work = async {
            let held: Option<String> = sqlx::query_scalar("SELECT value FROM setting WHERE key = ?1")
                .bind(key)
                .fetch_optional(&mut *transaction)
                .await?;
            if held.as_deref() != expected {
                return Ok(false);
            }
            sqlx::query("DELETE FROM setting WHERE key = ?1").bind(key).execute(&mut *transaction).await?;
            if let Some(value) = value {
                sqlx::query("INSERT INTO setting (key, value, updated_at) VALUES (?1, ?2, ?3)")
                    .bind(key)
                    .bind(without_nul(value).as_ref())
                    .bind(now.0)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(true)
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }

    async fn release_leases(&self, worker: Option<&str>, now: Timestamp) -> StoreResult<u64> {
        const OPERATION: &str = "release leases";
        let key = worker.unwrap_or("everybody");
        let mut transaction = self.begin(OPERATION, key).await?;
        let work = async {
            let mut held = 0;
            for what in [
                "UPDATE file SET state = 'queued', worker = NULL, lease_until = NULL, offered_again = 0, updated_at = ?2,
                    seen = 0, documents = 0, duplicates = 0, unchanged = 0, dead_letters = 0, skipped = 0
                 WHERE state = 'parsing'",
                "UPDATE embedding_job SET state = 'pending', worker = NULL, lease_until = NULL WHERE ?2 IS NOT NULL AND state = 'processing'",
                "UPDATE outbox SET state = 'pending', worker = NULL, lease_until = NULL WHERE ?2 IS NOT NULL AND state = 'claimed'",
            ] {
                let sql = format!("{what} AND (?1 IS NULL OR worker = ?1 OR substr(worker, 1, length(?1) + 1) = ?1 || ':')");
                let done =
                    sqlx::query(AssertSqlSafe(sql)).bind(worker).bind(now.0).execute(&mut *transaction).await?;
                held += done.rows_affected();
            }
            if worker.is_none() {
                sqlx::query("DELETE FROM worker").execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(held)
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }

    async fn put_worker(&self, worker: &WorkerRecord) -> StoreResult<()> {
        const OPERATION: &str = "write worker";
        let key = worker.name.as_str();
        let mut transaction = self.begin(OPERATION, key).await?;
        let work = async {
            sqlx::query(
                "INSERT INTO worker (name, host, pid, state, detail, restarts, heartbeat_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (host, pid, name) DO UPDATE SET state = excluded.state, detail = excluded.detail,
                    restarts = excluded.restarts, heartbeat_at = excluded.heartbeat_at",
            )
            .bind(worker.name.as_str())
            .bind(worker.host.as_str())
            .bind(i64::from(worker.pid))
            .bind(worker.state.as_str())
            .bind(worker.detail.as_str())
            .bind(i64::from(worker.restarts))
            .bind(worker.heartbeat_at.0)
            .execute(&mut *transaction)
            .await?;
            sqlx::query("DELETE FROM worker WHERE heartbeat_at < ?1")
                .bind(worker.heartbeat_at.0.saturating_sub(WORKER_KEPT_MILLIS))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }

    async fn workers(&self) -> StoreResult<Vec<WorkerRecord>> {
        let work = async {
            let rows = sqlx::query(
                "SELECT name, host, pid, state, detail, restarts, heartbeat_at FROM worker ORDER BY host, pid, name",
            )
            .fetch_all(&self.reader)
            .await?;
            rows.into_iter()
                .map(|row| {
                    Ok(WorkerRecord {
                        name: row.try_get(0)?,
                        host: row.try_get(1)?,
                        pid: row.try_get(2)?,
                        state: named("worker state", row.try_get(3)?, WorkerState::parse)?,
                        detail: row.try_get(4)?,
                        restarts: row.try_get(5)?,
                        heartbeat_at: Timestamp(row.try_get(6)?),
                    })
                })
                .collect::<Result<Vec<_>, sqlx::Error>>()
        };
        work.await.map_err(|error| classify("list workers", "all", error))
    }

    async fn optimize(&self) -> StoreResult<()> {
        optimize(self).await.map_err(|error| classify("optimize", self.location(), error))?;
        self.tidy().await
    }

    async fn replica(&self) -> StoreResult<Option<ReplicaStatus>> {
        Ok(None)
    }

    async fn close(&self) {
        if let Err(lost) = self.place.check() {
            // The last connection that closes removes the log by its name, and that may be another store's by now. They end
            // with the process.
            tracing::warn!(event = "store_left_open", %lost, "the store is not where it was opened");
            for pool in [&self.pulse, &self.reader, self.writer.pool()] {
                std::mem::forget(pool.clone());
            }
            return;
        }
        // The last connection to close folds the log back by itself; this does the bulk of it while readers may linger.
        // Who wrote nothing has nothing to fold.
        let has_written = self.writer.pool().size() > 0;
        let folding = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&self.writer);
        if has_written && let Err(error) = folding.await {
            tracing::warn!(event = "store_checkpoint_failed", %error, "could not fold the write-ahead log back");
        }
        self.pulse.close().await;
        self.reader.close().await;
        self.writer.pool().close().await;
    }
}
