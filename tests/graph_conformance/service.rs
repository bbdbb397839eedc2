//! A graph service that is slow, gone, back, empty, or something else: nothing is lost, no attempt is counted, nothing
//! waits longer than its limit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use peanut::domain::NewDocument;
use peanut::graph::falkor::{FalkorAddress, FalkorGraph};
use peanut::graph::{GraphErrorKind, GraphReader as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::build::{LEASE, NOW, file, wikilink};
use crate::harness::{World, address};
use crate::proxy::{Mode, Proxy};
use crate::services::{OwnFalkor, free_port, services};

fn notes(from: usize, count: usize) -> Vec<NewDocument> {
    (from..from + count)
        .map(|at| {
            let mut note = file(&format!("/n/{at}.md"), &format!("text {at}"));
            note.links = vec![wikilink(&(at / 2).to_string())];
            note.concepts = vec![format!("concept {}", at % 50)];
            note
        })
        .collect()
}

/// Attempts counted on events that wait.
async fn attempts(world: &World) -> u32 {
    let events = world.store.claim_events("probe", 1000, LEASE, NOW).await.expect("claim");
    world.store.release_events(&events.iter().map(|event| event.id).collect::<Vec<_>>()).await.expect("release");
    events.iter().map(|event| event.attempts).sum()
}

#[tokio::test]
async fn an_outage_costs_no_attempt_and_the_graph_catches_up() {
    let mut falkor = OwnFalkor::start(&[]);
    let world = World::falkordb_at(address("127.0.0.1", falkor.port, "outage")).await;
    world.commit(notes(0, 20)).await;
    world.assert_equal().await;
    falkor.stop();
    world.commit(notes(20, 20)).await;
    let waiting = world.pending().await;
    for _ in 0..7 {
        assert_eq!(world.drain().await, 0);
    }
    assert_eq!((world.pending().await, attempts(&world).await), (waiting, 0));
    // It comes back without its data: all of it is written anew.
    falkor.start_again();
    assert_eq!(world.assert_equal().await.nodes, 40 + 40);
}

#[tokio::test]
async fn data_lost_in_a_restart_is_written_anew_though_no_event_waits() {
    let mut falkor = OwnFalkor::start(&[]);
    let world = World::falkordb_at(address("127.0.0.1", falkor.port, "lost")).await;
    world.commit(notes(0, 30)).await;
    world.assert_equal().await;
    falkor.stop();
    falkor.start_again();
    let ping = world.reader.ping().await;
    // The first question may still meet the broken line.
    let ping = if ping.is_err() { world.reader.ping().await } else { ping };
    assert!(ping.as_ref().is_ok_and(|text| text.contains("lost its data")), "{ping:?}");
    let projections = world.store.project(&[notes(0, 1)[0].id], NOW).await.expect("project");
    let mut lost = world.sink.apply(&projections).await.expect_err("no graph to write to");
    if lost.kind == GraphErrorKind::Unavailable {
        lost = world.sink.apply(&projections).await.expect_err("no graph to write to");
    }
    assert_eq!(lost.kind, GraphErrorKind::Lost);
    // A relay that runs notices by itself.
    let relay = Arc::new(world.relay);
    let (soft, mut activity) = (CancellationToken::new(), relay.activity());
    let delivered = activity.borrow().delivered;
    let running = tokio::spawn({
        let (relay, soft) = (Arc::clone(&relay), soft.clone());
        async move { relay.run(soft).await }
    });
    let all_written = activity.wait_for(|activity| activity.delivered >= delivered + 30);
    tokio::time::timeout(Duration::from_secs(20), all_written).await.expect("noticed").expect("relay");
    soft.cancel();
    running.await.expect("join").expect("relay");
    let compared = peanut::graph::check::compare(&world.store, world.reader.as_ref()).await.expect("compare");
    assert_eq!(compared.differences(), Vec::<String>::new());
}

#[tokio::test]
async fn bad_networks_lose_and_double_nothing() {
    let (host, port) = services().falkordb_at();
    let proxy = Proxy::before(&host, port).await;
    let graph = format!("proxied-{}", std::process::id());
    let world = World::falkordb_at(address("127.0.0.1", proxy.port, &graph)).await;
    world.commit(notes(0, 10)).await;
    world.assert_equal().await;
    let bad = [Mode::Reset, Mode::Trickle, Mode::Delay(Duration::from_millis(300)), Mode::Blackhole, Mode::Reset];
    for (at, mode) in bad.into_iter().enumerate() {
        world.commit(notes(100 * (at + 1), 10)).await;
        proxy.set(mode);
        let start = Instant::now();
        world.drain().await;
        // Connect 2 s or a question 10 s, and one more for the state.
        assert!(start.elapsed() < Duration::from_secs(25), "{mode:?} took {:?}", start.elapsed());
        assert_eq!(attempts(&world).await, 0, "{mode:?}");
        proxy.set(Mode::Pass);
        // Lines that were broken are made again with the next question.
        while world.pending().await > 0 {
            world.drain().await;
        }
        while world.reader.ping().await.is_err() {}
        world.assert_equal().await;
    }
}

#[tokio::test]
async fn a_silent_port_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let graph = FalkorGraph::new(address("127.0.0.1", listener.local_addr().expect("address").port(), "g"));
    let start = Instant::now();
    let error = graph.ping().await.expect_err("nobody answers");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(error.kind, GraphErrorKind::Unavailable);
    assert!(error.message.contains("within 2 s") && error.message.contains("FALKORDB_HOST"), "{error}");
}

