//! The SQLite adapter: one file (WAL), one writing connection, a few reading ones, and in-memory search indexes.
//!
//! Owns every sqlx type of the embedded store; nothing of sqlx leaves this folder. One file per table family
//! implements one of the store traits; `search` holds the two legs.

mod batch;
mod dead_letters;
mod documents;
mod embeddings;
mod error;
mod graph_tables;
mod intake;
mod keys;
mod ledger;
mod messages;
mod older;
mod outbox;
mod place;
mod project;
mod recognise;
mod rows;
mod search;
mod system;
mod terms;
mod texts;
mod totals;
mod transfer;
mod verify;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection, SqlitePool};

use self::error::classify;
use self::place::Place;
use self::search::SearchIndex;
use self::writer::Writer;
use super::StoreResult;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// Reading connections; searches, screens and counts share them.
const READERS: u32 = 4;
/// Page cache per connection in KiB; small because the searches keep their own compact indexes.
const CACHE_KIB: u32 = 4 * 1024;
/// The same of the writing connection: what one large commit touches must fit, or pages are written twice.
const WRITER_CACHE_KIB: u32 = 32 * 1024;
/// Bytes of a page of a new store: vectors of 1 KiB fill it better than one of 4 KiB, and half as many are written.
const PAGE_BYTES: u32 = 8192;
/// Pages in the write-ahead log before a commit folds them back: 40 MiB, so that index pages touched by every commit
/// are folded back once for many.
const CHECKPOINT_PAGES: &str = "5000";
/// Rows a connection's thread may run ahead of their reader.
const ROW_BUFFER: usize = 1024;
/// How long a connection waits for another process's write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The embedded store. Cheap to share behind an `Arc`; every method may be called from many tasks.
#[derive(Debug)]
pub struct SqliteStore {
    place: Arc<Place>,
    /// Name of the host this process runs on; `None` when nobody said.
    host: Option<String>,
    writer: Writer,
    reader: SqlitePool,
    /// One more reader, for signs of life alone: a crowd of searches must not look like an outage.
    pulse: SqlitePool,
    index: SearchIndex,
    missing_cursor: embeddings::MissingCursor,
}

/// A transaction that holds the write lock from its start.
type WriteTransaction = sqlx::Transaction<'static, sqlx::Sqlite>;

impl SqliteStore {
    /// Opens or creates the database at `path` and brings its schema up to date.
    ///
    /// # Errors
    /// `Permanent` when the file is not a database, is another program's, is empty where there was a store, belongs to a
    /// newer Peanut, or cannot be written.
    pub async fn open(path: &Path) -> StoreResult<Self> {
        let key = path.display().to_string();
        recognise::recognise(path).await?;
        make_private(path);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .page_size(PAGE_BYTES)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("temp_store", "memory")
            .row_buffer_size(ROW_BUFFER);
        let reading = options.clone().pragma("cache_size", format!("-{CACHE_KIB}")).read_only(true);
        // On a medium that cannot be written to nobody else writes either, and there is no log to look into.
        let reading = reading.immutable(is_write_protected(path));
        let writer = if is_current(&reading).await {
            // Nothing is written before somebody wants to: who only looks waits for nobody.
            writer_options().connect_lazy_with(options)
        } else {
            let writer = connect_writer(&options).await.map_err(|error| classify("open store", &key, error))?;
            migrate(&writer).await.map_err(|error| classify("migrate store", &key, error.into()))?;
            writer
        };
        let readers = |most| {
            SqlitePoolOptions::new()
                .max_connections(most)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_release(|connection, _| Box::pin(search::settle(connection)))
                .connect_lazy_with(reading.clone())
        };
        let (reader, pulse) = (readers(READERS), readers(1));
        let place = Arc::new(Place::of(path));
        let store = Self {
            host: None,
            writer: Writer::new(writer, Arc::clone(&place)),
            place,
            reader,
            pulse,
            index: SearchIndex::beside(path),
            missing_cursor: embeddings::MissingCursor::default(),
        };
        store.complete_older().await?;
        Ok(store)
    }

    /// The store as a process on `host` uses it: files it offers are noted as lying there.
    #[must_use]
    pub fn on_host(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self }
    }

    /// Where it lies, for messages.
    fn location(&self) -> String {
        self.place.file().display().to_string()
    }

    /// Starts a writing transaction. It takes the lock at once: one that read first could not become a writer any more
    /// if another process wrote in between.
    async fn begin(&self, operation: &'static str, key: &str) -> StoreResult<WriteTransaction> {
        self.writer.begin().await.map_err(|error| classify(operation, key, error))
    }
}

/// The writing connection. Switching a new file to a write-ahead log does not wait for the busy timeout, so of several
/// processes that make one store at the same moment the later ones try again.
async fn connect_writer(options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let mut attempts = 0;
    loop {
        match writer_options().connect_with(options.clone()).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("5") && attempts < 100 => {
                attempts += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            done => return done,
        }
    }
}

fn writer_options() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| Box::pin(is_outside_transactions(connection)))
}

/// Whether the store is there and has the schema of this version, by a look that writes nothing. In doubt it is not.
async fn is_current(reading: &SqliteConnectOptions) -> bool {
    let look = async {
        let mut connection = SqliteConnection::connect_with(&reading.clone().create_if_missing(false)).await?;
        let made: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
                .fetch_all(&mut connection)
                .await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(made)
    };
    let wanted = MIGRATOR.iter().map(|migration| (migration.version, migration.checksum.to_vec()));
    look.await.is_ok_and(|made| made.into_iter().eq(wanted))
}

/// Whether a file that is there cannot be written to, whoever asks.
fn is_write_protected(path: &Path) -> bool {
    let opened = std::fs::OpenOptions::new().append(true).open(path);
    opened.is_err_and(|error| error.kind() == std::io::ErrorKind::ReadOnlyFilesystem)
}

/// Whether a connection may be used again. A full disk or an I/O error ends a transaction inside the engine without
/// telling sqlx, whose own rollback then fails and which believes ever after to be inside that transaction: such a
/// connection is dropped for a new one.
async fn is_outside_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Waits for a rollback that is still queued.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Brings the schema up to date. Several processes may open a new store at the same moment. Whoever finds a migration
/// already made by another reads anew what is left; every such collision means that one more is done, so as many
/// further attempts as there are migrations always suffice.
async fn migrate(writer: &SqlitePool) -> Result<(), sqlx::migrate::MigrateError> {
    let mut collisions_left = MIGRATOR.iter().count();
    loop {
        match MIGRATOR.run(writer).await {
            Err(sqlx::migrate::MigrateError::Execute(_) | sqlx::migrate::MigrateError::ExecuteMigration(..))
                if collisions_left > 0 =>
            {
                collisions_left -= 1;
            }
            done => return done,
        }
    }
}

/// Creates a missing database file readable by its owner alone: it will hold their mail. The engine gives its log the
/// same permissions. Failures show when the engine opens the file.
fn make_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path));
}

#[cfg(test)]
mod tests;
