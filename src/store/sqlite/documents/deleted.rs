//! What the user deleted, to be brought back, and what each file holds.

use std::collections::HashMap;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::domain::Timestamp;
use crate::store::{DeletedDocument, DeletedOf, StoreResult};

use super::super::SqliteStore;
use super::super::batch::{json_ids, json_texts};
use super::super::error::classify;
use super::super::rows::{document_id, unsigned};

/// See [`crate::store::DocumentStore::deleted`].
pub(super) async fn deleted(store: &SqliteStore, of: DeletedOf<'_>, limit: u32) -> StoreResult<Vec<DeletedDocument>> {
    const OPERATION: &str = "list deleted documents";
    // Those deleted are few: their index leads, and the rest is a test of each.
    const SQL: &str = "SELECT id, title, source_path, deleted_at FROM document INDEXED BY document_deleted
         WHERE deleted_at IS NOT NULL AND deleted_reason = 'deleted'";
    const ORDER: &str = "ORDER BY deleted_at DESC, seq LIMIT ?1";
    let (key, query) = match of {
        DeletedOf::Ids(ids) => (
            format!("{} ids", ids.len()),
            sqlx::query(sqlx::AssertSqlSafe(format!(
                "{SQL} AND id IN (SELECT unhex(value) FROM json_each(?2)) {ORDER}"
            )))
            .bind(limit)
            .bind(json_ids(ids.iter().map(|id| id.0))),
        ),
        DeletedOf::Path(path) => {
            let below = format!("{}/", path.trim_end_matches('/'));
            let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                "{SQL} AND (source_path = ?2 OR substr(source_path, 1, length(?3)) = ?3
                    OR seq IN (SELECT document_seq FROM duplicate WHERE path = ?2)) {ORDER}"
            )));
            (path.to_owned(), query.bind(limit).bind(path.to_owned()).bind(below))
        }
        DeletedOf::Last => {
            let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                "{SQL} AND deleted_at = (SELECT max(deleted_at) FROM document INDEXED BY document_deleted
                    WHERE deleted_at IS NOT NULL AND deleted_reason = 'deleted') {ORDER}"
            )));
            ("the last".to_owned(), query.bind(limit))
        }
    };
    let work = async {
        let rows = query.fetch_all(&store.reader).await?;
        rows.iter().map(read).collect::<Result<Vec<_>, sqlx::Error>>()
    };
    work.await.map_err(|error| classify(OPERATION, key, error))
}

fn read(row: &SqliteRow) -> Result<DeletedDocument, sqlx::Error> {
    Ok(DeletedDocument {
        id: document_id(row.try_get(0)?)?,
        title: row.try_get(1)?,
        source_path: row.try_get(2)?,
        deleted_at: Timestamp(row.try_get(3)?),
    })
}

/// See [`crate::store::DocumentStore::documents_held`].
pub(super) async fn documents_held(store: &SqliteStore, paths: &[String]) -> StoreResult<Vec<u64>> {
    let work = async {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT source_path, count(*) FROM document
             WHERE source_path IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1)) AND deleted_at IS NULL
             GROUP BY source_path",
        )
        .bind(json_texts(paths.iter().map(String::as_str)))
        .fetch_all(&store.reader)
        .await?;
        Ok(rows.into_iter().collect::<HashMap<String, i64>>())
    };
    let held =
        work.await.map_err(|error| classify("count documents of files", format!("{} files", paths.len()), error))?;
    Ok(paths.iter().map(|path| held.get(path).map_or(0, |count| unsigned(*count))).collect())
}
