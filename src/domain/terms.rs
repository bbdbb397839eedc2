//! How text becomes index terms, the same for every store: split at Unicode word characters, fold case, accents and letter
//! forms, stem by language, cut scripts without blanks into pairs.
//!
//! `runs` takes a text apart (`scripts` says what a character is, `folding` what is equal), `language` finds what a paragraph
//! is written in, `stems` makes the terms, `joined` what stands beside them, `asked` what a query looks for. Called by
//! `ingest::chunk` (what is indexed), `search::query` (what is looked for) and `search::snippet` (what is marked).
//!
//! A term is made of `[a-z0-9_]` and characters beyond ASCII only, so a store may join terms with blanks. A word stemmed by
//! another language than English ends with that language's mark: English texts never hold it.

mod asked;
mod folding;
mod function_words;
mod inflection;
mod joined;
mod language;
mod runs;
mod scripts;
mod stems;
mod stop_words;

use std::ops::Range;

use language::Evidence;
use runs::Pair;
use scripts::Kind;
use stems::{STEMS, truncated};

pub use asked::{Asked, Near, asked, phrase, signed, wanted};
pub use inflection::{is_same_word, may_be_inflected};
pub use language::Language;
pub use stop_words::{is_stop_term, is_stop_word};

/// Changes whenever the same text gives other terms than before: then a store makes its word index anew.
pub const VERSION: i64 = 2;

/// A longer token is cut here: base64 and the like must not fill the dictionary.
const LONGEST_TERM_BYTES: usize = 64;

/// One term of a text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Byte range in the text.
    pub range: Range<usize>,
    /// The index term.
    pub term: String,
}

/// How a term belongs to its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// One after the other, as phrases have them.
    InOrder,
    /// Beside another: a part of it, or another way of writing it.
    Beside,
}

/// The terms of a text, joined with blanks: what the word index stores. Those beside others come last.
#[must_use]
pub fn terms(text: &str) -> String {
    chunk_terms("", text)
}

/// The terms of a chunk and of the context it is found by.
#[must_use]
pub fn chunk_terms(context: &str, text: &str) -> String {
    let (mut out, mut beside) = (String::with_capacity(context.len() + text.len() + 1), String::new());
    each_placed(context, text, |_, term, place| {
        let out = if place == Place::InOrder { &mut out } else { &mut beside };
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(term);
    });
    if !beside.is_empty() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&beside);
    }
    out
}

/// Calls `with` for every term of a chunk and of its context.
pub fn each_chunk_term(context: &str, text: &str, mut with: impl FnMut(&str)) {
    each_placed(context, text, |_, term, _| with(term));
}

/// The terms of a text with their places: pairs overlap, parts lie in the whole.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    each_token(text, |range, term| out.push(Token { range, term: term.to_owned() }));
    out
}

/// The terms of a line with their places, in the language of the text it is from.
#[must_use]
pub fn tokens_in(language: Language, line: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut add = |range: Range<usize>, term: &str, _: Place| out.push(Token { range, term: term.to_owned() });
    Paragraphs::of(line).each(line, language, &mut add);
    out
}

/// The language a text is written in, as far as its words are stemmed by one.
#[must_use]
pub fn language_of(text: &str) -> Language {
    Paragraphs::of(text).language().unwrap_or(Language::Plain)
}

/// The surface words of a text (lower-case, accents folded, not stemmed), for suggestions.
pub fn each_word(text: &str, mut with: impl FnMut(&str)) {
    runs::each_run(text, |_, folded, kind| {
        if matches!(kind, Kind::Ascii | Kind::Word) {
            with(folded);
        }
    });
}

/// The terms one typed word gives, in order and without those beside them; more than one for `foo-bar` or CJK.
#[must_use]
pub fn terms_of(word: &str) -> Vec<String> {
    asked(word).into_iter().map(|word| word.term).collect()
}

/// The folded, unstemmed form of one word: what prefixes compare with.
#[must_use]
pub fn fold(word: &str) -> String {
    let mut out = String::new();
    runs::each_run(word, |_, folded, _| out.push_str(folded));
    out
}

/// Calls `with` for every term, in order of where it begins.
pub fn each_token(text: &str, mut with: impl FnMut(Range<usize>, &str)) {
    each_placed("", text, |range, term, _| with(range, term));
}

/// Ranges are those in the one or the other.
fn each_placed(context: &str, text: &str, mut with: impl FnMut(Range<usize>, &str, Place)) {
    let context = without_what_is_all(context, text);
    let paragraphs = Paragraphs::of(text);
    let language = paragraphs.language();
    if !context.is_empty() {
        let before = Paragraphs::of(context);
        let of_context = before.language().or(language).unwrap_or(Language::Plain);
        before.each(context, of_context, &mut with);
    }
    paragraphs.each(text, language.unwrap_or(Language::Plain), &mut with);
}

