//! Keeps a query small: every word and every test is looked for once, and no more of them than a search should look for.
//! What is left out is told by a hint. Pure; called by [`super::parse`] when the query is taken apart.
//!
//! The leaves of a tree are bounded like the clauses: what restricts comes before what only adds.
//!
//! A search reads the whole list of every word it looks for, so its work is bounded by what it looks for and not by how
//! it was typed: `the` five hundred times is `the`. But what a sentence says again it is about, so there a word counts as
//! often as it stands, up to [`MOST_TIMES`].

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::domain::search::{Expression, Occur, WordMatch};
use crate::domain::terms;

use super::ParsedQuery;

/// What the words of a query may cost together; a usual word costs 1.
pub const MOST_WORK: usize = 128;
/// A stop word stands in nearly every text.
const STOP_WORD_COST: usize = 4;
/// Terms a word may have, one or two in every language.
pub(super) const TERMS_OF_A_WORD: usize = 16;
/// A prefix stands for many words.
const PREFIX_COST: usize = 8;
/// Words of a phrase that are looked for side by side: by then there is hardly more than one text that has them.
pub const LONGEST_PHRASE: usize = 32;
/// Tests of documents (`from:`, `tag:`, each alternative) that a query may hold.
pub const MOST_TESTS: usize = 32;

/// So often at most a word of a sentence counts. Counted as often as it stands, cacm's words leg has .044 more nDCG@10 than
/// counted once, and cisi's .033; from three times on a higher bound changes less than .002.
pub const MOST_TIMES: usize = 4;

/// What was said already, for the text that is embedded.
#[derive(Debug, Default)]
pub(super) struct Said {
    times: HashMap<String, usize>,
    last: String,
}

impl Said {
    /// Whether a piece belongs into the text: not when it follows itself, and a word that is no stop word not more than
    /// [`MOST_TIMES`].
    pub(super) fn counts(&mut self, piece: &str, is_stop: bool) -> bool {
        let folded = terms::fold(piece);
        let times = self.times.entry(folded.clone()).or_default();
        *times += 1;
        let counts = folded != self.last && (is_stop || *times <= MOST_TIMES);
        self.last = folded;
        counts
    }
}

/// Makes everything distinct and leaves out what is too much. In a sentence what is said again counts again.
pub(super) fn bound(parsed: &mut ParsedQuery, is_sentence: bool) {
    let clauses = std::mem::take(&mut parsed.words.clauses);
    let times = if is_sentence { times_said(&clauses) } else { HashMap::new() };
    let clauses = distinct_clauses(clauses);
    let clauses = within_phrases(clauses, &mut parsed.hints);
    let clauses = clauses.into_iter();
    let tests = bound_tests(parsed);
    let mut budget = Budget { work: MOST_WORK, tests, ..Budget::default() };
    parsed.filter.tree = parsed.filter.tree.take().and_then(|tree| budget.bound(tree));
    parsed.joined_words.iter_mut().for_each(|words| {
        cut(words);
    });
    parsed.joined_words.retain(|words| budget.kept.contains(words));
    // What the tree asks for is paid; what it had no room for is not scored either.
    let is_left_out = |clause: &WordMatch| budget.left_out.contains(clause) && !budget.kept.contains(clause);
    let clauses = clauses.filter(|(occur, clause)| *occur != Occur::Should || !is_left_out(clause)).collect();
    parsed.words.clauses = within_work(clauses, &budget, &mut parsed.hints);
    let again = parsed.words.clauses.iter().filter(|(occur, _)| *occur != Occur::MustNot).flat_map(|(_, clause)| {
        let times = times.get(&key(clause)).copied().unwrap_or(1).min(MOST_TIMES);
        std::iter::repeat_n((Occur::Should, clause.clone()), times.saturating_sub(1))
    });
    let again: Vec<_> = again.collect();
    parsed.words.clauses.extend(again);
    if budget.cut_phrases && !parsed.hints.iter().any(|hint| hint.starts_with("of a phrase")) {
        parsed.hints.push(format!("of a phrase the first {LONGEST_PHRASE} words are looked for"));
    }
    if budget.tests_left_out > 0 {
        let left_out = budget.tests_left_out;
        parsed
            .hints
            .push(format!("too many filters: {left_out} tests under AND, OR or NOT were left out; ask for fewer"));
    }
    for list in
        [&mut parsed.highlights, &mut parsed.prefixes, &mut parsed.plain_words, &mut parsed.exact, &mut parsed.hints]
    {
        distinct(list);
    }
    // A word is marked by its terms in every language.
    parsed.highlights.truncate(MOST_WORK * TERMS_OF_A_WORD);
    for list in [&mut parsed.prefixes, &mut parsed.plain_words, &mut parsed.exact, &mut parsed.hints] {
        list.truncate(MOST_WORK);
    }
}

