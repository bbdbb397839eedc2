//! The vectors of a model as codes in memory: blocks ordered by chunk, and their scan. Pure; called by `load` and `legs`.
//!
//! Blocks never change, so a search scans what it was given while newer ones are made; small blocks are merged into
//! larger ones as they come.

use std::collections::HashSet;
use std::sync::Arc;

use crate::store::shared::codes::{Nearest, QueryCode, quantise};

use super::source::Source;
use super::view::{Allowed, Part, View};

/// Blocks of this many vectors are not merged any further.
const LARGEST_BLOCK: usize = 65_536;
/// A block that is less than so many times larger than the one after it is merged with it.
const MERGE_FACTOR: usize = 4;
/// What a vector takes in memory besides its code: chunk and scale.
const ROW_BYTES: usize = 12;
/// Below this share of all chunks the allowed ones are looked up one by one instead of scanning all.
const SMALL_SHARE: f64 = 0.1;

/// Codes of some chunks.
#[derive(Debug, Default)]
struct Block {
    /// Chunks, ascending.
    ids: Vec<i64>,
    /// What undoes each code; NaN for a chunk that is known to have no vector.
    scales: Vec<f32>,
    codes: Vec<i8>,
}

impl Block {
    fn row(&self, id: i64) -> Option<usize> {
        let inside = self.ids.first()? <= &id && &id <= self.ids.last()?;
        inside.then(|| self.ids.binary_search(&id).ok())?
    }

    fn code(&self, row: usize, dimension: usize) -> &[i8] {
        &self.codes[row * dimension..(row + 1) * dimension]
    }

    fn merged(&self, other: &Self, dimension: usize) -> Self {
        let mut both = Self {
            ids: Vec::with_capacity(self.ids.len() + other.ids.len()),
            scales: Vec::with_capacity(self.ids.len() + other.ids.len()),
            codes: Vec::with_capacity(self.codes.len() + other.codes.len()),
        };
        let (mut left, mut right) = (0, 0);
        while left < self.ids.len() || right < other.ids.len() {
            let takes_left = right == other.ids.len() || (left < self.ids.len() && self.ids[left] < other.ids[right]);
            let (block, row) = if takes_left { (self, &mut left) } else { (other, &mut right) };
            both.ids.push(block.ids[*row]);
            both.scales.push(block.scales[*row]);
            both.codes.extend_from_slice(block.code(*row, dimension));
            *row += 1;
        }
        both
    }
}

/// One model's codes, and up to where they are whole.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelCodes {
    /// The model, by number.
    pub(super) seq: i64,
    pub(super) dimension: usize,
    blocks: Vec<Arc<Block>>,
    /// Views of the primary up to this number are served: every vector committed before them is here.
    whole_for: u64,
    /// The same of views of the replica, which hold what the primary held before.
    whole_for_replica: u64,
    /// Looks up to this number may be older than what is here.
    pub(super) newer_than: u64,
    /// Chunks of the last view without a vector here, ascending.
    pub(super) missing: Vec<i64>,
    /// Chunks that are known to have no vector.
    without: usize,
    /// Segments of the last view.
    segments: HashSet<i64>,
    /// The last chunk whose vector came late: the next ones are likely behind it.
    pub(super) last_found: i64,
}

impl ModelCodes {
    pub(super) fn new(seq: i64, dimension: usize) -> Self {
        Self { seq, dimension, ..Self::default() }
    }

    /// What so many vectors of a dimension take.
    pub(super) fn bytes_of(vectors: u64, dimension: usize) -> u64 {
        vectors * (dimension + ROW_BYTES) as u64
    }

    /// Whether every vector of a view is here.
    pub(super) fn is_whole_for(&self, view: &View) -> bool {
        let whole_for = match view.source {
            Source::Primary => self.whole_for,
            Source::Replica => self.whole_for_replica,
        };
        whole_for >= view.number
    }

    /// Every vector of a view is here now. What the primary has, its replica has not more.
    pub(super) fn now_whole_for(&mut self, view: &View) {
        if view.source == Source::Primary {
            self.whole_for = self.whole_for.max(view.number);
        }
        self.whole_for_replica = self.whole_for_replica.max(view.number);
    }

    fn find(&self, id: i64) -> Option<(&Block, usize)> {
        self.blocks.iter().find_map(|block| Some((&**block, block.row(id)?)))
    }

    /// Whether a chunk has a vector here.
    pub(super) fn has_vector(&self, id: i64) -> bool {
        self.find(id).is_some_and(|(block, row)| !block.scales[row].is_nan())
    }

