//! Settings, workers, counts, and the engine itself.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::domain::health::{WorkerRecord, WorkerState};
use crate::domain::status::StoreCounts;
use crate::domain::{SourceType, Timestamp};
use crate::store::{DamagedText, Integrity, ReplicaStatus, StoreInfo, StoreResult, SystemStore};

use super::error::classify;
use super::identity::IDENTITY;
use super::replica::Replica;
use super::rows::{named, small, text, unsigned};
use super::search::forget_vectors;
use super::{PostgresStore, verify};

/// A worker without a sign of life for this long is forgotten.
const WORKER_KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

async fn counts(connection: &mut PgConnection) -> Result<StoreCounts, sqlx::Error> {
    let rows: Vec<(String, bool, i64, i64, i64)> =
        sqlx::query_as("SELECT source_type, live, documents, chunks, searchable_chunks FROM document_total")
            .fetch_all(&mut *connection)
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
    let (persons, bytes): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT value FROM counter_total WHERE name = 'persons'), pg_database_size(current_database())",
    )
    .fetch_one(connection)
    .await?;
    counts.persons = unsigned(persons);
    counts.bytes_on_disk = unsigned(bytes);
    Ok(counts)
}

/// Lets the server refresh its statistics of tables that changed since it last did. It does so by itself, but not before
/// a minute has passed, and a first large import is searched sooner.
async fn optimize(store: &PostgresStore) -> Result<(), sqlx::Error> {
    let changed: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(relname) FROM pg_stat_user_tables
         WHERE schemaname = current_schema() AND n_mod_since_analyze > 50 + n_live_tup / 20
         ORDER BY relname",
    )
    .fetch_all(&store.pool)
    .await?;
    for table in changed {
        sqlx::query(AssertSqlSafe(format!("ANALYZE {table}"))).persistent(false).execute(&store.pool).await?;
    }
    // Totals are sums of changes; a sum of few is quicker.
    sqlx::query(
        "SELECT fold_document_total(), fold_counter_total(), fold_embedding_total(), fold_outbox_total(), fold_file_total()",
    )
    .execute(&store.pool)
    .await
    .map(drop)
}

#[async_trait]
impl SystemStore for PostgresStore {
    async fn ping(&self) -> StoreResult<()> {
        let answer = self.pulse.ask(IDENTITY).await;
        let found = answer.map_err(|error| classify("ping", self.location.as_str(), error))?;
        self.identity.compare(found, "ping", &self.location)
    }

