//! The ingest worker: claims files from the ledger, has them read and parsed on its own threads, commits many documents
//! in one transaction. Run by the supervisor.
//!
//! `reader` has a file parsed by [`crate::ingest::parsers`] (blocking, on low-priority threads), `messages` an archive,
//! `committer` gathers documents into batches. Many small files share a commit; a large archive streams through in
//! bounded memory. A failure is a dead letter and never stops the rest.

mod archives;
mod committer;
mod left_out;
mod messages;
mod pool;
mod reader;
mod refused;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::health::WorkerState;
use crate::domain::intake::FileRecord;
use crate::domain::{Clock, ModelId};
use crate::embed::InstantEmbedder;
use crate::ingest::chunk::ChunkOptions;
use crate::ingest::parsers::Parsers;
use crate::outbox::recorder::Recorder;
use crate::store::{SharedStore, StoreError};

use committer::Committer;
use pool::ParserPool;

/// Setting that holds `true` while the user has paused intake.
const PAUSED_SETTING: &str = "intake.paused";
/// Files claimed at once: enough to fill a commit, few enough to be given back soon.
const CLAIM: u32 = 256;
/// A claim's lease; renewed by every commit that touches the file, so a long archive keeps it.
const LEASE: Duration = Duration::from_mins(5);
/// Without a wake-up, look this often: other processes offer files too, and retries fall due.
const POLL: Duration = Duration::from_secs(1);
/// A file that was in hand more often than this when the program ended is read alone.
const TOGETHER: u32 = 2;
/// Parsed documents that may wait for a commit.
const WAITING: usize = 256;
/// A commit waits this long for company.
const GATHER: Duration = Duration::from_millis(30);

/// What the worker needs of the house.
#[derive(Clone)]
pub struct IngestContext {
    /// The store.
    pub store: SharedStore,
    /// The only door for writes.
    pub recorder: Recorder,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// The model that runs inside the parser's loop.
    pub instant: Arc<dyn InstantEmbedder>,
    /// Models whose jobs are queued with every chunk, as they are at the moment.
    pub background_models: watch::Receiver<Vec<ModelId>>,
    /// Who parses.
    pub parsers: Parsers,
    /// Chunk sizes.
    pub chunks: ChunkOptions,
    /// A `.pause` file here pauses intake.
    pub drop_zone: PathBuf,
    /// Wakes the worker when files were offered.
    pub wake: Arc<Notify>,
    /// Parser threads.
    pub threads: usize,
}

/// What the worker is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct IngestActivity {
    /// For the workers' line.
    pub state: WorkerState,
    /// What exactly.
    pub detail: String,
}

/// The worker.
pub struct IngestWorker {
    context: IngestContext,
    name: String,
    activity: watch::Sender<IngestActivity>,
    busy: watch::Sender<bool>,
    /// Files that were in hand when the store failed; given back before more are claimed.
    stranded: Mutex<Vec<String>>,
}

impl IngestWorker {
    /// A worker that marks its claims with `name`.
    #[must_use]
    pub fn new(context: IngestContext, name: &str) -> Self {
        let activity = IngestActivity { state: WorkerState::Starting, detail: String::new() };
        Self {
            context,
            name: name.to_owned(),
            activity: watch::Sender::new(activity),
            busy: watch::Sender::new(false),
            stranded: Mutex::default(),
        }
    }

    /// What it is doing.
    #[must_use]
    pub fn activity(&self) -> watch::Receiver<IngestActivity> {
        self.activity.subscribe()
    }

    /// True while there are files to read: background work should give way.
    #[must_use]
    pub fn busy(&self) -> watch::Receiver<bool> {
        self.busy.subscribe()
    }