    /// Adds vectors (`None`: known to have none); chunks that are here already are passed over.
    pub(super) fn add(&mut self, mut rows: Vec<(i64, Option<Vec<f32>>)>) {
        rows.sort_unstable_by_key(|(id, _)| *id);
        rows.dedup_by_key(|(id, _)| *id);
        rows.retain(|(id, _)| self.find(*id).is_none());
        self.missing.retain(|id| rows.binary_search_by_key(id, |(id, _)| *id).is_err());
        let mut block = Block::default();
        for (id, vector) in rows {
            let vector = vector.filter(|vector| vector.len() == self.dimension);
            self.without += usize::from(vector.is_none());
            let (code, scale) = vector.map_or_else(|| (vec![0; self.dimension], f32::NAN), |vector| quantise(&vector));
            block.ids.push(id);
            block.scales.push(scale);
            block.codes.extend_from_slice(&code);
        }
        if block.ids.is_empty() {
            return;
        }
        while let Some(last) = self.blocks.last() {
            let both = last.ids.len() + block.ids.len();
            if both > LARGEST_BLOCK || last.ids.len() > block.ids.len() * MERGE_FACTOR {
                break;
            }
            block = last.merged(&block, self.dimension);
            self.blocks.pop();
        }
        self.blocks.push(Arc::new(block));
    }

    /// Brings what is missing in line with a view: chunks of segments that came, without those that are gone.
    pub(super) fn follow(&mut self, view: &View) {
        let mut missing: Vec<i64> = self.missing.iter().copied().filter(|id| view.find(*id).is_some()).collect();
        for part in view.parts.iter().filter(|part| !self.segments.contains(&part.segment.id)) {
            let lacks = |(place, chunk): (usize, &super::segment::Place)| {
                (!part.is_gone(place) && self.find(chunk.id).is_none()).then_some(chunk.id)
            };
            missing.extend(part.segment.places.iter().enumerate().filter_map(lacks));
        }
        missing.sort_unstable();
        // A merged segment holds chunks that were missing before.
        missing.dedup();
        self.missing = missing;
        self.segments = view.parts.iter().map(|part| part.segment.id).collect();
    }

    /// How many vectors are here of chunks that are not gone; right after [`Self::follow`].
    pub(super) fn held(&self, view: &View) -> u64 {
        view.alive.saturating_sub(self.missing.len() as u64)
    }
}

/// A candidate of the scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) id: i64,
    /// Which of the models scored it.
    pub(super) model: usize,
}

/// What a chunk must be for the scan to return it.
pub(super) struct Gate<'a> {
    pub(super) view: &'a View,
    pub(super) allowed: &'a Allowed,
    /// The share of chunks that may be returned.
    pub(super) share: f64,
    /// Scores per slot, NaN where words rule a chunk out; empty when no words do.
    pub(super) words: &'a [f32],
}

impl Gate<'_> {
    fn lets(&self, part: &Part, place: usize) -> bool {
        self.allowed.lets(part, place) && !self.words.get(part.base + place).is_some_and(|score| score.is_nan())
    }
}

/// What may be among the best `limit` chunks once scored exactly. A chunk is scored by the first model that has it.
pub(super) fn scan(models: &[(Arc<ModelCodes>, QueryCode)], gate: &Gate<'_>, limit: usize) -> Vec<Candidate> {
    let error = models.iter().map(|(_, query)| query.error()).fold(0.0, f32::max);
    let mut nearest = Nearest::new(limit, error);
    if gate.share < SMALL_SHARE {
        for part in &gate.view.parts {
            for (place, chunk) in part.segment.places.iter().enumerate() {
                if !gate.lets(part, place) {
                    continue;
                }
                for (model, (codes, query)) in models.iter().enumerate() {
                    let Some((block, row)) = codes.find(chunk.id) else { continue };
                    let scale = block.scales[row];
                    if scale.is_nan() {
                        continue;
                    }
                    let score = query.score(block.code(row, codes.dimension), scale);
                    if nearest.wants(score) {
                        nearest.push(score, Candidate { id: chunk.id, model });
                    }
                    break;
                }
            }
        }
        return nearest.worth_rescoring();
    }
    for (model, (codes, query)) in models.iter().enumerate() {
        for block in &codes.blocks {
            let rows = block.ids.iter().zip(&block.scales).zip(block.codes.chunks_exact(codes.dimension.max(1)));
            for ((id, scale), code) in rows {
                let score = query.score(code, *scale);
                // Few scores are wanted: only then is it worth to look the chunk up.
                if nearest.wants(score)
                    && gate.view.find(*id).is_some_and(|(part, place)| gate.lets(part, place))
                    && !models[..model].iter().any(|(before, _)| before.has_vector(*id))
                {
                    nearest.push(score, Candidate { id: *id, model });
                }
            }
        }
        // Those behind a model that has every chunk have nothing to add.
        if codes.missing.is_empty() && codes.without == 0 {
            break;
        }
    }
    nearest.worth_rescoring()
}
