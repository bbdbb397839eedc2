//! The scan of codes: what is near to a query's vector, best first. Called by `legs`.
//!
//! Searches that wait for a core are scanned for together, a stretch of codes after the other, so that a crowd of them
//! reads the codes from memory once: memory is what a scan takes its time from, not arithmetic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::domain::ChunkId;
use crate::domain::search::ScoredChunk;
use crate::store::shared::codes::{Nearest, QueryCode};
use crate::store::{StoreError, StoreResult};

use super::codes::{Block, ModelCodes};
use super::view::{Allowed, Finder, Part, View};
use super::{SearchIndex, best_first};

/// Below this share of all chunks the allowed ones are looked up one by one instead of scanning all.
const SMALL_SHARE: f64 = 0.1;
/// Rows scanned for one search before it is the next one's turn: 64 KiB of 256-dimensional codes, which stay in the
/// core's own cache.
const STRETCH: usize = 256;
/// Searches scanned for together at most.
const MOST_TOGETHER: usize = 16;

/// A model's codes with the query's.
pub(super) type Asked = (Arc<ModelCodes>, QueryCode);

/// What one search wants to know.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Best first: a chunk is scored by the first that has it.
    pub(super) models: Vec<Asked>,
    pub(super) view: Arc<View>,
    pub(super) allowed: Arc<Allowed>,
    /// Scores per slot, NaN where words rule a chunk out; empty when no words do.
    pub(super) words: Arc<Vec<f32>>,
    pub(super) limit: usize,
}

/// A candidate.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    id: i64,
    /// Which of the models scored it.
    model: usize,
}

impl Wanted {
    fn lets(&self, part: &Part, place: usize) -> bool {
        self.allowed.lets(part, place) && !self.words.get(part.base + place).is_some_and(|score| score.is_nan())
    }

    fn has_same_codes(&self, other: &Self) -> bool {
        self.models.len() == other.models.len()
            && self.models.iter().zip(&other.models).all(|((one, _), (other, _))| Arc::ptr_eq(one, other))
    }

    /// The best of what may be returned, scored by both codes.
    fn best(&self, nearest: Nearest<Candidate>) -> Vec<ScoredChunk> {
        let mut finder = Finder::new(&self.view);
        let scored = nearest.worth_rescoring().into_iter().filter_map(|candidate| {
            let (codes, query) = &self.models[candidate.model];
            let score = codes.fine_score(candidate.id, query)?;
            let (part, place) = finder.find(candidate.id)?;
            let document_id = part.segment.places.get(place)?.document_id;
            Some(ScoredChunk { chunk_id: ChunkId(candidate.id), document_id, score })
        });
        best_first(scored.collect(), self.limit)
    }

    /// Looks every allowed chunk up.
    fn look_up(&self) -> Vec<ScoredChunk> {
        let mut nearest = self.nearest();
        for part in &self.view.parts {
            for (place, chunk) in part.segment.places.iter().enumerate() {
                if !self.lets(part, place) {
                    continue;
                }
                let scored = self.models.iter().enumerate().find_map(|(model, (codes, query))| {
                    codes.score(chunk.id, query).map(|score| (score, Candidate { id: chunk.id, model }))
                });
                if let Some((score, candidate)) = scored.filter(|(score, _)| nearest.wants(*score)) {
                    nearest.push(score, candidate);
                }
            }
        }
        self.best(nearest)
    }

    fn nearest(&self) -> Nearest<Candidate> {
        Nearest::new(self.limit, self.models.iter().map(|(_, query)| query.error()).fold(0.0, f32::max))
    }
}

/// One of the searches that are scanned for together.
struct Scanning<'a> {
    wanted: &'a Wanted,
    nearest: Nearest<Candidate>,
    finder: Finder<'a>,
}

