//! A database that is dropped under a running server, and made anew: told as such, and nothing is acknowledged into it. (The
//! embedded store's file: `everyday: a_store_that_is_removed_or_replaced_under_a_server_acknowledges_nothing`.)

use std::time::Instant;

use serde_json::json;

use crate::harness::{PATIENCE, Served, execute};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_dropped_or_made_anew_acknowledges_nothing() {
    let served = Served::on_postgres().await;
    served.text("before", "what was there before").await;
    let name = served.database().to_owned();
    let mut number = 0;
    for step in [format!("DROP DATABASE {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        execute(step).await;
        let deadline = Instant::now() + PATIENCE;
        let mut told = 0;
        while told < 3 {
            assert!(Instant::now() < deadline, "never told");
            number += 1;
            let answer = served.post("/ingest/text", json!({ "text": format!("lost words {number}") })).await;
            let problem = answer.is_problem(503, "store_unavailable");
            // The first calls may meet the connections that were cut.
            told += u32::from(problem["detail"].as_str().is_some_and(|detail| detail.contains("removed or replaced")));
        }
        // Graph and store are asked one after the other: either may be told first.
        let is_told = |body: &str| body.contains("\"postgres\":\"down\"");
        served.until("/health", "down", |answer| answer.status == 503 && is_told(&answer.body)).await;
    }
    served.shutdown.advance();
    execute(format!("DROP DATABASE {name} WITH (FORCE)")).await;
}
