//! Puts the two legs together. Pure; called by `search::service`.
//!
//! The default adds scaled scores, `a × cosine + (1 − a) × BM25 / max BM25`: on the judged sets it beats reciprocal
//! rank fusion, which lets a weak leg outvote a strong one (`docs/BENCHMARKS.md`).

use std::collections::HashMap;

use crate::domain::search::{LegScore, PerQuery, ScoredChunk, Scores};
use crate::domain::{ChunkId, DocumentId};

/// How to fuse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fusion {
    /// Weighted sum of the cosine and BM25 divided by its maximum.
    Score,
    /// Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009) with weights: Σ weight / (k + rank).
    Reciprocal {
        /// The constant; 60 in the paper.
        k: f32,
    },
    /// Weighted sum of z-scores over each leg's list: for an embedder nobody tuned.
    ZScore,
    /// By what the query and its candidates are like (`search::per_query`). Where only one leg counts, and here, it is
    /// [`Fusion::Score`].
    PerQuery {
        /// Its constants.
        rule: PerQuery,
        /// The weight of the vector leg that they were fitted with.
        usual_weight: f32,
    },
}

/// A candidate with all its scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// Why it stands where it stands.
    pub scores: Scores,
}

/// One leg: its list, best first, and the scores of other candidates that were computed afterwards.
#[derive(Clone, Debug, Default)]
pub struct Leg {
    /// The leg's own list, best first.
    pub ranked: Vec<ScoredChunk>,
    /// Scores of candidates of the other leg.
    pub filled_in: HashMap<ChunkId, f32>,
}

impl Leg {
    fn by_id(&self) -> HashMap<ChunkId, LegScore> {
        let mut scores: HashMap<ChunkId, LegScore> =
            self.filled_in.iter().map(|(id, score)| (*id, LegScore { rank: None, score: *score })).collect();
        for (rank, chunk) in (1..).zip(&self.ranked) {
            scores.insert(chunk.chunk_id, LegScore { rank: Some(rank), score: chunk.score });
        }
        scores
    }
}

/// Fuses the legs; `vector_weight` from 0 (exactly the BM25 order) to 1 (exactly the vector order). Best first, ties by
/// vector rank, then words rank, then chunk id. With a weight of 0 or 1 the other leg's own candidates come last.
///
/// What no model has a vector of (names, quotes) counts in the vector leg as the last that is listed there (with z-scores
/// as the mean), so that words are enough to be found by; but never for more than a candidate that matches words and has
/// a vector, so that it does not stand before a text with better words.
#[must_use]
pub fn fuse(words: &Leg, vectors: &Leg, vector_weight: f32, fusion: Fusion) -> Vec<Fused> {
    let vector_weight = vector_weight.clamp(0.0, 1.0);
    let (word_scale, vector_scale) = (Scale::of(&words.ranked), Scale::of(&vectors.ranked));
    let candidates = candidates(words, vectors);
    let known = nearest_known(&candidates);
    let unknown = unknown(vectors, known);
    let unknown_z = if known.is_finite() { vector_scale.z(Some(known)).min(0.0) } else { 0.0 };
    let mut fused: Vec<Fused> = candidates
        .into_iter()
        .map(|mut candidate| {
            let Scores { lexical, vector, .. } = candidate.scores;
            candidate.scores.fused = match fusion {
                Fusion::Score | Fusion::PerQuery { .. } => {
                    let word = lexical.map_or(0.0, |leg| leg.score / word_scale.maximum);
                    weighted(vector_weight, vector.map_or(unknown, |leg| leg.score), word)
                }
                Fusion::Reciprocal { k } => {
                    let of = |leg: Option<LegScore>| {
                        leg.and_then(|leg| leg.rank).map_or(0.0, |rank| 1.0 / (k + rank as f32))
                    };
                    weighted(vector_weight, of(vector), of(lexical))
                }
                Fusion::ZScore => {
                    let word = word_scale.z(lexical.map(|leg| leg.score));
                    let meaning = vector.map_or(unknown_z, |leg| vector_scale.z(Some(leg.score)));
                    weighted(vector_weight, meaning, word)
                }
            };
            candidate
        })
        .collect();
    sort(&mut fused, vector_weight);
    fused
}

