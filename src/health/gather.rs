//! Reads one [`StatusSnapshot`] from the store and its neighbours. Called by the worker, `status` and tests.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::Clock;
use crate::domain::graph::GraphCounts;
use crate::domain::health::{ServiceHealth, ServiceState, WorkerRecord};
use crate::domain::status::StatusSnapshot;
use crate::embed::roles;
use crate::graph::GraphReader;
use crate::store::{FilePage, SharedStore, StoreResult};

/// How long the graph may take to be counted.
const GRAPH_LIMIT: Duration = Duration::from_secs(1);
/// Rows of a list in a snapshot; screens page the rest.
const LISTED: u64 = 200;

/// Setting that holds `true` while the user has paused intake.
pub const INTAKE_PAUSED: &str = "intake.paused";
/// Setting that holds `true` while the user has paused background embedding.
pub const EMBEDDING_PAUSED: &str = "embedding.paused";

/// Knows where everything shown comes from.
pub struct Gatherer {
    /// The store.
    pub store: SharedStore,
    /// The graph.
    pub graph: Arc<dyn GraphReader>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// States of this process's own workers, as soon as it runs them.
    pub own_workers: watch::Receiver<Option<watch::Receiver<Vec<WorkerRecord>>>>,
    /// Folder of the drop zone.
    pub drop_zone: String,
}

impl Gatherer {
    /// Everything as of now. `services` are what the last probes found.
    ///
    /// # Errors
    /// When the store cannot be read; the caller keeps showing the last picture.
    pub async fn snapshot(&self, services: Vec<ServiceHealth>) -> StoreResult<StatusSnapshot> {
        let now = self.clock.now();
        let own = self.own_workers.borrow().as_ref().map(|states| states.borrow().clone());
        let page = FilePage { limit: LISTED, ..FilePage::default() };
        let settings = self.store.settings().await?;
        let is_set = |key: &str| settings.iter().any(|(name, value)| name == key && value == "true");
        let stop_file = std::path::Path::new(&self.drop_zone).join(".pause");
        let intake_paused = if is_set(INTAKE_PAUSED) {
            Some("paused by you (p resumes)".to_owned())
        } else {
            stop_file.exists().then(|| "paused by .pause in the drop zone".to_owned())
        };
        Ok(StatusSnapshot {
            at: now,
            store: self.store.counts().await?,
            intake: self.store.intake_counts().await?,
            files: self.store.files(&page).await?,
            intake_paused,
            drop_zone: Some(self.drop_zone.clone()),
            folders: self.store.folders().await?,
            dead_letters: self.store.dead_letters(0, LISTED).await?,
            embeddings: self.store.embedding_progress().await?,
            models: roles::parse(settings.iter().find(|(key, _)| key == roles::MODELS).map(|(_, row)| row.as_str())),
            embedding_paused: is_set(EMBEDDING_PAUSED),
            outbox: self.store.outbox_status(now).await?,
            dead_events: self.store.dead_events(0, LISTED).await?,
            graph: self.graph_counts(&services).await,
            services,
            runs_workers: own.is_some(),
            workers: self.workers(own.unwrap_or_default()).await?,
        })
    }

    /// What the graph holds, if it says so quickly: everything else in the picture is the store's, and known without it.
    async fn graph_counts(&self, services: &[ServiceHealth]) -> Option<GraphCounts> {
        if services.iter().any(|service| service.role == "graph" && service.state == ServiceState::Down) {
            return None;
        }
        // One that takes longer goes on to its end: the graph remembers what was counted.
        let graph = Arc::clone(&self.graph);
        let counting = tokio::spawn(async move { graph.counts().await });
        tokio::time::timeout(GRAPH_LIMIT, counting).await.ok()?.ok()?.ok()
    }

    /// Workers of every process; this process's own are fresher than their last heartbeat.
    async fn workers(&self, own: Vec<WorkerRecord>) -> StoreResult<Vec<WorkerRecord>> {
        let mut all = self.store.workers().await?;
        all.retain(|row| !own.iter().any(|mine| (&mine.name, &mine.host, mine.pid) == (&row.name, &row.host, row.pid)));
        all.splice(0..0, own);
        Ok(all)
    }
}
