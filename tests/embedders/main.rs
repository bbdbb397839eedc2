//! Embedders behind HTTP against a stand-in that speaks the documented API: what they send, and every way it can fail.
#![expect(clippy::expect_used, reason = "a case that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "the store is filled without waking anybody")]

#[path = "../store_conformance/build.rs"]
#[expect(dead_code, reason = "the store's cases use the rest")]
mod build;
mod harness;
#[path = "../support/ollama.rs"]
mod ollama;
#[path = "../support/proxy.rs"]
#[expect(dead_code, reason = "the graph's cases use the rest")]
mod proxy;
mod worker;

use std::time::{Duration, Instant};

use ::peanut::domain::Secret;
use ::peanut::embed::ollama::Ollama;
use ::peanut::embed::openai::OpenAi;
use ::peanut::embed::{EmbedErrorKind, EmbedText, Embedder};

use crate::ollama::{DIMENSION, Fault, POISON, StandIn, WINDOW};

fn texts<'a>(all: &[&'a str]) -> Vec<EmbedText<'a>> {
    all.iter().map(|text| EmbedText { context: "about", text }).collect()
}

fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// Both embedders, each on a stand-in of its own.
async fn both() -> Vec<(StandIn, Box<dyn Embedder>)> {
    let (first, second) = (StandIn::start(None).await, StandIn::start(Some("key")).await);
    let ollama = Ollama::new(&first.url, "nomic-embed-text").expect("client");
    let openai = OpenAi::new(&format!("{}/v1", second.url), "nomic-embed-text", Some(Secret::new("key")));
    vec![(first, Box::new(ollama)), (second, Box::new(openai.expect("client")))]
}

#[tokio::test]
async fn vectors_come_in_order_with_the_familys_prefix_and_unit_length() {
    for (server, embedder) in both().await {
        assert_eq!(embedder.dimension(), 0, "nothing was asked");
        let many: Vec<String> = (0..70).map(|at| format!("text number{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let vectors = embedder.embed_documents(&texts(&many)).await.expect("vectors");
        assert_eq!((vectors.len(), embedder.dimension()), (70, DIMENSION));
        for (text, vector) in many.iter().zip(&vectors) {
            let vector = vector.as_ref().expect("a direction");
            assert!((length(vector) - 1.0).abs() < 1e-5);
            let alone = embedder.embed_documents(&texts(&[text])).await.expect("vector");
            assert_eq!(alone[0].as_ref(), Some(vector), "{text}");
        }
        assert!(server.asked().iter().skip(1).all(|asked| asked.texts.len() <= 32));
        assert!(server.asked().last().expect("asked").texts[0].starts_with("search_document: about\n"));
        embedder.embed_query("where").await.expect("query").expect("a direction");
        assert_eq!(server.asked().last().expect("asked").texts, ["search_query: where"]);
    }
}

#[tokio::test]
async fn every_failure_is_told_apart() {
    use EmbedErrorKind::{Permanent, Unavailable};
    let cases = [
        (Fault::Broken, Unavailable, "500 llama runner process has terminated"),
        (Fault::NoModel, Permanent, "nomic-embed-text"),
        (Fault::HalfJson, Unavailable, "not whole JSON"),
        (Fault::WrongDimension, Permanent, "3 numbers came back where 16 were expected"),
        (Fault::TooFew, Unavailable, "1 vectors came back for 2 texts"),
        (Fault::Reset, Unavailable, "http://127.0.0.1:"),
        (Fault::TooMany(7), Unavailable, "429 server busy"),
    ];
    for (server, embedder) in both().await {
        embedder.prepare().await.expect("prepare");
        for (fault, kind, words) in cases {
            server.fail_next(&[fault]);
            let error = embedder.embed_documents(&texts(&["a", "b"])).await.expect_err("fails");
            assert_eq!(error.kind, kind, "{fault:?}: {error}");
            assert!(error.to_string().contains(words), "{fault:?}: {error}");
            let wait = (fault == Fault::TooMany(7)).then_some(Duration::from_secs(7));
            assert_eq!(error.retry_after, wait, "{fault:?}");
            embedder.embed_documents(&texts(&["a", "b"])).await.expect("works again");
        }
        let poisoned = embedder.embed_documents(&texts(&["a", POISON])).await.expect_err("fails");
        assert_eq!(poisoned.kind, EmbedErrorKind::Rejected, "{poisoned}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_remedy() {
    let ollama = Ollama::new("http://127.0.0.1:9", "m").expect("client");
    let start = Instant::now();
    for error in [ollama.ping().await.expect_err("down"), ollama.embed_query("q").await.expect_err("down")] {
        assert_eq!(error.kind, EmbedErrorKind::Unavailable);
        let text = error.to_string();
        assert!(text.contains("http://127.0.0.1:9") && text.contains("OLLAMA_URL"), "{text}");
        assert!(text.contains("refused"), "{text}");
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_missing_model_is_named_with_the_command_to_type() {
    let server = StandIn::start(None).await;
    let ollama = Ollama::new(&server.url, "missing").expect("client");
    for error in [ollama.ping().await.expect_err("none"), ollama.prepare().await.expect_err("none")] {
        assert_eq!(error.kind, EmbedErrorKind::Permanent);
        assert!(error.to_string().contains("type `ollama pull missing`"), "{error}");
    }
    let chatter = Ollama::new(&server.url, "chatter").expect("client").ping().await.expect_err("no embeddings");
    assert!(chatter.to_string().contains("EMBED_MODEL"), "{chatter}");
    let silent = Ollama::new(&server.url, "silent").expect("client");
    assert_eq!(silent.prepare().await.expect("asks with a text"), DIMENSION);
}

#[tokio::test]
async fn a_text_too_long_is_cut_alone_and_counted() {
    let server = StandIn::start(None).await;
    let ollama = Ollama::new(&server.url, "nomic-embed-text").expect("client");
    let long = "word ".repeat(WINDOW + 5);
    let all = ["a", "b", long.as_str(), "c", "d"];
    let vectors = ollama.embed_documents(&texts(&all)).await.expect("vectors");
    assert_eq!(vectors.iter().flatten().count(), 5);
    let cut: Vec<_> = server.asked().into_iter().filter(|asked| asked.truncate).collect();
    assert_eq!(cut.len(), 1);
    assert!(cut[0].texts.len() == 1 && cut[0].texts[0].contains("word word"), "{cut:?}");
    let ping = ollama.ping().await.expect("ping");
    assert!(ping.contains("ollama 0.12.6") && ping.contains("16 dimensions"), "{ping}");
    assert!(ping.contains("window 40 tokens, 1 texts cut to the window"), "{ping}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_never_shown() {
    let server = StandIn::start(Some("right")).await;
    let base = format!("{}/v1", server.url);
    let wrong = OpenAi::new(&base, "m", Some(Secret::new("wr0ng"))).expect("client");
    for error in [wrong.ping().await.expect_err("refused"), wrong.prepare().await.expect_err("refused")] {
        assert_eq!(error.kind, EmbedErrorKind::Permanent);
        let text = format!("{error} {error:?}");
        assert!(text.contains("OPENAI_API_KEY_FILE") && !text.contains("wr0ng"), "{text}");
    }
    let right = OpenAi::new(&base, "m", Some(Secret::new("right"))).expect("client");
    assert!(right.ping().await.expect("ping").contains("OpenAI-compatible"));
}
