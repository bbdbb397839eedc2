//! What is joined on purpose stands first as it was typed: `ADR-016`, `run-task`, `data.tar.gz`. The index knows the words
//! of such a name and that they stand side by side, not what stands between them; the texts of the best candidates do.
//! Called by the service.

use std::collections::HashSet;

use crate::domain::ChunkId;
use crate::search::fuse::Fused;
use crate::search::query::ParsedQuery;

use super::{SearchError, SearchService};

/// Candidates whose texts are looked at. A name that is typed is rare: where it stands, its words are among the best.
const LOOKED_AT: usize = 64;
/// As many of the words' own best are looked at, wherever they stand with the meaning: an address that is only linked to
/// stands in a text without a vector.
const OF_WORDS: u32 = 64;

impl SearchService {
    /// Moves candidates that hold a joined name of the query as it was typed before all others, each kind in its order.
    pub(super) async fn exact_first(&self, fused: &mut [Fused], parsed: &ParsedQuery) -> Result<(), SearchError> {
        if parsed.exact.is_empty() {
            return Ok(());
        }
        let of_words =
            |chunk: &Fused| chunk.scores.lexical.and_then(|leg| leg.rank).is_some_and(|rank| rank <= OF_WORDS);
        let looked_at = fused.iter().enumerate().filter(|(place, chunk)| *place < LOOKED_AT || of_words(chunk));
        let ids: Vec<ChunkId> = looked_at.map(|(_, chunk)| chunk.chunk_id).collect();
        let names: Vec<String> = parsed.exact.iter().map(|name| name.to_lowercase()).collect();
        let is_there = |text: &str| {
            let text = text.to_lowercase();
            names.iter().any(|name| stands_in(&text, name))
        };
        let holding: HashSet<ChunkId> = (self.store.hydrate(&ids).await?.into_iter())
            .filter(|source| is_there(&source.text) || is_there(&source.title))
            .map(|source| source.chunk_id)
            .collect();
        fused.sort_by_key(|chunk| !holding.contains(&chunk.chunk_id));
        Ok(())
    }
}

/// Whether a name stands in a text as a whole: not as a part of a longer one (`0.5.0` in `10.5.0` or `0.5.0.1`).
fn stands_in(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default().chars().rev();
        let after = text.get(at + name.len()..).unwrap_or_default().chars();
        !goes_on(before) && !goes_on(after)
    })
}

/// Whether what is beside a name belongs to it: a letter, a digit, or a sign with one of these behind it.
fn goes_on(mut beside: impl Iterator<Item = char>) -> bool {
    match beside.next() {
        Some('-' | '.' | '_' | '@' | '+') => beside.next().is_some_and(char::is_alphanumeric),
        next => next.is_some_and(char::is_alphanumeric),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_there_as_a_whole_or_not_at_all() {
        for text in ["see adr-016.", "(adr-016)", "adr-016", "old: adr-016-", "x adr-016. next"] {
            assert!(stands_in(text, "adr-016"), "{text}");
        }
        for text in ["adr-0161", "xadr-016", "adr-016.2", "my-adr-016", "adr 016", ""] {
            assert!(!stands_in(text, "adr-016"), "{text}");
        }
        assert!(stands_in("10.5.0 and 0.5.0", "0.5.0") && !stands_in("10.5.0, 0.5.0.1", "0.5.0"));
    }
}
