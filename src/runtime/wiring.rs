//! Opens everything and starts the workers; `adapters` says what stands behind which trait, `workers` what each worker
//! is given.

mod workers;

use std::sync::{Arc, OnceLock};

use color_eyre::eyre::{self, WrapErr};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::domain::health::WorkerRecord;
use crate::domain::{Clock, ModelId, SystemClock};
use crate::embed::builtin::StaticModel;
use crate::embed::{Embedder, Embedders, InstantEmbedder, roles};
use crate::graph::{GraphReader, GraphSink};
use crate::health::gather::EMBEDDING_PAUSED;
use crate::health::{Gatherer, HeldCounts, Probes, StatusWorker, Vital};
use crate::ingest::intake::Intake;
use crate::ingest::parsers::Parsers;
use crate::outbox::recorder::Recorder;
use crate::search::service::SearchService;
use crate::store::SharedStore;
use crate::telemetry::private;

use super::adapters::{self, ConfiguredEmbedders, configured_model, graph, model_named, registered, searches_at_once};
use super::lock::WorkerLock;
use super::shutdown::{DRAIN_DEADLINE, Shutdown};
use super::supervisor::Supervisor;

/// Tidying up may take longer than whoever quits should wait (large segments of the search index may be merged).
const TIDY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// Between looks whether the process that runs the workers is gone.
const TAKE_OVER_PERIOD: std::time::Duration = std::time::Duration::from_secs(5);

/// Which workers a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerSet {
    /// Everything: the app.
    All,
    /// Ingest and relay: a command that takes files in.
    Ingest,
    /// As `Ingest`, and the background embedder.
    IngestAndVectors,
    /// The relay alone: a command that drains the outbox.
    Relay,
    /// Relay and background models: a command that builds one.
    Models,
}

/// Opens the store alone, for commands that need nothing else.
///
/// # Errors
/// When the data folder cannot be made or the store not be opened; the report names both and what to do.
pub async fn open_store(config: &Config) -> eyre::Result<SharedStore> {
    private::make_folder(&config.data_dir).wrap_err_with(|| {
        let folder = config.data_dir.display();
        format!("cannot make the data folder {folder}: make it writable for this user, or name another with --data-dir")
    })?;
    Ok(adapters::open_store(config).await?)
}

/// Everything of one process, opened.
pub struct House {
    /// The settings it was opened with.
    pub config: Config,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// The store.
    pub store: SharedStore,
    /// The only door for writes that append events.
    pub recorder: Recorder,
    /// Search.
    pub search: Arc<SearchService>,
    /// Intake.
    pub intake: Arc<Intake>,
    /// The graph, for reading.
    pub graph_reader: Arc<dyn GraphReader>,
    /// The graph, for the relay and a rebuild.
    pub graph_sink: Arc<dyn GraphSink>,
    /// Wakes the relay.
    pub relay_wake: Arc<Notify>,
    embed_wake: Arc<Notify>,
    ingest_wake: Arc<Notify>,
    embedding_paused: watch::Sender<bool>,
    parsers: Parsers,
    instant: Arc<StaticModel>,
    embedders: Arc<ConfiguredEmbedders>,
    /// The background model the settings name; `None` when they want none, whatever the store says.
    configured: Option<ModelId>,
    /// The background model that served when the house was opened.
    background: Option<Arc<dyn Embedder>>,
    /// Background models at work that the store knows: their jobs are made with the documents.
    queued_models: watch::Sender<Vec<ModelId>>,
    /// For workers without ingest beside them.
    never_busy: watch::Sender<bool>,
    /// States of the workers, once this process runs all of them.
    own_workers: watch::Sender<Option<watch::Receiver<Vec<WorkerRecord>>>>,
    status: OnceLock<Arc<StatusWorker>>,
    /// Ends the gathering that goes on without workers, when workers take it over.
    alone: CancellationToken,
}

/// The workers of this process, running.
pub struct RunningWorkers {
    supervisor: JoinHandle<()>,
    states: watch::Receiver<Vec<WorkerRecord>>,
    _lock: WorkerLock,
}

