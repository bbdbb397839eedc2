//! Runs the workers: a panic or early end is logged, shown, counted and followed by a restart with backoff.
//!
//! Owns every worker task of the process. Their states go out over a watch channel (this process's screens) and,
//! as heartbeats, into the store's `workers` table (everybody's screens).

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::domain::health::{WorkerRecord, WorkerState};
use crate::store::SharedStore;

/// Time between heartbeats; a worker silent for three of them is stale.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// Restarts in a row, without a quiet minute between, after which a worker is given up.
const RESTARTS_BEFORE_DOWN: u32 = 10;
/// A worker that ran this long is healthy again: its next failure counts as its first.
const QUIET: Duration = Duration::from_mins(1);
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

type WorkerFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type WorkerFactory = Box<dyn Fn(CancellationToken) -> WorkerFuture + Send>;
type StateReader = Box<dyn Fn() -> (WorkerState, String) + Send>;

struct Supervised {
    factory: WorkerFactory,
    read_state: StateReader,
    record: WorkerRecord,
    restarts_in_a_row: u32,
    started: Instant,
    restart_at: Option<Instant>,
    running: bool,
}

/// Runs workers until its token is cancelled. Build with [`Supervisor::add`], then await [`Supervisor::run`].
pub struct Supervisor {
    store: SharedStore,
    clock: Arc<dyn Clock>,
    soft: CancellationToken,
    workers: Vec<Supervised>,
    states: watch::Sender<Vec<WorkerRecord>>,
    random: fastrand::Rng,
}

impl Supervisor {
    /// A supervisor without workers; `soft` ends them all.
    #[must_use]
    pub fn new(store: SharedStore, clock: Arc<dyn Clock>, soft: CancellationToken, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { store, clock, soft, workers: Vec::new(), states: watch::Sender::new(Vec::new()), random }
    }

    /// Where the states of this process's workers can be watched.
    #[must_use]
    pub fn states(&self) -> watch::Receiver<Vec<WorkerRecord>> {
        self.states.subscribe()
    }

