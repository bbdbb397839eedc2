//! The way in for everybody: paths, folders and notes become rows of the ledger or documents. Called by the screens'
//! services, the commands and the watcher.

mod known;
pub mod paths;
pub(crate) mod regular;
pub(crate) mod vanished;
pub mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::intake::{OfferedFile, Origin, WatchedFolder};
use crate::domain::{Clock, DocumentId, ModelId, NewDocument, Timestamp, WriteOutcome};
use crate::embed::InstantEmbedder;
use crate::ingest::chunk::ChunkOptions;
use crate::outbox::recorder::Recorder;
use crate::store::{CommitBatch, OnceKey, SharedStore, StoreError};
use crate::telemetry::metrics;

use super::parsers::{Answer, Facts, Job, Parsers, TextFacts, What, document};

/// Files offered in one transaction while a folder is walked.
const OFFER_BATCH: usize = 500;
/// Texts parsed at one time.
const TEXTS: usize = 2;

/// What happened to offered paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntakeOffer {
    /// Files now queued.
    pub queued: u64,
    /// Files left alone because they are in, unchanged.
    pub unchanged: u64,
    /// Known files that are gone: their documents are retired.
    pub retired: u64,
    /// Paths that cannot be taken, with the reason and what to do.
    pub refused: Vec<(String, String)>,
}

/// Why intake refused.
#[derive(Debug, Error)]
pub enum IntakeError {
    /// What was given cannot be taken; the message says what would do.
    #[error("{0}")]
    Refused(String),
    /// The key was used for another text.
    #[error("this key was used for another text before")]
    KeyReused,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A text that a program hands over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewText {
    /// Title; empty takes the first line.
    pub title: String,
    /// Markdown or plain text.
    pub text: String,
    /// Tags, with or without `#`.
    pub tags: Vec<String>,
    /// Its own date; now when missing.
    pub dated_at: Option<Timestamp>,
}

impl NewText {
    /// Tells one text from another, whatever is in its parts.
    fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let parts = [&self.title, &self.text].into_iter().chain(&self.tags);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(self.dated_at.map_or(i64::MIN, |date| date.0).to_le_bytes());
        hash.finalize().into()
    }
}

/// What became of a text; it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextReceipt {
    /// The document that holds it.
    pub document_id: DocumentId,
    /// Whether it is new.
    pub added: bool,
    /// Whether the key was known: this repeats what was answered then.
    pub repeated: bool,
    /// What of the text was left out because it goes over a budget, one plain sentence each.
    pub left_out: Vec<String>,
}

/// The service. Shared by screens, commands and the watcher of one process.
pub struct Intake {
    store: SharedStore,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    instant: Arc<dyn InstantEmbedder>,
    background_models: watch::Receiver<Vec<ModelId>>,
    parsers: Parsers,
    chunks: ChunkOptions,
    ingest_wake: Arc<Notify>,
    /// Texts parsed at one time: whoever hands over many shares a parser, and leaves the others to files.
    texts: Semaphore,
}

impl Intake {
    /// A service over `store` that wakes the ingest worker.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "its neighbours, each of another type, named once, by the wiring")]
    pub fn new(
        store: SharedStore,
        recorder: Recorder,
        clock: Arc<dyn Clock>,
        instant: Arc<dyn InstantEmbedder>,
        background_models: watch::Receiver<Vec<ModelId>>,
        parsers: Parsers,
        chunks: ChunkOptions,
        ingest_wake: Arc<Notify>,
    ) -> Self {
        let texts = Semaphore::new(TEXTS);
        Self { store, recorder, clock, instant, background_models, parsers, chunks, ingest_wake, texts }
    }

    /// Queues files, and what folders hold; retires what is gone of it. Paths may be relative, begin with `~`, or be
    /// `file://` URLs.
    ///
    /// # Errors
    /// When the store fails; a path that cannot be taken is in `refused`.
    pub async fn offer_paths(&self, given: &[String]) -> Result<IntakeOffer, IntakeError> {
        self.offer_paths_and_gone(given, false).await
    }

