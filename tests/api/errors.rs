//! Every way to be refused: a documented problem, never plain text, never a panic that ends anything.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use peanut::api::auth::{AuthError, Authenticator, Caller, Scope};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Served;

pub(crate) async fn bodies_that_are_not_as_documented_are_named(served: Served) {
    for route in ["/search", "/ingest/text", "/config"] {
        let send = |kind: &'static str, body: &'static str| {
            served.send(served.client.post(served.url(route)).header("content-type", kind).body(body))
        };
        for broken in ["", "{", "nonsense", "\"", "\u{0}"] {
            send("application/json", broken).await.is_problem(400, "malformed_body");
        }
        for other in ["[]", "[null, null]", "null", "1", "\"text\"", "{\"unheard_of\": 1}"] {
            send("application/json", other).await.is_problem(422, "invalid_input");
        }
        send("text/plain", "{}").await.is_problem(415, "unsupported_media_type");
        let typeless = served.send(served.client.post(served.url(route)).body("{}")).await;
        typeless.is_problem(415, "unsupported_media_type");
    }
    let refused = |body: Value, field: &'static str| {
        let served = &served;
        async move {
            let problem = served.post("/search", body).await.is_problem(422, "invalid_input");
            assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        }
    };
    refused(json!({}), "query").await;
    refused(json!({ "query": "" }), "query").await;
    refused(json!({ "query": " \t" }), "query").await;
    refused(json!({ "query": "ü".repeat(2001) }), "query").await;
    refused(json!({ "query": "x", "limit": 0 }), "limit").await;
    refused(json!({ "query": "x", "limit": 101 }), "limit").await;
    refused(json!({ "query": "x", "limit": -1 }), "limit").await;
    refused(json!({ "query": "x", "limit": 1.5 }), "limit").await;
    refused(json!({ "query": "x", "limit": 1e300 }), "limit").await;
    refused(json!({ "query": "x", "offset": 10_001 }), "offset").await;
    refused(json!({ "query": "x", "offset": -1 }), "offset").await;
    refused(json!({ "query": "x", "mode": "guess" }), "mode").await;
    refused(json!({ "query": 5 }), "query").await;
    assert_eq!(served.post("/search", json!({ "query": "x", "limit": 10.0 })).await.status, 200);
    let weight = served.post("/config", json!({ "search.vector_weight": 1.000_000_000_000_000_2 })).await;
    assert_eq!(weight.is_problem(422, "invalid_input")["errors"][0]["field"], "search.vector_weight");
    assert_eq!(served.post("/search", json!({ "query": "ü".repeat(2000), "limit": 100 })).await.status, 200);
    let text = |more: Value| {
        let mut body = json!({ "text": "x" });
        body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        served.post("/ingest/text", body)
    };
    for bad in [
        json!({ "text": "" }),
        json!({ "text": "x".repeat(1_000_001) }),
        json!({ "title": "t".repeat(501) }),
        json!({ "tags": vec!["t"; 51] }),
        json!({ "tags": ["t".repeat(101)] }),
        json!({ "dated_at": 253_402_300_800_000_i64 }),
    ] {
        text(bad).await.is_problem(422, "invalid_input");
    }
    let large = format!("{{\"text\": \"{}\"}}", "x".repeat(9 * 1024 * 1024));
    let large = served.client.post(served.url("/ingest/text")).header("content-type", "application/json").body(large);
    served.send(large).await.is_problem(413, "body_too_large");
    served.stop().await;
}

pub(crate) async fn parameters_that_are_not_as_documented_are_named(served: Served) {
    for (path, field) in [
        ("/documents?limit=0", "limit"),
        ("/documents?limit=101", "limit"),
        ("/documents?limit=x", "limit"),
        ("/documents?limit=1&limit=2", "limit"),
        ("/documents?cursor=", "cursor"),
        ("/documents?cursor=-5", "cursor"),
        ("/documents?cursor=ffffffffffffffff", "cursor"),
        ("/documents?type=song", "type"),
        ("/documents?deleted=perhaps", "deleted"),
        ("/documents?unheard_of=1", "unheard_of"),
        ("/documents/not-an-id", "id"),
        ("/documents/%ff", "id"),
        ("/documents/00000000-0000-0000-0000-000000000000/similar?limit=1000", "limit"),
        ("/graph/nodes?cursor=x", "cursor"),
        ("/graph/nodes?label=person", "label"),
        ("/graph/nodes/x", "id"),
    ] {
        let problem = served.get(path).await.is_problem(422, "invalid_input");
        assert_eq!(problem["errors"][0]["field"], field, "{path}: {problem}");
    }
    served.stop().await;
}

