//! The one place where SQLite's errors become [`StoreError`]s. Called by every file of this adapter.

use crate::store::error::{Displaced, NoRoom};
use crate::store::{StoreError, StoreErrorKind};

use super::place::Lost;

/// Whether the engine found the file damaged: `SQLITE_CORRUPT` or `SQLITE_NOTADB`, whatever the extended code.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    let code =
        error.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// `SQLITE_IOERR_WRITE`.
const IOERR_WRITE: i32 = 778;

/// Classifies by primary result code (<https://sqlite.org/rescode.html>).
pub(super) fn classify(operation: &'static str, key: impl Into<String>, error: sqlx::Error) -> StoreError {
    if let sqlx::Error::Configuration(cause) = &error
        && cause.is::<Lost>()
    {
        let message = cause.to_string();
        let kind = StoreErrorKind::Permanent;
        let source = Some(Box::new(Displaced(Box::new(error))) as _);
        return StoreError { kind, operation, key: key.into(), message, source };
    }
    let (kind, hint) = match &error {
        sqlx::Error::RowNotFound => (StoreErrorKind::NotFound, ""),
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => (StoreErrorKind::Retryable, ""),
        sqlx::Error::Database(database) => {
            let code = database.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
            match code & 0xff {
                // A write failed, and not for want of room on the disk as a whole: a quota, a limit, the disk itself.
                10 if code == IOERR_WRITE => (
                    StoreErrorKind::Retryable,
                    "the disk takes nothing more: a quota or a limit is used up, or it fails; the work goes on by itself after",
                ),
                5 | 6 => (StoreErrorKind::Retryable, "another process holds the database"),
                8 => (StoreErrorKind::Permanent, "the database is read-only: check the file's permissions"),
                11 | 26 => (StoreErrorKind::Permanent, "the file is damaged or not a Peanut store: restore a backup"),
                13 => (StoreErrorKind::Retryable, "the disk is full: make room, the work goes on by itself"),
                10 => (StoreErrorKind::Retryable, "the disk reported an error"),
                14 => (StoreErrorKind::Permanent, "cannot open the file: check the folder and its permissions"),
                19 => (StoreErrorKind::Invariant, ""),
                _ => (StoreErrorKind::Permanent, ""),
            }
        }
        sqlx::Error::Migrate(migration) => match **migration {
            sqlx::migrate::MigrateError::VersionMissing(_) | sqlx::migrate::MigrateError::VersionTooNew(..) => {
                (StoreErrorKind::Permanent, "the store was written by a newer Peanut: update this program")
            }
            _ => (StoreErrorKind::Permanent, ""),
        },
        _ => (StoreErrorKind::Permanent, ""),
    };
    // What to do comes first: lines are cut at their end.
    let message = if hint.is_empty() { error.to_string() } else { format!("{hint} ({error})") };
    let takes_nothing = matches!(&error, sqlx::Error::Database(database) if is_full(&**database));
    let source: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
    let source = if takes_nothing { Box::new(NoRoom(source)) } else { source };
    StoreError { kind, operation, key: key.into(), message, source: Some(source) }
}

/// `SQLITE_FULL`, or a write that failed for another reason than a full disk: a quota, a limit, the disk itself.
fn is_full(error: &dyn sqlx::error::DatabaseError) -> bool {
    let code = error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
    code & 0xff == 13 || code == IOERR_WRITE
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    #[tokio::test]
    async fn a_store_without_room_is_told_as_full() {
        let mut store = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for sql in ["CREATE TABLE t (x)", "PRAGMA max_page_count = 4"] {
            sqlx::query(sql).execute(&mut store).await.unwrap();
        }
        let full = sqlx::query("INSERT INTO t VALUES (zeroblob(100000))").execute(&mut store).await.unwrap_err();
        let error = classify("commit documents", "", full);
        assert!(
            error.kind == StoreErrorKind::Retryable && error.is_retryable() && error.message.contains("full"),
            "{error}"
        );
    }
}
