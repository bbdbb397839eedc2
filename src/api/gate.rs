//! Lets a request through when its key may do what the route does. A layer of every group of routes that needs a scope.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::api::Api;
use crate::api::auth::{Caller, Scope};
use crate::api::error::{Code, Problem};
use crate::api::limits::forwarded::client_address;
use crate::api::peer::Peer;
use crate::domain::health::ServiceState;
use crate::domain::status::StatusSnapshot;
use crate::search::service::Who;

/// A request that waits for a store which has been down for so long is given up: its caller learns more from an answer
/// now. Longer than the metrics wait for it, which can do without.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(3);

/// What a group's layer knows.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) api: Arc<Api>,
    pub(super) needed: Scope,
}

/// The layer.
pub(super) async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Result<Response, Problem> {
    if gate.api.draining.is_cancelled() {
        return Err(Problem::new(Code::Draining, "Peanut is shutting down; try again in a moment").retry_after(5));
    }
    let peer = request.extensions().get::<ConnectInfo<Peer>>().and_then(|info| info.0.address);
    let address = client_address(peer, request.headers(), &gate.api.options.trusted_proxies);
    let presented = presented(request.headers());
    let authenticating = gate.api.authenticator.authenticate(presented.as_deref(), address);
    let caller = unless_store_is_gone(&gate.api, authenticating).await??;
    if caller.key_id.is_none() {
        from_this_host(peer, request.headers())?;
    }
    if !caller.scope.allows(gate.needed) {
        return Err(Problem::scope(caller.scope, gate.needed));
    }
    request.extensions_mut().insert(who(&caller, address));
    request.extensions_mut().insert(caller);
    unless_store_is_gone(&gate.api, next.run(request)).await
}

/// In whose line its searches wait.
fn who(caller: &Caller, address: Option<IpAddr>) -> Who {
    match (&caller.key_id, address) {
        (Some(id), _) => Who::Key(id.clone()),
        (None, Some(address)) => Who::Address(address),
        (None, None) => Who::Here,
    }
}

/// What `work` answers, unless it waits while the store does not answer either.
async fn unless_store_is_gone<T>(api: &Api, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::select! {
        biased;
        answer = work => Ok(answer),
        () = store_stays_down(api) => {
            let detail = "the store does not answer (see /health); try again when it does";
            Err(Problem::new(Code::StoreUnavailable, detail).retry_after(2))
        }
    }
}

/// Ends when the store has been down long enough, by the probes' word.
async fn store_stays_down(api: &Api) {
    let is_down = |picture: &Arc<StatusSnapshot>| {
        picture.services.iter().any(|service| service.role == "store" && service.state == ServiceState::Down)
    };
    let mut picture = api.picture.clone();
    while picture.wait_for(is_down).await.is_ok() {
        let returns = picture.wait_for(|picture| !is_down(picture));
        match tokio::time::timeout(GIVEN_UP_AFTER, returns).await {
            Err(_) => return,
            Ok(Err(_)) => break,
            Ok(Ok(_)) => {}
        }
    }
    // Nobody probes any more: the request has its own limit.
    std::future::pending::<()>().await;
}

/// The key as it came: in `X-API-Key`, or as a bearer token.
fn presented(headers: &HeaderMap) -> Option<String> {
    if let Some(value) = headers.get("x-api-key") {
        return Some(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let value = String::from_utf8_lossy(headers.get(header::AUTHORIZATION)?.as_bytes()).into_owned();
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

/// Without keys the name in `Host` is all that tells a program of this host from a page in its browser whose name was
/// pointed at 127.0.0.1 (DNS rebinding).
fn from_this_host(peer: Option<IpAddr>, headers: &HeaderMap) -> Result<(), Problem> {
    if peer.is_none() {
        return Ok(());
    }
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else { return Ok(()) };
    if is_loopback_name(host) {
        return Ok(());
    }
    let detail = "without a key only 127.0.0.1, [::1] and localhost are served; make a key with `peanut keys create`";
    Err(Problem::new(Code::HostNotAllowed, detail))
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_host_are_known() {
        for own in ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST.", "127.3.4.5"] {
            assert!(is_loopback_name(own), "{own}");
        }
        for other in ["evil.example:8000", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example", ""] {
            assert!(!is_loopback_name(other), "{other}");
        }
    }

    #[test]
    fn keys_are_read_from_both_headers() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
        };
        assert_eq!(presented(&headers("x-api-key", "k")).as_deref(), Some("k"));
        assert_eq!(presented(&headers("authorization", "bearer k")).as_deref(), Some("k"));
        assert_eq!(presented(&headers("authorization", "Basic k")), None);
    }
}
