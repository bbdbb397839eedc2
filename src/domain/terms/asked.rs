//! What a query looks for when somebody types a word: its terms in every language, as one of which it may stand in a text.
//! Called by `search::query`, and by whoever marks what was found.

use std::ops::Range;

use crate::domain::search::WordMatch;

use super::joined::with_signs;
use super::language::Language;
use super::runs::{Pair, each_pair, each_run};
use super::scripts::Kind;
use super::stems::{STEMS, forms, is_stemmed};

/// Phrases are looked for in so many ways of writing their words per language.
const SPELLINGS: usize = 2;
/// Letters a Hebrew word may begin with that are words of their own: and, the, in, to, from, that, as.
const HEBREW_BEGINNINGS: [&str; 20] =
    ["ה", "ו", "ב", "ל", "מ", "ש", "כ", "וה", "וב", "ול", "ומ", "וש", "שה", "שב", "של", "מה", "כש", "כשה", "בה", "לה"];
/// And Arabic ones: and, in, to, so, as, the.
const ARABIC_BEGINNINGS: [&str; 10] = ["و", "ب", "ل", "ف", "ك", "ال", "وال", "بال", "لل", "فال"];

/// A word of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where it was typed.
    pub range: Range<usize>,
    /// Its term in an English text, and in any text for what no language stems.
    pub term: String,
    /// Its terms by language, `term` among the first.
    ways: Vec<(Language, Vec<String>)>,
    /// Whether it is the beginning of terms: one character of a script that is cut into pairs.
    is_beginning: bool,
}

/// The words of a piece of a query, in order.
#[must_use]
pub fn asked(piece: &str) -> Vec<Asked> {
    let mut found = Vec::new();
    each_run(piece, |range, folded, kind| match kind {
        Kind::Pairs => each_pair(piece, &range, |range, term, pair| {
            if pair != Pair::Last {
                let is_beginning = pair == Pair::Alone;
                found.push(Asked { is_beginning, ..Asked::plain(range, term.to_owned()) });
            }
        }),
        Kind::Emoji => found.push(Asked::plain(range, folded.to_owned())),
        Kind::Ascii | Kind::Word => found.push(Asked::word(range.clone(), folded, &piece[range])),
    });
    found
}

/// Every term by which words of a text answer to those of a query: what is marked.
#[must_use]
pub fn wanted(query: &str) -> Vec<String> {
    asked(query).into_iter().flat_map(|word| word.terms().cloned().collect::<Vec<_>>()).collect()
}

/// Names with signs in a piece of a query, such as `C++`: terms to look for beside its words.
#[must_use]
pub fn signed(piece: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_run(piece, |range, folded, kind| {
        if kind == Kind::Ascii {
            found.extend(with_signs(piece, &range, folded).map(|(_, term)| term));
        }
    });
    found
}

/// Words side by side, as one clause.
#[must_use]
pub fn phrase(words: &[Asked]) -> WordMatch {
    let mut sequences: Vec<Vec<String>> = Vec::new();
    for language in Language::ALL {
        for spelling in 0..SPELLINGS {
            let sequence: Vec<String> = words.iter().map(|word| word.spelt(language, spelling).to_owned()).collect();
            if !sequences.contains(&sequence) {
                sequences.push(sequence);
            }
        }
    }
    match sequences.pop() {
        Some(only) if sequences.is_empty() => WordMatch::Phrase(only),
        last => WordMatch::Any(sequences.into_iter().chain(last).collect()),
    }
}

impl Asked {
    fn plain(range: Range<usize>, term: String) -> Self {
        Self { range, ways: vec![(Language::Plain, vec![term.clone()])], term, is_beginning: false }
    }

    fn word(range: Range<usize>, folded: &str, surface: &str) -> Self {
        if !is_stemmed(folded) {
            let term = STEMS.with_borrow_mut(|stems| stems.terms(folded, surface, Language::Plain).to_owned());
            let mut asked = Self::plain(range, term);
            if folded.len() == 2 && folded.bytes().all(|byte| byte.is_ascii_lowercase()) {
                // Not stemmed itself, but what longer words may be stemmed to: `evlerde`, `ev`.
                let marks = Language::ALL.into_iter().filter_map(Language::mark);
                asked.ways[0].1.extend(marks.map(|mark| format!("{folded}{mark}")));
            }
            let begun: &[&str] = match folded.chars().next() {
                Some('\u{5d0}'..='\u{5ea}') => &HEBREW_BEGINNINGS,
                Some('\u{620}'..='\u{64a}') => &ARABIC_BEGINNINGS,
                _ => &[],
            };
            STEMS.with_borrow_mut(|stems| {
                let begun = begun.iter().map(|beginning| format!("{beginning}{folded}"));
                asked.ways[0].1.extend(begun.map(|word| stems.terms(&word, &word, Language::Plain).to_owned()));
            });
            return asked;
        }
        let ways: Vec<(Language, Vec<String>)> = Language::ALL
            .into_iter()
            .map(|language| {
                let mut terms = forms(folded, surface, language);
                if let Some(restored) = restored(folded, language) {
                    terms.extend(forms(folded, &restored, language).into_iter().take(1));
                }
                (language, terms)
            })
            .collect();
        let term = ways.first().and_then(|(_, terms)| terms.first()).cloned().unwrap_or_default();
        Self { range, term, ways, is_beginning: false }
    }

