//! Turns a filter into the set of documents that pass it, before either leg scores: what the tables know by one query with
//! bound values; of a tree that asks for words, every leaf by itself, put together by `index::numbers`.

use std::sync::Arc;

use sqlx::{QueryBuilder, Sqlite};

use crate::domain::search::{Condition, Expression, Filter, Predicate, WordMatch};
use crate::index::matching::documents;
use crate::index::numbers::{Leaf, Numbers, combined, leaves};
use crate::index::view::{Allowed, View};
use crate::store::StoreResult;
use crate::store::shared::patterns;

use super::super::SqliteStore;
use super::super::error::classify;
use super::patient::patient;
use super::{bulk, compute};

impl SqliteStore {
    /// Documents a search with this filter may return.
    pub(super) async fn allowed(&self, view: &Arc<View>, filter: &Filter) -> StoreResult<Allowed> {
        if filter.is_empty() {
            return Ok(Allowed::Live);
        }
        let by_words = self.by_words(view, filter).await?;
        if let Some(mut documents) = by_words {
            if filter.conditions.is_empty() && !filter.wants_deleted() {
                view.without_deleted(&mut documents);
            } else {
                documents.keep(&self.passing(filter).await?);
            }
            return Ok(Allowed::Only(Arc::new(documents)));
        }
        Ok(Allowed::Only(Arc::new(self.passing(filter).await?)))
    }

    /// Documents that pass what the tables know.
    async fn passing(&self, filter: &Filter) -> StoreResult<Numbers> {
        let mut query = QueryBuilder::new("SELECT json_group_array(document.seq) FROM document WHERE ");
        push_filter(&mut query, filter);
        self.documents_of(query, || format!("{filter:?}")).await
    }

    /// Documents for which the filter's tree holds; `None` when [`push_filter`] says it.
    pub(super) async fn by_words(&self, view: &Arc<View>, filter: &Filter) -> StoreResult<Option<Numbers>> {
        let Some(tree) = filter.words_tree() else { return Ok(None) };
        let (mut tests, mut words): (_, Vec<WordMatch>) = (Vec::new(), Vec::new());
        let leaves = leaves(tree);
        for leaf in &leaves {
            match leaf {
                Leaf::Tests(part) => {
                    let mut query = QueryBuilder::new("SELECT json_group_array(document.seq) FROM document WHERE ");
                    push_expression(&mut query, part);
                    tests.push(self.documents_of(query, || format!("{part:?}")).await?);
                }
                Leaf::Words(wanted) => words.push((*wanted).clone()),
            }
        }
        let view = Arc::clone(view);
        let words = compute(move |stop| documents(&view, &words, stop)).await?;
        let (mut tests, mut words) = (tests.into_iter(), words.into_iter());
        let mut sets =
            leaves.iter().filter_map(|leaf| if matches!(leaf, Leaf::Tests(_)) { tests.next() } else { words.next() });
        Ok(Some(combined(tree, &mut sets)))
    }

    async fn documents_of(&self, mut query: QueryBuilder<Sqlite>, about: impl Fn() -> String) -> StoreResult<Numbers> {
        let passing = async {
            let mut reader = patient(&self.reader).await?;
            bulk::numbers_of(query.build_query_scalar(), &mut reader).await
        };
        let documents = passing.await.map_err(|error| classify("filter documents", about(), error))?;
        Ok(Numbers::of(documents))
    }
}

/// The filter as SQL over `document`, without a tree that asks for words.
pub(super) fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    query.push(if filter.wants_deleted() { "1" } else { "document.deleted_at IS NULL" });
    for condition in &filter.conditions {
        push_condition(query, condition);
    }
    if let Some(tree) = filter.tests_tree() {
        query.push(" AND ");
        push_expression(query, tree);
    }
}

fn push_condition(query: &mut QueryBuilder<Sqlite>, condition: &Condition) {
    query.push(if condition.negated { " AND NOT (" } else { " AND (" });
    for (index, predicate) in condition.any_of.iter().enumerate() {
        if index > 0 {
            query.push(" OR ");
        }
        push_predicate(query, predicate);
    }
    query.push(")");
}