async fn refusal(address: FalkorAddress) -> String {
    let error = FalkorGraph::new(address).ping().await.expect_err("must not answer");
    assert_eq!(error.kind, GraphErrorKind::Unavailable, "{error}");
    error.message
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_remedy() {
    let closed = refusal(address("127.0.0.1", free_port(), "g")).await;
    assert!(closed.contains("nothing listens at 127.0.0.1:") && closed.contains("FALKORDB_PORT"), "{closed}");
    let nowhere = refusal(address("no-such-host.invalid", 6379, "g")).await;
    assert!(nowhere.contains("no-such-host.invalid") && nowhere.contains("FALKORDB_HOST"), "{nowhere}");
    let falkor = OwnFalkor::start(&["--requirepass", "right"]);
    let own = address("127.0.0.1", falkor.port, "g");
    let none = refusal(own.clone()).await;
    assert!(none.contains("without password") && none.contains("FALKORDB_PASSWORD_FILE"), "{none}");
    let wrong = refusal(FalkorAddress { password: Some("wrong".into()), ..own.clone() }).await;
    assert!(wrong.contains("the password given") && !wrong.contains("wrong"), "{wrong}");
    let right = FalkorGraph::new(FalkorAddress { password: Some("right".into()), ..own.clone() });
    let ping = right.ping().await.expect("ping");
    assert!(ping.starts_with("FalkorDB 4.") && ping.contains("on Redis 8."), "{ping}");
    assert!(!format!("{:?}", FalkorAddress { password: Some("right".into()), ..own }).contains("right"));
}

#[tokio::test]
async fn another_service_on_the_port_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut question = [0; 1024];
            let _ = client.read(&mut question).await;
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let web = refusal(address("127.0.0.1", port, "g")).await;
    assert!(web.contains("is not FalkorDB"), "{web}");
    let postgres = services().postgres.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()).expect("port");
    let postgres = refusal(address("127.0.0.1", postgres.parse().expect("port"), "g")).await;
    assert!(postgres.contains("is not FalkorDB"), "{postgres}");
}

#[tokio::test]
async fn the_relay_writes_thousands_of_events_a_second() {
    const EVENTS: usize = 6_000;
    let world = World::falkordb("speed").await;
    for from in (0..EVENTS).step_by(500) {
        world.commit(notes(from, 500)).await;
    }
    let waiting = world.pending().await;
    let start = Instant::now();
    // The first question begins the graph and replays what is known: all of it counts.
    let delivered = world.drain().await;
    let rate = delivered as f64 / start.elapsed().as_secs_f64();
    println!("relay into FalkorDB: {delivered} events, {rate:.0}/s ({waiting} waited at first)");
    world.assert_equal().await;
    // Far below what is measured, so that a busy machine does not fail the test: docs/BENCHMARKS.md has the numbers.
    assert!(rate > 300.0, "{rate:.0} events/s");
}
