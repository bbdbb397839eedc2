//! `/livez`, `/readyz`, `/health`: answered from the last probe, never by asking a service.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::domain::Timestamp;
use crate::domain::health::{DiskSpace, ServiceHealth, ServiceRole, ServiceState};
use crate::domain::status::StatusSnapshot;
use crate::health::{Overall, overall};

/// What was found longer ago than this is not known any more: the probe itself stands still.
const STALE_SECONDS: f64 = 15.0;

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    /// `alive`
    status: &'static str,
}

/// It can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    /// `ready`
    status: &'static str,
}

/// The machine in one word and each service in another.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `unhealthy` (and 503) when store or graph does not answer; `degraded` when only the embedder does not, or
    /// something is slow.
    status: Overall,
    /// Every service by what it is: `sqlite` or `postgres`, `graph` or `falkordb`, `embedder` or `ollama`, where there is one
    /// `replica`, and `disk`; each `ok`,
    /// `degraded`, `down` or `unknown`.
    #[serde(flatten)]
    #[schema(inline)]
    services: Map<String, Value>,
}

/// Whether the process is alive.
#[utoipa::path(
    get, path = "/livez", tag = "operations", operation_id = "livez",
    responses((status = 200, description = "It is", body = Alive))
)]
pub(super) async fn live() -> Response {
    (no_store(), Json(Alive { status: "alive" })).into_response()
}

/// Whether it can do its work.
///
/// Not while the store does not answer, before the first look at it, while its disk is full, and once the process is shutting
/// down.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readyz",
    responses((status = 200, description = "It can", body = Ready))
)]
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    if api.draining.is_cancelled() {
        return Err(Problem::new(Code::Draining, "Peanut is shutting down"));
    }
    let picture = Arc::clone(&api.picture.borrow());
    if picture.disk.is_some_and(DiskSpace::is_full) || api.disk_was_full() {
        let detail = "the disk that holds the data takes nothing more: make room, the work goes on by itself";
        return Err(Problem::new(Code::NotReady, detail).retry_after(10));
    }
    let store = picture.services.iter().find(|service| service.role == ServiceRole::Store);
    match store.map(|store| seen(store, api.clock.now())) {
        Some(ServiceState::Ok | ServiceState::Degraded) => {
            Ok((no_store(), Json(Ready { status: "ready" })).into_response())
        }
        Some(ServiceState::Down) => Err(Problem::new(Code::NotReady, "the store does not answer").retry_after(2)),
        Some(ServiceState::Unknown) | None => {
            Err(Problem::new(Code::NotReady, "the store has not been looked at yet").retry_after(2))
        }
    }
}

/// How the services are.
#[utoipa::path(
    get, path = "/health", tag = "operations", operation_id = "health",
    responses(
        (status = 200, description = "healthy or degraded", body = Health),
        (status = 503, description = "unhealthy: store or graph does not answer", body = Health),
    )
)]
pub(super) async fn health(State(api): State<Arc<Api>>) -> Response {
    let picture = Arc::clone(&api.picture.borrow());
    let health = of(&picture, api.clock.now());
    let status = if health.status == Overall::Unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, no_store(), Json(health)).into_response()
}