    /// The same; with `gone`, files are gone too whose drive is not there.
    ///
    /// # Errors
    /// When the store fails; a path that cannot be taken is in `refused`.
    pub async fn offer_paths_and_gone(&self, given: &[String], gone: bool) -> Result<IntakeOffer, IntakeError> {
        let mut offer = IntakeOffer::default();
        for text in given {
            let path = paths::resolve(text);
            match tokio::fs::metadata(&path).await {
                Ok(metadata) if metadata.is_dir() => {
                    self.offer_folder(&path, &[], Origin::Explicit, &mut offer).await?;
                    self.retire_vanished(&path, gone, &mut offer).await?;
                }
                Ok(metadata) if metadata.is_file() => {
                    let file = walk::offered(&path, &metadata, Origin::Explicit, self.clock.now());
                    self.offer_named(vec![file], &mut offer).await?;
                }
                Ok(_) => offer.refused.push((text.clone(), "is neither a file nor a folder".to_owned())),
                Err(error) => {
                    let (retired, refused) = (offer.retired, offer.refused.len());
                    self.retire_vanished(&path, gone, &mut offer).await?;
                    if offer.retired == retired && offer.refused.len() == refused {
                        offer.refused.push((text.clone(), paths::explain(&error)));
                    }
                }
            }
        }
        Ok(offer)
    }

    /// Queues what a folder holds, in steps, so that the first files are read while the rest is found.
    pub(crate) async fn offer_folder(
        &self,
        folder: &Path,
        excludes: &[String],
        origin: Origin,
        offer: &mut IntakeOffer,
    ) -> Result<(), IntakeError> {
        let (sender, mut found) = tokio::sync::mpsc::channel(4);
        let (root, excludes, now) = (folder.to_owned(), excludes.to_vec(), self.clock.now());
        let walking = tokio::task::spawn_blocking(move || {
            walk::walk(&root, &excludes, origin, now, OFFER_BATCH, |batch| sender.blocking_send(batch).is_ok())
        });
        while let Some(batch) = found.recv().await {
            self.offer_files(batch, offer).await?;
        }
        match walking.await {
            Ok(refused) => offer.refused.extend(refused),
            Err(error) => offer.refused.push((folder.display().to_string(), format!("walking it failed: {error}"))),
        }
        Ok(())
    }

    /// Queues files that are known to exist.
    pub(crate) async fn offer_files(
        &self,
        files: Vec<OfferedFile>,
        offer: &mut IntakeOffer,
    ) -> Result<(), IntakeError> {
        if files.is_empty() {
            return Ok(());
        }
        let queued = self.store.offer(&files, false, self.clock.now()).await?;
        offer.queued += queued;
        offer.unchanged += (files.len() as u64).saturating_sub(queued);
        self.ingest_wake.notify_one();
        Ok(())
    }

    /// Takes a file in again, whatever it was.
    ///
    /// # Errors
    /// When the file is gone or the store fails.
    pub async fn retry_file(&self, path: &str) -> Result<(), IntakeError> {
        let known = self.store.file(path).await?;
        let origin = known.map_or(Origin::Explicit, |record| record.origin);
        let found = paths::path_of(path);
        let metadata = tokio::fs::metadata(&found).await;
        let metadata = metadata.map_err(|error| IntakeError::Refused(format!("{path}: {}", paths::explain(&error))))?;
        let file = walk::offered(&found, &metadata, origin, self.clock.now());
        self.store.offer(&[file], true, self.clock.now()).await?;
        self.ingest_wake.notify_one();
        Ok(())
    }

    /// Stores a note at once; it never lies in a file of its own.
    ///
    /// # Errors
    /// When it is empty or the store fails.
    pub async fn write_note(&self, title: &str, text: &str) -> Result<DocumentId, IntakeError> {
        if title.trim().is_empty() && text.trim().is_empty() {
            return Err(IntakeError::Refused("the note is empty: write something first".to_owned()));
        }
        let now = self.clock.now();
        let facts = TextFacts { title: title.to_owned(), now, ..TextFacts::default() };
        let (note, left_out) = self.read_text(facts, text.to_owned()).await?;
        if !left_out.is_empty() {
            tracing::warn!(left_out = left_out.join("; "), "note_was_cut");
        }
        let id = note.id;
        let background_models = self.background_models.borrow().clone();
        let report = self
            .recorder
            .commit(&CommitBatch {
                documents: vec![note],
                instant_model: Some(self.instant.model().clone()),
                background_models,
                now,
                ..CommitBatch::default()
            })
            .await?;
        Ok(report.ids.first().copied().unwrap_or(id))
    }

