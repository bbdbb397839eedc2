//! The ledger of files and the watched folders: offered, claimed, finished.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use crate::domain::intake::{
    DeadLetter, FileRecord, FileState, FileUpdate, IntakeCounts, ItemCounts, OfferedFile, Origin, WatchedFolder,
};
use crate::domain::{SourceType, Timestamp};
use crate::store::{FilePage, IntakeStore, StoreError, StoreResult};

use super::batch::{insert_rows, json_texts};
use super::error::classify;
use super::ledger::{FileRow, items_at, load_files, save_files};
use super::rows::{from_json, millis, named, signed, to_json, unsigned};
use super::{SqliteStore, dead_letters};

/// Columns of a [`FileRecord`], in the order [`record`] reads them.
const RECORD: &str = "path, origin, source_type, state, reason, size_bytes, modified_at, bytes_done, head_sha256, \
                      seen, documents, duplicates, unchanged, dead_letters, skipped, offered_at, updated_at, seq";
/// How much of an archive's start its head hash covers; a scan may resume behind it without reading it all again.
const HEAD_BYTES: i64 = 64 * 1024;

fn record(row: &SqliteRow) -> Result<FileRecord, sqlx::Error> {
    let source_type: Option<String> = row.try_get(2)?;
    Ok(FileRecord {
        path: row.try_get(0)?,
        origin: named("origin", row.try_get(1)?, Origin::parse)?,
        source_type: source_type.map(|name| named("source type", &name, SourceType::parse)).transpose()?,
        state: named("file state", row.try_get(3)?, FileState::parse)?,
        reason: row.try_get(4)?,
        size_bytes: unsigned(row.try_get(5)?),
        modified_at: Timestamp(row.try_get(6)?),
        bytes_done: unsigned(row.try_get(7)?),
        head_sha256: row.try_get(8)?,
        items: items_at(row, 9)?,
        offered_at: Timestamp(row.try_get(15)?),
        updated_at: Timestamp(row.try_get(16)?),
    })
}

/// Unicode lower case of a path when ASCII lower case does not give the same.
fn folded(path: &str) -> Option<String> {
    let folded = path.to_lowercase();
    (folded != path.to_ascii_lowercase()).then_some(folded)
}

/// What is known of a file that is offered.
struct KnownFile {
    origin: Origin,
    state: FileState,
    size_bytes: i64,
    modified_at: i64,
}

/// What an offer does to a known file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reoffer {
    /// Queue it; `reread` forgets how far it was read.
    Queue { reread: bool },
    /// Only its facts: it waits already.
    Refresh,
    /// In hand and changed: queue again afterwards.
    Again { reread: bool },
    /// Nothing but, perhaps, who offered it.
    Leave,
}

fn reoffer(known: &KnownFile, file: &OfferedFile, force: bool) -> Reoffer {
    let same = known.size_bytes == signed(file.size_bytes) && known.modified_at == file.modified_at.0;
    match known.state {
        FileState::Queued => Reoffer::Refresh,
        FileState::Parsing if same && !force => Reoffer::Leave,
        FileState::Parsing => Reoffer::Again { reread: force },
        FileState::Retired => Reoffer::Queue { reread: true },
        _ if same && !force => Reoffer::Leave,
        _ => Reoffer::Queue { reread: force },
    }
}

/// A path given by hand does not take a file out of the folder that owns it.
fn origin_after(known: Origin, offered: Origin) -> Origin {
    if offered == Origin::Explicit { known } else { offered }
}

