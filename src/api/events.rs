//! `GET /events`: what changes, as it changes, as server-sent events. Made from the status picture alone.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::auth::{Authenticator, Scope};
use crate::api::gate::Presented;
use crate::domain::Secret;
use crate::domain::health::{ServiceRole, ServiceState, WorkerState};
use crate::domain::intake::IntakeCounts;
use crate::domain::outbox::OutboxStatus;
use crate::domain::status::{EmbeddingProgress, StatusSnapshot};
use crate::health::{Overall, overall};

/// A comment this often tells both ends that the line is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Between looks whether the key is still good: together with how long an answer of the store is believed, less than the
/// half second that is promised.
const CHECK_PERIOD: Duration = Duration::from_millis(200);

/// `event: ingest`
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct IngestEvent {
    documents: u64,
    chunks: u64,
    intake: IntakeCounts,
    embeddings: Vec<EmbeddingProgress>,
}

/// `event: outbox`
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct OutboxEvent {
    #[serde(flatten)]
    outbox: OutboxStatus,
}

/// `event: health`
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct HealthEvent {
    status: Overall,
    services: Vec<ServiceLine>,
    workers: Vec<WorkerLine>,
}

/// A service in a `health` event.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct ServiceLine {
    role: ServiceRole,
    name: String,
    state: ServiceState,
    error: Option<String>,
}

/// A worker in a `health` event. Idle and busy come and go too fast to be told.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct WorkerLine {
    name: String,
    host: String,
    pid: u32,
    up: bool,
}

/// What one client was told last.
struct Told {
    pictures: watch::Receiver<Arc<StatusSnapshot>>,
    draining: CancellationToken,
    ingest: Option<IngestEvent>,
    outbox: Option<OutboxEvent>,
    health: Option<HealthEvent>,
    waiting: std::collections::VecDeque<Event>,
    first: bool,
    authenticator: Arc<dyn Authenticator>,
    presented: Presented,
    checks: tokio::time::Interval,
}

impl Told {
    /// Whether whoever asked may still be told.
    async fn may_go_on(&self) -> bool {
        let presented = self.presented.0.as_ref().map(Secret::reveal);
        self.authenticator.still(presented).await.is_ok_and(|caller| caller.scope.allows(Scope::Read))
    }

    /// The next event; `None` when the process ends, or the key.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some((Ok(event), self));
            }
            if !self.first {
                tokio::select! {
                    biased;
                    () = self.draining.cancelled() => return None,
                    _ = self.checks.tick() => {
                        if self.may_go_on().await {
                            continue;
                        }
                        return None;
                    }
                    changed = self.pictures.changed() => changed.ok()?,
                }
            }
            self.first = false;
            let picture = Arc::clone(&self.pictures.borrow_and_update());
            if !picture.services.is_empty() {
                self.compare(&picture);
            }
        }
    }

    fn compare(&mut self, picture: &StatusSnapshot) {
        let mut ingest = IngestEvent {
            documents: picture.store.documents,
            chunks: picture.store.chunks,
            intake: picture.intake.clone(),
            embeddings: picture.embeddings.clone(),
        };
        ingest.intake.files_by_state.sort_unstable();
        tell(&mut self.waiting, "ingest", ingest, &mut self.ingest);
        let outbox = OutboxEvent { outbox: picture.outbox.clone() };
        tell(&mut self.waiting, "outbox", outbox, &mut self.outbox);
        let services = picture.services.iter().map(|service| ServiceLine {
            role: service.role,
            name: service.name.clone(),
            state: service.state,
            error: service.error.clone(),
        });
        let workers = picture.workers.iter().map(|worker| WorkerLine {
            name: worker.name.clone(),
            host: worker.host.clone(),
            pid: worker.pid,
            up: !matches!(worker.state, WorkerState::Down | WorkerState::Stopped | WorkerState::Restarting),
        });
        let health = HealthEvent { status: overall(picture), services: services.collect(), workers: workers.collect() };
        tell(&mut self.waiting, "health", health, &mut self.health);
    }
}

/// Queues an event when it says something new.
fn tell<T: PartialEq + Serialize>(
    waiting: &mut std::collections::VecDeque<Event>,
    name: &'static str,
    now: T,
    told: &mut Option<T>,
) {
    if told.as_ref() == Some(&now) {
        return;
    }
    match serde_json::to_string(&now) {
        Ok(text) => waiting.push_back(Event::default().event(name).data(text)),
        Err(error) => tracing::error!(name, %error, "event_not_written"),
    }
    *told = Some(now);
}

/// Watches ingest, outbox and health.
///
/// Server-sent events: `ingest`, `outbox` and `health`, each once at the beginning and again whenever it changes (at most
/// four times a second). They end when the key is revoked, within half a second. Every event holds the whole state of its kind, so a client that was away misses nothing it
/// needs.
#[utoipa::path(
    get, path = "/events", tag = "operations", operation_id = "watch_events",
    responses((status = 200, description = "Events, until the client or the process goes", body = String,
        content_type = "text/event-stream"))
)]
pub(super) async fn get(State(api): State<Arc<Api>>, Extension(presented): Extension<Presented>) -> Response {
    let mut checks = tokio::time::interval(CHECK_PERIOD);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = Told {
        pictures: api.picture.clone(),
        draining: api.draining.clone(),
        ingest: None,
        outbox: None,
        health: None,
        waiting: std::collections::VecDeque::new(),
        first: true,
        authenticator: Arc::clone(&api.authenticator),
        presented,
        checks,
    };
    let events = Sse::new(stream::unfold(told, Told::next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // Proxies that gather an answer before they pass it on would gather this one for ever.
    let headers = [(header::CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, events).into_response()
}
