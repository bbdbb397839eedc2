//! Asks each service for a sign of life, with a time limit and a history. Called by [`super::StatusWorker`] and `doctor`.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::health::{ServiceHealth, ServiceState};
use crate::domain::{Clock, Timestamp};
use crate::embed::Embedder;
use crate::graph::GraphReader;
use crate::store::{ReplicaStatus, SharedStore};

use super::Disk;

/// A probe that takes longer counts as no answer. Longer than any service's own limit to connect (2 s), so that a silent
/// host is told in that service's own words.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// A slower answer than this is worth a word.
const SLOW: Duration = Duration::from_millis(500);
/// Latencies kept for the sparkline.
const HISTORY: usize = 60;

/// The services of this process and what is known of them.
pub struct Probes {
    store: SharedStore,
    graph: Arc<dyn GraphReader>,
    embedder: Arc<dyn Embedder>,
    disk: Option<Disk>,
    clock: Arc<dyn Clock>,
    known: Vec<ServiceHealth>,
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
    /// Probes for these services; nothing is asked yet. `names` are those of store and graph, as the screens call them.
    #[must_use]
    pub fn new(
        store: SharedStore,
        graph: Arc<dyn GraphReader>,
        names: (&str, &str),
        embedder: Arc<dyn Embedder>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (store_name, graph_name) = names;
        let model = embedder.model().to_string();
        // A service's model carries the service in its name.
        let model = if model.contains(':') { model } else { format!("built-in {model}") };
        let known = vec![unknown("store", store_name), unknown("graph", graph_name), unknown("embedder", &model)];
        Self { store, graph, embedder, disk: None, clock, known }
    }

    /// The same, with the disk of the data folder.
    #[must_use]
    pub fn with_disk(mut self, folder: &Path) -> Self {
        self.disk = Some(Disk::of(folder));
        self
    }

    /// What the last round found.
    #[must_use]
    pub fn services(&self) -> Vec<ServiceHealth> {
        self.known.clone()
    }

    /// Asks every service at once; takes at most [`PROBE_TIMEOUT`].
    pub async fn round(&mut self) {
        let store = Arc::clone(&self.store);
        let store_probe = measured(async move {
            store.ping().await.map_err(|error| error.to_string())?;
            let info = store.info().await.map_err(|error| error.to_string())?;
            let (engine, version) = (info.engine, info.version);
            Ok(Answer::well(format!("{engine} {version}, schema {}, {}", info.schema_version, info.location)))
        });
        let graph = Arc::clone(&self.graph);
        let graph_probe =
            measured(async move { graph.ping().await.map(Answer::well).map_err(|error| error.to_string()) });
        let embedder = Arc::clone(&self.embedder);
        let embed_probe =
            measured(async move { embedder.ping().await.map(Answer::well).map_err(|error| error.to_string()) });
        let disk = self.disk.clone();
        let disk_probe = async {
            let disk = disk?;
            let asked = measured(async move {
                let report = disk.look().await?;
                let amiss = report.remedy.map(|remedy| (report.state, format!("{}: {remedy}", report.detail)));
                Ok(Answer { detail: report.detail, amiss })
            });
            Some(asked.await)
        };
        let replica = Arc::clone(&self.store);
        let replica_probe = async move {
            match replica.replica().await {
                Ok(None) => None,
                Ok(Some(status)) => Some(measured(async move { replica_answer(status) }).await),
                Err(error) => Some(measured(async move { Err(error.to_string()) }).await),
            }
        };
        let (store, graph, embedder, disk, replica) =
            tokio::join!(store_probe, graph_probe, embed_probe, disk_probe, replica_probe);
        let now = self.clock.now();
        self.note(0, now, store);
        self.note(1, now, graph);
        self.note(2, now, embedder);
        if let Some(measured) = replica {
            let at = self.place("replica", "postgres standby");
            self.note(at, now, measured);
        }
        if let Some(measured) = disk {
            let at = self.place("disk", "data folder");
            self.note(at, now, measured);
        }
    }

    /// Where a service that not every house has is kept.
    fn place(&mut self, role: &str, name: &str) -> usize {
        self.known.iter().position(|service| service.role == role).unwrap_or_else(|| {
            self.known.push(unknown(role, name));
            self.known.len() - 1
        })
    }

    /// Writes down what a probe found.
    fn note(&mut self, at: usize, now: Timestamp, (elapsed, answer): (Duration, Result<Answer, String>)) {
        let Some(service) = self.known.get_mut(at) else { return };
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
            tracing::info!(service = service.role, state = ?service.state, error = service.error, "service_state_changed");
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

fn unknown(role: &str, name: &str) -> ServiceHealth {
    ServiceHealth {
        role: role.to_owned(),
        name: name.to_owned(),
        state: ServiceState::Unknown,
        detail: String::new(),
        error: None,
        latency_ms: None,
        latency_history_ms: Vec::new(),
        probed_at: None,
    }
}

async fn measured(probe: impl Future<Output = Result<Answer, String>>) -> (Duration, Result<Answer, String>) {
    let start = Instant::now();
    let answer = tokio::time::timeout(PROBE_TIMEOUT, probe).await;
    let answer = answer.unwrap_or_else(|_| {
        let seconds = PROBE_TIMEOUT.as_secs();
        Err(format!("no answer within {seconds} s: it is stuck or overloaded, or the network loses what is sent"))
    });
    (start.elapsed(), answer)
}
