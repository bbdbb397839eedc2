//! Gathers what the parsers give into batches and commits them, each with the ledger rows it speaks of. Used by the worker.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::domain::intake::{FileRecord, FileState, FileUpdate, NewDeadLetter};
use crate::domain::{DocumentId, NewDocument};
use crate::ingest::intake::{paths, walk};
use crate::store::{CommitBatch, CommitReport, StoreError};
use crate::telemetry::metrics;

use super::IngestContext;
use super::reader::{End, Holds, Output, Position};

/// Documents of one transaction at most: about as many as small files are in hand at once, or a commit would wait for more.
const DOCUMENTS: usize = 256;
/// Text of one transaction at most.
const TEXT_BYTES: usize = 4 << 20;
/// A retryable commit is tried this often before the error goes up.
const COMMIT_ATTEMPTS: u32 = 5;

/// A file in hand.
struct InHand {
    record: FileRecord,
    /// The documents that hold what it gave, as the store said: it chooses their ids.
    given: HashSet<DocumentId>,
}

pub(super) struct Committer<'a> {
    context: &'a IngestContext,
    outputs: mpsc::Receiver<Output>,
    in_hand: HashMap<String, InHand>,
    documents: Vec<NewDocument>,
    text_bytes: usize,
    dead_letters: Vec<NewDeadLetter>,
    recovered: Vec<(String, Option<u64>)>,
    updates: HashMap<String, FileUpdate>,
    /// What is known of all that the files of these updates hold.
    held: HashMap<String, Holds>,
    /// Files that end with the batch being gathered.
    ending: Vec<(String, End)>,
}

impl<'a> Committer<'a> {
    pub(super) fn new(context: &'a IngestContext, outputs: mpsc::Receiver<Output>) -> Self {
        Self {
            context,
            outputs,
            in_hand: HashMap::new(),
            documents: Vec::new(),
            text_bytes: 0,
            dead_letters: Vec::new(),
            recovered: Vec::new(),
            updates: HashMap::new(),
            held: HashMap::new(),
            ending: Vec::new(),
        }
    }

    /// Takes files on; returns how many.
    pub(super) fn begin(&mut self, files: &[FileRecord]) -> usize {
        for record in files {
            self.in_hand.insert(record.path.clone(), InHand { record: record.clone(), given: HashSet::new() });
        }
        files.len()
    }

    /// Gathers one batch and commits it. Returns how many files ended with it.
    pub(super) async fn step(&mut self, gather: Duration) -> Result<usize, StoreError> {
        let Some(first) = self.outputs.recv().await else { return Ok(0) };
        self.take(first);
        let deadline = Instant::now() + gather;
        while self.documents.len() < DOCUMENTS && self.text_bytes < TEXT_BYTES {
            match tokio::time::timeout_at(deadline, self.outputs.recv()).await {
                Ok(Some(output)) => self.take(output),
                Ok(None) | Err(_) => break,
            }
        }
        self.commit().await
    }

    /// Commits what is left.
    pub(super) async fn finish(&mut self) -> Result<(), StoreError> {
        self.commit().await.map(|_| ())
    }