impl<'a> Scanning<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        Self { wanted, nearest: wanted.nearest(), finder: Finder::new(&wanted.view) }
    }

    fn stretch(&mut self, model: usize, block: &Block, rows: std::ops::Range<usize>) {
        let (before, rest) = self.wanted.models.split_at(model);
        let Some((_, query)) = rest.first() else { return };
        let dimension = query.dimension().max(1);
        let codes = block.codes[rows.start * dimension..rows.end * dimension].chunks_exact(dimension);
        for ((id, scale), code) in block.ids[rows.clone()].iter().zip(&block.scales[rows]).zip(codes) {
            let score = query.score(code, *scale);
            // Few scores are wanted: only then is it worth to look the chunk up.
            if self.nearest.wants(score)
                && self.finder.find(*id).is_some_and(|(part, place)| self.wanted.lets(part, place))
                && !before.iter().any(|(codes, _)| codes.has_vector(*id))
            {
                self.nearest.push(score, Candidate { id: *id, model });
            }
        }
    }
}

/// Answers searches that have the same codes.
fn answers(together: &[&Wanted]) -> Vec<Vec<ScoredChunk>> {
    let mut searches: Vec<Scanning<'_>> = together.iter().map(|wanted| Scanning::new(wanted)).collect();
    let models = together.first().map_or(&[][..], |wanted| &wanted.models);
    for (model, (codes, _)) in models.iter().enumerate() {
        for block in &codes.blocks {
            for start in (0..block.ids.len()).step_by(STRETCH) {
                let rows = start..(start + STRETCH).min(block.ids.len());
                for search in &mut searches {
                    search.stretch(model, block, rows.clone());
                }
            }
        }
        // Those behind a model that has every chunk have nothing to add.
        if codes.has_all() {
            break;
        }
    }
    searches.into_iter().map(|search| search.wanted.best(search.nearest)).collect()
}

/// A search in the queue.
#[derive(Debug)]
struct Waiting {
    number: u64,
    wanted: Wanted,
    answer: oneshot::Sender<Vec<ScoredChunk>>,
}

/// Searches that wait for a core.
#[derive(Debug, Default)]
pub(super) struct Scans {
    queue: Mutex<Vec<Waiting>>,
    numbers: AtomicU64,
}

impl Scans {
    fn queue(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, number: u64) -> bool {
        self.queue().iter().any(|waiting| waiting.number == number)
    }

    /// The one that waits longest, and all that can be scanned for with it.
    fn take(&self) -> Vec<Waiting> {
        let mut queue = self.queue();
        // Nobody waits for these any more.
        queue.retain(|waiting| !waiting.answer.is_closed());
        let mut taken: Vec<Waiting> = Vec::new();
        let mut left = Vec::new();
        for waiting in queue.drain(..) {
            let fits = taken.first().is_none_or(|first| first.wanted.has_same_codes(&waiting.wanted));
            if fits && taken.len() < MOST_TOGETHER { taken.push(waiting) } else { left.push(waiting) }
        }
        *queue = left;
        taken
    }

    /// Answers who waits; what is left over has somebody of its own who will come.
    fn run(&self) {
        let taken = self.take();
        let wanted: Vec<&Wanted> = taken.iter().map(|waiting| &waiting.wanted).collect();
        let found = answers(&wanted);
        for (waiting, found) in taken.into_iter().zip(found) {
            // Given up meanwhile: nobody to tell.
            drop(waiting.answer.send(found));
        }
    }
}

impl SearchIndex {
    /// The best `limit` chunks by calibrated cosine.
    pub(super) async fn scanned(&self, wanted: Wanted) -> StoreResult<Vec<ScoredChunk>> {
        if wanted.view.share(&wanted.allowed) < SMALL_SHARE {
            return self.score_apart(move || wanted.look_up()).await;
        }
        let (answer, mut answered) = oneshot::channel();
        let number = self.scans.numbers.fetch_add(1, Ordering::Relaxed);
        self.scans.queue().push(Waiting { number, wanted, answer });
        // Another search may take this one along; what it left in the queue is this one's to do.
        while self.scans.holds(number) {
            let scans = Arc::clone(&self.scans);
            self.score_apart(move || scans.run()).await?;
        }
        (&mut answered).await.map_err(|_| {
            StoreError::invariant("search vectors", "", "the scan that was to answer ended without".to_owned())
        })
    }
}
