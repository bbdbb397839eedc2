//! What stands where in a query: pieces side by side, joined by AND and OR, turned round, grouped. Called by
//! [`super::parse`]; `build` gives it its meaning.
//!
//! `NOT` and `-` bind what follows them; then `AND` joins, then `OR`, each with its two neighbours; a blank joins least:
//! `budget from:ann OR from:bob` is the budget of one of the two. What joins nothing is told by a hint and left out.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::lexer::{Operator, Piece, Sign, Token};

/// A part of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Never signed `-`: that is [`Node::Not`].
    Piece(Piece),
    /// Side by side.
    List(Vec<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
}

/// The parts of a query that stand side by side.
pub(super) fn parse(tokens: Vec<Token>, hints: &mut Vec<String>) -> Vec<Node> {
    let tokens =
        if tokens.iter().any(|token| matches!(token, Token::Piece(_))) { tokens } else { as_words(tokens, hints) };
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), fields: Vec::new(), hints };
    parser.list()
}

/// A query of nothing but operators looks for them: who asks for `OR` wants the word.
fn as_words(tokens: Vec<Token>, hints: &mut Vec<String>) -> Vec<Token> {
    let word = |token| match token {
        Token::Operator(operator) => {
            hints.push(format!("{} joins nothing here and was taken as a word", operator.name()));
            let value = operator.name().to_lowercase();
            Token::Piece(Piece { sign: Sign::None, field: None, value, quoted: false })
        }
        other => other,
    };
    tokens.into_iter().map(word).collect()
}

struct Parser<'h> {
    tokens: Peekable<IntoIter<Token>>,
    /// Fields of the groups we are in.
    fields: Vec<Option<String>>,
    hints: &'h mut Vec<String>,
}

impl Parser<'_> {
    /// Up to the end of the group.
    fn list(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        loop {
            match self.tokens.peek() {
                None => return nodes,
                Some(Token::Close) => {
                    self.tokens.next();
                    return nodes;
                }
                Some(_) => nodes.extend(self.either()),
            }
        }
    }

    fn either(&mut self) -> Option<Node> {
        self.joined(Operator::Or, Self::both, Node::Any)
    }

    fn both(&mut self) -> Option<Node> {
        self.joined(Operator::And, Self::operand, Node::All)
    }

    /// Operands with an operator between each two. An operator that lacks one of them is left out.
    fn joined(
        &mut self,
        joint: Operator,
        operand: fn(&mut Self) -> Option<Node>,
        make: fn(Vec<Node>) -> Node,
    ) -> Option<Node> {
        let mut parts: Vec<Node> = operand(self).into_iter().collect();
        while self.tokens.next_if(|token| *token == Token::Operator(joint)).is_some() {
            let next = operand(self);
            if parts.is_empty() || next.is_none() {
                self.ignored(joint);
            }
            parts.extend(next);
        }
        if parts.len() > 1 { Some(make(parts)) } else { parts.pop() }
    }

    fn ignored(&mut self, operator: Operator) {
        let name = operator.name();
        let needs =
            if operator == Operator::Not { "needs something behind it" } else { "needs something on both sides" };
        self.hints.push(format!("{name} {needs} and was ignored; in quotes it is a word"));
    }

    /// A piece or a group, with what turns it round.
    fn operand(&mut self) -> Option<Node> {
        let mut turned = false;
        let mut not_seen = false;
        while self.tokens.next_if(|token| *token == Token::Operator(Operator::Not)).is_some() {
            turned = !turned;
            not_seen = true;
        }
        if !matches!(self.tokens.peek(), Some(Token::Piece(_) | Token::Open { .. })) {
            if not_seen {
                self.ignored(Operator::Not);
            }
            return None;
        }
        let node = self.plain();
        node.map(|node| if turned { opposite(node) } else { node })
    }

    fn plain(&mut self) -> Option<Node> {
        match self.tokens.next()? {
            Token::Piece(mut piece) => {
                if piece.field.is_none() {
                    piece.field = self.fields.last().cloned().flatten();
                }
                let is_minus = piece.sign == Sign::Minus;
                if is_minus {
                    piece.sign = Sign::None;
                }
                let node = Node::Piece(piece);
                Some(if is_minus { opposite(node) } else { node })
            }
            Token::Open { sign, field } => {
                let field = field.or_else(|| self.fields.last().cloned().flatten());
                self.fields.push(field);
                let mut nodes = self.list();
                self.fields.pop();
                let node = match nodes.len() {
                    0 => {
                        self.hints.push("( ) with nothing to look for in it was ignored".to_owned());
                        return None;
                    }
                    1 => bracketed(nodes.pop()?),
                    _ => Node::List(nodes),
                };
                let node = if sign == Sign::Plus { required(node) } else { node };
                Some(if sign == Sign::Minus { opposite(node) } else { node })
            }
            Token::Operator(_) | Token::Close => None,
        }
    }
}

