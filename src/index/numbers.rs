//! Sets of documents by their numbers, one bit each, and what a tree of tests makes of them: every engine looks up the sets
//! its leaves stand for, and here they become one. Called by both engines' `search::filter`. Pure.

use crate::domain::search::{Expression, WordMatch};

const BITS: usize = u64::BITS as usize;

/// A set of numbers, which may go on for ever: the opposite of a set has every number nobody thought of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    words: Vec<u64>,
    /// What holds for the numbers behind `words`.
    rest: bool,
}

impl Numbers {
    /// Every number there is.
    pub(crate) fn all() -> Self {
        Self { words: Vec::new(), rest: true }
    }

    /// These numbers; negative ones are no documents.
    pub(crate) fn of(numbers: impl IntoIterator<Item = i64>) -> Self {
        let mut set = Self::default();
        for number in numbers {
            if let Ok(number) = usize::try_from(number) {
                set.insert(number);
            }
        }
        set
    }

    /// Whether no number is in it.
    pub(crate) fn is_empty(&self) -> bool {
        !self.rest && self.words.iter().all(|word| *word == 0)
    }

    /// The set as bytes, lowest number first; sets without end are not told apart from those without their rest.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The set of [`Numbers::to_bytes`].
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        Self { words, rest: false }
    }

    #[inline]
    pub(crate) fn holds(&self, number: usize) -> bool {
        self.words.get(number / BITS).map_or(self.rest, |word| word >> (number % BITS) & 1 == 1)
    }

    pub(crate) fn insert(&mut self, number: usize) {
        self.word(number, self.rest, |word, bit| *word |= bit);
    }

    pub(crate) fn remove(&mut self, number: usize) {
        self.word(number, !self.rest, |word, bit| *word &= !bit);
    }

    /// Changes one number's word, unless it is right already: it stands behind the words and has the value `known`.
    fn word(&mut self, number: usize, known: bool, change: impl FnOnce(&mut u64, u64)) {
        let at = number / BITS;
        if at >= self.words.len() {
            if known {
                return;
            }
            self.words.resize(at + 1, self.filler());
        }
        if let Some(word) = self.words.get_mut(at) {
            change(word, 1 << (number % BITS));
        }
    }

    fn filler(&self) -> u64 {
        if self.rest { u64::MAX } else { 0 }
    }

    /// Turns it round.
    pub(crate) fn turn(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.rest = !self.rest;
    }

    /// What both hold.
    pub(crate) fn keep(&mut self, other: &Self) {
        self.with(other, |mine, other| mine & other);
        self.rest &= other.rest;
    }

    /// What either holds.
    pub(crate) fn add(&mut self, other: &Self) {
        self.with(other, |mine, other| mine | other);
        self.rest |= other.rest;
    }

    fn with(&mut self, other: &Self, join: impl Fn(u64, u64) -> u64) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), self.filler());
        }
        let others = other.words.iter().copied().chain(std::iter::repeat(other.filler()));
        for (mine, other) in self.words.iter_mut().zip(others) {
            *mine = join(*mine, other);
        }
    }

    /// The numbers in it; or, of a set without end, those that are not, and `true`.
    pub(crate) fn listed(&self) -> (Vec<i64>, bool) {
        let mut listed = Vec::new();
        for (at, word) in self.words.iter().enumerate() {
            let mut left = if self.rest { !word } else { *word };
            while left != 0 {
                listed.push((at * BITS) as i64 + i64::from(left.trailing_zeros()));
                left &= left - 1;
            }
        }
        (listed, self.rest)
    }
}