    async fn info(&self) -> StoreResult<StoreInfo> {
        let location = self.location.clone();
        let asked = self.pulse.ask(
            "SELECT split_part(current_setting('server_version'), ' ', 1) || coalesce(
                (SELECT ', pgvector ' || extversion FROM pg_extension WHERE extname = 'vector'), ''),
                (SELECT coalesce(max(version), 0) FROM _sqlx_migrations)",
        );
        let (version, schema_version): (String, i64) =
            asked.await.map_err(|error| classify("read store info", location.as_str(), error))?;
        Ok(StoreInfo { engine: "postgres", version, schema_version, location })
    }

    async fn counts(&self) -> StoreResult<StoreCounts> {
        const OPERATION: &str = "count documents";
        let mut transaction = self.begin_reading(OPERATION, "all").await?;
        let work = async {
            let counted = counts(&mut transaction).await?;
            transaction.commit().await?;
            Ok(counted)
        };
        work.await.map_err(|error| classify(OPERATION, "all", error))
    }

    async fn verify(&self) -> StoreResult<Integrity> {
        verify::verify(self).await.map_err(|error| classify("verify", self.location.as_str(), error))
    }

    async fn damaged_texts(&self) -> StoreResult<Vec<DamagedText>> {
        self.find_damaged().await
    }

    async fn distrust_texts(&self, chunks: &[i64]) -> StoreResult<()> {
        self.distrust(chunks).await
    }

    async fn repair_index(&self) -> StoreResult<bool> {
        let fail = |error| classify("repair search index", self.location.as_str(), error);
        if verify::damaged_index(self).await.map_err(fail)?.is_empty() {
            return Ok(false);
        }
        // Packed again from the vectors when there is time.
        let mut transaction = self.pool.begin().await.map_err(fail)?;
        forget_vectors(&mut transaction, None).await.map_err(fail)?;
        transaction.commit().await.map_err(fail)?;
        self.make_words(true).await?;
        Ok(true)
    }

    async fn setting(&self, key: &str) -> StoreResult<Option<String>> {
        sqlx::query_scalar("SELECT value FROM setting WHERE key = $1")
            .bind(key)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| classify("read setting", key, error))
    }

    async fn put_setting(&self, key: &str, value: &str, now: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO setting (key, value, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        )
        .bind(key)
        .bind(text(value))
        .bind(now.0)
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(|error| classify("write setting", key, error))
    }

    async fn settings(&self) -> StoreResult<Vec<(String, String)>> {
        sqlx::query_as("SELECT key, value FROM setting ORDER BY key")
            .fetch_all(&self.pool)
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
        let statement = match (expected, value) {
            (None, None) => return self.setting(key).await.map(|held| held.is_none()),
            (None, Some(_)) => {
                "INSERT INTO setting (key, value, updated_at) SELECT $1, $3, $4 WHERE $2::TEXT IS NULL
                 ON CONFLICT (key) DO NOTHING"
            }
            (Some(_), None) => {
                "DELETE FROM setting WHERE key = $1 AND value = $2 AND $3::TEXT IS NULL AND $4::BIGINT IS NOT NULL"
            }
            (Some(_), Some(_)) => "UPDATE setting SET value = $3, updated_at = $4 WHERE key = $1 AND value = $2",
        };
        sqlx::query(statement)
            .bind(key)
            .bind(expected)
            .bind(value.map(text))
            .bind(now.0)
            .execute(&self.pool)
            .await
            .map(|done| done.rows_affected() == 1)
            .map_err(|error| classify("replace setting", key, error))
    }

    async fn release_leases(&self, worker: Option<&str>, now: Timestamp) -> StoreResult<u64> {
        const OPERATION: &str = "release leases";
        const OF_WORKER: &str = "($1::TEXT IS NULL OR worker = $1 OR starts_with(worker, $1 || ':'))";
        let key = worker.unwrap_or("everybody");
        let mut transaction = self.begin(OPERATION, key).await?;
        let work = async {
            let mut held = 0;
            // What somebody takes over at this moment because its lease ran out is left to them.
            for sql in [
                format!(
                    "UPDATE file SET state = 'queued', worker = NULL, lease_until = NULL, offered_again = 0, updated_at = $2,
                        seen = 0, documents = 0, duplicates = 0, unchanged = 0, dead_letters = 0, skipped = 0
                     WHERE seq IN (SELECT seq FROM file WHERE state = 'parsing' AND {OF_WORKER} FOR UPDATE SKIP LOCKED)"
                ),
                format!(
                    "UPDATE embedding_job SET state = 'pending', worker = NULL, lease_until = NULL
                     WHERE (model_seq, chunk_id) IN (SELECT model_seq, chunk_id FROM embedding_job
                        WHERE $2::BIGINT IS NOT NULL AND state = 'processing' AND {OF_WORKER} FOR UPDATE SKIP LOCKED)"
                ),
                format!(
                    "UPDATE outbox SET state = 'pending', worker = NULL, lease_until = NULL
                     WHERE id IN (SELECT id FROM outbox
                        WHERE $2::BIGINT IS NOT NULL AND state = 'claimed' AND {OF_WORKER} FOR UPDATE SKIP LOCKED)"
                ),
            ] {
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
                "INSERT INTO worker (name, host, pid, state, detail, restarts, heartbeat_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (host, pid, name) DO UPDATE SET state = excluded.state, detail = excluded.detail,
                    restarts = excluded.restarts, heartbeat_at = excluded.heartbeat_at",
            )
            .bind(text(&worker.name))
            .bind(text(&worker.host))
            .bind(i64::from(worker.pid))
            .bind(worker.state.as_str())
            .bind(text(&worker.detail))
            .bind(i64::from(worker.restarts))
            .bind(worker.heartbeat_at.0)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "DELETE FROM worker WHERE (host, pid, name) IN (
                    SELECT host, pid, name FROM worker WHERE heartbeat_at < $1 FOR UPDATE SKIP LOCKED)",
            )
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
            .fetch_all(&self.pool)
            .await?;
            rows.into_iter()
                .map(|row| {
                    Ok(WorkerRecord {
                        name: row.try_get(0)?,
                        host: row.try_get(1)?,
                        pid: small(row.try_get(2)?),
                        state: named("worker state", row.try_get(3)?, WorkerState::parse)?,
                        detail: row.try_get(4)?,
                        restarts: small(row.try_get(5)?),
                        heartbeat_at: Timestamp(row.try_get(6)?),
                    })
                })
                .collect::<Result<Vec<_>, sqlx::Error>>()
        };
        work.await.map_err(|error| classify("list workers", "all", error))
    }

    async fn optimize(&self) -> StoreResult<()> {
        optimize(self).await.map_err(|error| classify("optimize", self.location.as_str(), error))?;
        self.search.tidy().await
    }

    async fn replica(&self) -> StoreResult<Option<ReplicaStatus>> {
        Ok(self.search.replica().map(Replica::status))
    }

    async fn close(&self) {
        if let Some(replica) = self.search.replica() {
            replica.close().await;
        }
        self.pulse.close().await;
        self.pool.close().await;
    }
}
