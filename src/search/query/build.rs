//! Gives a query's tree its meaning: what is scored, what documents may be returned, the text for the embedder, what to
//! mark. Called by [`super::parse`].
//!
//! Side by side: plain words rank and need not stand there; phrases and `+` must, in the place that is shown; filters and
//! exclusions are of the whole document. What AND, OR or NOT joins is of the whole document, too, words included. In a
//! group, one of its plain words must be there unless something else in it must; `-( )` leaves out what `( )` finds.

use jiff::ZonedDateTime;

use crate::domain::search::{ByDate, Condition, Expression, Occur, Predicate, SearchMode, WordMatch};

use super::filters::{self, Filtered};
use super::lexer::{Piece, Sign};
use super::tree::Node;
use super::{Loose, ParsedQuery, add_text};

/// Builds one query.
pub(super) struct Builder<'a> {
    pub(super) parsed: ParsedQuery,
    pub(super) loose: Loose,
    tree: Vec<Expression>,
    now: &'a ZonedDateTime,
    /// Addresses of whoever asks.
    me: &'a [String],
}

/// What a piece stands for.
enum Meaning {
    Tests(Expression),
    /// It says how to search, or was told by a hint.
    Nothing,
    Text(Piece),
}

impl<'a> Builder<'a> {
    pub(super) fn new(now: &'a ZonedDateTime, me: &'a [String], hints: Vec<String>) -> Self {
        let parsed = ParsedQuery { hints, ..ParsedQuery::default() };
        Self { parsed, loose: Loose::default(), tree: Vec::new(), now, me }
    }

    /// Everything is there: puts it together.
    pub(super) fn finish(mut self) -> ParsedQuery {
        let clauses = &mut self.parsed.words.clauses;
        let is_asked = |clauses: &[(Occur, WordMatch)]| clauses.iter().any(|(occur, _)| *occur != Occur::MustNot);
        self.parsed.is_list = !is_asked(clauses) && !self.parsed.joined_words.is_empty();
        let joined = self.parsed.joined_words.iter().map(|wanted| (Occur::Should, wanted.clone()));
        clauses.extend(joined);
        if !is_asked(clauses) {
            // Nothing but stop words: then they are what is meant.
            let stop_words = std::mem::take(&mut self.loose.stop_words);
            self.parsed.highlights.extend(stop_words.iter().cloned());
            clauses.extend(stop_words.into_iter().map(|term| (Occur::Should, WordMatch::Term(term))));
        }
        if self.parsed.text.trim().is_empty() && !is_asked(clauses) {
            // Exclusions alone: what is left is listed, there is nothing to rank by.
            let excluded = clauses.drain(..).map(|(_, wanted)| Expression::Has(wanted).opposite());
            self.tree.extend(excluded);
        }
        self.parsed.filter.tree = (!self.tree.is_empty()).then(|| Expression::all(self.tree));
        self.parsed
    }

    /// Nodes that stand side by side, outside of what operators join.
    pub(super) fn side_by_side(&mut self, nodes: Vec<Node>) {
        for node in nodes {
            match node {
                Node::Piece(piece) => self.piece(piece),
                Node::Not(node) => match *node {
                    Node::Piece(piece) => self.piece(Piece { sign: Sign::Minus, ..piece }),
                    node => self.restrict(&Node::Not(Box::new(node))),
                },
                Node::List(nodes) => {
                    let before = self.parsed.text.len();
                    self.side_by_side(nodes);
                    if self.parsed.text.len() > before {
                        // The embedder reads a sentence with its punctuation.
                        self.parsed.text.insert(before + usize::from(before > 0), '(');
                        self.parsed.text.push(')');
                    }
                }
                node => self.restrict(&node),
            }
        }
    }

    fn piece(&mut self, piece: Piece) {
        match self.meaning(piece) {
            Meaning::Nothing => {}
            Meaning::Tests(tests) => self.absorb(tests),
            Meaning::Text(piece) if is_address(&piece) && piece.sign != Sign::Minus => {
                let tests = self.text(&piece, true);
                self.tree.extend(tests);
            }
            Meaning::Text(piece) => {
                let before = (self.parsed.words.clauses.len(), self.loose.stop_words.len());
                add_text(&mut self.parsed, &piece, &mut self.loose);
                let has_words = before != (self.parsed.words.clauses.len(), self.loose.stop_words.len());
                self.note_odd(&piece, has_words);
            }
        }
    }