async fn offer(
    connection: &mut SqliteConnection,
    files: &[OfferedFile],
    force: bool,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    // The last offer of a path wins.
    let mut offered: Vec<&OfferedFile> = Vec::with_capacity(files.len());
    let mut at: HashMap<&str, usize> = HashMap::new();
    for file in files {
        if let Some(slot) = at.get(file.path.as_str()).and_then(|index| offered.get_mut(*index)) {
            *slot = file;
        } else {
            at.insert(&file.path, offered.len());
            offered.push(file);
        }
    }
    let rows = sqlx::query(
        "SELECT path, origin, state, size_bytes, modified_at FROM file
         WHERE path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1))",
    )
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
        };
        known.insert(row.try_get(0)?, file);
    }
    let mut new: Vec<&OfferedFile> = Vec::new();
    let mut changed: Vec<(&OfferedFile, Origin, Reoffer)> = Vec::new();
    let mut queued = 0;
    for file in offered {
        let Some(before) = known.get(&file.path) else {
            new.push(file);
            queued += 1;
            continue;
        };
        let what = reoffer(before, file, force);
        let origin = origin_after(before.origin, file.origin);
        if what == Reoffer::Leave {
            if origin == before.origin {
                continue;
            }
        } else {
            queued += 1;
        }
        changed.push((file, origin, what));
    }
    insert_rows(
        connection,
        "INSERT INTO file (path, path_folded, origin, state, size_bytes, modified_at, offered_at, updated_at) VALUES",
        8,
        "",
        &new,
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
        },
    )
    .await?;
    insert_rows(
        connection,
        "WITH new (path, origin, size_bytes, modified_at, queue, again, reread, at) AS (VALUES",
        8,
        ") UPDATE file SET origin = new.origin, size_bytes = new.size_bytes, modified_at = new.modified_at,
              state = CASE new.queue WHEN 1 THEN 'queued' ELSE file.state END,
              reason = CASE new.queue WHEN 1 THEN NULL ELSE file.reason END,
              offered_at = CASE new.queue WHEN 1 THEN new.at ELSE file.offered_at END,
              updated_at = CASE WHEN new.queue = 1 OR new.again > 0 THEN new.at ELSE file.updated_at END,
              offered_again = max(new.again, file.offered_again),
              bytes_done = CASE new.reread WHEN 1 THEN 0 ELSE file.bytes_done END,
              head_sha256 = CASE new.reread WHEN 1 THEN NULL ELSE file.head_sha256 END
         FROM new WHERE file.path = new.path",
        &changed,
        |statement, (file, origin, what)| {
            let queue = matches!(what, Reoffer::Queue { .. });
            let again = match what {
                Reoffer::Again { reread } => 1 + i64::from(*reread),
                _ => 0,
            };
            let reread = *what == Reoffer::Queue { reread: true } || (force && *what == Reoffer::Refresh);
            statement
                .bind(file.path.as_str())
                .bind(origin.as_str())
                .bind(signed(file.size_bytes))
                .bind(file.modified_at.0)
                .bind(i64::from(queue))
                .bind(again)
                .bind(i64::from(reread))
                .bind(now.0)
        },
    )
    .await?;
    Ok(queued)
}

