//! Drains the embedding backlog of one background model: claim with a lease, embed off the async threads, complete.
//!
//! Run by the supervisor. Gives way to ingest, obeys the user's pause, isolates a text that poisons a batch, and
//! stops hammering an embedder that does not answer (such an outage costs no chunk an attempt).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::health::WorkerState;
use crate::domain::{ChunkId, Clock};
use crate::outbox::backoff::{Backoff, Breaker};
use crate::store::{EmbeddingJob, FailedEmbedding, SharedStore, StoreResult};

use super::{EmbedError, EmbedErrorKind, EmbedText, Embedder};

/// Chunks of one claim: about two seconds of work, so that a stop never waits long.
const BATCH: u32 = 64;
const LEASE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_secs(2);
/// Attempts after which a chunk is given up.
const ATTEMPTS: u32 = 5;
const BREAKER_THRESHOLD: u32 = 3;
/// How often an idle worker looks for chunks without a job: of other processes, or from before the model was known.
const QUEUE_PERIOD: Duration = Duration::from_secs(30);
/// Chunks queued per step when the model is new to the store.
const QUEUE_STEP: u32 = 5_000;
const SERVICE_BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) };
const CHUNK_BACKOFF: Backoff = Backoff { base: Duration::from_secs(5), cap: Duration::from_mins(10) };
/// Rates are measured over at least this long.
const RATE_WINDOW: Duration = Duration::from_secs(2);

/// What the worker is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedActivity {
    /// For the workers' line.
    pub state: WorkerState,
    /// Why it waits, or how fast it is.
    pub detail: String,
    /// Chunks per second of the last window.
    pub rate_per_second: f64,
}

/// The worker.
pub struct EmbedWorker {
    store: SharedStore,
    embedder: Arc<dyn Embedder>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    paused: watch::Receiver<bool>,
    /// True while ingest has work: the machine is not idle.
    busy: watch::Receiver<bool>,
    activity: watch::Sender<EmbedActivity>,
    /// Chunks that were in hand when the store failed; given back before more are claimed.
    stranded: Mutex<Vec<ChunkId>>,
    name: String,
    seed: u64,
}

impl EmbedWorker {
    /// A worker for `embedder`; `paused` is the user's wish, `busy` is ingest's need of the machine.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "each is a different neighbour; a struct would only rename them")]
    pub fn new(
        store: SharedStore,
        embedder: Arc<dyn Embedder>,
        clock: Arc<dyn Clock>,
        wake: Arc<Notify>,
        paused: watch::Receiver<bool>,
        busy: watch::Receiver<bool>,
        name: &str,
        seed: u64,
    ) -> Self {
        let activity = EmbedActivity { state: WorkerState::Starting, detail: String::new(), rate_per_second: 0.0 };
        let activity = watch::Sender::new(activity);
        let stranded = Mutex::default();
        Self { store, embedder, clock, wake, paused, busy, activity, stranded, name: name.to_owned(), seed }
    }

    /// What it is doing.
    #[must_use]
    pub fn activity(&self) -> watch::Receiver<EmbedActivity> {
        self.activity.subscribe()
    }