/// A context without the title of a text that is nothing else: named twice, it would weigh more than a title with a text
/// (nDCG@10 of cacm's words: .461, and .478 without).
fn without_what_is_all<'a>(context: &'a str, text: &str) -> &'a str {
    let rest = context.strip_prefix(text.trim()).filter(|rest| rest.is_empty() || rest.starts_with('\n'));
    rest.unwrap_or(context)
}

/// A text taken apart once: its runs, and what speaks for a language in every paragraph.
struct Paragraphs {
    folded: String,
    runs: Vec<Run>,
    /// Up to which run each goes, and what it says.
    evidence: Vec<(usize, Evidence)>,
}

struct Run {
    range: Range<usize>,
    /// Its end in what is folded.
    folded_end: usize,
    kind: Kind,
}

impl Paragraphs {
    fn of(text: &str) -> Self {
        let mut all = Self {
            folded: String::with_capacity(text.len()),
            runs: Vec::with_capacity(text.len() / 6),
            evidence: Vec::new(),
        };
        let mut evidence = Evidence::default();
        let mut before = 0;
        runs::each_run(text, |range, folded, kind| {
            if before > 0 && text[before..range.start].matches('\n').nth(1).is_some() {
                all.evidence.push((all.runs.len(), std::mem::take(&mut evidence)));
            }
            before = range.end;
            if kind == Kind::Ascii {
                evidence.word(folded);
            } else if kind == Kind::Word && folded.is_ascii() {
                evidence.word(folded);
                evidence.letters(&text[range.clone()]);
            }
            all.folded.push_str(folded);
            all.runs.push(Run { range, folded_end: all.folded.len(), kind });
        });
        all.evidence.push((all.runs.len(), evidence));
        all
    }

    /// What the whole is written in, if it says so.
    fn language(&self) -> Option<Language> {
        let mut sum = Evidence::default();
        self.evidence.iter().for_each(|(_, evidence)| sum.join(evidence));
        sum.language()
    }

    /// Calls `with` for every term; a paragraph that does not say its language has that of the whole.
    fn each(&self, text: &str, whole: Language, with: &mut impl FnMut(Range<usize>, &str, Place)) {
        STEMS.with_borrow_mut(|stems| {
            let (mut first, mut folded_start) = (0, 0);
            for (end, evidence) in &self.evidence {
                let language = if self.evidence.len() == 1 { whole } else { evidence.language().unwrap_or(whole) };
                for run in &self.runs[first..*end] {
                    let folded = &self.folded[folded_start..run.folded_end];
                    folded_start = run.folded_end;
                    match run.kind {
                        Kind::Ascii | Kind::Word => word(text, run, folded, language, stems, with),
                        Kind::Pairs => runs::each_pair(text, &run.range, |range, term, pair| {
                            let place = if pair == Pair::Last { Place::Beside } else { Place::InOrder };
                            with(range, truncated(term), place);
                        }),
                        Kind::Emoji => with(run.range.clone(), truncated(folded), Place::InOrder),
                    }
                }
                first = *end;
            }
        });
    }
}

/// The terms of one word: its own, other ways of writing it, its parts, and the one of its name with signs.
fn word(
    text: &str,
    run: &Run,
    folded: &str,
    language: Language,
    stems: &mut stems::Stems,
    with: &mut impl FnMut(Range<usize>, &str, Place),
) {
    let written = &text[run.range.clone()];
    let signed = if run.kind == Kind::Ascii { joined::with_signs(text, &run.range, folded) } else { None };
    if let Some((range, term)) = signed {
        // Where it begins before the word, it comes before it.
        with(range, &term, Place::Beside);
    }
    if run.kind == Kind::Ascii && language == Language::Plain {
        with(run.range.clone(), stems.terms(folded, written, language), Place::InOrder);
    } else {
        let mut place = Place::InOrder;
        for term in stems.terms(folded, written, language).split(' ') {
            with(run.range.clone(), term, place);
            place = Place::Beside;
        }
    }
    if run.kind == Kind::Ascii {
        for part in joined::parts(written) {
            let range = run.range.start + part.start..run.range.start + part.end;
            let part = written[part].to_ascii_lowercase();
            let term = stems.terms(&part, &part, Language::Plain);
            with(range, term.split(' ').next().unwrap_or_default(), Place::Beside);
        }
    }
}

#[cfg(test)]
mod tests;
