//! PostgreSQL for the cases: one server for all, a database of its own for each.
//!
//! The servers are those of `tests/support/services.rs`. A database with the schema is made once per schema; each case gets a copy of it, dropped when the case ends. A case that cannot
//! have its database fails.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use peanut::store::SystemStore as _;
use peanut::store::postgres::{PostgresOptions, PostgresStore};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;

use crate::harness::Harness;
use crate::services::services;

/// Connections of one store: cases run side by side, and a server has not many.
const OPTIONS: PostgresOptions = PostgresOptions { max_connections: 4 };
/// Held while the template is made, so that of several test programs one makes it.
const TEMPLATE_LOCK: i64 = 7_240_001;

/// The newest supported release: what is tested on one server alone is tested there.
pub(crate) type Newest = PostgresHarness<18>;

/// A database on the test server of a major release.
pub(crate) struct PostgresHarness<const MAJOR: u32> {
    store: PostgresStore,
    /// Its name.
    pub(crate) database: String,
}

impl<const MAJOR: u32> Harness for PostgresHarness<MAJOR> {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let database = format!("peanut_case_{}_{number}", std::process::id());
        let template = template(MAJOR).await;
        execute_on(
            MAJOR,
            &[
                format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"),
                format!("CREATE DATABASE {database} TEMPLATE {template}"),
            ],
        )
        .await;
        let store = PostgresStore::open(&address_on(MAJOR, &database), &OPTIONS).await.expect("open store");
        Self { store, database }
    }

    fn store(&self) -> &PostgresStore {
        &self.store
    }

    async fn another(&self) -> PostgresStore {
        PostgresStore::open(&address_on(MAJOR, &self.database), &OPTIONS).await.expect("open store again")
    }
}

impl<const MAJOR: u32> Drop for PostgresHarness<MAJOR> {
    fn drop(&mut self) {
        let sql = [format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database)];
        // The case's own runtime may be on its way out.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(execute_on(MAJOR, &sql));
        });
        assert!(dropping.join().is_ok() || std::thread::panicking(), "{} could not be dropped", self.database);
    }
}

/// Name of a database with the present schema and no data.
async fn template(major: u32) -> &'static str {
    static TEMPLATES: [OnceCell<String>; 2] = [OnceCell::const_new(), OnceCell::const_new()];
    TEMPLATES[usize::from(major == 16)].get_or_init(|| make_template(major)).await
}

async fn make_template(major: u32) -> String {
    let name = format!("peanut_schema_{}", schema_hash());
    let mut admin = PgConnection::connect(server_of(major)).await.expect("connect to the test server");
    sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.expect("lock");
    let made: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .expect("look for the template");
    if !made {
        // Renamed only when whole, so that one that was interrupted is never taken for the template.
        let draft = format!("{name}_draft");
        execute_on(
            major,
            &[format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"), format!("CREATE DATABASE {draft}")],
        )
        .await;
        let store = PostgresStore::open(&address_on(major, &draft), &OPTIONS).await.expect("migrate the template");
        store.close().await;
        execute_on(major, &[format!("ALTER DATABASE {draft} RENAME TO {name}")]).await;
    }
    admin.close().await.expect("close");
    name
}

/// Changes with any migration.
fn schema_hash() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let entries = std::fs::read_dir(folder).expect("migrations");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).expect("migration"));
    }
    hash.finalize().iter().take(6).fold(String::new(), |mut name, byte| {
        write!(name, "{byte:02x}").expect("a String takes all");
        name
    })
}

/// Runs statements that stand outside any transaction, on the newest release.
pub(crate) async fn execute(statements: &[String]) {
    execute_on(18, statements).await;
}

async fn execute_on(major: u32, statements: &[String]) {
    let mut admin = PgConnection::connect(server_of(major)).await.expect("connect to the test server");
    for sql in statements {
        let mut attempts = 0;
        // A connection of the migrated template may take a moment to be gone.
        while let Err(error) = sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut admin).await {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            let in_use = code.is_some_and(|code| code == "55006");
            assert!(in_use && attempts < 100, "{sql}: {error}");
            attempts += 1;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    admin.close().await.expect("close");
}

/// The newest server's address with another database.
pub(crate) fn address_of(database: &str) -> String {
    address_on(18, database)
}

fn address_on(major: u32, database: &str) -> String {
    let server = server_of(major);
    let (address, parameters) = server.split_once('?').map_or((server, None), |(left, right)| (left, Some(right)));
    let (host, _) = address.rsplit_once('/').expect("an address with a database");
    parameters.map_or(format!("{host}/{database}"), |parameters| format!("{host}/{database}?{parameters}"))
}

/// Address of the newest server's own database.
pub(crate) fn server() -> &'static str {
    server_of(18)
}

fn server_of(major: u32) -> &'static str {
    let services = services();
    if major == 16 { &services.postgres16 } else { &services.postgres }
}