/// Queues the file of a dead letter so that its pass reads from `position` at the latest.
async fn queue_for_retry(
    connection: &mut SqliteConnection,
    path: &str,
    position: i64,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    // Behind the hashed head a scan may begin in the middle; anything else is read from the start.
    let resume = if position >= HEAD_BYTES { position } else { 0 };
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
    .bind(resume)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn claim(
    connection: &mut SqliteConnection,
    worker: &str,
    limit: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<FileRecord>, sqlx::Error> {
    let sql = format!(
        "UPDATE file SET state = 'parsing', worker = ?1, lease_until = ?2, lease_ms = ?3, updated_at = ?4,
            pass = pass + 1, pass_start = bytes_done, reason = NULL,
            seen = 0, documents = 0, duplicates = 0, unchanged = 0, dead_letters = 0, skipped = 0
         WHERE seq IN (SELECT seq FROM (
            SELECT * FROM (SELECT offered_at, seq FROM file WHERE state = 'queued' ORDER BY offered_at, seq LIMIT ?5)
            UNION ALL SELECT offered_at, seq FROM file WHERE state = 'parsing' AND lease_until <= ?4
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

async fn page(store: &SqliteStore, page: &FilePage) -> Result<Vec<FileRecord>, sqlx::Error> {
    let states: Vec<FileState> = if page.states.is_empty() { FileState::ALL.to_vec() } else { page.states.clone() };
    let needle = page.path_contains.as_deref().map(str::to_lowercase);
    // One index range per state, each already in order and cut: the whole ledger is never sorted.
    let filter = if needle.is_some() { " AND instr(coalesce(path_folded, lower(path)), ?3) > 0" } else { "" };
    let branches: Vec<String> = states
        .iter()
        .map(|state| {
            format!(
                "SELECT * FROM (SELECT seq, updated_at, state = 'parsing' AS in_hand FROM file WHERE state = '{}'{filter}
                 ORDER BY updated_at DESC, seq DESC LIMIT ?1 + ?2)",
                state.as_str()
            )
        })
        .collect();
    let columns: Vec<String> = RECORD.split(", ").map(|column| format!("file.{}", column.trim())).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT * FROM ({}) ORDER BY in_hand DESC, updated_at DESC, seq DESC LIMIT ?1 OFFSET ?2) AS picked
         JOIN file ON file.seq = picked.seq
         ORDER BY picked.in_hand DESC, picked.updated_at DESC, picked.seq DESC",
        columns.join(", "),
        branches.join(" UNION ALL ")
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(signed(page.limit.min(u64::from(u32::MAX))))
        .bind(signed(page.offset.min(u64::from(u32::MAX))))
        .bind(needle)
        .fetch_all(&store.reader)
        .await?;
    rows.iter().map(record).collect()
}

async fn counts(store: &SqliteStore) -> Result<IntakeCounts, sqlx::Error> {
    let mut transaction = store.reader.begin().await?;
    let rows = sqlx::query(
        "SELECT state, files, seen, documents, duplicates, unchanged, dead_letters, skipped, bytes_waiting FROM file_total",
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut counts = IntakeCounts::default();
    let mut by_state: HashMap<FileState, u64> = HashMap::new();
    for row in rows {
        let state = named("file state", row.try_get(0)?, FileState::parse)?;
        by_state.insert(state, unsigned(row.try_get(1)?));
        let items = items_at(&row, 2)?;
        counts.items = ItemCounts {
            seen: counts.items.seen + items.seen,
            documents: counts.items.documents + items.documents,
            duplicates: counts.items.duplicates + items.duplicates,
            unchanged: counts.items.unchanged + items.unchanged,
            dead_letters: counts.items.dead_letters + items.dead_letters,
            skipped: counts.items.skipped + items.skipped,
        };
        if matches!(state, FileState::Queued | FileState::Parsing) {
            counts.bytes_waiting += unsigned(row.try_get(8)?);
        }
    }
    counts.files_by_state = FileState::ALL
        .into_iter()
        .filter_map(|state| by_state.get(&state).filter(|files| **files > 0).map(|files| (state, *files)))
        .collect();
    let (retrying, all): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM dead_letter WHERE next_retry_at IS NOT NULL), (SELECT count(*) FROM dead_letter)",
    )
    .fetch_one(&mut *transaction)
    .await?;
    counts.dead_letters_retrying = unsigned(retrying);
    counts.dead_letters_dead = unsigned(all - retrying);
    Ok(counts)
}

#[async_trait]
impl IntakeStore for SqliteStore {
    async fn offer(&self, files: &[OfferedFile], force: bool, now: Timestamp) -> StoreResult<u64> {
        const OPERATION: &str = "offer files";
        let key = files.first().map_or("none", |file| file.path.as_str());
        let mut transaction = self.begin(OPERATION, key).await?;
        let work = async {
            let queued = offer(&mut transaction, files, force, now).await?;
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
                    file.apply(update, None, now);
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
            "UPDATE file SET state = 'queued', worker = NULL, lease_until = NULL, offered_again = 0, updated_at = ?2,
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

    async fn paths_below(&self, folder: &str, after: &str, limit: u32) -> StoreResult<Vec<String>> {
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        let end = format!("{}0", folder.trim_end_matches('/')); // '0' follows '/'
        sqlx::query_scalar(
            "SELECT path FROM file WHERE path > ?1 AND path < ?2 AND path > ?3 AND state <> 'retired' ORDER BY path LIMIT ?4",
        )
        .bind(prefix)
        .bind(end)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await
        .map_err(|error| classify("list paths", folder, error))
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
                let file =
                    OfferedFile { path, origin: Origin::Explicit, size_bytes: 0, modified_at: Timestamp::default() };
                offer(&mut transaction, std::slice::from_ref(&file), true, now).await?;
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
