//! Scores the words leg: every clause adds to one array over all slots; required and forbidden clauses gate it. A required
//! one must match the chunk itself, for it is the place that is shown; a forbidden one rules out the whole document.
//!
//! Term at a time over a dense array beats cleverer plans at our sizes: 100,000 postings take a fraction of a
//! millisecond, whatever the query. Pure; called by the store.

use crate::domain::search::{Occur, WordMatch, WordsQuery};

use super::matching::Matching;
use super::numbers::Numbers;
use super::ranking::ClauseScore;
use super::stop::Stop;
use super::view::{Allowed, View};

/// Per slot: the sum of the clauses' scores, or NaN where a forbidden clause matches the document or a required one not the
/// chunk. A clause that stands there again is looked for once and counts again. Between two clauses it looks whether anybody
/// still waits; if not, the rest is left undone.
pub(crate) fn scores(view: &View, query: &WordsQuery, stop: &Stop) -> Vec<f32> {
    let mut scores = vec![0.0_f32; view.slots];
    let required = query.clauses.iter().filter(|(occur, _)| *occur == Occur::Must).count();
    let mut met = if required > 0 { vec![0_u16; view.slots] } else { Vec::new() };
    let mut forbidden = Numbers::default();
    let statistics = view.statistics();
    for (at, (occur, wanted)) in query.clauses.iter().enumerate() {
        if stop.is_set() {
            break;
        }
        let (before, from_here) = query.clauses.split_at(at);
        let scores_too = |clause: &&(Occur, WordMatch)| clause.0 == Occur::Should && clause.1 == *wanted;
        if *occur == Occur::Should && before.iter().any(|clause| clause.0 != Occur::MustNot && clause.1 == *wanted) {
            continue;
        }
        let again = from_here.iter().skip(1).filter(scores_too).count() as f32;
        let matching = Matching::of(view, wanted, &Stop::default());
        if *occur == Occur::MustNot {
            matching.each(|part, place, _| forbidden.insert(part.segment.document(place) as usize));
            continue;
        }
        let clause = ClauseScore::of(statistics, matching.count());
        matching.each(|part, place, frequency| {
            let (kind, length) = part.segment.kinds_and_lengths().of(place);
            let is_answer = || view.answers.holds(part.segment.document(place) as usize);
            let slot = part.base + place;
            scores[slot] += (1.0 + again) * clause.score(kind, frequency, length, is_answer);
            if *occur == Occur::Must {
                met[slot] += 1;
            }
        });
    }
    if !forbidden.is_empty() {
        for part in &view.parts {
            let scores = scores.iter_mut().skip(part.base).take(part.segment.chunks());
            let ruled_out = |place: usize| forbidden.holds(part.segment.document(place) as usize);
            scores.enumerate().filter(|(place, _)| ruled_out(*place)).for_each(|(_, score)| *score = f32::NAN);
        }
    }
    for (score, met) in scores.iter_mut().zip(&met) {
        if usize::from(*met) < required {
            *score = f32::NAN;
        }
    }
    scores
}

/// The best `limit` slots that match and are allowed, in no order; of equal ones those with smaller chunk ids.
pub(crate) fn best(scores: &[f32], view: &View, allowed: &Allowed, limit: usize) -> Vec<(f32, u32)> {
    let mut found: Vec<(f32, u32)> = Vec::new();
    for part in &view.parts {
        let scores = scores.iter().skip(part.base).take(part.segment.chunks());
        let matching =
            scores.enumerate().filter(|(place, score)| **score > 0.0 && view.lets_place(allowed, part, *place));
        found.extend(matching.map(|(place, score)| (*score, (part.base + place) as u32)));
    }
    if limit > 0 && found.len() > limit {
        let id = |slot: u32| view.id(slot as usize);
        found.select_nth_unstable_by(limit - 1, |a, b| b.0.total_cmp(&a.0).then_with(|| id(a.1).cmp(&id(b.1))));
    }
    found.truncate(limit);
    found
}
