use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::domain::Timestamp;

fn now() -> ZonedDateTime {
    date(2024, 9, 12).at(15, 30, 0, 0).to_zoned_datetime(TimeZone::UTC).unwrap()
}

/// A query as it is for English texts: of the terms of every language only theirs.
fn parsed(query: &str) -> ParsedQuery {
    let mut parsed = parse(query, &now());
    for (_, clause) in &mut parsed.words.clauses {
        if let WordMatch::Any(sequences) = clause {
            *clause = match &sequences[0][..] {
                [only] => WordMatch::Term(only.clone()),
                words => WordMatch::Phrase(words.to_vec()),
            };
        }
    }
    parsed.highlights.retain(|term| term.is_ascii());
    parsed
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
    let outside = parsed("-date:2024").filter.conditions;
    let either = vec![Predicate::DatedBefore(day(2024, 1, 1)), Predicate::DatedFrom(day(2025, 1, 1))];
    assert_eq!(outside, [Condition { negated: false, any_of: either }]);
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
    assert_eq!(check("  ", 10), Err(QueryError::Empty));
    let message = check(&"x".repeat(2001), 10).unwrap_err().to_string();
    assert!(message.contains("2001") && message.contains("2000"));
    assert!(check("x", 0).is_err() && check("x", 101).is_err() && check("x", 100).is_ok());
}

proptest! {
    #[test]
    fn nothing_typed_makes_it_panic(query in "\\PC{0,60}|[-+:\"* a-zO.R0-9,|]{0,40}") {
        let parsed = parsed(&query);
        prop_assert!(parsed.words.clauses.len() <= query.chars().count() + 2);
    }
}

#[test]
fn what_is_said_again_is_said_once() {
    let once = parsed("budget +final \"state of the art\" wor* -draft from:alice after:2024");
    let again = parsed(
        "budget +final \"state of the art\" wor* -draft from:alice after:2024 budget budgets \"state of the art\" wor* \
         -draft -draft from:alice +final after:2024 final",
    );
    assert_eq!(again.words, once.words);
    assert_eq!(again.filter, once.filter);
    assert_eq!((again.highlights, again.prefixes), (once.highlights, once.prefixes));
    assert_eq!(parsed(&"the ".repeat(500)), parsed("the"));
    assert_eq!(parsed(&"budget ".repeat(250)), parsed("budget"));
    assert_eq!(parsed("budget +budget").words.clauses, [term(Occur::Must, "budget")], "required somewhere is required");
    assert_eq!(parsed("what is the point of the point").text, "what is the point of the", "sentences keep their words");
}

/// What a query costs, as the bound counts it.
fn work(query: &ParsedQuery) -> usize {
    let clauses = query.words.clauses.iter();
    clauses.map(|(_, clause)| if let WordMatch::Phrase(words) = clause { words.len() } else { 1 }).sum()
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
    fn repetition_changes_nothing_and_work_is_bounded(
        words in proptest::collection::vec("[+-]?(\"[a-z]{1,3} [a-z]{1,3}\"|[a-z]{1,5}\\*?)", 1..60),
        times in 1..6_usize,
    ) {
        let once = words.join(" ");
        let again = vec![once.clone(); times].join(" ");
        let (once, again) = (parsed(&once), parsed(&again));
        prop_assert_eq!(&once.words, &again.words);
        prop_assert_eq!(&once.highlights, &again.highlights);
        prop_assert!(work(&again) <= MOST_WORK);
    }
}
