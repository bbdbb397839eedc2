//! The filters of the query language: what each name tests. Called by `build` and, for names alone, by the lexer.

use jiff::ZonedDateTime;

use crate::domain::search::{Expression, Predicate};
use crate::domain::{DocumentId, SourceType};

use super::dates;
use super::lexer::Piece;

pub(super) const NAMES: [&str; 20] = [
    "from", "to", "cc", "bcc", "with", "subject", "title", "in", "path", "file", "ext", "tag", "type", "has", "is",
    "id", "mid", "before", "after", "date",
];

/// Whether a name is a filter's.
pub(super) fn is_filter(name: &str) -> bool {
    NAMES.contains(&name)
}

/// What a filter tests.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filtered {
    /// This.
    Tests(Expression),
    /// Nothing: it has no value.
    Nothing,
    /// Nothing, for a reason.
    Ignored(String),
    /// It is no filter.
    NoFilter,
}

/// Takes a filter apart for whoever has these addresses; an error says what its value should have been.
pub(super) fn filtered(piece: &Piece, name: &str, now: &ZonedDateTime, me: &[String]) -> Result<Filtered, String> {
    let value = piece.value.trim();
    if is_filter(name) && value.is_empty() {
        return Ok(Filtered::Nothing);
    }
    let tests = match name {
        "from" | "to" | "cc" | "bcc" | "with" => return Ok(people(piece, name, me)),
        "subject" | "title" => any_of(piece, |text| Ok(Predicate::Subject(text)))?,
        "in" | "path" => any_of(piece, |text| Ok(Predicate::Path(text)))?,
        "file" => any_of(piece, |text| Ok(Predicate::File(text)))?,
        "ext" => any_of(piece, |text| Ok(Predicate::Extension(text.trim_start_matches(['*', '.']).to_lowercase())))?,
        "tag" => any_of(piece, |tag| Ok(Predicate::Tag(tag.trim_start_matches('#').to_lowercase())))?,
        "type" => any_of(piece, |kind| kind_of(&kind))?,
        "id" => any_of(piece, |id| {
            let id = id.parse().map(|id| Predicate::Id(DocumentId(id)));
            id.map_err(|_| "an id is as peanut search --json shows it".to_owned())
        })?,
        "mid" => {
            any_of(piece, |id| Ok(Predicate::MessageId(id.trim_start_matches('<').trim_end_matches('>').to_owned())))?
        }
        "has" => any_of(piece, |what| match what.to_lowercase().as_str() {
            "attachment" | "attachments" => Ok(Predicate::HasAttachment),
            _ => Err("has:attachment is the only one".to_owned()),
        })?,
        "is" => any_of(piece, |what| match what.to_lowercase().as_str() {
            "deleted" => Ok(Predicate::Deleted),
            _ => Err("is:deleted is the only one".to_owned()),
        })?,
        "before" => Expression::Is(Predicate::DatedBefore(dates::start_of(value, now)?)),
        "after" => Expression::Is(Predicate::DatedFrom(dates::start_of(value, now)?)),
        "date" => {
            let (start, end) = dates::span(value, now)?;
            Expression::All(vec![
                Expression::Is(Predicate::DatedFrom(start)),
                Expression::Is(Predicate::DatedBefore(end)),
            ])
        }
        _ => return Ok(Filtered::NoFilter),
    };
    Ok(if tests == Expression::Any(Vec::new()) { Filtered::Nothing } else { Filtered::Tests(tests) })
}

/// Alternatives; what is quoted is one, commas and all.
fn alternatives(piece: &Piece) -> Vec<String> {
    let separators: &[char] = if piece.quoted { &[] } else { &[',', '|'] };
    let parts = piece.value.split(separators).map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn any_of(piece: &Piece, make: impl Fn(String) -> Result<Predicate, String>) -> Result<Expression, String> {
    let tests = alternatives(piece).into_iter().map(|text| make(text).map(Expression::Is));
    Ok(Expression::any(tests.collect::<Result<Vec<_>, _>>()?))
}

/// People by name or address, in the forms in which programs show them; `me` is whoever has the addresses of the settings.
fn people(piece: &Piece, name: &str, me: &[String]) -> Filtered {
    let make = |who: String| match name {
        "from" => Predicate::From(who),
        "to" => Predicate::To(who),
        "cc" => Predicate::Cc(who),
        "bcc" => Predicate::Bcc(who),
        _ => Predicate::With(who),
    };
    let named = alternatives(piece);
    let is_me = |who: &String| !piece.quoted && who.eq_ignore_ascii_case("me");
    if me.is_empty() && named.iter().any(is_me) {
        let why = format!(
            "{name}:me was ignored: no settings say which addresses are yours; \
             write me = [\"you@example.org\"] into the configuration, or {name}:you@example.org"
        );
        return Filtered::Ignored(why);
    }
    let forms = |who: &String| if is_me(who) { me.to_vec() } else { forms(who) };
    let tests: Vec<Expression> = named.iter().flat_map(forms).map(|who| Expression::Is(make(who))).collect();
    if tests.is_empty() { Filtered::Nothing } else { Filtered::Tests(Expression::any(tests)) }
}

/// `Ann Lee <ann@x.org>` is her address, `Lee, Ann` may stand the other way round, and a part of a name is enough without
/// its star.
fn forms(who: &str) -> Vec<String> {
    let who = who.trim_end_matches('*').trim();
    let address = who.strip_suffix('>').and_then(|start| start.rsplit_once('<')).map(|(_, address)| address.trim());
    if let Some(address) = address.filter(|address| !address.is_empty()) {
        return vec![address.to_owned()];
    }
    let who = who.trim_matches(['<', '>']);
    let turned = who.split_once(',').map(|(last, first)| format!("{} {}", first.trim(), last.trim()));
    std::iter::once(who.to_owned()).chain(turned).filter(|form| !form.trim().is_empty()).collect()
}

/// Whether a piece is an e-mail address, without what punctuation stands around it.
pub(super) fn address(text: &str) -> Option<&str> {
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    let (local, domain) = text.split_once('@')?;
    let is_local = !local.is_empty() && local.chars().all(|c| c.is_alphanumeric() || "._%+-='&".contains(c));
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    (is_local && domain.contains('.') && domain.split('.').all(is_label)).then_some(text)
}

fn kind_of(name: &str) -> Result<Predicate, String> {
    let known = || SourceType::ALL.map(SourceType::as_str).join(", ");
    SourceType::parse(name).map(Predicate::Type).ok_or_else(|| format!("types are {}", known()))
}

/// How a filter is written.
pub(super) fn example(name: &str) -> &'static str {
    match name {
        "before" | "after" | "date" => "date:2024-09 or after:2024-01-15",
        "type" => "type:pdf",
        "tag" => "tag:project",
        "has" => "has:attachment",
        "is" => "is:deleted",
        "subject" | "title" => "subject:budget",
        "in" | "path" => "in:folder",
        "file" => "file:report",
        "ext" => "ext:pdf",
        "id" => "id: and a document's id",
        "mid" => "mid: and a Message-ID",
        "sort" => "sort:date or sort:-date",
        _ => "from:alice",
    }
}

/// `foo:bar` looks like a filter; `http://x`, `12:30` and `std::fs` do not.
pub(super) fn looks_like_filter(piece: &Piece) -> bool {
    let name = piece.field.as_deref().unwrap_or_default();
    name.len() > 1
        && name.bytes().all(|byte| byte.is_ascii_lowercase())
        && !piece.value.starts_with(['/', ':'])
        && !piece.value.is_empty()
}
