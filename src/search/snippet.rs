//! The piece of a chunk that shows the match: one line, matches as byte ranges. Pure; called by `search::service`.

use std::collections::HashSet;
use std::ops::Range;

use crate::domain::search::Snippet;
use crate::domain::terms;

/// Length aimed at, in characters.
const LENGTH: usize = 180;
/// Context kept before the first match of the window, in tokens.
const LEAD_TOKENS: usize = 3;

/// A token that matches.
struct Match {
    /// Which token of the text.
    token: usize,
    term: String,
}

/// The best window of `text` around terms and prefixes; its beginning when nothing matches.
#[must_use]
pub fn snippet(text: &str, wanted: &[String], prefixes: &[String]) -> Snippet {
    let (mut tokens, mut matches) = (Vec::new(), Vec::new());
    let wanted: HashSet<&str> = wanted.iter().map(String::as_str).collect();
    // Most tokens match nothing: only of those that do is the term kept.
    terms::each_token(text, |range, term| {
        if is_match(term, &text[range.clone()], &wanted, prefixes) {
            matches.push(Match { token: tokens.len(), term: term.to_owned() });
        }
        tokens.push(range);
    });
    let start_token = best_start(&tokens, &matches);
    let start = tokens.get(start_token).map_or(0, |range| if start_token == 0 { 0 } else { range.start });
    let end = text[start..].char_indices().nth(LENGTH).map_or(text.len(), |(offset, _)| start + offset);
    // Not in the middle of a word.
    let end = if end < text.len() {
        text[start..end].rfind(char::is_whitespace).filter(|cut| *cut > 0).map_or(end, |cut| start + cut)
    } else {
        end
    };
    let ranges = matches.iter().map(|one| &tokens[one.token]);
    let mut marks: Vec<(usize, usize)> = Vec::new();
    for range in ranges.filter(|range| range.start >= start && range.end <= end) {
        match marks.last_mut() {
            // Pairs of CJK characters overlap.
            Some((_, last)) if range.start < *last => *last = range.end.max(*last),
            _ => marks.push((range.start, range.end)),
        }
    }
    fold(text, start, end, marks)
}

fn is_match(term: &str, written: &str, wanted: &HashSet<&str>, prefixes: &[String]) -> bool {
    wanted.contains(term)
        || !prefixes.is_empty() && {
            let folded = terms::fold(written);
            prefixes.iter().any(|prefix| folded.starts_with(prefix.as_str()) || term.starts_with(prefix.as_str()))
        }
}

/// The token to start at: the window with the most different matched terms, then the most matches, then the earliest.
fn best_start(tokens: &[Range<usize>], matches: &[Match]) -> usize {
    let mut best = (0, 0, 0);
    for (position, first) in matches.iter().enumerate() {
        let limit = tokens[first.token].start + LENGTH * 3 / 4;
        let window: Vec<&str> = matches[position..]
            .iter()
            .take_while(|one| tokens[one.token].end <= limit)
            .map(|one| one.term.as_str())
            .collect();
        let mut different = window.clone();
        different.sort_unstable();
        different.dedup();
        if (different.len(), window.len()) > (best.0, best.1) {
            best = (different.len(), window.len(), first.token);
        }
    }
    best.2.saturating_sub(LEAD_TOKENS)
}

/// `text[start..end]` with runs of blanks and control characters as one blank, ellipses where it was cut, and the
/// ranges moved along.
fn fold(text: &str, start: usize, end: usize, ranges: Vec<(usize, usize)>) -> Snippet {
    let mut out = String::with_capacity(end - start + 8);
    if start > 0 {
        out.push('…');
    }
    let mut marks = Vec::with_capacity(ranges.len());
    let mut ranges = ranges.into_iter().peekable();
    let mut open = None;
    for (offset, character) in text[start..end].char_indices() {
        let at = start + offset;
        if let Some((from, to)) = open
            && at >= to
        {
            marks.push((from, out.trim_end().len()));
            open = None;
        }
        if open.is_none()
            && let Some((_, to)) = ranges.next_if(|(from, _)| *from == at)
        {
            open = Some((out.len(), to));
        }
        if character.is_whitespace() || character.is_control() {
            if !out.ends_with(' ') && !out.is_empty() && !out.ends_with('…') {
                out.push(' ');
            }
        } else {
            out.push(character);
        }
    }
    if let Some((from, _)) = open {
        marks.push((from, out.trim_end().len()));
    }
    out.truncate(out.trim_end().len());
    if end < text.len() {
        out.push('…');
    }
    marks.retain(|(from, to)| from < to);
    Snippet { text: out, marks }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(text: &str, wanted: &[&str], prefixes: &[&str]) -> String {
        let of = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let snippet = snippet(text, &of(wanted), &of(prefixes));
        let mut out = snippet.text.clone();
        for (from, to) in snippet.marks.iter().rev() {
            out.insert(*to, ']');
            out.insert(*from, '[');
        }
        out
    }

    #[test]
    fn matched_words_are_marked_whatever_their_ending() {
        assert_eq!(
            marked("The budgets for Q3\n\nneed a  look", &["budget", "look"], &[]),
            "The [budgets] for Q3 need a [look]"
        );
        assert_eq!(marked("Organisation café", &["cafe"], &["organi"]), "[Organisation] [café]");
    }

    #[test]
    fn overlapping_pairs_are_one_mark_and_hide_no_later_one() {
        assert_eq!(marked("東京都と東京都", &["東京", "京都"], &[]), "[東京都]と[東京都]");
    }

    #[test]
    fn the_window_goes_where_the_matches_are() {
        let text = format!("{} the needle in the hay {}", "filler words here ".repeat(40), "and more text ".repeat(40));
        let shown = marked(&text, &["needl", "hay"], &[]);
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("[needle] in the [hay]"), "{shown}");
    }

    #[test]
    fn without_a_match_it_begins_at_the_beginning() {
        assert_eq!(marked("One two three", &["four"], &[]), "One two three");
        assert_eq!(marked("", &["four"], &[]), "");
    }

    proptest! {
        #[test]
        fn marks_are_on_character_boundaries(text in "\\PC{0,400}|[a-z \\n日é\u{301}]{0,400}", word in "[a-zé日]{1,3}") {
            let found = snippet(&text, std::slice::from_ref(&word), std::slice::from_ref(&word));
            let mut last = 0;
            for (from, to) in found.marks {
                prop_assert!(from >= last && to > from);
                prop_assert!(found.text.get(from..to).is_some());
                last = to;
            }
        }
    }
}
