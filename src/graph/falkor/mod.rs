//! The graph in FalkorDB: the same promises as the embedded one, kept by a service of its own.
//!
//! `connection` talks to the server and explains its failures, `cypher` holds the statements and encodes parameters,
//! `write` turns projections into batches, `read` answers the screens. Built by `runtime::wiring`.

mod connection;
mod cypher;
mod read;
mod write;

use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::graph::{DocumentProjection, GraphCounts, GraphDump, Node, NodeLabel};
use crate::domain::names::NameQuery;

use super::{GraphError, GraphErrorKind, GraphReader, GraphSink, GraphState, Neighbourhood};
use connection::{Connection, QUERY_TIMEOUT, WHOLE_TIMEOUT};
use cypher::Statement;

/// Where a FalkorDB listens.
#[derive(Clone, PartialEq, Eq)]
pub struct FalkorAddress {
    /// Host name or address.
    pub host: String,
    /// Port; 6379 by default.
    pub port: u16,
    /// Password, if it wants one.
    pub password: Option<String>,
    /// Name of the graph.
    pub graph: String,
}

impl std::fmt::Debug for FalkorAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let password = if self.password.is_some() { "password set" } else { "no password" };
        write!(f, "FalkorDB {}:{} graph {} ({password})", self.host, self.port, self.graph)
    }
}

/// Counting is done again at once while it is this quick; a slower count is kept for some times its own cost.
const QUICK_COUNT: Duration = Duration::from_millis(20);
const COUNT_KEPT_FACTOR: u32 = 10;

/// The graph in FalkorDB. Connects when it is first asked, and again after a failure.
pub struct FalkorGraph {
    address: FalkorAddress,
    /// The relay's line, so that no reader holds up a write.
    writer: Connection,
    reader: Connection,
    /// The mark of the graph that is written to.
    expected: Mutex<Option<String>>,
    counted: Mutex<Option<(Instant, Duration, GraphCounts)>>,
}

impl FalkorGraph {
    /// A graph at `address`; nothing is asked yet.
    #[must_use]
    pub fn new(address: FalkorAddress) -> Self {
        let (writer, reader) = (Connection::new(&address), Connection::new(&address));
        Self { address, writer, reader, expected: Mutex::new(None), counted: Mutex::new(None) }
    }

    fn expected(&self) -> Option<String> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl GraphSink for FalkorGraph {
    async fn apply(&self, projections: &[DocumentProjection]) -> Result<(), GraphError> {
        if projections.is_empty() {
            return Ok(());
        }
        let key = format!("{} documents", projections.len());
        let run = |statements| self.writer.run("write graph", &key, statements, QUERY_TIMEOUT);
        // Asked with every batch: a server that came back without its data must not take a batch as if nothing happened.
        let numbered = run(vec![cypher::next_batch(self.expected().as_deref())]).await?;
        let Some(batch) = numbered.first().and_then(|rows| rows.first()).and_then(|row| read::integer(row, 0)) else {
            return Err(GraphError {
                kind: GraphErrorKind::Lost,
                operation: "write graph",
                key: key.clone(),
                message: format!("{} does not hold the graph that was written before", self.address.at()),
            });
        };
        let statements: Result<Vec<Statement>, String> = write::Batch::of(projections).statements(batch);
        let statements = statements.map_err(|message| GraphError {
            kind: GraphErrorKind::Rejected,
            operation: "write graph",
            key: key.clone(),
            message,
        })?;
        run(statements).await.map(drop)
    }

    async fn clear(&self) -> Result<(), GraphError> {
        self.writer.delete_graph("empty graph", QUERY_TIMEOUT).await
    }

    async fn state(&self) -> Result<GraphState, GraphError> {
        let answer = self.writer.run("read the graph's mark", "", vec![cypher::mark()], QUERY_TIMEOUT).await?;
        let mark = answer.first().and_then(|rows| rows.first()).and_then(|row| read::text(row, 0));
        Ok(mark.map_or(GraphState::Blank, GraphState::Marked))
    }

    async fn begin(&self, mark: &str) -> Result<(), GraphError> {
        self.clear().await?;
        self.writer.run("begin graph", mark, cypher::begin(mark), QUERY_TIMEOUT).await?;
        self.expect(mark);
        Ok(())
    }

    fn expect(&self, mark: &str) {
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark.to_owned());
    }
}

