//! Whatever happens to a tree of files, what is found is what lies there: random sequences of writing, renaming, moving,
//! emptying, deleting, restoring, changing rights and replacing, each now and then followed by `ingest FOLDER`, by a scan of
//! the watched folder, or by naming one file; through the real pipeline, on both stores. The tree itself is the model.
//!
//! `PEANUT_TREES=10000 cargo test --test tree_property` runs the long version; the seed of the run is printed and can be
//! given as `PEANUT_SEED`. A sequence that fails is run again alone, made as short as it will fail, and printed.

#![expect(clippy::unwrap_used, reason = "a test: a failed step ends it")]
#![expect(clippy::print_stdout, reason = "the seed is told")]
#![expect(clippy::expect_used, reason = "the support starts services or ends the test")]

#[path = "support/services.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod services;
#[path = "tree_property/tree.rs"]
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use peanut::domain::intake::FileState;
use peanut::domain::search::{SearchMode, SearchRequest};
use peanut::domain::{Clock, SystemClock};
use peanut::embed::InstantEmbedder;
use peanut::embed::builtin::StaticModel;
use peanut::ingest::chunk::ChunkOptions;
use peanut::ingest::intake::Intake;
use peanut::ingest::parsers::Parsers;
use peanut::ingest::pipeline::{IngestActivity, IngestContext, IngestWorker};
use peanut::outbox::recorder::Recorder;
use peanut::search::service::SearchService;
use peanut::store::SharedStore;
use peanut::store::postgres::{PostgresOptions, PostgresStore};
use peanut::store::sqlite::SqliteStore;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use tree::{Op, Scan, Tree, sequence};

/// Sequences that go on side by side: they share the worker, and its commits.
const SIDE_BY_SIDE: u64 = 24;

/// Longest wait for anything; only a failure takes this long.
const PATIENCE: Duration = Duration::from_secs(600);

/// The real pipeline over one store.
struct Pipeline {
    store: SharedStore,
    intake: Intake,
    search: SearchService,
    activity: watch::Receiver<IngestActivity>,
    soft: CancellationToken,
    worker: tokio::task::JoinHandle<Result<(), String>>,
}

