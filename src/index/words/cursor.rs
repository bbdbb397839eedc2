//! Goes through the places of one term in one segment. Pure; called by `merge` and by `index::matching`.

use crate::index::ranking::each_posting;
use crate::index::varint::{skip, take};

/// Where a term stands: what its entry in the dictionary leads to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Postings<'a> {
    /// Chunks that hold it.
    pub(crate) chunks: u32,
    /// Texts among them.
    pub(crate) texts: u32,
    pub(super) places: &'a [u8],
    pub(super) positions: &'a [u8],
}

impl<'a> Postings<'a> {
    /// Calls `with` for every chunk that holds the term: place and frequency.
    #[inline]
    pub(crate) fn each(&self, with: impl FnMut(usize, u32)) {
        each_posting(self.places, self.chunks, with);
    }

    /// A cursor before the first place.
    pub(crate) fn cursor(&self) -> Cursor<'a> {
        Cursor { postings: *self, left: self.chunks, at: 0, positions_at: 0, place: 0, frequency: 0 }
    }
}

/// At a place of a term, or before the first.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    postings: Postings<'a>,
    left: u32,
    at: usize,
    /// Where the positions of the present place begin.
    positions_at: usize,
    place: u64,
    /// Of the present place; 0 before the first, and when its positions were read.
    frequency: u32,
}

impl Cursor<'_> {
    /// Goes to the next place; `None` behind the last.
    pub(crate) fn advance(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        skip(self.postings.positions, &mut self.positions_at, self.frequency);
        let head = take(self.postings.places, &mut self.at);
        self.place += head >> 1;
        self.frequency = if head & 1 == 1 { 1 } else { take(self.postings.places, &mut self.at) as u32 };
        Some(self.place as usize)
    }

    /// Goes to the first place from `wanted` on, the present one included; `None` behind the last.
    pub(crate) fn advance_to(&mut self, wanted: usize) -> Option<usize> {
        while self.frequency == 0 || (self.place as usize) < wanted {
            self.advance()?;
        }
        Some(self.place as usize)
    }

    /// The present place's positions, ascending, into `positions`.
    pub(crate) fn positions(&self, positions: &mut Vec<u32>) {
        positions.clear();
        let (mut at, mut position) = (self.positions_at, 0_u64);
        for _ in 0..self.frequency {
            if at >= self.postings.positions.len() {
                return;
            }
            position += take(self.postings.positions, &mut at);
            positions.push(position as u32);
        }
    }
}