/// What a tree may still cost, and what it took.
#[derive(Default)]
struct Budget {
    work: usize,
    tests: usize,
    kept: HashSet<WordMatch>,
    left_out: HashSet<WordMatch>,
    tests_left_out: usize,
    cut_phrases: bool,
}

impl Budget {
    /// The tree with as many leaves as there is room for, in their order; the others are as if they had not been typed.
    fn bound(&mut self, tree: Expression) -> Option<Expression> {
        let mut each = |parts: Vec<Expression>| -> Option<Vec<Expression>> {
            let was_empty = parts.is_empty();
            let parts: Vec<Expression> = parts.into_iter().filter_map(|part| self.bound(part)).collect();
            (was_empty || !parts.is_empty()).then_some(parts)
        };
        match tree {
            Expression::All(parts) => each(parts).map(Expression::all),
            Expression::Any(parts) => each(parts).map(Expression::any),
            Expression::Not(part) => self.bound(*part).map(Expression::opposite),
            Expression::Is(test) => {
                let fits = self.tests > 0;
                self.tests = self.tests.saturating_sub(1);
                self.tests_left_out += usize::from(!fits);
                fits.then_some(Expression::Is(test))
            }
            Expression::Has(mut words) => {
                self.cut_phrases |= cut(&mut words);
                let cost = if self.kept.contains(&words) { 0 } else { cost(&words) };
                if cost > self.work {
                    self.work = 0;
                    self.left_out.insert(words);
                    return None;
                }
                self.work -= cost;
                self.kept.insert(words.clone());
                Some(Expression::Has(words))
            }
        }
    }
}

/// Cuts a phrase at [`LONGEST_PHRASE`] words; whether it was longer.
fn cut(words: &mut WordMatch) -> bool {
    let WordMatch::Phrase(words) = words else { return false };
    let is_long = words.len() > LONGEST_PHRASE;
    words.truncate(LONGEST_PHRASE);
    is_long
}

fn distinct<T: Hash + Eq + Clone>(list: &mut Vec<T>) {
    let mut seen = HashSet::with_capacity(list.len());
    list.retain(|item| seen.insert(item.clone()));
}

/// How often each clause is said; a stop word says no more the second time.
fn times_said(clauses: &[(Occur, WordMatch)]) -> HashMap<WordMatch, usize> {
    let mut times = HashMap::new();
    let is_stop = |clause: &WordMatch| matches!(clause, WordMatch::Term(term) if terms::is_stop_term(term));
    for (_, clause) in clauses.iter().filter(|(occur, clause)| *occur != Occur::MustNot && !is_stop(clause)) {
        *times.entry(key(clause)).or_default() += 1;
    }
    times
}

/// Every clause once, where it stood first; one that is required somewhere is required.
fn distinct_clauses(clauses: Vec<(Occur, WordMatch)>) -> Vec<(Occur, WordMatch)> {
    let mut kept: Vec<(Occur, WordMatch)> = Vec::with_capacity(clauses.len());
    let mut places: HashMap<(bool, WordMatch), usize> = HashMap::with_capacity(clauses.len());
    for (occur, clause) in clauses {
        let known = places.entry((occur == Occur::MustNot, key(&clause)));
        match known {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push((occur, clause));
            }
            std::collections::hash_map::Entry::Occupied(place) => {
                if let Some(before) = kept.get_mut(*place.get()) {
                    before.0 = if occur == Occur::Must { occur } else { before.0 };
                    join(&mut before.1, clause);
                }
            }
        }
    }
    kept
}

