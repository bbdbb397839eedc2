//! The index as one search sees it: which segments there are, which chunks are gone, which documents are retired.
//!
//! Chunks of all segments share one row of slots, segment after segment, so that scores fit a flat array. A view never
//! changes; `refresh` makes the next one. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use super::segment::{Place, Segment};
use super::source::Source;

/// A model the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) seq: i64,
    pub(super) name: String,
    pub(super) dimension: usize,
    /// Chunks with a vector, or known to have none.
    pub(super) done: u64,
}

/// One segment and its place in the row of slots.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    /// Slot of its first chunk.
    pub(super) base: usize,
    /// Which chunks are gone; empty when none is.
    gone: Vec<bool>,
    /// Which chunks belong to retired documents; empty when none does.
    retired: Vec<bool>,
}

impl Part {
    /// Whether the chunk at a place was removed.
    pub(super) fn is_gone(&self, place: usize) -> bool {
        self.gone.get(place).copied().unwrap_or(false)
    }

    /// How many chunks may be returned.
    fn count(&self, allowed: &Allowed) -> usize {
        let all = self.segment.places.len();
        match allowed {
            Allowed::Live if self.gone.is_empty() && self.retired.is_empty() => all,
            _ => (0..all).filter(|place| allowed.lets(self, *place)).count(),
        }
    }

    /// Whether any chunk was removed.
    pub(super) fn has_gone(&self) -> bool {
        !self.gone.is_empty()
    }
}

/// What a search sees.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) parts: Vec<Part>,
    /// Number of slots.
    pub(super) slots: usize,
    /// Chunks that are not gone.
    pub(super) alive: u64,
    /// Those of them whose documents are not retired.
    live: u64,
    /// Sum of their lengths.
    total_length: u64,
    pub(super) gone: HashSet<i64>,
    pub(super) retired: HashSet<i64>,
    pub(super) models: Vec<Model>,
    /// Transactions before this one are accounted for; 0 before the first look.
    pub(super) seen: i64,
    /// The server that was looked at.
    pub(super) source: Source,
    /// The look that made it; later ones have greater numbers.
    pub(super) number: u64,
}

/// Documents a search may return.
#[derive(Debug)]
pub(super) enum Allowed {
    /// Every document that is not retired.
    Live,
    /// These, by number.
    Only(Vec<bool>),
}

impl Allowed {
    /// Whether the chunk at a place may be returned.
    pub(super) fn lets(&self, part: &Part, place: usize) -> bool {
        !part.is_gone(place)
            && match self {
                Self::Live => !part.retired.get(place).copied().unwrap_or(false),
                Self::Only(documents) => part
                    .segment
                    .places
                    .get(place)
                    .and_then(|place| documents.get(usize::try_from(place.document_seq).ok()?))
                    .copied()
                    .unwrap_or(false),
            }
    }
}

impl View {
    /// Lays out segments; `gone` ids that no segment holds are forgotten.
    pub(super) fn new(
        segments: Vec<Arc<Segment>>,
        gone: &HashSet<i64>,
        retired: HashSet<i64>,
        models: Vec<Model>,
        seen: i64,
        (source, number): (Source, u64),
    ) -> Self {
        let mut view = Self { retired, models, seen, source, number, ..Self::default() };
        for segment in segments {
            let count = segment.places.len();
            let length: u64 = segment.places.iter().map(|place| u64::from(place.length)).sum();
            let hidden: Vec<bool> = if view.retired.is_empty() {
                Vec::new()
            } else {
                segment.places.iter().map(|place| view.retired.contains(&place.document_seq)).collect()
            };
            let retired = if hidden.contains(&true) { hidden } else { Vec::new() };
            view.parts.push(Part { segment, base: view.slots, gone: Vec::new(), retired });
            view.slots += count;
            view.alive += count as u64;
            view.total_length += length;
        }
        for id in gone {
            for part in &mut view.parts {
                let Some(place) = part.segment.find(*id) else { continue };
                if part.gone.is_empty() {
                    part.gone = vec![false; part.segment.places.len()];
                }
                if !std::mem::replace(&mut part.gone[place], true) {
                    view.alive -= 1;
                    view.total_length -= u64::from(part.segment.places[place].length);
                }
                view.gone.insert(*id);
            }
        }
        view.live = view.parts.iter().map(|part| part.count(&Allowed::Live)).sum::<usize>() as u64;
        view
    }

