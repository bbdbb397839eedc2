//! One picture of the whole machine. Gathered by `health`, shown by the screens and `peanut status`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::SourceType;
use super::graph::GraphCounts;
use super::health::{DiskSpace, ServiceHealth, WorkerRecord};
use super::ids::ModelId;
use super::intake::{DeadLetter, FileRecord, IntakeCounts, WatchedFolder};
use super::outbox::{DeadEvent, OutboxStatus};
use super::time::Timestamp;

/// What the store holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StoreCounts {
    /// Live documents.
    pub documents: u64,
    /// Live documents per type; types without documents left out.
    pub documents_by_type: Vec<(SourceType, u64)>,
    /// Deleted documents still kept.
    pub deleted: u64,
    /// Persons.
    pub persons: u64,
    /// Chunks of live documents.
    pub chunks: u64,
    /// Of those, the ones in the word index: all of them.
    pub searchable_chunks: u64,
    /// Size of the store on disk.
    pub bytes_on_disk: u64,
}

/// Which background model does what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ModelRoles {
    /// Searches use it.
    #[serde(default)]
    pub serving: Option<ModelId>,
    /// Its vectors are being made; it serves when all are there.
    #[serde(default)]
    pub building: Option<ModelId>,
    /// It served before; its vectors are kept until that is confirmed.
    #[serde(default)]
    pub previous: Option<ModelId>,
}

/// How far one model's vectors are.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct EmbeddingProgress {
    /// The model.
    pub model: ModelId,
    /// Texts with a vector (or known to have none).
    pub done: u64,
    /// Waiting, parked retries included.
    pub pending: u64,
    /// In a worker's hands.
    pub processing: u64,
    /// Given up after five attempts.
    pub failed: u64,
}

impl EmbeddingProgress {
    /// Fraction done, 0 to 1; an empty store counts as done.
    #[must_use]
    pub fn coverage(&self) -> f32 {
        let total = self.done + self.pending + self.processing + self.failed;
        if total == 0 { 1.0 } else { self.done as f32 / total as f32 }
    }
}

/// Everything the screens and `status --json` show, as of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StatusSnapshot {
    /// When it was gathered.
    pub at: Timestamp,
    /// What the store holds.
    pub store: StoreCounts,
    /// The ledger in numbers.
    pub intake: IntakeCounts,
    /// Files in hand and latest files, newest change first, at most 200.
    pub files: Vec<FileRecord>,
    /// Live documents per listed file, by path, as far as they were counted.
    #[serde(skip)]
    pub documents_held: BTreeMap<String, u64>,
    /// Whether intake is paused (by the user or by `.pause` in the drop zone), and why.
    pub intake_paused: Option<String>,
    /// Where files can be dropped.
    pub drop_zone: Option<String>,
    /// Folders indexed in place.
    pub folders: Vec<WatchedFolder>,
    /// Dead letters, newest first, at most 200.
    pub dead_letters: Vec<DeadLetter>,
    /// Per model, the instant one first.
    pub embeddings: Vec<EmbeddingProgress>,
    /// Which background model does what.
    pub models: ModelRoles,
    /// Whether background embedding is paused by the user.
    pub embedding_paused: bool,
    /// The outbox.
    pub outbox: OutboxStatus,
    /// Events given up, newest first, at most 200.
    pub dead_events: Vec<DeadEvent>,
    /// The graph, when it could be asked.
    pub graph: Option<GraphCounts>,
    /// Services, in a fixed order.
    pub services: Vec<ServiceHealth>,
    /// Room where the data lies, when that was asked for.
    pub disk: Option<DiskSpace>,
    /// Workers of every process that shares the store.
    pub workers: Vec<WorkerRecord>,
    /// Whether this process runs the workers (or only shows what another does).
    pub runs_workers: bool,
}

impl StatusSnapshot {
    /// Progress of a model.
    #[must_use]
    pub fn progress_of(&self, model: &ModelId) -> Option<&EmbeddingProgress> {
        self.embeddings.iter().find(|progress| &progress.model == model)
    }

    /// How far meaning is, for the status line: the model that is being built, else the one that serves, else (nobody
    /// has a role yet) the last that came into use. With whether it is only being built.
    #[must_use]
    pub fn meaning(&self) -> Option<(&EmbeddingProgress, bool)> {
        let building = self.models.building.as_ref().and_then(|model| self.progress_of(model));
        if let Some(progress) = building {
            return Some((progress, true));
        }
        let serving = self.models.serving.as_ref().and_then(|model| self.progress_of(model));
        let last = self.embeddings.last().filter(|_| self.embeddings.len() > 1);
        serving.or(last).map(|progress| (progress, false))
    }
}
