//! Turns a filter into the set of documents that pass it, before either leg scores: what the tables know by one query with
//! bound values; of a tree that asks for words, every leaf by itself, put together by `index::numbers`.

use std::sync::Arc;

use sqlx::{Postgres, QueryBuilder};

use crate::domain::search::{Expression, Filter, Predicate, WordMatch};
use crate::index::matching::documents;
use crate::index::numbers::{Leaf, Numbers, combined, leaves};
use crate::index::view::Allowed;
use crate::store::StoreResult;
use crate::store::shared::patterns;

use super::super::error::classify;
use super::super::rows::text;
use super::SearchIndex;
use super::refresh::Present;
use super::source::Source;

/// Whose names a test looks at.
const SENDERS: &str = "d.role IN ('from', 'author')";
const RECIPIENTS: &str = "d.role IN ('to', 'cc', 'bcc')";
const COPIED: &str = "d.role = 'cc'";
const HIDDEN: &str = "d.role = 'bcc'";
const ANYBODY: &str = "TRUE";

impl SearchIndex {
    /// Documents a search with this filter may return.
    pub(super) async fn allowed(&self, present: &Present, filter: &Filter) -> StoreResult<Allowed> {
        if filter.is_empty() {
            return Ok(Allowed::Live);
        }
        let Some(mut documents) = self.by_words(present, filter).await? else {
            return Ok(Allowed::Only(Arc::new(self.passing(present.source, filter).await?)));
        };
        if filter.conditions.is_empty() && !filter.wants_deleted() {
            present.view.without_deleted(&mut documents);
        } else {
            documents.keep(&self.passing(present.source, filter).await?);
        }
        Ok(Allowed::Only(Arc::new(documents)))
    }

    /// Documents that pass what the tables know.
    async fn passing(&self, source: Source, filter: &Filter) -> StoreResult<Numbers> {
        // One array, not a row a document: most filters keep many.
        let mut query = QueryBuilder::new("SELECT array_agg(document.seq) FROM document WHERE ");
        push_filter(&mut query, filter);
        self.documents_of(source, query, || format!("{filter:?}")).await
    }

    /// Documents for which the filter's tree holds; `None` when [`push_filter`] says it.
    pub(super) async fn by_words(&self, present: &Present, filter: &Filter) -> StoreResult<Option<Numbers>> {
        let Some(tree) = filter.words_tree() else { return Ok(None) };
        let (mut tests, mut words) = (Vec::new(), Vec::new());
        let leaves = leaves(tree);
        for leaf in &leaves {
            match leaf {
                Leaf::Tests(part) => {
                    let mut query = QueryBuilder::new("SELECT array_agg(document.seq) FROM document WHERE ");
                    push_expression(&mut query, part);
                    tests.push(self.documents_of(present.source, query, || format!("{part:?}")).await?);
                }
                Leaf::Words(wanted) => words.push(WordMatch::clone(wanted)),
            }
        }
        let view = Arc::clone(&present.view);
        let words = self.cores.run(move |stop| documents(&view, &words, stop)).await?;
        let (mut tests, mut words) = (tests.into_iter(), words.into_iter());
        let mut sets =
            leaves.iter().filter_map(|leaf| if matches!(leaf, Leaf::Tests(_)) { tests.next() } else { words.next() });
        Ok(Some(combined(tree, &mut sets)))
    }

    async fn documents_of(
        &self,
        source: Source,
        mut query: QueryBuilder<Postgres>,
        about: impl Fn() -> String,
    ) -> StoreResult<Numbers> {
        let documents: Option<Vec<i64>> = query
            .build_query_scalar()
            .fetch_one(self.at(source))
            .await
            .map_err(|error| classify("filter documents", about(), error))?;
        Ok(Numbers::of(documents.unwrap_or_default()))
    }
}

/// The filter as SQL over `document`, without a tree that asks for words.
pub(super) fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    query.push(if filter.wants_deleted() { "TRUE" } else { "document.deleted_at IS NULL" });
    for condition in &filter.conditions {
        query.push(if condition.negated { " AND NOT " } else { " AND " });
        push_any_of(query, &condition.any_of.iter().collect::<Vec<_>>());
    }
    if let Some(tree) = filter.tests_tree() {
        query.push(" AND ");
        push_expression(query, tree);
    }
}

/// A tree of tests, two-valued: nothing in it is NULL.
fn push_expression(query: &mut QueryBuilder<Postgres>, tree: &Expression) {
    match tree {
        Expression::All(parts) => {
            query.push("(TRUE");
            for part in parts {
                query.push(" AND ");
                push_expression(query, part);
            }
            query.push(")");
        }
        Expression::Any(parts) => {
            let (mut tests, mut others) = (Vec::new(), Vec::new());
            for part in parts {
                if let Expression::Is(test) = part { tests.push(test) } else { others.push(part) }
            }
            query.push("(");
            push_any_of(query, &tests);
            for part in others {
                query.push(" OR ");
                push_expression(query, part);
            }
            query.push(")");
        }
        Expression::Not(part) => {
            query.push("NOT ");
            push_expression(query, part);
        }
        Expression::Is(test) => push_any_of(query, &[test]),
        // Trees that ask for words are not told in SQL.
        Expression::Has(_) => {
            query.push("FALSE");
        }
    }
}

