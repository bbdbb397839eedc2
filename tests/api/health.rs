//! `/health`, `/readyz` and the metrics while services go and come back: within one probe of it, and never slow.

use std::time::{Duration, Instant};

use crate::harness::{Answer, Database, PATIENCE, Served};
use crate::proxy::{Mode, Proxy};
use crate::services::{OwnFalkor, free_port, services};

/// Store and graph are asked twice a second and have 1.5 s; the rest is a busy machine's.
const ONE_PROBE: Duration = Duration::from_secs(5);
/// A request is given up when the store has been down for 3 s; by itself it would wait 30 s.
const GIVEN_UP: Duration = Duration::from_secs(15);
/// An answer that waited for the service would take its two seconds at least.
const NEVER_WAITS: Duration = Duration::from_millis(1000);

/// Asks until the status is this one, and holds every answer on the way to being quick. Returns the last and how long it took.
async fn becomes(served: &Served, status: u16) -> (Answer, Duration) {
    let start = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = served.get("/health").await;
        assert!(asked.elapsed() < NEVER_WAITS, "{:?}", asked.elapsed());
        if answer.status == status {
            return (answer, start.elapsed());
        }
        assert!(start.elapsed() < PATIENCE, "never {status}: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_hangs_is_shown_at_once_and_so_is_its_return() {
    let database = Database::create().await;
    let (host, port) = host_and_port(&database.address);
    let proxy = Proxy::before(&host, port).await;
    let address = database.address.replace(&format!("{host}:{port}"), &format!("127.0.0.1:{}", proxy.port));
    let served = Served::with(&[("POSTGRES_URL", &address)], Some(database), None).await;
    served.text("Before", "before the outage").await;
    let (before, _) = becomes(&served, 200).await;
    assert_eq!(before.json()["postgres"], "ok", "{}", before.body);
    assert_eq!(served.get("/readyz").await.status, 200);

    proxy.set(Mode::Blackhole);
    let asked = Instant::now();
    let (answer, (during, took)) =
        tokio::join!(served.post("/search", serde_json::json!({ "query": "outage" })), becomes(&served, 503));
    assert!(took < ONE_PROBE, "{took:?}");
    answer.is_problem(503, "store_unavailable");
    assert!(asked.elapsed() < GIVEN_UP, "{:?}", asked.elapsed());
    assert_eq!((&during.json()["status"], &during.json()["postgres"]), (&"unhealthy".into(), &"down".into()));
    served.get("/readyz").await.is_problem(503, "not_ready");
    assert_eq!(served.get("/livez").await.status, 200);
    let page = served.get("/metrics").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("pkg_service_up{service=\"postgres\"} 0"), "{}", page.body);
    assert!(!page.body.contains("pkg_documents "), "{}", page.body);
    let status = served.get("/status").await.json();
    assert_eq!((&status["status"], &status["services"][0]["state"]), (&"unhealthy".into(), &"down".into()));

    // The network comes back and says so to connections of before.
    proxy.set(Mode::Reset);
    let is_refused = |status: &Answer| {
        let error = status.json()["services"][0]["error"].as_str().unwrap_or_default().to_owned();
        !error.is_empty() && !error.contains("no answer within")
    };
    served.until("/status", "connections that are refused", is_refused).await;
    proxy.set(Mode::Pass);
    let (after, took) = becomes(&served, 200).await;
    assert!(took < ONE_PROBE, "{took:?}: {}", after.body);
    served
        .until("/metrics", "the store again", |page| {
            page.body.contains("pkg_service_up{service=\"postgres\"} 1") && page.body.contains("pkg_documents 1")
        })
        .await;
    served.text("After", "after the outage").await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graph_that_goes_makes_it_unhealthy() {
    let mut falkor = OwnFalkor::start(&[]);
    let port = falkor.port.to_string();
    let served = Served::with(&[("FALKORDB_HOST", "127.0.0.1"), ("FALKORDB_PORT", &port)], None, None).await;
    let (before, _) = becomes(&served, 200).await;
    assert_eq!(before.json()["falkordb"], "ok", "{}", before.body);
    falkor.stop();
    let (during, took) = becomes(&served, 503).await;
    assert!(took < ONE_PROBE, "{took:?}");
    assert_eq!((&during.json()["falkordb"], &during.json()["sqlite"]), (&"down".into(), &"ok".into()));
    // The store can do its job.
    assert_eq!(served.get("/readyz").await.status, 200);
    served.get("/graph/nodes").await.is_problem(503, "graph_unavailable");
    assert_eq!(served.post("/search", serde_json::json!({ "query": "x" })).await.status, 200);
    let page = served.get("/metrics").await;
    assert!(page.body.contains("pkg_service_up{service=\"falkordb\"} 0"), "{}", page.body);
    falkor.start_again();
    let (_, took) = becomes(&served, 200).await;
    assert!(took < ONE_PROBE, "{took:?}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graph_that_hangs_hides_nothing_of_the_store() {
    let falkor = OwnFalkor::start(&[]);
    let proxy = Proxy::before("127.0.0.1", falkor.port).await;
    let port = proxy.port.to_string();
    let served = Served::with(&[("FALKORDB_HOST", "127.0.0.1"), ("FALKORDB_PORT", &port)], None, None).await;
    becomes(&served, 200).await;
    proxy.set(Mode::Blackhole);
    let (during, took) = becomes(&served, 503).await;
    assert!(took < ONE_PROBE, "{took:?}");
    assert_eq!((&during.json()["falkordb"], &during.json()["sqlite"]), (&"down".into(), &"ok".into()));
    served.text("Meanwhile", "taken in while the graph hangs").await;
    let is_shown = |status: &Answer| {
        let status = status.json();
        status["store"]["documents"] == 1
            && status["outbox"]["pending"].as_u64() > Some(0)
            && status["workers"].as_array().is_some_and(|workers| !workers.is_empty())
    };
    served.until("/status", "the document, and its event that waits", is_shown).await;
    // What was asked meanwhile is lost, and no connection says so.
    proxy.set(Mode::Pass);
    becomes(&served, 200).await;
    served.until("/status", "the event delivered", |status| status.json()["outbox"]["pending"] == 0).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_embedder_only_degrades() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let served = Served::with(&[("OLLAMA_URL", &url), ("PEANUT_MODEL", "")], None, None).await;
    let health = served.until("/health", "a degraded machine", |answer| answer.json()["status"] == "degraded").await;
    assert_eq!((health.status, &health.json()["ollama"]), (200, &"down".into()));
    let page = served.get("/metrics").await;
    assert!(page.body.contains("pkg_service_up{service=\"ollama\"} 0"), "{}", page.body);
    let found = served.post("/search", serde_json::json!({ "query": "x" })).await;
    assert_eq!(found.status, 200);
    served.stop().await;
}

fn host_and_port(address: &str) -> (String, u16) {
    assert!(address.starts_with(services().postgres.split("://").next().expect("a scheme")));
    let authority = address.split("://").nth(1).and_then(|rest| rest.split('/').next()).expect("an authority");
    let place = authority.rsplit('@').next().expect("a place");
    let (host, port) = place.rsplit_once(':').expect("host:port");
    (host.to_owned(), port.parse().expect("port"))
}
