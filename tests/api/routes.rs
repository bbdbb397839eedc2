//! What each route answers when all is well.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::Served;

pub(crate) async fn a_text_is_found_read_and_followed(served: Served) {
    let body = json!({
        "title": "Harvest", "text": "The groundnut harvest was late.\n\nIt rained.", "tags": ["#Farm", "farm", "2024"],
        "dated_at": 1_700_000_000_000_i64,
    });
    let taken = served.post("/ingest/text", body).await;
    assert_eq!(taken.status, 202, "{}", taken.body);
    let answer = taken.json();
    let id = answer["document_id"].as_str().expect("id").to_owned();
    assert_eq!((&answer["outcome"], &answer["repeated"]), (&json!("added"), &json!(false)));
    assert_eq!(taken.header("location"), format!("/documents/{id}"));
    // Found by its words from that moment on.
    let found = served.post("/search", json!({ "query": "groundnut", "mode": "words" })).await;
    assert_eq!(found.status, 200);
    let hits = found.json();
    assert_eq!(hits["hits"][0]["document_id"], id.as_str());
    assert_eq!(hits["hits"][0]["snippet"]["text"], "The groundnut harvest was late. It rained.");
    assert_eq!(hits["hits"][0]["snippet"]["marks"], json!([[4, 13]]));
    let document = served.get(&format!("/documents/{id}")).await.json();
    assert_eq!((&document["title"], &document["source_type"]), (&json!("Harvest"), &json!("note")));
    assert_eq!(document["tags"], json!(["2024", "farm"]));
    assert_eq!(document["dated_at"], 1_700_000_000_000_i64);
    let text = served.get(&format!("/documents/{id}/text")).await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert!(text.body.starts_with("The groundnut harvest was late."), "{}", text.body);
    assert_eq!(served.get(&format!("/documents/{id}/thread")).await.json()["messages"], json!([]));
    // What continues is followed at the status URL.
    let status = answer["status_url"].as_str().expect("status_url");
    let done = served.until(status, "finished", |answer| answer.json()["finished"] == true).await.json();
    assert_eq!((&done["events_pending"], &done["events_dead"]), (&json!(0), &json!(0)));
    assert_eq!(done["embeddings"][0]["done"], done["searchable_chunks"]);
    served.text("Other harvest", "A harvest of wheat was early.").await;
    let similar = served.get(&format!("/documents/{id}/similar?limit=1")).await.json();
    assert_eq!(similar["hits"][0]["title"], "Other harvest");
    served.stop().await;
}

