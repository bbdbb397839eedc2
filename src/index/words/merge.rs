//! Makes one segment of several, without the chunks that are gone. Pure; called by whoever tidies up.
//!
//! The postings of one term at a time are in memory, and a few bytes for every chunk: segments of any size merge.

use std::io::{self, Write};
use std::ops::Range;

use crate::index::ranking::put_posting;
use crate::index::varint::put;

use super::cursor::Postings;
use super::dictionary::Terms;
use super::pack::{NewPlace, Packer};
use super::segment::Segment;

/// A segment to be merged, and which of its chunks are gone.
#[derive(Debug)]
pub(crate) struct Input {
    /// The segment.
    pub(crate) segment: Segment,
    /// By place; shorter than the segment where nothing behind is gone.
    pub(crate) gone: Vec<bool>,
}

impl Input {
    /// A segment without those of its chunks that are among `gone`.
    pub(crate) fn without(segment: Segment, gone: &[i64]) -> Self {
        let mut marks = Vec::new();
        for place in gone.iter().filter_map(|chunk| segment.find(*chunk)) {
            marks.resize(segment.chunks(), false);
            marks[place] = true;
        }
        Self { segment, gone: marks }
    }

    /// The chunks that a merge leaves out.
    pub(crate) fn dropped(&self) -> impl Iterator<Item = i64> {
        let gone = self.gone.iter().enumerate().filter(|(_, gone)| **gone);
        gone.map(|(place, _)| self.segment.id(place))
    }

    /// The share of its chunks that are gone.
    pub(crate) fn share_gone(&self) -> f64 {
        self.dropped().count() as f64 / self.segment.chunks().max(1) as f64
    }

    fn is_gone(&self, place: usize) -> bool {
        self.gone.get(place).copied().unwrap_or(false)
    }

    fn place(&self, at: usize) -> NewPlace {
        let (kind, length) = self.segment.kinds_and_lengths().of(at);
        NewPlace {
            id: self.segment.id(at),
            document: self.segment.document(at),
            document_id: self.segment.document_id(at),
            kind,
            length,
        }
    }
}

/// Writes the merged segment to `out`, and returns that and how many chunks it holds.
///
/// # Errors
/// When `out` fails, or ids are 2^32 or more apart.
pub(crate) fn merge<W: Write>(inputs: &[Input], out: W) -> io::Result<(W, usize)> {
    let mut order: Vec<(NewPlace, u32, u32)> = Vec::new();
    for (number, input) in (0_u32..).zip(inputs) {
        let kept = (0..input.segment.chunks()).filter(|at| !input.is_gone(*at));
        order.extend(kept.map(|at| (input.place(at), number, at as u32)));
    }
    order.sort_unstable_by_key(|(place, ..)| place.id);
    let mut moved: Vec<Vec<u32>> = inputs.iter().map(|input| vec![u32::MAX; input.segment.chunks()]).collect();
    for (new, (_, number, old)) in (0_u32..).zip(&order) {
        moved[*number as usize][*old as usize] = new;
    }
    let places: Vec<NewPlace> = order.into_iter().map(|(place, ..)| place).collect();
    let mut packer = Packer::begin(out, &places)?;
    let mut terms: Vec<Option<Terms<'_>>> = inputs.iter().map(|input| advanced(input.segment.terms())).collect();
    let (mut gathered, mut term) = (Gathered::default(), Vec::new());
    while let Some(least) = terms.iter().flatten().map(Terms::term).min() {
        term.clear();
        term.extend_from_slice(least);
        gathered.clear();
        for (held, moved) in terms.iter_mut().zip(&moved) {
            if let Some(at) = held.take_if(|held| held.term() == term) {
                gathered.take(at.postings(), moved);
                *held = advanced(at);
            }
        }
        gathered.write(&term, &places, &mut packer)?;
    }
    Ok((packer.finish()?, places.len()))
}

fn advanced(mut terms: Terms<'_>) -> Option<Terms<'_>> {
    terms.advance().then_some(terms)
}

/// One term's occurrences while it is merged.
#[derive(Default)]
struct Gathered {
    /// New place, and where its positions lie among the gathered.
    occurrences: Vec<(u32, Range<usize>)>,
    positions: Vec<u32>,
    some: Vec<u32>,
    packed_postings: Vec<u8>,
    packed_positions: Vec<u8>,
}

impl Gathered {
    fn clear(&mut self) {
        self.occurrences.clear();
        self.positions.clear();
        self.packed_postings.clear();
        self.packed_positions.clear();
    }

    fn take(&mut self, postings: Postings<'_>, moved: &[u32]) {
        let mut cursor = postings.cursor();
        while let Some(old) = cursor.advance() {
            let Some(new) = moved.get(old).filter(|new| **new != u32::MAX) else { continue };
            cursor.positions(&mut self.some);
            let from = self.positions.len();
            self.positions.extend_from_slice(&self.some);
            self.occurrences.push((*new, from..self.positions.len()));
        }
    }

    fn write<W: Write>(&mut self, term: &[u8], places: &[NewPlace], packer: &mut Packer<W>) -> io::Result<()> {
        if self.occurrences.is_empty() {
            return Ok(());
        }
        // Segments rarely overlap: usually in order already.
        if !self.occurrences.is_sorted_by_key(|(place, _)| *place) {
            self.occurrences.sort_unstable_by_key(|(place, _)| *place);
        }
        let (mut last, mut texts) = (0, 0);
        for (place, range) in &self.occurrences {
            put_posting(&mut self.packed_postings, place - last, range.len() as u32);
            last = *place;
            texts += u32::from(places.get(*place as usize).is_some_and(|place| place.kind.is_text()));
            let mut before = 0;
            for position in &self.positions[range.clone()] {
                put(&mut self.packed_positions, u64::from(position.saturating_sub(before)));
                before = *position;
            }
        }
        let counts = (self.occurrences.len() as u32, texts);
        packer.term(term, counts, &self.packed_postings, &self.packed_positions)
    }
}
