//! How close together the words of a query stand in a text. Pure; called by `search::service`.

use std::collections::{HashMap, VecDeque};

use crate::domain::terms;

/// Words within which the query's stand close together.
const WINDOW: usize = 60;

/// The words of a query as they stand in texts.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Which words a term stands for.
    terms: HashMap<String, Vec<usize>>,
    weights: Vec<f32>,
}

impl Wanted {
    /// Adds a word: all its terms, and what it weighs.
    pub fn add<'a>(&mut self, word: impl IntoIterator<Item = &'a str>, weight: f32) {
        for term in word {
            self.terms.entry(term.to_owned()).or_default().push(self.weights.len());
        }
        self.weights.push(weight);
    }

    /// The greatest part of all words' weight within 60 words of a text and the title before it; 0 for none.
    #[must_use]
    pub fn most_within(&self, title: &str, text: &str) -> f32 {
        let all: f32 = self.weights.iter().sum();
        if all <= 0.0 {
            return 0.0;
        }
        let mut inside: VecDeque<(usize, usize)> = VecDeque::new();
        let mut counts = vec![0_u32; self.weights.len()];
        let (mut place, mut sum, mut most) = (0, 0.0_f32, 0.0_f32);
        terms::each_chunk_term(title, text, |term| {
            place += 1;
            let Some(words) = self.terms.get(term) else { return };
            while let Some((_, word)) = inside.pop_front_if(|(at, _)| *at + WINDOW <= place) {
                counts[word] -= 1;
                sum -= if counts[word] == 0 { self.weights[word] } else { 0.0 };
            }
            for word in words {
                sum += if counts[*word] == 0 { self.weights[*word] } else { 0.0 };
                counts[*word] += 1;
                inside.push_back((place, *word));
            }
            most = most.max(sum);
        });
        (most / all).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(words: &[(&str, f32)]) -> Wanted {
        let mut wanted = Wanted::default();
        for (word, weight) in words {
            let terms = terms::terms_of(word);
            wanted.add(terms.iter().map(String::as_str), *weight);
        }
        wanted
    }

    #[test]
    fn words_that_stand_together_are_told_from_words_far_apart() {
        let wanted = wanted(&[("budget", 2.0), ("oslo", 1.0), ("ferry", 1.0)]);
        let apart = |words: usize| format!("the budget {} of the ferry", "word ".repeat(words));
        assert!((wanted.most_within("", &apart(10)) - 0.75).abs() < 1e-6);
        assert!((wanted.most_within("", &apart(200)) - 0.5).abs() < 1e-6, "the heavier alone");
        assert!(
            (wanted.most_within("Oslo", "ferries and budgets") - 1.0).abs() < 1e-6,
            "the title stands before the text"
        );
        assert!(wanted.most_within("", "nothing of it").abs() < 1e-6);
        assert!(Wanted::default().most_within("", "budget").abs() < 1e-6);
    }

    #[test]
    fn a_word_said_often_counts_once_and_leaves_when_the_last_one_does() {
        let wanted = wanted(&[("budget", 1.0), ("ferry", 1.0)]);
        assert!((wanted.most_within("", &"budget ".repeat(100)) - 0.5).abs() < 1e-6);
        let text = format!("{}{}ferry", "budget ".repeat(3), "word ".repeat(58));
        assert!((wanted.most_within("", &text) - 1.0).abs() < 1e-6, "the last of them is near enough");
        let text = format!("{}{}ferry", "budget ".repeat(3), "word ".repeat(60));
        assert!((wanted.most_within("", &text) - 0.5).abs() < 1e-6);
    }
}