pub(crate) async fn documents_are_paged_to_the_end(served: Served) {
    let mut newest_first = Vec::new();
    for n in 0..7 {
        newest_first.insert(0, served.text(&format!("Note {n}"), &format!("text number {n}")).await);
    }
    let mut listed = Vec::new();
    let mut path = "/documents?limit=3".to_owned();
    loop {
        let page = served.get(&path).await.json();
        let documents = page["documents"].as_array().expect("documents");
        listed.extend(documents.iter().map(|document| document["id"].as_str().expect("id").to_owned()));
        // What comes in meanwhile does not move what follows.
        served.text("Late", &format!("late after {}", listed.len())).await;
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/documents?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(listed, newest_first);
    assert_eq!(served.get("/documents?type=pdf").await.json(), json!({ "documents": [] }));
    assert_eq!(served.get("/documents?deleted=true").await.json(), json!({ "documents": [] }));
    assert_eq!(
        served.get("/documents?type=note&limit=100").await.json()["documents"].as_array().map(Vec::len),
        Some(10)
    );
    served.stop().await;
}

pub(crate) async fn nodes_are_paged_to_the_end(served: Served) {
    let mut notes = Vec::new();
    for n in 0..5 {
        let text = format!("---\ntags: [shared, own{n}]\n---\nabout [[Note {}]]", (n + 1) % 5);
        notes.push(served.text(&format!("Note {n}"), &text).await);
    }
    // Each note's own answer: the whole picture of `/status` may be older than the last note.
    for note in notes {
        let path = format!("/documents/{note}/status");
        served.until(&path, "all work on it done", |answer| answer.json()["finished"] == true).await;
    }
    let all = served.get("/graph/nodes?limit=100").await.json();
    let all: Vec<&str> =
        all["nodes"].as_array().expect("nodes").iter().map(|n| n["id"].as_str().expect("id")).collect();
    // Five documents, six tags.
    assert_eq!(all.len(), 11, "{all:?}");
    let mut paged = Vec::new();
    let mut path = "/graph/nodes?limit=4".to_owned();
    loop {
        let page = served.get(&path).await.json();
        paged.extend(page["nodes"].as_array().expect("nodes").iter().map(|n| n["id"].as_str().expect("id").to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/graph/nodes?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(paged, all);
    let concepts = served.get("/graph/nodes?label=Concept&limit=100").await.json();
    let labels: BTreeSet<&str> =
        concepts["nodes"].as_array().expect("nodes").iter().filter_map(|n| n["label"].as_str()).collect();
    assert_eq!(labels, BTreeSet::from(["own0", "own1", "own2", "own3", "own4", "shared"]));
    let shared =
        concepts["nodes"].as_array().expect("nodes").iter().find(|node| node["label"] == "shared").expect("shared");
    let around = served.get(&format!("/graph/nodes/{}", shared["id"].as_str().expect("id"))).await.json();
    assert_eq!(around["nodes"][0], *shared);
    assert_eq!(around["nodes"].as_array().map(Vec::len), Some(6));
    let few = served.get(&format!("/graph/nodes/{}?limit=2", shared["id"].as_str().expect("id"))).await.json();
    assert_eq!(few["nodes"].as_array().map(Vec::len), Some(3));
    served.stop().await;
}

pub(crate) async fn mail_has_its_thread(served: Served) {
    let folder = tempfile::tempdir().expect("folder");
    let archive = folder.path().join("a.mbox");
    let message = |id: &str, more: &str, text: &str| {
        format!(
            "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: Ann <a@x.org>\nTo: b@x.org\nSubject: Budget\nMessage-ID: <{id}>\n\
             Date: Thu, 1 Feb 2024 10:00:00 +0000\n{more}\n{text}\n\n"
        )
    };
    let text = message("one@x", "", "First.") + &message("two@x", "In-Reply-To: <one@x>\n", "Second.");
    std::fs::write(&archive, text).expect("write");
    let offer = served.house.intake.offer_paths(&[archive.to_str().expect("path").to_owned()]).await.expect("offer");
    assert_eq!(offer.queued, 1);
    let listed = served.until("/documents?type=mail", "two messages", |answer| {
        answer.json()["documents"].as_array().is_some_and(|documents| documents.len() == 2)
    });
    let listed = listed.await.json();
    let newest = listed["documents"][0]["id"].as_str().expect("id");
    let thread = served.get(&format!("/documents/{newest}/thread")).await.json();
    assert_eq!(thread["messages"].as_array().map(Vec::len), Some(2), "{thread}");
    assert_eq!(thread["messages"][0]["from"], "Ann");
    served.stop().await;
}

pub(crate) async fn settings_change_what_searches_do(served: Served) {
    let value = |settings: &serde_json::Value, key: &str| {
        let all = settings["settings"].as_array().expect("settings").clone();
        all.iter().find(|setting| setting["key"] == key).map(|setting| setting["value"].clone()).expect("the setting")
    };
    let before = served.get("/config").await.json();
    assert_eq!(value(&before, "search.vector_weight"), "auto");
    let changes = json!({
        "search.fusion": "rrf", "search.vector_weight": 0.25, "search.rrf_k": 30, "search.candidates": 50,
        "intake.paused": true, "embedding.paused": false,
    });
    let after = served.post("/config", changes).await;
    assert_eq!(after.status, 200, "{}", after.body);
    let after = after.json();
    for (key, expected) in
        [("search.fusion", "rrf"), ("search.vector_weight", "0.25"), ("search.rrf_k", "30"), ("intake.paused", "true")]
    {
        assert_eq!(value(&after, key), expected);
    }
    assert_eq!(served.get("/config").await.json(), after);
    served.until("/status", "a paused intake", |answer| !answer.json()["intake_paused"].is_null()).await;
    // All or none.
    let refused = served.post("/config", json!({ "search.fusion": "score", "search.rrf_k": 0 })).await;
    assert_eq!(refused.is_problem(422, "invalid_input")["errors"][0]["field"], "search.rrf_k");
    assert_eq!(served.get("/config").await.json(), after);
    served.post("/config", json!({ "search.vector_weight": "auto" })).await;
    assert_eq!(value(&served.get("/config").await.json(), "search.vector_weight"), "auto");
    served.stop().await;
}

pub(crate) async fn status_is_the_picture_of_the_screens(served: Served) {
    served.text("Note", "a note").await;
    let status =
        served.until("/status", "one document", |answer| answer.json()["store"]["documents"] == 1).await.json();
    assert_eq!(status["status"], "healthy");
    let services = status["services"].as_array().expect("services");
    for role in ["store", "graph", "embedder", "disk"] {
        assert_eq!(services.iter().filter(|service| service["role"] == role).count(), 1, "{role}: {services:?}");
    }
    assert_eq!(status["runs_workers"], true);
    let once = served.house.status().once().await.expect("a look");
    let once = serde_json::to_value(peanut::health::StatusReport::of(once)).expect("json");
    let keys = |value: &serde_json::Value| value.as_object().expect("object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&status), keys(&once));
    assert_eq!(status["store"]["documents_by_type"], once["store"]["documents_by_type"]);
    served.stop().await;
}

pub(crate) async fn metrics_tell_what_the_store_holds(served: Served) {
    served.text("Note", "a note about [[Somebody]]").await;
    served.post("/search", json!({ "query": "note" })).await;
    let drained = |answer: &crate::harness::Answer| {
        answer.body.contains("\npkg_outbox_depth 0\n") && answer.body.contains("\npkg_documents 1\n")
    };
    let page = served.until("/metrics", "an empty outbox", drained).await;
    assert!(page.header("content-type").starts_with("text/plain; version=0.0.4"));
    for name in [
        "pkg_chunks_total{status=\"done\"} 1",
        "pkg_outbox_pending_events{event_type=\"document_added\"} 0",
        "pkg_outbox_oldest_pending_seconds 0",
        "pkg_dead_letters 0",
        "pkg_worker_up{worker=\"relay\"} 1",
        "pkg_worker_up{worker=\"ingest\"} 1",
        "pkg_service_up{service=\"graph\"} 1",
        "pkg_service_up{service=\"embedder\"} 1",
        "pkg_query_latency_seconds_count ",
        "pkg_ingest_latency_seconds_count ",
        "pkg_build_info{",
        "pkg_http_requests_total{method=\"POST\",route=\"/ingest/text\",status=\"202\"} ",
    ] {
        assert!(page.body.contains(name), "{name} in {}", page.body);
    }
    // Every family says what it is.
    for line in page.body.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let is_known = |family: &str| {
            page.body.contains(&format!("# HELP {family} ")) && page.body.contains(&format!("# TYPE {family} "))
        };
        assert!(is_known(family) || is_known(name), "{line}");
    }
    served.stop().await;
}
