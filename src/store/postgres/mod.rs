//! The PostgreSQL adapter: one pool, shared by any number of processes on any number of hosts.
//!
//! Owns every sqlx type of the service store; nothing of sqlx leaves this folder. One file per table family implements
//! one of the store traits; `search` holds the two legs, over the segments of `index`. Rows that several processes work on are claimed with
//! `FOR UPDATE SKIP LOCKED`; documents are written by one transaction at a time (see `PostgresStore::begin_writing`).

mod dead_letters;
mod documents;
mod embeddings;
mod error;
mod graph_tables;
mod identity;
mod intake;
mod keys;
mod ledger;
mod messages;
mod older;
mod outbox;
mod project;
mod pulse;
mod replica;
mod rows;
mod search;
mod system;
mod terms;
mod texts;
mod transfer;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use self::error::classify;
use self::identity::{IDENTITY, Identity};
use self::pulse::Pulse;
use self::replica::Replica;
use self::search::SearchIndex;
use super::{StoreError, StoreResult};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// Name of every connection in `pg_stat_activity`.
const APPLICATION: &str = "peanut";
/// How long a connection is used before a new one takes its place.
const MAX_LIFETIME: Duration = Duration::from_secs(3600);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// The same for the standby: the primary is there to be asked instead.
const REPLICA_ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How long one try of our own may take to say why there is no connection.
const EXPLAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that was in use so recently needs no test before it is used again.
const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection may take to show that it lives.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// The same when it comes back: one that still works for a call that was given up is closed.
const RETURN_TIMEOUT: Duration = Duration::from_secs(2);
/// The server looks so often whether whoever asked is still there, and ends the statement of one who is gone.
const LOOKS_FOR_CALLER: &str = "SET client_connection_check_interval = '1s'";
/// How long the first connection may take before the server counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server works on one statement, waiting for locks included.
const STATEMENT_TIMEOUT: &str = "30s";
/// How long the server lets a transaction stand idle before it frees what it holds.
const IDLE_TIMEOUT: &str = "60s";
/// The lock that whoever writes documents holds; any number that nothing else uses ("peanut" in ASCII).
const WRITER_LOCK: i64 = 0x70_65_61_6e_75_74;
/// PostgreSQL's oldest release with everything the statements here use.
const OLDEST_SERVER: u32 = 160_000;

/// How a transaction begins in which every statement sees the same moment.
const ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct PostgresOptions {
    /// Most connections this process opens.
    pub max_connections: u32,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { max_connections: 16 }
    }
}

/// The service store. Cheap to share behind an `Arc`; every method may be called from many tasks.
pub struct PostgresStore {
    /// Where the data is, without the password.
    location: String,
    identity: Identity,
    pulse: Pulse,
    /// Name of the host this process runs on; `None` when nobody said.
    host: Option<String>,
    pool: PgPool,
    search: Arc<SearchIndex>,
    missing_cursor: embeddings::MissingCursor,
    /// Transactions of this process that change what searches find, counted when they are committed.
    writes: Arc<AtomicU64>,
}

/// Without the address, which holds the password.
impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PostgresStore").field("location", &self.location).finish_non_exhaustive()
    }
}

/// A transaction of this adapter.
type PgTransaction = sqlx::Transaction<'static, sqlx::Postgres>;

impl PostgresStore {
    /// Connects to the database at `url` (`postgres://user:password@host:port/database`) and brings its schema up to date.
    ///
    /// # Errors
    /// `Retryable` when the server cannot be reached; `Permanent` when it refuses user or database, lacks pgvector, is
    /// read-only, or holds the store of a newer Peanut. The message names the remedy.
    pub async fn open(url: &str, options: &PostgresOptions) -> StoreResult<Self> {
        Self::open_with(url, options, None).await
    }

    /// As [`PostgresStore::open`]; copies of large parts of the search index lie in `index_folder`, where the processes of
    /// this host share them, not in a folder of this process alone.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub async fn open_with(url: &str, options: &PostgresOptions, index_folder: Option<PathBuf>) -> StoreResult<Self> {
        let connect = parse(url)?;
        let location = location_of(&connect);
        bring_up_to_date(&connect, &location).await?;
        let pool = pool(connect.clone(), options.max_connections, ACQUIRE_TIMEOUT);
        let identity = Identity::read(&pool).await.map_err(|error| classify("open store", location.as_str(), error))?;
        let search = Arc::new(SearchIndex::new(pool.clone(), index_folder));
        let missing_cursor = embeddings::MissingCursor::default();
        let pulse = Pulse::new(connect);
        let store =
            Self { location, identity, pulse, host: None, pool, search, missing_cursor, writes: Arc::default() };
        store.complete_older().await?;
        Ok(store)
    }

    /// The store as a process on `host` uses it: files it offers lie there, and it takes only such files in hand (and
    /// those of which nobody knows where they lie).
    #[must_use]
    pub fn on_host(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self }
    }

    /// Lets the standby at `url` serve searches from now on, as long as it follows closely enough (`replica`). It need not
    /// be there now.
    ///
    /// # Errors
    /// `Permanent` when the address cannot be read.
    pub fn with_replica(self, url: &str, options: &PostgresOptions) -> StoreResult<Self> {
        let connect = parse(url)?;
        let location = location_of(&connect);
        let standby = pool(connect.clone(), options.max_connections, REPLICA_ACQUIRE_TIMEOUT);
        self.search.serve_from(Replica::follow(
            (location, connect),
            standby,
            self.pool.clone(),
            Arc::clone(&self.writes),
        ));
        Ok(self)
    }

    /// Notes a committed change of what searches find: this process finds it with the next search.
    fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Starts a transaction.
    async fn begin(&self, operation: &'static str, key: &str) -> StoreResult<PgTransaction> {
        self.identity.check(operation, &self.location)?;
        self.pool.begin().await.map_err(|error| classify(operation, key, error))
    }

    /// Starts a reading transaction in which every statement sees the same moment.
    async fn begin_reading(&self, operation: &'static str, key: &str) -> StoreResult<PgTransaction> {
        self.pool.begin_with(ONE_MOMENT).await.map_err(|error| classify(operation, key, error))
    }

    /// Starts a transaction that writes documents. It waits for every other one, in any process: what a commit decides
    /// (is this message known? has a document this content?) must still be so when it writes, row numbers and events
    /// come in the order of commits, and nobody else ever waits for this lock.
    async fn begin_writing(&self, operation: &'static str, key: &str) -> StoreResult<PgTransaction> {
        let mut transaction = self.begin(operation, key).await?;
        // Look-ups by key are over before helpers of the server could have started.
        let locking = "pg_advisory_xact_lock($1), set_config('max_parallel_workers_per_gather', '0', true)";
        let sql = format!("{IDENTITY}, {locking}");
        let found = sqlx::query_as(AssertSqlSafe(sql))
            .bind(WRITER_LOCK)
            .fetch_one(&mut *transaction)
            .await
            .map_err(|error| classify(operation, key, error))?;
        self.identity.compare(found, operation, &self.location)?;
        Ok(transaction)
    }
}