/// Everything that either leg listed, with what both say of it; not yet scored, in no order.
pub(super) fn candidates(words: &Leg, vectors: &Leg) -> Vec<Fused> {
    let (lexical, vector) = (words.by_id(), vectors.by_id());
    let mut documents: HashMap<ChunkId, DocumentId> = HashMap::new();
    for chunk in words.ranked.iter().chain(&vectors.ranked) {
        documents.insert(chunk.chunk_id, chunk.document_id);
    }
    let candidate = |(chunk_id, document_id)| {
        let (lexical, vector) = (lexical.get(&chunk_id).copied(), vector.get(&chunk_id).copied());
        Fused { chunk_id, document_id, scores: Scores { lexical, vector, ..Scores::default() } }
    };
    documents.into_iter().map(candidate).collect()
}

/// The least cosine of what matches words; infinite where nothing does.
fn nearest_known(candidates: &[Fused]) -> f32 {
    let both = candidates.iter().filter(|candidate| candidate.scores.lexical.is_some());
    both.filter_map(|candidate| candidate.scores.vector).map(|leg| leg.score).fold(f32::INFINITY, f32::min)
}

/// The cosine that a candidate without a vector is taken to have.
fn unknown(vectors: &Leg, known: f32) -> f32 {
    Scale::of(&vectors.ranked).minimum.max(0.0).min(known)
}

/// The cosine that candidates without a vector are taken to have among these.
pub(super) fn cosine_of_unknown(vectors: &Leg, candidates: &[Fused]) -> f32 {
    unknown(vectors, nearest_known(candidates))
}

/// Best first; ties by vector rank, then words rank, then chunk id.
pub(super) fn sort(fused: &mut [Fused], vector_weight: f32) {
    let rank = |leg: Option<LegScore>| leg.and_then(|leg| leg.rank).unwrap_or(u32::MAX);
    // A leg of weight 1 decides alone: what it did not list comes after everything it did.
    let listed = |one: &Fused| match vector_weight {
        w if w <= 0.0 => rank(one.scores.lexical),
        w if w >= 1.0 => rank(one.scores.vector),
        _ => 0,
    };
    fused.sort_by(|a, b| {
        listed(a)
            .cmp(&listed(b))
            .then(b.scores.fused.total_cmp(&a.scores.fused))
            .then(rank(a.scores.vector).cmp(&rank(b.scores.vector)))
            .then(rank(a.scores.lexical).cmp(&rank(b.scores.lexical)))
            .then(a.chunk_id.cmp(&b.chunk_id))
    });
}

fn weighted(vector_weight: f32, vector: f32, word: f32) -> f32 {
    vector_weight * vector + (1.0 - vector_weight) * word
}

/// Range and spread of one leg's list.
struct Scale {
    maximum: f32,
    minimum: f32,
    mean: f32,
    deviation: f32,
}

impl Scale {
    fn of(list: &[ScoredChunk]) -> Self {
        let scores = || list.iter().map(|chunk| chunk.score);
        let count = list.len().max(1) as f32;
        let mean = scores().sum::<f32>() / count;
        let variance = scores().map(|score| (score - mean).powi(2)).sum::<f32>() / count;
        let maximum = scores().fold(f32::MIN, f32::max);
        Self {
            maximum: if maximum > 0.0 { maximum } else { 1.0 },
            minimum: if list.is_empty() { 0.0 } else { scores().fold(f32::MAX, f32::min) },
            mean,
            deviation: variance.sqrt(),
        }
    }

