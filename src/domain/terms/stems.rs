//! From a folded word to its terms: stemmed by the language of its paragraph, or by its script. Remembers what it stemmed.
//! Called by `terms` and `asked`.

use std::cell::RefCell;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

use super::folding::{transcribed, with_umlauts};
use super::language::Language;
use super::{LONGEST_TERM_BYTES, fold};

/// Stems remembered per thread.
const CACHED_STEMS: usize = 32_768;
/// Bytes of them and their terms.
const CACHED_BYTES: usize = 4 << 20;
/// Longest word that is stemmed, in bytes.
const LONGEST_STEMMED: usize = 40;

/// A word that was stemmed: where it stands in the texts, its terms right behind it.
#[derive(Clone, Copy)]
struct Known {
    start: u32,
    word_bytes: u16,
    terms_bytes: u16,
}

impl Known {
    fn word(self, texts: &str) -> &str {
        let start = self.start as usize;
        texts.get(start..start + usize::from(self.word_bytes)).unwrap_or_default()
    }

    fn terms(self, texts: &str) -> &str {
        let start = self.start as usize + usize::from(self.word_bytes);
        texts.get(start..start + usize::from(self.terms_bytes)).unwrap_or_default()
    }
}

/// What was stemmed. Asked for every word of every text: words and terms lie side by side in one text, so that a look
/// touches two places in memory and not four.
pub(super) struct Stems {
    english: Stemmer,
    hasher: RandomState,
    known: HashTable<Known>,
    texts: String,
    key: String,
}

impl Default for Stems {
    fn default() -> Self {
        Self {
            english: Stemmer::create(Algorithm::English),
            hasher: RandomState::default(),
            known: HashTable::new(),
            texts: String::new(),
            key: String::new(),
        }
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
        let known = self.recall(&key, |_| forms(folded, surface, language).join(" "));
        self.key = key;
        known.terms(&self.texts)
    }

    fn remember(&mut self, word: &str, make: impl FnOnce(&Stemmer) -> String) -> &str {
        let known = self.recall(word, make);
        known.terms(&self.texts)
    }

    fn recall(&mut self, word: &str, make: impl FnOnce(&Stemmer) -> String) -> Known {
        let hash = self.hasher.hash_one(word);
        if let Some(known) = self.known.find(hash, |known| known.word(&self.texts) == word) {
            return *known;
        }
        if self.known.len() >= CACHED_STEMS || self.texts.len() >= CACHED_BYTES {
            self.known.clear();
            self.texts.clear();
        }
        let start = self.texts.len() as u32;
        // A word with more marks on it than any has stands for itself alone.
        let word = word.get(..usize::from(u16::MAX)).map_or(word, |_| "");
        self.texts.push_str(word);
        let terms = make(&self.english);
        let terms = terms.get(..usize::from(u16::MAX)).map_or(&*terms, |_| "");
        self.texts.push_str(terms);
        let known = Known { start, word_bytes: word.len() as u16, terms_bytes: terms.len() as u16 };
        if !word.is_empty() {
            let Self { hasher, known: table, texts, .. } = self;
            table.insert_unique(hash, known, |known| hasher.hash_one(known.word(texts)));
        }
        known
    }

    /// The most bytes of a word that is remembered.
    #[cfg(test)]
    pub(super) fn longest_known(&self) -> usize {
        self.known.iter().map(|known| usize::from(known.word_bytes)).max().unwrap_or(0)
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
