//! The embedding worker over a service that fails, and searches meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use peanut::domain::search::{SearchMode, SearchRequest};
use peanut::domain::status::EmbeddingProgress;
use peanut::domain::{Clock as _, ModelId, NewDocument, SystemClock};
use peanut::embed::Embedder;
use peanut::embed::ollama::Ollama;
use peanut::embed::roles;
use peanut::embed::worker::EmbedWorker;
use peanut::search::service::SearchService;
use peanut::store::SharedStore;
use peanut::store::sqlite::SqliteStore;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::build::{batch, file};
use crate::ollama::{Fault, POISON, StandIn};
use crate::proxy::{Mode, Proxy};

struct Running {
    store: SharedStore,
    embedder: Arc<dyn Embedder>,
    worker: Arc<EmbedWorker>,
    soft: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), String>>,
    _paused: watch::Sender<bool>,
    _busy: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

/// A worker over documents that were there before the model was known.
async fn running(url: &str, documents: Vec<NewDocument>) -> Running {
    let folder = tempfile::tempdir().expect("temporary folder");
    let store: SharedStore = Arc::new(SqliteStore::open(&folder.path().join("peanut.db")).await.expect("open"));
    store.commit(&batch(documents)).await.expect("commit");
    let embedder: Arc<dyn Embedder> = Arc::new(Ollama::new(url, "nomic-embed-text").expect("client"));
    let (paused, busy) = (watch::Sender::new(false), watch::Sender::new(false));
    let worker = Arc::new(EmbedWorker::new(
        Arc::clone(&store),
        Arc::clone(&embedder),
        Arc::new(SystemClock),
        Arc::default(),
        paused.subscribe(),
        busy.subscribe(),
        "worker",
        1,
    ));
    let soft = CancellationToken::new();
    let task = tokio::spawn({
        let (worker, soft) = (Arc::clone(&worker), soft.clone());
        async move { worker.run(soft).await }
    });
    Running { store, embedder, worker, soft, task, _paused: paused, _busy: busy, _folder: folder }
}

impl Running {
    /// Waits until the worker's line says something, and what it says.
    async fn says(&self, wanted: &str) -> String {
        let mut activity = self.worker.activity();
        let told = activity.wait_for(|activity| activity.detail.contains(wanted));
        tokio::time::timeout(Duration::from_secs(20), told).await.expect("said in time").expect("worker").detail.clone()
    }

    /// Waits until nothing is left to do but what was refused.
    async fn progress(&self, done: u64) -> EmbeddingProgress {
        let look = async {
            let mut activity = self.worker.activity();
            loop {
                let progress = self.store.embedding_progress().await.expect("progress");
                if let Some(progress) = progress.into_iter().find(|progress| progress.done == done) {
                    return progress;
                }
                // It tells of every turn; a look now and then covers the turn that was missed.
                let _ = tokio::time::timeout(Duration::from_millis(100), activity.changed()).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), look).await.expect("embedded in time")
    }

    async fn end(self) {
        self.soft.cancel();
        self.task.await.expect("join").expect("worker");
    }
}

fn notes(count: usize) -> Vec<NewDocument> {
    (0..count).map(|at| file(&format!("/n/{at}.md"), &format!("text of note number{at}"))).collect()
}

#[tokio::test]
async fn a_poisoned_text_pays_alone() {
    let server = StandIn::start(None).await;
    let mut documents = notes(63);
    documents.push(file("/poison.md", POISON));
    let running = running(&server.url, documents).await;
    let progress = running.progress(63).await;
    assert_eq!((progress.done, progress.failed), (63, 0), "it will be tried again");
    // Halving: about two requests for each of six levels, not sixty-four.
    let asked = server.asked().len();
    assert!(asked <= 24, "{asked} requests");
    running.end().await;
}

#[tokio::test]
async fn the_worker_waits_as_long_as_it_is_asked_to() {
    let server = StandIn::start(None).await;
    server.fail_next(&[Fault::TooMany(2)]);
    let running = running(&server.url, notes(3)).await;
    running.progress(3).await;
    let asked = server.asked();
    assert!(asked[1].at.duration_since(asked[0].at) >= Duration::from_secs(2), "{asked:?}");
    running.end().await;
}

#[tokio::test]
async fn faults_cost_no_attempt_and_the_backlog_is_made_up() {
    let server = StandIn::start(None).await;
    server.fail_next(&[Fault::Broken, Fault::HalfJson, Fault::Reset]);
    let running = running(&server.url, notes(10)).await;
    let progress = running.progress(10).await;
    assert_eq!((progress.pending, progress.failed), (0, 0));
    running.end().await;
}

#[tokio::test]
async fn a_service_that_comes_late_is_used_and_searches_do_without_it_meanwhile() {
    let server = StandIn::start(None).await;
    let proxy = Proxy::before("127.0.0.1", server.port).await;
    proxy.set(Mode::Reset);
    let running = running(&format!("http://127.0.0.1:{}", proxy.port), notes(5)).await;
    assert!(running.says("does not answer").await.contains("OLLAMA_URL"));
    let models = vec![Arc::clone(&running.embedder)];
    let search = SearchService::new(Arc::clone(&running.store), models.clone(), Arc::new(SystemClock));
    let request = SearchRequest { query: "number3".into(), limit: 5, offset: 0, mode: SearchMode::Hybrid };
    let answer = search.search(&request).await.expect("words");
    assert!(answer.degraded && answer.hits.len() == 1, "{answer:?}");
    assert!(answer.degraded_reason.expect("why").contains("OLLAMA_URL"));
    proxy.set(Mode::Pass);
    running.progress(5).await;
    // A fresh service: the other leaves a model that failed alone for a while.
    let search = SearchService::new(Arc::clone(&running.store), models, Arc::new(SystemClock));
    let answer = search.search(&request).await.expect("both");
    assert!(!answer.degraded && answer.model.is_some(), "{answer:?}");
    assert_eq!(answer.hits[0].document_id, notes(5)[3].id);
    // A service that is slow at query time: words alone, in time, and at once for the keys that follow.
    server.fail_next(&[Fault::Slow(Duration::from_secs(30))]);
    for longest in [Duration::from_millis(4_000), Duration::from_millis(1_000)] {
        let start = Instant::now();
        assert!(search.search(&request).await.expect("words").degraded);
        assert!(start.elapsed() < longest, "{:?}", start.elapsed());
    }
    running.end().await;
}

/// A store of before models had roles: whichever has vectors goes on serving, whatever the settings name by now.
#[tokio::test]
async fn a_model_with_vectors_serves_until_another_is_built() {
    let server = StandIn::start(None).await;
    let running = running(&server.url, notes(5)).await;
    running.progress(5).await;
    let (held, instant) = (running.embedder.model().clone(), ModelId::from("static-256"));
    let now = SystemClock.now();
    let settle = async |configured: &str| {
        let settled = roles::settle(&running.store, &ModelId::from(configured), &instant, now).await;
        settled.expect("settle").serving
    };
    assert_eq!(settle("ollama:other").await.as_ref(), Some(&held));
    assert_eq!(settle("minilm-l6-w8").await, Some(held), "and so it stays");
    running.end().await;
}