    /// How far a score stands out in its list; a candidate without one counts as the list's last. In a list of one, or of
    /// equal scores, being listed is all there is to tell.
    fn z(&self, score: Option<f32>) -> f32 {
        if self.deviation > 1e-9 {
            (score.unwrap_or(self.minimum) - self.mean) / self.deviation
        } else {
            f32::from(u8::from(score.is_some()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(entries: &[(i64, f32)]) -> Leg {
        let ranked = entries
            .iter()
            .map(|(id, score)| ScoredChunk {
                chunk_id: ChunkId(*id),
                document_id: DocumentId(uuid::Uuid::from_u128(id.unsigned_abs().into())),
                score: *score,
            })
            .collect();
        Leg { ranked, filled_in: HashMap::new() }
    }

    fn order(words: &Leg, vectors: &Leg, weight: f32, fusion: Fusion) -> Vec<i64> {
        fuse(words, vectors, weight, fusion).iter().map(|fused| fused.chunk_id.0).collect()
    }

    const ALL: [Fusion; 3] = [Fusion::Score, Fusion::Reciprocal { k: 60.0 }, Fusion::ZScore];

    #[test]
    fn full_weight_gives_exactly_one_legs_order() {
        let words = leg(&[(1, 9.0), (2, 8.9), (3, 1.0), (4, 1.0)]);
        let vectors = leg(&[(5, 0.9), (3, 0.5), (1, -0.2)]);
        for fusion in ALL {
            assert_eq!(order(&words, &vectors, 0.0, fusion)[..4], [1, 2, 3, 4], "{fusion:?}");
            assert_eq!(order(&words, &vectors, 1.0, fusion)[..3], [5, 3, 1], "{fusion:?}");
        }
    }

    #[test]
    fn what_both_legs_like_wins() {
        let words = leg(&[(1, 10.0), (2, 9.0), (3, 1.0)]);
        let vectors = leg(&[(4, 0.8), (2, 0.79), (5, 0.1)]);
        for fusion in ALL {
            assert_eq!(order(&words, &vectors, 0.5, fusion)[0], 2, "{fusion:?}");
        }
    }

    #[test]
    fn the_default_is_the_documented_sum() {
        let mut words = leg(&[(1, 10.0), (2, 5.0)]);
        words.filled_in.insert(ChunkId(3), 2.0);
        let vectors = leg(&[(3, 0.8), (1, 0.5)]);
        let fused = fuse(&words, &vectors, 0.6, Fusion::Score);
        let score = |id| fused.iter().find(|f| f.chunk_id == ChunkId(id)).unwrap().scores.fused;
        assert!((score(1) - (0.6 * 0.5 + 0.4)).abs() < 1e-6);
        assert!((score(2) - (0.6 * 0.5 + 0.4 * 0.5)).abs() < 1e-6, "without a vector it counts as the last listed");
        assert!((score(3) - (0.6 * 0.8 + 0.4 * 0.2)).abs() < 1e-6);
    }

    #[test]
    fn the_only_match_of_a_rare_word_counts() {
        let words = leg(&[(3, 7.0)]);
        let vectors = leg(&[(1, 0.62), (2, 0.61), (3, 0.605), (4, 0.2)]);
        assert_eq!(order(&words, &vectors, 0.5, Fusion::ZScore)[0], 3);
    }

    #[test]
    fn what_has_no_vector_stands_below_texts_with_better_words_and_above_what_is_merely_near() {
        // A text far off in meaning (1), a name without a vector (2), and many that are near and hold none of the words.
        let near: Vec<(i64, f32)> = (0_u8..20).map(|n| (i64::from(n) + 10, 0.4 - f32::from(n) * 0.005)).collect();
        let mut vectors = leg(&near);
        for fusion in [Fusion::Score, Fusion::ZScore] {
            let alone = order(&leg(&[(2, 0.3)]), &vectors, 0.5, fusion);
            assert!(alone.iter().position(|id| *id == 2).is_some_and(|rank| rank < 5), "{fusion:?}: {alone:?}");
            vectors.filled_in.insert(ChunkId(1), 0.01);
            let both = order(&leg(&[(1, 0.4), (2, 0.3)]), &vectors, 0.5, fusion);
            let rank = |wanted: i64| both.iter().position(|id| *id == wanted);
            assert!(rank(1) < rank(2), "{fusion:?}: {both:?}");
            vectors.filled_in.clear();
        }
    }

    #[test]
    fn an_empty_leg_leaves_the_other_alone() {
        for fusion in ALL {
            assert_eq!(order(&leg(&[(2, 3.0), (1, 1.0)]), &Leg::default(), 0.6, fusion), [2, 1]);
            assert!(fuse(&Leg::default(), &Leg::default(), 0.6, fusion).is_empty());
        }
    }
}
