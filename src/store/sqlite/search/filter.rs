//! Turns a filter into the set of documents that pass it: one query with bound values, run before either leg scores.

use sqlx::{QueryBuilder, Sqlite};

use crate::domain::search::{Condition, Filter, Predicate};
use crate::store::StoreResult;

use super::super::SqliteStore;
use super::super::error::classify;
use super::bulk;
use super::patient::patient;
use super::slots::Allowed;

impl SqliteStore {
    /// Documents a search with this filter may return.
    pub(super) async fn allowed(&self, filter: &Filter) -> StoreResult<Allowed> {
        if filter.is_empty() {
            return Ok(Allowed::Live);
        }
        let mut query = QueryBuilder::new("SELECT json_group_array(document.seq) FROM document WHERE ");
        push_filter(&mut query, filter);
        let passing = async {
            let mut reader = patient(&self.reader).await?;
            bulk::numbers_of(query.build_query_scalar(), &mut reader).await
        };
        let documents = passing.await.map_err(|error| classify("filter documents", format!("{filter:?}"), error))?;
        Ok(Allowed::only(documents))
    }
}

/// The filter as SQL over `document`.
pub(super) fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    query.push(if filter.wants_deleted() { "1" } else { "document.deleted_at IS NULL" });
    for condition in &filter.conditions {
        push_condition(query, condition);
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

fn push_predicate(query: &mut QueryBuilder<Sqlite>, predicate: &Predicate) {
    match predicate {
        Predicate::From(who) => push_person(query, who, Some("'from', 'author'")),
        Predicate::To(who) => push_person(query, who, Some("'to', 'cc', 'bcc'")),
        Predicate::With(who) => push_person(query, who, None),
        Predicate::Subject(text) => push_like(query, "document.title", text),
        Predicate::Type(kind) => {
            query.push("document.source_type = ").push_bind(kind.as_str());
        }
        Predicate::Path(text) => push_like(query, "document.source_path", text),
        Predicate::Tag(tag) => {
            let tag = tag.to_lowercase();
            query.push("EXISTS (SELECT 1 FROM document_tag t WHERE t.document_seq = document.seq AND (t.tag = ");
            query.push_bind(tag.clone()).push(" OR ");
            query.push("t.tag LIKE ").push_bind(format!("{}/%", escaped(&tag))).push(" ESCAPE '\\'))");
        }
        Predicate::DatedFrom(moment) => {
            query.push("document.dated_at >= ").push_bind(moment.0);
        }
        Predicate::DatedBefore(moment) => {
            query.push("document.dated_at < ").push_bind(moment.0);
        }
        Predicate::HasAttachment => {
            query.push("document.attachments <> '[]'");
        }
        Predicate::Deleted => {
            query.push("document.deleted_at IS NOT NULL");
        }
    }
}

/// Names are looked up among the people, of whom there are few, not once for every document they stand in.
fn push_person(query: &mut QueryBuilder<Sqlite>, who: &str, roles: Option<&'static str>) {
    query.push("document.seq IN (SELECT d.document_seq FROM document_person d WHERE (");
    query.push("d.person_seq IN (SELECT p.seq FROM person p WHERE ");
    push_like(query, "p.email", who);
    query.push(" OR ");
    push_like(query, "p.display_name", who);
    query.push(") OR ");
    push_like(query, "d.name", who);
    query.push(")");
    if let Some(roles) = roles {
        query.push(" AND d.role IN (").push(roles).push(")");
    }
    query.push(")");
}

/// A NULL column compares as empty, so that NOT keeps documents without a value.
fn push_like(query: &mut QueryBuilder<Sqlite>, column: &'static str, text: &str) {
    query.push("coalesce(").push(column).push(", '') LIKE ");
    query.push_bind(format!("%{}%", escaped(text))).push(" ESCAPE '\\'");
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
