//! The query language: words, phrases, exclusions, prefixes and filters under AND, OR, NOT and parentheses. Pure; never
//! fails on odd input, it hints: every piece that has no effect is told.
//!
//! `lexer` splits, `tree` says what stands where, `build` what it means, `filters` and `dates` read the filters, this module
//! the words of each piece, `bounds` keeps the whole small. Called by `search::service`.

mod bounds;
mod build;
mod dates;
mod filters;
mod lexer;
mod tree;

use jiff::ZonedDateTime;
use thiserror::Error;

use crate::domain::search::{ByDate, Expression, Filter, Occur, SearchMode, WordMatch, WordsQuery};
use crate::domain::terms::{self, Asked};

use bounds::Said;
use build::Builder;
use lexer::{Piece, Sign};

pub use bounds::{LONGEST_PHRASE, MOST_TESTS, MOST_TIMES, MOST_WORK};

/// Longest query, in characters.
pub const LONGEST_QUERY: usize = 2000;
/// Most documents one search returns.
pub const LARGEST_LIMIT: usize = 100;
/// A query of at most so many pieces looks for something by its name; a longer one describes it.
const SHORT_QUERY: usize = 4;
/// Most documents a search passes over.
pub const LARGEST_OFFSET: usize = 10_000;

/// A query taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedQuery {
    /// The words leg.
    pub words: WordsQuery,
    /// What documents may be returned.
    pub filter: Filter,
    /// The text for the embedder: what was typed, without operators and filters.
    pub text: String,
    /// Those of the words that operators join: the filter's tree says which documents have them, the words leg ranks by them.
    pub joined_words: Vec<WordMatch>,
    /// Whether operators join all words, so that the filter alone says what is found: what no leg ranks is found as well.
    pub is_list: bool,
    /// Dates instead of scores decide what comes first.
    pub order: Option<ByDate>,
    /// The legs, when the query forces them with `lex:` or `vec:`.
    pub mode: Option<SearchMode>,
    /// Things to tell the user.
    pub hints: Vec<String>,
    /// Terms to mark in snippets.
    pub highlights: Vec<String>,
    /// Prefixes to mark in snippets, folded.
    pub prefixes: Vec<String>,
    /// Names that were joined on purpose, as typed: what holds one as it is stands first.
    pub exact: Vec<String>,
    /// Plain words that may share their English stem with other words: folded as typed, and that stem. None in a
    /// query of more words than name a thing.
    pub forms: Vec<(String, String)>,
    /// Plain words as typed, for "did you mean".
    pub plain_words: Vec<String>,
}

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// Nothing was asked.
    #[error("the query is empty: type a word, or a filter such as type:pdf")]
    Empty,
    /// Over the limit.
    #[error("the query has {length} characters; at most {LONGEST_QUERY} are possible")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Limit out of range.
    #[error("limit {limit}: from 1 to {LARGEST_LIMIT} documents are possible")]
    Limit {
        /// What was asked.
        limit: usize,
    },
    /// Offset out of range.
    #[error(
        "offset {offset}: at most {LARGEST_OFFSET} documents can be passed over; ask for less, or by sort:date and before:"
    )]
    Offset {
        /// What was asked.
        offset: usize,
    },
}

impl ParsedQuery {
    /// The whole query as a filter: documents that it would find by words alone. Where nothing must be there, one of the
    /// plain words must.
    #[must_use]
    pub fn as_filter(&self) -> Filter {
        let mut parts: Vec<Expression> = self.filter.tree.iter().cloned().collect();
        let (mut optional, mut is_needed) = (Vec::new(), false);
        for (occur, wanted) in &self.words.clauses {
            let has = Expression::Has(wanted.clone());
            match occur {
                Occur::Must => {
                    is_needed = true;
                    parts.push(has);
                }
                Occur::MustNot => parts.push(has.opposite()),
                Occur::Should if self.joined_words.contains(wanted) => is_needed = true,
                Occur::Should => optional.push(has),
            }
        }
        if !is_needed && !optional.is_empty() {
            parts.push(Expression::any(optional));
        }
        let tree = (!parts.is_empty()).then(|| Expression::all(parts));
        Filter { conditions: self.filter.conditions.clone(), tree }
    }
}

