//! The ledger of files and the watched folders: offered, claimed, finished.

mod below;
mod list;
mod queue;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;

use crate::domain::Timestamp;
use crate::domain::intake::{
    DeadLetter, FileMark, FileRecord, FileUpdate, IntakeCounts, KnownPath, OfferedFile, Origin, WatchedFolder,
};
use crate::store::{FilePage, IntakeStore, StoreError, StoreResult};

use super::batch::json_texts;
use super::error::classify;
use super::ledger::{FileRow, load_files, save_files};
use super::rows::{from_json, millis, to_json};
use super::{SqliteStore, dead_letters};

use self::list::{RECORD, counts, page, record};
use self::queue::{claim, offer, queue_for_retry};

#[async_trait]
impl IntakeStore for SqliteStore {
    async fn offer(&self, files: &[OfferedFile], force: bool, now: Timestamp) -> StoreResult<u64> {
        const OPERATION: &str = "offer files";
        let key = files.first().map_or("none", |file| file.path.as_str());
        let mut transaction = self.begin(OPERATION, key).await?;
        let work = async {
            let queued = offer(&mut transaction, self.host.as_deref(), files, force, now).await?;
            transaction.commit().await?;
            Ok(queued)
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }

    async fn claim_files(
        &self,
        worker: &str,
        limit: u32,
        lease: Duration,
        now: Timestamp,
    ) -> StoreResult<Vec<FileRecord>> {
        const OPERATION: &str = "claim files";
        let mut transaction = self.begin(OPERATION, worker).await?;
        let work = async {
            let claimed = claim(&mut transaction, worker, limit, lease, now).await?;
            transaction.commit().await?;
            Ok(claimed)
        };
        work.await.map_err(|error| classify(OPERATION, worker, error))
    }

    async fn update_files(&self, updates: &[FileUpdate], lease: Duration, now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "update files";
        let key = updates.first().map_or("none", |update| update.path.as_str());
        let mut transaction = self.begin(OPERATION, key).await?;
        let work = async {
            let mut files = load_files(&mut transaction, updates.iter().map(|update| update.path.as_str())).await?;
            for update in updates {
                if let Some(file) = files.get_mut(&update.path) {
                    file.apply(update, now);
                    file.extend_lease(Some(millis(lease)), now);
                }
            }
            let changed: Vec<&FileRow> = files.values().collect();
            save_files(&mut transaction, &changed).await?;
            dead_letters::clear_passed(&mut transaction, &changed).await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }

    async fn release_files(&self, paths: &[String], now: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "UPDATE file SET state = 'queued', worker = NULL, lease_until = NULL, offered_again = 0,
                attempts = max(attempts - 1, 0), updated_at = ?2,
                seen = 0, documents = 0, duplicates = 0, unchanged = 0, dead_letters = 0, skipped = 0
             WHERE state = 'parsing' AND path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1))",
        )
        .bind(json_texts(paths.iter().map(String::as_str)))
        .bind(now.0)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(|error| classify("release files", paths.first().map_or("none", String::as_str), error))
    }

    async fn file(&self, path: &str) -> StoreResult<Option<FileRecord>> {
        let work = async {
            let sql = format!("SELECT {RECORD} FROM file WHERE path = ?1");
            let row = sqlx::query(AssertSqlSafe(sql)).bind(path).fetch_optional(&self.reader).await?;
            row.as_ref().map(record).transpose()
        };
        work.await.map_err(|error| classify("read file", path, error))
    }

    async fn files(&self, wanted: &FilePage) -> StoreResult<Vec<FileRecord>> {
        page(self, wanted).await.map_err(|error| classify("list files", format!("from {}", wanted.offset), error))
    }

    async fn paths_below(&self, folder: &str, after: &str, limit: u32) -> StoreResult<Vec<KnownPath>> {
        below::paths(self, folder, after, limit).await.map_err(|error| classify("list paths", folder, error))
    }

    async fn marks(&self, paths: &[String]) -> StoreResult<Vec<FileMark>> {
        let key = paths.first().map_or("none", String::as_str);
        below::marks(self, paths).await.map_err(|error| classify("read marks of files", key, error))
    }

    async fn troubled(&self, path: &str, after: &str, limit: u32) -> StoreResult<Vec<FileRecord>> {
        below::troubled(self, path, after, limit).await.map_err(|error| classify("list troubled files", path, error))
    }

    async fn unsound_files(&self, after: &str, limit: u32) -> StoreResult<Vec<String>> {
        below::unsound(self, after, limit).await.map_err(|error| classify("list unsound files", "all", error))
    }

    async fn intake_counts(&self) -> StoreResult<IntakeCounts> {
        counts(self).await.map_err(|error| classify("count files", "all", error))
    }

    async fn dead_letters(&self, offset: u64, limit: u64) -> StoreResult<Vec<DeadLetter>> {
        let work = async {
            let mut connection = self.reader.acquire().await?;
            dead_letters::list(&mut connection, offset, limit).await
        };
        work.await.map_err(|error| classify("list dead letters", format!("from {offset}"), error))
    }

    async fn queue_due_retries(&self, now: Timestamp) -> StoreResult<u64> {
        const OPERATION: &str = "queue due retries";
        let due: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM dead_letter WHERE next_retry_at <= ?1 AND retrying = 0 LIMIT 1")
                .bind(now.0)
                .fetch_optional(&self.reader)
                .await
                .map_err(|error| classify(OPERATION, "all", error))?;
        if due.is_none() {
            return Ok(0);
        }
        let mut transaction = self.begin(OPERATION, "all").await?;
        let work = async {
            let mut queued = 0;
            for (path, position) in dead_letters::take_due(&mut transaction, now).await? {
                queued += u64::from(queue_for_retry(&mut transaction, &path, position, now).await?);
            }
            transaction.commit().await?;
            Ok(queued)
        };
        work.await.map_err(|error| classify(OPERATION, "all", error))
    }

    async fn retry_dead_letter(&self, id: i64, now: Timestamp) -> StoreResult<()> {
        const OPERATION: &str = "retry dead letter";
        let mut transaction = self.begin(OPERATION, &id.to_string()).await?;
        let work = async {
            let Some((path, position)) = dead_letters::restart(&mut transaction, id, now).await? else {
                return Ok(false);
            };
            if !queue_for_retry(&mut transaction, &path, position, now).await? {
                let file = OfferedFile {
                    path,
                    origin: Origin::Explicit,
                    size_bytes: 0,
                    modified_at: Timestamp::default(),
                    stamp: 0,
                    device: None,
                };
                offer(&mut transaction, None, std::slice::from_ref(&file), true, now).await?;
            }
            transaction.commit().await?;
            Ok(true)
        };
        let found = work.await.map_err(|error| classify(OPERATION, id.to_string(), error))?;
        if found { Ok(()) } else { Err(StoreError::not_found(OPERATION, id.to_string())) }
    }

    async fn discard_dead_letter(&self, id: i64) -> StoreResult<()> {
        const OPERATION: &str = "discard dead letter";
        let done = sqlx::query("DELETE FROM dead_letter WHERE id = ?1")
            .bind(id)
            .execute(&self.writer)
            .await
            .map_err(|error| classify(OPERATION, id.to_string(), error))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found(OPERATION, id.to_string())) } else { Ok(()) }
    }

    async fn folders(&self) -> StoreResult<Vec<WatchedFolder>> {
        let work = async {
            let rows: Vec<(String, String)> =
                sqlx::query_as("SELECT path, excludes FROM folder ORDER BY path").fetch_all(&self.reader).await?;
            rows.into_iter()
                .map(|(path, excludes)| Ok(WatchedFolder { path, excludes: from_json("excludes", &excludes)? }))
                .collect::<Result<Vec<_>, sqlx::Error>>()
        };
        work.await.map_err(|error| classify("list folders", "all", error))
    }

    async fn put_folder(&self, folder: &WatchedFolder, now: Timestamp) -> StoreResult<()> {
        let work = async {
            sqlx::query(
                "INSERT INTO folder (path, excludes, added_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (path) DO UPDATE SET excludes = excluded.excludes",
            )
            .bind(folder.path.as_str())
            .bind(to_json(&folder.excludes)?)
            .bind(now.0)
            .execute(&self.writer)
            .await
            .map(drop)
        };
        work.await.map_err(|error| classify("put folder", folder.path.as_str(), error))
    }

    async fn remove_folder(&self, path: &str) -> StoreResult<()> {
        const OPERATION: &str = "remove folder";
        let done = sqlx::query("DELETE FROM folder WHERE path = ?1")
            .bind(path)
            .execute(&self.writer)
            .await
            .map_err(|error| classify(OPERATION, path, error))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found(OPERATION, path)) } else { Ok(()) }
    }
}
