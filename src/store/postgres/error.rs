//! The one place where PostgreSQL's errors become [`StoreError`]s. Called by every file of this adapter.

use sqlx::migrate::MigrateError;

use crate::store::error::{Displaced, NoRoom};
use crate::store::{StoreError, StoreErrorKind};

/// Times a transaction is tried when the server breaks a deadlock with a worker by giving it up.
pub(super) const ATTEMPTS: u32 = 3;

/// Classifies by SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub(super) fn classify(operation: &'static str, key: impl Into<String>, error: sqlx::Error) -> StoreError {
    let (kind, hint) = verdict(&error);
    let message = format!("{error}{hint}");
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(String::from);
    let source: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
    let source: Box<dyn std::error::Error + Send + Sync> = match code.as_deref() {
        Some("53100") => Box::new(NoRoom(source)),
        // Whoever asks has it open: the database was dropped, or another stands in its place that has none of its tables.
        Some("3D000" | "42P01") => Box::new(Displaced(source)),
        _ => source,
    };
    StoreError { kind, operation, key: key.into(), message, source: Some(source) }
}

/// Whether the server ended the transaction to break a deadlock: the same transaction may run again at once.
pub(super) fn is_deadlock(error: &StoreError) -> bool {
    let cause = error.source.as_ref().and_then(|source| source.downcast_ref::<sqlx::Error>());
    let database = cause.and_then(sqlx::Error::as_database_error);
    database.and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "40P01")
}

fn verdict(error: &sqlx::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{NotFound, Permanent, Retryable};
    match error {
        sqlx::Error::RowNotFound => (NotFound, ""),
        sqlx::Error::PoolTimedOut => (Retryable, " (every connection is busy, or the server does not answer)"),
        sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::ConnectionRefused => {
            (Retryable, " (nothing listens there: start PostgreSQL, or correct host and port)")
        }
        sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::TimedOut => {
            (Retryable, " (the server does not answer: check host, port, firewall, and whether it is stuck)")
        }
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => (Retryable, " (the connection to PostgreSQL was lost)"),
        sqlx::Error::Tls(_) => {
            (Permanent, " (the encrypted connection failed: see sslmode and sslrootcert in the address)")
        }
        // Bytes that are not the protocol: a connection cut in the middle, or a port that is not PostgreSQL.
        sqlx::Error::Protocol(_) => (Retryable, " (the answer is not PostgreSQL's: is it the right port?)"),
        sqlx::Error::Configuration(_) => {
            (Permanent, " (correct the address: postgres://user:password@host:5432/database)")
        }
        sqlx::Error::Database(database) => sqlstate(database.code().as_deref().unwrap_or("")),
        sqlx::Error::Migrate(migration) => match &**migration {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) | MigrateError::VersionNotPresent(_) => {
                (Permanent, " (the store belongs to a newer Peanut: update this program)")
            }
            MigrateError::VersionMismatch(_) => {
                (Permanent, " (the schema was made by another build of Peanut: use that one, or an empty database)")
            }
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => migration_verdict(cause),
            _ => (Permanent, ""),
        },
        _ => (Permanent, ""),
    }
}

fn sqlstate(code: &str) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Invariant, Permanent, Retryable};
    match code {
        "40001" | "40P01" => (Retryable, " (another process wrote the same rows)"),
        "55P03" => (Retryable, " (another process holds the rows)"),
        "57014" => (Retryable, " (the server was too slow: statement timeout)"),
        "57P01" | "57P02" => (Retryable, " (the server is stopping)"),
        "57P03" => (Retryable, " (the server is starting)"),
        "53300" => (Retryable, " (the server has no connection left: raise max_connections or run fewer processes)"),
        "53200" => (Retryable, " (the server is out of memory)"),
        "25P03" => (Retryable, " (the transaction stood idle too long)"),
        "53100" => (Permanent, " (the server's disk is full: make room, then retry)"),
        "25006" => (Permanent, " (the database is read-only: connect to the primary, not to a standby)"),
        "28P01" | "28000" => {
            (Permanent, " (user or password is wrong: correct the address, or allow the user in pg_hba.conf)")
        }
        "3D000" => (Permanent, " (the database does not exist: create it with createdb)"),
        "42501" => (Permanent, " (the user may not do this: make it the owner of the database)"),
        "42P01" | "42703" | "42883" => (Permanent, " (the schema is not the one this program made)"),
        "XX001" | "XX002" => (Permanent, " (the database is damaged: restore a backup)"),
        _ if code.starts_with("08") => (Retryable, " (the connection to PostgreSQL was lost)"),
        _ if code.starts_with("23") => (Invariant, ""),
        _ => (Permanent, ""),
    }
}

/// What went wrong while the schema was made. The extension is the likeliest: it is the only thing not in PostgreSQL.
fn migration_verdict(cause: &sqlx::Error) -> (StoreErrorKind, &'static str) {
    let Some(database) = cause.as_database_error() else { return verdict(cause) };
    migration_sqlstate(database.code().as_deref().unwrap_or(""), database.message())
}

fn migration_sqlstate(code: &str, message: &str) -> (StoreErrorKind, &'static str) {
    let about_vector = message.contains("\"vector\"") || message.contains("vector.control");
    match code {
        // The control file is missing (58P01), or the server knows no such extension (0A000).
        "58P01" | "0A000" | "42704" if about_vector => (
            StoreErrorKind::Permanent,
            " (the server lacks pgvector: install the package postgresql-<version>-pgvector on it, or run the image \
             pgvector/pgvector, then try again)",
        ),
        "42501" if about_vector => (
            StoreErrorKind::Permanent,
            " (the user may not install pgvector: run CREATE EXTENSION vector in this database as a superuser, then \
             try again)",
        ),
        code => sqlstate(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_extension_is_named() {
        let (kind, hint) = migration_sqlstate("0A000", "extension \"vector\" is not available");
        assert!(kind == StoreErrorKind::Permanent && hint.contains("postgresql-<version>-pgvector"));
        let (_, hint) = migration_sqlstate("42501", "permission denied to create extension \"vector\"");
        assert!(hint.contains("CREATE EXTENSION vector"));
        assert!(migration_sqlstate("42501", "permission denied for schema public").1.contains("owner"));
    }

    #[test]
    fn codes_are_told_apart() {
        for code in ["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57014", "08006", "08000", "53300"] {
            assert_eq!(sqlstate(code).0, StoreErrorKind::Retryable, "{code}");
        }
        for code in ["53100", "25006", "42P01", "28P01", "3D000", "54000"] {
            assert_eq!(sqlstate(code).0, StoreErrorKind::Permanent, "{code}");
        }
        assert_eq!(sqlstate("23505").0, StoreErrorKind::Invariant);
        assert_eq!(verdict(&sqlx::Error::RowNotFound).0, StoreErrorKind::NotFound);
        assert_eq!(verdict(&sqlx::Error::PoolTimedOut).0, StoreErrorKind::Retryable);
    }
}
