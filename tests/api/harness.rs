//! A house with its door open, and a client before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use peanut::api::auth::Authenticator;
use peanut::api::listen::Listeners;
use peanut::api::router;
use peanut::config::{Config, Environment, Overrides};
use peanut::runtime::door::{Door, api};
use peanut::runtime::shutdown::Shutdown;
use peanut::runtime::wiring::{House, RunningWorkers, WorkerSet};
use reqwest::header::HeaderMap;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::services::services;

/// Longest wait for something that happens in its own time; only a failure takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running house behind its door.
pub(crate) struct Served {
    pub(crate) house: Arc<House>,
    pub(crate) base: String,
    pub(crate) client: reqwest::Client,
    pub(crate) shutdown: Shutdown,
    workers: Option<RunningWorkers>,
    _door: Option<Door>,
    _listeners: Option<Listeners>,
    database: Option<Database>,
    _folder: TempDir,
}

/// A client that follows nothing and waits as long as it takes.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().expect("client")
}

fn config(folder: &TempDir, variables: &[(&str, &str)]) -> Config {
    let overrides = Overrides { data_dir: Some(folder.path().to_owned()), ..Overrides::default() };
    let mut all = vec![("HOME", "/nowhere"), ("PEANUT_MODEL", "static"), ("PEANUT_LISTEN", "127.0.0.1:0")];
    all.push(("PEANUT_LIMIT_PER_ADDRESS", "0"));
    all.extend_from_slice(variables);
    Config::load(&overrides, &Environment::of(&all)).expect("config")
}

impl Served {
    /// On SQLite.
    pub(crate) async fn start() -> Self {
        Self::with(&[], None, None).await
    }

    /// On a PostgreSQL database of its own.
    pub(crate) async fn on_postgres() -> Self {
        let database = Database::create().await;
        let address = database.address.clone();
        Self::with(&[("POSTGRES_URL", &address)], Some(database), None).await
    }

    /// With these variables, and somebody else at the gate.
    pub(crate) async fn with(
        variables: &[(&str, &str)],
        database: Option<Database>,
        gate: Option<Arc<dyn Authenticator>>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let house = Arc::new(House::open(config(&folder, variables)).await.expect("house"));
        let shutdown = Shutdown::new();
        let workers = house.try_start_workers(&shutdown, WorkerSet::All).await.expect("workers");
        let status = house.watch_status(&shutdown);
        status.picture().wait_for(|picture| !picture.services.is_empty()).await.expect("a first look");
        let (door, listeners, base) = match gate {
            None => {
                let door = Door::open(&house, &status, &shutdown).await.expect("door");
                let base = door.addresses()[0].clone();
                (Some(door), None, base)
            }
            Some(gate) => {
                let api = api(&house, &status, &shutdown, gate).expect("api");
                let mut listeners = Listeners::default();
                let address = "127.0.0.1:0".parse().expect("address");
                let address = listeners.tcp(address, None, router(&api)).await.expect("listen");
                (None, Some(listeners), format!("http://{address}"))
            }
        };
        Self {
            house,
            base,
            client: client(),
            shutdown,
            workers,
            _door: door,
            _listeners: listeners,
            database,
            _folder: folder,
        }
    }

    /// The name of its database on the test server.
    pub(crate) fn database(&self) -> &str {
        &self.database.as_ref().expect("a database").name
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.expect("a body") }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.url(path))).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.client.post(self.url(path)).json(&body)).await
    }

    /// Takes a text in and returns its id.
    pub(crate) async fn text(&self, title: &str, text: &str) -> String {
        let answer = self.post("/ingest/text", serde_json::json!({ "title": title, "text": text })).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.json()["document_id"].as_str().expect("an id").to_owned()
    }

    /// Asks until the answer passes.
    pub(crate) async fn until(&self, path: &str, what: &str, test: impl Fn(&Answer) -> bool) -> Answer {
        let asking = async {
            loop {
                let answer = self.get(path).await;
                if test(&answer) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(answer) => answer,
            Err(late) => panic!("never saw {what} at {path} ({late}); last: {}", self.get(path).await.body),
        }
    }

    /// Ends everything; the store must be sound.
    pub(crate) async fn stop(mut self) {
        let sound = self.house.store.verify().await.expect("verify");
        assert_eq!(sound.problems, Vec::<String>::new());
        self.shutdown.advance();
        if let Some(workers) = self.workers.take() {
            workers.join(&self.shutdown).await;
        }
        self.house.close().await;
        if let Some(database) = self.database.take() {
            database.drop().await;
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Holds the answer to what every problem is, and to this code.
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], "about:blank");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        problem
    }
}

/// A database on the newest PostgreSQL.
pub(crate) struct Database {
    name: String,
    pub(crate) address: String,
}

impl Database {
    pub(crate) async fn create() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("peanut_api_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        execute(format!("CREATE DATABASE {name}")).await;
        let (host, _) = services().postgres.rsplit_once('/').expect("an address with a database");
        Self { address: format!("{host}/{name}"), name }
    }

    pub(crate) async fn drop(self) {
        execute(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await;
    }
}

/// Runs a statement on the server itself.
pub(crate) async fn execute(sql: String) {
    let mut admin = PgConnection::connect(&services().postgres).await.expect("connect to the test server");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.expect("sql");
    admin.close().await.expect("close");
}
