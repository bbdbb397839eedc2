use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::domain::search::{Condition, Predicate};
use crate::domain::{SourceType, Timestamp};

fn now() -> ZonedDateTime {
    date(2024, 9, 12).at(15, 30, 0, 0).to_zoned_datetime(TimeZone::UTC).unwrap()
}

/// A query as it is for English texts: of the terms of every language only theirs.
fn parsed(query: &str) -> ParsedQuery {
    let mut parsed = parse(query, &now());
    parsed.words.clauses.iter_mut().for_each(|(_, clause)| in_english(clause));
    parsed.joined_words.iter_mut().for_each(in_english);
    parsed.filter.tree.iter_mut().for_each(tree_in_english);
    parsed.highlights.retain(|term| term.is_ascii());
    parsed
}

fn in_english(clause: &mut WordMatch) {
    if let WordMatch::Any(sequences) = clause {
        *clause = match &sequences[0][..] {
            [only] => WordMatch::Term(only.clone()),
            words => WordMatch::Phrase(words.to_vec()),
        };
    }
}

fn tree_in_english(tree: &mut Expression) {
    match tree {
        Expression::All(parts) | Expression::Any(parts) => parts.iter_mut().for_each(tree_in_english),
        Expression::Not(part) => tree_in_english(part),
        Expression::Has(wanted) => in_english(wanted),
        Expression::Is(_) => {}
    }
}

fn day(year: i16, month: i8, number: i8) -> Timestamp {
    Timestamp(date(year, month, number).to_zoned_datetime(TimeZone::UTC).unwrap().timestamp().as_millisecond())
}

fn term(occur: Occur, text: &str) -> (Occur, WordMatch) {
    (occur, WordMatch::Term(text.into()))
}

#[test]
fn words_become_stemmed_optional_terms_and_stop_words_go() {
    let query = parsed("the running budgets");
    assert_eq!(query.words.clauses, [term(Occur::Should, "run"), term(Occur::Should, "budget")]);
    assert_eq!(query.text, "the running budgets");
    assert_eq!(query.plain_words, ["running", "budgets"]);
}

#[test]
fn a_query_of_stop_words_keeps_them() {
    assert_eq!(parsed("to be").words.clauses, [term(Occur::Should, "to"), term(Occur::Should, "be")]);
}

#[test]
fn punctuation_and_contractions_do_not_make_a_stop_word_count() {
    let terms = |query: &str| -> Vec<String> {
        let clauses = parsed(query).words.clauses;
        clauses
            .iter()
            .map(|(occur, found)| if let WordMatch::Term(t) = found { t.clone() } else { format!("{occur:?}") })
            .collect()
    };
    assert_eq!(terms("What is it, and how does the relay (of the outbox) work?"), ["relay", "outbox", "work"]);
    assert_eq!(terms("Alice's budget isn't what they’ve said it's"), ["alic", "budget", "said"]);
    assert_eq!(terms("the Qur'an by D'Angelo"), ["Should", "Should", "qur", "an", "Should", "Should", "d", "angelo"]);
    assert_eq!(
        terms("I/O and to-do"),
        ["Should", "Should", "i", "o", "Should", "Should", "to", "do"],
        "what is joined on purpose: together first"
    );
    assert_eq!(terms("keep the slip-flow and wing apart"), ["keep", "slip", "flow", "wing", "apart"], "a sentence");
    assert_eq!(terms("what is it?"), ["what", "is", "it"], "nothing but stop words: they are what is meant");
    assert_eq!(parsed("Alice's budget").highlights, ["alic", "budget"]);
}

#[test]
fn phrases_are_required_and_keep_their_stop_words() {
    let query = parsed("\"state of the art\" -draft +final colour*");
    assert_eq!(
        query.words.clauses,
        [
            (Occur::Must, WordMatch::Phrase(vec!["state".into(), "of".into(), "the".into(), "art".into()])),
            term(Occur::MustNot, "draft"),
            term(Occur::Must, "final"),
            (Occur::Should, WordMatch::Prefix("colour".into())),
        ]
    );
    assert_eq!(query.text, "state of the art final colour");
}