    /// Works until `soft` is cancelled; the batch in hand is finished first.
    ///
    /// # Errors
    /// When the store fails for good or the model cannot be loaded; the supervisor starts it again.
    pub async fn run(&self, soft: CancellationToken) -> Result<(), String> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut breaker = Breaker::new(BREAKER_THRESHOLD, SERVICE_BACKOFF);
        let (mut paused, mut busy) = (self.paused.clone(), self.busy.clone());
        let mut window = (Instant::now(), 0_usize);
        let mut queue_at = Instant::now();
        while !soft.is_cancelled() {
            if *paused.borrow_and_update() || *busy.borrow_and_update() {
                let by_user = *paused.borrow();
                let (state, why) = if by_user {
                    (WorkerState::Paused, "paused by you")
                } else {
                    (WorkerState::Idle, "gives way to ingest")
                };
                self.tell(state, why, 0.0);
                tokio::select! {
                    () = soft.cancelled() => break,
                    _ = paused.changed() => {}
                    _ = busy.changed() => {}
                }
                continue;
            }
            if Instant::now() >= queue_at {
                match self.queue_missing(&soft).await? {
                    Ok(()) => queue_at = Instant::now() + QUEUE_PERIOD,
                    Err(error) => {
                        let delay = self.wait_for_service(&error, &mut breaker, &mut random);
                        tokio::select! {
                            () = soft.cancelled() => break,
                            () = tokio::time::sleep(delay) => continue,
                        }
                    }
                }
            }
            let woken = self.wake.notified();
            let done = match self.step(&mut breaker, &mut random).await {
                Ok(Step::Done(count)) => count,
                Ok(Step::Wait(delay)) => {
                    tokio::select! {
                        () = soft.cancelled() => break,
                        () = tokio::time::sleep(delay) => continue,
                    }
                }
                Ok(Step::Broken(error)) => return Err(error),
                Err(error) if error.is_retryable() => {
                    self.tell(WorkerState::Waiting, &error.message, 0.0);
                    tokio::select! {
                        () = soft.cancelled() => break,
                        () = tokio::time::sleep(POLL) => continue,
                    }
                }
                Err(error) => return Err(error.to_string()),
            };
            if done > 0 {
                window.1 += done;
                let seconds = window.0.elapsed();
                if seconds >= RATE_WINDOW {
                    let rate = window.1 as f64 / seconds.as_secs_f64();
                    self.tell(WorkerState::Busy, &format!("{rate:.0} chunks/s"), rate);
                    window = (Instant::now(), 0);
                }
                continue;
            }
            self.tell(WorkerState::Idle, "", 0.0);
            tokio::select! {
                () = soft.cancelled() => break,
                () = woken => {}
                () = tokio::time::sleep(POLL) => {}
            }
            window = (Instant::now(), 0);
        }
        Ok(())
    }

    /// Queues what the model has never seen: after it was switched on, after a store moved in, or when the service was not
    /// there before. The inner error is the service's, worth another try.
    async fn queue_missing(&self, soft: &CancellationToken) -> Result<Result<(), EmbedError>, String> {
        let dimension = match self.embedder.prepare().await {
            Ok(dimension) => dimension,
            Err(error) if error.kind == EmbedErrorKind::Unavailable => return Ok(Err(error)),
            Err(error) => return Err(error.to_string()),
        };
        let (model, now) = (self.embedder.model(), self.clock.now());
        self.store.register_model(model, dimension, now).await.map_err(|error| error.to_string())?;
        loop {
            let queued = self.store.queue_missing(model, QUEUE_STEP, now).await.map_err(|error| error.to_string())?;
            if queued == 0 || soft.is_cancelled() {
                return Ok(Ok(()));
            }
            tokio::task::yield_now().await;
        }
    }

    /// The service does not answer: nobody's attempt. Returns how long to wait, at least as long as the service asks for.
    fn wait_for_service(&self, error: &EmbedError, breaker: &mut Breaker, random: &mut fastrand::Rng) -> Duration {
        let delay = breaker.failure(self.clock.now(), random.f64()).max(error.retry_after.unwrap_or_default());
        tracing::warn!(%error, delay_seconds = delay.as_secs_f64(), "embedder_unavailable");
        self.tell(WorkerState::Waiting, &format!("embedder does not answer: {error}"), 0.0);
        delay
    }

    async fn step(&self, breaker: &mut Breaker, random: &mut fastrand::Rng) -> StoreResult<Step> {
        let now = self.clock.now();
        if let Some(until) = breaker.open_until(now) {
            return Ok(Step::Wait(Duration::from_millis(until.0.saturating_sub(now.0).unsigned_abs()).min(POLL)));
        }
        let model = self.embedder.model();
        let stranded = self.stranded().clone();
        if !stranded.is_empty() {
            self.store.release_embeddings(model, &stranded).await?;
            self.stranded().clear();
        }
        let limit = if breaker.is_open() { 1 } else { BATCH };
        let jobs = self.store.claim_embeddings(model, &self.name, limit, LEASE, now).await?;
        if jobs.is_empty() {
            return Ok(Step::Done(0));
        }
        self.activity.send_modify(|activity| activity.state = WorkerState::Busy);
        let done = self.finish(&jobs, breaker, random).await;
        if done.is_err() {
            *self.stranded() = jobs.iter().map(|job| job.chunk_id).collect();
        }
        done
    }

    fn stranded(&self) -> MutexGuard<'_, Vec<ChunkId>> {
        self.stranded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Embeds claimed chunks and keeps their vectors. An error is the store's.
    async fn finish(
        &self,
        jobs: &[EmbeddingJob],
        breaker: &mut Breaker,
        random: &mut fastrand::Rng,
    ) -> StoreResult<Step> {
        let model = self.embedder.model();
        match self.embed(jobs).await {
            Ok(vectors) => {
                breaker.success();
                self.store.complete_embeddings(model, &vectors, self.clock.now()).await?;
                Ok(Step::Done(jobs.len()))
            }
            Err(error) if error.kind == EmbedErrorKind::Rejected => {
                breaker.success();
                self.by_halves(jobs, breaker, random).await
            }
            Err(error) => {
                let chunks: Vec<ChunkId> = jobs.iter().map(|job| job.chunk_id).collect();
                self.store.release_embeddings(model, &chunks).await?;
                if error.kind == EmbedErrorKind::Permanent {
                    return Ok(Step::Broken(error.to_string()));
                }
                Ok(Step::Wait(self.wait_for_service(&error, breaker, random)))
            }
        }
    }

    async fn embed(&self, jobs: &[EmbeddingJob]) -> Result<Vec<(ChunkId, Option<Vec<f32>>)>, EmbedError> {
        let texts: Vec<EmbedText<'_>> =
            jobs.iter().map(|job| EmbedText { context: &job.context, text: &job.text }).collect();
        let vectors = self.embedder.embed_documents(&texts).await?;
        if vectors.len() != jobs.len() {
            return Err(EmbedError {
                kind: EmbedErrorKind::Rejected,
                operation: format!("embed batch of {}", jobs.len()),
                model: self.embedder.model().clone(),
                message: format!("{} vectors came back", vectors.len()),
                retry_after: None,
            });
        }
        Ok(jobs.iter().map(|job| job.chunk_id).zip(vectors).collect())
    }

    /// A text of the batch is at fault: halving finds it, only the guilty pay.
    async fn by_halves(
        &self,
        jobs: &[EmbeddingJob],
        breaker: &mut Breaker,
        random: &mut fastrand::Rng,
    ) -> StoreResult<Step> {
        let model = self.embedder.model();
        let (first, second) = jobs.split_at(jobs.len() / 2);
        let mut waiting: Vec<&[EmbeddingJob]> = vec![second, first];
        waiting.retain(|jobs| !jobs.is_empty());
        let mut failures = Vec::new();
        let mut outage = None;
        while let Some(jobs) = waiting.pop() {
            match self.embed(jobs).await {
                Ok(vectors) => self.store.complete_embeddings(model, &vectors, self.clock.now()).await?,
                Err(error) if error.kind != EmbedErrorKind::Rejected => {
                    let left = waiting.drain(..).flatten().chain(jobs).map(|job| job.chunk_id).collect::<Vec<_>>();
                    self.store.release_embeddings(model, &left).await?;
                    outage = Some(error);
                }
                Err(error) if jobs.len() > 1 => {
                    tracing::debug!(%error, texts = jobs.len(), "batch_refused_and_split");
                    let (first, second) = jobs.split_at(jobs.len() / 2);
                    waiting.extend([second, first]);
                }
                Err(error) => failures.extend(jobs.iter().map(|job| {
                    let attempts = job.attempts + 1;
                    let retry = self.clock.now().plus(CHUNK_BACKOFF.delay(attempts, random.f64()));
                    tracing::warn!(chunk_id = job.chunk_id.0, attempts, %error, "chunk_not_embedded");
                    FailedEmbedding {
                        chunk_id: job.chunk_id,
                        error: error.to_string(),
                        retry_at: (attempts < ATTEMPTS).then_some(retry),
                    }
                })),
            }
        }
        self.store.fail_embeddings(model, &failures, self.clock.now()).await?;
        match outage {
            None => Ok(Step::Done(jobs.len())),
            Some(error) if error.kind == EmbedErrorKind::Permanent => Ok(Step::Broken(error.to_string())),
            Some(error) => Ok(Step::Wait(self.wait_for_service(&error, breaker, random))),
        }
    }

    fn tell(&self, state: WorkerState, detail: &str, rate_per_second: f64) {
        let next = EmbedActivity { state, detail: detail.to_owned(), rate_per_second };
        self.activity.send_if_modified(|activity| {
            let changed = *activity != next;
            *activity = next;
            changed
        });
    }
}

enum Step {
    Done(usize),
    Wait(Duration),
    Broken(String),
}
