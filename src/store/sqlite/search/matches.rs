//! Scores the words leg: every clause adds to one array over all slots; required and forbidden clauses gate it. A required
//! one must match the chunk itself, for it is the place that is shown; a forbidden one rules out the whole document.
//!
//! A term's postings come from the index in memory, or (before that is built, and for stop words) from FTS5; phrases
//! and prefixes are always matched by FTS5 and count as one occurrence. The formula is the same on every way.

use std::sync::{Arc, PoisonError};

use crate::domain::ChunkId;
use crate::domain::search::{Occur, WordMatch, WordsQuery};
use crate::domain::terms::is_stop_term;
use crate::store::StoreResult;
use crate::store::shared::numbers::Numbers;
use crate::store::shared::ranking::{ClauseScore, Matches};
use crate::store::shared::stop::Stop;

use super::super::SqliteStore;
use super::super::error::classify;
use super::bulk;
use super::patient::patient;
use super::slots::{Allowed, Slots};
use super::words::Words;

/// Where a clause's postings come from.
pub(super) enum Source {
    /// The index in memory.
    Memory(String),
    /// The same, for any of several terms.
    AnyInMemory(Vec<String>),
    /// FTS5: chunk ids with their frequencies.
    Read(Vec<(i64, u32)>),
}

impl SqliteStore {
    /// BM25 of given chunks, in order; `None` for one that matches no clause or that a clause rules out.
    pub(super) async fn score_given(&self, query: &WordsQuery, chunks: &[ChunkId]) -> StoreResult<Vec<Option<f32>>> {
        self.catch_up_slots().await?;
        let clauses = self.sources(query).await?;
        let (state, chunks) = (Arc::clone(&self.index.state), chunks.to_vec());
        super::compute(move |stop| {
            let state = state.read().unwrap_or_else(PoisonError::into_inner);
            let scores = accumulate(&clauses, &state.slots, state.words.as_ref(), stop);
            let score = |id: &ChunkId| Some(scores[alive(&state.slots, id.0)?]).filter(|score| *score > 0.0);
            chunks.iter().map(score).collect()
        })
        .await
    }

    /// Where the postings of every clause come from; what is not in memory is read.
    pub(super) async fn sources(&self, query: &WordsQuery) -> StoreResult<Vec<(Occur, Source)>> {
        let has_memory = self.index.read().words.is_some();
        let mut clauses = Vec::with_capacity(query.clauses.len());
        for (occur, wanted) in &query.clauses {
            let source = match wanted {
                WordMatch::Term(term) if has_memory && !is_stop_term(term) => Source::Memory(term.clone()),
                WordMatch::Term(term) => Source::Read(self.read_postings(term).await?),
                WordMatch::Phrase(terms) => Source::Read(self.read_matches(&quoted(&terms.join(" "))).await?),
                WordMatch::Any(sequences) => self.any_of(sequences, has_memory).await?,
                WordMatch::Prefix(start) => Source::Read(self.read_matches(&format!("{} *", quoted(start))).await?),
            };
            clauses.push((*occur, source));
        }
        Ok(clauses)
    }

    /// Any of several terms or phrases, as one clause.
    async fn any_of(&self, sequences: &[Vec<String>], has_memory: bool) -> StoreResult<Source> {
        let single: Option<Vec<&str>> =
            sequences.iter().map(|words| if let [only] = &words[..] { Some(only.as_str()) } else { None }).collect();
        let Some(terms) = single else {
            let phrases = sequences.iter().filter(|words| !words.is_empty());
            let expression = phrases.map(|words| quoted(&words.join(" "))).collect::<Vec<_>>().join(" OR ");
            return Ok(Source::Read(self.read_matches(&expression).await?));
        };
        if has_memory && !terms.iter().any(|term| is_stop_term(term)) {
            return Ok(Source::AnyInMemory(terms.into_iter().map(str::to_owned).collect()));
        }
        let reading = async { bulk::postings_of_any(&mut *patient(&self.reader).await?, &terms).await };
        let read = reading.await.map_err(|error| classify("read postings of", terms.join(" "), error))?;
        Ok(Source::Read(read))
    }

    /// One term's chunks and frequencies by FTS5.
    async fn read_postings(&self, term: &str) -> StoreResult<Vec<(i64, u32)>> {
        let reading = async { bulk::postings(&mut *patient(&self.reader).await?, term).await };
        reading.await.map_err(|error| classify("read postings of", term, error))
    }

    /// Chunks that match an FTS5 expression.
    async fn read_matches(&self, expression: &str) -> StoreResult<Vec<(i64, u32)>> {
        let reading = async { bulk::matching(&mut *patient(&self.reader).await?, expression).await };
        let matching = reading.await.map_err(|error| classify("match words", expression, error))?;
        Ok(matching.into_iter().map(|chunk| (chunk, 1)).collect())
    }

    /// How many chunks hold each term.
    pub(super) async fn term_frequencies(&self, terms: &[String]) -> StoreResult<Vec<u64>> {
        self.catch_up_slots().await?;
        let mut frequencies = Vec::with_capacity(terms.len());
        for term in terms {
            let known = {
                let state = self.index.read();
                let words = state.words.as_ref().filter(|_| !is_stop_term(term));
                words.map(|words| words.matches(term, &state.slots).chunks)
            };
            frequencies.push(if let Some(known) = known {
                known
            } else {
                let read = self.read_postings(term).await?;
                let state = self.index.read();
                read.iter().filter(|(id, _)| alive(&state.slots, *id).is_some()).count() as u64
            });
        }
        Ok(frequencies)
    }
}

/// An FTS5 string: whatever is inside is text, not syntax.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace('\0', " "))
}