/// Connections with the settings every one of this adapter has.
fn pool(connect: PgConnectOptions, most: u32, acquire_timeout: Duration) -> PgPool {
    let connect = connect
        .options([("statement_timeout", STATEMENT_TIMEOUT), ("idle_in_transaction_session_timeout", IDLE_TIMEOUT)]);
    PgPoolOptions::new()
        .max_connections(most)
        .max_lifetime(MAX_LIFETIME)
        .acquire_timeout(acquire_timeout)
        // sqlx asks each time and waits for ever. One that was used a moment ago lives; what fails anyway is tried again.
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                // A server whose system cannot tell refuses it, and gives up by its limit alone.
                let _ = sqlx::raw_sql(LOOKS_FOR_CALLER).execute(connection).await;
                Ok(())
            })
        })
        .before_acquire(|connection, used| {
            Box::pin(async move {
                if used.idle_for > TRUSTED {
                    answers(connection, PING_TIMEOUT).await?;
                }
                Ok(true)
            })
        })
        // A call that was given up leaves a connection that is at work, or may never answer again: it must not keep its place,
        // nor the server its work.
        .after_release(|connection, _| {
            Box::pin(async move { answers(connection, RETURN_TIMEOUT).await.map(|()| true) })
        })
        .connect_lazy_with(connect)
}

/// Why the pool gave no connection in time: it tries until its time is up and does not say what it met. One try of our own
/// does; when that succeeds, every connection is in use.
async fn explained(connect: &PgConnectOptions, error: sqlx::Error) -> sqlx::Error {
    if !matches!(error, sqlx::Error::PoolTimedOut) {
        return error;
    }
    match tokio::time::timeout(EXPLAIN_TIMEOUT, PgConnection::connect_with(connect)).await {
        Ok(Ok(connection)) => {
            drop(connection.close().await);
            error
        }
        Ok(Err(cause)) => cause,
        Err(_) => std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within a second").into(),
    }
}

/// Asks a connection for a sign of life.
async fn answers(connection: &mut PgConnection, within: Duration) -> Result<(), sqlx::Error> {
    let silent = |_| sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no sign of life in time"));
    tokio::time::timeout(within, connection.ping()).await.map_err(silent)?
}

/// Reads the address. An unreadable one may hold a password anywhere, so the error does not repeat it.
fn parse(url: &str) -> StoreResult<PgConnectOptions> {
    let options: PgConnectOptions = url.parse().map_err(|error| classify("open store", "postgres", error))?;
    Ok(options.application_name(APPLICATION))
}

fn location_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("postgres://{}@{}/{database}", options.get_username(), socket.display()),
        None => {
            format!("postgres://{}@{}:{}/{database}", options.get_username(), options.get_host(), options.get_port())
        }
    }
}

/// Brings the schema up to date, on a connection of its own: a migration may take longer than any other statement.
/// sqlx holds an advisory lock meanwhile, so of several processes that start together one migrates and the rest wait.
async fn bring_up_to_date(options: &PgConnectOptions, location: &str) -> StoreResult<()> {
    const OPERATION: &str = "open store";
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await;
    let silent = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 10 seconds");
    let mut connection = connected
        .map_err(|late| silent(late).into())
        .flatten()
        .map_err(|error| classify(OPERATION, location, error))?;
    let prepared = prepare(&mut connection, location).await;
    // The server frees the connection by itself should it be gone already.
    drop(connection.close().await);
    prepared
}

async fn prepare(connection: &mut PgConnection, location: &str) -> StoreResult<()> {
    let version = connection.server_version_num().unwrap_or(OLDEST_SERVER);
    if version < OLDEST_SERVER {
        let message = format!("the server is PostgreSQL {}: 16 or newer is needed", version / 10_000);
        return Err(StoreError {
            kind: super::StoreErrorKind::Permanent,
            operation: "open store",
            key: location.to_owned(),
            message,
            source: None,
        });
    }
    MIGRATOR
        .run_direct(None, connection, false)
        .await
        .map_err(|error| classify("migrate store", location, error.into()))
}
