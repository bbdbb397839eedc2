//! The relay: claims events, asks the store what is true of their entities now, writes that to the graph, and marks
//! the events AFTER the write. At least once, idempotent, in order per entity. Run by the supervisor.
//!
//! It wakes when it is told to (armed before the query, so no event is missed), on a poll as a fall-back, and when a
//! breaker is due. A graph that does not answer costs no event an attempt. A graph that lost its data is noticed, with
//! or without events to deliver, and written anew from the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::health::WorkerState;
use crate::domain::outbox::ClaimedEvent;
use crate::domain::{Clock, DocumentId, EventId, Timestamp};
use crate::graph::{GraphError, GraphErrorKind, GraphSink, rebuild};
use crate::store::{EventFailure, SharedStore, StoreResult};

use super::backoff::{Backoff, Breaker};

/// Events of one claim.
const BATCH: u32 = 1_000;
/// A claim's lease: a killed relay's events are taken again after it.
const LEASE: Duration = Duration::from_mins(1);
/// Without a wake-up, look this often (events of other processes).
const POLL: Duration = Duration::from_secs(1);
/// Failed deliveries after which an event is dead.
const ATTEMPTS: u32 = 10;
/// Service errors in a row that open the breaker.
const BREAKER_THRESHOLD: u32 = 5;
/// An attempt is one small question, and a graph that is back should be caught up with at once: a short cap.
const SERVICE_BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(5) };
const EVENT_BACKOFF: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_mins(10) };
/// How often the graph is asked whether it is still the one that was written.
const STATE_PERIOD: Duration = Duration::from_secs(5);
/// Delivered events are kept this long.
const ARCHIVE: Duration = Duration::from_hours(168);
const PRUNE_PERIOD: Duration = Duration::from_mins(10);
const PRUNE_STEP: u32 = 5_000;

/// Points at which a test may end the relay; production has [`NoFaults`].
pub trait FaultPlan: Send + Sync {
    /// Called at each point; `true` ends the relay there as if it were killed.
    fn strikes(&self, point: FaultPoint) -> bool;
}

/// The points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPoint {
    /// Events are claimed, nothing is written.
    AfterClaim,
    /// The graph has them, they are not marked.
    AfterApply,
    /// They are marked.
    AfterMark,
}

/// Nothing strikes.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl FaultPlan for NoFaults {
    fn strikes(&self, _: FaultPoint) -> bool {
        false
    }
}

/// What the relay is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayActivity {
    /// For the workers' line.
    pub state: WorkerState,
    /// Why, when it waits: the graph's last error.
    pub detail: String,
    /// Events delivered by this process.
    pub delivered: u64,
}

/// The worker.
pub struct Relay {
    store: SharedStore,
    sink: Arc<dyn GraphSink>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    faults: Arc<dyn FaultPlan>,
    activity: watch::Sender<RelayActivity>,
    /// When the graph was last known to be the one that was written.
    certain: Mutex<Option<Instant>>,
    /// Events that were in hand when the store failed; given back before more are claimed.
    stranded: Mutex<Vec<EventId>>,
    name: String,
    seed: u64,
}

impl Relay {
    /// A relay from `store` to `sink`; `name` marks its claims.
    #[must_use]
    pub fn new(
        store: SharedStore,
        sink: Arc<dyn GraphSink>,
        clock: Arc<dyn Clock>,
        wake: Arc<Notify>,
        name: &str,
        seed: u64,
    ) -> Self {
        let activity = RelayActivity { state: WorkerState::Starting, detail: String::new(), delivered: 0 };
        let activity = watch::Sender::new(activity);
        let (certain, faults, stranded) = (Mutex::new(None), Arc::new(NoFaults), Mutex::default());
        Self { store, sink, clock, wake, faults, activity, certain, stranded, name: name.to_owned(), seed }
    }

    /// As it is, with faults to strike.
    #[must_use]
    pub fn with_faults(mut self, faults: Arc<dyn FaultPlan>) -> Self {
        self.faults = faults;
        self
    }

    /// What it is doing.
    #[must_use]
    pub fn activity(&self) -> watch::Receiver<RelayActivity> {
        self.activity.subscribe()
    }

