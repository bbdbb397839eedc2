//! Texts handed over: acknowledged when committed, once for a key.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Answer, Served};

async fn keyed(served: &Served, key: &str, body: &Value) -> Answer {
    served.send(served.client.post(served.url("/ingest/text")).header("Idempotency-Key", key).json(body)).await
}

async fn documents(served: &Served) -> usize {
    served.get("/documents?limit=100").await.json()["documents"].as_array().map(Vec::len).expect("documents")
}

pub(crate) async fn the_same_key_takes_in_once(served: Served) {
    let body = json!({ "text": "a text", "tags": ["one"] });
    let first = keyed(&served, "k-1", &body).await;
    assert_eq!(first.status, 202, "{}", first.body);
    let again = keyed(&served, "k-1", &body).await;
    assert_eq!(again.status, 202);
    assert_eq!(again.json()["repeated"], true);
    assert_eq!(again.json()["document_id"], first.json()["document_id"]);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(documents(&served).await, 1);
    served.stop().await;
}

pub(crate) async fn the_same_key_at_once_takes_in_once(served: Served) {
    for round in 0..5 {
        let body = json!({ "text": format!("a text of round {round}") });
        let key = format!("round-{round}");
        let answers = join_all((0..8).map(|_| keyed(&served, &key, &body))).await;
        let ids: std::collections::BTreeSet<String> =
            answers.iter().map(|answer| answer.json()["document_id"].as_str().expect("id").to_owned()).collect();
        assert_eq!(ids.len(), 1);
        assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
        let first = answers.iter().filter(|answer| answer.json()["repeated"] == false).count();
        assert_eq!(first, 1, "{answers:?}");
    }
    assert_eq!(documents(&served).await, 5);
    served.stop().await;
}

pub(crate) async fn another_text_under_a_known_key_is_refused(served: Served) {
    let first = keyed(&served, "k", &json!({ "text": "one" })).await;
    assert_eq!(first.status, 202);
    keyed(&served, "k", &json!({ "text": "two" })).await.is_problem(409, "key_reused");
    keyed(&served, "k", &json!({ "text": "one", "title": "t" })).await.is_problem(409, "key_reused");
    keyed(&served, "k", &json!({ "text": "one", "tags": [""] })).await.is_problem(409, "key_reused");
    assert_eq!(keyed(&served, "k", &json!({ "text": "one" })).await.json()["repeated"], true);
    assert_eq!(documents(&served).await, 1);
    // A key that is refused is not used up.
    keyed(&served, "fresh", &json!({ "text": " " })).await.is_problem(422, "invalid_input");
    assert_eq!(keyed(&served, "fresh", &json!({ "text": "three" })).await.status, 202);
    for bad in ["", "tab\tin it", &"k".repeat(256)] {
        keyed(&served, bad, &json!({ "text": "four" })).await.is_problem(422, "invalid_input");
    }
    served.stop().await;
}

pub(crate) async fn the_same_text_is_a_duplicate(served: Served) {
    let first = served.text("", "the same text").await;
    let again = served.post("/ingest/text", json!({ "text": "the same text" })).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["document_id"], first.as_str());
    assert_eq!(again.json()["outcome"], "duplicate");
    // Under a key, a duplicate is remembered as one.
    for repeated in [false, true] {
        let keyed = keyed(&served, "k", &json!({ "text": "the same text" })).await;
        assert_eq!((keyed.status, &keyed.json()["repeated"]), (200, &json!(repeated)));
        assert_eq!(keyed.json()["document_id"], first.as_str());
    }
    assert_eq!(documents(&served).await, 1);
    served.stop().await;
}

pub(crate) async fn odd_texts_are_kept(served: Served) {
    let long = "many words ".repeat(20_000);
    for text in [
        "nul \u{0} inside",
        "\u{feff}\u{202e}odd",
        "emoji 🥜 and ünïcödé",
        "# \n\n---\n",
        "<script>x</script>",
        "x",
        &long,
    ] {
        let body = json!({ "title": format!("t\u{0}{}", text.len()), "text": text, "tags": ["\u{0}", "a/b c", "🥜"] });
        let answer = served.post("/ingest/text", body).await;
        // What has nothing to read in it may be refused, never lost.
        if answer.status != 202 {
            answer.is_problem(422, "invalid_input");
            continue;
        }
        let id = answer.json()["document_id"].as_str().expect("id").to_owned();
        assert_eq!(served.get(&format!("/documents/{id}/text")).await.status, 200);
    }
    let found = served.post("/search", json!({ "query": "nul\u{0} from:\u{0} tag:\u{0}" })).await;
    assert_eq!(found.status, 200, "{}", found.body);
    served.stop().await;
}