#[test]
fn filters_take_alternatives_quotes_and_negation() {
    let query = parsed("from:alice -to:\"Bob Smith\" type:pdf,md tag:#Work has:attachment");
    let condition = |negated, any_of| Condition { negated, any_of };
    assert_eq!(
        query.filter.conditions,
        [
            condition(false, vec![Predicate::From("alice".into())]),
            condition(true, vec![Predicate::To("Bob Smith".into())]),
            condition(false, vec![Predicate::Type(SourceType::Pdf), Predicate::Type(SourceType::Markdown)]),
            condition(false, vec![Predicate::Tag("work".into())]),
            condition(false, vec![Predicate::HasAttachment]),
        ]
    );
    assert!(query.words.clauses.is_empty() && query.hints.is_empty());
}

#[test]
fn dates_are_spans_in_the_users_time_zone() {
    let bounds = |query: &str| {
        let tests: Vec<Predicate> = parsed(query).filter.conditions.into_iter().flat_map(|c| c.any_of).collect();
        tests
    };
    let span = |from, to| vec![Predicate::DatedFrom(from), Predicate::DatedBefore(to)];
    assert_eq!(bounds("date:2024"), span(day(2024, 1, 1), day(2025, 1, 1)));
    assert_eq!(bounds("date:2024-02"), span(day(2024, 2, 1), day(2024, 3, 1)));
    assert_eq!(bounds("date:2024-01..2024-03"), span(day(2024, 1, 1), day(2024, 4, 1)));
    assert_eq!(bounds("date:today"), span(day(2024, 9, 12), day(2024, 9, 13)));
    assert_eq!(bounds("date:7d"), span(day(2024, 9, 5), day(2024, 9, 13)));
    assert_eq!(bounds("after:2024-09-01"), vec![Predicate::DatedFrom(day(2024, 9, 1))]);
    assert_eq!(bounds("before:yesterday"), vec![Predicate::DatedBefore(day(2024, 9, 11))]);
    assert_eq!(bounds("date:2w..1w"), span(day(2024, 8, 29), day(2024, 9, 6)), "it ends with the day a week ago");
    assert_eq!(bounds("date:2024-08..3d"), span(day(2024, 8, 1), day(2024, 9, 10)));
    // Outside is everything else, also what has no date.
    let within = Expression::All(vec![
        Expression::Is(Predicate::DatedFrom(day(2024, 1, 1))),
        Expression::Is(Predicate::DatedBefore(day(2025, 1, 1))),
    ]);
    assert_eq!(parsed("-date:2024").filter.tree, Some(within.opposite()));
}

#[test]
fn what_is_no_filter_is_text_and_says_so_when_it_looks_like_one() {
    let query = parsed("colour:red http://example.org/x 12:30 std::fs");
    assert_eq!(query.hints, ["colour: is not a filter and was taken as text"]);
    assert!(query.words.clauses.contains(&term(Occur::Should, "red")));
    assert!(query.words.clauses.contains(&term(Occur::Should, "12")));
}

#[test]
fn impossible_values_hint_and_become_text() {
    assert!(parsed("date:2024-13").hints[0].contains("dates are"));
    assert!(parsed("type:zip").hints[0].contains("types are mail"));
    assert!(parsed("from:").hints[0].contains("needs a value"));
    assert!(parsed("date:2025..2024").hints[0].contains("ends before"));
}

#[test]
fn a_leg_can_be_forced_anywhere() {
    assert_eq!(parsed("lex: budget").mode, Some(SearchMode::Words));
    let query = parsed("budget vec:review");
    assert_eq!(query.mode, Some(SearchMode::Vectors));
    assert_eq!(query.text, "budget review");
}

#[test]
fn sizes_are_checked_and_both_numbers_named() {
    assert_eq!(check("  ", 10, 0), Err(QueryError::Empty));
    let message = check(&"x".repeat(2001), 10, 0).unwrap_err().to_string();
    assert!(message.contains("2001") && message.contains("2000"));
    assert!(check("x", 0, 0).is_err() && check("x", 101, 0).is_err() && check("x", 100, LARGEST_OFFSET).is_ok());
    assert!(check("x", 1, LARGEST_OFFSET + 1).is_err());
}

