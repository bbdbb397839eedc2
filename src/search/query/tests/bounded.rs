//! What a query may cost: what is said again is looked for once, and no more than a search should look for is left.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;

#[test]
fn what_is_said_again_is_looked_for_once() {
    let once = parsed("budget +final \"state of the art\" wor* -draft from:alice after:2024");
    let again = parsed(
        "budget +final \"state of the art\" wor* -draft from:alice after:2024 budget budgets \"state of the art\" wor* \
         -draft -draft from:alice +final after:2024 final",
    );
    let clauses = |query: &ParsedQuery| query.words.clauses.iter().cloned().collect::<HashSet<_>>();
    assert!(clauses(&once).is_subset(&clauses(&again)));
    let [budget, again_budget] = [&once, &again].map(|query| {
        let is_it = |clause: &&(Occur, WordMatch)| **clause == term(Occur::Should, "budget");
        query.words.clauses.iter().filter(is_it).count()
    });
    assert_eq!((budget, again_budget), (1, 3), "a sentence is about what it says again");
    assert_eq!(parsed("budget plan budget").words.clauses.len(), 2, "a short query names it");
    assert_eq!(again.filter, once.filter);
    assert_eq!((again.highlights, again.prefixes), (once.highlights, once.prefixes));
    assert_eq!(parsed(&"the ".repeat(500)), parsed("the"));
    assert_eq!(parsed(&"budget ".repeat(250)).words.clauses, vec![term(Occur::Should, "budget"); MOST_TIMES]);
    assert_eq!(parsed(&"budget ".repeat(250)).text, "budget");
    assert_eq!(parsed("budget +budget").words.clauses, [term(Occur::Must, "budget")], "required somewhere is required");
    assert_eq!(
        parsed("what is the point of the point").text,
        "what is the point of the point",
        "sentences keep their words"
    );
}

/// What is looked for, and how often it counts.
fn counted(query: &ParsedQuery) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for (occur, clause) in &query.words.clauses {
        let key = format!("{} {clause:?}", if *occur == Occur::MustNot { "without" } else { "with" });
        *counted.entry(key).or_default() += 1;
    }
    counted
}

/// What a query costs, as the bound counts it.
fn work(query: &ParsedQuery) -> usize {
    let clauses: HashSet<_> = query.words.clauses.iter().map(|(_, clause)| clause).collect();
    clauses.into_iter().map(|clause| if let WordMatch::Phrase(words) = clause { words.len() } else { 1 }).sum()
}

#[test]
fn a_query_of_many_words_is_bounded_and_says_so() {
    let many = |make: fn(usize) -> String, count: usize| (0..count).map(make).collect::<Vec<_>>().join(" ");
    let query = parsed(&many(|n| format!("w{n}"), 500));
    assert_eq!(query.words.clauses.len(), MOST_WORK);
    assert_eq!(query.words.clauses.first(), Some(&term(Occur::Should, "w0")));
    assert_eq!(query.hints, ["too many different words: 372 of 500 were left out; ask for fewer"]);
    assert!(query.highlights.len() <= MOST_WORK * bounds::TERMS_OF_A_WORD && query.plain_words.len() <= MOST_WORK);
    let prefixes = parsed(&many(|n| format!("p{n}*"), 500));
    assert!(prefixes.words.clauses.len() <= 16 && prefixes.hints.len() == 1, "a prefix stands for many words");
    let phrase = parsed(&format!("\"{}\"", many(|n| format!("w{n}"), 400)));
    assert_eq!(work(&phrase), LONGEST_PHRASE);
    assert_eq!(phrase.hints, ["of a phrase of 400 words the first 32 are looked for"]);
    assert!(parsed(&many(|n| format!("w{n}"), MOST_WORK)).hints.is_empty());
}

#[test]
fn what_rules_something_out_is_kept_before_what_only_adds() {
    let words: Vec<String> = (0..300).map(|n| format!("w{n}")).collect();
    let query = parsed(&format!("{} -draft +final", words.join(" ")));
    assert!(query.words.clauses.contains(&term(Occur::MustNot, "draft")));
    assert!(query.words.clauses.contains(&term(Occur::Must, "final")));
    assert_eq!(query.words.clauses.len(), MOST_WORK);
}

#[test]
fn many_filters_are_bounded_and_said() {
    assert_eq!(parsed(&"from:a ".repeat(280)).filter, parsed("from:a").filter);
    let many: Vec<String> = (0..280).map(|n| format!("from:a{n},b{n}")).collect();
    let query = parsed(&many.join(" "));
    let tests: usize = query.filter.conditions.iter().map(|condition| condition.any_of.len()).sum();
    assert_eq!(tests, MOST_TESTS);
    assert_eq!(query.hints, ["too many filters: 528 of 560 tests were left out; ask for fewer"]);
}

proptest! {
    #[test]
    fn repetition_looks_for_nothing_new_and_work_is_bounded(
        words in proptest::collection::vec("[+-]?(\"[a-z]{1,3} [a-z]{1,3}\"|[a-z]{1,5}\\*?)", 1..60),
        times in 1..6_usize,
    ) {
        let once = words.join(" ");
        let again = vec![once.clone(); times].join(" ");
        let (once, again) = (parsed(&once), parsed(&again));
        let (once_counted, again_counted) = (counted(&once), counted(&again));
        prop_assert_eq!(once_counted.keys().collect::<BTreeSet<_>>(), again_counted.keys().collect::<BTreeSet<_>>());
        prop_assert!(again_counted.iter().all(|(clause, times)| *times <= MOST_TIMES && *times >= once_counted[clause]));
        prop_assert_eq!(&once.highlights, &again.highlights);
        prop_assert!(work(&again) <= MOST_WORK);
    }
}

#[test]
fn trees_are_bounded_as_well() {
    let joined = |joint: &str, count: usize| (0..count).map(|n| format!("w{n}")).collect::<Vec<_>>().join(joint);
    let query = parsed(&joined(" OR ", 250));
    let Some(Expression::Any(parts)) = &query.filter.tree else { panic!("{query:?}") };
    assert_eq!((parts.len(), query.words.clauses.len(), query.joined_words.len()), (MOST_WORK, MOST_WORK, MOST_WORK));
    assert_eq!(query.hints, ["too many different words: 122 of 250 were left out; ask for fewer"]);
    let tests = (0..100).map(|n| format!("tag:t{n}")).collect::<Vec<_>>().join(" OR x AND ");
    let query = parsed(&tests);
    assert!(query.hints.iter().any(|hint| hint.contains("too many filters")), "{:?}", query.hints);
}
