//! A store, a graph under test, and the relay between them.

use std::sync::Arc;

use peanut::domain::graph::{GraphCounts, GraphDump};
use peanut::domain::time::ManualClock;
use peanut::domain::{Clock as _, NewDocument, Timestamp};
use peanut::graph::check::{Comparison, compare};
use peanut::graph::embedded::EmbeddedGraph;
use peanut::graph::falkor::{FalkorAddress, FalkorGraph};
use peanut::graph::{GraphReader, GraphSink};
use peanut::outbox::relay::Relay;
use peanut::store::sqlite::SqliteStore;
use peanut::store::{
    CommitBatch, DocumentStore, EmbeddingStore, GraphStore, IntakeStore, OutboxStore, SharedStore, SystemStore,
};

use crate::build::{NOW, batch};
use crate::services::services;

/// What `build` asks of a store.
pub(crate) trait Backend:
    DocumentStore + EmbeddingStore + GraphStore + IntakeStore + OutboxStore + SystemStore
{
}

impl<T> Backend for T where T: DocumentStore + EmbeddingStore + GraphStore + IntakeStore + OutboxStore + SystemStore {}

/// Everything a case needs.
pub(crate) struct World {
    pub(crate) store: SharedStore,
    pub(crate) sink: Arc<dyn GraphSink>,
    pub(crate) reader: Arc<dyn GraphReader>,
    pub(crate) clock: ManualClock,
    pub(crate) relay: Relay,
    _folder: tempfile::TempDir,
}

/// An address of a graph of this name, in the FalkorDB at this port.
pub(crate) fn address(host: &str, port: u16, graph: &str) -> FalkorAddress {
    FalkorAddress { host: host.to_owned(), port, password: None, graph: graph.to_owned() }
}

impl World {
    pub(crate) async fn embedded(_case: &str) -> Self {
        let (folder, store) = store().await;
        let graph = Arc::new(EmbeddedGraph::new(Arc::clone(&store)));
        Self::over(folder, store, graph.clone(), graph)
    }

    pub(crate) async fn falkordb(case: &str) -> Self {
        let (host, port) = services().falkordb_at();
        Self::falkordb_at(address(&host, port, &format!("{case}-{}", std::process::id()))).await
    }

    pub(crate) async fn falkordb_at(address: FalkorAddress) -> Self {
        let (folder, store) = store().await;
        let graph = Arc::new(FalkorGraph::new(address));
        Self::over(folder, store, graph.clone(), graph)
    }

    fn over(
        folder: tempfile::TempDir,
        store: SharedStore,
        sink: Arc<dyn GraphSink>,
        reader: Arc<dyn GraphReader>,
    ) -> Self {
        let clock = ManualClock::at(NOW);
        let relay =
            Relay::new(Arc::clone(&store), Arc::clone(&sink), Arc::new(clock.clone()), Arc::default(), "relay", 1);
        Self { store, sink, reader, clock, relay, _folder: folder }
    }

    pub(crate) async fn commit(&self, documents: Vec<NewDocument>) {
        self.store.commit(&batch(documents)).await.expect("commit");
    }

    pub(crate) async fn commit_batch(&self, commit: CommitBatch) {
        self.store.commit(&commit).await.expect("commit");
    }

    /// Moves the clock forward to this moment.
    pub(crate) fn at(&self, moment: Timestamp) {
        let ahead = moment.0.saturating_sub(self.clock.now().0).max(0);
        self.clock.advance(std::time::Duration::from_millis(ahead.unsigned_abs()));
    }

    pub(crate) async fn drain(&self) -> u64 {
        self.relay.drain().await.expect("drain")
    }

    pub(crate) async fn pending(&self) -> u64 {
        self.store.outbox_status(NOW).await.expect("status").pending
    }

    pub(crate) async fn compared(&self) -> Comparison {
        compare(&self.store, self.reader.as_ref()).await.expect("compare")
    }

    /// Drained, the graph is what the documents imply.
    pub(crate) async fn assert_equal(&self) -> Comparison {
        self.drain().await;
        assert_eq!(self.pending().await, 0);
        let compared = self.compared().await;
        assert_eq!(compared.differences(), Vec::<String>::new());
        compared
    }

    pub(crate) async fn dump(&self) -> GraphDump {
        self.reader.dump().await.expect("dump")
    }

    pub(crate) async fn counts(&self) -> GraphCounts {
        self.reader.counts().await.expect("counts")
    }
}

async fn store() -> (tempfile::TempDir, SharedStore) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let store = SqliteStore::open(&folder.path().join("peanut.db")).await.expect("open store");
    (folder, Arc::new(store))
}
