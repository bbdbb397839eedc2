//! Reads one [`StatusSnapshot`] from the store and its neighbours. Called by the worker, `status` and tests.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::Clock;
use crate::domain::graph::GraphCounts;
use crate::domain::health::{ServiceHealth, ServiceRole, ServiceState, WorkerRecord};
use crate::domain::intake::{DeadLetter, FileRecord, FileState};
use crate::domain::status::StatusSnapshot;
use crate::embed::roles;
use crate::graph::GraphReader;
use crate::store::{FilePage, SharedStore, StoreResult};

use super::held::HeldCounts;

/// How long the graph may take to be counted.
const GRAPH_LIMIT: Duration = Duration::from_secs(1);
/// Rows of a list in a snapshot; screens page the rest.
const LISTED: u64 = 200;

/// Files that failed or were left out, and paths with dead letters, that are listed however old they are.
const TROUBLES: u64 = 50;
const TROUBLE_PATHS: usize = 20;

/// Setting that holds `true` while the user has paused background embedding.
pub use crate::domain::settings::EMBEDDING_PAUSED;
/// Setting that holds `true` while the user has paused intake.
pub use crate::domain::settings::INTAKE_PAUSED;

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
    /// What each file holds, as far as it was counted.
    pub held: HeldCounts,
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
        let (counts, intake) = (self.store.counts().await?, self.store.intake_counts().await?);
        let dead_letters = self.store.dead_letters(0, LISTED).await?;
        let files = self.files(&page, &dead_letters).await?;
        let documents_held = self.held.of(&self.store, &files, &intake, counts.documents).await?;
        Ok(StatusSnapshot {
            at: now,
            store: counts,
            intake,
            files,
            documents_held,
            intake_paused,
            drop_zone: Some(self.drop_zone.clone()),
            folders: self.store.folders().await?,
            dead_letters,
            embeddings: self.store.embedding_progress().await?,
            models: roles::parse(settings.iter().find(|(key, _)| key == roles::MODELS).map(|(_, row)| row.as_str())),
            embedding_paused: is_set(EMBEDDING_PAUSED),
            outbox: self.store.outbox_status(now).await?,
            dead_events: self.store.dead_events(0, LISTED).await?,
            graph: self.graph_counts(&services).await,
            services,
            disk: None,
            runs_workers: own.is_some(),
            workers: self.workers(own.unwrap_or_default()).await?,
        })
    }

    /// The latest files, and beside them those that failed, were left out or could not be read wholly, however many files
    /// changed since.
    async fn files(&self, page: &FilePage, letters: &[DeadLetter]) -> StoreResult<Vec<FileRecord>> {
        let mut files = self.store.files(page).await?;
        if (files.len() as u64) < LISTED {
            return Ok(files);
        }
        let states = vec![FileState::Failed, FileState::Skipped];
        let mut further = self.store.files(&FilePage { states, limit: TROUBLES, ..FilePage::default() }).await?;
        let mut paths: Vec<&str> = letters.iter().map(|letter| letter.path.as_str()).collect();
        paths.dedup();
        for path in paths.into_iter().take(TROUBLE_PATHS) {
            further.extend(self.store.file(path).await?);
        }
        let mut listed: HashSet<String> = files.iter().map(|file| file.path.clone()).collect();
        files.extend(further.into_iter().filter(|file| listed.insert(file.path.clone())));
        Ok(files)
    }

    /// What the graph holds, if it says so quickly: everything else in the picture is the store's, and known without it.
    async fn graph_counts(&self, services: &[ServiceHealth]) -> Option<GraphCounts> {
        if services.iter().any(|service| service.role == ServiceRole::Graph && service.state == ServiceState::Down) {
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
