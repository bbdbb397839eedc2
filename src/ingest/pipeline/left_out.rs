//! What of a file could not be read or was left out by rule, gathered into one reason of bounded length. Pure; used by
//! `reader`, shown by the ledger beside the file.

use std::collections::HashMap;

/// Different sentences kept; of more only the number is told.
const SENTENCES: usize = 8;
/// Longest reason, in bytes.
const LONGEST: usize = 2000;

/// The sentences, each with how often it was said, in the order first said.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    said: Vec<(String, u64)>,
    at: HashMap<String, usize>,
    more: u64,
}

impl LeftOut {
    /// Takes what a parser left out of one document.
    pub(super) fn take(&mut self, sentences: Vec<String>) {
        for sentence in sentences {
            self.add(sentence, 1);
        }
    }

    fn add(&mut self, sentence: String, times: u64) {
        if let Some((_, number)) = self.at.get(&sentence).and_then(|at| self.said.get_mut(*at)) {
            *number += times;
        } else if self.said.len() < SENTENCES {
            self.at.insert(sentence.clone(), self.said.len());
            self.said.push((sentence, times));
        } else {
            self.more += times;
        }
    }

    /// All of it as one reason; `None` when nothing was left out.
    pub(super) fn told(&self) -> Option<String> {
        if self.said.is_empty() {
            return None;
        }
        let mut parts: Vec<String> = self
            .said
            .iter()
            .map(|(sentence, times)| if *times > 1 { format!("{sentence} ({times} times)") } else { sentence.clone() })
            .collect();
        if self.more > 0 {
            parts.push(format!("{} more", self.more));
        }
        let mut told = parts.join("; ");
        if told.len() > LONGEST {
            told.truncate(told.floor_char_boundary(LONGEST - 3));
            told.push('\u{2026}');
        }
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_often_is_counted_and_the_whole_is_bounded() {
        let mut left_out = LeftOut::default();
        assert_eq!(left_out.told(), None);
        left_out.take(vec!["an attachment could not be read".into()]);
        left_out.take(vec!["an attachment could not be read".into(), "a page is empty".into()]);
        let told = "an attachment could not be read (2 times); a page is empty";
        assert_eq!(left_out.told().as_deref(), Some(told));
        for n in 0..100_000 {
            left_out.take(vec![format!("{n} {}", "\u{e4}".repeat(400))]);
        }
        let told = left_out.told().unwrap();
        assert!(told.len() <= LONGEST, "{}", told.len());
    }
}
