//! Ingest and hybrid search in a warm process, per store: 200 two-word queries of all frequencies, the 20 most frequent
//! words among them, one at a time and 1,000 at once.
//!
//! `cargo bench --bench search -- [messages]` takes an archive (100,000 messages unless told) in, warms the indexes up
//! and prints percentiles of the service's own time. With `PEANUT_BENCH_POSTGRES_URL` the same archive goes into that
//! (empty) PostgreSQL database as well; `PEANUT_BENCH_STORE=postgres` leaves SQLite out.

#![expect(clippy::print_stdout, clippy::unwrap_used, unreachable_pub, reason = "a program of measurements")]

#[path = "support/corpus.rs"]
mod corpus;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peanut::domain::search::{Condition, Filter, Predicate, SearchMode, SearchRequest, VectorQuery};
use peanut::domain::{ChunkId, Clock, SystemClock};
use peanut::embed::builtin::StaticModel;
use peanut::embed::{Embedder, InstantEmbedder};
use peanut::ingest::chunk::ChunkOptions;
use peanut::ingest::intake::Intake;
use peanut::ingest::parsers::Parsers;
use peanut::ingest::pipeline::{IngestContext, IngestWorker};
use peanut::outbox::recorder::Recorder;
use peanut::search::service::SearchService;
use peanut::store::SharedStore;
use peanut::store::postgres::{PostgresOptions, PostgresStore};
use peanut::store::sqlite::SqliteStore;
use tokio_util::sync::CancellationToken;

fn main() {
    let messages = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(measure_all(messages));
}

async fn measure_all(messages: usize) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("load.mbox");
    corpus::write_archive(&archive, messages, 300, 7).unwrap();
    if std::env::var("PEANUT_BENCH_STORE").as_deref() != Ok("postgres") {
        let store = SqliteStore::open(&folder.path().join("peanut.sqlite")).await.unwrap();
        measure("SQLite", Arc::new(store), &archive, messages).await;
    }
    if let Ok(url) = std::env::var("PEANUT_BENCH_POSTGRES_URL") {
        let store = PostgresStore::open(&url, &PostgresOptions::default()).await.unwrap();
        measure("PostgreSQL", Arc::new(store), &archive, messages).await;
    }
}

async fn measure(name: &str, store: SharedStore, archive: &Path, messages: usize) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let model = Arc::new(StaticModel::open().unwrap());
    let instant: Arc<dyn InstantEmbedder> = Arc::<StaticModel>::clone(&model);
    store.register_model(instant.model(), instant.dimension(), clock.now()).await.unwrap();
    ingest(name, &store, &clock, &instant, archive, messages).await;
    let started = Instant::now();
    store.optimize().await.unwrap();
    println!("{name}: tidied up in {:.1} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    store.warm_up().await.unwrap();
    println!("{name}: warm after {:.1} s", started.elapsed().as_secs_f64());
    let embedder: Arc<dyn Embedder> = Arc::<StaticModel>::clone(&model);
    // As many at once as the app lets.
    let most = if name == "SQLite" { 3 } else { 12 };
    let search = SearchService::new(Arc::clone(&store), vec![embedder], Arc::clone(&clock)).at_once(most);
    let search = Arc::new(search);
    latencies(name, &search).await;
    at_once(name, &search).await;
    recall(name, &store, &model).await;
    store.close().await;
}

/// Takes the archive in and prints the rate.
async fn ingest(
    name: &str,
    store: &SharedStore,
    clock: &Arc<dyn Clock>,
    instant: &Arc<dyn InstantEmbedder>,
    archive: &Path,
    messages: usize,
) {
    let recorder = Recorder::new(Arc::clone(store), Arc::default(), Arc::default());
    let wake: Arc<tokio::sync::Notify> = Arc::default();
    let context = IngestContext {
        store: Arc::clone(store),
        recorder: recorder.clone(),
        clock: Arc::clone(clock),
        instant: Arc::clone(instant),
        background_models: tokio::sync::watch::channel(Vec::new()).1,
        parsers: Parsers::here(),
        chunks: ChunkOptions::default(),
        drop_zone: archive.with_extension("nowhere"),
        wake: Arc::clone(&wake),
        threads: 2,
    };
    let worker = IngestWorker::new(context, "bench");
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { worker.run(stop).await }
    });
    let chunks = ChunkOptions::default();
    let none = tokio::sync::watch::channel(Vec::new()).1;
    let intake = Intake::new(
        Arc::clone(store),
        recorder,
        Arc::clone(clock),
        Arc::clone(instant),
        none,
        Parsers::here(),
        chunks,
        wake,
    );
    let started = Instant::now();
    intake.offer_paths(&[archive.to_str().unwrap().to_owned()]).await.unwrap();
    while store.counts().await.unwrap().documents < messages as u64 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{name}: {messages} messages in {seconds:.1} s, {:.0} a second", messages as f64 / seconds);
    stop.cancel();
    running.await.unwrap().unwrap();
}

