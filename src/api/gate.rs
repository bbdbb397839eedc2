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
use crate::api::limits::forwarded::{self, client_address};
use crate::api::origin;
use crate::api::peer::Peer;
use crate::domain::Secret;
use crate::domain::health::{ServiceRole, ServiceState};
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
    origin::sent_by_a_known_page(request.headers(), &gate.api.options.allowed_origins)?;
    let presented = presented(request.headers());
    let authenticating = gate.api.authenticator.authenticate(presented.as_deref(), address);
    let caller = unless_store_is_gone(&gate.api, authenticating).await??;
    if caller.key_id.is_none() {
        from_this_host(&gate.api, peer, &request)?;
    }
    if !caller.scope.allows(gate.needed) {
        return Err(Problem::scope(caller.scope, gate.needed));
    }
    request.extensions_mut().insert(who(&caller, address));
    request.extensions_mut().insert(Presented(presented.map(Secret::new)));
    request.extensions_mut().insert(caller);
    unless_store_is_gone(&gate.api, next.run(request)).await
}

/// What a caller showed, for answers that go on for long: they end when it is good no more.
#[derive(Clone, Debug)]
pub(super) struct Presented(pub(super) Option<Secret>);

/// Whoever shows no key is let in as a program of this host, which is what he must be: not somebody behind a proxy, and no
/// page whose name was pointed here.
fn from_this_host(api: &Api, peer: Option<IpAddr>, request: &Request) -> Result<(), Problem> {
    let through = match origin::proxy_header(request.headers()) {
        Some(name) => Some(format!("it has the header {name}")),
        None if peer.is_some_and(|peer| forwarded::trusts(&api.options.trusted_proxies, peer)) => {
            Some("its sender is one of serve.trusted_proxies".to_owned())
        }
        None => None,
    };
    if let Some(why) = through {
        let detail = format!(
            "this request came through a proxy ({why}), and there is no key: everybody behind it would be let in. Make one \
             with `peanut keys create` and send it in X-API-Key"
        );
        return Err(Problem::new(Code::KeyNeeded, detail));
    }
    // Nobody but this host reaches a socket file, and names mean nothing there.
    if peer.is_none() { Ok(()) } else { origin::sent_to_this_host(request.uri(), request.headers()) }
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
        picture.services.iter().any(|service| service.role == ServiceRole::Store && service.state == ServiceState::Down)
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

#[cfg(test)]
mod tests {
    use super::*;

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
