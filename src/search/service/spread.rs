//! So that one document cannot fill a list: a long text that repeats a word has more chunks with it than the legs list, and
//! every other document would be pushed out. Called by the service when it asks both legs.

use std::collections::HashMap;

use crate::domain::search::ScoredChunk;
use crate::domain::{ChunkId, DocumentId};
use crate::store::Legs;

/// Chunks of one document that stay in a list which it flooded.
const OF_ONE: usize = 8;
/// A document that holds more than this part of a full list floods it.
const FLOOD: usize = 4;
/// How much deeper the legs are asked then, and how deep at most.
pub(super) const DEEPER: usize = 8;
pub(super) const DEEPEST: usize = 10_000;

/// Whether one document holds so much of a full list that others are missing from it.
pub(super) fn is_flooded(legs: &Legs, asked: usize, wanted: usize) -> bool {
    [&legs.words, &legs.vectors].into_iter().any(|leg| {
        let mut counts: HashMap<DocumentId, usize> = HashMap::new();
        for chunk in leg {
            *counts.entry(chunk.document_id).or_default() += 1;
        }
        let kept: usize = counts.values().map(|count| (*count).min(OF_ONE)).sum();
        let most = counts.values().copied().max().unwrap_or(0);
        leg.len() >= asked && most > (asked / FLOOD).max(OF_ONE) && kept < wanted
    })
}

/// The best `wanted` of each leg, of every document its best few.
pub(super) fn spread(mut legs: Legs, wanted: usize) -> Legs {
    few_of_each(&mut legs.words, &mut legs.words_of_others, wanted);
    few_of_each(&mut legs.vectors, &mut legs.vectors_of_others, wanted);
    legs
}

/// What a list loses is still known of chunks that the other list holds.
fn few_of_each(leg: &mut Vec<ScoredChunk>, unlisted: &mut HashMap<ChunkId, f32>, wanted: usize) {
    let mut counts: HashMap<DocumentId, usize> = HashMap::new();
    let mut kept = 0;
    leg.retain(|chunk| {
        let count = counts.entry(chunk.document_id).or_default();
        *count += 1;
        let stays = *count <= OF_ONE && kept < wanted;
        kept += usize::from(stays);
        if !stays {
            unlisted.insert(chunk.chunk_id, chunk.score);
        }
        stays
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(documents: &[(&str, usize)]) -> Vec<ScoredChunk> {
        let chunks = documents.iter().flat_map(|(name, count)| std::iter::repeat_n(*name, *count));
        let scored = chunks.zip(0_i16..).map(|(name, number)| ScoredChunk {
            chunk_id: ChunkId(number.into()),
            document_id: DocumentId::from_source_key(name),
            score: 1000.0 - f32::from(number),
        });
        scored.collect()
    }

    #[test]
    fn a_list_full_of_one_document_is_flooded_and_spread() {
        let of = |words: Vec<ScoredChunk>| Legs { words, ..Legs::default() };
        assert!(is_flooded(&of(leg(&[("long", 100)])), 100, 100));
        assert!(is_flooded(&of(leg(&[("a", 20), ("long", 60), ("b", 20)])), 100, 100));
        assert!(!is_flooded(&of(leg(&[("long", 99)])), 100, 100), "nothing is missing");
        let many: Vec<(String, usize)> = (0..20).map(|n| (n.to_string(), 5)).collect();
        let many: Vec<(&str, usize)> = many.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert!(!is_flooded(&of(leg(&many)), 100, 100));
        let spread = spread(of(leg(&[("long", 300), ("a", 3), ("b", 9), ("c", 200)])), 20);
        let names: Vec<DocumentId> = spread.words.iter().map(|chunk| chunk.document_id).collect();
        let count = |name: &str| names.iter().filter(|id| **id == DocumentId::from_source_key(name)).count();
        assert_eq!([count("long"), count("a"), count("b"), count("c")], [8, 3, 8, 1]);
        assert_eq!(spread.words_of_others.len(), 512 - 20, "what went is known all the same");
        assert!(spread.words.is_sorted_by(|one, next| one.score > next.score));
    }
}