pub(super) fn alive(slots: &Slots, id: i64) -> Option<usize> {
    slots.slot(id).filter(|slot| !slots.removed[*slot])
}

/// Per slot: the sum of the clauses' scores, or NaN where a forbidden clause matches the document or a required one not the chunk. Between
/// two clauses it looks whether anybody still waits; if not, the rest is left undone.
pub(super) fn accumulate(clauses: &[(Occur, Source)], slots: &Slots, words: Option<&Words>, stop: &Stop) -> Vec<f32> {
    let mut scores = vec![0.0_f32; slots.ids.len()];
    let required = clauses.iter().filter(|(occur, _)| *occur == Occur::Must).count();
    let mut met = if required > 0 { vec![0_u16; slots.ids.len()] } else { Vec::new() };
    let mut forbidden = Vec::new();
    let statistics = slots.statistics();
    for (occur, source) in clauses {
        if stop.is_set() {
            break;
        }
        let one = settled(source, slots, words);
        let source = one.as_ref().unwrap_or(source);
        if *occur == Occur::MustNot {
            each_match(source, slots, words, |slot, _| forbidden.push(slot));
            continue;
        }
        let matches = match source {
            Source::Memory(term) => words.map_or_else(Matches::default, |words| words.matches(term, slots)),
            Source::Read(read) => {
                let mut matches = Matches::default();
                read.iter().filter_map(|(id, _)| alive(slots, *id)).for_each(|slot| matches.add(slots.kinds[slot]));
                matches
            }
            Source::AnyInMemory(_) => Matches::default(),
        };
        let clause = ClauseScore::of(statistics, matches);
        each_match(source, slots, words, |slot, frequency| {
            scores[slot] += clause.score(slots.kinds[slot], frequency, slots.lengths[slot], || slots.is_answer(slot));
            if *occur == Occur::Must {
                met[slot] += 1;
            }
        });
    }
    if !forbidden.is_empty() {
        let documents = Numbers::of(forbidden.into_iter().map(|slot| i64::from(slots.documents[slot])));
        let ruled_out = |document: &u32| documents.holds(*document as usize);
        scores.iter_mut().zip(&slots.documents).filter(|(_, document)| ruled_out(document)).for_each(|(score, _)| {
            *score = f32::NAN;
        });
    }
    for (score, met) in scores.iter_mut().zip(&met) {
        if usize::from(*met) < required {
            *score = f32::NAN;
        }
    }
    scores
}

/// Several terms as one source: mostly the only one of them that any chunk holds. `None` for what is one already.
fn settled(source: &Source, slots: &Slots, words: Option<&Words>) -> Option<Source> {
    let Source::AnyInMemory(terms) = source else { return None };
    let words = words?;
    let mut held = terms.iter().filter(|term| words.has(term));
    let (first, second) = (held.next(), held.next());
    match (first, second) {
        (None, _) => Some(Source::Read(Vec::new())),
        (Some(only), None) => Some(Source::Memory(only.clone())),
        (Some(_), Some(_)) => {
            let mut all: Vec<(i64, u32)> = Vec::new();
            for term in terms {
                words.postings(term, slots, |slot, frequency| all.push((slots.ids[slot], frequency)));
            }
            all.sort_unstable();
            let sum = |same: &[(i64, u32)]| (same[0].0, same.iter().map(|(_, frequency)| frequency).sum());
            Some(Source::Read(all.chunk_by(|one, next| one.0 == next.0).map(sum).collect()))
        }
    }
}

/// Calls `with` for slot and frequency of every chunk that is not gone and matches.
pub(super) fn each_match(source: &Source, slots: &Slots, words: Option<&Words>, mut with: impl FnMut(usize, u32)) {
    match source {
        Source::Memory(term) => {
            if let Some(words) = words {
                words.postings(term, slots, with);
            }
        }
        Source::AnyInMemory(_) => {}
        Source::Read(read) => {
            for (id, frequency) in read {
                if let Some(slot) = alive(slots, *id) {
                    with(slot, *frequency);
                }
            }
        }
    }
}

/// The best `limit` slots that match and are allowed, in no order.
pub(super) fn best(scores: &[f32], slots: &Slots, allowed: &Allowed, limit: usize) -> Vec<(f32, u32)> {
    let mut found: Vec<(f32, u32)> = (0_u32..)
        .zip(scores)
        .filter(|(slot, score)| **score > 0.0 && allowed.slot(slots, *slot as usize))
        .map(|(slot, score)| (*score, slot))
        .collect();
    if limit > 0 && found.len() > limit {
        // Slots ascend with chunk ids: the order every leg promises.
        found.select_nth_unstable_by(limit - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    }
    found.truncate(limit);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ChunkKind;

    #[test]
    fn nothing_more_is_scored_when_nobody_waits() {
        let (mut slots, mut words) = (Slots::default(), Words::default());
        for id in 1..=10_u32 {
            slots.push(id.into(), 1, 8, ChunkKind::Body);
            let counted = (0..20).map(|term| (format!("w{term}").into(), 1)).collect();
            words.add(id - 1, id.into(), true, counted);
        }
        let clauses: Vec<(Occur, Source)> =
            (0..20).map(|term| (Occur::Should, Source::Memory(format!("w{term}")))).collect();
        let of = |clauses: &[(Occur, Source)], stop: &Stop| accumulate(clauses, &slots, Some(&words), stop);
        let (whole, none) = (of(&clauses, &Stop::default()), of(&clauses, &Stop::after(0)));
        assert!(none.iter().all(|score| *score == 0.0) && whole.iter().all(|score| *score > 0.0));
        assert_eq!(
            of(&clauses, &Stop::after(3)),
            of(&clauses[..3], &Stop::default()),
            "three lists were read, no more"
        );
    }
}
