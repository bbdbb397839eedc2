//! Words of the index close to one that matched nothing: "did you mean". Pure; called by both engines' `suggest`, which read
//! the texts.

use std::collections::HashMap;

use crate::domain::search::WordMatch;
use crate::domain::terms;

use super::matching::Matching;
use super::stop::Stop;
use super::view::View;

/// Chunks read to find the surface form of a stem.
const SURFACE_SAMPLES: usize = 20;
/// Terms looked at between two looks whether anybody still waits.
const LOOKED_AT_ONCE: usize = 4_096;

/// A term, its distance, and how many chunks hold it.
pub(crate) type Close = (String, u32, u64);

/// The nearest `limit` terms of all segments, with the chunks that hold them; those that are gone count too.
pub(crate) fn closest(view: &View, near: &terms::Near, limit: usize, stop: &Stop) -> Vec<Close> {
    let mut found = close(view, near, stop);
    found.sort_unstable_by(|a, b| a.1.cmp(&b.1).then(b.2.cmp(&a.2)).then(a.0.cmp(&b.0)));
    found.truncate(limit);
    found
}

fn close(view: &View, near: &terms::Near, stop: &Stop) -> Vec<Close> {
    let mut found: HashMap<String, (u32, u64)> = HashMap::new();
    let mut looked_at = 0;
    for part in &view.parts {
        let mut terms = part.segment.terms();
        while terms.advance() {
            looked_at += 1;
            if looked_at % LOOKED_AT_ONCE == 0 && stop.is_set() {
                return Vec::new();
            }
            let Ok(term) = std::str::from_utf8(terms.term()) else { continue };
            let chunks = u64::from(terms.postings().chunks);
            if let Some((_, total)) = found.get_mut(term) {
                *total += chunks;
            } else if let Some(distance) = near.distance(term) {
                found.insert(term.to_owned(), (distance, chunks));
            }
        }
    }
    found.into_iter().map(|(term, (distance, chunks))| (term, distance, chunks)).collect()
}

/// A few chunks that hold a term.
pub(crate) fn samples(view: &View, term: &str) -> Vec<i64> {
    let mut ids = Vec::new();
    Matching::of(view, &WordMatch::Term(term.to_owned()), &Stop::default()).each(|part, place, _| {
        if ids.len() < SURFACE_SAMPLES {
            ids.push(part.segment.id(place));
        }
    });
    ids
}

/// How people write a stem: the form nearest to `wanted` in some texts (with their contexts) that hold it.
pub(crate) fn surface(term: &str, wanted: &str, texts: &[(String, String)]) -> String {
    let mut best: Option<(usize, String)> = None;
    for text in texts.iter().flat_map(|(context, text)| [context, text]) {
        for token in terms::tokens(text).into_iter().filter(|token| token.term == term) {
            let form = terms::fold(&text[token.range]);
            let distance = strsim::osa_distance(&form, wanted);
            if best.as_ref().is_none_or(|(known, _)| distance < *known) {
                best = Some((distance, form));
            }
        }
    }
    best.map_or_else(|| term.to_owned(), |(_, form)| form)
}
