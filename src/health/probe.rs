//! Asks each service for a sign of life, each on its own rhythm, with a time limit and a history. Called by
//! [`super::StatusWorker`].

use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::domain::health::{DiskSpace, ServiceHealth, ServiceRole, ServiceState};
use crate::embed::Embedder;
use crate::graph::GraphReader;
use crate::store::{ReplicaStatus, SharedStore};

use super::Disk;

/// How often store and graph are asked when they are servers: without them nothing works.
const VITAL_PERIOD: Duration = Duration::from_millis(500);
/// How often everything else is asked. What is in this process does not go away by itself, and a machine at rest is to
/// rest.
const PERIOD: Duration = Duration::from_secs(2);
/// How long store and graph, when they answered at once last time, have for the next answer. With [`VITAL_PERIOD`] an outage is
/// told within two seconds.
const VITAL_TIMEOUT: Duration = Duration::from_millis(1_500);
/// What a probe may take otherwise. Longer than any service's own limit to connect (2 s), so that a silent host is told in
/// that service's own words.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// A slower answer than this is worth a word.
const SLOW: Duration = Duration::from_millis(500);
/// Latencies kept for the sparkline.
const HISTORY: usize = 60;

/// What store or graph is.
#[derive(Clone, Copy, Debug)]
pub struct Vital<'a> {
    /// As the screens call it.
    pub name: &'a str,
    /// Whether it is a server, which may go away.
    pub is_server: bool,
}

impl Vital<'_> {
    fn period(self) -> Duration {
        if self.is_server { VITAL_PERIOD } else { PERIOD }
    }
}

/// The services of this process and what is known of them.
pub struct Probes {
    store: SharedStore,
    store_period: Duration,
    graph: Arc<dyn GraphReader>,
    graph_period: Duration,
    embedder: Arc<dyn Embedder>,
    disk: Option<Disk>,
    space: Mutex<Option<DiskSpace>>,
    clock: Arc<dyn Clock>,
    known: Mutex<Vec<ServiceHealth>>,
}

/// What a service that answers says of itself.
struct Answer {
    detail: String,
    /// Why it serves less than it should, and what to do.
    amiss: Option<(ServiceState, String)>,
}

impl Answer {
    fn well(detail: String) -> Self {
        Self { detail, amiss: None }
    }
}

impl Probes {
    /// Probes for these services; nothing is asked yet. `vitals` says what store and graph are.
    #[must_use]
    pub fn new(
        store: SharedStore,
        graph: Arc<dyn GraphReader>,
        vitals: (Vital<'_>, Vital<'_>),
        embedder: Arc<dyn Embedder>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (of_store, of_graph) = vitals;
        let model = embedder.model().to_string();
        // A service's model carries the service in its name.
        let model = if model.contains(':') { model } else { format!("built-in {model}") };
        let known = vec![
            unknown(ServiceRole::Store, of_store.name),
            unknown(ServiceRole::Graph, of_graph.name),
            unknown(ServiceRole::Embedder, &model),
        ];
        let (store_period, graph_period) = (of_store.period(), of_graph.period());
        Self {
            store,
            store_period,
            graph,
            graph_period,
            embedder,
            disk: None,
            space: Mutex::default(),
            clock,
            known: Mutex::new(known),
        }
    }

    /// The same, with the disk of the data folder.
    #[must_use]
    pub fn with_disk(mut self, folder: &Path) -> Self {
        self.disk = Some(Disk::of(folder));
        self
    }

    /// What was found last.
    #[must_use]
    pub fn services(&self) -> Vec<ServiceHealth> {
        self.known().clone()
    }

    /// The room that was found last.
    #[must_use]
    pub fn space(&self) -> Option<DiskSpace> {
        *self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether store and graph were asked, whatever they answered.
    #[must_use]
    pub fn have_asked(&self) -> bool {
        let known = self.known();
        let asked = |role| known.iter().any(|service| service.role == role && service.probed_at.is_some());
        asked(ServiceRole::Store) && asked(ServiceRole::Graph)
    }

    /// Asks every service once, all at once; takes at most [`PROBE_TIMEOUT`].
    pub async fn round(&self) {
        tokio::join!(self.ask_store(), self.ask_graph(), self.ask_embedder(), self.ask_disk(), self.ask_replica());
    }

    /// Asks every service again and again until `soft` is cancelled, and calls `found` after every answer. A service that
    /// does not answer delays no other.
    pub async fn keep_asking(&self, soft: &CancellationToken, found: impl Fn()) {
        let found = &found;
        tokio::join!(
            again(soft, self.store_period, found, || self.ask_store()),
            again(soft, self.graph_period, found, || self.ask_graph()),
            again(soft, PERIOD, found, || self.ask_embedder()),
            again(soft, PERIOD, found, || self.ask_disk()),
            again(soft, PERIOD, found, || self.ask_replica()),
        );
    }

    async fn ask_store(&self) {
        let known = self.answered(ServiceRole::Store);
        let limit = self.patience(ServiceRole::Store);
        let probe = async {
            // Whose answer this is, the picture says anyway.
            self.store.ping().await.map_err(|error| error.message)?;
            if let Some(detail) = known.clone() {
                return Ok(Answer::well(detail));
            }
            // Another server may answer now.
            let info = self.store.info().await.map_err(|error| error.to_string())?;
            let (engine, version) = (info.engine, info.version);
            Ok(Answer::well(format!("{engine} {version}, schema {}, {}", info.schema_version, info.location)))
        };
        self.note(ServiceRole::Store, "", measured(limit, probe).await);
    }

    async fn ask_graph(&self) {
        let limit = self.patience(ServiceRole::Graph);
        // As with the store: who it is, the picture says.
        let probe = async { self.graph.ping().await.map(Answer::well).map_err(|error| error.message) };
        self.note(ServiceRole::Graph, "", measured(limit, probe).await);
    }

    async fn ask_embedder(&self) {
        let probe = async { self.embedder.ping().await.map(Answer::well).map_err(|error| error.to_string()) };
        self.note(ServiceRole::Embedder, "", measured(PROBE_TIMEOUT, probe).await);
    }

    async fn ask_disk(&self) {
        let Some(disk) = &self.disk else { return };
        let probe = async {
            let report = disk.look().await?;
            *self.space.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.space);
            let amiss = report.remedy.map(|remedy| (report.state, format!("{}: {remedy}", report.detail)));
            Ok(Answer { detail: report.detail, amiss })
        };
        self.note(ServiceRole::Disk, "data folder", measured(PROBE_TIMEOUT, probe).await);
    }

