//! BM25, what other chunks than texts get of it, and the packing of postings: what every engine's words leg computes alike.
//!
//! Texts (bodies, attachments) are scored by BM25 over texts alone: whatever else is indexed changes no score of theirs.
//! A quote whose original is not here is scored like a text. Everything else (quotes of what is here, signatures, asides,
//! names) gets for each word a fixed part of the word's weight, less than any text that holds the word can get: it is
//! found, and never stands before a text with the same words.
//!
//! Called by `sqlite::search` and `postgres::search`. Pure.

use crate::domain::ChunkKind;
use crate::domain::search::inverse_document_frequency as idf;

use super::varint::{put, take};

/// BM25's saturation of repeated words (Robertson and Zaragoza, 2009, usual value).
pub(crate) const K1: f32 = 1.2;
/// BM25's weight of length.
pub(crate) const B: f32 = 0.75;

/// What the length of a chunk does to its scores, K1 × (1 − b + b × length / mean), without dividing for every posting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    base: f32,
    per_token: f32,
}

impl Lengths {
    /// For chunks of `mean_length` word pieces on average, at least 1.
    pub(crate) fn of(mean_length: f32) -> Self {
        Self { base: K1 * (1.0 - B), per_token: K1 * B / mean_length }
    }

    /// The factor of a chunk of `length` word pieces.
    pub(crate) fn factor(self, length: u32) -> f32 {
        self.base + self.per_token * length as f32
    }
}

/// What a term that stands `frequency` times adds in a chunk with this length factor.
pub(crate) fn bm25(idf: f32, frequency: u32, length_factor: f32) -> f32 {
    let frequency = frequency as f32;
    idf * frequency * (K1 + 1.0) / (frequency + length_factor)
}

/// Of the least that a text can get for a word, the most that anything else does.
const BELOW_TEXTS: f32 = 0.9;

/// What one look at the index says of its chunks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statistics {
    /// Texts.
    pub(crate) texts: u64,
    /// All chunks.
    pub(crate) chunks: u64,
    /// Mean length of a text in word pieces, at least 1.
    pub(crate) mean_length: f32,
    /// Length of the longest text, or more.
    pub(crate) longest: u32,
}

/// How many chunks a clause matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    /// Texts among them.
    pub(crate) texts: u64,
    /// All of them.
    pub(crate) chunks: u64,
}

impl Matches {
    /// Counts one chunk.
    pub(crate) fn add(&mut self, kind: ChunkKind) {
        self.texts += u64::from(kind.is_text());
        self.chunks += 1;
    }
}

/// What chunks get for one clause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClauseScore {
    lengths: Lengths,
    text: f32,
    other: f32,
    /// The most that a chunk which is no text gets, as a part of `other`.
    most: f32,
}

impl ClauseScore {
    /// Of a clause with so many matches.
    pub(crate) fn of(statistics: Statistics, matches: Matches) -> Self {
        let lengths = Lengths::of(statistics.mean_length);
        let text = idf(statistics.texts, matches.texts);
        // A name that stands in every mail tells little, however rare it is in texts.
        let other = text.min(idf(statistics.chunks, matches.chunks));
        let most = BELOW_TEXTS * bm25(1.0, 1, lengths.factor(statistics.longest));
        Self { lengths, text, other, most }
    }

    /// The score of a chunk that matches. `is_held` says of a quote whether its original is in the store; it is asked for
    /// quotes only.
    pub(crate) fn score(&self, kind: ChunkKind, frequency: u32, length: u32, is_held: impl FnOnce() -> bool) -> f32 {
        match kind {
            ChunkKind::Body | ChunkKind::Attachment => bm25(self.text, frequency, self.lengths.factor(length)),
            ChunkKind::Quoted if !is_held() => bm25(self.other, frequency, self.lengths.factor(length)),
            kind => self.other * kind.weight().min(self.most),
        }
    }
}

/// The number of a kind in an index: 0 for every text, since searches treat all of them alike.
pub(crate) fn kind_number(kind: ChunkKind) -> u8 {
    match kind {
        ChunkKind::Body | ChunkKind::Attachment => 0,
        ChunkKind::Aside => 1,
        ChunkKind::Quoted => 2,
        ChunkKind::Signature => 3,
        ChunkKind::Names => 4,
    }
}

/// The kind with a number; one that nobody knows is scored with the least.
pub(crate) fn kind_of_number(number: u64) -> ChunkKind {
    match number {
        0 => ChunkKind::Body,
        1 => ChunkKind::Aside,
        2 => ChunkKind::Quoted,
        3 => ChunkKind::Signature,
        _ => ChunkKind::Names,
    }
}