    /// Adds a worker: how to start it, and how to ask what it is doing while it runs.
    pub fn add<F, W>(&mut self, name: &str, read_state: impl Fn() -> (WorkerState, String) + Send + 'static, start: F)
    where
        F: Fn(CancellationToken) -> W + Send + 'static,
        W: Future<Output = Result<(), String>> + Send + 'static,
    {
        let record = WorkerRecord {
            name: name.to_owned(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            state: WorkerState::Starting,
            detail: String::new(),
            restarts: 0,
            heartbeat_at: self.clock.now(),
        };
        self.workers.push(Supervised {
            factory: Box::new(move |token| Box::pin(start(token))),
            read_state: Box::new(read_state),
            record,
            restarts_in_a_row: 0,
            started: Instant::now(),
            restart_at: Some(Instant::now()),
            running: false,
        });
    }

    /// Runs until the soft token is cancelled and every worker has ended.
    pub async fn run(mut self) {
        let mut tasks: JoinSet<Result<(), String>> = JoinSet::new();
        let mut names: HashMap<Id, usize> = HashMap::new();
        let mut beat = tokio::time::interval(HEARTBEAT);
        // Worker states change faster than heartbeats; the screen should see them.
        let mut look = tokio::time::interval(Duration::from_millis(500));
        loop {
            self.start_due(&mut tasks, &mut names);
            if self.soft.is_cancelled() && tasks.is_empty() {
                break;
            }
            let next_restart = self.workers.iter().filter_map(|worker| worker.restart_at).min();
            tokio::select! {
                Some(ended) = tasks.join_next_with_id() => self.ended(&mut names, ended),
                () = sleep_until(next_restart), if !self.soft.is_cancelled() => {}
                () = self.soft.cancelled(), if !self.soft.is_cancelled() => {}
                _ = beat.tick() => self.heartbeat().await,
                _ = look.tick() => self.publish(),
            }
        }
        for worker in &mut self.workers {
            worker.record.state = WorkerState::Stopped;
        }
        self.heartbeat().await;
    }

    fn start_due(&mut self, tasks: &mut JoinSet<Result<(), String>>, names: &mut HashMap<Id, usize>) {
        if self.soft.is_cancelled() {
            return;
        }
        let now = Instant::now();
        for (index, worker) in self.workers.iter_mut().enumerate() {
            if worker.restart_at.is_some_and(|at| at <= now) {
                worker.restart_at = None;
                worker.started = now;
                worker.running = true;
                let handle = tasks.spawn((worker.factory)(self.soft.clone()));
                names.insert(handle.id(), index);
            }
        }
    }

    fn ended(&mut self, names: &mut HashMap<Id, usize>, ended: Result<(Id, Result<(), String>), JoinError>) {
        let (id, reason) = match ended {
            Ok((id, Ok(()))) => (id, None),
            Ok((id, Err(error))) => (id, Some(error)),
            Err(error) => (error.id(), Some(panic_message(error))),
        };
        let Some(index) = names.remove(&id) else { return };
        let worker = &mut self.workers[index];
        worker.running = false;
        if self.soft.is_cancelled() {
            if let Some(error) = reason {
                tracing::warn!(worker = worker.record.name, error, "worker_failed_while_stopping");
            }
            worker.record.state = WorkerState::Stopped;
            return;
        }
        let error = reason.unwrap_or_else(|| "ended without being asked".to_owned());
        worker.restarts_in_a_row = if worker.started.elapsed() > QUIET { 1 } else { worker.restarts_in_a_row + 1 };
        worker.record.restarts += 1;
        if worker.restarts_in_a_row > RESTARTS_BEFORE_DOWN {
            tracing::error!(worker = worker.record.name, error, "worker_given_up");
            worker.record.state = WorkerState::Down;
            worker.record.detail = format!("given up after {RESTARTS_BEFORE_DOWN} restarts: {error}");
        } else {
            let ceiling = LONGEST_DELAY.min(FIRST_DELAY * 2u32.pow(worker.restarts_in_a_row.min(8) - 1));
            let delay = ceiling.mul_f64(0.5 + self.random.f64() / 2.0);
            tracing::error!(
                worker = worker.record.name,
                error,
                delay_seconds = delay.as_secs_f64(),
                "worker_restarting"
            );
            worker.record.state = WorkerState::Restarting;
            worker.record.detail = error;
            worker.restart_at = Some(Instant::now() + delay);
        }
        self.publish();
    }

    fn publish(&mut self) {
        let now = self.clock.now();
        for worker in self.workers.iter_mut().filter(|worker| worker.running) {
            (worker.record.state, worker.record.detail) = (worker.read_state)();
            worker.record.heartbeat_at = now;
        }
        let records: Vec<WorkerRecord> = self.workers.iter().map(|worker| worker.record.clone()).collect();
        self.states.send_if_modified(|current| {
            let same = current.len() == records.len()
                && current
                    .iter()
                    .zip(&records)
                    .all(|(a, b)| (a.state, &a.detail, a.restarts) == (b.state, &b.detail, b.restarts));
            *current = records;
            !same
        });
    }

    async fn heartbeat(&mut self) {
        self.publish();
        let records = self.states.borrow().clone();
        for record in records {
            // A store that hangs must not keep a worker from being started again, or the process from ending.
            match tokio::time::timeout(HEARTBEAT, self.store.put_worker(&record)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(worker = record.name, %error, "heartbeat_failed"),
                Err(_) => {
                    tracing::warn!(worker = record.name, error = "the store does not answer", "heartbeat_failed");
                    return;
                }
            }
        }
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn panic_message(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            format!("panicked: {}", text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default())
        }
        Err(_) => "was aborted".to_owned(),
    }
}
