//! The scan of codes: what is near to a query's vector, best first. Called by `legs`.
//!
//! Searches that wait for a core are scanned for together, a stretch of codes after the other, so that a crowd of them
//! reads the codes from memory once: memory is what a scan takes its time from, not arithmetic. For the same reason a
//! chunk is looked up when it is scanned only if the search rules many out; otherwise a few more are gathered, looked up
//! at the end, and all is done again with care should too many of them have been ruled out.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::domain::ChunkId;
use crate::domain::search::ScoredChunk;
use crate::index::codes::{Nearest, QueryCode};
use crate::index::stop::{Awaited, Stop};
use crate::store::{StoreError, StoreResult};

use super::codes::{Block, ModelCodes};
use super::view::{Allowed, Finder, Part, View};
use super::{SearchIndex, best_first};

/// Below this share of all chunks the allowed ones are looked up one by one instead of scanning all.
const SMALL_SHARE: f64 = 0.1;
/// Rows scanned for one search before it is the next one's turn: 64 KiB of 256-dimensional codes, which stay in the
/// core's own cache.
const STRETCH: usize = 256;
/// Chunks looked up between two looks whether anybody still waits.
const LOOKED_AT_ONCE: usize = 4_096;
/// Searches scanned for together at most.
const MOST_TOGETHER: usize = 16;
/// From this share of all chunks on they are looked up at the end.
const LARGE_SHARE: f64 = 0.95;

/// A model's codes with the query's.
pub(super) type Asked = (Arc<ModelCodes>, QueryCode);

/// What one search wants to know.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Best first: a chunk is scored by the first that has it.
    pub(super) models: Vec<Asked>,
    pub(super) view: Arc<View>,
    pub(super) allowed: Arc<Allowed>,
    /// The share of chunks these are.
    pub(super) share: f64,
    /// Scores per slot, NaN where words rule a chunk out; empty when no words do.
    pub(super) words: Arc<Vec<f32>>,
    pub(super) limit: usize,
    /// Set when nobody waits for the answer any more.
    pub(super) stop: Stop,
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

    /// How many of those gathered without care may turn out to be ruled out.
    fn slack(&self) -> usize {
        self.limit / 4 + 16
    }

    /// The best of what was gathered, scored by both codes; `None` when it was gathered without care and too much of it is
    /// ruled out.
    fn best(&self, nearest: Nearest<Candidate>, with_care: bool) -> Option<Vec<ScoredChunk>> {
        let mut finder = Finder::new(&self.view);
        let gathered = nearest.worth_rescoring();
        let count = gathered.len();
        let scored = gathered.into_iter().filter_map(|candidate| {
            let (codes, query) = &self.models[candidate.model];
            let (part, place) = finder.find(candidate.id)?;
            if !with_care && !self.lets(part, place) {
                return None;
            }
            let score = codes.fine_score(candidate.id, query)?;
            let document_id = part.segment.places.get(place)?.document_id;
            Some(ScoredChunk { chunk_id: ChunkId(candidate.id), document_id, score })
        });
        let scored: Vec<ScoredChunk> = scored.collect();
        if !with_care && count - scored.len() > self.slack() {
            return None;
        }
        Some(best_first(scored, self.limit))
    }

    /// Looks every allowed chunk up, until nobody waits any more.
    fn look_up(&self) -> Vec<ScoredChunk> {
        let mut nearest = self.nearest(true);
        for part in &self.view.parts {
            for (place, chunk) in part.segment.places.iter().enumerate() {
                if place % LOOKED_AT_ONCE == 0 && self.stop.is_set() {
                    return Vec::new();
                }
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
        self.best(nearest, true).unwrap_or_default()
    }

    fn nearest(&self, with_care: bool) -> Nearest<Candidate> {
        let limit = if with_care { self.limit } else { self.limit.saturating_add(self.slack()) };
        Nearest::new(limit, self.models.iter().map(|(_, query)| query.error()).fold(0.0, f32::max))
    }
}

/// One of the searches that are scanned for together.
struct Scanning<'a> {
    wanted: &'a Wanted,
    nearest: Nearest<Candidate>,
    finder: Finder<'a>,
    /// Whether every chunk is looked up before it is gathered.
    with_care: bool,
}