/// Appends one posting: the gap to the place before (the place itself for the first), then the frequency.
/// Most terms stand once, so a frequency of 1 is told by the gap's lowest bit.
pub(crate) fn put_posting(bytes: &mut Vec<u8>, gap: u32, frequency: u32) {
    put(bytes, u64::from(gap) << 1 | u64::from(frequency == 1));
    if frequency != 1 {
        put(bytes, u64::from(frequency));
    }
}

/// Calls `with` for every one of `count` postings: place and frequency.
#[inline]
pub(crate) fn each_posting(bytes: &[u8], count: u32, mut with: impl FnMut(usize, u32)) {
    let mut at = 0;
    let mut place = 0_u64;
    for _ in 0..count {
        let head = take(bytes, &mut at);
        place += head >> 1;
        let frequency = if head & 1 == 1 { 1 } else { take(bytes, &mut at) as u32 };
        with(place as usize, frequency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postings_come_back_as_they_went_in() {
        let entries = [(0, 1), (1, 5), (2, 1), (300, 200), (1_000_000, 1)];
        let (mut bytes, mut last) = (Vec::new(), 0);
        for (place, frequency) in entries {
            put_posting(&mut bytes, place - last, frequency);
            last = place;
        }
        let mut back = Vec::new();
        each_posting(&bytes, 5, |place, frequency| back.push((place as u32, frequency)));
        assert_eq!(back, entries);
    }

    #[test]
    fn rare_terms_weigh_more_and_repetition_saturates() {
        assert!(idf(1000, 3) > idf(1000, 300));
        assert!(idf(10, 10) > 0.0);
        let mean = Lengths::of(100.0).factor(100);
        let (once, twice, often) = (bm25(1.0, 1, mean), bm25(1.0, 2, mean), bm25(1.0, 50, mean));
        assert!((once - 1.0).abs() < 1e-6 && twice > once && often < K1 + 1.0);
        assert!(bm25(1.0, 1, Lengths::of(100.0).factor(50)) > once);
    }

    #[test]
    fn texts_are_scored_by_bm25_whatever_else_there_is() {
        let alone = Statistics { texts: 1000, chunks: 1000, mean_length: 80.0, longest: 512 };
        let among = Statistics { chunks: 90_000, ..alone };
        let few = Matches { texts: 7, chunks: 7 };
        let many = Matches { texts: 7, chunks: 40_000 };
        let of = |statistics, matches| ClauseScore::of(statistics, matches).score(ChunkKind::Body, 2, 50, || true);
        let expected = bm25(idf(1000, 7), 2, Lengths::of(80.0).factor(50));
        assert!((of(alone, few) - expected).abs() < 1e-6 && (of(among, many) - expected).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_text_is_found_below_every_text_with_the_word() {
        let others = [ChunkKind::Aside, ChunkKind::Quoted, ChunkKind::Signature, ChunkKind::Names];
        for (mean_length, longest) in [(3.0, 512), (100.0, 512), (400.0, 512), (1.0, 1), (90.0, 4000)] {
            for (texts, chunks) in [(1, 1), (1, 900), (500, 501), (999, 5000)] {
                let statistics = Statistics { texts: 1000, chunks: 6000, mean_length, longest };
                let clause = ClauseScore::of(statistics, Matches { texts, chunks });
                let least = clause.score(ChunkKind::Body, 1, longest, || true);
                for kind in others {
                    let score = clause.score(kind, 50, 1, || true);
                    assert!(score > 0.0 && score < least, "{kind:?}: {score} of {least}");
                }
            }
        }
    }

    #[test]
    fn a_quote_whose_original_is_missing_is_scored_like_a_text() {
        let statistics = Statistics { texts: 100, chunks: 120, mean_length: 60.0, longest: 512 };
        let clause = ClauseScore::of(statistics, Matches { texts: 0, chunks: 1 });
        let (orphan, held) =
            (clause.score(ChunkKind::Quoted, 1, 60, || false), clause.score(ChunkKind::Quoted, 1, 60, || true));
        assert!(orphan > 2.0 * held, "{orphan} {held}");
        let common = ClauseScore::of(statistics, Matches { texts: 0, chunks: 118 });
        assert!(common.score(ChunkKind::Names, 1, 5, || true) < 0.1 * orphan, "what stands everywhere tells little");
    }

    #[test]
    fn kinds_come_back_from_their_numbers() {
        for kind in ChunkKind::ALL {
            let back = kind_of_number(kind_number(kind).into());
            assert!(back == kind || back.is_text() && kind.is_text());
        }
    }

    #[test]
    fn damaged_bytes_end() {
        let mut at = 0;
        take(&[0xff; 30], &mut at);
        assert_eq!(take(&[], &mut at), 0);
    }
}
