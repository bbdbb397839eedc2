//! Vectors as one byte a dimension, what of a scan of them is worth scoring again, and the second byte it is scored by.
//!
//! Called by the vector legs of both engines. Pure. Measured against graphs of neighbours (HNSW) and vec0: at 100,000
//! vectors a scan of codes takes a millisecond or two, needs no build, and loses nothing, since whatever the rounding
//! may have kept out of the best is scored again to five digits.

use simsimd::SpatialSimilarity;

use crate::domain::search::VectorQuery;

/// Six standard deviations of what rounding both sides to one byte a dimension adds to a cosine: each side's step is
/// about max/127 ≈ 0.002, its rounding error's deviation step/√12, so √2 · 0.002/√12 · 6.
const CODE_ERROR: f32 = 0.005;
/// Candidates by code that are scored exactly: at most this many per wanted hit, or that many in all.
const RESCORE_FACTOR: usize = 3;
const RESCORE_LEAST: usize = 200;

/// A vector as numbers of −127..127 and the scale that undoes it.
pub(crate) fn quantise(values: &[f32]) -> (Vec<i8>, f32) {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return (vec![0; values.len()], 0.0);
    }
    let scale = largest / 127.0;
    (values.iter().map(|value| nearest(value / scale)).collect(), scale)
}

/// The nearest whole number; unlike `f32::round`, nothing that is called for every number of a vector.
fn nearest(value: f32) -> i8 {
    (value + 0.5_f32.copysign(value)) as i8
}

/// How many steps of the second code make one of the first.
const FINE_STEPS: f32 = 254.0;

/// What a code leaves of a vector, as a second code: `scale × (code + fine / 254)` is the vector to 16 bits a dimension, so
/// that a cosine by both is right to five digits (an f32 holds seven, and sums of 256 products lose one or two).
pub(crate) fn remainder(values: &[f32], code: &[i8], scale: f32) -> Vec<i8> {
    if scale == 0.0 {
        return vec![0; values.len()];
    }
    let rest = |(value, code): (&f32, &i8)| nearest((value / scale - f32::from(*code)) * FINE_STEPS);
    values.iter().zip(code).map(rest).collect()
}

/// A query's code, with its calibration.
#[derive(Clone, Debug)]
pub(crate) struct QueryCode {
    code: Vec<i8>,
    /// The vector itself, times what the calibration multiplies with.
    vector: Vec<f32>,
    factor: f32,
    offset: f32,
    /// What the codes may be wrong by, on the calibrated scale.
    error: f32,
}

impl QueryCode {
    /// The code of a query's vector.
    pub(crate) fn of(query: &VectorQuery) -> Self {
        let (code, scale) = quantise(&query.vector);
        Self {
            code,
            vector: query.vector.iter().map(|value| value * query.scale).collect(),
            factor: query.scale * scale,
            offset: query.offset,
            error: query.scale.abs() * CODE_ERROR,
        }
    }

    /// Approximate calibrated cosine of a stored code; NaN when it is of another length.
    pub(crate) fn score(&self, stored: &[i8], stored_scale: f32) -> f32 {
        let dot = i8::dot(&self.code, stored).map_or(f32::NAN, |dot| dot as f32);
        dot * self.factor * stored_scale + self.offset
    }

    /// Calibrated cosine of a vector stored as code and [`remainder`].
    pub(crate) fn fine_score(&self, stored: &[i8], fine: &[i8], stored_scale: f32) -> f32 {
        // Eight sums side by side, which the compiler turns into one of eight lanes.
        const LANES: usize = 8;
        let mut sums = [0.0_f32; LANES];
        let eights = |code: &'_ [i8]| code.len() / LANES * LANES;
        let whole = eights(stored).min(eights(fine)).min(self.vector.len());
        let lanes = self.vector[..whole].chunks_exact(LANES).zip(stored[..whole].chunks_exact(LANES));
        for ((query, stored), fine) in lanes.zip(fine[..whole].chunks_exact(LANES)) {
            for lane in 0..LANES {
                sums[lane] += query[lane] * sixteen_bits(stored[lane], fine[lane]);
            }
        }
        let rest = self.vector[whole..].iter().zip(&stored[whole..]).zip(&fine[whole..]);
        let rest: f32 = rest.map(|((query, stored), fine)| query * sixteen_bits(*stored, *fine)).sum();
        (sums.iter().sum::<f32>() + rest) * (stored_scale / FINE_STEPS) + self.offset
    }

    /// What a score may be wrong by.
    pub(crate) fn error(&self) -> f32 {
        self.error
    }
}

fn sixteen_bits(code: i8, fine: i8) -> f32 {
    (i32::from(code) * 254 + i32::from(fine)) as f32
}

/// Gathers what may be among the best once scored exactly. Whenever many have gathered, what cannot be among the best
/// any more goes, and nothing like it comes in again.
#[derive(Debug)]
pub(crate) struct Nearest<T> {
    limit: usize,
    many: usize,
    error: f32,
    least: f32,
    held: Vec<(f32, T)>,
}

impl<T: Copy> Nearest<T> {
    /// For the best `limit` by scores that may be wrong by `error`.
    pub(crate) fn new(limit: usize, error: f32) -> Self {
        let many = limit.saturating_mul(4).max(4 * RESCORE_LEAST);
        Self { limit, many, error, least: f32::NEG_INFINITY, held: Vec::new() }
    }

    /// Whether something with this score is still of use; never for NaN.
    pub(crate) fn wants(&self, score: f32) -> bool {
        score >= self.least
    }

