//! Keeps the models of the store at work: one worker drains the backlog of the model that serves, another builds the one
//! that is to follow and switches to it when it is whole. Both look at the store now and then, so that a command of
//! another process is obeyed. Run by the supervisor.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::health::WorkerState;
use crate::domain::status::ModelRoles;
use crate::domain::{Clock, ModelId};
use crate::store::{SharedStore, StoreResult};

use super::worker::EmbedWorker;
use super::{Embedder, Embedders, roles};

/// How often the roles are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Chunks queued in one step while it is asked whether all are there.
const QUEUE_STEP: u32 = 5_000;
/// With more than this share of texts given up, a model does not follow by itself: something is wrong with it.
const MOST_FAILED: f64 = 0.01;

/// Which model a worker keeps at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one searches use.
    Serving,
    /// The one that is to follow.
    Building,
}

/// What a worker needs of its neighbours.
pub struct ModelContext {
    /// The store.
    pub store: SharedStore,
    /// Makes embedders.
    pub embedders: Arc<dyn Embedders>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Wakes it when jobs were queued.
    pub wake: Arc<Notify>,
    /// The user's wish.
    pub paused: watch::Receiver<bool>,
    /// Ingest's need of the machine.
    pub busy: watch::Receiver<bool>,
    /// Told which models need jobs for new chunks.
    pub queued_models: watch::Sender<Vec<ModelId>>,
    /// Name in leases.
    pub name: String,
    /// For delays.
    pub seed: u64,
}

/// The worker.
pub struct ModelWorker {
    context: ModelContext,
    role: Role,
    current: Mutex<Option<Arc<EmbedWorker>>>,
    /// What it says instead of the embedding worker's own line.
    says: Mutex<Option<String>>,
}

impl ModelWorker {
    /// A worker for the model in `role`.
    #[must_use]
    pub fn new(role: Role, context: ModelContext) -> Self {
        Self { context, role, current: Mutex::new(None), says: Mutex::new(None) }
    }

    /// State and detail for the workers' line.
    #[must_use]
    pub fn state(&self) -> (WorkerState, String) {
        let says = self.says.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (current, says) {
            (Some(worker), None) => {
                let activity = worker.activity().borrow().clone();
                (activity.state, activity.detail)
            }
            (Some(worker), Some(says)) => {
                let activity = worker.activity().borrow().clone();
                if activity.state.is_trouble() { (activity.state, activity.detail) } else { (WorkerState::Busy, says) }
            }
            (None, Some(says)) => (WorkerState::Waiting, says),
            (None, None) => (WorkerState::Idle, String::new()),
        }
    }

    fn say(&self, what: Option<String>) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    fn set_current(&self, worker: Option<Arc<EmbedWorker>>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = worker;
    }

    /// Works until `soft` is cancelled.
    ///
    /// # Errors
    /// When the store fails for good or the model cannot be loaded; the supervisor starts it again.
    pub async fn run(&self, soft: CancellationToken) -> Result<(), String> {
        while !soft.is_cancelled() {
            match self.at_work().await {
                Ok(Some((model, embedder))) => {
                    let ended = self.keep(&model, embedder, &soft).await;
                    self.set_current(None);
                    ended?;
                    continue;
                }
                Ok(None) => self.say(None),
                // Something else must answer or be set first; whoever looks sees what.
                Err(why) => self.say(Some(why)),
            }
            tokio::select! {
                () = soft.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        Ok(())
    }

    fn of(&self, roles: &ModelRoles) -> Option<ModelId> {
        match self.role {
            Role::Serving => roles.serving.clone(),
            Role::Building => roles.building.clone(),
        }
    }

    /// New chunks get jobs for every model that is at work and that the store knows.
    async fn tell_ingest(&self, roles: &ModelRoles) -> StoreResult<()> {
        let known = self.context.store.embedding_progress().await?;
        let at_work = roles.serving.iter().chain(&roles.building);
        let wanted: Vec<ModelId> =
            at_work.filter(|model| known.iter().any(|held| &held.model == *model)).cloned().collect();
        self.context.queued_models.send_if_modified(|models| {
            let changed = *models != wanted;
            *models = wanted;
            changed
        });
        Ok(())
    }

    /// The model in this worker's role with its embedder; the error says in words what it waits for.
    async fn at_work(&self) -> Result<Option<(ModelId, Arc<dyn Embedder>)>, String> {
        let roles = roles::read(&self.context.store).await.map_err(|error| error.message)?;
        self.tell_ingest(&roles).await.map_err(|error| error.message)?;
        let Some(model) = self.of(&roles) else { return Ok(None) };
        let embedder = self.context.embedders.embedder(&model)?;
        Ok(Some((model, embedder)))
    }

    /// Drains the backlog of one model until its role is over.
    async fn keep(&self, model: &ModelId, embedder: Arc<dyn Embedder>, soft: &CancellationToken) -> Result<(), String> {
        let context = &self.context;
        let worker = Arc::new(EmbedWorker::new(
            Arc::clone(&context.store),
            embedder,
            Arc::clone(&context.clock),
            Arc::clone(&context.wake),
            context.paused.clone(),
            context.busy.clone(),
            &context.name,
            context.seed,
        ));
        self.set_current(Some(Arc::clone(&worker)));
        self.say(None);
        let stop = soft.child_token();
        let running = worker.run(stop.clone());
        tokio::pin!(running);
        loop {
            tokio::select! {
                ended = &mut running => return ended,
                () = tokio::time::sleep(LOOK), if !stop.is_cancelled() => match self.look(model).await {
                    Ok(true) => {}
                    // The batch in hand is finished first.
                    Ok(false) => stop.cancel(),
                    Err(error) if error.is_retryable() => tracing::warn!(%error, "models_not_read"),
                    Err(error) => return Err(error.to_string()),
                },
            }
        }
    }

    /// Whether the model still has its role. Switches to a model that is whole.
    async fn look(&self, model: &ModelId) -> StoreResult<bool> {
        let roles = roles::read(&self.context.store).await?;
        self.tell_ingest(&roles).await?;
        if self.of(&roles).as_ref() != Some(model) {
            return Ok(false);
        }
        if self.role == Role::Building && self.is_whole(model).await? {
            // Whoever searches next should find the new model's indexes made.
            self.context.store.optimize().await?;
            let switched = roles::switch(&self.context.store, model, self.context.clock.now()).await?;
            tracing::info!(%model, switched = switched.is_ok(), "model_switched");
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether every chunk has its vector, but for a few whose text the model refuses.
    async fn is_whole(&self, model: &ModelId) -> StoreResult<bool> {
        let store = &self.context.store;
        let progress = store.embedding_progress().await?.into_iter().find(|held| &held.model == model);
        let Some(progress) = progress else { return Ok(false) };
        let total = progress.done + progress.pending + progress.processing + progress.failed;
        if progress.pending + progress.processing > 0 {
            let rate = self.rate();
            self.say(Some(format!("{model}: {} of {total}{rate}", progress.done)));
            return Ok(false);
        }
        if progress.failed as f64 > total as f64 * MOST_FAILED {
            let failed = progress.failed;
            self.say(Some(format!("{model}: {failed} of {total} texts refused; `peanut reindex` tries them again")));
            return Ok(false);
        }
        Ok(store.queue_missing(model, QUEUE_STEP, self.context.clock.now()).await? == 0)
    }

    fn rate(&self) -> String {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let detail = current.map(|worker| worker.activity().borrow().detail.clone()).unwrap_or_default();
        if detail.is_empty() { detail } else { format!(", {detail}") }
    }
}
