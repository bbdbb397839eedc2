//! Splits a query into signed, possibly named, possibly quoted pieces. Called by [`super::parse`].

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

/// The pieces, in order; an unclosed quote ends with the query.
pub(super) fn pieces(query: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut rest = query.trim_start();
    while !rest.is_empty() {
        let (piece, after) = piece(rest);
        found.extend(piece);
        rest = after.trim_start();
    }
    found
}

fn piece(text: &str) -> (Option<Piece>, &str) {
    let (sign, body) = match text.chars().next() {
        Some('-') => (Sign::Minus, &text[1..]),
        Some('+') => (Sign::Plus, &text[1..]),
        _ => (Sign::None, text),
    };
    // A sign that stands alone is nothing.
    if sign != Sign::None && body.starts_with(char::is_whitespace) || body.is_empty() {
        return (None, body);
    }
    if body.starts_with('"') {
        let (value, after) = quoted(body);
        return (Some(Piece { sign, field: None, value, quoted: true }), after);
    }
    let end = body.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(body.len());
    let word = &body[..end];
    let after = &body[end..];
    let colon = word.find(':').filter(|at| is_name(&word[..*at]));
    match colon {
        // name:"quoted value"
        Some(at) if at + 1 == word.len() && after.starts_with('"') => {
            let (value, after) = quoted(after);
            (Some(Piece { sign, field: Some(word[..at].to_lowercase()), value, quoted: true }), after)
        }
        Some(at) => {
            let (field, value) = (word[..at].to_lowercase(), word[at + 1..].to_owned());
            (Some(Piece { sign, field: Some(field), value, quoted: false }), after)
        }
        None => (Some(Piece { sign, field: None, value: word.to_owned(), quoted: false }), after),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The text between quotes and what follows.
fn quoted(text: &str) -> (String, &str) {
    let inner = &text[1..];
    match inner.find('"') {
        Some(end) => (inner[..end].to_owned(), &inner[end + 1..]),
        None => (inner.to_owned(), ""),
    }
}
