//! Holds the word index against the chunks of the store, one by one. Pure; called by `sqlite::search::check` and
//! `postgres::search::check`.

use std::collections::HashSet;

/// Chunks that only one of both holds, each in words, in order: those the store holds and the index lacks first.
pub(crate) fn differences(held: &HashSet<i64>, indexed: &HashSet<i64>) -> Vec<String> {
    let told = |ids: Vec<i64>, what: &str| -> Vec<String> {
        ids.into_iter().map(|id| format!("chunk {id}, which {what}")).collect()
    };
    let mut differences = told(in_order(held, indexed), "is not in the word index");
    differences.extend(told(in_order(indexed, held), "the store does not hold"));
    differences
}

/// What is in one set and not in the other.
fn in_order(of: &HashSet<i64>, without: &HashSet<i64>) -> Vec<i64> {
    let mut ids: Vec<i64> = of.difference(without).copied().collect();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_holds_is_named_in_order() {
        let told = differences(&HashSet::from([3, 1, 2]), &HashSet::from([2, 9]));
        let expected = [
            "chunk 1, which is not in the word index",
            "chunk 3, which is not in the word index",
            "chunk 9, which the store does not hold",
        ];
        assert_eq!(told, expected);
        assert!(differences(&HashSet::from([1]), &HashSet::from([1])).is_empty());
    }
}
