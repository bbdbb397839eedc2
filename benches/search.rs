//! Hybrid search in a warm process: 200 two-word queries of all frequencies, the 20 most frequent words among them.
//!
//! `cargo bench --bench search -- [messages]` takes an archive (100,000 messages unless told) in, warms the indexes up and
//! prints percentiles of the service's own time.

#![expect(clippy::print_stdout, clippy::unwrap_used, unreachable_pub, reason = "a program of measurements")]

#[path = "support/corpus.rs"]
mod corpus;

use std::time::Instant;

use peanut::config::{Config, Environment, Overrides};
use peanut::domain::search::{SearchMode, SearchRequest};
use peanut::runtime::shutdown::Shutdown;
use peanut::runtime::wiring::{House, WorkerSet};

fn main() {
    let messages = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(measure(messages));
}

async fn measure(messages: usize) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("load.mbox");
    corpus::write_archive(&archive, messages, 300, 7).unwrap();
    let overrides = Overrides { data_dir: Some(folder.path().join("data")), ..Overrides::default() };
    let config = Config::load(&overrides, &Environment::of(&[("HOME", "/"), ("PEANUT_MODEL", "static")])).unwrap();
    let house = House::open(config).await.unwrap();
    let shutdown = Shutdown::new();
    let workers = house.try_start_workers(&shutdown, WorkerSet::Ingest).await.unwrap().unwrap();
    house.intake.offer_paths(&[archive.to_str().unwrap().to_owned()]).await.unwrap();
    while house.store.counts().await.unwrap().documents < messages as u64
        || house.store.outbox_status(house.clock.now()).await.unwrap().pending > 0
    {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let started = Instant::now();
    house.store.warm_up().await.unwrap();
    println!("indexes of {messages} chunks in memory after {:.1} s", started.elapsed().as_secs_f64());
    let zipf = corpus::Zipf::new(7);
    for (name, first, step) in
        [("20 most frequent words", 0, 1), ("ranks 20 to 2,000", 20, 10), ("ranks 200 to 20,000", 200, 100)]
    {
        for mode in [SearchMode::Words, SearchMode::Vectors, SearchMode::Hybrid] {
            let mut millis = Vec::new();
            for n in 0..200 {
                let rank =
                    |k: usize| zipf.ranked((first + (n * 7 + k * 3) % 200 * step).min(first + 199 * step) % 20_000);
                let words = if step == 1 {
                    format!("{} {}", zipf.ranked(n % 20), zipf.ranked((n * 7 + 3) % 20))
                } else {
                    format!("{} {}", rank(n), rank(n + 1))
                };
                let request = SearchRequest { query: words, limit: 20, mode };
                millis.push(house.search.search(&request).await.unwrap().elapsed_ms);
            }
            millis.sort_by(f64::total_cmp);
            let at = |fraction: f64| millis[((millis.len() - 1) as f64 * fraction) as usize];
            println!("{name}, {mode:?}: p50 {:.1} ms  p95 {:.1} ms  max {:.1} ms", at(0.5), at(0.95), at(1.0));
        }
    }
    shutdown.advance();
    workers.join(&shutdown).await;
    house.close().await;
}