/// Checks the sizes the contract names.
///
/// # Errors
/// When query, limit or offset is out of range.
pub fn check(query: &str, limit: usize, offset: usize) -> Result<(), QueryError> {
    let length = query.chars().count();
    if query.trim().is_empty() {
        return Err(QueryError::Empty);
    }
    if length > LONGEST_QUERY {
        return Err(QueryError::TooLong { length });
    }
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(QueryError::Limit { limit });
    }
    if offset > LARGEST_OFFSET {
        return Err(QueryError::Offset { offset });
    }
    Ok(())
}

/// Takes a query apart; `now` gives relative dates their meaning and its time zone is the user's.
#[must_use]
pub fn parse(query: &str, now: &ZonedDateTime) -> ParsedQuery {
    parse_for(&[], query, now)
}

/// The same for somebody: `me` are the addresses that `from:me`, `to:me` and the like mean.
#[must_use]
pub fn parse_for(me: &[String], query: &str, now: &ZonedDateTime) -> ParsedQuery {
    let mut hints = Vec::new();
    let tokens = lexer::tokens(query, &mut hints);
    let is_short = tokens.len() <= SHORT_QUERY;
    let nodes = tree::parse(tokens, &mut hints);
    let mut builder = Builder::new(now, me, hints);
    builder.loose.is_short = is_short;
    builder.side_by_side(nodes);
    let mut parsed = builder.finish();
    if parsed.forms.len() > SHORT_QUERY {
        parsed.forms.clear();
    }
    bounds::bound(&mut parsed, !is_short);
    parsed
}

/// What is gathered beside the query while it is taken apart.
#[derive(Default)]
struct Loose {
    /// Stop words that were typed plainly.
    stop_words: Vec<String>,
    /// Whether the query looks for a thing by its name: what it joins is looked for together.
    is_short: bool,
    said: Said,
}

/// Words, phrases and prefixes.
fn add_text(parsed: &mut ParsedQuery, piece: &Piece, loose: &mut Loose) {
    let occur = match piece.sign {
        Sign::Minus => Occur::MustNot,
        Sign::Plus => Occur::Must,
        Sign::None => Occur::Should,
    };
    let found = words(&piece.value);
    if occur != Occur::MustNot && loose.said.counts(&piece.value, found.iter().all(|word| word.is_stop)) {
        if !parsed.text.is_empty() {
            parsed.text.push(' ');
        }
        parsed.text.push_str(piece.value.trim_end_matches('*'));
    }
    if !piece.quoted
        && let Some(start) = piece.value.strip_suffix('*')
        && !terms::fold(start).is_empty()
    {
        let start = terms::fold(start);
        parsed.words.clauses.push((occur, WordMatch::Prefix(start.clone())));
        if occur != Occur::MustNot {
            parsed.prefixes.push(start);
        }
        return;
    }
    if occur != Occur::MustNot {
        let is_marked = |word: &&Word| piece.quoted || !(word.is_stop || terms::is_stop_term(&word.asked.term));
        let (beginnings, marked): (Vec<&Word>, Vec<&Word>) =
            found.iter().filter(is_marked).partition(|word| word.asked.is_beginning());
        parsed.highlights.extend(marked.iter().flat_map(|word| word.asked.terms().cloned()));
        parsed.prefixes.extend(beginnings.iter().map(|word| word.asked.term.clone()));
    }
    if occur != Occur::MustNot && loose.is_short && !piece.value.contains(char::is_whitespace) {
        parsed.exact.extend(joined_name(&piece.value, &found));
    }
    // Quotes, exclusions and requirements mean the words together, as they stand.
    let occur = if piece.quoted && occur == Occur::Should { Occur::Must } else { occur };
    let names = terms::signed(&piece.value);
    if occur != Occur::Should {
        if let [name] = &names[..]
            && found.len() == 1
        {
            // `"C#"` is not `C`.
            parsed.highlights.extend((occur != Occur::MustNot).then(|| name.clone()));
            parsed.words.clauses.push((occur, WordMatch::Term(name.clone())));
            return;
        }
        let asked: Vec<Asked> = found.into_iter().map(|word| word.asked).collect();
        match &asked[..] {
            [] => {}
            [only] => parsed.words.clauses.push((occur, only.matching())),
            several => parsed.words.clauses.push((occur, terms::phrase(several))),
        }
        return;
    }
    // What is joined on purpose is looked for together, and its words one by one. In sentences that finds less well
    // (measured: nDCG@10 on Cranfield .369 without, .351 with): what somebody describes need not be written alike.
    let joined: Vec<Asked> = found.iter().filter(|word| !word.is_stop).map(|word| word.asked.clone()).collect();
    if loose.is_short && joined.len() > 1 && joined.len() == found.len() {
        let together = terms::phrase(&joined);
        if joined.windows(2).any(|two| two[0].range.end < two[1].range.start) {
            // A name or a number as it is written (`ADR-016`, `3.14.2`, an address) counts twice: a short text with its parts
            // here and there must not stand before it.
            parsed.words.clauses.push((occur, twice(&together)));
        }
        parsed.words.clauses.push((occur, together));
    }
    parsed.highlights.extend(names.iter().cloned());
    parsed.words.clauses.extend(names.into_iter().map(|name| (occur, WordMatch::Term(name))));
    for Word { asked, is_stop } in found {
        if is_stop {
            loose.stop_words.push(asked.term);
        } else {
            parsed.plain_words.push(piece.value.clone());
            let written = terms::fold(piece.value.get(asked.range.clone()).unwrap_or_default());
            let form = (written, asked.term.clone());
            if terms::may_be_inflected(&form.0) && !parsed.forms.contains(&form) {
                parsed.forms.push(form);
            }
            parsed.words.clauses.push((occur, asked.matching()));
        }
    }
}