    /// Tells of what a piece says in vain.
    fn note_odd(&mut self, piece: &Piece, has_words: bool) {
        let value = &piece.value;
        let is_text = value.chars().any(char::is_alphanumeric);
        if !has_words && (piece.sign != Sign::None || piece.quoted || value.trim().is_empty()) {
            self.parsed.hints.push(format!("\"{value}\" has no word to look for and was ignored"));
        } else if !piece.quoted && is_text && value.trim_end_matches('*').contains('*') {
            self.parsed.hints.push(format!("{value}: a * counts at the end of a word only"));
        }
    }

    /// What operators join.
    fn restrict(&mut self, node: &Node) {
        if let Some(tests) = self.expression(node, true) {
            self.absorb(tests);
        }
    }

    /// Tests in a row are conditions; what they cannot say stays a tree.
    fn absorb(&mut self, tests: Expression) {
        let is = |part: &Expression| if let Expression::Is(test) = part { Some(test.clone()) } else { None };
        let alternatives = |part: &Expression| match part {
            Expression::Any(parts) => parts.iter().map(is).collect::<Option<Vec<Predicate>>>(),
            part => is(part).map(|test| vec![test]),
        };
        let (negated, inner) = if let Expression::Not(part) = &tests { (true, &**part) } else { (false, &tests) };
        if let Some(any_of) = alternatives(inner).filter(|any_of| !any_of.is_empty()) {
            if negated && any_of == [Predicate::Deleted] {
                self.parsed
                    .hints
                    .push("-is:deleted changes nothing: what is deleted is found by is:deleted only".into());
            }
            self.parsed.filter.conditions.push(Condition { negated, any_of });
            return;
        }
        match tests {
            Expression::All(parts) => parts.into_iter().for_each(|part| self.absorb(part)),
            tests => self.tree.push(tests),
        }
    }

    /// The tests of a node; `affirmed` says whether they are meant as they stand, after every NOT around them.
    fn expression(&mut self, node: &Node, affirmed: bool) -> Option<Expression> {
        let each = |this: &mut Self, nodes: &[Node]| -> Vec<Expression> {
            nodes.iter().filter_map(|node| this.expression(node, affirmed)).collect()
        };
        let parts = match node {
            Node::Piece(piece) => {
                return match self.meaning(piece.clone()) {
                    Meaning::Tests(tests) => Some(tests),
                    Meaning::Nothing => None,
                    Meaning::Text(piece) => self.text(&piece, affirmed),
                };
            }
            Node::Not(node) => return self.expression(node, !affirmed).map(Expression::opposite),
            Node::List(nodes) => return self.group(nodes, affirmed),
            Node::Any(nodes) => (each(self, nodes), true),
            Node::All(nodes) => (each(self, nodes), false),
        };
        match parts {
            (parts, _) if parts.is_empty() => None,
            (parts, true) => Some(Expression::any(parts)),
            (parts, false) => Some(Expression::all(parts)),
        }
    }

    /// Nodes side by side in a group.
    fn group(&mut self, nodes: &[Node], affirmed: bool) -> Option<Expression> {
        let (mut needed, mut optional, mut has_needed_words) = (Vec::new(), Vec::new(), false);
        let mut flat: Vec<&Node> = Vec::new();
        flatten(nodes, &mut flat);
        for node in flat {
            let is_plain = matches!(node, Node::Piece(piece) if !piece.quoted && piece.sign == Sign::None);
            let Some(tests) = self.expression(node, affirmed) else { continue };
            if is_plain && tests.asks_words() {
                optional.push(tests);
            } else {
                has_needed_words |= tests.asks_words() && !matches!(node, Node::Not(_));
                needed.push(tests);
            }
        }
        if has_needed_words && !optional.is_empty() {
            if !affirmed {
                let told = "in -( ) plain words beside a phrase or a group change nothing: join them by AND or OR";
                self.parsed.hints.push(told.to_owned());
            }
        } else if !optional.is_empty() {
            needed.push(Expression::any(optional));
        }
        (!needed.is_empty()).then(|| Expression::all(needed))
    }