/// What makes a clause the same as another: of a word in many languages, what it is in English.
fn key(clause: &WordMatch) -> WordMatch {
    match clause {
        WordMatch::Any(sequences) => WordMatch::Any(sequences.first().cloned().into_iter().collect()),
        other => other.clone(),
    }
}

/// Adds what the same word, written with another ending, is in other languages.
fn join(clause: &mut WordMatch, other: WordMatch) {
    if let (WordMatch::Any(sequences), WordMatch::Any(others)) = (clause, other) {
        for sequence in others {
            if !sequences.contains(&sequence) {
                sequences.push(sequence);
            }
        }
    }
}

/// Cuts phrases at [`LONGEST_PHRASE`] words.
fn within_phrases(mut clauses: Vec<(Occur, WordMatch)>, hints: &mut Vec<String>) -> Vec<(Occur, WordMatch)> {
    for (_, clause) in &mut clauses {
        let sequences = match clause {
            WordMatch::Phrase(words) => std::slice::from_mut(words),
            WordMatch::Any(sequences) => &mut sequences[..],
            WordMatch::Term(_) | WordMatch::Prefix(_) => continue,
        };
        let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
        if longest > LONGEST_PHRASE {
            hints.push(format!("of a phrase of {longest} words the first {LONGEST_PHRASE} are looked for"));
            for words in sequences {
                words.truncate(LONGEST_PHRASE);
            }
        }
    }
    clauses
}

/// What a clause costs.
fn cost(clause: &WordMatch) -> usize {
    let word = |term: &String| if terms::is_stop_term(term) { STOP_WORD_COST } else { 1 };
    match clause {
        WordMatch::Term(term) => word(term),
        WordMatch::Prefix(_) => PREFIX_COST,
        WordMatch::Phrase(words) => words.iter().map(word).sum(),
        // Hardly ever does a text hold more than one of them.
        WordMatch::Any(sequences) => sequences.first().map_or(0, |words| words.iter().map(word).sum()),
    }
}

/// As many clauses as [`MOST_WORK`] allows, in their order: first those that rule something out, since without them more
/// would be found than was asked for, then the others as they were typed.
fn within_work(clauses: Vec<(Occur, WordMatch)>, budget: &Budget, hints: &mut Vec<String>) -> Vec<(Occur, WordMatch)> {
    let cost = |clause: &WordMatch| if budget.kept.contains(clause) { 0 } else { cost(clause) };
    let mut left = budget.work;
    let mut keeps = vec![false; clauses.len()];
    for are_gates in [true, false] {
        let of_kind = clauses.iter().zip(&mut keeps).filter(|((occur, _), _)| (*occur != Occur::Should) == are_gates);
        for ((_, clause), keeps) in of_kind {
            *keeps = cost(clause) <= left;
            // Once something does not fit, nothing after it does: what is left out is the end of the query.
            left = if *keeps { left - cost(clause) } else { 0 };
        }
    }
    let count = clauses.len() + budget.left_out.len();
    let kept: Vec<_> = clauses.into_iter().zip(keeps).filter_map(|(clause, keeps)| keeps.then_some(clause)).collect();
    if kept.len() < count {
        let left_out = count - kept.len();
        hints.push(format!("too many different words: {left_out} of {count} were left out; ask for fewer"));
    }
    kept
}

/// The first [`MOST_TESTS`] different tests; returns how many more there may be.
fn bound_tests(parsed: &mut ParsedQuery) -> usize {
    let conditions = &mut parsed.filter.conditions;
    for condition in &mut *conditions {
        distinct(&mut condition.any_of);
    }
    distinct(conditions);
    let count: usize = conditions.iter().map(|condition| condition.any_of.len()).sum();
    let mut left = MOST_TESTS;
    for condition in &mut *conditions {
        condition.any_of.truncate(left);
        left -= condition.any_of.len();
    }
    conditions.retain(|condition| !condition.any_of.is_empty());
    if count > MOST_TESTS {
        let left_out = count - MOST_TESTS;
        parsed.hints.push(format!("too many filters: {left_out} of {count} tests were left out; ask for fewer"));
    }
    left
}
