//! What the user deleted, to be brought back, and what each file holds.

use std::collections::HashMap;

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::domain::{DocumentId, Timestamp};
use crate::store::{DeletedDocument, DeletedOf, StoreResult};

use super::super::PostgresStore;
use super::super::error::classify;
use super::super::rows::unsigned;

/// See [`crate::store::DocumentStore::deleted`].
pub(super) async fn deleted(store: &PostgresStore, of: DeletedOf<'_>, limit: u32) -> StoreResult<Vec<DeletedDocument>> {
    const OPERATION: &str = "list deleted documents";
    const SQL: &str = "SELECT id, title, source_path, deleted_at FROM document
         WHERE deleted_at IS NOT NULL AND deleted_reason = 'deleted'";
    const ORDER: &str = "ORDER BY deleted_at DESC, seq LIMIT $1";
    let limit = i64::from(limit);
    let (key, query) = match of {
        DeletedOf::Ids(ids) => {
            let query = sqlx::query(sqlx::AssertSqlSafe(format!("{SQL} AND id = ANY($2) {ORDER}")));
            let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
            (format!("{} ids", ids.len()), query.bind(limit).bind(ids))
        }
        DeletedOf::Path(path) => {
            let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                "{SQL} AND (source_path = $2 OR starts_with(source_path, $3)
                    OR seq IN (SELECT document_seq FROM duplicate WHERE path = $2)) {ORDER}"
            )));
            let below = format!("{}/", path.trim_end_matches('/'));
            (path.to_owned(), query.bind(limit).bind(path.to_owned()).bind(below))
        }
        DeletedOf::Last => {
            let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                "{SQL} AND deleted_at = (SELECT max(deleted_at) FROM document WHERE deleted_reason = 'deleted') {ORDER}"
            )));
            ("the last".to_owned(), query.bind(limit))
        }
    };
    let work = async {
        let rows = query.fetch_all(&store.pool).await?;
        rows.iter().map(read).collect::<Result<Vec<_>, sqlx::Error>>()
    };
    work.await.map_err(|error| classify(OPERATION, key, error))
}

fn read(row: &PgRow) -> Result<DeletedDocument, sqlx::Error> {
    Ok(DeletedDocument {
        id: DocumentId(row.try_get(0)?),
        title: row.try_get(1)?,
        source_path: row.try_get(2)?,
        deleted_at: Timestamp(row.try_get(3)?),
    })
}

/// See [`crate::store::DocumentStore::documents_held`].
pub(super) async fn documents_held(store: &PostgresStore, paths: &[String]) -> StoreResult<Vec<u64>> {
    let work = async {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT source_path, count(*) FROM document WHERE source_path = ANY($1) AND deleted_at IS NULL
             GROUP BY source_path",
        )
        .bind(paths)
        .fetch_all(&store.pool)
        .await?;
        Ok(rows.into_iter().collect::<HashMap<String, i64>>())
    };
    let held =
        work.await.map_err(|error| classify("count documents of files", format!("{} files", paths.len()), error))?;
    Ok(paths.iter().map(|path| held.get(path).map_or(0, |count| unsigned(*count))).collect())
}