    /// Mean length of a chunk in word pieces, at least 1.
    pub(super) fn mean_length(&self) -> f32 {
        if self.alive == 0 { 1.0 } else { (self.total_length as f32 / self.alive as f32).max(1.0) }
    }

    /// Where a chunk that is not gone stands.
    pub(super) fn find(&self, id: i64) -> Option<(&Part, usize)> {
        Finder::new(self).find(id)
    }

    /// The chunk in a slot.
    pub(super) fn place(&self, slot: usize) -> Option<&Place> {
        let part = self.parts.get(self.parts.partition_point(|part| part.base <= slot).checked_sub(1)?)?;
        part.segment.places.get(slot - part.base)
    }

    /// The share of chunks that may be returned.
    pub(super) fn share(&self, allowed: &Allowed) -> f64 {
        let let_through = match allowed {
            Allowed::Live => self.live,
            Allowed::Only(_) => self.parts.iter().map(|part| part.count(allowed)).sum::<usize>() as u64,
        };
        if let_through == self.alive { 1.0 } else { let_through as f64 / self.alive.max(1) as f64 }
    }

    /// Ids of the chunks that may be returned.
    pub(super) fn allowed_chunks(&self, allowed: &Allowed) -> Vec<i64> {
        let of = |part| move |(place, chunk): (usize, &Place)| allowed.lets(part, place).then_some(chunk.id);
        self.parts.iter().flat_map(|part| part.segment.places.iter().enumerate().filter_map(of(part))).collect()
    }
}

/// Finds chunks, those behind the last one found fast.
pub(super) struct Finder<'a> {
    view: &'a View,
    /// Where the last one was found.
    part: usize,
    place: usize,
}

impl<'a> Finder<'a> {
    pub(super) fn new(view: &'a View) -> Self {
        Self { view, part: 0, place: 0 }
    }

    /// Where a chunk that is not gone stands.
    pub(super) fn find(&mut self, id: i64) -> Option<(&'a Part, usize)> {
        if let Some(place) = self.ahead(id) {
            self.place = place;
        } else {
            let found = |(number, part): (usize, &Part)| part.segment.find(id).map(|place| (number, place));
            (self.part, self.place) = self.view.parts.iter().enumerate().find_map(found)?;
        }
        let part = &self.view.parts[self.part];
        (!part.is_gone(self.place)).then_some((part, self.place))
    }

    /// In the same segment, in steps that double.
    fn ahead(&self, id: i64) -> Option<usize> {
        let ahead = self.view.parts.get(self.part)?.segment.places.get(self.place..)?;
        if ahead.first()?.id > id || ahead.last()?.id < id {
            return None;
        }
        let mut step = 1;
        while ahead.get(step).is_some_and(|place| place.id < id) {
            step *= 2;
        }
        let stretch = &ahead[step / 2..ahead.len().min(step + 1)];
        let found = stretch.binary_search_by_key(&id, |place| place.id).ok()?;
        Some(self.place + step / 2 + found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(id: i64, chunks: impl Iterator<Item = i64>) -> Arc<Segment> {
        Arc::new(Segment::of_chunks(id, chunks))
    }

    #[test]
    fn a_finder_finds_what_is_there_in_any_order() {
        let segments = vec![
            segment(1, (0..1_000).map(|n| n * 3)),
            segment(2, (0..1_000).map(|n| n * 3 + 1)),
            segment(3, 9_000..9_001),
        ];
        let gone = HashSet::from([300, 301]);
        let view = View::new(segments, &gone, HashSet::new(), Vec::new(), 1, (Source::Primary, 1));
        let mut random = fastrand::Rng::with_seed(9);
        let ascending: Vec<i64> = (0..9_100).collect();
        let mixed: Vec<i64> = (0..20_000).map(|_| random.i64(-5..9_100)).collect();
        for ids in [ascending, mixed] {
            let mut finder = Finder::new(&view);
            for id in ids {
                let is_there = ((0..3_000).contains(&id) && id % 3 < 2 || id == 9_000) && !gone.contains(&id);
                let found = finder.find(id).map(|(part, place)| part.segment.places[place].id);
                assert_eq!(found, is_there.then_some(id));
            }
        }
    }
}
