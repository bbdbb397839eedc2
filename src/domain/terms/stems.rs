//! From a folded word to its terms: stemmed by the language of its paragraph, or by its script. Remembers what it stemmed.
//! Called by `terms` and `asked`.

use std::cell::RefCell;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

use super::folding::{transcribed, with_umlauts};
use super::language::Language;
use super::{LONGEST_TERM_BYTES, fold};

/// Stems remembered per thread.
const CACHED_STEMS: usize = 32_768;
/// Longest word that is stemmed, in bytes.
const LONGEST_STEMMED: usize = 40;

pub(super) struct Stems {
    english: Stemmer,
    /// Which of the terms are a word's. Asked for every word of every text, hence not the standard hash.
    pub(super) known: HashMap<String, usize, RandomState>,
    /// The terms of each, blanks between.
    terms: Vec<String>,
    key: String,
}

impl Default for Stems {
    fn default() -> Self {
        let english = Stemmer::create(Algorithm::English);
        Self { english, known: HashMap::default(), terms: Vec::new(), key: String::new() }
    }
}

thread_local! {
    pub(super) static STEMS: RefCell<Stems> = RefCell::default();
}

impl Stems {
    /// The terms of a word, the first of them in its place, the others beside it: `folded` of what is written as `surface`
    /// in a paragraph of `language`. What is longer than a term is cut, and not remembered.
    pub(super) fn terms<'a>(&'a mut self, folded: &'a str, surface: &str, language: Language) -> &'a str {
        if folded.len() > LONGEST_TERM_BYTES {
            return truncated(folded);
        }
        if !is_stemmed(folded) {
            // Numbers, codes and very short words have no stem; other scripts have one each.
            return self.remember(folded, |_| by_script(folded));
        }
        let is_plain = surface.is_ascii();
        if is_plain && language == Language::Plain {
            return self.remember(folded, |english| english.stem(folded).into_owned());
        }
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        key.push_str(if is_plain && language != Language::Turkish { folded } else { surface });
        key.extend(language.mark());
        let (key_now, forms) = (key, |_: &Stemmer| forms(folded, surface, language).join(" "));
        self.recall(&key_now, forms);
        self.key = key_now;
        let number = self.known.get(self.key.as_str()).copied();
        number.and_then(|number| self.terms.get(number)).map_or("", String::as_str)
    }

    fn remember(&mut self, word: &str, make: impl FnOnce(&Stemmer) -> String) -> &str {
        let number = self.recall(word, make);
        self.terms.get(number).map_or("", String::as_str)
    }

    fn recall(&mut self, word: &str, make: impl FnOnce(&Stemmer) -> String) -> usize {
        if let Some(known) = self.known.get(word) {
            return *known;
        }
        if self.terms.len() >= CACHED_STEMS {
            self.known.clear();
            self.terms.clear();
        }
        self.terms.push(make(&self.english));
        self.known.insert(word.to_owned(), self.terms.len() - 1);
        self.terms.len() - 1
    }
}

/// Whether a folded word is one that languages stem, each in its way.
pub(super) fn is_stemmed(folded: &str) -> bool {
    (3..=LONGEST_STEMMED).contains(&folded.len()) && folded.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The terms of a word in one language, each once; the one by which it stands in its place comes first.
pub(super) fn forms(folded: &str, surface: &str, language: Language) -> Vec<String> {
    let stemmer = Stemmer::create(language.algorithm());
    let mut found: Vec<String> = Vec::with_capacity(2);
    let mut add = |word: &str| {
        let mut term = fold(&stemmer.stem(word));
        if term.is_empty() {
            term = fold(word);
        }
        term.truncate(LONGEST_TERM_BYTES - 2);
        term.extend(language.mark());
        if !found.contains(&term) {
            found.push(term);
        }
    };
    if language == Language::Plain {
        add(folded);
    }
    let written = lower(surface, language);
    if language != Language::Plain {
        add(&written);
        // Whoever leaves the accents out finds it too.
        add(folded);
    }
    if let Some(other) = transcribed(&written)
        && matches!(
            language,
            Language::Plain | Language::German | Language::Swedish | Language::Norwegian | Language::Danish
        )
    {
        add(&fold(&other));
    }
    if language == Language::German
        && let Some(other) = with_umlauts(folded)
    {
        add(&other);
    }
    found
}

/// A word as its language writes it in small letters, its accents one with their letters.
fn lower(surface: &str, language: Language) -> String {
    let seen = surface.nfkc().filter(|character| *character != '\u{ad}');
    if language == Language::Turkish {
        return seen
            .flat_map(|character| match character {
                'I' => 'ı'.to_lowercase(),
                'İ' => 'i'.to_lowercase(),
                other => other.to_lowercase(),
            })
            .collect();
    }
    seen.flat_map(char::to_lowercase).filter(|character| *character != '\u{307}').collect()
}

/// Scripts with one stemmer.
fn by_script(folded: &str) -> String {
    let all = |from: char, to: char| folded.chars().all(|character| (from..=to).contains(&character));
    let algorithm = match folded.chars().next() {
        Some('\u{370}'..='\u{3ff}') if all('\u{370}', '\u{3ff}') => Algorithm::Greek,
        Some('\u{400}'..='\u{4ff}') if all('\u{400}', '\u{4ff}') => Algorithm::Russian,
        Some('\u{600}'..='\u{6ff}') if all('\u{600}', '\u{6ff}') => Algorithm::Arabic,
        Some('\u{b80}'..='\u{bff}') if all('\u{b80}', '\u{bff}') => Algorithm::Tamil,
        _ => return truncated(folded).to_owned(),
    };
    let stem = fold(&Stemmer::create(algorithm).stem(folded));
    if stem.is_empty() { truncated(folded).to_owned() } else { truncated(&stem).to_owned() }
}

pub(super) fn truncated(word: &str) -> &str {
    let mut end = word.len().min(LONGEST_TERM_BYTES);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}
