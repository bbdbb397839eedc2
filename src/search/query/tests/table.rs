//! The table of the query language (`domain::query_language`) and the parser know the same.

use std::collections::BTreeSet;

use super::*;
use crate::domain::query_language::OPERATORS;

#[test]
fn every_filter_of_the_parser_is_in_the_table_and_no_other() {
    let told: BTreeSet<&str> = OPERATORS.iter().flat_map(|operator| operator.names).copied().collect();
    let known: BTreeSet<&str> = filters::NAMES.into_iter().chain(["sort", "lex", "vec"]).collect();
    assert_eq!(told, known);
}

#[test]
fn every_example_of_the_table_means_something_and_names_what_it_shows() {
    let mut seen = BTreeSet::new();
    for operator in OPERATORS {
        let found = parse(operator.example, &now());
        assert_eq!(found.hints, Vec::<String>::new(), "{}", operator.example);
        let searches = !found.words.clauses.is_empty() || found.filter != Filter::default() || !found.text.is_empty();
        assert!(searches, "{} searches nothing", operator.example);
        if let Some(name) = operator.names.first() {
            assert!(operator.example.contains(&format!("{name}:")), "{} shows no {name}:", operator.example);
        }
        assert!(seen.insert(operator.example), "{} twice", operator.example);
    }
}