    /// What to look for.
    #[must_use]
    pub fn matching(&self) -> WordMatch {
        let mut terms: Vec<&String> = Vec::new();
        for term in self.terms() {
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        match terms[..] {
            [only] if self.is_beginning => WordMatch::Prefix(only.clone()),
            [only] => WordMatch::Term(only.clone()),
            _ => WordMatch::Any(terms.into_iter().map(|term| vec![term.clone()]).collect()),
        }
    }

    /// All its terms.
    pub fn terms(&self) -> impl Iterator<Item = &String> {
        self.ways.iter().flat_map(|(_, terms)| terms)
    }

    /// Whether it is the beginning of what is looked for.
    #[must_use]
    pub fn is_beginning(&self) -> bool {
        self.is_beginning
    }

    fn spelt(&self, language: Language, spelling: usize) -> &str {
        let way = self.ways.iter().find(|(known, _)| *known == language).or(self.ways.first());
        let terms = way.map_or(&[][..], |(_, terms)| terms);
        terms.get(spelling).or(terms.first()).unwrap_or(&self.term)
    }
}

/// A word with the accent its ending has in its language, when it was typed without.
fn restored(folded: &str, language: Language) -> Option<String> {
    let endings: &[(&str, &str)] = match language {
        Language::Spanish => &[("cion", "ción"), ("sion", "sión"), ("logia", "logía")],
        Language::Portuguese => &[("cao", "ção"), ("coes", "ções"), ("sao", "são"), ("soes", "sões")],
        Language::Italian => &[("ita", "ità")],
        _ => return None,
    };
    let (plain, accented) = endings.iter().find(|(plain, _)| folded.ends_with(plain))?;
    Some(format!("{}{accented}", folded.strip_suffix(plain)?))
}

/// How near a term of the index is to a word that was typed: both without their endings, in the term's own language. Asked
/// for every term of an index, so that it looks closely at few.
#[derive(Debug)]
pub struct Near {
    ways: Vec<(Language, Wanted)>,
}

/// The word in one language.
#[derive(Debug)]
struct Wanted {
    word: String,
    characters: usize,
    letters: Option<u64>,
}

/// Which bytes stand in a word, by their lowest six bits; `None` when not all of them are letters of their own.
fn letters(word: &str) -> Option<u64> {
    word.bytes().try_fold(0, |letters, byte| byte.is_ascii().then_some(letters | 1 << (byte & 63)))
}

impl Near {
    /// Of a word; `None` for what cannot be mistyped: less than two characters, or more than one word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        let mut words = asked(word).into_iter();
        let first = words.next()?;
        let wanted = |term: &String| {
            let word = term.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned();
            Wanted { characters: word.chars().count(), letters: letters(&word), word }
        };
        let ways =
            first.ways.iter().filter_map(|(language, terms)| Some((*language, wanted(terms.first()?)))).collect();
        (first.term.chars().count() >= 2).then_some(Self { ways })
    }

    /// The distance of a term that is near enough and not the same; `None` for others.
    #[must_use]
    pub fn distance(&self, term: &str) -> Option<u32> {
        let language = Language::of_term(term);
        let bare = language.mark().map_or(term, |mark| term.trim_end_matches(mark));
        let (_, wanted) = self.ways.iter().find(|(known, _)| *known == language)?;
        let most = if wanted.characters <= 4 { 1 } else { 2 };
        // One change takes a letter away, or brings one, or both.
        if let (Some(one), Some(other)) = (letters(bare), wanted.letters)
            && ((one ^ other).count_ones() as usize > 2 * most || bare.len().abs_diff(wanted.word.len()) > most)
        {
            return None;
        }
        let is_near = bare.chars().count().abs_diff(wanted.characters) <= most;
        if !is_near || bare.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let distance = strsim::osa_distance(bare, &wanted.word);
        (distance > 0 && distance <= most).then_some(distance as u32)
    }
}