fn no_store() -> [(header::HeaderName, &'static str); 1] {
    [(header::CACHE_CONTROL, "no-store")]
}

fn of(picture: &StatusSnapshot, now: Timestamp) -> Health {
    let words = picture.services.iter().map(|service| {
        let word = match seen(service, now) {
            ServiceState::Ok => "ok",
            ServiceState::Degraded => "degraded",
            ServiceState::Down => "down",
            ServiceState::Unknown => "unknown",
        };
        (key(service).to_owned(), Value::from(word))
    });
    let is_known = |role: ServiceRole| {
        let service = picture.services.iter().find(|service| service.role == role);
        service.is_some_and(|service| seen(service, now) != ServiceState::Unknown)
    };
    let status = if is_known(ServiceRole::Store) && is_known(ServiceRole::Graph) {
        overall(picture)
    } else {
        Overall::Unhealthy
    };
    Health { status, services: words.collect() }
}

/// The state at the last probe, unless that is too long ago.
pub(super) fn seen(service: &ServiceHealth, now: Timestamp) -> ServiceState {
    match service.probed_at {
        Some(at) if now.seconds_since(at) <= STALE_SECONDS => service.state,
        _ => ServiceState::Unknown,
    }
}

/// What a service is called in `/health` and in `pkg_service_up`.
pub(super) fn key(service: &ServiceHealth) -> &str {
    match service.role {
        ServiceRole::Store => &service.name,
        ServiceRole::Graph if service.name == "embedded" => "graph",
        ServiceRole::Graph => &service.name,
        ServiceRole::Embedder if service.name.starts_with("ollama:") => "ollama",
        ServiceRole::Embedder => "embedder",
        ServiceRole::Replica => "replica",
        ServiceRole::Disk => "disk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(role: ServiceRole, name: &str, state: ServiceState) -> ServiceHealth {
        ServiceHealth {
            role,
            name: name.into(),
            state,
            detail: String::new(),
            error: None,
            latency_ms: None,
            latency_history_ms: Vec::new(),
            probed_at: Some(Timestamp(1000)),
        }
    }

    fn said(store: ServiceState, graph: ServiceState, embedder: ServiceState) -> String {
        let services = vec![
            service(ServiceRole::Store, "postgres", store),
            service(ServiceRole::Graph, "falkordb", graph),
            service(ServiceRole::Embedder, "ollama:nomic-embed-text", embedder),
        ];
        let picture = StatusSnapshot { services, ..StatusSnapshot::default() };
        serde_json::to_string(&of(&picture, Timestamp(2000))).unwrap()
    }

    #[test]
    fn services_are_summed_up_as_the_contract_says() {
        use ServiceState::{Degraded, Down, Ok};
        assert_eq!(said(Ok, Ok, Ok), r#"{"status":"healthy","falkordb":"ok","ollama":"ok","postgres":"ok"}"#);
        assert!(said(Ok, Ok, Down).contains("degraded"));
        assert!(said(Ok, Degraded, Ok).starts_with(r#"{"status":"degraded""#));
        assert!(said(Down, Ok, Ok).starts_with(r#"{"status":"unhealthy""#));
        assert!(said(Ok, Down, Ok).starts_with(r#"{"status":"unhealthy""#));
    }

    #[test]
    fn what_was_never_or_long_ago_probed_is_not_healthy() {
        let picture = StatusSnapshot::default();
        assert_eq!(of(&picture, Timestamp(0)).status, Overall::Unhealthy);
        let services = vec![
            service(ServiceRole::Store, "sqlite", ServiceState::Ok),
            service(ServiceRole::Graph, "embedded", ServiceState::Ok),
            service(ServiceRole::Embedder, "built-in minilm", ServiceState::Ok),
        ];
        let picture = StatusSnapshot { services, ..StatusSnapshot::default() };
        assert_eq!(of(&picture, Timestamp(16_000)).status, Overall::Healthy);
        let late = of(&picture, Timestamp(16_001));
        assert_eq!(late.status, Overall::Unhealthy);
        assert_eq!(late.services["sqlite"], "unknown");
        assert_eq!(late.services.keys().collect::<Vec<_>>(), ["embedder", "graph", "sqlite"]);
    }

    #[test]
    fn no_service_hides_another() {
        use ServiceState::{Down, Ok};
        let services = vec![
            service(ServiceRole::Store, "postgres", Ok),
            service(ServiceRole::Graph, "embedded", Ok),
            service(ServiceRole::Embedder, "openai:m", Down),
            service(ServiceRole::Replica, "postgres standby", Ok),
            service(ServiceRole::Disk, "data folder", Ok),
        ];
        let names: std::collections::BTreeSet<&str> = services.iter().map(key).collect();
        assert_eq!(names.len(), ServiceRole::ALL.len(), "{names:?}");
        let picture = StatusSnapshot { services, ..StatusSnapshot::default() };
        let said = serde_json::to_string(&of(&picture, Timestamp(2000))).unwrap();
        assert_eq!(
            said,
            r#"{"status":"degraded","disk":"ok","embedder":"down","graph":"ok","postgres":"ok","replica":"ok"}"#
        );
    }
}