    /// Takes one that is wanted.
    pub(crate) fn push(&mut self, score: f32, item: T) {
        self.held.push((score, item));
        if self.held.len() >= self.many {
            self.least = least_worth(&mut self.held, self.limit, self.error);
            let least = self.least;
            self.held.retain(|(score, _)| *score >= least);
            self.held.truncate(self.many / 2);
        }
    }

    /// Everything gathered, in no order.
    pub(crate) fn into_held(self) -> Vec<(f32, T)> {
        self.held
    }
}

/// The least approximate score that may be among the best `limit` of `scored` (more than `limit`) once scored exactly.
fn least_worth<T>(scored: &mut [(f32, T)], limit: usize, error: f32) -> f32 {
    let (_, last, _) = scored.select_nth_unstable_by(limit.max(1) - 1, |a, b| b.0.total_cmp(&a.0));
    last.0 - error
}

/// Of what was gathered, what can be among the best once scored exactly: the best by code, and whatever is within the error
/// below the last of them.
pub(crate) fn worth_rescoring<T: Copy>(mut scored: Vec<(f32, T)>, limit: usize, error: f32) -> Vec<T> {
    if limit == 0 {
        return Vec::new();
    }
    if scored.len() > limit {
        let least = least_worth(&mut scored, limit, error);
        scored.retain(|(score, _)| *score >= least);
        let most = limit.saturating_mul(RESCORE_FACTOR).max(RESCORE_LEAST);
        if scored.len() > most {
            scored.select_nth_unstable_by(most - 1, |a, b| b.0.total_cmp(&a.0));
            scored.truncate(most);
        }
    }
    scored.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ModelId;

    fn unit(random: &mut fastrand::Rng, dimension: usize) -> Vec<f32> {
        let mut vector: Vec<f32> = (0..dimension).map(|_| random.f32() - 0.5).collect();
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        for x in &mut vector {
            *x /= norm;
        }
        vector
    }

    #[test]
    fn the_exact_best_are_always_worth_rescoring() {
        let mut random = fastrand::Rng::with_seed(3);
        let stored: Vec<Vec<f32>> = (0..20_000).map(|_| unit(&mut random, 64)).collect();
        let codes: Vec<(Vec<i8>, f32)> = stored.iter().map(|vector| quantise(vector)).collect();
        for scale in [1.0, 0.4, 3.0] {
            let query = VectorQuery { model: ModelId::from("m"), vector: unit(&mut random, 64), scale, offset: 0.2 };
            let code = QueryCode::of(&query);
            let mut nearest = Nearest::new(50, code.error());
            for (at, (stored, scale)) in codes.iter().enumerate() {
                let score = code.score(stored, *scale);
                if nearest.wants(score) {
                    nearest.push(score, at);
                }
            }
            let worth = worth_rescoring(nearest.into_held(), 50, code.error());
            let worth: std::collections::HashSet<usize> = worth.into_iter().collect();
            let dot = |vector: &[f32]| vector.iter().zip(&query.vector).map(|(a, b)| a * b).sum::<f32>();
            let mut exact: Vec<(f32, usize)> = stored.iter().map(|vector| dot(vector)).zip(0..).collect();
            exact.sort_by(|a, b| b.0.total_cmp(&a.0));
            assert!(exact[..50].iter().all(|(_, at)| worth.contains(at)));
            assert!(worth.len() <= 200, "{}", worth.len());
        }
    }

    #[test]
    fn both_codes_together_are_as_good_as_the_vector() {
        let mut random = fastrand::Rng::with_seed(5);
        for dimension in [1, 7, 64, 256, 384, 385] {
            for (scale, offset) in [(1.0, 0.0), (2.5, -0.3)] {
                let query =
                    VectorQuery { model: ModelId::from("m"), vector: unit(&mut random, dimension), scale, offset };
                let code = QueryCode::of(&query);
                for _ in 0..200 {
                    let stored = unit(&mut random, dimension);
                    let (coarse, step) = quantise(&stored);
                    let fine = remainder(&stored, &coarse, step);
                    let cosine: f64 =
                        stored.iter().zip(&query.vector).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    let exact = cosine * f64::from(scale) + f64::from(offset);
                    let found = f64::from(code.fine_score(&coarse, &fine, step));
                    // Half a step for every product, and what f32 loses in adding them up.
                    let query_sum: f64 = query.vector.iter().map(|value| f64::from(value.abs())).sum();
                    let most = (f64::from(step) / 508.0 * query_sum + 1e-6) * f64::from(scale);
                    assert!((found - exact).abs() < most, "{dimension}: {found} {exact}");
                    assert!(dimension < 64 || (found - exact).abs() < 1e-5 * f64::from(scale), "{found} {exact}");
                }
            }
        }
        assert_eq!(remainder(&[0.0, 0.0], &[0, 0], 0.0), [0, 0]);
    }

    #[test]
    fn odd_vectors_have_codes_and_odd_codes_no_score() {
        assert_eq!(quantise(&[0.0, 0.0]), (vec![0, 0], 0.0));
        assert_eq!(quantise(&[f32::INFINITY, 1.0]), (vec![0, 0], 0.0));
        let query = VectorQuery { model: ModelId::from("m"), vector: vec![1.0, 0.0], scale: 1.0, offset: 0.0 };
        let code = QueryCode::of(&query);
        assert!((code.score(&[127, 0], 1.0 / 127.0) - 1.0).abs() < 1e-6);
        let nearest: Nearest<()> = Nearest::new(3, 0.0);
        assert!(!nearest.wants(code.score(&[127], 1.0)) && !nearest.wants(code.score(&[1, 1], f32::NAN)));
        assert!(worth_rescoring(Nearest::<()>::new(0, 0.0).into_held(), 0, 0.0).is_empty());
    }
}
