//! How text becomes index terms, the same for every store: split at Unicode word characters, lower-case, fold accents,
//! stem English (Snowball), cut CJK into pairs.
//!
//! Called by `ingest::chunk` (what is indexed), `search::query` (what is looked for) and `search::snippet` (what is
//! marked). A term is made of `[a-z0-9_]` and characters beyond ASCII only, so a store may join terms with blanks.

mod stop_words;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

pub use stop_words::{is_stop_term, is_stop_word};

/// A longer token is cut here: base64 and the like must not fill the dictionary.
const LONGEST_TERM_BYTES: usize = 64;
/// Stems remembered per thread.
const CACHED_STEMS: usize = 32_768;

/// One term of a text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Byte range in the text.
    pub range: Range<usize>,
    /// The index term.
    pub term: String,
}

struct Stems {
    stemmer: Stemmer,
    /// Which of the terms is a word's. Asked for every word of every text, hence not the standard hash.
    known: HashMap<String, usize, RandomState>,
    terms: Vec<String>,
}

thread_local! {
    static STEMS: RefCell<Stems> =
        RefCell::new(Stems { stemmer: Stemmer::create(Algorithm::English), known: HashMap::default(), terms: Vec::new() });
}

/// The terms of a text, joined with blanks: what the word index stores.
#[must_use]
pub fn terms(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    each_token(text, |_, term| {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(term);
    });
    out
}

/// The terms of a text with their places. CJK runs give overlapping pairs.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    each_token(text, |range, term| out.push(Token { range, term: term.to_owned() }));
    out
}

/// The surface words of a text (lower-case, accents folded, not stemmed), for suggestions.
pub fn each_word(text: &str, mut with: impl FnMut(&str)) {
    each_run(text, |_, folded| {
        if folded.is_ascii() || !folded.chars().any(is_cjk) {
            with(folded);
        }
    });
}

/// The terms one typed word gives; more than one for `foo-bar` or CJK.
#[must_use]
pub fn terms_of(word: &str) -> Vec<String> {
    tokens(word).into_iter().map(|token| token.term).collect()
}

/// The folded, unstemmed form of one word: what prefixes compare with.
#[must_use]
pub fn fold(word: &str) -> String {
    let mut out = String::new();
    each_run(word, |_, folded| out.push_str(folded));
    out
}

/// Calls `with` for every term, in order.
pub fn each_token(text: &str, mut with: impl FnMut(Range<usize>, &str)) {
    STEMS.with_borrow_mut(|stems| {
        each_run(text, |range, folded| {
            if folded.is_ascii() {
                // What is longer is cut, and the table of stems keeps no word as long as a file.
                with(range, if folded.len() > LONGEST_TERM_BYTES { truncated(folded) } else { stems.stem(folded) });
            } else if folded.chars().any(is_cjk) {
                cjk_terms(text, &range, &mut with);
            } else {
                with(range, truncated(folded));
            }
        });
    });
}

impl Stems {
    fn stem(&mut self, word: &str) -> &str {
        // Numbers, codes and very short words have no stem.
        if word.len() < 3 || word.len() > 32 || word.bytes().any(|byte| !byte.is_ascii_lowercase()) {
            // Borrowed for as long as the caller needs it: kept in the table under its own name when short.
            return self.remember(word, |word, _| truncated(word).to_owned());
        }
        self.remember(word, |word, stemmer| stemmer.stem(word).into_owned())
    }

    fn remember(&mut self, word: &str, make: impl FnOnce(&str, &Stemmer) -> String) -> &str {
        let known = self.known.get(word).copied();
        let number = known.unwrap_or_else(|| {
            if self.terms.len() >= CACHED_STEMS {
                self.known.clear();
                self.terms.clear();
            }
            self.terms.push(make(word, &self.stemmer));
            self.known.insert(word.to_owned(), self.terms.len() - 1);
            self.terms.len() - 1
        });
        self.terms.get(number).map_or("", String::as_str)
    }
}

fn truncated(word: &str) -> &str {
    let mut end = word.len().min(LONGEST_TERM_BYTES);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

/// Calls `with` for every run of word characters: its range and its lower-case, accent-folded form.
fn each_run(text: &str, mut with: impl FnMut(Range<usize>, &str)) {
    let bytes = text.as_bytes();
    let mut folded = String::with_capacity(32);
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        if is_ascii_word(bytes[at]) {
            folded.clear();
            while at < bytes.len() && is_ascii_word(bytes[at]) {
                folded.push(char::from(bytes[at].to_ascii_lowercase()));
                at += 1;
            }
            if at == bytes.len() || bytes[at].is_ascii() {
                with(start..at, &folded);
                continue;
            }
        } else if bytes[at].is_ascii() {
            at += 1;
            continue;
        }
        at = unicode_run(text, start, &mut folded, &mut with);
    }
}