fn push_any_of(query: &mut QueryBuilder<Postgres>, any_of: &[&Predicate]) {
    query.push("(FALSE");
    // All people of a condition are looked up in one go.
    let mut people: Vec<(&'static str, Vec<&str>)> = Vec::new();
    for predicate in any_of {
        let (who, roles) = match predicate {
            Predicate::From(who) => (who, SENDERS),
            Predicate::To(who) => (who, RECIPIENTS),
            Predicate::Cc(who) => (who, COPIED),
            Predicate::Bcc(who) => (who, HIDDEN),
            Predicate::With(who) => (who, ANYBODY),
            other => {
                query.push(" OR ");
                push_predicate(query, other);
                continue;
            }
        };
        match people.iter_mut().find(|(known, _)| *known == roles) {
            Some((_, names)) => names.push(who),
            None => people.push((roles, vec![who])),
        }
    }
    for (roles, names) in people {
        query.push(" OR ");
        push_people(query, &names, roles);
    }
    query.push(")");
}

fn push_predicate(query: &mut QueryBuilder<Postgres>, predicate: &Predicate) {
    match predicate {
        Predicate::From(who) => push_people(query, &[who.as_str()], SENDERS),
        Predicate::To(who) => push_people(query, &[who.as_str()], RECIPIENTS),
        Predicate::Cc(who) => push_people(query, &[who.as_str()], COPIED),
        Predicate::Bcc(who) => push_people(query, &[who.as_str()], HIDDEN),
        Predicate::With(who) => push_people(query, &[who.as_str()], ANYBODY),
        Predicate::Subject(part) => push_like(query, "document.title", part, false),
        Predicate::Type(kind) => {
            query.push("document.source_type = ").push_bind(kind.as_str());
        }
        Predicate::Path(part) => push_like(query, "document.source_path", part, false),
        Predicate::File(part) => {
            push_like(query, "substring(document.source_path FROM '[^/]*$')", part, false);
            query.push(" OR ");
            push_like(query, "document.attachments", &in_json(part), false);
        }
        Predicate::Extension(ending) => {
            push_like(query, "document.source_path", &format!(".{ending}"), true);
            query.push(" OR ");
            push_like(query, "document.attachments", &format!(".{}\"", in_json(ending)), false);
        }
        Predicate::Id(id) => {
            query.push("document.id = ").push_bind(id.0);
        }
        Predicate::MessageId(id) => {
            query.push("coalesce(document.message_id, '') = ").push_bind(text(id).into_owned());
        }
        Predicate::Tag(tag) => {
            let tag = tag.to_lowercase();
            let below = patterns::like(&text(&format!("{tag}/")), false);
            query.push("EXISTS (SELECT 1 FROM document_tag t WHERE t.document_seq = document.seq AND (t.tag = ");
            query.push_bind(text(&tag).into_owned()).push(" OR ");
            query.push("t.tag LIKE ").push_bind(below.trim_start_matches('%').to_owned()).push("))");
        }
        Predicate::DatedFrom(moment) => {
            query.push("document.dated_at IS NOT NULL AND document.dated_at >= ").push_bind(moment.0);
        }
        Predicate::DatedBefore(moment) => {
            query.push("document.dated_at IS NOT NULL AND document.dated_at < ").push_bind(moment.0);
        }
        Predicate::HasAttachment => {
            query.push("document.attachments <> '[]'");
        }
        Predicate::Deleted => {
            query.push("document.deleted_at IS NOT NULL");
        }
    }
}

/// A text as it stands in an array of names.
fn in_json(part: &str) -> String {
    let quoted = serde_json::to_string(part).unwrap_or_default();
    quoted.trim_start_matches('"').trim_end_matches('"').to_owned()
}

/// Names are looked up among the people, of whom there are few; a document's own way to write a name counts only where it
/// is another one. `OFFSET 0` keeps the planner from looking them up once for every document.
fn push_people(query: &mut QueryBuilder<Postgres>, who: &[&str], roles: &'static str) {
    let names = Names::of(who);
    query.push("document.seq IN (SELECT d.document_seq FROM document_person d JOIN (SELECT p.seq, p.display_name, ");
    names.push(query, "coalesce(p.email, '')");
    query.push(" OR ");
    names.push(query, "p.display_name");
    query.push(
        " AS is_meant FROM person p OFFSET 0) w ON w.seq = d.person_seq \
         WHERE (w.is_meant OR (d.name <> w.display_name AND (",
    );
    names.push(query, "d.name");
    query.push("))) AND ").push(roles).push(")");
}

/// Patterns for names, any of which may stand there.
struct Names {
    plain: Vec<String>,
    folded: Vec<String>,
}

impl Names {
    fn of(who: &[&str]) -> Self {
        let (plain, beyond): (Vec<_>, Vec<_>) =
            who.iter().map(|who| text(who)).partition(|who| patterns::is_plain(who));
        Self {
            plain: plain.iter().map(|who| patterns::like(who, false)).collect(),
            folded: beyond.iter().flat_map(|who| patterns::expressions(who, false)).collect(),
        }
    }

    fn push(&self, query: &mut QueryBuilder<Postgres>, column: &'static str) {
        if !self.plain.is_empty() {
            query.push(column).push(" ILIKE ANY(").push_bind(self.plain.clone()).push(")");
        }
        if !self.plain.is_empty() && !self.folded.is_empty() {
            query.push(" OR ");
        }
        if !self.folded.is_empty() {
            query.push(column).push(" ~ ANY(").push_bind(self.folded.clone()).push(")");
        }
    }
}

/// Contains, or ends with, a text, whatever the case. A NULL column compares as empty, so that NOT keeps documents without
/// a value.
fn push_like(query: &mut QueryBuilder<Postgres>, column: &'static str, part: &str, ends: bool) {
    let part = text(part);
    query.push("coalesce(").push(column);
    if patterns::is_plain(&part) {
        query.push(", '') ILIKE ").push_bind(patterns::like(&part, ends));
    } else {
        query.push(", '') ~ ANY(").push_bind(patterns::expressions(&part, ends)).push(")");
    }
}
