//! Asks each service for a sign of life, with a time limit and a history. Called by [`super::StatusWorker`] and `doctor`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::Clock;
use crate::domain::health::{ServiceHealth, ServiceState};
use crate::embed::Embedder;
use crate::graph::GraphReader;
use crate::store::SharedStore;

/// A probe that takes longer counts as no answer.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// A slower answer than this is worth a word.
const SLOW: Duration = Duration::from_millis(500);
/// Latencies kept for the sparkline.
const HISTORY: usize = 60;

/// The services of this process and what is known of them.
pub struct Probes {
    store: SharedStore,
    graph: Arc<dyn GraphReader>,
    embedder: Arc<dyn Embedder>,
    clock: Arc<dyn Clock>,
    known: Vec<ServiceHealth>,
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
        let unknown = |role: &str, name: &str| ServiceHealth {
            role: role.to_owned(),
            name: name.to_owned(),
            state: ServiceState::Unknown,
            detail: String::new(),
            error: None,
            latency_ms: None,
            latency_history_ms: Vec::new(),
            probed_at: None,
        };
        let model = embedder.model().to_string();
        // A service's model carries the service in its name.
        let model = if model.contains(':') { model } else { format!("built-in {model}") };
        let known = vec![unknown("store", store_name), unknown("graph", graph_name), unknown("embedder", &model)];
        Self { store, graph, embedder, clock, known }
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
            Ok(format!("{} {}, schema {}, {}", info.engine, info.version, info.schema_version, info.location))
        });
        let graph = Arc::clone(&self.graph);
        let graph_probe = measured(async move { graph.ping().await.map_err(|error| error.to_string()) });
        let embedder = Arc::clone(&self.embedder);
        let embed_probe = measured(async move { embedder.ping().await.map_err(|error| error.to_string()) });
        let (store, graph, embedder) = tokio::join!(store_probe, graph_probe, embed_probe);
        let now = self.clock.now();
        for (service, (elapsed, answer)) in self.known.iter_mut().zip([store, graph, embedder]) {
            let before = service.state;
            let milliseconds = elapsed.as_secs_f64() * 1000.0;
            service.probed_at = Some(now);
            service.latency_ms = Some(milliseconds);
            if service.latency_history_ms.len() == HISTORY {
                service.latency_history_ms.remove(0);
            }
            service.latency_history_ms.push(milliseconds);
            match answer {
                Ok(detail) => {
                    service.state = if elapsed > SLOW { ServiceState::Degraded } else { ServiceState::Ok };
                    service.error = (elapsed > SLOW).then(|| format!("slow: answered after {milliseconds:.0} ms"));
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
}

async fn measured(probe: impl Future<Output = Result<String, String>>) -> (Duration, Result<String, String>) {
    let start = Instant::now();
    let answer = tokio::time::timeout(PROBE_TIMEOUT, probe).await;
    let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", PROBE_TIMEOUT.as_secs())));
    (start.elapsed(), answer)
}
