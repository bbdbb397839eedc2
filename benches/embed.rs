//! The background model: how fast it is alone, how fast its backlog drains through the store, and what it costs in memory.
//!
//! `cargo bench --bench embed -- [chunks]` embeds chunks of 254 word pieces (256 with the ends, the model's window; 320 of
//! them unless told) with the runtime alone (its default threads, no code of ours), with the embedder, then takes as many
//! messages of that length in and lets the worker follow, all in one run: the machine is the same for the three.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program of measurements")]

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peanut::config::{Config, Environment, Overrides};
use peanut::domain::wordpiece;
use peanut::embed::builtin::MiniLm;
use peanut::embed::{EmbedText, Embedder};
use peanut::runtime::shutdown::Shutdown;
use peanut::runtime::wiring::{House, WorkerSet};

/// Frequent words of one word piece each, so that a text's length is known.
const WORDS: &[&str] = &["time", "house", "water", "river", "paper", "music", "light", "table", "green", "winter"];
/// Word pieces of a chunk.
const PIECES: usize = 254;

fn main() {
    let chunks = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(320);
    let builder = &mut tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap().block_on(measure(chunks));
}

/// A text of `pieces` word pieces, another one for every seed.
fn text(seed: usize, pieces: usize) -> String {
    let mut random = fastrand::Rng::with_seed(seed as u64);
    let words: Vec<&str> = (0..pieces).map(|_| WORDS[random.usize(..WORDS.len())]).collect();
    words.join(" ")
}

/// Chunks a second of the bare runtime: full windows, batches of 32, its own choice of threads.
fn reference(chunks: usize) -> f64 {
    let model = rten::Model::load_file("assets/minilm-w8.onnx").unwrap();
    let batch = 32;
    let node = |name| model.node_id(name).unwrap();
    let run = || {
        let ids = rten_tensor::NdTensor::<i32, 2>::full([batch, PIECES + 2], 2051);
        let mask = rten_tensor::NdTensor::<i32, 2>::full([batch, PIECES + 2], 1);
        let inputs = vec![(node("input_ids"), ids.into()), (node("attention_mask"), mask.into())];
        model.run_n(inputs, [node("pooled")], None).unwrap();
    };
    run();
    let started = Instant::now();
    let runs = chunks.div_ceil(batch);
    for _ in 0..runs {
        run();
    }
    (runs * batch) as f64 / started.elapsed().as_secs_f64()
}

async fn measure(chunks: usize) {
    let reference = reference(chunks);
    let texts: Vec<String> = (0..chunks).map(|seed| text(seed, PIECES)).collect();
    assert_eq!(wordpiece::ids(&texts[0]).len(), PIECES);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let model = Arc::new(MiniLm::new(threads));
    let texts: Vec<EmbedText<'_>> = texts.iter().map(|text| EmbedText { context: "", text }).collect();
    model.embed_documents(&texts[..16.min(chunks)]).await.unwrap();
    let started = Instant::now();
    for batch in texts.chunks(32) {
        model.embed_documents(batch).await.unwrap();
    }
    let alone = chunks as f64 / started.elapsed().as_secs_f64();
    println!("rten alone: {reference:.1} chunks of {} word pieces a second", PIECES + 2);
    println!(
        "MiniLM alone: {alone:.1} chunks of {} word pieces a second, {} MB resident",
        PIECES + 2,
        resident_megabytes()
    );
    drop(model);
    let through = worker(chunks).await;
    println!("MiniLM behind the store: {through:.1} chunks/s, {:.0} % of alone", through / alone * 100.0);
    println!("resident memory afterwards: {} MB", resident_megabytes());
}

/// Chunks a second of the worker's backlog, from the end of ingest to the last vector.
async fn worker(chunks: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    for seed in 0..chunks {
        // Title and text together fill the window.
        let mut file = std::fs::File::create(notes.join(format!("{seed}.txt"))).unwrap();
        file.write_all(text(seed + chunks, PIECES - 4).as_bytes()).unwrap();
    }
    let overrides = Overrides { data_dir: Some(folder.path().join("data")), ..Overrides::default() };
    let config = Config::load(&overrides, &Environment::of(&[("HOME", "/"), ("PEANUT_MODEL", "minilm")])).unwrap();
    let house = House::open(config).await.unwrap();
    let shutdown = Shutdown::new();
    let workers = house.try_start_workers(&shutdown, WorkerSet::IngestAndVectors).await.unwrap().unwrap();
    house.intake.offer_paths(&[notes.to_str().unwrap().to_owned()]).await.unwrap();
    while house.store.counts().await.unwrap().documents < chunks as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let done = async || {
        let progress = house.store.embedding_progress().await.unwrap();
        progress.iter().find(|model| model.model.0.starts_with("minilm")).map_or(0, |model| model.done)
    };
    let (started, before) = (Instant::now(), done().await);
    while done().await < chunks as u64 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rate = (chunks as u64 - before) as f64 / started.elapsed().as_secs_f64();
    shutdown.advance();
    workers.join(&shutdown).await;
    house.close().await;
    rate
}

fn resident_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
