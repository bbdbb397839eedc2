//! PostgreSQL for the cases: one server for all, a database of its own for each.
//!
//! The server is the one at `PEANUT_TEST_POSTGRES_URL`, or else the one `tests/services/services` starts. A database
//! with the schema is made once per schema; each case gets a copy of it, dropped when the case ends. A case that cannot
//! have its database fails.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use peanut::store::SystemStore as _;
use peanut::store::postgres::{PostgresOptions, PostgresStore};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;

use crate::harness::Harness;

/// Connections of one store: cases run side by side, and a server has not many.
const OPTIONS: PostgresOptions = PostgresOptions { max_connections: 4 };
/// Held while the template is made, so that of several test programs one makes it.
const TEMPLATE_LOCK: i64 = 7_240_001;

/// A database on the test server.
pub(crate) struct PostgresHarness {
    store: PostgresStore,
    /// Its name.
    pub(crate) database: String,
}

impl Harness for PostgresHarness {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let database = format!("peanut_case_{}_{number}", std::process::id());
        let template = template().await;
        execute(&[
            format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"),
            format!("CREATE DATABASE {database} TEMPLATE {template}"),
        ])
        .await;
        let store = PostgresStore::open(&address_of(&database), &OPTIONS).await.expect("open store");
        Self { store, database }
    }

    fn store(&self) -> &PostgresStore {
        &self.store
    }

    async fn another(&self) -> PostgresStore {
        PostgresStore::open(&address_of(&self.database), &OPTIONS).await.expect("open store again")
    }

    fn held(text: &str) -> String {
        text.replace('\0', "\u{1a}")
    }
}

impl Drop for PostgresHarness {
    fn drop(&mut self) {
        let sql = [format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database)];
        // The case's own runtime may be on its way out.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(execute(&sql));
        });
        assert!(dropping.join().is_ok() || std::thread::panicking(), "{} could not be dropped", self.database);
    }
}

/// Name of a database with the present schema and no data.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE.get_or_init(make_template).await
}

async fn make_template() -> String {
    let name = format!("peanut_schema_{}", schema_hash());
    let mut admin = PgConnection::connect(server()).await.expect("connect to the test server");
    sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.expect("lock");
    let made: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .expect("look for the template");
    if !made {
        // Renamed only when whole, so that one that was interrupted is never taken for the template.
        let draft = format!("{name}_draft");
        execute(&[format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"), format!("CREATE DATABASE {draft}")]).await;
        let store = PostgresStore::open(&address_of(&draft), &OPTIONS).await.expect("migrate the template");
        store.close().await;
        execute(&[format!("ALTER DATABASE {draft} RENAME TO {name}")]).await;
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

/// Runs statements that stand outside any transaction.
pub(crate) async fn execute(statements: &[String]) {
    let mut admin = PgConnection::connect(server()).await.expect("connect to the test server");
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

/// The server's address with another database.
pub(crate) fn address_of(database: &str) -> String {
    let (address, parameters) = server().split_once('?').map_or((server(), None), |(left, right)| (left, Some(right)));
    let (host, _) = address.rsplit_once('/').expect("an address with a database");
    parameters.map_or(format!("{host}/{database}"), |parameters| format!("{host}/{database}?{parameters}"))
}

/// Address of the test server's own database.
pub(crate) fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| std::env::var("PEANUT_TEST_POSTGRES_URL").unwrap_or_else(|_| start_server()))
}

/// Starts the test services; they end with the test run (or with this program, when it runs alone).
fn start_server() -> String {
    let parent = std::os::unix::process::parent_id();
    let name = std::fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
    let keeper = if name.trim().starts_with("cargo") { parent } else { std::process::id() };
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services/services"))
        .arg("start")
        .arg(std::env::temp_dir().join(format!("peanut-services-{keeper}")))
        .arg(keeper.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("run tests/services/services (or set PEANUT_TEST_POSTGRES_URL)");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let address = told.lines().find_map(|line| line.strip_prefix("export PEANUT_TEST_POSTGRES_URL="));
    address.unwrap_or_else(|| panic!("the test services cannot be had: {errors}")).to_owned()
}
