//! `GET /metrics`: what this process counted, and what the store says at the moment of the scrape.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::api::Api;
use crate::api::health::{key, seen};
use crate::domain::health::{ServiceRole, ServiceState, WorkerRecord, WorkerState};
use crate::domain::intake::IntakeCounts;
use crate::domain::outbox::{EventType, OutboxStatus};
use crate::domain::status::{EmbeddingProgress, StatusSnapshot, StoreCounts};
use crate::store::StoreResult;
use crate::telemetry::metrics::{Exposition, TEXT_FORMAT};

/// The store is asked this long; then the page goes without what only it knows.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);
/// Several scrapers within this share one look at the store.
const LOOK_KEPT: Duration = Duration::from_secs(1);
/// A worker that was silent this long is not up, whatever it said last: three heartbeats.
const WORKER_SILENT_SECONDS: f64 = 15.0;

/// What the store knew at the last look; `None` inside when it did not answer.
#[derive(Default)]
pub(super) struct LastLook(tokio::sync::Mutex<Option<(Instant, Option<Arc<Look>>)>>);

struct Look {
    store: StoreCounts,
    intake: IntakeCounts,
    outbox: OutboxStatus,
    embeddings: Vec<EmbeddingProgress>,
    workers: Vec<WorkerRecord>,
}

async fn look(api: &Api) -> StoreResult<Look> {
    let store = &api.store;
    Ok(Look {
        store: store.counts().await?,
        intake: store.intake_counts().await?,
        outbox: store.outbox_status(api.clock.now()).await?,
        embeddings: store.embedding_progress().await?,
        workers: store.workers().await?,
    })
}

async fn shared_look(api: &Api) -> Option<Arc<Look>> {
    let mut last = api.last_look.0.lock().await;
    if let Some((at, found)) = &*last
        && at.elapsed() < LOOK_KEPT
    {
        return found.clone();
    }
    // A store that hangs holds nobody up twice: the probe's word stands.
    let found = match tokio::time::timeout(STORE_TIMEOUT, look(api)).await {
        Ok(Ok(found)) => Some(Arc::new(found)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "metrics_without_store");
            None
        }
        Err(_) => {
            tracing::warn!(seconds = STORE_TIMEOUT.as_secs(), "metrics_without_store");
            None
        }
    };
    *last = Some((Instant::now(), found.clone()));
    found
}

/// Numbers for Prometheus.
///
/// Gauges are read from the store for every scrape (at most once a second). While the store does not answer they are
/// missing, and `pkg_service_up` says why.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "Prometheus's text format", body = String, content_type = "text/plain"))
)]
pub(super) async fn get(State(api): State<Arc<Api>>) -> Response {
    let found = shared_look(&api).await;
    let picture = Arc::clone(&api.picture.borrow());
    let mut page = Exposition::of_process();
    page.gauge(
        "pkg_build_info",
        "The version that runs; always 1.",
        &["version", "os", "arch"],
        &[(&[env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH], 1.0)],
    );
    services(&mut page, &api, &picture, found.is_some());
    workers(&mut page, &api, found.as_ref().map_or(&picture.workers, |found| &found.workers));
    if let Some(found) = &found {
        chunks(&mut page, found);
        outbox(&mut page, &found.outbox);
        intake(&mut page, found);
    }
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], page.text()).into_response()
}

fn services(page: &mut Exposition, api: &Api, picture: &StatusSnapshot, store_answered: bool) {
    let now = api.clock.now();
    let mut up: BTreeMap<&str, f64> = BTreeMap::new();
    let mut seconds: BTreeMap<&str, f64> = BTreeMap::new();
    for service in &picture.services {
        let answers = matches!(seen(service, now), ServiceState::Ok | ServiceState::Degraded);
        let answers = answers && (service.role != ServiceRole::Store || store_answered);
        up.insert(key(service), f64::from(u8::from(answers)));
        if let Some(latency) = service.latency_ms {
            seconds.insert(key(service), latency / 1000.0);
        }
    }
    let name = "pkg_service_up";
    write(page, name, "Whether a service answers (1) or not (0).", "service", &up);
    let name = "pkg_service_probe_duration_seconds";
    write(page, name, "How long the last probe of a service took.", "service", &seconds);
    if let Some(disk) = picture.disk {
        let (free, total) = (disk.free_bytes as f64, disk.total_bytes as f64);
        page.gauge("pkg_disk_free_bytes", "Room left where the data lies.", &[], &[(&[], free)]);
        page.gauge("pkg_disk_size_bytes", "Size of the disk where the data lies.", &[], &[(&[], total)]);
    }
}

