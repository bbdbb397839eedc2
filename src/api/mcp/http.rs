//! Streamable HTTP: the service that `api::router` mounts at `/mcp`, behind the door's gate.
//!
//! Without sessions: a request is answered with JSON, by the key it carries itself. Who has no key must name a host of
//! this machine (the gate sees to that); a page that a browser shows may ask only when it is of this machine or its origin is
//! one of the settings.

use std::sync::Arc;

use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::Mcp;

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