    /// Files that are still in hand: after an error, those to give back.
    pub(super) fn left(self) -> impl Iterator<Item = String> {
        self.in_hand.into_keys()
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Document { path, document } => {
                self.text_bytes += document.chunks.iter().map(|chunk| chunk.text.len()).sum::<usize>();
                // A file of its own clears its dead letter; messages clear theirs.
                self.recovered.push((path, document.source_offset));
                self.documents.push(*document);
            }
            Output::Failed(letter) => self.dead_letters.push(letter),
            Output::Progress { path, position } => self.note(&path, position, FileState::Parsing, None, Holds::Unknown),
            Output::Done { path, position, end } => {
                match &end {
                    End::State { state, reason, holds } => {
                        self.note(&path, position, *state, reason.clone(), holds.clone());
                    }
                    End::Changed => self.note(&path, position, FileState::Indexed, None, Holds::Unknown),
                    End::Released => {
                        self.updates.remove(&path);
                        self.held.remove(&path);
                    }
                }
                self.ending.push((path, end));
            }
        }
    }

    fn note(&mut self, path: &str, position: Position, state: FileState, reason: Option<String>, holds: Holds) {
        if holds == Holds::Unknown {
            self.held.remove(path);
        } else {
            self.held.insert(path.to_owned(), holds);
        }
        let update = FileUpdate {
            path: path.to_owned(),
            state,
            source_type: position.source_type,
            reason,
            bytes_done: position.bytes_done,
            head_sha256: position.head_sha256,
            seen: position.seen,
            skipped: position.skipped,
            whole: None,
            content_sha256: position.content_sha256,
        };
        self.updates.insert(path.to_owned(), update);
    }

    async fn commit(&mut self) -> Result<usize, StoreError> {
        let now = self.context.clock.now();
        self.tell_whole().await?;
        let batch = CommitBatch {
            moves: self.moves().await?,
            documents: std::mem::take(&mut self.documents),
            files: std::mem::take(&mut self.updates).into_values().collect(),
            dead_letters: std::mem::take(&mut self.dead_letters),
            recovered: std::mem::take(&mut self.recovered),
            instant_model: Some(self.context.instant.model().clone()),
            background_models: self.context.background_models.borrow().clone(),
            once: None,
            now,
        };
        self.text_bytes = 0;
        if !(batch.documents.is_empty() && batch.files.is_empty() && batch.dead_letters.is_empty()) {
            let paths: Vec<String> = batch.documents.iter().map(|document| document.source_path.clone()).collect();
            let report = self.commit_stubbornly(&batch).await?;
            for (path, id) in paths.iter().zip(&report.ids) {
                if let Some(file) = self.in_hand.get_mut(path) {
                    file.given.insert(*id);
                }
            }
        }
        let ended = std::mem::take(&mut self.ending);
        let count = ended.len();
        for (path, end) in ended {
            // In hand until all is done: what fails here is given back.
            if let Some(file) = self.in_hand.get(&path) {
                let (is_done, offered_at) = (matches!(end, End::State { .. }), file.record.offered_at);
                self.after(&path, end, file).await?;
                self.in_hand.remove(&path);
                if is_done {
                    metrics::observe_ingest(self.context.clock.now().seconds_since(offered_at));
                }
            }
        }
        Ok(count)
    }

    /// A busy database is waited for here: the documents are parsed and must not be lost.
    async fn commit_stubbornly(&self, batch: &CommitBatch) -> Result<CommitReport, StoreError> {
        let mut attempt = 1;
        loop {
            match self.context.recorder.commit(batch).await {
                Ok(report) => return Ok(report),
                Err(error) if error.is_retryable() && attempt < COMMIT_ATTEMPTS => {
                    tracing::warn!(%error, attempt, "commit_retried");
                    tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes into the updates what is known of all their files hold.
    async fn tell_whole(&mut self) -> Result<(), StoreError> {
        for (path, holds) in std::mem::take(&mut self.held) {
            let mut found: HashSet<DocumentId> =
                self.in_hand.get(&path).map(|file| file.given.clone()).unwrap_or_default();
            if let Holds::WhatIsOf(content) = holds {
                let same = self.context.store.find_by_content(&content).await?;
                found.extend(same.into_iter().filter(|held| held.source_path == path).map(|held| held.id));
            }
            if let Some(update) = self.updates.get_mut(&path) {
                update.whole = Some(found.into_iter().collect());
            }
        }
        Ok(())
    }

    /// Files of the batch whose content a document holds whose own file is gone: they moved.
    async fn moves(&self) -> Result<Vec<(String, DocumentId)>, StoreError> {
        let hashes: Vec<[u8; 32]> = self.documents.iter().map(|document| document.content_sha256).collect();
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        let held = self.context.store.find_by_content(&hashes).await?;
        let mut moves = Vec::new();
        let mut taken = HashSet::new();
        for document in &self.documents {
            let gone = held.iter().find(|held| {
                held.content_sha256 == document.content_sha256
                    && held.source_path != document.source_path
                    && held.source_path != "note"
                    && !taken.contains(&held.id)
                    && is_gone(&held.source_path)
            });
            if let Some(gone) = gone {
                taken.insert(gone.id);
                moves.push((document.source_key.clone(), gone.id));
            }
        }
        Ok(moves)
    }

    async fn after(&self, path: &str, end: End, file: &InHand) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        match end {
            End::Released => self.context.store.release_files(&[path.to_owned()], now).await,
            End::Changed => {
                let path = paths::path_of(path);
                let Ok(metadata) = tokio::fs::metadata(&path).await else { return Ok(()) };
                let offer = walk::offered(&path, &metadata, file.record.origin, now);
                self.context.store.offer(&[offer], true, now).await.map(|_| ())
            }
            End::State { .. } => Ok(()),
        }
    }
}

/// Whether a file is known not to be there: what cannot be looked at may be.
fn is_gone(path: &str) -> bool {
    matches!(paths::path_of(path).try_exists(), Ok(false))
}