    /// Words that operators join: whether the document has them. What is affirmed is scored, too.
    fn text(&mut self, piece: &Piece, affirmed: bool) -> Option<Expression> {
        let sign = if affirmed { Sign::Plus } else { Sign::Minus };
        let before = self.parsed.words.clauses.len();
        add_text(&mut self.parsed, &Piece { sign, ..piece.clone() }, &mut self.loose);
        let made = self.parsed.words.clauses.split_off(before);
        self.note_odd(&Piece { sign, ..piece.clone() }, !made.is_empty());
        if affirmed {
            let scored = made.iter().filter(|(occur, _)| *occur != Occur::MustNot);
            self.parsed.joined_words.extend(scored.map(|(_, wanted)| wanted.clone()));
            if !piece.quoted {
                self.parsed.plain_words.push(piece.value.clone());
            }
        }
        let (ranking, gates): (Vec<_>, Vec<_>) = made.into_iter().partition(|(occur, _)| *occur == Occur::Should);
        let has = |clauses: Vec<(Occur, WordMatch)>| -> Vec<Expression> {
            clauses.into_iter().map(|(_, wanted)| Expression::Has(wanted)).collect()
        };
        let tests = match (gates.is_empty(), ranking.is_empty()) {
            (true, true) => return None,
            (true, false) => Expression::any(has(ranking)),
            // Excluded is what has any of them.
            (false, _) if !affirmed => Expression::any(has(gates)),
            (false, _) => Expression::all(has(gates)),
        };
        let person = filters::address(&piece.value).filter(|_| is_address(piece));
        let person = person.map(|who| Expression::Is(Predicate::With(who.to_owned())));
        Some(Expression::any(std::iter::once(tests).chain(person).collect()))
    }

    fn meaning(&mut self, piece: Piece) -> Meaning {
        let Some(name) = piece.field.clone() else { return Meaning::Text(piece) };
        if let Some(mode) = forced_mode(&name) {
            if self.parsed.mode.is_some_and(|known| known != mode) {
                self.parsed.hints.push("lex: and vec: exclude each other: the last one counts".to_owned());
            }
            self.parsed.mode = Some(mode);
            return if piece.value.is_empty() {
                Meaning::Nothing
            } else {
                Meaning::Text(Piece { field: None, ..piece })
            };
        }
        if name == "sort" {
            return self.sort(piece);
        }
        let told = match filters::filtered(&piece, &name, self.now, self.me) {
            Ok(Filtered::Tests(tests)) => {
                return Meaning::Tests(if piece.sign == Sign::Minus { tests.opposite() } else { tests });
            }
            Ok(Filtered::Nothing) => {
                self.parsed.hints.push(format!("{name}: needs a value, as in {}", filters::example(&name)));
                return Meaning::Nothing;
            }
            Ok(Filtered::Ignored(why)) => {
                self.parsed.hints.push(why);
                return Meaning::Nothing;
            }
            Ok(Filtered::NoFilter) => {
                filters::looks_like_filter(&piece).then(|| format!("{name}: is not a filter and was taken as text"))
            }
            Err(expected) => Some(format!("{name}:{} was taken as text: {expected}", piece.value)),
        };
        self.parsed.hints.extend(told);
        Meaning::Text(Piece { field: None, value: format!("{name}:{}", piece.value), ..piece })
    }

    fn sort(&mut self, piece: Piece) -> Meaning {
        let order = match piece.value.to_lowercase().as_str() {
            "date" | "newest" => Some(ByDate::Newest),
            "-date" | "oldest" => Some(ByDate::Oldest),
            "score" => None,
            other => {
                let told = format!(
                    "sort:{other} was ignored: sort:date (newest first), sort:-date and sort:score are possible"
                );
                self.parsed.hints.push(told);
                return Meaning::Nothing;
            }
        };
        if self.parsed.order.is_some_and(|known| Some(known) != order) {
            self.parsed.hints.push("sort: stands there twice: the last one counts".to_owned());
        }
        self.parsed.order = order;
        Meaning::Nothing
    }
}

/// Groups within a group that nothing joins are part of it.
fn flatten<'n>(nodes: &'n [Node], into: &mut Vec<&'n Node>) {
    for node in nodes {
        if let Node::List(nodes) = node { flatten(nodes, into) } else { into.push(node) }
    }
}

/// An address typed bare is looked for as one: in the text, and among the people.
fn is_address(piece: &Piece) -> bool {
    piece.field.is_none() && !piece.quoted && filters::address(&piece.value).is_some()
}

fn forced_mode(name: &str) -> Option<SearchMode> {
    match name {
        "lex" => Some(SearchMode::Words),
        "vec" => Some(SearchMode::Vectors),
        _ => None,
    }
}
