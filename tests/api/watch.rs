//! `/events`: the whole state of each kind at the beginning, then what changes, until the process ends.

use crate::harness::{PATIENCE, Served};

/// Events of one line, as they come.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn of(served: &Served) -> Self {
        let response = served.client.get(served.url("/events")).header("accept-encoding", "gzip").send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"), "a stream must not wait for a full block");
        Self { response, text: String::new() }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, serde_json::Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let (name, data) = (field("event: "), field("data: "));
                let rest = rest.to_owned();
                self.text = rest;
                if let (Some(name), Some(data)) = (name, data) {
                    return Some((name, serde_json::from_str(&data).expect("json")));
                }
                continue;
            }
            let chunk =
                tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("in time").expect("a chunk")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_once_and_then_what_changes() {
    let served = Served::start().await;
    let mut events = Events::of(&served).await;
    let mut first = Vec::new();
    for _ in 0..3 {
        first.push(events.next().await.expect("an event").0);
    }
    assert_eq!(first, ["ingest", "outbox", "health"]);
    served.text("Note", "a note").await;
    loop {
        let (name, data) = events.next().await.expect("an event");
        if name == "ingest" && data["documents"] == 1 {
            break;
        }
    }
    loop {
        let (name, data) = events.next().await.expect("an event");
        if name == "outbox" && data["processed_total"] == 1 {
            assert_eq!(data["pending"], 0);
            break;
        }
    }
    // A line that nobody ends would hold up the drain.
    served.shutdown.advance();
    while events.next().await.is_some() {}
    served.get("/readyz").await.is_problem(503, "draining");
    served.get("/documents").await.is_problem(503, "draining");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_is_told_nothing_more_when_its_key_is_revoked() {
    use peanut::api::keys::secret;
    use peanut::domain::{Clock as _, Scope, SystemClock};

    let served = Served::start().await;
    let now = SystemClock.now();
    let (key, secret) = secret::issue("watcher", Scope::Read, None, now).expect("a key");
    // Whoever watches without a key is done as well when there is one.
    let mut without = Events::of(&served).await;
    served.house.store.add_key(&key).await.expect("add");
    let request = served.client.get(served.url("/events")).header("x-api-key", secret.reveal());
    let mut with = Events { response: request.send().await.expect("an answer"), text: String::new() };
    assert_eq!(with.next().await.expect("an event").0, "ingest");
    while without.next().await.is_some() {}
    served.house.store.revoke_key(&key.id, now).await.expect("revoke");
    while with.next().await.is_some() {}
    served.house.store.forget_key(&key.id).await.expect("forget");
    served.stop().await;
}
