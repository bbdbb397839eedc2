//! Around every request: its id, its line in the log, its numbers, and the id in the body of a problem.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::telemetry::metrics;

/// The request's id, in both directions.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_REQUEST_ID: usize = 64;

/// Makes ids that no other request of this process has, and hardly one of another.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new(seed: u64) -> Self {
        Self { process: fastrand::Rng::with_seed(seed).u64(..), next: AtomicU64::new(1) }
    }

    fn next(&self) -> String {
        format!("{:08x}-{:08x}", self.process & 0xffff_ffff, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// A request's id, for handlers that log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The layer.
pub(super) async fn around(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = given(request.headers()).unwrap_or_else(|| api.request_ids.next());
    request.extensions_mut().insert(RequestId(id.clone()));
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    let method = known(request.method());
    let in_flight = metrics::request_in_flight();
    let mut response = next.run(request).await;
    drop(in_flight);
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = with_id(response, problem, &id);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status();
    let elapsed = started.elapsed().as_secs_f64();
    metrics::observe_request(method, &route, status.as_u16(), elapsed);
    tracing::debug!(
        request_id = id,
        method,
        route,
        status = status.as_u16(),
        milliseconds = elapsed * 1000.0,
        "http_request"
    );
    response
}

/// The answer with its id; headers that a layer added stay.
fn with_id(response: Response, problem: Problem, id: &str) -> Response {
    if response.status().is_server_error() && problem.code() != Code::Draining && problem.code() != Code::NotReady {
        let error = problem.cause();
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(request_id = id, error, "http_request_failed");
        } else {
            tracing::warn!(request_id = id, error, "http_request_refused");
        }
    }
    let mut answer = problem.answer(Some(id));
    for (name, value) in response.headers() {
        if !answer.headers().contains_key(name) && *name != axum::http::header::CONTENT_LENGTH {
            answer.headers_mut().append(name, value.clone());
        }
    }
    answer
}

/// The id the client gave, when it can stand in a log line.
fn given(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=LONGEST_REQUEST_ID).contains(&text.len());
    (fits && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).then(|| text.to_owned())
}

/// Methods as a label: anybody can send any word.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