    /// Stores a text a program hands over, once for every `key`. When this returns, it is committed.
    ///
    /// # Errors
    /// When nothing readable is in it, the key was used for another text, or the store fails.
    pub async fn take_text(&self, new: NewText, key: Option<String>) -> Result<TextReceipt, IntakeError> {
        let now = self.clock.now();
        let fingerprint = new.fingerprint();
        let once = key.map(|key| OnceKey { key, fingerprint });
        let NewText { title, text, tags, dated_at } = new;
        let (document, left_out) = self.read_text(TextFacts { title, tags, dated_at, now }, text).await?;
        let id = document.id;
        let batch = CommitBatch {
            documents: vec![document],
            instant_model: Some(self.instant.model().clone()),
            background_models: self.background_models.borrow().clone(),
            once,
            now,
            ..CommitBatch::default()
        };
        let report = self.recorder.commit(&batch).await?;
        if let Some(earlier) = report.earlier {
            if earlier.fingerprint != fingerprint {
                return Err(IntakeError::KeyReused);
            }
            return Ok(TextReceipt {
                document_id: earlier.document_id,
                added: earlier.added,
                repeated: true,
                left_out,
            });
        }
        metrics::observe_ingest(self.clock.now().seconds_since(now));
        let document_id = report.ids.first().copied().unwrap_or(id);
        let added = report.outcomes.first() == Some(&WriteOutcome::Added);
        Ok(TextReceipt { document_id, added, repeated: false, left_out })
    }

    /// A text as a document, and what of it was left out. Parsing, cutting and embedding a long one takes a while; nobody
    /// else waits for it, and when its caller waits no more it is given up.
    async fn read_text(&self, facts: TextFacts, text: String) -> Result<(NewDocument, Vec<String>), IntakeError> {
        let refused = |why: String| IntakeError::Refused(why);
        let _turn = self.texts.acquire().await.map_err(|error| refused(error.to_string()))?;
        let job = Job { facts: Facts { what: What::Text(facts), chunks: self.chunks }, bytes: text.into_bytes() };
        let (parsers, instant) = (self.parsers.clone(), Arc::clone(&self.instant));
        let wanted = CancellationToken::new();
        let _given_up = wanted.clone().drop_guard();
        let building = tokio::task::spawn_blocking(move || {
            let answer = parsers.parse(&[job], &|| !wanted.is_cancelled()).pop();
            match answer.unwrap_or_else(|| Answer::NotTried("no answer".to_owned())) {
                Answer::Read { mut document, left_out } => {
                    document::embed(&mut document, &*instant);
                    Ok((*document, left_out))
                }
                Answer::Refused(error) => Err(error.to_string()),
                Answer::NotTried(why) => Err(why),
            }
        });
        building.await.map_err(|error| refused(format!("reading it failed: {error}")))?.map_err(refused)
    }

    /// Watches a folder and queues what it holds.
    ///
    /// # Errors
    /// When it is no readable folder or the store fails.
    pub async fn add_folder(&self, path: &str, excludes: Vec<String>) -> Result<IntakeOffer, IntakeError> {
        let folder: PathBuf = paths::resolve(path);
        let metadata = tokio::fs::metadata(&folder).await;
        let metadata = metadata.map_err(|error| IntakeError::Refused(format!("{path}: {}", paths::explain(&error))))?;
        if !metadata.is_dir() {
            return Err(IntakeError::Refused(format!("{path} is no folder; add it as a file instead")));
        }
        let watched = WatchedFolder { path: paths::text_of(&folder), excludes };
        self.store.put_folder(&watched, self.clock.now()).await?;
        let mut offer = IntakeOffer::default();
        self.offer_folder(&folder, &watched.excludes, Origin::Folder, &mut offer).await?;
        self.retire_vanished(&folder, false, &mut offer).await?;
        Ok(offer)
    }

    /// Stops watching a folder; its documents stay.
    ///
    /// # Errors
    /// When it is not watched or the store fails.
    pub async fn remove_folder(&self, path: &str) -> Result<(), IntakeError> {
        Ok(self.store.remove_folder(path).await?)
    }
}