    /// Works until `soft` is cancelled; what was parsed is committed, what was not is given back.
    ///
    /// # Errors
    /// When the store fails for good; the supervisor starts it again.
    pub async fn run(&self, soft: CancellationToken) -> Result<(), String> {
        let pool = ParserPool::start(&self.context).map_err(|error| format!("cannot start parser threads: {error}"))?;
        let mut next_look = Instant::now();
        while !soft.is_cancelled() {
            let woken = self.context.wake.notified();
            let result = async {
                if Instant::now() >= next_look {
                    next_look = Instant::now() + POLL;
                    self.context.store.queue_due_retries(self.context.clock.now()).await?;
                    self.context.parsers.tidy();
                }
                if let Some(reason) = self.paused().await? {
                    self.tell(WorkerState::Paused, &reason);
                    return Ok(false);
                }
                self.round(&pool, &soft).await
            };
            match result.await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "ingest_waits_for_store");
                    self.tell(WorkerState::Waiting, &error.message);
                }
                Err(error) => return Err(error.to_string()),
            }
            self.busy.send_replace(false);
            tokio::select! {
                () = soft.cancelled() => break,
                () = woken => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        self.busy.send_replace(false);
        Ok(())
    }

    async fn paused(&self) -> Result<Option<String>, StoreError> {
        if self.context.store.setting(PAUSED_SETTING).await?.as_deref() == Some("true") {
            return Ok(Some("paused by you".to_owned()));
        }
        let stop_file = self.context.drop_zone.join(".pause");
        Ok(tokio::fs::try_exists(&stop_file)
            .await
            .unwrap_or(false)
            .then(|| "paused by .pause in the drop zone".to_owned()))
    }

    /// Claims and takes in one set of files; false when there was none. When the store fails in the middle, the files in
    /// hand are given back as soon as it answers again, not when their leases end.
    async fn round(&self, pool: &ParserPool, soft: &CancellationToken) -> Result<bool, StoreError> {
        self.give_back().await?;
        let files = self.claim().await?;
        if files.is_empty() {
            self.tell(WorkerState::Idle, "");
            return Ok(false);
        }
        let (files, is_alone) = self.suspect_alone(files).await?;
        self.busy.send_replace(true);
        let (sender, outputs) = mpsc::channel(WAITING);
        let mut committer = Committer::new(&self.context, outputs);
        let result = self.take_in(files, is_alone, &mut committer, &sender, pool, soft).await;
        if result.is_err() {
            self.stranded().extend(committer.left());
        }
        result.map(|()| true)
    }

    /// While the parsers work on one set of files the next is claimed, so they never wait for the ledger.
    async fn take_in(
        &self,
        files: Vec<FileRecord>,
        is_alone: bool,
        committer: &mut Committer<'_>,
        sender: &mpsc::Sender<reader::Output>,
        pool: &ParserPool,
        soft: &CancellationToken,
    ) -> Result<(), StoreError> {
        let mut in_hand = committer.begin(&files);
        pool.submit(files, sender, soft);
        self.tell(WorkerState::Busy, &format!("{in_hand} files in hand"));
        let mut last_pause_look = Instant::now();
        let mut claiming = !is_alone;
        while in_hand > 0 {
            let finished = committer.step(GATHER).await?;
            in_hand -= finished;
            if last_pause_look.elapsed() > POLL {
                last_pause_look = Instant::now();
                claiming = claiming && !soft.is_cancelled() && self.paused().await?.is_none();
            }
            if claiming && !soft.is_cancelled() && in_hand < CLAIM as usize / 2 {
                let more = self.claim().await?;
                if more.is_empty() {
                    claiming = false;
                } else {
                    in_hand += committer.begin(&more);
                    pool.submit(more, sender, soft);
                }
                self.tell(WorkerState::Busy, &format!("{in_hand} files in hand"));
            }
        }
        committer.finish().await
    }

    /// When the program ended again and again with files in hand, one of them may have done it: it is read with nothing
    /// else in hand, and the others are given back. Says whether that is so.
    async fn suspect_alone(&self, mut files: Vec<FileRecord>) -> Result<(Vec<FileRecord>, bool), StoreError> {
        let Some(at) = files.iter().position(|file| file.attempts > TOGETHER) else { return Ok((files, false)) };
        let suspect = files.swap_remove(at);
        let others: Vec<String> = files.into_iter().map(|file| file.path).collect();
        tracing::warn!(file = suspect.path, attempts = suspect.attempts, others = others.len(), "file_read_alone");
        self.context.store.release_files(&others, self.context.clock.now()).await?;
        Ok((vec![suspect], true))
    }

    async fn give_back(&self) -> Result<(), StoreError> {
        let stranded = self.stranded().clone();
        if !stranded.is_empty() {
            self.context.store.release_files(&stranded, self.context.clock.now()).await?;
            self.stranded().clear();
        }
        Ok(())
    }

    fn stranded(&self) -> MutexGuard<'_, Vec<String>> {
        self.stranded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn claim(&self) -> Result<Vec<FileRecord>, StoreError> {
        self.context.store.claim_files(&self.name, CLAIM, LEASE, self.context.clock.now()).await
    }

    fn tell(&self, state: WorkerState, detail: &str) {
        let next = IngestActivity { state, detail: detail.to_owned() };
        self.activity.send_if_modified(|activity| {
            let changed = *activity != next;
            *activity = next;
            changed
        });
    }
}
