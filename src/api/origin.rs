//! What a request says of where it was sent and which page sent it: `Host`, `:authority` and `Origin`. Called by
//! `api::gate` for every route that needs a scope.
//!
//! Without keys the name a request was sent to is all that tells a program of this host from a page in its browser whose
//! name was pointed at 127.0.0.1 (DNS rebinding), and what a proxy adds is all that tells a program of this host from
//! everybody behind that proxy. A request that leaves any of it open is refused.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use crate::api::error::{Code, Problem};

/// What proxies add to a request besides names that begin with `x-forwarded`.
const ADDED_BY_PROXIES: [&str; 14] = [
    "forwarded",
    "forwarded-for",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "x-envoy-external-address",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "cdn-loop",
    "x-proxyuser-ip",
];

/// The header by which a proxy shows itself, if there is one.
pub(super) fn proxy_header(headers: &HeaderMap) -> Option<&str> {
    let is_added = |name: &str| name.starts_with("x-forwarded") || ADDED_BY_PROXIES.contains(&name);
    headers.keys().map(header::HeaderName::as_str).find(|name| is_added(name))
}

/// Holds a request without a key to the names of this host.
pub(super) fn sent_to_this_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |why: &str| {
        let remedy =
            "without a key only 127.0.0.1, [::1] and localhost are served; make a key with `peanut keys create`";
        Err(Problem::new(Code::HostNotAllowed, format!("{why}: {remedy}")))
    };
    // HTTP/2 names the host in `:authority`, HTTP/1.1 may name it in the target as well: then both must be ours.
    let in_target = uri.authority().map(axum::http::uri::Authority::as_str);
    let mut names = headers.get_all(header::HOST).iter();
    let in_header = names.next();
    if names.next().is_some() {
        return refused("the request names its host more than once");
    }
    if in_target.is_none() && in_header.is_none() {
        return refused("the request does not say which host it is for");
    }
    let is_own = |name: Option<&str>| name.is_some_and(is_loopback_name);
    let header_is_own = in_header.is_none_or(|value| is_own(value.to_str().ok()));
    if !header_is_own || in_target.is_some_and(|name| !is_loopback_name(name)) {
        return refused("the request is for another host");
    }
    Ok(())
}

/// Holds a request that a page sends to the pages of this host and those of the settings.
pub(super) fn sent_by_a_known_page(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let is_known = allowed.iter().any(|known| known == origin) || is_own_origin(origin);
    if is_known && origins.next().is_none() {
        return Ok(());
    }
    let detail = "pages of this origin are not answered; name it in serve.allowed_origins if it is yours";
    Err(Problem::new(Code::OriginNotAllowed, detail))
}

fn is_own_origin(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some_and(is_loopback_name)
}

/// `localhost`, `127.0.0.1`, `[::1]`, each with or without a port, and nothing else around it.
fn is_loopback_name(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((name, after)) = rest.split_once(']') else { return false };
            match after {
                "" => (name, None),
                after => match after.strip_prefix(':') {
                    Some(port) => (name, Some(port)),
                    None => return false,
                },
            }
        }
        None => host.rsplit_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err() || !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn names_of_this_host_are_known() {
        for own in ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]", "LOCALHOST.", "127.3.4.5"] {
            assert!(is_loopback_name(own), "{own}");
        }
        for other in [
            "evil.example:8000",
            "localhost.evil.example",
            "10.0.0.1",
            "127.0.0.1.evil.example",
            "",
            "[::1].evil.example",
            "[::1]evil.example",
            "127.0.0.1:80@evil.example",
            "localhost:evil",
            "localhost:",
            "evil.example/.localhost",
            "user@localhost",
            "ключ.localhost",
        ] {
            assert!(!is_loopback_name(other), "{other}");
        }
    }

    #[test]
    fn every_name_of_the_host_counts_and_there_must_be_one() {
        let check = |target: &'static str, lines: &[(&'static str, &'static str)]| {
            sent_to_this_host(&Uri::from_static(target), &headers(lines)).map_err(|problem| problem.code())
        };
        let refused = Err(Code::HostNotAllowed);
        assert_eq!(check("/search", &[("host", "127.0.0.1:8000")]), Ok(()));
        assert_eq!(check("http://localhost:8000/search", &[]), Ok(()), "HTTP/2");
        assert_eq!(check("http://localhost:8000/search", &[("host", "localhost:8000")]), Ok(()));
        assert_eq!(check("/search", &[]), refused);
        assert_eq!(check("/search", &[("host", "evil.example")]), refused);
        assert_eq!(check("/search", &[("host", "localhost\u{e9}")]), refused, "no text");
        assert_eq!(check("/search", &[("host", "localhost"), ("host", "evil.example")]), refused);
        assert_eq!(check("http://evil.example/search", &[]), refused);
        assert_eq!(check("http://evil.example/search", &[("host", "localhost")]), refused);
        assert_eq!(check("http://localhost/search", &[("host", "evil.example")]), refused);
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let allowed = ["https://mine.example".to_owned()];
        let check = |lines: &[(&'static str, &'static str)]| sent_by_a_known_page(&headers(lines), &allowed).is_ok();
        assert!(check(&[]) && check(&[("origin", "https://mine.example")]));
        assert!(check(&[("origin", "http://localhost:6274")]) && check(&[("origin", "https://[::1]")]));
        for other in ["null", "", "http://evil.example", "https://mine.example.evil.example", "file://localhost", "x"] {
            assert!(!check(&[("origin", other)]), "{other}");
        }
        assert!(!check(&[("origin", "http://localhost"), ("origin", "http://evil.example")]));
    }

    #[test]
    fn proxies_are_known_by_what_they_add() {
        for name in ["x-forwarded-for", "x-forwarded-proto", "forwarded", "via", "x-real-ip", "cf-connecting-ip"] {
            assert_eq!(proxy_header(&headers(&[("host", "localhost"), (name, "x")])), Some(name));
        }
        assert_eq!(proxy_header(&headers(&[("host", "localhost"), ("user-agent", "via")])), None);
    }
}