fn is_ascii_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A run that is not plain ASCII; returns where it ended (always further than `start`).
fn unicode_run(text: &str, start: usize, folded: &mut String, with: &mut impl FnMut(Range<usize>, &str)) -> usize {
    folded.clear();
    let mut in_cjk = None;
    for (offset, character) in text[start..].char_indices() {
        let at = start + offset;
        let is_word = character.is_alphanumeric() || character == '_' || (is_combining_mark(character) && offset > 0);
        let cjk = is_cjk(character);
        if !is_word || in_cjk.is_some_and(|before| before != cjk) {
            if !folded.is_empty() {
                with(start..at, folded);
            }
            return if is_word { at } else { at + character.len_utf8() };
        }
        in_cjk = Some(cjk);
        let folds = character.to_lowercase().nfkd().flat_map(char::to_lowercase);
        folded.extend(folds.filter(|c| c.is_alphanumeric() || *c == '_'));
    }
    if !folded.is_empty() {
        with(start..text.len(), folded);
    }
    text.len()
}

/// Overlapping pairs of a CJK run, so that any substring of two or more characters can be found; a single one alone.
fn cjk_terms(text: &str, range: &Range<usize>, with: &mut impl FnMut(Range<usize>, &str)) {
    let places: Vec<usize> = text[range.clone()].char_indices().map(|(offset, _)| range.start + offset).collect();
    if places.len() == 1 {
        with(range.clone(), &text[range.clone()]);
        return;
    }
    for pair in 0..places.len() - 1 {
        let end = places.get(pair + 2).copied().unwrap_or(range.end);
        with(places[pair]..end, &text[places[pair]..end]);
    }
}

/// Han, Hiragana, Katakana and Hangul: scripts without blanks between words (or with long ones).
fn is_cjk(character: char) -> bool {
    matches!(character,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_stemmed() {
        assert_eq!(terms("Running RUNS; the café's naïve Über-größe"), "run run the cafe s naiv uber große");
        assert_eq!(terms("foo_bar v3.14 user@host.com"), "foo_bar v3 14 user host com");
    }

    #[test]
    fn cjk_runs_become_pairs() {
        assert_eq!(terms("東京都 x 日"), "東京 京都 x 日");
    }

    #[test]
    fn ranges_point_at_the_words() {
        let text = "Das Café, läuft";
        let found: Vec<&str> = tokens(text).iter().map(|token| &text[token.range.clone()]).collect();
        assert_eq!(found, ["Das", "Café", "läuft"]);
        let composed = "cafe\u{301} x";
        assert_eq!(tokens(composed)[0], Token { range: 0..6, term: "cafe".into() });
    }

    #[test]
    fn the_stop_list_is_sorted_and_case_does_not_matter() {
        assert!(stop_words::STOP_WORDS.is_sorted());
        assert!(is_stop_word("The") && !is_stop_word("theory"));
    }

    #[test]
    fn stop_terms_can_be_asked_for_while_a_text_is_taken_apart() {
        let mut kept = Vec::new();
        each_token("the being of because", |_, term| {
            if !is_stop_term(term) {
                kept.push(term.to_owned());
            }
        });
        assert!(kept.is_empty(), "{kept:?}");
    }

    #[test]
    fn terms_hold_no_blank_and_no_ascii_punctuation() {
        let text = "a\u{a0}b\u{0}c ½ ① ﬁn ſ İ ŉ ǰ \u{1f600} ... \u{301}x";
        assert!(
            terms(text).split(' ').all(|term| {
                !term.is_empty() && term.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '_')
            }),
            "{:?}",
            terms(text)
        );
    }

    #[test]
    fn endless_tokens_are_cut() {
        assert_eq!(terms(&"ab1".repeat(100)).len(), LONGEST_TERM_BYTES);
        // And none of them stays in memory: the table of stems holds short words.
        let _ = terms(&"x".repeat(1 << 20));
        STEMS.with_borrow(|stems| assert!(stems.known.keys().all(|word| word.len() <= LONGEST_TERM_BYTES)));
    }
}
