//! Splits a query into signed, possibly named, possibly quoted pieces, parentheses and operators. Called by
//! [`super::tree`].
//!
//! A parenthesis counts where a piece begins, and where it ends an open group; inside a word (`f(x)`) it is text.

use super::filters;

/// Groups within groups; what is deeper is read as if its parentheses were not there.
pub(super) const MOST_DEPTH: usize = 12;

/// `+` or `-` before a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    None,
    Plus,
    Minus,
}

/// One piece of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) sign: Sign,
    /// What stands before a colon, lower-case.
    pub(super) field: Option<String>,
    /// The text, without its quotes.
    pub(super) value: String,
    pub(super) quoted: bool,
}

/// Words that join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Not,
}

impl Operator {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Not => "NOT",
        }
    }

    /// The operator a word is, or begins with when a group follows at once: `NOT(a b)`.
    fn of(word: &str) -> Option<Self> {
        let is = |operator: &Self| {
            word.strip_prefix(operator.name()).is_some_and(|rest| rest.is_empty() || rest.starts_with('('))
        };
        [Self::And, Self::Or, Self::Not].into_iter().find(is)
    }
}

/// What a query is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Piece(Piece),
    Operator(Operator),
    /// A group begins; its pieces are of this field when they name none: `from:(ann OR bob)`.
    Open {
        sign: Sign,
        field: Option<String>,
    },
    Close,
}

/// The tokens, in order, groups closed; an unclosed quote ends with the query. What means nothing is told by a hint.
pub(super) fn tokens(query: &str, hints: &mut Vec<String>) -> Vec<Token> {
    let mut lexer = Lexer { rest: query.trim_start(), groups: Vec::new(), found: Vec::new(), hints };
    while !lexer.rest.is_empty() {
        lexer.next();
        lexer.rest = lexer.rest.trim_start();
    }
    if lexer.groups.contains(&true) {
        lexer.hints.push("a ( is not closed: its group ends with the query".to_owned());
    }
    let open = lexer.groups.iter().filter(|counts| **counts).count();
    lexer.found.extend(std::iter::repeat_n(Token::Close, open));
    lexer.found
}

struct Lexer<'a, 'h> {
    rest: &'a str,
    /// Open groups, whether they count.
    groups: Vec<bool>,
    found: Vec<Token>,
    hints: &'h mut Vec<String>,
}

impl<'a> Lexer<'a, '_> {
    fn next(&mut self) {
        let (sign, body) = match self.rest.chars().next() {
            Some('-') => (Sign::Minus, &self.rest[1..]),
            Some('+') => (Sign::Plus, &self.rest[1..]),
            _ => (Sign::None, self.rest),
        };
        let is_alone = |body: &str| body.is_empty() || body.starts_with(|c: char| c.is_whitespace() || c == ')');
        if sign != Sign::None && is_alone(body) {
            let sign = &self.rest[..1];
            self.hints.push(format!("{sign} stands alone and means nothing: no blank between it and the word"));
            self.rest = body;
        } else if let Some(rest) = body.strip_prefix('(') {
            self.open(sign, None);
            self.rest = rest;
        } else if let Some(rest) = body.strip_prefix(')') {
            self.close();
            self.rest = rest;
        } else if body.starts_with('"') {
            let value = self.quoted(body, '"');
            self.found.push(Token::Piece(Piece { sign, field: None, value, quoted: true }));
        } else {
            self.word(sign, body);
        }
    }

    fn open(&mut self, sign: Sign, field: Option<String>) {
        let counts = self.groups.iter().filter(|counts| **counts).count() < MOST_DEPTH;
        self.groups.push(counts);
        if counts {
            self.found.push(Token::Open { sign, field });
        } else {
            self.hints
                .push(format!("groups within groups count {MOST_DEPTH} deep; what is deeper is read without its ( )"));
        }
    }

    fn close(&mut self) {
        match self.groups.pop() {
            Some(true) => self.found.push(Token::Close),
            Some(false) => {}
            None => self.hints.push("a ) closes nothing and was ignored".to_owned()),
        }
    }

    /// A word, a filter, or an operator.
    fn word(&mut self, sign: Sign, body: &'a str) {
        if sign == Sign::None
            && let word = &body[..end_of_word(body, true)]
            && let Some(operator) = Operator::of(word)
        {
            self.found.push(Token::Operator(operator));
            self.rest = &body[operator.name().len()..];
            return;
        }
        let word = &body[..end_of_word(body, !self.groups.is_empty())];
        let colon = word.find(':').filter(|at| is_name(&word[..*at]));
        let Some(at) = colon else {
            let is_open_ended = self.groups.is_empty() && word.ends_with(')') && !word.contains('(');
            if is_open_ended {
                self.hints.push("a ) closes nothing and was ignored".to_owned());
            }
            self.rest = &body[word.len()..];
            self.found.push(Token::Piece(Piece { sign, field: None, value: word.to_owned(), quoted: false }));
            return;
        };
        let (name, after) = (word[..at].to_lowercase(), &body[at + 1..]);
        // name:"quoted value", name:'quoted value', name:(a OR b)
        let (value, quoted) = if after.starts_with('"') {
            (self.quoted(after, '"'), true)
        } else if is_in_single_quotes(after) {
            (self.quoted(after, '\''), true)
        } else if after.starts_with('(') && filters::is_filter(&name) {
            self.open(sign, Some(name));
            self.rest = &after[1..];
            return;
        } else {
            self.rest = &body[word.len()..];
            (word[at + 1..].to_owned(), false)
        };
        self.found.push(Token::Piece(Piece { sign, field: Some(name), value, quoted }));
    }

    /// The text between quotes; goes on behind them.
    fn quoted(&mut self, text: &'a str, quote: char) -> String {
        let inner = &text[1..];
        let Some(end) = inner.find(quote) else {
            self.hints.push(format!("a {quote} is not closed: what it quotes ends with the query"));
            self.rest = "";
            return inner.to_owned();
        };
        self.rest = &inner[end + 1..];
        inner[..end].to_owned()
    }
}

/// Where a word ends: at a blank, a quote, or what closes a group that it did not open.
fn end_of_word(body: &str, in_group: bool) -> usize {
    let mut opened = 0_usize;
    for (at, character) in body.char_indices() {
        match character {
            '"' if at > 0 => return at,
            '(' => opened += 1,
            ')' if opened > 0 => opened -= 1,
            ')' if in_group => return at,
            blank if blank.is_whitespace() => return at,
            _ => {}
        }
    }
    body.len()
}

/// `'Ann Lee'` in single quotes, and not an apostrophe: a blank, a bracket or the end follows the second.
fn is_in_single_quotes(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('\'') else { return false };
    inner.find('\'').is_some_and(|end| {
        let after = inner[end + 1..].chars().next();
        end > 0 && after.is_none_or(|next| next.is_whitespace() || next == ')')
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}