    /// Delivers until `soft` is cancelled; the batch in hand is finished first.
    ///
    /// # Errors
    /// When the store fails for good, or a fault strikes; the supervisor starts it again.
    pub async fn run(&self, soft: CancellationToken) -> Result<(), String> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut breaker = Breaker::new(BREAKER_THRESHOLD, SERVICE_BACKOFF);
        let mut next_prune = Instant::now() + PRUNE_PERIOD;
        loop {
            // Armed before the query: an event committed in between wakes us at once.
            let woken = self.wake.notified();
            let mut pause = POLL;
            match self.step(&mut breaker, &mut random).await {
                Ok(Step::Delivered) => pause = Duration::ZERO,
                Ok(Step::Nothing) => self.tell(WorkerState::Idle, String::new()),
                Ok(Step::Wait(delay)) => {
                    tokio::select! {
                        () = soft.cancelled() => return Ok(()),
                        () = tokio::time::sleep(delay) => continue,
                    }
                }
                Ok(Step::Struck(point)) => return Err(format!("ended by a planned fault at {point:?}")),
                Err(error) if error.is_retryable() => self.tell(WorkerState::Waiting, error.message),
                Err(error) => return Err(error.to_string()),
            }
            if soft.is_cancelled() {
                return Ok(());
            }
            if Instant::now() >= next_prune {
                next_prune = Instant::now() + PRUNE_PERIOD;
                self.prune().await;
            }
            if !pause.is_zero() {
                tokio::select! {
                    () = soft.cancelled() => return Ok(()),
                    () = woken => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }

    /// Delivers what is deliverable now; for commands and tests. Returns how many events were delivered.
    ///
    /// # Errors
    /// The store's; the graph's errors are kept on the events as always.
    pub async fn drain(&self) -> StoreResult<u64> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut breaker = Breaker::new(BREAKER_THRESHOLD, SERVICE_BACKOFF);
        let before = self.activity.borrow().delivered;
        while matches!(self.step(&mut breaker, &mut random).await?, Step::Delivered) {}
        Ok(self.activity.borrow().delivered - before)
    }

    async fn step(&self, breaker: &mut Breaker, random: &mut fastrand::Rng) -> StoreResult<Step> {
        let now = self.clock.now();
        if let Some(until) = breaker.open_until(now) {
            let left = Duration::from_millis(until.0.saturating_sub(now.0).unsigned_abs());
            return Ok(Step::Wait(left.min(POLL)));
        }
        if let Err(error) = self.make_certain(now).await {
            return Ok(self.wait_for_graph(&error, breaker, random));
        }
        let stranded = self.stranded().clone();
        if !stranded.is_empty() {
            self.store.release_events(&stranded).await?;
            self.stranded().clear();
        }
        // A breaker that tries its luck asks with one event, not with five hundred.
        let limit = if breaker.is_open() { 1 } else { BATCH };
        let events = self.store.claim_events(&self.name, limit, LEASE, now).await?;
        if events.is_empty() {
            return Ok(Step::Nothing);
        }
        self.tell(WorkerState::Busy, String::new());
        let claimed: Vec<EventId> = events.iter().map(|event| event.id).collect();
        let done = self.deliver_all(events, breaker, random).await;
        if done.is_err() {
            *self.stranded() = claimed;
        }
        done
    }

    fn stranded(&self) -> MutexGuard<'_, Vec<EventId>> {
        self.stranded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes claimed events to the graph and marks them. An error is the store's.
    async fn deliver_all(
        &self,
        events: Vec<ClaimedEvent>,
        breaker: &mut Breaker,
        random: &mut fastrand::Rng,
    ) -> StoreResult<Step> {
        if self.faults.strikes(FaultPoint::AfterClaim) {
            return Ok(Step::Struck(FaultPoint::AfterClaim));
        }
        let mut groups = vec![events];
        while let Some(events) = groups.pop() {
            match self.deliver(&events).await? {
                Ok(()) => {
                    breaker.success();
                    if self.faults.strikes(FaultPoint::AfterApply) {
                        return Ok(Step::Struck(FaultPoint::AfterApply));
                    }
                    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
                    self.store.mark_processed(&ids, self.clock.now()).await?;
                    self.activity.send_modify(|activity| activity.delivered += ids.len() as u64);
                    if self.faults.strikes(FaultPoint::AfterMark) {
                        return Ok(Step::Struck(FaultPoint::AfterMark));
                    }
                }
                Err(error) if error.kind == GraphErrorKind::Unavailable => {
                    let held = groups.into_iter().flatten().chain(events).map(|event| event.id);
                    self.store.release_events(&held.collect::<Vec<_>>()).await?;
                    return Ok(self.wait_for_graph(&error, breaker, random));
                }
                // Not the graph that was written: the next step has it written anew, these events among the rest.
                Err(error) if error.kind == GraphErrorKind::Lost => {
                    let held = groups.into_iter().flatten().chain(events).map(|event| event.id);
                    self.store.release_events(&held.collect::<Vec<_>>()).await?;
                    self.set_certain(None);
                    return Ok(Step::Delivered);
                }
                // The service answered and refused: somewhere in here is the event at fault.
                Err(error) if events.len() > 1 => {
                    let (first, second) = split(events);
                    tracing::debug!(%error, "batch_refused_and_split");
                    groups.push(second);
                    groups.push(first);
                }
                Err(error) => self.refuse(&events, &error, random).await?,
            }
        }
        Ok(Step::Delivered)
    }

    /// Asks now and then whether the graph is the one that was written, and begins a new one when it is not.
    async fn make_certain(&self, now: Timestamp) -> Result<(), GraphError> {
        let certain = *self.certain.lock().unwrap_or_else(PoisonError::into_inner);
        if certain.is_some_and(|at| at.elapsed() < STATE_PERIOD) {
            return Ok(());
        }
        if let Some(queued) = rebuild::ensure(&self.store, self.sink.as_ref(), now).await? {
            self.tell(WorkerState::Busy, format!("writes the graph anew: {queued} documents"));
        }
        self.set_certain(Some(Instant::now()));
        Ok(())
    }

    fn set_certain(&self, at: Option<Instant>) {
        *self.certain.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// The graph does not answer: nobody's attempt, and the next question later.
    fn wait_for_graph(&self, error: &GraphError, breaker: &mut Breaker, random: &mut fastrand::Rng) -> Step {
        let now = self.clock.now();
        let delay = breaker.failure(now, random.f64());
        if breaker.open_until(now).is_some() {
            tracing::warn!(%error, delay_seconds = delay.as_secs_f64(), "graph_breaker_open");
        }
        // Asked again with the next step: it may come back as another graph.
        self.set_certain(None);
        self.tell(WorkerState::Waiting, format!("graph does not answer: {error}"));
        Step::Wait(delay)
    }

    /// Projects the events' entities and writes them.
    async fn deliver(&self, events: &[ClaimedEvent]) -> StoreResult<Result<(), GraphError>> {
        let mut ids: Vec<DocumentId> = events.iter().map(|event| DocumentId(event.entity_id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let projections = self.store.project(&ids, self.clock.now()).await?;
        Ok(self.sink.apply(&projections).await)
    }

    async fn refuse(&self, events: &[ClaimedEvent], error: &GraphError, random: &mut fastrand::Rng) -> StoreResult<()> {
        let now = self.clock.now();
        let failures: Vec<EventFailure> = events
            .iter()
            .map(|event| {
                let attempts = event.attempts + 1;
                let retry_at = (attempts < ATTEMPTS).then(|| now.plus(EVENT_BACKOFF.delay(attempts, random.f64())));
                EventFailure { id: event.id, error: error.to_string(), retry_at }
            })
            .collect();
        tracing::warn!(event_id = events.first().map(|event| event.id.0), %error, "event_refused");
        self.store.mark_failed(&failures, now).await
    }

    async fn prune(&self) {
        let before =
            Timestamp(self.clock.now().0.saturating_sub(i64::try_from(ARCHIVE.as_millis()).unwrap_or(i64::MAX)));
        match self.store.prune_processed(before, PRUNE_STEP).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "outbox_pruned"),
            Err(error) => tracing::warn!(%error, "outbox_not_pruned"),
        }
    }

    fn tell(&self, state: WorkerState, detail: String) {
        self.activity.send_if_modified(|activity| {
            let changed = activity.state != state || activity.detail != detail;
            activity.state = state;
            activity.detail = detail;
            changed
        });
    }
}

enum Step {
    Delivered,
    Nothing,
    Wait(Duration),
    Struck(FaultPoint),
}

/// Halves a batch without parting the events of one entity more than needed: order per entity is kept, since the
/// first half is delivered first.
fn split(mut events: Vec<ClaimedEvent>) -> (Vec<ClaimedEvent>, Vec<ClaimedEvent>) {
    let second = events.split_off(events.len() / 2);
    (events, second)
}