pub(crate) async fn what_is_not_there_is_not_found(served: Served) {
    let nobody = "00000000-0000-0000-0000-000000000000";
    for path in [
        format!("/documents/{nobody}"),
        format!("/documents/{nobody}/text"),
        format!("/documents/{nobody}/thread"),
        format!("/documents/{nobody}/similar"),
        format!("/documents/{nobody}/status"),
        format!("/graph/nodes/{nobody}"),
        "/".to_owned(),
        "/search/".to_owned(),
        // They come with their work.
        "/entities".to_owned(),
        "/entities/merge-candidates".to_owned(),
        "/pii/report".to_owned(),
    ] {
        served.get(&path).await.is_problem(404, "not_found");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_that_are_not_there_are_told_which_are() {
    let served = Served::start().await;
    for (method, path, allowed) in [
        (Method::GET, "/search", "POST"),
        (Method::DELETE, "/search", "POST"),
        (Method::OPTIONS, "/search", "POST"),
        (Method::PUT, "/documents", "GET"),
        (Method::POST, "/livez", "GET"),
        (Method::DELETE, "/config", "GET"),
    ] {
        let answer = served.send(served.client.request(method.clone(), served.url(path))).await;
        answer.is_problem(405, "method_not_allowed");
        assert!(answer.header("allow").split(',').any(|allow| allow.trim() == allowed), "{method} {path}: {answer:?}");
    }
    for path in ["/livez", "/health", "/documents", "/status", "/metrics", "/openapi.json"] {
        let head = served.send(served.client.head(served.url(path))).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_ids_go_through_and_odd_ones_do_not() {
    let served = Served::start().await;
    let with = |id: &'static str| served.send(served.client.get(served.url("/nowhere")).header("x-request-id", id));
    let answer = with("my-request.1").await;
    assert_eq!(answer.is_problem(404, "not_found")["request_id"], "my-request.1");
    for odd in ["a b", "x\"y", ""] {
        assert_ne!(with(odd).await.is_problem(404, "not_found")["request_id"], odd);
    }
    let (one, other) = (served.get("/livez").await, served.get("/livez").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_compressed_for_those_who_ask_and_cors_is_closed() {
    let served = Served::start().await;
    served.text("Long", &"a long text ".repeat(2000)).await;
    let plain = served.get("/openapi.json").await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = served.client.get(served.url("/openapi.json")).header("accept-encoding", "gzip").send().await;
    let packed = packed.expect("an answer");
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let bytes = packed.bytes().await.expect("bytes");
    assert!(bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() * 3 < plain.body.len(), "{} bytes", bytes.len());
    let origin =
        served.send(served.client.get(served.url("/documents")).header("origin", "https://page.example")).await;
    origin.is_problem(403, "origin_not_allowed");
    let own = served.send(served.client.get(served.url("/documents")).header("origin", "http://localhost:3000")).await;
    assert_eq!(own.status, 200, "{}", own.body);
    assert!(!origin.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{origin:?}");
    let preflight = served.client.request(Method::OPTIONS, served.url("/ingest/text"));
    let preflight = preflight.header("origin", "https://page.example").header("access-control-request-method", "POST");
    let preflight = served.send(preflight).await;
    preflight.is_problem(405, "method_not_allowed");
    assert!(!preflight.headers.contains_key("access-control-allow-origin"));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_whose_name_points_here_are_refused_without_a_key() {
    let served = Served::start().await;
    let named = |host: &'static str| served.send(served.client.get(served.url("/documents")).header("host", host));
    named("evil.example").await.is_problem(403, "host_not_allowed");
    named("localhost.evil.example:8000").await.is_problem(403, "host_not_allowed");
    assert_eq!(named("localhost:8000").await.status, 200);
    // Probes name whatever they like.
    let probe = served.send(served.client.get(served.url("/health")).header("host", "evil.example")).await;
    assert_eq!(probe.status, 200);
    served.stop().await;
}

/// Knows a key for every scope, one that is over its limit, one that cannot be checked, and one that panics.
struct Table;

#[async_trait]
impl Authenticator for Table {
    async fn authenticate(&self, presented: Option<&str>, address: Option<IpAddr>) -> Result<Caller, AuthError> {
        assert!(address.is_some_and(|address| address.is_loopback()), "{address:?}");
        self.still(presented).await
    }

    async fn still(&self, presented: Option<&str>) -> Result<Caller, AuthError> {
        let caller = |scope| Ok(Caller { key_id: Some("id".into()), scope });
        match presented {
            None => Err(AuthError::Missing),
            Some("read") => caller(Scope::Read),
            Some("write") => caller(Scope::Write),
            Some("admin") => caller(Scope::Admin),
            Some("fast") => Err(AuthError::TooMany { retry_after_seconds: 7 }),
            Some("lost") => Err(AuthError::Unavailable),
            Some("panic") => panic!("the gate fell down"),
            Some(_) => Err(AuthError::Unknown),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_open_what_their_scope_reaches() {
    let served = Served::with(&[], None, Some(Arc::new(Table))).await;
    let ask = |key: &'static str, method: Method, path: &'static str, body: Value| {
        let request = served.client.request(method.clone(), served.url(path)).header("x-api-key", key);
        served.send(if method == Method::POST { request.json(&body) } else { request })
    };
    let missing = served.get("/documents").await;
    missing.is_problem(401, "key_needed");
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"peanut\"");
    ask("wrong", Method::GET, "/documents", json!({})).await.is_problem(401, "key_needed");
    ask("lost", Method::GET, "/documents", json!({})).await.is_problem(503, "keys_unavailable");
    let fast = ask("fast", Method::GET, "/documents", json!({})).await;
    fast.is_problem(429, "too_many_requests");
    assert_eq!(fast.header("retry-after"), "7");
    let text = json!({ "text": "x" });
    for (key, read, write, admin) in [("read", 200, 403, 403), ("write", 200, 202, 403), ("admin", 200, 200, 200)] {
        assert_eq!(ask(key, Method::GET, "/documents", json!({})).await.status, read);
        assert_eq!(ask(key, Method::POST, "/search", json!({ "query": "x" })).await.status, read);
        assert_eq!(ask(key, Method::POST, "/ingest/text", text.clone()).await.status, write);
        assert_eq!(ask(key, Method::POST, "/config", json!({})).await.status, admin);
    }
    let narrow = ask("read", Method::POST, "/ingest/text", text).await;
    assert!(narrow.is_problem(403, "scope_too_narrow")["detail"].as_str().is_some_and(|d| d.contains("write")));
    let bearer = served.client.get(served.url("/documents")).header("authorization", "Bearer read");
    assert_eq!(served.send(bearer).await.status, 200);
    // With a key the host may be any.
    let named = served.client.get(served.url("/documents")).header("x-api-key", "read").header("host", "notes.example");
    assert_eq!(served.send(named).await.status, 200);
    // Probes need none.
    for path in ["/livez", "/readyz", "/health", "/openapi.json"] {
        assert_eq!(served.get(path).await.status, 200, "{path}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_an_answer_and_the_next_request_is_served() {
    let served = Served::with(&[], None, Some(Arc::new(Table))).await;
    let broken = served.send(served.client.get(served.url("/documents")).header("x-api-key", "panic")).await;
    let problem = broken.is_problem(500, "internal");
    assert!(!problem.to_string().contains("fell down"), "{problem}");
    let next = served.send(served.client.get(served.url("/documents")).header("x-api-key", "read")).await;
    assert_eq!(next.status, 200);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_names_every_answer_given_here() {
    let served = Served::start().await;
    let document = served.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let answers = |path: &str, method: &str| -> Vec<String> {
        let responses =
            document["paths"][path][method]["responses"].as_object().unwrap_or_else(|| panic!("{method} {path}"));
        responses.keys().cloned().collect()
    };
    let has = |path: &str, method: &str, expected: &[&str]| {
        let known = answers(path, method);
        for status in expected {
            assert!(known.iter().any(|known| known == status), "{status} of {method} {path}: {known:?}");
        }
    };
    has("/search", "post", &["200", "400", "401", "403", "408", "413", "415", "422", "429", "500", "503"]);
    has(
        "/ingest/text",
        "post",
        &["200", "202", "400", "401", "403", "408", "409", "413", "415", "422", "429", "500", "503"],
    );
    has("/documents/{id}", "get", &["200", "401", "403", "404", "422", "429", "500", "503"]);
    has("/health", "get", &["200", "503"]);
    for path in [
        "/livez",
        "/readyz",
        "/health",
        "/metrics",
        "/status",
        "/events",
        "/documents",
        "/documents/{id}",
        "/documents/{id}/text",
        "/documents/{id}/thread",
        "/documents/{id}/similar",
        "/documents/{id}/status",
        "/graph/nodes",
        "/graph/nodes/{id}",
        "/config",
    ] {
        answers(path, "get");
    }
    answers("/config", "post");
    served.stop().await;
}