impl<'a> Scanning<'a> {
    fn new(wanted: &'a Wanted, with_care: bool) -> Self {
        Self { wanted, nearest: wanted.nearest(with_care), finder: Finder::new(&wanted.view), with_care }
    }

    fn stretch(&mut self, model: usize, block: &Block, rows: Range<usize>) {
        let (before, rest) = self.wanted.models.split_at(model);
        let Some((_, query)) = rest.first() else { return };
        let dimension = query.dimension().max(1);
        let codes = block.codes[rows.start * dimension..rows.end * dimension].chunks_exact(dimension);
        for ((id, scale), code) in block.ids[rows.clone()].iter().zip(&block.scales[rows]).zip(codes) {
            let score = query.score(code, *scale);
            if self.nearest.wants(score)
                && (!self.with_care || self.lets(*id))
                && !before.iter().any(|(codes, _)| codes.has_vector(*id))
            {
                self.nearest.push(score, Candidate { id: *id, model });
            }
        }
    }

    fn lets(&mut self, id: i64) -> bool {
        self.finder.find(id).is_some_and(|(part, place)| self.wanted.lets(part, place))
    }
}

/// Scans for searches that have the same codes. Before every stretch it looks who still waits: for the others nothing is
/// scanned any more.
fn scan(searches: &mut [Scanning<'_>]) {
    let models = searches.first().map_or(&[][..], |search| &search.wanted.models);
    for (model, (codes, _)) in models.iter().enumerate() {
        for block in &codes.blocks {
            for start in (0..block.ids.len()).step_by(STRETCH) {
                let rows = start..(start + STRETCH).min(block.ids.len());
                let mut does_any_wait = false;
                for search in searches.iter_mut().filter(|search| !search.wanted.stop.is_set()) {
                    does_any_wait = true;
                    search.stretch(model, block, rows.clone());
                }
                if !does_any_wait {
                    return;
                }
            }
        }
        // Those behind a model that has every chunk have nothing to add.
        if codes.has_all() {
            break;
        }
    }
}

/// Answers searches that have the same codes.
fn answers(together: &[&Wanted]) -> Vec<Vec<ScoredChunk>> {
    let with_care = |wanted: &Wanted| !wanted.words.is_empty() || wanted.share < LARGE_SHARE;
    let mut searches: Vec<Scanning<'_>> =
        together.iter().map(|wanted| Scanning::new(wanted, with_care(wanted))).collect();
    scan(&mut searches);
    let answer = |search: Scanning<'_>| {
        if search.wanted.stop.is_set() {
            return Vec::new();
        }
        search.wanted.best(search.nearest, search.with_care).unwrap_or_else(|| {
            let mut again = [Scanning::new(search.wanted, true)];
            scan(&mut again);
            let [again] = again;
            again.wanted.best(again.nearest, true).unwrap_or_default()
        })
    };
    searches.into_iter().map(answer).collect()
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
    pub(super) async fn scanned(&self, mut wanted: Wanted) -> StoreResult<Vec<ScoredChunk>> {
        // Somebody else's thread may be scanning for this one when it is given up.
        let awaited = Awaited::default();
        wanted.stop = awaited.stop();
        if wanted.share < SMALL_SHARE {
            return self.score_apart(move |_| wanted.look_up()).await;
        }
        let (answer, mut answered) = oneshot::channel();
        let number = self.scans.numbers.fetch_add(1, Ordering::Relaxed);
        self.scans.queue().push(Waiting { number, wanted, answer });
        // Another search may take this one along; what it left in the queue is this one's to do.
        while self.scans.holds(number) {
            let scans = Arc::clone(&self.scans);
            tokio::select! {
                biased;
                found = &mut answered => return found.map_err(|_| unanswered()),
                ran = self.score_apart(move |_| scans.run()) => ran?,
            }
        }
        answered.await.map_err(|_| unanswered())
    }
}

fn unanswered() -> StoreError {
    StoreError::invariant("search vectors", "", "the scan that was to answer ended without".to_owned())
}

#[cfg(test)]
mod tests;
