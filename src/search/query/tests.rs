mod bounded;
mod table;

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
