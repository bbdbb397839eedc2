//! The vectors of a model as codes in memory: blocks ordered by chunk. Pure; called by `load`, `legs` and `scan`.
//!
//! Two codes of a byte a dimension each: the first is scanned, both together are the vector to sixteen bits and score
//! what the scan finds, so that a search reads no vector from the server. Blocks never change, so a search scans what it was given while newer ones are made; small blocks are merged into
//! larger ones as they come.

use std::collections::HashSet;
use std::sync::Arc;

use crate::index::codes::{QueryCode, quantise, remainder};

use super::source::Source;
use super::view::View;

/// Blocks of this many vectors are not merged any further.
const LARGEST_BLOCK: usize = 65_536;
/// A block that is less than so many times larger than the one after it is merged with it.
const MERGE_FACTOR: usize = 4;
/// What a vector takes in memory besides its codes: chunk and scale.
const ROW_BYTES: usize = 12;

/// Codes of some chunks.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Chunks, ascending.
    pub(super) ids: Vec<i64>,
    /// What undoes each code; NaN for a chunk that is known to have no vector.
    pub(super) scales: Vec<f32>,
    pub(super) codes: Vec<i8>,
    /// What the codes leave.
    fine: Vec<i8>,
}

impl Block {
    fn row(&self, id: i64) -> Option<usize> {
        let inside = self.ids.first()? <= &id && &id <= self.ids.last()?;
        inside.then(|| self.ids.binary_search(&id).ok())?
    }

    /// Approximate score of a row; NaN without a vector.
    fn score(&self, row: usize, query: &QueryCode) -> f32 {
        let dimension = query.dimension();
        query.score(&self.codes[row * dimension..(row + 1) * dimension], self.scales[row])
    }

    fn merged(&self, other: &Self, dimension: usize) -> Self {
        let mut both = Self {
            ids: Vec::with_capacity(self.ids.len() + other.ids.len()),
            scales: Vec::with_capacity(self.ids.len() + other.ids.len()),
            codes: Vec::with_capacity(self.codes.len() + other.codes.len()),
            fine: Vec::with_capacity(self.fine.len() + other.fine.len()),
        };
        let (mut left, mut right) = (0, 0);
        while left < self.ids.len() || right < other.ids.len() {
            let takes_left = right == other.ids.len() || (left < self.ids.len() && self.ids[left] < other.ids[right]);
            let (block, row) = if takes_left { (self, &mut left) } else { (other, &mut right) };
            both.ids.push(block.ids[*row]);
            both.scales.push(block.scales[*row]);
            let bytes = *row * dimension..(*row + 1) * dimension;
            both.codes.extend_from_slice(&block.codes[bytes.clone()]);
            both.fine.extend_from_slice(&block.fine[bytes]);
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
    pub(super) blocks: Vec<Arc<Block>>,
    /// Views of the primary up to this number are served: every vector committed before them is here.
    whole_for: u64,
    /// The same of views of the replica, which hold what the primary held before.
    whole_for_replica: u64,
    /// Looks up to this number may be older than what is here.
    pub(super) newer_than: u64,
    /// Texts of the last view without a vector here, ascending. Nothing else ever has one.
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
        vectors * (2 * dimension + ROW_BYTES) as u64
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

    /// Whether every text of the last view has a vector here.
    pub(super) fn has_all(&self) -> bool {
        self.missing.is_empty() && self.without == 0
    }

    fn find(&self, id: i64) -> Option<(&Block, usize)> {
        self.blocks.iter().find_map(|block| Some((&**block, block.row(id)?)))
    }

    /// Whether a chunk has a vector here.
    pub(super) fn has_vector(&self, id: i64) -> bool {
        self.find(id).is_some_and(|(block, row)| !block.scales[row].is_nan())
    }

    /// Approximate score of a chunk, if it has a vector here.
    pub(super) fn score(&self, id: i64, query: &QueryCode) -> Option<f32> {
        let (block, row) = self.find(id).filter(|(block, row)| !block.scales[*row].is_nan())?;
        (query.dimension() == self.dimension).then(|| block.score(row, query))
    }

    /// Score of a chunk by both codes, if it has a vector here.
    pub(super) fn fine_score(&self, id: i64, query: &QueryCode) -> Option<f32> {
        let (block, row) = self.find(id).filter(|(block, row)| !block.scales[*row].is_nan())?;
        let bytes = row * self.dimension..(row + 1) * self.dimension;
        let (code, fine) = (&block.codes[bytes.clone()], &block.fine[bytes]);
        (query.dimension() == self.dimension).then(|| query.fine_score(code, fine, block.scales[row]))
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
            let (code, fine, scale) = match vector {
                Some(vector) => {
                    let (code, scale) = quantise(&vector);
                    let fine = remainder(&vector, &code, scale);
                    (code, fine, scale)
                }
                None => (vec![0; self.dimension], vec![0; self.dimension], f32::NAN),
            };
            block.ids.push(id);
            block.scales.push(scale);
            block.fine.extend_from_slice(&fine);
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
                let is_wanted = chunk.kind.is_text() && !part.is_gone(place);
                (is_wanted && self.find(chunk.id).is_none()).then_some(chunk.id)
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
