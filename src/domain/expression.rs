//! Conditions under AND, OR and NOT: what a document must be, beside what it is ranked by. Made by `search::query`, turned
//! into a set of documents by the stores. Pure.
//!
//! Every test is of whole documents: a document has a word when any of its chunks has it. So `NOT` leaves exactly the rest,
//! and the laws hold (De Morgan's, double negation), whatever a document is cut into.

use super::search::{Predicate, WordMatch};

/// A tree of tests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expression {
    /// Every part holds; true without parts.
    All(Vec<Self>),
    /// At least one part holds; false without parts.
    Any(Vec<Self>),
    /// The part does not hold.
    Not(Box<Self>),
    /// The document passes a test.
    Is(Predicate),
    /// The document has these words.
    Has(WordMatch),
}

impl Expression {
    /// All of the parts: nested ones become one, each is said once, one alone stands for itself.
    #[must_use]
    pub fn all(parts: Vec<Self>) -> Self {
        let inner = |part: Self| if let Self::All(parts) = part { Ok(parts) } else { Err(part) };
        joined(parts, inner, Self::All)
    }

    /// At least one of the parts, as [`Expression::all`].
    #[must_use]
    pub fn any(parts: Vec<Self>) -> Self {
        let inner = |part: Self| if let Self::Any(parts) = part { Ok(parts) } else { Err(part) };
        joined(parts, inner, Self::Any)
    }

    /// The opposite; of an opposite, the thing itself.
    #[must_use]
    pub fn opposite(self) -> Self {
        if let Self::Not(part) = self { *part } else { Self::Not(Box::new(self)) }
    }

    /// Whether any part asks for words.
    #[must_use]
    pub fn asks_words(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::asks_words),
            Self::Not(part) => part.asks_words(),
            Self::Is(_) => false,
            Self::Has(_) => true,
        }
    }

    /// Whether the user asked for deleted documents: somewhere, and not to be without them.
    #[must_use]
    pub fn wants_deleted(&self) -> bool {
        self.says(true)
    }

    fn says(&self, affirmed: bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.says(affirmed)),
            Self::Not(part) => part.says(!affirmed),
            Self::Is(test) => affirmed && *test == Predicate::Deleted,
            Self::Has(_) => false,
        }
    }
}

fn joined(
    parts: Vec<Expression>,
    inner: impl Fn(Expression) -> Result<Vec<Expression>, Expression>,
    make: impl Fn(Vec<Expression>) -> Expression,
) -> Expression {
    let mut flat: Vec<Expression> = Vec::with_capacity(parts.len());
    for part in parts {
        let these = inner(part).unwrap_or_else(|part| vec![part]);
        for part in these {
            if !flat.contains(&part) {
                flat.push(part);
            }
        }
    }
    if flat.len() > 1 {
        return make(flat);
    }
    flat.pop().unwrap_or_else(|| make(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Expression {
        Expression::Has(WordMatch::Term(text.to_owned()))
    }

    #[test]
    fn trees_are_kept_small() {
        let one = Expression::any(vec![word("a"), Expression::any(vec![word("b"), word("a")])]);
        assert_eq!(one, Expression::Any(vec![word("a"), word("b")]));
        assert_eq!(Expression::all(vec![word("a"), word("a")]), word("a"));
        assert_eq!(word("a").opposite().opposite(), word("a"));
        assert_eq!(Expression::all(Vec::new()), Expression::All(Vec::new()));
    }

    #[test]
    fn deleted_documents_are_wanted_only_when_affirmed() {
        let deleted = || Expression::Is(Predicate::Deleted);
        assert!(Expression::any(vec![word("a"), deleted()]).wants_deleted());
        assert!(!deleted().opposite().wants_deleted());
        assert!(Expression::Not(Box::new(Expression::Not(Box::new(deleted())))).wants_deleted());
    }
}
