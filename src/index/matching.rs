//! What one clause of a query matches. Pure; called by `score`, `suggest` and the store's filters.
//!
//! A term is read where it stands. A prefix, or any of several, matches the chunks of all of them together; a phrase those
//! where its terms stand side by side. A prefix, and whatever may be a phrase, counts as one occurrence.

use crate::domain::search::WordMatch;

use super::numbers::Numbers;
use super::ranking::Matches;
use super::stop::Stop;
use super::view::{Part, View};
use super::words::{Cursor, Postings, Segment};

/// Chunks that match, in the parts of a view: postings where one term decides, a list where not.
#[derive(Debug, Default)]
pub(crate) struct Matching<'a> {
    postings: Vec<(&'a Part, Postings<'a>)>,
    listed: Vec<(&'a Part, Vec<(u32, u32)>)>,
}

impl<'a> Matching<'a> {
    /// What a clause matches. Looks between two parts whether anybody still waits.
    pub(crate) fn of(view: &'a View, wanted: &WordMatch, stop: &Stop) -> Self {
        let mut matching = Self::default();
        for part in view.parts.iter().take_while(|_| !stop.is_set()) {
            match wanted {
                WordMatch::Term(term) => matching.add_term(part, term),
                WordMatch::Prefix(start) => matching.add_prefix(part, start),
                WordMatch::Phrase(words) if words.len() == 1 => matching.add_term(part, &words[0]),
                WordMatch::Phrase(words) => matching.add_sequences(part, std::slice::from_ref(words)),
                WordMatch::Any(sequences) if sequences.iter().all(|words| words.len() == 1) => {
                    matching.add_any(part, sequences);
                }
                WordMatch::Any(sequences) => matching.add_sequences(part, sequences),
            }
        }
        matching
    }

    fn add_term(&mut self, part: &'a Part, term: &str) {
        self.postings.extend(part.segment.postings(term.as_bytes()).map(|postings| (part, postings)));
    }

    fn add_any(&mut self, part: &'a Part, terms: &[Vec<String>]) {
        let terms = terms.iter().flatten();
        let held: Vec<Postings<'a>> = terms.filter_map(|term| part.segment.postings(term.as_bytes())).collect();
        // Mostly the only one of them that any chunk holds.
        if let [only] = &held[..] {
            self.postings.push((part, *only));
            return;
        }
        let mut all: Vec<(u32, u32)> = Vec::new();
        for postings in held {
            postings.each(|place, frequency| all.push((place as u32, frequency)));
        }
        all.sort_unstable();
        let sum = |same: &[(u32, u32)]| (same[0].0, same.iter().map(|(_, frequency)| frequency).sum());
        self.add_list(part, all.chunk_by(|one, next| one.0 == next.0).map(sum).collect());
    }

    fn add_prefix(&mut self, part: &'a Part, start: &str) {
        let mut holds = vec![false; part.segment.chunks()];
        part.segment.each_with_prefix(start.as_bytes(), |postings| {
            postings.each(|place, _| {
                if let Some(held) = holds.get_mut(place) {
                    *held = true;
                }
            });
        });
        let places = (0_u32..).zip(holds).filter_map(|(place, holds)| holds.then_some((place, 1)));
        self.add_list(part, places.collect());
    }

    fn add_sequences(&mut self, part: &'a Part, sequences: &[Vec<String>]) {
        let mut places: Vec<u32> = Vec::new();
        for words in sequences {
            match &words[..] {
                [] => {}
                [only] => {
                    if let Some(postings) = part.segment.postings(only.as_bytes()) {
                        postings.each(|place, _| places.push(place as u32));
                    }
                }
                words => side_by_side(&part.segment, words, &mut places),
            }
        }
        places.sort_unstable();
        places.dedup();
        self.add_list(part, places.into_iter().map(|place| (place, 1)).collect());
    }

    fn add_list(&mut self, part: &'a Part, list: Vec<(u32, u32)>) {
        if !list.is_empty() {
            self.listed.push((part, list));
        }
    }

    /// Chunks that are not gone.
    pub(crate) fn count(&self) -> Matches {
        let mut matches = Matches::default();
        for (part, postings) in &self.postings {
            if part.is_whole() {
                matches.texts += u64::from(postings.texts);
                matches.chunks += u64::from(postings.chunks);
                continue;
            }
            let kinds = part.segment.kinds_and_lengths();
            postings.each(|place, _| {
                if !part.is_gone(place) {
                    matches.add(kinds.of(place).0);
                }
            });
        }
        for (part, list) in &self.listed {
            let kinds = part.segment.kinds_and_lengths();
            let here = list.iter().map(|(place, _)| *place as usize).filter(|place| !part.is_gone(*place));
            here.for_each(|place| matches.add(kinds.of(place).0));
        }
        matches
    }

    /// Calls `with` for every chunk that is not gone: its part, its place and the frequency.
    #[inline]
    pub(crate) fn each(&self, mut with: impl FnMut(&Part, usize, u32)) {
        for (part, postings) in &self.postings {
            let chunks = part.segment.chunks();
            if part.is_whole() {
                postings.each(|place, frequency| {
                    if place < chunks {
                        with(part, place, frequency);
                    }
                });
                continue;
            }
            postings.each(|place, frequency| {
                if place < chunks && !part.is_gone(place) {
                    with(part, place, frequency);
                }
            });
        }
        for (part, list) in &self.listed {
            let chunks = part.segment.chunks();
            for (place, frequency) in list {
                let place = *place as usize;
                if place < chunks && !part.is_gone(place) {
                    with(part, place, *frequency);
                }
            }
        }
    }
}

/// The documents that hold each of some words, in order.
pub(crate) fn documents(view: &View, wanted: &[WordMatch], stop: &Stop) -> Vec<Numbers> {
    let of = |wanted: &WordMatch| {
        let mut documents = Numbers::default();
        let matching = Matching::of(view, wanted, stop);
        matching.each(|part, place, _| documents.insert(part.segment.document(place) as usize));
        documents
    };
    wanted.iter().map(of).collect()
}

/// Adds the places where words stand side by side, in order.
fn side_by_side(segment: &Segment, words: &[String], places: &mut Vec<u32>) {
    let postings: Option<Vec<Postings<'_>>> = words.iter().map(|word| segment.postings(word.as_bytes())).collect();
    let Some(postings) = postings else { return };
    let mut cursors: Vec<Cursor<'_>> = postings.iter().map(Postings::cursor).collect();
    let (mut wanted, mut starts, mut some) = (0, Vec::new(), Vec::new());
    loop {
        let mut all_here = true;
        for cursor in &mut cursors {
            let Some(place) = cursor.advance_to(wanted) else { return };
            if place > wanted {
                wanted = place;
                all_here = false;
                break;
            }
        }
        if !all_here {
            continue;
        }
        for (offset, cursor) in (0_u32..).zip(&cursors) {
            if offset == 0 {
                cursor.positions(&mut starts);
            } else {
                cursor.positions(&mut some);
                starts.retain(|start| some.binary_search(&(start.saturating_add(offset))).is_ok());
            }
            if starts.is_empty() {
                break;
            }
        }
        if !starts.is_empty() {
            places.push(wanted as u32);
        }
        wanted += 1;
    }
}