proptest! {
    #[test]
    fn nothing_typed_makes_it_panic(query in "\\PC{0,60}|[-+:\"* a-zO.R0-9,|()]{0,40}|((from:|tag:|-|\\(|\\)|NOT|AND|OR|a|b|\"c d\"| ) ?){0,20}") {
        let parsed = parsed(&query);
        prop_assert!(parsed.words.clauses.len() <= query.chars().count() + 2);
        let _ = parsed.as_filter();
    }
}

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

fn has(text: &str) -> Expression {
    Expression::Has(WordMatch::Term(text.into()))
}

fn has_phrase(words: &[&str]) -> Expression {
    Expression::Has(WordMatch::Phrase(words.iter().map(|word| (*word).to_owned()).collect()))
}

fn tag(name: &str) -> Expression {
    Expression::Is(Predicate::Tag(name.to_owned()))
}

fn any(parts: Vec<Expression>) -> Expression {
    Expression::Any(parts)
}

fn all(parts: Vec<Expression>) -> Expression {
    Expression::All(parts)
}

#[test]
fn what_operators_join_restricts_and_ranks() {
    let query = parsed("raft OR \"state machine\" OR tag:x");
    let tree = any(vec![has("raft"), has_phrase(&["state", "machin"]), tag("x")]);
    assert_eq!(query.filter.tree, Some(tree.clone()));
    let should = |wanted| (Occur::Should, wanted);
    let phrase = WordMatch::Phrase(vec!["state".into(), "machin".into()]);
    assert_eq!(query.words.clauses, [should(WordMatch::Term("raft".into())), should(phrase)]);
    assert!(query.is_list && query.hints.is_empty());
    assert_eq!(query.text, "raft state machine");
    assert_eq!(query.as_filter().tree, Some(tree));
    let query = parsed("log raft AND NOT paxos");
    assert_eq!(query.filter.tree, Some(all(vec![has("raft"), has("paxo").opposite()])));
    assert_eq!(query.words.clauses, [term(Occur::Should, "log"), term(Occur::Should, "raft")]);
    assert!(!query.is_list && query.text == "log raft");
    assert_eq!(parsed("raft AND").words, parsed("raft").words);
    assert_eq!(parsed("raft AND").filter, Filter::default());
}

#[test]
fn filters_in_a_row_stay_conditions() {
    assert_eq!(parsed("from:ann OR from:bob").filter, parsed("from:ann,bob").filter);
    assert_eq!(parsed("from:(ann OR bob)").filter, parsed("from:ann,bob").filter);
    assert_eq!(parsed("tag:a AND NOT tag:b").filter, parsed("tag:a -tag:b").filter);
    assert_eq!(parsed("-(tag:a OR tag:b)").filter, parsed("-tag:a,b").filter);
    assert!(parsed("from:(ann bob)").filter.conditions.len() == 2);
}

#[test]
fn groups_mean_what_they_find() {
    assert_eq!(parsed("budget -(draft old)").filter.tree, Some(any(vec![has("draft"), has("old")]).opposite()));
    let (grouped, plain) = (parsed("x (relay of outbox) y"), parsed("x relay of outbox y"));
    assert_eq!((grouped.words, grouped.filter), (plain.words, plain.filter), "what nothing joins is side by side");
    assert_eq!(grouped.text, "x (relay of outbox) y", "the embedder reads what was typed");
    let needs = parsed("(raft \"a log\") OR tag:x");
    assert_eq!(needs.filter.tree, Some(any(vec![has_phrase(&["a", "log"]), tag("x")])));
    assert!(needs.words.clauses.contains(&term(Occur::Should, "raft")), "it ranks");
    assert_eq!(
        parsed("(raft -old) OR tag:x").filter.tree,
        Some(any(vec![all(vec![has("old").opposite(), has("raft")]), tag("x")]))
    );
    assert_eq!(parsed("-(-raft)").words, parsed("raft").words);
    assert!(parsed("-(draft \"old one\")").hints[0].contains("change nothing"));
    assert_eq!(parsed("+(raft paxos) x").filter.tree, Some(any(vec![has("raft"), has("paxo")])));
}