/// A worker is up when any process has it running; names come from the closed set the supervisor knows.
fn workers(page: &mut Exposition, api: &Api, workers: &[WorkerRecord]) {
    let now = api.clock.now();
    let mut up: BTreeMap<&str, f64> = BTreeMap::new();
    for worker in workers {
        let runs = !matches!(worker.state, WorkerState::Down | WorkerState::Stopped | WorkerState::Restarting);
        let runs = runs && now.seconds_since(worker.heartbeat_at) <= WORKER_SILENT_SECONDS;
        let held = up.entry(&worker.name).or_default();
        *held = held.max(f64::from(u8::from(runs)));
    }
    write(page, "pkg_worker_up", "Whether a worker runs in any process (1) or in none (0).", "worker", &up);
}

fn chunks(page: &mut Exposition, found: &Look) {
    // The instant model comes first; the last is the one whose vectors serve searches when they are there.
    if let Some(model) = found.embeddings.last() {
        let samples: [(&[&str], f64); 4] = [
            (&["pending"], model.pending as f64),
            (&["processing"], model.processing as f64),
            (&["done"], model.done as f64),
            (&["failed"], model.failed as f64),
        ];
        let help = "Searchable chunks by what the embedding model did with them; it falls when documents are deleted.";
        page.untyped("pkg_chunks_total", help, &["status"], &samples);
    }
    page.gauge("pkg_documents", "Documents that are not deleted.", &[], &[(&[], found.store.documents as f64)]);
    page.gauge("pkg_persons", "People the store knows.", &[], &[(&[], found.store.persons as f64)]);
    page.gauge("pkg_store_bytes", "Size of the store on disk.", &[], &[(&[], found.store.bytes_on_disk as f64)]);
}

fn outbox(page: &mut Exposition, outbox: &OutboxStatus) {
    page.gauge("pkg_outbox_depth", "Events the graph has not taken yet.", &[], &[(&[], outbox.pending as f64)]);
    let pending = |kind: EventType| {
        let found = outbox.pending_by_type.iter().find(|(known, _)| *known == kind);
        found.map_or(0.0, |(_, count)| *count as f64)
    };
    let by_type: BTreeMap<&str, f64> = EventType::ALL.iter().map(|kind| (kind.as_str(), pending(*kind))).collect();
    let help = "Events the graph has not taken yet, by type.";
    write(page, "pkg_outbox_pending_events", help, "event_type", &by_type);
    page.gauge(
        "pkg_outbox_oldest_pending_seconds",
        "Age of the oldest event that could be delivered now; 0 when there is none.",
        &[],
        &[(&[], outbox.oldest_pending_seconds.unwrap_or(0.0))],
    );
    page.gauge("pkg_outbox_dead_events", "Events that were given up.", &[], &[(&[], outbox.dead as f64)]);
}

fn intake(page: &mut Exposition, found: &Look) {
    let intake = &found.intake;
    let letters = intake.dead_letters_dead + intake.dead_letters_retrying;
    let help = "Files and messages that could not be read, and events that were given up.";
    page.gauge("pkg_dead_letters", help, &[], &[(&[], (letters + found.outbox.dead) as f64)]);
    let files: BTreeMap<&str, f64> =
        intake.files_by_state.iter().map(|(state, count)| (state.as_str(), *count as f64)).collect();
    write(page, "pkg_files", "Files in the ledger by state.", "state", &files);
}

fn write(page: &mut Exposition, name: &'static str, help: &str, label: &str, values: &BTreeMap<&str, f64>) {
    let labels: Vec<[&str; 1]> = values.keys().map(|value| [*value]).collect();
    let samples: Vec<(&[&str], f64)> = labels.iter().zip(values.values()).map(|(l, v)| (&l[..], *v)).collect();
    page.gauge(name, help, &[label], &samples);
}