impl Pipeline {
    async fn over(store: SharedStore, drop_zone: PathBuf) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let instant = Arc::new(StaticModel::open().unwrap());
        let model: Arc<dyn InstantEmbedder> = Arc::clone(&instant) as Arc<dyn InstantEmbedder>;
        store.register_model(model.model(), model.dimension(), clock.now()).await.unwrap();
        let recorder = Recorder::new(Arc::clone(&store), Arc::default(), Arc::default());
        let wake: Arc<Notify> = Arc::default();
        let background_models = watch::Sender::new(Vec::new());
        let chunks = ChunkOptions::default();
        let intake = Intake::new(
            Arc::clone(&store),
            recorder.clone(),
            Arc::clone(&clock),
            Arc::clone(&model),
            background_models.subscribe(),
            Parsers::here(),
            chunks,
            Arc::clone(&wake),
        );
        // What is tried here is what is found, not how soon.
        let search = SearchService::new(Arc::clone(&store), vec![instant], Arc::clone(&clock)).within(PATIENCE);
        let context = IngestContext {
            store: Arc::clone(&store),
            recorder,
            clock,
            instant: model,
            background_models: background_models.subscribe(),
            parsers: Parsers::here(),
            chunks,
            drop_zone,
            wake,
            threads: 2,
        };
        let worker = Arc::new(IngestWorker::new(context, "trees"));
        let (activity, soft) = (worker.activity(), CancellationToken::new());
        let running = soft.clone();
        let worker = tokio::spawn(async move { worker.run(running).await });
        Self { store, intake, search, activity, soft, worker }
    }

    async fn scan(&self, root: &Path, scan: &Scan) {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        match scan {
            Scan::Folder => drop(self.intake.offer_paths(&[path(root)]).await.unwrap()),
            Scan::Watched => drop(self.intake.add_folder(&path(root), Vec::new()).await.unwrap()),
            // Perhaps it never was there: then it is refused.
            Scan::Named(name) => drop(self.intake.offer_paths(&[path(&root.join(name))]).await.unwrap()),
        }
    }

    /// Waits until nothing is queued or in hand.
    async fn settled(&mut self) {
        let waiting = async {
            loop {
                self.activity.borrow_and_update();
                let counts = self.store.intake_counts().await.unwrap();
                let mut states = counts.files_by_state.iter().map(|(state, _)| *state);
                if !states.any(|state| matches!(state, FileState::Queued | FileState::Parsing)) {
                    return;
                }
                self.activity.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("ingest never came to rest");
    }

    /// Which of these words is found, and where.
    async fn found(&self, words: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<PathBuf>> {
        let mut found: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
        let all: Vec<&String> = words.iter().collect();
        for words in all.chunks(40) {
            let query = words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" OR ");
            let request = SearchRequest { query, limit: 100, offset: 0, mode: SearchMode::Words };
            let hits = self.search.search(&request).await.unwrap().hits;
            let chunks: Vec<_> = hits.iter().map(|hit| hit.chunk_id).collect();
            for source in self.store.hydrate(&chunks).await.unwrap() {
                for word in tree::words_of(source.text.as_bytes()) {
                    found.entry(word).or_default().insert(PathBuf::from(&source.source_path));
                }
            }
        }
        found
    }

    /// What is wrong with what is found of a tree.
    async fn wrong(&self, tree: &Tree) -> Option<String> {
        let there = tree.words();
        let mut found = self.found(&tree.ever).await;
        // A word that two files hold is found in one of them at least, and nowhere else.
        for (word, files) in &there {
            let in_files = found.remove(word).unwrap_or_default();
            if in_files.is_empty() {
                return Some(format!("{word} lies in {files:?} and is not found"));
            }
            if let Some(file) = in_files.iter().find(|file| !files.contains(*file)) {
                return Some(format!("{word} lies in {files:?} and is found in {}", file.display()));
            }
        }
        found.into_iter().next().map(|(word, files)| format!("{word} lies nowhere and is found in {files:?}"))
    }

    async fn stop(self) {
        let problems = self.store.verify().await.unwrap().problems;
        assert_eq!(problems, Vec::<String>::new());
        self.soft.cancel();
        self.worker.await.unwrap().unwrap();
        self.store.close().await;
    }
}

/// Runs one sequence alone; what goes wrong.
async fn alone(pipeline: &mut Pipeline, folder: &Path, number: u64, ops: &[Op]) -> Option<String> {
    let mut tree = Tree::at(folder.join(format!("alone{number}")), number);
    for op in ops {
        let Op::Scan(scan) = op else {
            tree.apply(op);
            continue;
        };
        pipeline.scan(&tree.root, scan).await;
        pipeline.settled().await;
        if !matches!(scan, Scan::Named(_))
            && let Some(wrong) = pipeline.wrong(&tree).await
        {
            return Some(wrong);
        }
    }
    None
}

/// Leaves out whatever the failure does not need.
async fn shortest(pipeline: &mut Pipeline, folder: &Path, mut ops: Vec<Op>) -> (Vec<Op>, Option<String>) {
    let (mut number, mut wrong) = (1_000_000, None);
    let mut at = ops.len();
    while at > 0 {
        at -= 1;
        let mut fewer = ops.clone();
        fewer.remove(at);
        number += 1;
        if let Some(why) = alone(pipeline, folder, number, &fewer).await {
            (ops, wrong) = (fewer, Some(why));
        }
    }
    (ops, wrong)
}

/// Runs the sequences `numbers` side by side.
async fn together(pipeline: &mut Pipeline, folder: &Path, seed: u64, numbers: std::ops::Range<u64>) {
    let mut running: Vec<(Tree, Vec<Op>, usize)> = numbers
        .map(|number| (Tree::at(folder.join(format!("t{number}")), number), sequence(seed.wrapping_add(number)), 0))
        .collect();
    loop {
        let mut scanned = Vec::new();
        for (index, (tree, ops, at)) in running.iter_mut().enumerate() {
            while let Some(op) = ops.get(*at) {
                *at += 1;
                if let Op::Scan(scan) = op {
                    pipeline.scan(&tree.root, scan).await;
                    if !matches!(scan, Scan::Named(_)) {
                        scanned.push(index);
                    }
                    break;
                }
                tree.apply(op);
            }
        }
        pipeline.settled().await;
        for index in scanned {
            let (tree, ops, _) = &running[index];
            if let Some(wrong) = pipeline.wrong(tree).await {
                let (fewest, why) = shortest(pipeline, folder, ops.clone()).await;
                panic!("sequence {} of seed {seed}: {wrong}\nshortest: {why:?}\n{fewest:#?}", tree.number);
            }
        }
        if running.iter().all(|(_, ops, at)| *at >= ops.len()) {
            break;
        }
    }
    for (tree, ..) in running {
        std::fs::remove_dir_all(&tree.root).unwrap();
        pipeline.scan(&tree.root, &Scan::Folder).await;
    }
    pipeline.settled().await;
}

async fn run(store: SharedStore, folder: &Path, trees: u64, name: &str) {
    let seed = std::env::var("PEANUT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("{name}: {trees} sequences, seed {seed} (PEANUT_SEED)");
    let begun = Instant::now();
    let mut pipeline = Pipeline::over(store, folder.join("drop")).await;
    let mut next = 0;
    while next < trees {
        let end = (next + SIDE_BY_SIDE).min(trees);
        together(&mut pipeline, folder, seed, next..end).await;
        if next / 1_000 < end / 1_000 {
            println!("{name}: {end} sequences in {:.0} s", begun.elapsed().as_secs_f64());
        }
        next = end;
    }
    pipeline.stop().await;
    println!("{name}: {trees} sequences in {:.0} s", begun.elapsed().as_secs_f64());
}

/// How many sequences: few by default, for every run of the tests.
fn trees() -> u64 {
    std::env::var("PEANUT_TREES").ok().and_then(|trees| trees.parse().ok()).unwrap_or(120)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_what_lies_there_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("peanut.db")).await.unwrap();
    run(Arc::new(store), folder.path(), trees(), "sqlite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_what_lies_there_postgres() {
    let server = &services::services().postgres;
    let database = format!("peanut_trees_{}", std::process::id());
    let mut admin = sqlx::PgConnection::connect(server).await.unwrap();
    for sql in [format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"), format!("CREATE DATABASE {database}")] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
    let (start, _) = server.rsplit_once('/').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = PostgresStore::open(&format!("{start}/{database}"), &PostgresOptions::default()).await.unwrap();
    run(Arc::new(store), folder.path(), trees(), "postgres").await;
    let drop = format!("DROP DATABASE {database} WITH (FORCE)");
    sqlx::query(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
}
