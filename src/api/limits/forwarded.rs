//! Whose request it is when a proxy stands before the door. Called by `api::gate` with the peer and the headers.
//!
//! `Forwarded` (RFC 7239) and `X-Forwarded-For` are what anybody may write, so they count only when the peer is a
//! configured proxy, read from the right: the first address that is no such proxy is the client.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::api::peer::Network;

const FORWARDED: &str = "forwarded";
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address: the peer's own, or the one a trusted proxy reports. `peer` is `None` for a Unix-domain socket,
/// where addresses mean nothing.
///
/// When both headers are there and name different clients, one of them was written by the client and slipped through:
/// neither is believed, and the request counts as the proxy's own.
#[must_use]
pub fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, proxies: &[Network]) -> Option<IpAddr> {
    let peer = peer?;
    if !trusts(proxies, peer) {
        return Some(peer);
    }
    let standard = named_in(headers, FORWARDED, forwarded_nodes, proxies);
    let customary = named_in(headers, X_FORWARDED_FOR, listed_nodes, proxies);
    match (standard, customary) {
        (Some(one), Some(other)) if one != other => Some(peer),
        (one, other) => one.or(other).or(Some(peer)),
    }
}

/// Whether an address is one of the configured proxies.
#[must_use]
pub fn trusts(proxies: &[Network], address: IpAddr) -> bool {
    proxies.iter().any(|network| network.holds(address))
}

/// The client as one header tells it; `None` without the header, or when it names none.
fn named_in(
    headers: &HeaderMap,
    name: &str,
    nodes: fn(&str) -> Vec<Option<IpAddr>>,
    proxies: &[Network],
) -> Option<IpAddr> {
    let lines = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("unknown"));
    let hops: Vec<Option<IpAddr>> = lines.flat_map(nodes).collect();
    let mut nearest = None;
    for hop in hops.into_iter().rev() {
        // What stands left of an unreadable hop cannot be believed.
        let address = hop?.to_canonical();
        nearest = Some(address);
        if !trusts(proxies, address) {
            break;
        }
    }
    nearest
}

/// Addresses in a line of `X-Forwarded-For`, in order; `None` for what is no address.
fn listed_nodes(line: &str) -> Vec<Option<IpAddr>> {
    line.split(',').map(|node| address_of(node.trim())).collect()
}

/// Addresses in a line of `Forwarded`, in order; `None` for an element without one (`for=unknown`, `for=_hidden`).
fn forwarded_nodes(line: &str) -> Vec<Option<IpAddr>> {
    split_unquoted(line, ',')
        .map(|element| {
            split_unquoted(element, ';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then(|| address_of(value.trim().trim_matches('"')))?
            })
        })
        .collect()
}

/// Pieces between separators that stand outside quotation marks.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address_of(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    if let Some(rest) = node.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    node.rsplit_once(':')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn proxies(networks: &[&str]) -> Vec<Network> {
        networks.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn client(proxies: &[Network], peer: &str, lines: &[(&str, &str)]) -> String {
        let found = client_address(peer.parse().ok(), &headers(lines), proxies);
        found.map_or_else(|| "none".to_owned(), |address| address.to_string())
    }

    #[test]
    fn without_configured_proxies_headers_are_only_words() {
        let spoofed = [("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=192.0.2.7")];
        assert_eq!(client(&proxies(&[]), "198.51.100.1", &spoofed), "198.51.100.1");
        assert_eq!(client(&proxies(&["10.0.0.0/8"]), "198.51.100.1", &spoofed), "198.51.100.1");
        assert_eq!(client(&proxies(&["10.0.0.0/8"]), "unix", &spoofed), "none");
    }

    #[test]
    fn a_proxy_tells_the_client_and_its_client_cannot() {
        let trusted = proxies(&["10.0.0.0/8", "fd00::/8"]);
        let told = |line: &str| client(&trusted, "10.0.0.1", &[("x-forwarded-for", line)]);
        assert_eq!(told("192.0.2.7"), "192.0.2.7");
        assert_eq!(told("203.0.113.9, 192.0.2.7"), "192.0.2.7", "the left one is the client's own claim");
        assert_eq!(told("192.0.2.7, 10.2.3.4, fd00::2"), "192.0.2.7");
        assert_eq!(told("192.0.2.7:5123"), "192.0.2.7");
        assert_eq!(told("[2001:db8::7]:80"), "2001:db8::7");
        assert_eq!(told("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(told("10.2.3.4"), "10.2.3.4", "only proxies: the farthest");
        assert_eq!(client(&trusted, "::ffff:10.0.0.1", &[("x-forwarded-for", "192.0.2.7")]), "192.0.2.7");
        for unreadable in ["", "unknown", "192.0.2.7, unknown", "not an address"] {
            assert_eq!(told(unreadable), "10.0.0.1", "{unreadable:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_too() {
        let trusted = proxies(&["10.0.0.0/8"]);
        let told = |line: &str| client(&trusted, "10.0.0.1", &[("forwarded", line)]);
        assert_eq!(told("for=192.0.2.7;proto=https;by=10.0.0.1"), "192.0.2.7");
        assert_eq!(told("For=\"[2001:db8::7]:4711\""), "2001:db8::7");
        assert_eq!(told("for=203.0.113.9, proto=http;for=192.0.2.7"), "192.0.2.7");
        assert_eq!(told("host=\"a,b;for=203.0.113.9\";for=192.0.2.7"), "192.0.2.7");
        assert_eq!(told("for=_hidden"), "10.0.0.1");
        assert_eq!(told("for=192.0.2.7, proto=https"), "10.0.0.1");
    }

    #[test]
    fn headers_that_contradict_each_other_are_not_believed() {
        let trusted = proxies(&["10.0.0.0/8"]);
        let both =
            |one: &str, other: &str| client(&trusted, "10.0.0.1", &[("forwarded", one), ("x-forwarded-for", other)]);
        assert_eq!(both("for=203.0.113.9", "192.0.2.7"), "10.0.0.1");
        assert_eq!(both("for=192.0.2.7", "192.0.2.7"), "192.0.2.7");
        let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client(&trusted, "10.0.0.1", &lines), "192.0.2.7", "several lines are one list");
    }

    proptest! {
        #[test]
        fn nothing_written_in_headers_panics_or_names_a_proxy_wrongly(line in "[ -~]{0,60}", other in "[ -~]{0,60}") {
            let trusted = proxies(&["10.0.0.0/8"]);
            let lines = [("x-forwarded-for", line.trim()), ("forwarded", other.trim())];
            prop_assert_eq!(client(&proxies(&[]), "192.0.2.1", &lines), "192.0.2.1");
            client(&trusted, "10.0.0.1", &lines);
        }
    }
}