/// A tree of tests, two-valued: nothing in it is NULL.
fn push_expression(query: &mut QueryBuilder<Sqlite>, tree: &Expression) {
    let mut joined = |parts: &[Expression], joint: &str, empty: &str| {
        query.push("(");
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                query.push(joint);
            }
            push_expression(query, part);
        }
        query.push(if parts.is_empty() { empty } else { "" }).push(")");
    };
    match tree {
        Expression::All(parts) => joined(parts, " AND ", "1"),
        Expression::Any(parts) => joined(parts, " OR ", "0"),
        Expression::Not(part) => {
            query.push("NOT ");
            push_expression(query, part);
        }
        Expression::Is(predicate) => {
            query.push("(");
            push_predicate(query, predicate);
            query.push(")");
        }
        // Trees that ask for words are not told in SQL.
        Expression::Has(_) => {
            query.push("0");
        }
    }
}

fn push_predicate(query: &mut QueryBuilder<Sqlite>, predicate: &Predicate) {
    match predicate {
        Predicate::From(who) => push_person(query, who, Some("'from', 'author'")),
        Predicate::To(who) => push_person(query, who, Some("'to', 'cc', 'bcc'")),
        Predicate::Cc(who) => push_person(query, who, Some("'cc'")),
        Predicate::Bcc(who) => push_person(query, who, Some("'bcc'")),
        Predicate::With(who) => push_person(query, who, None),
        Predicate::Subject(text) => push_like(query, "document.title", text, false),
        Predicate::Type(kind) => {
            query.push("document.source_type = ").push_bind(kind.as_str());
        }
        Predicate::Path(text) => push_like(query, "document.source_path", text, false),
        Predicate::File(text) => {
            push_like(query, FILE_NAME, text, false);
            query.push(" OR ");
            push_like(query, "document.attachments", &in_json(text), false);
        }
        Predicate::Extension(ending) => {
            push_like(query, "document.source_path", &format!(".{ending}"), true);
            query.push(" OR ");
            push_like(query, "document.attachments", &format!(".{}\"", in_json(ending)), false);
        }
        Predicate::Id(id) => {
            query.push("document.id = ").push_bind(id.0.as_bytes().to_vec());
        }
        Predicate::MessageId(id) => {
            query.push("coalesce(document.message_id, '') = ").push_bind(id.clone());
        }
        Predicate::Tag(tag) => {
            let tag = tag.to_lowercase();
            let below = patterns::like(&format!("{tag}/"), false);
            query.push("EXISTS (SELECT 1 FROM document_tag t WHERE t.document_seq = document.seq AND (t.tag = ");
            query.push_bind(tag).push(" OR ");
            query.push("t.tag LIKE ").push_bind(below.trim_start_matches('%').to_owned()).push(" ESCAPE '\\'))");
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

/// What follows the last slash of the path.
const FILE_NAME: &str =
    "substr(document.source_path, 1 + length(rtrim(document.source_path, replace(document.source_path, '/', ''))))";

/// A text as it stands in an array of names.
fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.trim_start_matches('"').trim_end_matches('"').to_owned()
}

/// Names are looked up among the people, of whom there are few, not once for every document they stand in.
fn push_person(query: &mut QueryBuilder<Sqlite>, who: &str, roles: Option<&'static str>) {
    query.push("document.seq IN (SELECT d.document_seq FROM document_person d WHERE (");
    query.push("d.person_seq IN (SELECT p.seq FROM person p WHERE ");
    push_like(query, "p.email", who, false);
    query.push(" OR ");
    push_like(query, "p.display_name", who, false);
    query.push(") OR ");
    push_like(query, "d.name", who, false);
    query.push(")");
    if let Some(roles) = roles {
        query.push(" AND d.role IN (").push(roles).push(")");
    }
    query.push(")");
}

/// Contains, or ends with, a text, whatever the case. A NULL column compares as empty, so that NOT keeps documents without
/// a value.
fn push_like(query: &mut QueryBuilder<Sqlite>, column: &'static str, text: &str, ends: bool) {
    if patterns::is_plain(text) {
        query.push("coalesce(").push(column).push(", '') LIKE ");
        query.push_bind(patterns::like(text, ends)).push(" ESCAPE '\\'");
        return;
    }
    for (index, pattern) in patterns::globs(text, ends).into_iter().enumerate() {
        query.push(if index > 0 { " OR " } else { "(" });
        query.push("coalesce(").push(column).push(", '') GLOB ").push_bind(pattern);
    }
    query.push(")");
}