/// The name that a piece is, from its first word to its last, when signs join several: `run-task`, `3.14.2`.
fn joined_name(piece: &str, found: &[Word]) -> Option<String> {
    let is_joined = found.windows(2).any(|two| two[0].asked.range.end < two[1].asked.range.start);
    let (first, last) = (found.first()?, found.last()?);
    if !is_joined || found.iter().any(|word| word.is_stop) {
        return None;
    }
    piece.get(first.asked.range.start..last.asked.range.end).map(str::to_owned)
}

/// The same clause, told apart from it.
fn twice(clause: &WordMatch) -> WordMatch {
    match clause {
        WordMatch::Phrase(words) => WordMatch::Any(vec![words.clone()]),
        // In another order: what stands first tells clauses apart.
        WordMatch::Any(sequences) => {
            WordMatch::Any(sequences.iter().skip(1).chain(sequences.first()).cloned().collect())
        }
        other => other.clone(),
    }
}

struct Word {
    asked: Asked,
    is_stop: bool,
}

/// The words of one piece. Punctuation around a word and the end of a contraction (`it's,` `isn't`) make no stop word
/// count; words joined on purpose (`I/O`, `to-do`) and names (`O'Reilly`, `Qur'an`) are meant as they stand.
fn words(piece: &str) -> Vec<Word> {
    const ENDINGS: [&str; 7] = ["d", "ll", "m", "re", "s", "t", "ve"];
    let found = terms::asked(piece);
    let surface = |token: &Asked| piece.get(token.range.clone()).unwrap_or_default().to_lowercase();
    let is_stop: Vec<bool> = match &found[..] {
        [only] => vec![terms::is_stop_word(&surface(only))],
        [head, tail] => {
            let (head_text, tail_text) = (surface(head), surface(tail));
            // Overlapping pairs of CJK have nothing between them.
            let between = piece.get(head.range.end..tail.range.start);
            let is_contraction = matches!(between, Some("'" | "\u{2019}")) && ENDINGS.contains(&tail_text.as_str());
            let is_negation = tail_text == "t" && head_text.ends_with('n');
            vec![is_contraction && (is_negation || terms::is_stop_word(&head_text)), is_contraction]
        }
        more => vec![false; more.len()],
    };
    found.into_iter().zip(is_stop).map(|(asked, is_stop)| Word { asked, is_stop }).collect()
}

#[cfg(test)]
mod tests;