/// Word pairs: the 20 most frequent words (`step` 1) or 200 ranks from `first` on.
fn queries(zipf: &corpus::Zipf, first: usize, step: usize) -> Vec<String> {
    let rank = |n: usize, k: usize| zipf.ranked((first + (n * 7 + k * 3) % 200 * step) % 20_000);
    let pair = |n: usize| match step {
        1 => format!("{} {}", zipf.ranked(n % 20), zipf.ranked((n * 7 + 3) % 20)),
        _ => format!("{} {}", rank(n, n), rank(n, n + 1)),
    };
    (0..200).map(pair).collect()
}

async fn latencies(name: &str, search: &SearchService) {
    let zipf = corpus::Zipf::new(7);
    for (which, first, step) in
        [("20 most frequent words", 0, 1), ("ranks 20 to 2,000", 20, 10), ("ranks 200 to 20,000", 200, 100)]
    {
        for mode in [SearchMode::Words, SearchMode::Vectors, SearchMode::Hybrid] {
            let mut millis = Vec::new();
            for query in queries(&zipf, first, step) {
                let request = SearchRequest { query, limit: 20, offset: 0, mode };
                millis.push(search.search(&request).await.unwrap().elapsed_ms);
            }
            millis.sort_by(f64::total_cmp);
            let at = |fraction: f64| millis[((millis.len() - 1) as f64 * fraction) as usize];
            println!("{name}: {which}, {mode:?}: p50 {:.1} ms  p95 {:.1} ms  max {:.1} ms", at(0.5), at(0.95), at(1.0));
        }
    }
}

/// 1,000 hybrid searches in flight at once.
async fn at_once(name: &str, search: &Arc<SearchService>) {
    let zipf = corpus::Zipf::new(7);
    let mut asked = queries(&zipf, 20, 10);
    asked.extend(queries(&zipf, 200, 100));
    let started = Instant::now();
    let running: Vec<_> = (0..1000)
        .map(|n| {
            let (search, query) = (Arc::clone(search), asked[n % asked.len()].clone());
            tokio::spawn(async move {
                search.search(&SearchRequest { query, limit: 20, offset: 0, mode: SearchMode::Hybrid }).await
            })
        })
        .collect();
    for one in running {
        one.await.unwrap().unwrap();
    }
    println!("{name}: 1,000 searches at once, {:.0} a second", 1000.0 / started.elapsed().as_secs_f64());
}

/// How many of the exact ten best the vector leg finds, also when a filter keeps about one chunk in a hundred.
async fn recall(name: &str, store: &SharedStore, model: &StaticModel) {
    let zipf = corpus::Zipf::new(7);
    // Senders are numbered 0 to 499: five of them keep 1 %.
    let few = ["s7@", "s77@", "s177@", "s277@", "s377@"].map(|who| Predicate::From(who.to_owned())).to_vec();
    let few = Filter { conditions: vec![Condition { negated: false, any_of: few }], ..Filter::default() };
    for (which, filter) in [("no filter", Filter::default()), ("a filter that keeps 1 %", few)] {
        let first = store.newest(&filter, usize::MAX >> 1).await.unwrap();
        let documents: HashSet<_> = first.iter().map(|chunk| chunk.document_id).collect();
        // A document's chunks follow its first; here it has few.
        let all: Vec<_> = first.iter().flat_map(|chunk| (0..4).map(|next| ChunkId(chunk.chunk_id.0 + next))).collect();
        let held = store.hydrate(&all).await.unwrap();
        let mine = held.into_iter().filter(|chunk| documents.contains(&chunk.document_id));
        let all: Vec<_> = mine.map(|chunk| chunk.chunk_id).collect::<HashSet<_>>().into_iter().collect();
        let (mut found, mut wanted) = (0, 0);
        let mut millis = Vec::new();
        for text in queries(&zipf, 20, 10).into_iter().step_by(8) {
            let Some(vector) = model.embed_query(&text).await.unwrap() else { continue };
            let query = VectorQuery { model: Embedder::model(model).clone(), vector, scale: 1.0, offset: 0.0 };
            let queries = [query];
            let scores = store.score_vectors(&queries, &all).await.unwrap();
            let mut exact: Vec<f32> = scores.into_iter().flatten().collect();
            exact.sort_by(|a, b| b.total_cmp(a));
            let tenth = exact.get(9).copied().unwrap_or(f32::MIN);
            let started = Instant::now();
            let hits = store.search_vectors(&queries, &filter, 100).await.unwrap();
            millis.push(started.elapsed().as_secs_f64() * 1000.0);
            found += hits.iter().take(10).filter(|hit| hit.score >= tenth - 1e-6).count();
            wanted += exact.len().min(10);
        }
        millis.sort_by(f64::total_cmp);
        println!(
            "{name}: recall@10 with {which} ({} chunks): {:.3}, p50 {:.1} ms",
            all.len(),
            found as f64 / wanted as f64,
            millis[millis.len() / 2]
        );
    }
}
