//! Puts the two legs together by what the query and its candidates are like: words count less where the nearest vector is
//! near and where BM25 tells nothing apart, words close together count more, and the query moves a little towards the best
//! candidates (relevance feedback of Rocchio, 1971, with cosines). Fitted on fifteen judged sets; `docs/BENCHMARKS.md` says
//! what it gains. Pure; called by `search::service`, which reads texts and vectors in between.
//!
//! With v the cosine of a candidate, b its BM25, n the number of the query's words, and z = min(1, 6 / n):
//!
//! - steep = b of the tenth / b of the best, between .15 and .9;
//! - λ = words × e^(−steepness × (steep − .6) + nearness × z × (best v − .55)) × min(1, 10 / n)^length;
//! - s₀ = v + λ × b / best b + window × (the part of the words' weight within 60 words);
//! - m = the mean vector of the five best by s₀; v₂ = (v + feedback × d·m) / |q + feedback × m|;
//! - s = s₀ + z × (v₂ − v).

use std::collections::HashMap;

use crate::domain::ChunkId;
use crate::domain::search::PerQuery;

use super::fuse::{Fused, Leg, candidates, cosine_of_unknown, sort};

/// Candidates whose texts are looked at for words close together: a deeper look changes nothing.
pub const WINDOWS: usize = 50;
/// Candidates whose mean the query moves to.
const BEST: usize = 5;
/// Bounds of how steep BM25 falls.
const STEEP: (f32, f32) = (0.15, 0.9);
/// Where nearness and steepness change nothing.
const USUAL_STEEP: f32 = 0.6;
const USUAL_NEAREST: f32 = 0.55;
/// Words up to which a query is short: for feedback, and for how much words count.
const SHORT: f32 = 6.0;
const NOT_LONG: f32 = 10.0;

/// Candidates on their way.
#[derive(Clone, Debug)]
pub struct Ranking {
    rule: PerQuery,
    /// What the weights of words are multiplied by, as somebody set the weight of meaning.
    share: f32,
    weight: f32,
    /// λ.
    lambda: f32,
    /// z.
    shortness: f32,
    /// The best BM25.
    best_words: f32,
    unknown: f32,
    /// Best first.
    candidates: Vec<Fused>,
}

impl Ranking {
    /// A first order, without what texts and vectors say. `weight` is that of the vector leg, more than 0 and less than 1;
    /// with `usual` the rule is as it was fitted. `terms` is the number of the query's words.
    #[must_use]
    pub fn begin(words: &Leg, vectors: &Leg, rule: PerQuery, (weight, usual): (f32, f32), terms: usize) -> Self {
        let candidates = candidates(words, vectors);
        let terms = terms.max(1) as f32;
        let mut lexical: Vec<f32> =
            candidates.iter().filter_map(|one| one.scores.lexical).map(|leg| leg.score).collect();
        lexical.sort_unstable_by(|a, b| b.total_cmp(a));
        let best_words = lexical.first().copied().filter(|best| *best > 0.0).unwrap_or(1.0);
        let steep = (lexical.get(9).copied().unwrap_or(0.0) / best_words).clamp(STEEP.0, STEEP.1);
        let shortness = (SHORT / terms).min(1.0);
        let cosines = candidates.iter().filter_map(|one| one.scores.vector).map(|leg| leg.score);
        let nearest = cosines.fold(0.0_f32, f32::max);
        let exponent = -rule.steepness * (steep - USUAL_STEEP) + rule.nearness * shortness * (nearest - USUAL_NEAREST);
        let share = (1.0 - weight) / weight / ((1.0 - usual) / usual);
        let lambda = share * rule.words * exponent.exp() * (NOT_LONG / terms).min(1.0).powf(rule.length);
        let unknown = cosine_of_unknown(vectors, &candidates);
        let mut ranking = Self { rule, share, weight, lambda, shortness, best_words, unknown, candidates };
        ranking.order();
        ranking
    }

    /// The best by what is known so far.
    #[must_use]
    pub fn best(&self, count: usize) -> Vec<ChunkId> {
        self.candidates.iter().take(count).map(|one| one.chunk_id).collect()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<ChunkId> {
        self.best(usize::MAX)
    }

    /// Tells what part of the words' weight stands close together in candidates.
    pub fn close_together(&mut self, windows: &HashMap<ChunkId, f32>) {
        for one in &mut self.candidates {
            one.scores.window = windows.get(&one.chunk_id).copied();
        }
        self.order();
    }

    /// Moves the query towards the best candidates. `vectors` are those of candidates in the model that gave their cosines.
    pub fn feed_back(&mut self, vectors: &HashMap<ChunkId, Vec<f32>>) {
        let best: Vec<(&Fused, &Vec<f32>)> =
            (self.candidates.iter()).filter_map(|one| Some((one, vectors.get(&one.chunk_id)?))).take(BEST).collect();
        let Some((_, first)) = best.first() else { return };
        let count = best.len() as f32;
        let mut mean = vec![0.0_f32; first.len()];
        for (_, vector) in &best {
            mean.iter_mut().zip(vector.iter()).for_each(|(sum, number)| *sum += number / count);
        }
        let query_mean = best.iter().map(|(one, _)| self.cosine(one)).sum::<f32>() / count;
        let feedback = self.rule.feedback;
        let length = (1.0 + 2.0 * feedback * query_mean + feedback * feedback * dot(&mean, &mean)).max(0.0).sqrt();
        if length < f32::EPSILON {
            return;
        }
        let gains: Vec<Option<f32>> = (self.candidates.iter())
            .map(|one| {
                let moved = (self.cosine(one) + feedback * dot(vectors.get(&one.chunk_id)?, &mean)) / length;
                Some(self.shortness * (moved - self.cosine(one)))
            })
            .collect();
        for (one, gain) in self.candidates.iter_mut().zip(gains) {
            one.scores.feedback = gain;
        }
        self.order();
    }

    /// The order, best first.
    #[must_use]
    pub fn finish(self) -> Vec<Fused> {
        self.candidates
    }

    fn cosine(&self, one: &Fused) -> f32 {
        one.scores.vector.map_or(self.unknown, |leg| leg.score)
    }

    /// Scores with what is known and sorts. The scale, which changes no order, makes 1 of the most that there can be.
    fn order(&mut self) {
        let (of_words, of_window) = (self.lambda / self.best_words, self.share * self.rule.window);
        let scale = 1.0 + self.lambda + of_window;
        let scores: Vec<f32> = (self.candidates.iter())
            .map(|one| {
                let lexical = one.scores.lexical.map_or(0.0, |leg| leg.score);
                let close = one.scores.window.unwrap_or(0.0);
                let feedback = one.scores.feedback.unwrap_or(0.0);
                (self.cosine(one) + of_words * lexical + of_window * close + feedback) / scale
            })
            .collect();
        for (one, score) in self.candidates.iter_mut().zip(scores) {
            one.scores.fused = score;
        }
        sort(&mut self.candidates, self.weight);
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
