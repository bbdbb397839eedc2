//! What one clause of a query matches: chunks by the packed postings of their words. Pure; called by `matches`.
//!
//! A term is read straight from its blocks. A prefix, or any of several terms, matches the chunks of all of them together;
//! a phrase those that hold all its terms and whose text has them side by side. Prefixes and phrases count as one occurrence.

use std::collections::HashSet;

use crate::domain::terms;
use crate::index::ranking::Matches;
use crate::index::stop::Stop;

use super::blocks::{Blocks, entries_of_prefix, entries_of_term};
use super::segment::{Entry, Place};
use super::view::View;

/// One clause with what it matches.
#[derive(Debug)]
pub(super) enum Matching {
    Term(String),
    Prefix(String),
    /// Any of several terms.
    Any(Vec<String>),
    /// Slots, for phrases.
    Found(Vec<u32>),
}

/// Entries of a term, and slots that were found otherwise with the frequency in each.
pub(super) type Found<'a> = (Vec<(usize, Entry<'a>)>, Vec<(u32, u32)>);

impl Matching {
    /// The entries of its term, or slots that were found with the frequency in each.
    pub(super) fn found<'a>(&self, view: &'a View, blocks: &'a Blocks) -> Found<'a> {
        let once = |slots: &[u32]| slots.iter().map(|slot| (*slot, 1)).collect::<Vec<(u32, u32)>>();
        match self {
            Self::Term(term) => (entries_of_term(view, blocks, term), Vec::new()),
            Self::Prefix(start) => (Vec::new(), once(&holding_prefix(view, blocks, start))),
            Self::Any(terms) => match entries_of_only(view, blocks, terms) {
                Some(entries) => (entries, Vec::new()),
                None => (Vec::new(), holding_any(view, blocks, terms)),
            },
            Self::Found(slots) => (Vec::new(), once(slots)),
        }
    }

    /// Calls `with` for every slot it matches, with the chunk and the frequency.
    pub(super) fn each(&self, view: &View, blocks: &Blocks, with: &mut impl FnMut(usize, &Place, u32)) {
        let (entries, found) = self.found(view, blocks);
        each_match(view, &entries, &mut *with);
        for (slot, frequency) in found {
            if let Some(chunk) = view.place(slot as usize) {
                with(slot as usize, chunk, frequency);
            }
        }
    }
}

/// Chunks of a term's entries that are not gone.
pub(super) fn counted(view: &View, entries: &[(usize, Entry<'_>)]) -> Matches {
    let mut matches = Matches::default();
    for (part, entry) in entries {
        let part = &view.parts[*part];
        if part.is_plain() {
            let count = u64::from(entry.count);
            matches = Matches { texts: matches.texts + count, chunks: matches.chunks + count };
            continue;
        }
        entry.each(|place, _| {
            if let Some(chunk) = part.segment.places.get(place).filter(|_| !part.is_gone(place)) {
                matches.add(chunk.kind);
            }
        });
    }
    matches
}

/// Slots of chunks that are not gone and hold all terms, ascending.
pub(super) fn holding_all(view: &View, blocks: &Blocks, words: &[String], stop: &Stop) -> Vec<u32> {
    let distinct: HashSet<&String> = words.iter().collect();
    let mut terms: Vec<_> = distinct.iter().map(|term| entries_of_term(view, blocks, term)).collect();
    // The rarest first: it rules out most.
    terms.sort_by_key(|entries| entries.iter().map(|(_, entry)| u64::from(entry.count)).sum::<u64>());
    let mut holding: Option<Vec<u32>> = None;
    for entries in terms {
        if stop.is_set() {
            break;
        }
        let mut these = Vec::new();
        for (part, entry) in entries {
            let part = &view.parts[part];
            entry.each(|place, _| {
                if !part.is_gone(place) {
                    these.push((part.base + place) as u32);
                }
            });
        }
        holding = Some(match holding {
            Some(before) => before.into_iter().filter(|slot| these.binary_search(slot).is_ok()).collect(),
            None => these,
        });
    }
    holding.unwrap_or_default()
}

/// Whether the words of any sequence stand side by side in a chunk.
pub(super) fn holds_phrase(context: &str, text: &str, any: &[Vec<String>]) -> bool {
    let terms = terms::chunk_terms(context, text);
    let held: Vec<&str> = terms.split(' ').collect();
    any.iter().any(|words| held.windows(words.len().max(1)).any(|window| window == words))
}

/// Calls `with` for every slot a clause matches, with the chunk and the frequency.
pub(super) fn each_match(view: &View, entries: &[(usize, Entry<'_>)], mut with: impl FnMut(usize, &Place, u32)) {
    for (part, entry) in entries {
        let part = &view.parts[*part];
        let places = &part.segment.places;
        let gone = part.has_gone();
        entry.each(|place, frequency| {
            if let Some(chunk) = places.get(place).filter(|_| !gone || !part.is_gone(place)) {
                with(part.base + place, chunk, frequency);
            }
        });
    }
}

/// Slots of chunks that hold any term with a beginning, ascending.
fn holding_prefix(view: &View, blocks: &Blocks, start: &str) -> Vec<u32> {
    let mut holds = vec![false; view.slots];
    each_match(view, &entries_of_prefix(view, blocks, start), |slot, _, _| holds[slot] = true);
    (0_u32..).zip(holds).filter_map(|(slot, holds)| holds.then_some(slot)).collect()
}

/// Slots of chunks that hold any of some terms, with how often these stand in each, ascending.
fn holding_any(view: &View, blocks: &Blocks, terms: &[String]) -> Vec<(u32, u32)> {
    let mut all: Vec<(u32, u32)> = Vec::new();
    for term in terms {
        each_match(view, &entries_of_term(view, blocks, term), |slot, _, frequency| all.push((slot as u32, frequency)));
    }
    all.sort_unstable();
    let sum = |same: &[(u32, u32)]| (same[0].0, same.iter().map(|(_, frequency)| frequency).sum());
    all.chunk_by(|one, next| one.0 == next.0).map(sum).collect()
}

/// The entries of the only one of some terms that any chunk holds; `None` when several are held.
fn entries_of_only<'a>(view: &View, blocks: &'a Blocks, terms: &[String]) -> Option<Vec<(usize, Entry<'a>)>> {
    let mut held = terms.iter().map(|term| entries_of_term(view, blocks, term)).filter(|entries| !entries.is_empty());
    let first = held.next().unwrap_or_default();
    held.next().is_none().then_some(first)
}
