//! Measures of a ranking against judgements, as trec_eval computes them. Pure; called by `search::evaluation`.

use std::collections::HashMap;

/// Judgements of one query: document → relevance (0 is judged and not relevant).
pub type Judgements = HashMap<String, u32>;

/// Normalised discounted cumulative gain over the first `depth` (Järvelin and Kekäläinen, 2002; linear gain, as trec_eval).
#[must_use]
pub fn ndcg(ranking: &[String], judgements: &Judgements, depth: usize) -> f64 {
    let discount = |position: usize| 1.0 / (position as f64 + 2.0).log2();
    let gain =
        |(position, id): (usize, &String)| f64::from(judgements.get(id).copied().unwrap_or(0)) * discount(position);
    let found: f64 = ranking.iter().take(depth).enumerate().map(gain).sum();
    let mut ideal: Vec<u32> = judgements.values().copied().filter(|relevance| *relevance > 0).collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best: f64 =
        ideal.iter().take(depth).enumerate().map(|(at, relevance)| f64::from(*relevance) * discount(at)).sum();
    if best > 0.0 { found / best } else { 0.0 }
}

/// Fraction of the relevant documents among the first `depth`.
#[must_use]
pub fn recall(ranking: &[String], judgements: &Judgements, depth: usize) -> f64 {
    let is_relevant = |id: &String| judgements.get(id).is_some_and(|relevance| *relevance > 0);
    let relevant = judgements.values().filter(|relevance| **relevance > 0).count();
    let found = ranking.iter().take(depth).filter(|id| is_relevant(id)).count();
    if relevant > 0 { found as f64 / relevant as f64 } else { 0.0 }
}

/// One over the rank of the first relevant document among the first `depth`; zero when there is none.
#[must_use]
pub fn reciprocal_rank(ranking: &[String], judgements: &Judgements, depth: usize) -> f64 {
    let is_relevant = |id: &String| judgements.get(id).is_some_and(|relevance| *relevance > 0);
    ranking.iter().take(depth).position(is_relevant).map_or(0.0, |position| 1.0 / (position as f64 + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn measures_agree_with_hand_computation() {
        let judgements: Judgements = [("a", 2), ("b", 1), ("c", 1), ("d", 0)].map(|(id, r)| (id.to_owned(), r)).into();
        let ranking = ids(&["d", "a", "x", "b"]);
        // DCG = 2/log2(3) + 1/log2(5); ideal = 2/log2(2) + 1/log2(3) + 1/log2(4).
        let expected = (2.0 / 3f64.log2() + 1.0 / 5f64.log2()) / (2.0 + 1.0 / 3f64.log2() + 0.5);
        assert!((ndcg(&ranking, &judgements, 10) - expected).abs() < 1e-12);
        assert!((ndcg(&ids(&["a", "b", "c"]), &judgements, 10) - 1.0).abs() < 1e-12);
        assert!((recall(&ranking, &judgements, 2) - 1.0 / 3.0).abs() < 1e-12);
        assert!((reciprocal_rank(&ranking, &judgements, 10) - 0.5).abs() < 1e-12);
        assert!(reciprocal_rank(&ranking, &judgements, 1).abs() < 1e-12);
    }

    #[test]
    fn a_query_without_relevant_documents_scores_zero() {
        assert!(ndcg(&ids(&["a"]), &Judgements::new(), 10).abs() < 1e-12);
    }
}