#[async_trait]
impl GraphReader for FalkorGraph {
    async fn ping(&self) -> Result<String, GraphError> {
        let version = self.reader.version(QUERY_TIMEOUT).await?;
        let answer = self.reader.run("ask", "FalkorDB", vec![cypher::mark()], QUERY_TIMEOUT).await?;
        let mark = answer.first().and_then(|rows| rows.first()).and_then(|row| read::text(row, 0));
        let held = match (mark, self.expected()) {
            (None, None) => ", empty",
            (None, Some(_)) => ", lost its data: the relay rebuilds it",
            (Some(mark), Some(expected)) if mark != expected => ", holds another graph: the relay rebuilds it",
            (Some(_), _) => "",
        };
        Ok(format!("{version} at {}, graph {}{held}", self.address.at(), self.address.graph))
    }

    async fn counts(&self) -> Result<GraphCounts, GraphError> {
        if let Some((at, cost, counts)) = *self.counted.lock().unwrap_or_else(PoisonError::into_inner)
            && cost > QUICK_COUNT
            && at.elapsed() < cost * COUNT_KEPT_FACTOR
        {
            return Ok(counts);
        }
        let start = Instant::now();
        let answer = self.reader.run("count graph", "", cypher::counts(), QUERY_TIMEOUT).await?;
        let counts = read::counts(&answer);
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), start.elapsed(), counts));
        Ok(counts)
    }

    async fn dump(&self) -> Result<GraphDump, GraphError> {
        // A line of its own: a screen need not wait for it.
        let line = Connection::new(&self.address);
        let answer = line.run("read graph", "", cypher::whole(), WHOLE_TIMEOUT).await?;
        read::dump(&answer)
    }

    async fn nodes(&self, label: Option<NodeLabel>, after: Option<Uuid>, limit: u32) -> Result<Vec<Node>, GraphError> {
        let answer = self.reader.run("list nodes", "", cypher::nodes(label, after, limit), QUERY_TIMEOUT).await?;
        // Each label's own are in order; together they are merged here.
        let mut nodes = read::around(&answer)?;
        nodes.sort_unstable_by_key(Node::id);
        nodes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(nodes)
    }

    async fn find(&self, query: &NameQuery, labels: &[NodeLabel], limit: u32) -> Result<Vec<Node>, GraphError> {
        // The server tells beginnings of words from other places only roughly; a few more leave the choice to us.
        let statements = cypher::find(query, labels, limit.saturating_mul(4));
        let answer = self.reader.run("find nodes", query.folded(), statements, QUERY_TIMEOUT).await?;
        let mut fitting: Vec<_> = read::found(&answer)?
            .into_iter()
            .filter_map(|(node, degree)| {
                let fit = match &node {
                    Node::Person { display_name, email, .. } => query.fit(display_name, email.as_deref()),
                    Node::Document { title: name, .. } | Node::Concept { label: name, .. } => query.fit(name, None),
                };
                Some((fit?, Reverse(degree), node))
            })
            .collect();
        fitting.sort_unstable();
        fitting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(fitting.into_iter().map(|(_, _, node)| node).collect())
    }

    async fn neighbourhood(&self, id: Uuid, limit: u32) -> Result<Neighbourhood, GraphError> {
        const OPERATION: &str = "read neighbours of";
        let key = id.to_string();
        let answer = self.reader.run(OPERATION, &key, cypher::around(id, limit), QUERY_TIMEOUT).await?;
        let nodes = read::around(&answer)?;
        let edges = cypher::between(&nodes);
        let answer = self.reader.run(OPERATION, &key, edges, QUERY_TIMEOUT).await?;
        Ok(Neighbourhood { nodes, edges: read::edges_latest_first(&answer)? })
    }
}
