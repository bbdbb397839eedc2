//! What of a text was looked for, and addresses that stand in it. Pure; used by `page` and by what marks matches.

use std::collections::HashSet;
use std::ops::Range;

use crate::domain::search::Sought;
use crate::domain::terms;

/// The parts of a text that match, apart from each other and in order.
pub(super) fn matches(text: &str, sought: &Sought) -> Vec<Range<usize>> {
    if sought.terms.is_empty() && sought.prefixes.is_empty() {
        return Vec::new();
    }
    let wanted: HashSet<&str> = sought.terms.iter().map(String::as_str).collect();
    let mut found: Vec<Range<usize>> = Vec::new();
    terms::each_token(text, |range, term| {
        let begins = || {
            let folded = terms::fold(&text[range.clone()]);
            sought
                .prefixes
                .iter()
                .any(|prefix| folded.starts_with(prefix.as_str()) || term.starts_with(prefix.as_str()))
        };
        if wanted.contains(term) || (!sought.prefixes.is_empty() && begins()) {
            found.push(range);
        }
    });
    found.sort_by_key(|range| (range.start, range.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// Addresses of the web that stand in a text.
pub(super) fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let colon = from + at;
        from = colon + 3;
        let Some(start) = ["https", "http"].iter().find(|scheme| text[..colon].ends_with(**scheme)) else { continue };
        let start = colon - start.len();
        if text[..start].chars().next_back().is_some_and(char::is_alphanumeric) {
            continue;
        }
        let is_end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '|' | '\\' | '{' | '}');
        let end = text[from..].find(is_end).map_or(text.len(), |end| from + end);
        let mut end =
            start + text[start..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', ']', '*', '_']).len();
        // A bracket that closes what opened before the address is no part of it.
        while text[start..end].ends_with(')') && !text[start..end].contains('(') {
            end -= 1;
        }
        if end > from {
            found.push(start..end);
            from = end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_beginnings_are_found_once_each() {
        let sought = Sought { terms: terms::wanted("budget"), prefixes: vec!["quart".to_owned()] };
        let text = "The budgets of a Quarter: budget.";
        let found: Vec<&str> = matches(text, &sought).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["budgets", "Quarter", "budget"]);
        let sought = Sought { terms: terms::wanted("日本語"), prefixes: Vec::new() };
        let found: Vec<&str> = matches("日本語です", &sought).into_iter().map(|range| &"日本語です"[range]).collect();
        assert_eq!(found, ["日本語"], "pairs that overlap are one match");
    }

    #[test]
    fn addresses_end_where_people_end_them() {
        let text = "See https://example.org/a_(b), (http://x.example/?q=1). ftp://no xhttps://no <https://y.example>";
        let found: Vec<&str> = addresses(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["https://example.org/a_(b)", "http://x.example/?q=1", "https://y.example"]);
    }
}