/// Something to look up of a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Leaf<'a> {
    /// A part without words: one statement of the database.
    Tests(&'a Expression),
    /// Documents that have these words.
    Words(&'a WordMatch),
}

/// What is to be looked up, in the order in which [`combined`] wants it.
pub(crate) fn leaves(tree: &Expression) -> Vec<Leaf<'_>> {
    fn gather<'a>(tree: &'a Expression, into: &mut Vec<Leaf<'a>>) {
        match tree {
            tree if !tree.asks_words() => into.push(Leaf::Tests(tree)),
            Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| gather(part, into)),
            Expression::Not(part) => gather(part, into),
            Expression::Has(words) => into.push(Leaf::Words(words)),
            Expression::Is(_) => {}
        }
    }
    let mut found = Vec::new();
    gather(tree, &mut found);
    found
}

/// The documents a tree means, from those its leaves mean.
pub(crate) fn combined(tree: &Expression, leaves: &mut impl Iterator<Item = Numbers>) -> Numbers {
    match tree {
        Expression::All(parts) if tree.asks_words() => {
            let mut kept = Numbers::all();
            for part in parts {
                kept.keep(&combined(part, leaves));
            }
            kept
        }
        Expression::Any(parts) if tree.asks_words() => {
            let mut found = Numbers::default();
            for part in parts {
                found.add(&combined(part, leaves));
            }
            found
        }
        Expression::Not(part) if tree.asks_words() => {
            let mut rest = combined(part, leaves);
            rest.turn();
            rest
        }
        _ => leaves.next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::SourceType;
    use crate::domain::search::Predicate;

    /// Numbers that are looked at: some lie behind every set.
    const MOST: usize = 400;

    fn naive(set: &Numbers) -> BTreeSet<usize> {
        (0..MOST).filter(|number| set.holds(*number)).collect()
    }

    fn some() -> impl Strategy<Value = (Numbers, BTreeSet<usize>)> {
        (proptest::collection::btree_set(0..300_usize, 0..40), any::<bool>()).prop_map(|(numbers, turned)| {
            let mut set = Numbers::of(numbers.iter().map(|number| *number as i64));
            if turned {
                set.turn();
            }
            (set, (0..MOST).filter(|number| numbers.contains(number) != turned).collect())
        })
    }

    proptest! {
        #[test]
        fn sets_are_sets((one, few) in some(), (other, many) in some(), number in 0..MOST) {
            prop_assert_eq!(&naive(&one), &few);
            let (mut both, mut either, mut more, mut less) = (one.clone(), one.clone(), one.clone(), one.clone());
            both.keep(&other);
            either.add(&other);
            more.insert(number);
            less.remove(number);
            prop_assert_eq!(naive(&both), &few & &many);
            prop_assert_eq!(naive(&either), &few | &many);
            prop_assert!(more.holds(number) && !less.holds(number));
            prop_assert_eq!(naive(&more).len(), few.len() + usize::from(!few.contains(&number)));
            let (listed, is_endless) = one.listed();
            let listed: BTreeSet<usize> = listed.into_iter().map(|number| number as usize).collect();
            prop_assert_eq!((0..MOST).filter(|n| listed.contains(n) != is_endless).collect::<BTreeSet<_>>(), few);
        }
    }

    #[test]
    fn leaves_are_looked_up_in_the_order_they_are_put_together() {
        let word = |text: &str| Expression::Has(WordMatch::Term(text.to_owned()));
        let is = |kind| Expression::Is(Predicate::Type(kind));
        let tests = Expression::Any(vec![is(SourceType::Pdf), is(SourceType::Html)]);
        let tree = Expression::All(vec![
            Expression::Not(Box::new(word("a"))),
            tests.clone(),
            Expression::Any(vec![word("b"), is(SourceType::Mail)]),
        ]);
        let found = leaves(&tree);
        assert_eq!(found.len(), 4);
        assert_eq!(found[1], Leaf::Tests(&tests));
        let sets = [vec![1], vec![1, 2, 3], vec![2], vec![1, 3]].map(Numbers::of);
        assert_eq!(naive(&combined(&tree, &mut sets.into_iter())), BTreeSet::from([2, 3]));
    }
}
