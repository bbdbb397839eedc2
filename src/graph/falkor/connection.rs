//! One line to the server: made when needed, dropped when it fails, never waited for longer than its limit. Failures
//! are told in words a person can act on. Called by [`super::FalkorGraph`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, ErrorKind, RedisConnectionInfo, RedisError, Value};
use tokio::sync::Mutex;

use crate::graph::{GraphError, GraphErrorKind};

use super::FalkorAddress;
use super::cypher::Statement;

/// A connection takes at most this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A batch or a question takes at most this long.
pub(super) const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Reading the whole graph takes at most this long.
pub(super) const WHOLE_TIMEOUT: Duration = Duration::from_mins(2);

/// Rows of one answer.
pub(super) type Rows = Vec<Vec<Value>>;

struct Open {
    line: MultiplexedConnection,
    version: String,
}

/// A line.
pub(super) struct Connection {
    address: FalkorAddress,
    open: Mutex<Option<Open>>,
    /// Set when a call was given up by its caller: nobody knows whether the line would have answered.
    is_suspect: AtomicBool,
}

/// Makes the line suspect unless the call came to an end.
struct Unfinished<'a>(Option<&'a AtomicBool>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(is_suspect) = self.0 {
            is_suspect.store(true, Ordering::Release);
        }
    }
}

impl FalkorAddress {
    /// Host and port.
    #[must_use]
    pub fn at(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Connection {
    pub(super) fn new(address: &FalkorAddress) -> Self {
        Self { address: address.clone(), open: Mutex::new(None), is_suspect: AtomicBool::new(false) }
    }

    /// Runs statements in one round trip, in order; answers the rows of each.
    pub(super) async fn run(
        &self,
        operation: &'static str,
        key: &str,
        statements: Vec<Statement>,
        limit: Duration,
    ) -> Result<Vec<Rows>, GraphError> {
        let mut pipe = redis::pipe();
        for statement in &statements {
            let command = if statement.reads { "GRAPH.RO_QUERY" } else { "GRAPH.QUERY" };
            pipe.cmd(command).arg(&self.address.graph).arg(&statement.text);
        }
        pipe.ignore_errors();
        let answers: Vec<Value> = self.within(operation, key, limit, async |line| pipe.query_async(line).await).await?;
        let mut all = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer {
                Value::ServerError(error) if is_empty_graph(&error.to_string()) => all.push(Rows::new()),
                Value::ServerError(error) => return Err(self.refused(operation, key, &RedisError::from(error))),
                answer => all.push(rows(answer)),
            }
        }
        Ok(all)
    }

    /// Deletes the graph; one that is not there is fine.
    pub(super) async fn delete_graph(&self, operation: &'static str, limit: Duration) -> Result<(), GraphError> {
        let mut command = redis::cmd("GRAPH.DELETE");
        command.arg(&self.address.graph);
        let answer = self.within(operation, &self.address.graph, limit, async |line| {
            match command.query_async::<Value>(line).await {
                Err(error) if is_empty_graph(&error.to_string()) => Ok(()),
                answer => answer.map(drop),
            }
        });
        answer.await
    }

    /// The versions, as told when the line was made, after a sign of life.
    pub(super) async fn version(&self, limit: Duration) -> Result<String, GraphError> {
        self.within("ask", "FalkorDB", limit, async |line| redis::cmd("PING").query_async::<Value>(line).await).await?;
        let open = self.open.lock().await;
        Ok(open.as_ref().map_or_else(|| "FalkorDB".to_owned(), |open| open.version.clone()))
    }

    /// Does `work` over the line within `limit`, making the line first if there is none. A line that failed is dropped, and
    /// so is one whose caller stopped waiting.
    async fn within<T>(
        &self,
        operation: &'static str,
        key: &str,
        limit: Duration,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, GraphError> {
        let mut line = self.line(operation, key).await?;
        let mut unfinished = Unfinished(Some(&self.is_suspect));
        let answer = tokio::time::timeout(limit, work(&mut line)).await;
        unfinished.0 = None;
        let problem = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => {
                let refused = self.refused(operation, key, &error);
                if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
                    return Err(refused);
                }
                refused
            }
            Err(_) => unavailable(operation, key, format!("no answer within {} s", limit.as_secs())),
        };
        *self.open.lock().await = None;
        Err(problem)
    }

    async fn line(&self, operation: &'static str, key: &str) -> Result<MultiplexedConnection, GraphError> {
        let mut open = self.open.lock().await;
        if self.is_suspect.swap(false, Ordering::AcqRel) {
            // Others that use it go on with it; whoever comes now makes a new one.
            *open = None;
        }
        if let Some(open) = open.as_ref() {
            return Ok(open.line.clone());
        }
        let made = tokio::time::timeout(CONNECT_TIMEOUT, self.connect()).await;
        let made = made.unwrap_or_else(|_| {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(format!("{} does not answer as FalkorDB within {seconds} s: {}", self.address.at(), is_it_there()))
        });
        match made {
            Ok(made) => {
                let line = made.line.clone();
                *open = Some(made);
                Ok(line)
            }
            Err(message) => Err(unavailable(operation, key, message)),
        }
    }

