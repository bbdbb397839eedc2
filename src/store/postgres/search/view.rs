//! The index as one search sees it: which segments there are, which chunks are gone, which documents are retired.
//!
//! Chunks of all segments share one row of slots, segment after segment, so that scores fit a flat array. A view never
//! changes; `refresh` makes the next one. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::ChunkKind;
use crate::index::numbers::Numbers;
use crate::index::ranking::Statistics;

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
    /// Whether all of its chunks are texts.
    only_texts: bool,
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

    /// Whether the chunk at a place is a text.
    pub(super) fn is_text(&self, place: usize) -> bool {
        self.segment.places.get(place).is_some_and(|place| place.kind.is_text())
    }

    /// How many texts may be returned.
    fn count(&self, allowed: &Allowed) -> usize {
        let all = self.segment.places.len();
        match allowed {
            Allowed::Live if self.only_texts && self.gone.is_empty() && self.retired.is_empty() => all,
            _ => (0..all).filter(|place| self.is_text(*place) && allowed.lets(self, *place)).count(),
        }
    }

    /// Whether all of its chunks are texts, and none was removed.
    pub(super) fn is_plain(&self) -> bool {
        self.only_texts && self.gone.is_empty()
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
    chunks: u64,
    /// The texts among them: what has vectors.
    pub(super) alive: u64,
    /// Those of these whose documents are not retired.
    live: u64,
    /// Sum of the lengths of the texts that are not gone.
    total_length: u64,
    /// Length of the longest text, gone or not.
    longest: u32,
    /// Whether any chunk is a quote.
    pub(super) has_quotes: bool,
    /// Greatest chunk id.
    pub(super) last_chunk: i64,
    /// Documents, by number, that answer a message which is live in the store.
    pub(super) answers: Arc<HashSet<i64>>,
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
    Only(Numbers),
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
                    .and_then(|place| usize::try_from(place.document_seq).ok())
                    .is_some_and(|number| documents.holds(number)),
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
            let texts = || segment.places.iter().filter(|place| place.kind.is_text());
            view.alive += texts().count() as u64;
            view.total_length += texts().map(|place| u64::from(place.length)).sum::<u64>();
            view.longest = view.longest.max(texts().map(|place| place.length).max().unwrap_or(0));
            view.has_quotes |= segment.places.iter().any(|place| place.kind == ChunkKind::Quoted);
            view.last_chunk = view.last_chunk.max(segment.places.last().map_or(0, |place| place.id));
            let hidden: Vec<bool> = if view.retired.is_empty() {
                Vec::new()
            } else {
                segment.places.iter().map(|place| view.retired.contains(&place.document_seq)).collect()
            };
            let retired = if hidden.contains(&true) { hidden } else { Vec::new() };
            let only_texts = texts().count() == count;
            view.parts.push(Part { segment, base: view.slots, only_texts, gone: Vec::new(), retired });
            view.slots += count;
            view.chunks += count as u64;
        }
        for id in gone {
            for part in &mut view.parts {
                let Some(place) = part.segment.find(*id) else { continue };
                if part.gone.is_empty() {
                    part.gone = vec![false; part.segment.places.len()];
                }
                if !std::mem::replace(&mut part.gone[place], true) {
                    view.chunks -= 1;
                    if part.is_text(place) {
                        view.alive -= 1;
                        view.total_length -= u64::from(part.segment.places[place].length);
                    }
                }
                view.gone.insert(*id);
            }
        }
        view.live = view.parts.iter().map(|part| part.count(&Allowed::Live)).sum::<usize>() as u64;
        view
    }

    /// What words are weighed by.
    pub(super) fn statistics(&self) -> Statistics {
        let mean_length = (self.total_length as f32 / self.alive.max(1) as f32).max(1.0);
        Statistics { texts: self.alive, chunks: self.chunks, mean_length, longest: self.longest }
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

    /// The share of texts that may be returned.
    pub(super) fn share(&self, allowed: &Allowed) -> f64 {
        let let_through = match allowed {
            Allowed::Live => self.live,
            Allowed::Only(_) => self.parts.iter().map(|part| part.count(allowed)).sum::<usize>() as u64,
        };
        if let_through == self.alive { 1.0 } else { let_through as f64 / self.alive.max(1) as f64 }
    }

    /// Ids of the texts that may be returned.
    pub(super) fn allowed_chunks(&self, allowed: &Allowed) -> Vec<i64> {
        let of = |part| {
            move |(place, chunk): (usize, &Place)| {
                (chunk.kind.is_text() && allowed.lets(part, place)).then_some(chunk.id)
            }
        };
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
