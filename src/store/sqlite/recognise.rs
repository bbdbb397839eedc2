//! Whether a file may be opened as a store: a new one, one of Peanut's, or something that must not be touched. Looks at
//! the first bytes and, in doubt, at the names of the tables; changes nothing. Called by `open`, before the engine may.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use crate::store::{StoreError, StoreErrorKind, StoreResult};

/// "Pnut", as migration 10 writes it.
const APPLICATION: u32 = 0x506e_7574;
/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Length of the head of a file, and where in it the number of the application stands.
const HEAD: usize = 100;
const APPLICATION_AT: usize = 68;
/// The lock of the workers, beside the store: made by the first of them, after the store.
const LOCK: &str = "workers.lock";

/// Refuses what is no store of Peanut's, with what to do.
///
/// # Errors
/// `Permanent` when the file is another program's, no database, or empty where there was a store.
pub(super) async fn recognise(path: &Path) -> StoreResult<()> {
    let refuse = |message: String| StoreError {
        kind: StoreErrorKind::Permanent,
        operation: "open store",
        key: path.display().to_string(),
        message,
        source: None,
    };
    // What is missing is made; what cannot be read, the engine refuses in its own words.
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    let mut head = Vec::with_capacity(HEAD);
    let read = file.by_ref().take(HEAD as u64).read_to_end(&mut head);
    if read.is_err() {
        return Ok(());
    }
    if head.is_empty() {
        return match was_in_use(path) {
            None => Ok(()),
            Some(sign) => Err(refuse(format!(
                "the file is empty (0 bytes), but there was a store here ({} is there): restore a backup of it, or \
                 remove both to begin with an empty store",
                sign.display()
            ))),
        };
    }
    if !head.starts_with(MAGIC) {
        return Err(refuse(
            "the file is damaged or no store of Peanut's (its first bytes are not SQLite's): restore a backup, or name \
             another data folder with --data-dir"
                .to_owned(),
        ));
    }
    let number = head.get(APPLICATION_AT..APPLICATION_AT + 4).and_then(|bytes| bytes.try_into().ok());
    let foreign = "the file is the database of another program, not a store of Peanut's: name another data folder with \
                   --data-dir";
    match number.map(u32::from_be_bytes) {
        Some(APPLICATION) => Ok(()),
        // An older store, a new one, or one whose head still stands in its log.
        Some(0) if holds_other_tables(path).await => Err(refuse(foreign.to_owned())),
        Some(0) | None => Ok(()),
        Some(_) => Err(refuse(foreign.to_owned())),
    }
}

/// What tells that a store lay here that is empty now: it would have been made before either.
fn was_in_use(path: &Path) -> Option<PathBuf> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let lock = path.with_file_name(LOCK);
    let has_content = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.len() > 0);
    [PathBuf::from(log), lock].into_iter().find(|sign| has_content(sign))
}

/// Whether there are tables, and none of Peanut's among them. In doubt there are not: opening it goes on and says why not.
async fn holds_other_tables(path: &Path) -> bool {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let Ok(mut connection) = SqliteConnection::connect_with(&options).await else { return false };
    let counted: Result<(i64, i64), _> = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE name IN ('document', 'chunk', 'outbox', 'file', '_sqlx_migrations'))
         FROM sqlite_schema WHERE type = 'table'",
    )
    .fetch_one(&mut connection)
    .await;
    drop(connection.close().await);
    // The first thing that is made of a store is the list of its migrations.
    counted.is_ok_and(|(tables, ours)| tables > 0 && ours != 5 && !(tables == 1 && ours == 1))
}