impl RunningWorkers {
    /// What keeps a worker from its work, in words; nothing when all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let states = self.states.borrow();
        let worker = states.iter().find(|worker| worker.state.is_trouble())?;
        Some(format!("{} {}: {}", worker.name, worker.state.as_str(), worker.detail))
    }

    /// Waits until every worker has ended: as long as a drain may take, or until the second signal.
    pub async fn join(self, shutdown: &Shutdown) {
        let hard = shutdown.hard();
        tokio::select! {
            _ = self.supervisor => {}
            () = hard.cancelled() => tracing::warn!("left_without_draining"),
            () = tokio::time::sleep(DRAIN_DEADLINE) => tracing::warn!(seconds = DRAIN_DEADLINE.as_secs(), "drain_deadline_missed"),
        }
    }
}

impl House {
    /// Opens the store and builds the services over it. Starts nothing.
    ///
    /// # Errors
    /// When the data folder cannot be made or the store not be opened; the report names both and what to do.
    pub async fn open(config: Config) -> eyre::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = open_store(&config).await?;
        let (relay_wake, embed_wake, ingest_wake) = (Arc::default(), Arc::default(), Arc::default());
        let recorder = Recorder::new(Arc::clone(&store), Arc::clone(&relay_wake), Arc::clone(&embed_wake));
        let instant = Arc::new(StaticModel::open()?);
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let embedders = Arc::new(ConfiguredEmbedders::new(&config, cores, &instant));
        let configured = configured_model(&config);
        let now = clock.now();
        let instant_model: &dyn InstantEmbedder = &*instant;
        store.register_model(instant_model.model(), instant_model.dimension(), now).await?;
        let instantly: Vec<Arc<dyn Embedder>> = vec![Arc::<StaticModel>::clone(&instant)];
        let mut search = SearchService::new(Arc::clone(&store), instantly, Arc::clone(&clock))
            .at_once(searches_at_once(&config))
            .of(config.me.clone());
        let mut background = None;
        if let Some(configured) = &configured {
            let roles = roles::settle(&store, configured, instant_model.model(), now).await?;
            let serving = roles.serving.unwrap_or_else(|| configured.clone());
            if serving != *configured && roles.building.as_ref() != Some(configured) {
                tracing::info!(%serving, %configured, "settings_name_another_model");
            }
            match embedders.embedder(&serving) {
                Ok(embedder) => background = Some(embedder),
                Err(why) => tracing::warn!(why, "embedder_not_ready"),
            }
            search = search.with_background(Arc::clone(&embedders) as Arc<dyn Embedders>);
        }
        let search = Arc::new(search);
        let queued_models = watch::Sender::new(registered(&store, background.as_ref(), now).await?);
        let (graph_reader, graph_sink) = graph(&config, &store);
        let parsers = adapters::parsers();
        let intake = Arc::new(Intake::new(
            Arc::clone(&store),
            recorder.clone(),
            Arc::clone(&clock),
            Arc::clone(&instant) as Arc<dyn InstantEmbedder>,
            queued_models.subscribe(),
            parsers.clone(),
            chunk_options(&config),
            Arc::clone(&ingest_wake),
        ));
        let paused = store.setting(EMBEDDING_PAUSED).await?.as_deref() == Some("true");
        Ok(Self {
            config,
            clock,
            recorder,
            search,
            intake,
            graph_reader,
            graph_sink,
            relay_wake,
            embed_wake,
            ingest_wake,
            embedding_paused: watch::Sender::new(paused),
            parsers,
            instant,
            embedders,
            configured,
            background,
            queued_models,
            never_busy: watch::Sender::new(false),
            own_workers: watch::Sender::new(None),
            status: OnceLock::new(),
            alone: CancellationToken::new(),
            store,
        })
    }

    /// Starts workers if no other process of this data folder runs them; `None` when one does.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub async fn try_start_workers(&self, shutdown: &Shutdown, set: WorkerSet) -> eyre::Result<Option<RunningWorkers>> {
        let folder = self.config.data_dir.display();
        let lock = WorkerLock::try_take(&self.config.data_dir).wrap_err_with(|| format!("cannot lock {folder}"))?;
        let Some(mut lock) = lock else {
            tracing::info!("workers_run_elsewhere");
            return Ok(None);
        };
        let seed = u64::from(std::process::id()) ^ self.clock.now().0.unsigned_abs();
        let name =
            self.take_over(&mut lock, seed).await.wrap_err_with(|| format!("cannot take over the work in {folder}"))?;
        let mut supervisor = Supervisor::new(Arc::clone(&self.store), Arc::clone(&self.clock), shutdown.soft(), seed);
        self.add_relay(&mut supervisor, &name, seed);
        let mut busy = self.never_busy.subscribe();
        if !matches!(set, WorkerSet::Relay | WorkerSet::Models) {
            busy = self.add_ingest(&mut supervisor, &name);
        }
        if matches!(set, WorkerSet::All | WorkerSet::IngestAndVectors | WorkerSet::Models) {
            self.add_models(&mut supervisor, &name, &busy, seed);
        }
        if set == WorkerSet::All {
            self.add_watcher(&mut supervisor);
        }
        if set == WorkerSet::All {
            self.alone.cancel();
            let (worker, reading) = (self.status(), self.status());
            supervisor.add(
                "probe",
                move || reading.state(),
                move |soft| {
                    let worker = Arc::clone(&worker);
                    async move { worker.run(soft).await }
                },
            );
        }
        let states = supervisor.states();
        if set == WorkerSet::All {
            self.own_workers.send_replace(Some(states.clone()));
        }
        let supervisor = tokio::spawn(supervisor.run());
        Ok(Some(RunningWorkers { supervisor, states, _lock: lock }))
    }

    /// Whoever holds the lock knows that earlier workers of this data folder are gone: what they held is free at once,
    /// not when their leases run out. A store in a file has no other workers at all. Returns the name to work under.
    async fn take_over(&self, lock: &mut WorkerLock, seed: u64) -> eyre::Result<String> {
        let mut random = fastrand::Rng::with_seed(seed);
        let fresh = format!("{:032x}", random.u128(..));
        let folder = format!("{}/{}", self.config.host, lock.folder_name(&fresh)?);
        let has_others = self.config.services.postgres_url.is_some();
        let released = self.store.release_leases(has_others.then_some(folder.as_str()), self.clock.now()).await?;
        if released > 0 {
            tracing::info!(released, "leases_taken_over");
        }
        Ok(format!("{folder}:{}", std::process::id()))
    }

    /// Starts all workers as soon as no other process of this data folder runs them; `None` when the process should end first.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub async fn workers_when_free(&self, shutdown: &Shutdown) -> eyre::Result<Option<RunningWorkers>> {
        let soft = shutdown.soft();
        loop {
            if let Some(running) = self.try_start_workers(shutdown, WorkerSet::All).await? {
                return Ok(Some(running));
            }
            tokio::select! {
                () = soft.cancelled() => return Ok(None),
                () = tokio::time::sleep(TAKE_OVER_PERIOD) => {}
            }
        }
    }

    /// Whoever gathers the status picture of this process: its probe worker, or, as long as another process runs the
    /// workers, a task made here.
    #[must_use]
    pub fn watch_status(&self, shutdown: &Shutdown) -> Arc<StatusWorker> {
        let status = self.status();
        if self.own_workers.borrow().is_none() {
            let (worker, soft, alone) = (Arc::clone(&status), shutdown.soft(), self.alone.clone());
            tokio::spawn(async move { alone.run_until_cancelled(worker.run(soft)).await });
        }
        status
    }

    /// Gathers the status picture of this process; runs by itself only where somebody runs it.
    #[must_use]
    pub fn status(&self) -> Arc<StatusWorker> {
        Arc::clone(self.status.get_or_init(|| Arc::new(self.make_status())))
    }

    fn make_status(&self) -> StatusWorker {
        let gatherer = Gatherer {
            store: Arc::clone(&self.store),
            graph: Arc::clone(&self.graph_reader),
            clock: Arc::clone(&self.clock),
            own_workers: self.own_workers.subscribe(),
            drop_zone: self.config.drop_zone.display().to_string(),
            held: HeldCounts::default(),
        };
        let embedder = self.background.clone().unwrap_or_else(|| Arc::clone(&self.instant) as Arc<dyn Embedder>);
        let clock = Arc::clone(&self.clock);
        let services = &self.config.services;
        // The embedded graph lies in the store.
        let (on_postgres, on_falkordb) = (services.postgres_url.is_some(), services.falkordb.is_some());
        let vitals = (
            Vital { name: if on_postgres { "postgres" } else { "sqlite" }, is_server: on_postgres },
            Vital { name: if on_falkordb { "falkordb" } else { "embedded" }, is_server: on_falkordb || on_postgres },
        );
        let (store, graph) = (Arc::clone(&self.store), Arc::clone(&self.graph_reader));
        let probes = Probes::new(store, graph, vitals, embedder, clock);
        StatusWorker::new(gatherer, probes.with_disk(&self.config.data_dir))
    }

    /// The background model the settings name.
    #[must_use]
    pub fn configured_model(&self) -> Option<ModelId> {
        self.configured.clone()
    }

    /// The model a person means by `name`.
    ///
    /// # Errors
    /// In words, with what to set.
    pub fn model_named(&self, name: &str) -> Result<ModelId, String> {
        model_named(&self.config, name)
    }

    /// The embedder of a model, as far as the settings lead to it.
    ///
    /// # Errors
    /// In words, with what to set.
    pub fn embedder(&self, model: &ModelId) -> Result<Arc<dyn Embedder>, String> {
        self.embedders.embedder(model)
    }

    /// Models whose vectors are made in the background.
    #[must_use]
    pub fn background_models(&self) -> Vec<crate::domain::ModelId> {
        self.background.iter().map(|model| model.model().clone()).collect()
    }

    /// Tells the rooms that a setting changed.
    pub async fn settings_changed(&self) {
        self.search.forget_options();
        match self.store.setting(EMBEDDING_PAUSED).await {
            Ok(value) => {
                self.embedding_paused.send_replace(value.as_deref() == Some("true"));
            }
            Err(error) => tracing::warn!(%error, "setting_not_read"),
        }
        self.ingest_wake.notify_one();
        self.embed_wake.notify_one();
    }

    /// Closes every connection, for a process that only looked: nothing is tidied up.
    pub async fn leave(&self) {
        if tokio::time::timeout(TIDY_TIMEOUT, self.store.close()).await.is_err() {
            tracing::warn!(seconds = TIDY_TIMEOUT.as_secs(), "store_not_closed_in_time");
        }
    }

    /// Folds the log back and closes every connection.
    pub async fn close(&self) {
        match tokio::time::timeout(TIDY_TIMEOUT, self.store.optimize()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "store_not_optimized"),
            // What is left is taken up the next time.
            Err(_) => tracing::info!(seconds = TIDY_TIMEOUT.as_secs(), "store_not_optimized_in_time"),
        }
        // A service that hangs may keep its connections for ever; the process need not.
        self.leave().await;
    }
}

fn chunk_options(config: &Config) -> crate::ingest::chunk::ChunkOptions {
    crate::ingest::chunk::ChunkOptions { max_tokens: config.chunk_tokens, overlap_tokens: config.chunk_overlap_tokens }
}

/// Panics where `PEANUT_PANIC` says, so that the tests of the binary can see what a crash leaves behind.
///
/// # Panics
/// When asked to.
pub fn planned_panic(place: &str) {
    assert!(std::env::var("PEANUT_PANIC").as_deref() != Ok(place), "PEANUT_PANIC={place} asked for this");
}
