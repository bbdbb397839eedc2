//! Files by their place: those below a folder, those in trouble, those whose row says more than the store holds.

use sqlx::{AssertSqlSafe, Row as _};

use crate::domain::intake::{FileMark, FileRecord, FileState, KnownPath};
use crate::store::shared::ledger::{end_of, start_of, unsound_files};

use super::super::PostgresStore;
use super::super::rows::{named, sha256, unsigned};
use super::list::{RECORD, record};

/// See [`crate::store::IntakeStore::paths_below`].
pub(super) async fn paths(
    store: &PostgresStore,
    folder: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<KnownPath>, sqlx::Error> {
    let rows: Vec<(String, Option<i64>)> = sqlx::query_as(
        "SELECT path, device FROM file WHERE path > $1 AND path < $2 AND path > $3 AND state <> 'retired' AND origin <> 'drop_zone'
           AND ($5::TEXT IS NULL OR host IS NULL OR host = $5) ORDER BY path LIMIT $4",
    )
    .bind(start_of(folder))
    .bind(end_of(folder))
    .bind(after)
    .bind(i64::from(limit))
    .bind(store.host.as_deref())
    .fetch_all(&store.pool)
    .await?;
    Ok(rows.into_iter().map(|(path, device)| KnownPath { path, device }).collect())
}

/// See [`crate::store::IntakeStore::marks`].
pub(super) async fn marks(store: &PostgresStore, paths: &[String]) -> Result<Vec<FileMark>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT path, state, size_bytes, stamp, content_sha256, device FROM file
             WHERE path = ANY($1) AND ($2::TEXT IS NULL OR host IS NULL OR host = $2)",
    )
    .bind(paths)
    .bind(store.host.as_deref())
    .fetch_all(&store.pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(FileMark {
                path: row.try_get(0)?,
                state: named("file state", row.try_get(1)?, FileState::parse)?,
                size_bytes: unsigned(row.try_get(2)?),
                stamp: row.try_get(3)?,
                content_sha256: row.try_get::<Option<&[u8]>, _>(4)?.map(sha256).transpose()?,
                device: row.try_get(5)?,
            })
        })
        .collect()
}

/// See [`crate::store::IntakeStore::troubled`].
pub(super) async fn troubled(
    store: &PostgresStore,
    path: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<FileRecord>, sqlx::Error> {
    let sql = format!(
        "SELECT {RECORD} FROM file WHERE (path = $1 OR path > $2 AND path < $3) AND path > $4
            AND state <> 'retired' AND (state = 'failed' OR dead_letters > 0 OR state = 'indexed' AND reason IS NOT NULL)
         ORDER BY path LIMIT $5"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(path)
        .bind(start_of(path))
        .bind(end_of(path))
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&store.pool)
        .await?;
    rows.iter().map(record).collect()
}

/// See [`crate::store::IntakeStore::unsound_files`].
pub(super) async fn unsound(store: &PostgresStore, after: &str, limit: u32) -> Result<Vec<String>, sqlx::Error> {
    let sql = format!(
        "SELECT path FROM ({}) AS unsound WHERE path > $1 AND ($3::TEXT IS NULL OR host IS NULL OR host = $3)
         ORDER BY path LIMIT $2",
        unsound_files()
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(after)
        .bind(i64::from(limit))
        .bind(store.host.as_deref())
        .fetch_all(&store.pool)
        .await
}
