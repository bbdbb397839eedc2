//! Many rows in one statement: lists bound as one JSON array, and inserts of many rows at a time.
//!
//! A statement costs a round trip to the connection's own thread, so every batch here runs a constant number of
//! statements. Inserts come in fixed sizes so that each is prepared once. Called by every file of this adapter.

use std::fmt::Write as _;

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};
use uuid::Uuid;

/// A statement being bound.
pub(super) type Statement = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// Rows per statement, largest first; the last is 1 so that every count is a sum of them.
const ROW_COUNTS: [usize; 5] = [256, 64, 16, 4, 1];

/// Runs `{head} (?, …), (?, …) {tail}` over all `rows`, some dozens at a time. `bind` binds the `columns` values of one row.
pub(super) async fn insert_rows<R: Sync>(
    connection: &mut SqliteConnection,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[R],
    bind: impl Fn(Statement, &R) -> Statement + Send + Sync,
) -> Result<(), sqlx::Error> {
    insert_new_rows(connection, head, columns, tail, rows, bind).await.map(drop)
}

/// Like [`insert_rows`]; returns how many rows were written, where `tail` passes over some.
pub(super) async fn insert_new_rows<R: Sync>(
    connection: &mut SqliteConnection,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[R],
    bind: impl Fn(Statement, &R) -> Statement + Send + Sync,
) -> Result<u64, sqlx::Error> {
    let mut written = 0;
    let mut rest = rows;
    for count in ROW_COUNTS {
        if rest.len() < count {
            continue;
        }
        let sql = values_sql(head, columns, count, tail);
        while rest.len() >= count {
            let (now, later) = rest.split_at(count);
            let mut statement = sqlx::query(AssertSqlSafe(sql.clone()));
            for row in now {
                statement = bind(statement, row);
            }
            written += statement.execute(&mut *connection).await?.rows_affected();
            rest = later;
        }
    }
    Ok(written)
}

fn values_sql(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    let mut row = String::from("(?");
    for _ in 1..columns {
        row.push_str(",?");
    }
    row.push(')');
    let mut sql = String::with_capacity(head.len() + tail.len() + rows * (row.len() + 1) + 2);
    sql.push_str(head);
    sql.push(' ');
    for index in 0..rows {
        if index > 0 {
            sql.push(',');
        }
        sql.push_str(&row);
    }
    sql.push(' ');
    sql.push_str(tail);
    sql
}

/// Hexadecimal strings of blobs as a JSON array; read with `unhex(value)`.
pub(super) fn json_blobs<'a>(blobs: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut json = String::from("[");
    for (index, blob) in blobs.into_iter().enumerate() {
        json.push_str(if index > 0 { ",\"" } else { "\"" });
        for digit in blob.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            json.extend(char::from_digit(digit.into(), 16));
        }
        json.push('"');
    }
    json.push(']');
    json
}

/// Ids as a JSON array; read with `unhex(value)`.
pub(super) fn json_ids(ids: impl IntoIterator<Item = Uuid>) -> String {
    let mut json = String::from("[");
    for (index, id) in ids.into_iter().enumerate() {
        json.push_str(if index > 0 { ",\"" } else { "\"" });
        let _ = write!(json, "{}\"", id.simple());
    }
    json.push(']');
    json
}

/// Texts as a JSON array, in hexadecimal so that NUL bytes survive; read with `CAST(unhex(value) AS TEXT)`.
pub(super) fn json_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    json_blobs(texts.into_iter().map(str::as_bytes))
}

/// Numbers as a JSON array; read with `value`.
pub(super) fn json_numbers(numbers: impl IntoIterator<Item = i64>) -> String {
    let mut json = String::from("[");
    for (index, number) in numbers.into_iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        let _ = write!(json, "{number}");
    }
    json.push(']');
    json
}
