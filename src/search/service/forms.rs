//! A word that merely has its stem in common with one of the query counts less than a form of that word: `bayes` finds what
//! says Bayes before what says bays. The index knows stems only; the texts of the best candidates know the words. Called by
//! the ranking, for short queries.

use std::collections::HashMap;

use crate::domain::search::ScoredChunk;
use crate::domain::{ChunkId, terms};
use crate::search::query::ParsedQuery;

use super::{SearchError, SearchService};

/// Candidates whose texts are looked at.
const LOOKED_AT: usize = 32;
/// The part of a score that goes when every word of the query that a text has is merely stemmed alike. One word as it was
/// asked for is enough to keep all of it: taking a part for the others cost cacm's hybrid .008 nDCG@10.
const LOST: f32 = 0.7;
/// Letters that a word and its stem have in common.
const IN_COMMON: usize = 3;

impl SearchService {
    /// Takes from candidates by words what they got for other words of the same stem.
    pub(super) async fn forms_first(&self, words: &mut [ScoredChunk], parsed: &ParsedQuery) -> Result<(), SearchError> {
        if parsed.forms.is_empty() || words.len() < 2 {
            return Ok(());
        }
        let best: Vec<ChunkId> = words.iter().take(LOOKED_AT).map(|chunk| chunk.chunk_id).collect();
        let sources = self.store.hydrate(&best).await?;
        let kept: HashMap<ChunkId, f32> = (sources.iter())
            .map(|source| (source.chunk_id, kept(&[&source.title, &source.place, &source.text], &parsed.forms)))
            .collect();
        for chunk in words.iter_mut() {
            chunk.score *= kept.get(&chunk.chunk_id).copied().unwrap_or(1.0);
        }
        words.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk_id.cmp(&b.chunk_id)));
        Ok(())
    }
}

/// What a candidate keeps of its score, by the words that stand in its texts.
fn kept(texts: &[&str], forms: &[(String, String)]) -> f32 {
    // Of every word of the query: whether a word of its stem stands there, and whether it is a form of it.
    let mut found = vec![(false, false); forms.len()];
    for text in texts {
        terms::each_word(text, |word| {
            for ((wanted, stem), (is_there, is_same)) in forms.iter().zip(&mut found) {
                if *is_same || word.get(..IN_COMMON) != wanted.get(..IN_COMMON) {
                    continue;
                }
                if word == wanted || terms::terms_of(word).first() == Some(stem) {
                    *is_there = true;
                    *is_same = terms::is_same_word(word, wanted);
                }
            }
        });
    }
    let is_there = found.iter().any(|(is_there, _)| *is_there);
    let is_same = found.iter().any(|(_, is_same)| *is_same);
    if is_there && !is_same { 1.0 - LOST } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept_of(text: &str, query: &[&str]) -> f32 {
        let form = |word: &&str| ((*word).to_owned(), terms::terms_of(word).remove(0));
        kept(&["", text], &query.iter().map(form).collect::<Vec<_>>())
    }

    #[test]
    fn other_words_of_one_stem_count_less() {
        let query = ["bayes", "accuracy"];
        assert!(kept_of("two drive bays and a bay", &query) < 0.31);
        for text in [
            "the accuracy of two drive bays",
            "naive Bayes has an accuracy of",
            "accuracies of the classifiers",
            "nothing of it",
            "Bayes, bays",
        ] {
            assert!((kept_of(text, &query) - 1.0).abs() < 1e-6, "{text}");
        }
        assert!((kept_of("budgets were planned", &["budget", "plan"]) - 1.0).abs() < 1e-6);
    }
}