    /// Connects, logs in, and looks whether the graph module is there.
    async fn connect(&self) -> Result<Open, String> {
        let at = self.address.at();
        let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(password) = &self.address.password {
            settings = settings.set_password(password);
        }
        let place = ConnectionAddr::Tcp(self.address.host.clone(), self.address.port);
        let info = redis::IntoConnectionInfo::into_connection_info(place).map_err(|error| error.to_string())?;
        let client = redis::Client::open(info.set_redis_settings(settings)).map_err(|error| error.to_string())?;
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let line = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut line = line.map_err(|error| self.explain(&error))?;
        let modules: Result<Value, RedisError> = redis::cmd("MODULE").arg("LIST").query_async(&mut line).await;
        let modules = modules.map_err(|error| self.explain(&error))?;
        let Some(version) = graph_module(&modules) else {
            return Err(format!(
                "{at} is a Redis without the graph module: point FALKORDB_HOST and FALKORDB_PORT at a FalkorDB"
            ));
        };
        let server: Result<redis::InfoDict, RedisError> = redis::cmd("INFO").arg("server").query_async(&mut line).await;
        let redis = server.ok().and_then(|info| info.get::<String>("redis_version")).unwrap_or_default();
        Ok(Open { line, version: format!("FalkorDB {version} on Redis {redis}") })
    }

    /// Why there is no line, and what to do.
    fn explain(&self, error: &RedisError) -> String {
        let at = self.address.at();
        let code = error.code().unwrap_or_default();
        if error.kind() == ErrorKind::AuthenticationFailed || matches!(code, "WRONGPASS" | "NOAUTH" | "NOPERM") {
            let given =
                if self.address.password.is_some() { "the password given" } else { "a visitor without password" };
            return format!("FalkorDB at {at} refuses {given}: set FALKORDB_PASSWORD_FILE (or FALKORDB_PASSWORD)");
        }
        if error.is_connection_refusal() {
            return format!("nothing listens at {at}: {}", is_it_there());
        }
        if code == "LOADING" || error.to_string().contains("LOADING") {
            return format!("FalkorDB at {at} is still loading its data: it will answer when it is done");
        }
        if error.is_io_error() && !error.is_connection_dropped() {
            return format!("cannot reach {at} ({error}): {}", is_it_there());
        }
        format!("what listens at {at} is not FalkorDB ({error}): correct FALKORDB_HOST and FALKORDB_PORT")
    }

    /// Whose fault a refusal is: the server's state, or what was written.
    fn refused(&self, operation: &'static str, key: &str, error: &RedisError) -> GraphError {
        const STATES: [&str; 9] =
            ["NOAUTH", "WRONGPASS", "NOPERM", "LOADING", "BUSY", "OOM", "READONLY", "MISCONF", "MASTERDOWN"];
        let text = error.to_string();
        let is_state = !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
            || STATES.contains(&error.code().unwrap_or_default())
            || text.contains("Query timed out")
            || text.contains("Max pending queries exceeded")
            || text.contains("unknown command");
        let message = if is_state { self.explain_state(error, text) } else { text };
        let kind = if is_state { GraphErrorKind::Unavailable } else { GraphErrorKind::Rejected };
        GraphError { kind, operation, key: key.to_owned(), message }
    }

    fn explain_state(&self, error: &RedisError, text: String) -> String {
        match error.code().unwrap_or_default() {
            "NOAUTH" | "WRONGPASS" | "NOPERM" => self.explain(error),
            "OOM" => format!("FalkorDB is out of memory ({text}): give it more, or raise maxmemory"),
            "READONLY" => format!("{} is a read-only replica: point FALKORDB_HOST at the primary", self.address.at()),
            _ if error.is_connection_dropped() => format!("{} closed the connection", self.address.at()),
            _ => text,
        }
    }
}

fn is_it_there() -> String {
    "start it, or correct FALKORDB_HOST and FALKORDB_PORT ([graph] host and port in the settings file)".to_owned()
}

fn unavailable(operation: &'static str, key: &str, message: String) -> GraphError {
    GraphError { kind: GraphErrorKind::Unavailable, operation, key: key.to_owned(), message }
}

/// A graph nobody has written to yet is answered as an error.
fn is_empty_graph(error: &str) -> bool {
    error.contains("empty key")
}

/// Rows of a `GRAPH.QUERY` answer: header, rows, statistics; a write without RETURN has statistics alone.
fn rows(answer: Value) -> Rows {
    let Value::Array(mut parts) = answer else { return Rows::new() };
    if parts.len() < 3 {
        return Rows::new();
    }
    let Value::Array(rows) = parts.swap_remove(1) else { return Rows::new() };
    rows.into_iter()
        .map(|row| match row {
            Value::Array(columns) => columns,
            other => vec![other],
        })
        .collect()
}

/// Version of the module named `graph` in the answer of `MODULE LIST`.
fn graph_module(answer: &Value) -> Option<String> {
    let text = |value: &Value| redis::from_redis_value_ref::<String>(value).ok();
    for module in answer.as_sequence()? {
        let fields: Vec<(String, &Value)> =
            module.as_map_iter()?.filter_map(|(name, value)| Some((text(name)?, value))).collect();
        let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        if field("name").and_then(text).as_deref() == Some("graph") {
            let number: i64 = redis::from_redis_value_ref(field("ver")?).ok()?;
            return Some(format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100));
        }
    }
    None
}