/// A word alone in brackets keeps them, as the punctuation they are: the embedder reads them, nobody else does.
fn bracketed(node: Node) -> Node {
    match node {
        Node::Piece(piece) if is_word(&piece) => Node::Piece(Piece { value: format!("({})", piece.value), ..piece }),
        other => other,
    }
}

fn is_word(piece: &Piece) -> bool {
    !piece.quoted && piece.field.is_none() && !piece.value.ends_with('*')
}

fn opposite(node: Node) -> Node {
    if let Node::Not(node) = node { *node } else { Node::Not(Box::new(node)) }
}

/// `+(a b)`: one of them must be there.
fn required(node: Node) -> Node {
    match node {
        Node::List(nodes) => Node::All(vec![Node::List(nodes)]),
        Node::Piece(piece) => Node::Piece(Piece { sign: Sign::Plus, ..piece }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::query::lexer;

    /// A query's tree, written out; and its hints.
    fn read(query: &str) -> (String, Vec<String>) {
        fn written(node: &Node) -> String {
            let list = |nodes: &[Node], joint: &str| nodes.iter().map(written).collect::<Vec<_>>().join(joint);
            match node {
                Node::Piece(piece) => {
                    let field = piece.field.as_ref().map(|name| format!("{name}:")).unwrap_or_default();
                    let sign = if piece.sign == Sign::Plus { "+" } else { "" };
                    if piece.quoted {
                        format!("{sign}{field}\"{}\"", piece.value)
                    } else {
                        format!("{sign}{field}{}", piece.value)
                    }
                }
                Node::List(nodes) => format!("({})", list(nodes, " ")),
                Node::All(nodes) => format!("[{}]", list(nodes, " & ")),
                Node::Any(nodes) => format!("[{}]", list(nodes, " | ")),
                Node::Not(node) => format!("-{}", written(node)),
            }
        }
        let mut hints = Vec::new();
        let tokens = lexer::tokens(query, &mut hints);
        let nodes = parse(tokens, &mut hints);
        (nodes.iter().map(written).collect::<Vec<_>>().join(" "), hints)
    }

    #[test]
    fn operators_bind_their_neighbours() {
        for (query, tree) in [
            ("a b OR c d", "a [b | c] d"),
            ("a OR b OR c", "[a | b | c]"),
            ("a AND b OR c AND d", "[[a & b] | [c & d]]"),
            ("a AND (b OR c)", "[a & [b | c]]"),
            ("\"a b\" OR \"c d\"", "[\"a b\" | \"c d\"]"),
            ("(\"a b\") OR (\"c d\")", "[\"a b\" | \"c d\"]"),
            ("budget NOT draft -old", "budget -draft -old"),
            ("a -(b c)", "a -(b c)"),
            ("NOT(b c) NOT NOT a -(-x) (y) (z*)", "-(b c) a x (y) z*"),
            ("a AND NOT b OR -c", "[[a & -b] | -c]"),
            ("from:x OR from:y z", "[from:x | from:y] z"),
            ("from:(ann OR \"Bob Lee\") x", "[from:ann | from:\"Bob Lee\"] x"),
            ("-from:(ann bob)", "-(from:ann from:bob)"),
            ("from:'Ann Lee' o'neil", "from:\"Ann Lee\" o'neil"),
            ("a and b or not c", "a and b or not c"),
            ("\"OR\" \"a OR b\"", "\"OR\" \"a OR b\""),
            ("f(x) (g(y) OR h)", "f(x) [g(y) | h]"),
            ("+(a b)", "[(a b)]"),
        ] {
            assert_eq!(read(query), (tree.to_owned(), Vec::new()), "{query}");
        }
    }

    #[test]
    fn odd_input_is_read_as_far_as_it_goes_and_told() {
        for (query, tree, hint) in [
            ("OR a", "a", "OR needs"),
            ("a OR", "a", "OR needs"),
            ("a OR OR b", "[a | b]", "OR needs"),
            ("AND a", "a", "AND needs"),
            ("a NOT", "a", "NOT needs"),
            ("a OR AND b", "[a | b]", "AND needs"),
            ("a OR ()", "a", "OR needs"),
            ("a ()", "a", "nothing to look for"),
            ("(a b", "(a b)", "not closed"),
            ("a) b", "a) b", "closes nothing"),
            ("a ) b", "a b", "closes nothing"),
            ("a - b", "a b", "stands alone"),
            ("a \"b c", "a \"b c\"", "not closed"),
            ("OR", "or", "taken as a word"),
            ("NOT AND", "not and", "taken as a word"),
        ] {
            let (found, hints) = read(query);
            assert_eq!(found, tree, "{query}: {hints:?}");
            assert!(hints.iter().any(|told| told.contains(hint)), "{query}: {hints:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}a b{} c", "(".repeat(900), ")".repeat(900));
        let (tree, hints) = read(&deep);
        assert!(tree.ends_with(" c") && hints.iter().any(|hint| hint.contains("deep")), "{tree} {hints:?}");
        assert!(read(&"-(".repeat(900)).0.is_empty());
        assert_eq!(read(&format!("{}a", "NOT ".repeat(401))).0, "-a");
    }
}
