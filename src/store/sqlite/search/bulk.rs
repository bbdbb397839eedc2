//! Reads what there is very much of as one row: between SQLite's thread and ours a row costs more than what is in it.
//! Called by `catch_up`, `filter` and `check`.

use serde::de::DeserializeOwned;
use sqlx::query::QueryScalar;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

/// Which of the documents `documents` (a JSON array of their numbers; `None`: of all) and of those that answer one of them
/// answer a message that is live in the store. Of all, only those that do.
pub(super) async fn answers(
    connection: &mut SqliteConnection,
    documents: Option<&str>,
) -> Result<Vec<(i64, u8)>, sqlx::Error> {
    const ALL: &str = "SELECT json_group_array(json_array(d.seq, 1)) FROM document d WHERE d.in_reply_to IS NOT NULL \
        AND EXISTS (SELECT 1 FROM document p WHERE p.message_id = d.in_reply_to AND p.deleted_at IS NULL)";
    const SOME: &str = "SELECT json_group_array(json_array(d.seq, EXISTS \
            (SELECT 1 FROM document p WHERE p.message_id = d.in_reply_to AND p.deleted_at IS NULL))) \
        FROM document d WHERE d.seq IN (SELECT value FROM json_each(?1) UNION SELECT a.seq FROM document m \
            JOIN document a ON a.in_reply_to = m.message_id WHERE m.seq IN (SELECT value FROM json_each(?1)))";
    let json: String = match documents {
        None => sqlx::query_scalar(ALL).fetch_one(connection).await?,
        Some(documents) => sqlx::query_scalar(SOME).bind(documents).fetch_one(connection).await?,
    };
    parsed(&json)
}

/// What a query of one array of numbers says.
pub(super) async fn numbers_of(
    query: QueryScalar<'_, Sqlite, String, SqliteArguments>,
    reader: &mut SqliteConnection,
) -> Result<Vec<i64>, sqlx::Error> {
    parsed(&query.fetch_one(reader).await?)
}

fn parsed<T: DeserializeOwned>(json: &str) -> Result<Vec<T>, sqlx::Error> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))
}
