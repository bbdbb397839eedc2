//! Nothing relevant is nothing: the nearest of all vectors is no answer when no word of the query stands anywhere and
//! nothing is like it; and beside hits with its words, what is surely unlike is none either. Called by the service for
//! searches by words and meaning. Pure.

use crate::domain::search::SearchResponse;
use crate::search::fuse::Fused;
use crate::search::query::ParsedQuery;

use super::ranking::Ranked;

/// Of the floor, what a text without any of the words must reach beside texts that have them.
const SURELY_UNLIKE: f32 = 0.6;

/// Leaves out what has none of the words and surely means something else.
pub(super) fn keep_alike(fused: &mut Vec<Fused>, floor: f32) {
    let is_alike = |chunk: &Fused| {
        let of_meaning = chunk.scores.vector.filter(|_| chunk.scores.lexical.is_none());
        of_meaning.is_none_or(|leg| leg.score >= floor * SURELY_UNLIKE)
    };
    fused.retain(is_alike);
}

/// Takes back hits that only meaning found and that mean something else, and says of others that no word led to them. A
/// correction is a reason to keep them: the word is misspelled, not foreign.
pub(super) fn settle(response: &mut SearchResponse, parsed: &ParsedQuery, ranked: &Ranked) {
    if response.hits.is_empty() || ranked.has_words {
        return;
    }
    // Emoji and the like have a meaning, punctuation has none.
    let says_something = parsed.text.chars().any(|c| c.is_alphanumeric() || !c.is_ascii());
    let is_unlike = ranked.floor.zip(ranked.nearest).is_some_and(|(floor, nearest)| nearest < floor);
    if !says_something || (is_unlike && response.did_you_mean.is_none()) {
        // What a filter named is found, whatever it means.
        response.hits.retain(|hit| parsed.is_list && hit.scores.vector.is_none());
        if response.hits.is_empty() {
            response.hints.push("nothing has these words, and nothing is like them in meaning".to_owned());
        }
    } else {
        response.hints.push("nothing has these words: this is closest in meaning".to_owned());
    }
}