    /// A standby is followed all the time: this reads what is known of it.
    async fn ask_replica(&self) {
        let probe = async {
            let status = self.store.replica().await.map_err(|error| error.to_string())?;
            status.map(replica_answer).transpose()
        };
        let (elapsed, answer) = measured(PROBE_TIMEOUT, probe).await;
        if let Some(answer) = answer.transpose() {
            self.note(ServiceRole::Replica, "postgres standby", (elapsed, answer));
        }
    }

    /// How long store or graph have: less when the last answer came at once, so that one that is always slow does not come
    /// and go.
    fn patience(&self, role: ServiceRole) -> Duration {
        let known = self.known();
        let was_quick = known.iter().any(|service| {
            let answers = matches!(service.state, ServiceState::Ok | ServiceState::Degraded);
            service.role == role && answers && service.latency_ms.is_some_and(|ms| ms < SLOW.as_secs_f64() * 1000.0)
        });
        if was_quick { VITAL_TIMEOUT } else { PROBE_TIMEOUT }
    }

    /// What a service that answered last time said of itself.
    fn answered(&self, role: ServiceRole) -> Option<String> {
        let known = self.known();
        let service = known.iter().find(|service| service.role == role)?;
        matches!(service.state, ServiceState::Ok | ServiceState::Degraded).then(|| service.detail.clone())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<ServiceHealth>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what a probe found; `name` is that of a service found for the first time.
    fn note(&self, role: ServiceRole, name: &str, (elapsed, answer): (Duration, Result<Answer, String>)) {
        let now = self.clock.now();
        let mut known = self.known();
        let at = known.iter().position(|service| service.role == role).unwrap_or_else(|| {
            let at = known.partition_point(|service| service.role < role);
            known.insert(at, unknown(role, name));
            at
        });
        let Some(service) = known.get_mut(at) else { return };
        let before = service.state;
        let milliseconds = elapsed.as_secs_f64() * 1000.0;
        service.probed_at = Some(now);
        service.latency_ms = Some(milliseconds);
        if service.latency_history_ms.len() == HISTORY {
            service.latency_history_ms.remove(0);
        }
        service.latency_history_ms.push(milliseconds);
        match answer {
            Ok(Answer { detail, amiss }) => {
                let slow = (elapsed > SLOW)
                    .then(|| (ServiceState::Degraded, format!("slow: answered after {milliseconds:.0} ms")));
                (service.state, service.error) = match amiss.or(slow) {
                    Some((state, why)) => (state, Some(why)),
                    None => (ServiceState::Ok, None),
                };
                service.detail = detail;
            }
            Err(error) => {
                service.state = ServiceState::Down;
                service.error = Some(error);
            }
        }
        if before != service.state {
            tracing::info!(role = service.role.as_str(), state = ?service.state, error = service.error, "service_state_changed");
        }
    }
}

/// A standby's state in words: it is followed all the time, nobody is asked here.
fn replica_answer(status: ReplicaStatus) -> Result<Answer, String> {
    if let Some(problem) = status.problem {
        return Err(format!("{}: {problem}", status.location));
    }
    let Some(seconds) = status.behind_seconds else {
        let amiss = (ServiceState::Degraded, "not asked yet: searches go to the primary".to_owned());
        return Ok(Answer { detail: status.location, amiss: Some(amiss) });
    };
    let behind = format!("{seconds:.1} s ({} bytes) behind the primary", status.behind_bytes.unwrap_or(0));
    let amiss = (!status.serves).then(|| {
        let text = format!("{behind}: searches go to the primary until it has caught up (is replay paused?)");
        (ServiceState::Degraded, text)
    });
    Ok(Answer { detail: format!("{}, {behind}, serves searches", status.location), amiss })
}

fn unknown(role: ServiceRole, name: &str) -> ServiceHealth {
    ServiceHealth {
        role,
        name: name.to_owned(),
        state: ServiceState::Unknown,
        detail: String::new(),
        error: None,
        latency_ms: None,
        latency_history_ms: Vec::new(),
        probed_at: None,
    }
}

async fn measured<T>(limit: Duration, probe: impl Future<Output = Result<T, String>>) -> (Duration, Result<T, String>) {
    let start = Instant::now();
    let answer = tokio::time::timeout(limit, probe).await;
    let answer = answer.unwrap_or_else(|_| {
        let seconds = limit.as_secs_f64();
        Err(format!("no answer within {seconds} s: it is stuck or overloaded, or the network loses what is sent"))
    });
    (start.elapsed(), answer)
}

/// Asks at once, then every `period`; after a late answer a whole period passes.
async fn again<F: Future<Output = ()>>(
    soft: &CancellationToken,
    period: Duration,
    found: &impl Fn(),
    ask: impl Fn() -> F,
) {
    let mut due = tokio::time::interval(period);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = soft.cancelled() => return,
            _ = due.tick() => {}
        }
        ask().await;
        found();
    }
}
