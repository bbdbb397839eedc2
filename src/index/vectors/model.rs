//! All vectors of one model: blocks where they lie, and in memory what came since. Kept current by the store; read by
//! `scan`.

use std::collections::HashMap;
use std::sync::Arc;

use super::block::{Block, Coded};

/// The vectors of one model, as far as they were read.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The store's number of the model.
    pub(crate) number: i64,
    /// Dimensions of its vectors.
    pub(crate) dimension: usize,
    /// Blocks with the store's number of each.
    pub(crate) blocks: Vec<(i64, Block)>,
    /// The store's number of the last vector in them.
    pub(crate) blocks_seen: i64,
    /// What came since.
    pub(crate) tail: Arc<Tail>,
    /// The store's number of the last vector seen.
    pub(crate) seen: i64,
}

/// Vectors in memory, in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail {
    ids: Vec<i64>,
    scales: Vec<f32>,
    codes: Vec<i8>,
    fine: Vec<i8>,
    rows: HashMap<i64, u32, foldhash::fast::RandomState>,
}

impl Tail {
    fn push(&mut self, vector: &Coded) {
        if self.rows.contains_key(&vector.chunk) {
            return;
        }
        self.rows.insert(vector.chunk, self.ids.len() as u32);
        self.ids.push(vector.chunk);
        self.scales.push(vector.scale);
        self.codes.extend_from_slice(&vector.code);
        self.fine.extend_from_slice(&vector.fine);
    }

    /// Number of vectors.
    pub(super) fn vectors(&self) -> usize {
        self.ids.len()
    }
}

/// Where a vector lies: in a block (by its rank), or in memory; and its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) block: Option<usize>,
    pub(super) row: usize,
}

impl Model {
    /// A model of which nothing was read.
    pub(crate) fn new(number: i64, dimension: usize) -> Self {
        Self { number, dimension, blocks: Vec::new(), blocks_seen: 0, tail: Arc::default(), seen: 0 }
    }

    /// Takes vectors up to the store's number `seen`; those of another dimension are passed over.
    pub(crate) fn add(&mut self, vectors: &[Coded], seen: i64) {
        let tail = Arc::make_mut(&mut self.tail);
        for vector in vectors.iter().filter(|vector| vector.code.len() == self.dimension) {
            tail.push(vector);
        }
        self.seen = seen;
    }

    /// Vectors it has.
    #[cfg(test)]
    pub(crate) fn vectors(&self) -> usize {
        self.tail.vectors() + self.blocks.iter().map(|(_, block)| block.vectors()).sum::<usize>()
    }

    /// Where the vector of a chunk lies.
    pub(super) fn find(&self, chunk: i64) -> Option<Row> {
        if let Some(row) = self.tail.rows.get(&chunk) {
            return Some(Row { block: None, row: *row as usize });
        }
        let mut blocks = self.blocks.iter().enumerate().rev();
        blocks.find_map(|(at, (_, block))| Some(Row { block: Some(at), row: block.find(chunk)? }))
    }

    /// Whether it has a vector of a chunk.
    pub(crate) fn has(&self, chunk: i64) -> bool {
        self.find(chunk).is_some()
    }

    /// Code, what it leaves, and scale.
    pub(super) fn codes(&self, at: Row) -> (&[i8], &[i8], f32) {
        if let Some((_, block)) = at.block.and_then(|block| self.blocks.get(block)) {
            return (block.code(at.row), block.fine(at.row), block.scale(at.row));
        }
        let bytes = at.row * self.dimension..(at.row + 1) * self.dimension;
        let code = self.tail.codes.get(bytes.clone()).unwrap_or_default();
        let fine = self.tail.fine.get(bytes).unwrap_or_default();
        (code, fine, self.tail.scales.get(at.row).copied().unwrap_or(f32::NAN))
    }

    /// Calls `with` for stretches of rows that lie side by side: number of rows, all their codes, scale of a row, id of a row.
    pub(super) fn each_stretch<'a>(&'a self, mut with: impl FnMut(Stretch<'a>)) {
        for (_, block) in &self.blocks {
            with(Stretch { vectors: block.vectors(), codes: block.codes(), of: Some(block), tail: &self.tail });
        }
        with(Stretch { vectors: self.tail.vectors(), codes: &self.tail.codes, of: None, tail: &self.tail });
    }
}

/// Rows side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch<'a> {
    pub(super) vectors: usize,
    pub(super) codes: &'a [i8],
    of: Option<&'a Block>,
    tail: &'a Tail,
}

impl Stretch<'_> {
    #[inline]
    pub(super) fn scale(&self, row: usize) -> f32 {
        self.of.map_or_else(|| self.tail.scales.get(row).copied().unwrap_or(f32::NAN), |block| block.scale(row))
    }

    pub(super) fn id(&self, row: usize) -> i64 {
        self.of.map_or_else(|| self.tail.ids.get(row).copied().unwrap_or(0), |block| block.id(row))
    }
}
