//! Near-equal texts: copies of a list, digests, quoted chains. Hits of which one shows what another shows stand in one row.
//! Called by `group`. Pure.
//!
//! Two texts are near-equal when nine tenths of the three-term runs of the shorter stand in the longer, which is at most
//! twice as long, and every number of the shorter stands in the longer: what repeats every month with another sum is not
//! the same. A text of a few words says too little to be told a copy. A mail and a file that says the same (an invitation and
//! its calendar file, what is attached and what lies in a folder) are two things people look for, and stand apart.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use crate::domain::{SourceType, terms};

/// Terms of the shortest text that may be a copy.
const FEWEST: usize = 8;
/// Terms of one run.
const RUN: usize = 3;
/// The part of the shorter text's runs that the longer has, in tenths.
const TENTHS: usize = 9;
/// How many times as long the longer may be.
const LONGER: usize = 2;

/// The texts of the rows so far.
#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<Shown>,
    /// Which rows have a run.
    having: HashMap<u64, Vec<usize>>,
}

struct Shown {
    source_type: SourceType,
    runs: usize,
    numbers: HashSet<String>,
}

impl Rows {
    /// The row of this type whose text is near-equal to this one; else this is the next row.
    pub(super) fn row_of(&mut self, source_type: SourceType, text: &str) -> Option<usize> {
        let (runs, numbers) = runs(text);
        if runs.len() + RUN > FEWEST {
            let mut shared = vec![0_usize; self.rows.len()];
            for row in runs.iter().filter_map(|run| self.having.get(run)).flatten() {
                shared[*row] += 1;
            }
            let alike = shared.iter().zip(&self.rows).position(|(shared, row)| {
                let (shorter, longer) = (row.runs.min(runs.len()), row.runs.max(runs.len()));
                let (few, many) =
                    if row.runs < runs.len() { (&row.numbers, &numbers) } else { (&numbers, &row.numbers) };
                row.runs > 0
                    && row.source_type == source_type
                    && shared * 10 >= shorter * TENTHS
                    && longer <= shorter * LONGER
                    && few.iter().all(|number| many.contains(number))
            });
            if alike.is_some() {
                return alike;
            }
        }
        let row = self.rows.len();
        let is_long = runs.len() + RUN > FEWEST;
        self.rows.push(Shown { source_type, runs: if is_long { runs.len() } else { 0 }, numbers });
        for run in runs.into_iter().filter(|_| is_long) {
            self.having.entry(run).or_default().push(row);
        }
        None
    }
}

/// The runs of a text, each once, and its numbers.
fn runs(text: &str) -> (HashSet<u64>, HashSet<String>) {
    let hasher = FixedState::default();
    let (mut found, mut numbers) = (HashSet::new(), HashSet::new());
    let mut last = [0_u64; RUN];
    let mut seen = 0;
    terms::each_token(text, |_, term| {
        last.rotate_left(1);
        last[RUN - 1] = hasher.hash_one(term);
        seen += 1;
        if seen >= RUN {
            found.insert(hasher.hash_one(last));
        }
        if term.bytes().all(|byte| byte.is_ascii_digit()) {
            numbers.insert(term.to_owned());
        }
    });
    (found, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str =
        "The build of the release has failed again on the second machine, and nobody knows why it did so.";

    fn rows(texts: &[&str]) -> Vec<Option<usize>> {
        let mut rows = Rows::default();
        texts.iter().map(|text| rows.row_of(SourceType::Mail, text)).collect()
    }

    #[test]
    fn copies_quotes_and_digests_are_alike_and_answers_are_not() {
        let quoted = format!("> {}", NOTE.replace("has ", "has\n> "));
        let copy = format!("{NOTE}\n-- \nlist");
        let answer = "It did so because its disk was full, as the log of the second machine says on its last line.";
        assert_eq!(rows(&[NOTE, &quoted, &copy, answer, NOTE]), [None, Some(0), Some(0), None, Some(0)]);
    }

    #[test]
    fn what_is_of_another_type_stands_apart() {
        let mut rows = Rows::default();
        let types = [SourceType::Mail, SourceType::Text, SourceType::Mail, SourceType::Text];
        assert_eq!(types.map(|source_type| rows.row_of(source_type, NOTE)), [None, None, Some(0), Some(1)]);
    }

    #[test]
    fn other_numbers_are_other_texts_and_few_words_say_too_little() {
        let bill = |number: &str| {
            format!("Your invoice {number} of this month is attached, please pay it within two weeks. Thank you, Ann")
        };
        assert_eq!(rows(&[&bill("1017"), &bill("1018"), &bill("1017")]), [None, None, Some(0)]);
        assert_eq!(rows(&["Thank you!", "Thank you!", "", ""]), [None; 4]);
    }

    #[test]
    fn a_text_within_a_much_longer_one_is_not_all_of_it() {
        let long =
            format!("{NOTE} {}", "Something else was said here as well, by many people, in many ways. ".repeat(9));
        let mixed: String = long.split(' ').enumerate().map(|(at, word)| format!("{word}{at} ")).collect();
        assert_eq!(rows(&[NOTE, &format!("{NOTE} {mixed}")]), [None, None]);
    }

    #[test]
    fn scripts_without_blanks_count_too() {
        let text = "東京都の天気は今日も晴れです。明日は雨が降るでしょう。";
        assert_eq!(rows(&[text, &format!("> {text}")]), [None, Some(0)]);
    }
}
