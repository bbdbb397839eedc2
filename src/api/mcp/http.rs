//! Streamable HTTP: the service that `api::router` mounts at `/mcp`, behind the door's gate.
//!
//! Without sessions: a request is answered with JSON, by the key it carries itself. Who has no key must name a host of
//! this machine (the gate sees to that); a page that a browser shows may ask only when it is of this machine or its origin is
//! one of the settings.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::api::error::{Code, Problem};

use super::Mcp;
use super::answer::one_line;

/// Of what the transport says about a refusal, so much is read.
const LONGEST_REASON: usize = 16 * 1024;
/// A text of a million characters, whatever they are, and what stands beside it.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// Pages of this machine, on whatever port.
const OWN_ORIGINS: [&str; 6] = [
    "http://localhost:*",
    "http://127.0.0.1:*",
    "http://[::1]:*",
    "https://localhost:*",
    "https://127.0.0.1:*",
    "https://[::1]:*",
];

/// What is mounted.
pub type McpService = StreamableHttpService<Mcp, NeverSessionManager>;

/// What the transport refuses is told as everywhere else behind this door. Errors of the protocol itself stay JSON-RPC's.
pub async fn as_problems(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !(status.is_client_error() || status.is_server_error()) || kind.contains("json") {
        return response;
    }
    let allowed = response.headers().get(header::ALLOW).cloned();
    let said = axum::body::to_bytes(response.into_body(), LONGEST_REASON).await.unwrap_or_default();
    let said = one_line(&String::from_utf8_lossy(&said));
    let (code, detail) = match status {
        // What cannot be read as a message is told as another type there.
        StatusCode::UNSUPPORTED_MEDIA_TYPE if said.contains("deserialize") => (Code::MalformedBody, said),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (Code::UnsupportedMediaType, "send JSON with Content-Type: application/json".to_owned())
        }
        StatusCode::METHOD_NOT_ALLOWED => (Code::MethodNotAllowed, "/mcp takes POST".to_owned()),
        StatusCode::NOT_ACCEPTABLE => {
            (Code::NotAcceptable, "accept both application/json and text/event-stream".to_owned())
        }
        StatusCode::PAYLOAD_TOO_LARGE => (Code::BodyTooLarge, format!("at most {LARGEST_BODY} bytes are taken")),
        StatusCode::FORBIDDEN => (Code::OriginNotAllowed, said),
        StatusCode::NOT_FOUND => (Code::NotFound, said),
        status if status.is_client_error() => (Code::InvalidRequest, said),
        _ => (Code::Internal, "the call failed; the log tells why".to_owned()),
    };
    let mut answer = Problem::new(code, detail).into_response();
    if let Some(allowed) = allowed {
        answer.headers_mut().insert(header::ALLOW, allowed);
    }
    answer
}

/// The service over these tools. What is in hand when the process is told to end is answered like any other request.
#[must_use]
pub fn service(mcp: Mcp, allowed_origins: &[String]) -> McpService {
    let origins = OWN_ORIGINS.into_iter().map(str::to_owned).chain(allowed_origins.iter().cloned());
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(None)
        .with_max_request_body_bytes(LARGEST_BODY)
        // Which host names are served is decided by the gate, for every route alike.
        .disable_allowed_hosts()
        .with_allowed_origins(origins);
    StreamableHttpService::new(move || Ok(mcp.clone()), Arc::new(NeverSessionManager::default()), config)
}