#[test]
fn exclusions_alone_list_the_rest() {
    for query in ["-spamword", "NOT spamword", "-(spamword)"] {
        let query = parsed(query);
        assert_eq!(query.filter.tree, Some(has("spamword").opposite()));
        assert!(query.words.clauses.is_empty() && query.text.is_empty() && query.hints.is_empty());
    }
    let query = parsed("type:pdf -\"a b\" -c");
    assert_eq!(query.filter.tree, Some(all(vec![has_phrase(&["a", "b"]).opposite(), has("c").opposite()])));
    assert_eq!(query.filter.conditions.len(), 1);
}

#[test]
fn the_whole_query_can_be_a_filter() {
    let tree = |query: &str| parsed(query).as_filter().tree.unwrap();
    assert_eq!(tree("raft log -old sort:date"), all(vec![has("old").opposite(), any(vec![has("raft"), has("log")])]));
    assert_eq!(tree("raft +log"), has("log"));
    assert_eq!(tree("raft (log OR tag:x)"), any(vec![has("log"), tag("x")]));
    assert_eq!(parsed("sort:-date x").order, Some(ByDate::Oldest));
    assert!(parsed("sort:size x").hints[0].contains("sort:date"));
}

#[test]
fn people_are_named_as_programs_show_them() {
    let of = |query: &str| {
        let parsed = parsed(query);
        assert!(parsed.hints.is_empty(), "{query}: {:?}", parsed.hints);
        parsed.filter.conditions.into_iter().flat_map(|c| c.any_of).collect::<Vec<_>>()
    };
    let from = |who: &str| Predicate::From(who.to_owned());
    assert_eq!(of("from:\"Bruhn, Stefan\""), [from("Bruhn, Stefan"), from("Stefan Bruhn")]);
    assert_eq!(of("from:\"Stefan Other <so@x.example>\""), [from("so@x.example")]);
    assert_eq!(of("from:'Stefan Other'"), [from("Stefan Other")]);
    assert_eq!(of("from:bruh*,<a@b.c>"), [from("bruh"), from("a@b.c")]);
    assert_eq!(of("cc:bob bcc:ann"), [Predicate::Cc("bob".into()), Predicate::Bcc("ann".into())]);
    assert_eq!(of("mid:<1@x> ext:.PDF"), [Predicate::MessageId("1@x".into()), Predicate::Extension("pdf".into())]);
    assert!(parsed("to:me").hints[0].contains("me = [\"you@example.org\"]"));
    assert!(parsed("id:7").hints[0].contains("an id is"));
    let address = parsed("(ann@x.org,");
    let person = Expression::Is(Predicate::With("ann@x.org".to_owned()));
    assert_eq!(address.filter.tree, Some(any(vec![has_phrase(&["ann", "x", "org"]), person])));
}

#[test]
fn me_is_who_the_settings_say() {
    let me = ["ann@x.org".to_owned(), "ann.lee@work.example".to_owned()];
    let of = |query: &str| parse_for(&me, query, &now());
    let to = |who: &str| Predicate::To(who.to_owned());
    let condition = |negated, any_of| Condition { negated, any_of };
    let asked = of("to:me,bob -from:ME offer");
    assert!(asked.hints.is_empty(), "{:?}", asked.hints);
    assert_eq!(
        asked.filter.conditions,
        [
            condition(false, vec![to("ann@x.org"), to("ann.lee@work.example"), to("bob")]),
            condition(true, vec![Predicate::From("ann@x.org".into()), Predicate::From("ann.lee@work.example".into())]),
        ]
    );
    assert_eq!(of("to:\"me\"").filter.conditions, [condition(false, vec![to("me")])], "what is quoted is a name");
}

#[test]
fn what_has_no_effect_is_told() {
    for query in [
        "a OR",
        "AND a",
        "a NOT",
        "a ()",
        "(a",
        "a )",
        "- a",
        "\"a",
        "a -\"\"",
        "a \"\"",
        "a -???",
        "co*ur",
        "to:me a",
        "from: a",
        "sort: a",
        "a -is:deleted",
        "lex: vec: a",
        "nosuch:x",
        "date:x",
    ] {
        assert_eq!(parsed(query).hints.len(), 1, "{query}: {:?}", parsed(query).hints);
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
