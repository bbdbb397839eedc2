//! Turns a filter into the set of documents that pass it: one query with bound values, run before either leg scores.

use sqlx::{Postgres, QueryBuilder};

use crate::domain::search::{Condition, Filter, Predicate};
use crate::store::StoreResult;

use super::super::error::classify;
use super::super::rows::text;
use super::SearchIndex;
use super::view::Allowed;

impl SearchIndex {
    /// Documents a search with this filter may return.
    pub(super) async fn allowed(&self, filter: &Filter) -> StoreResult<Allowed> {
        if filter.is_empty() {
            return Ok(Allowed::Live);
        }
        // One array, not a row a document: most filters keep many.
        let mut query = QueryBuilder::new("SELECT array_agg(document.seq) FROM document WHERE ");
        push_filter(&mut query, filter);
        let documents: Option<Vec<i64>> = query
            .build_query_scalar()
            .fetch_one(&self.pool)
            .await
            .map_err(|error| classify("filter documents", format!("{filter:?}"), error))?;
        let documents: Vec<usize> =
            documents.unwrap_or_default().into_iter().filter_map(|seq| usize::try_from(seq).ok()).collect();
        let mut allowed = vec![false; documents.iter().max().map_or(0, |most| most + 1)];
        for seq in documents {
            allowed[seq] = true;
        }
        Ok(Allowed::Only(allowed))
    }
}

/// The filter as SQL over `document`.
pub(super) fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    query.push(if filter.wants_deleted() { "TRUE" } else { "document.deleted_at IS NULL" });
    for condition in &filter.conditions {
        push_condition(query, condition);
    }
}

fn push_condition(query: &mut QueryBuilder<Postgres>, condition: &Condition) {
    query.push(if condition.negated { " AND NOT (" } else { " AND (" });
    for (index, predicate) in condition.any_of.iter().enumerate() {
        if index > 0 {
            query.push(" OR ");
        }
        push_predicate(query, predicate);
    }
    query.push(")");
}

fn push_predicate(query: &mut QueryBuilder<Postgres>, predicate: &Predicate) {
    match predicate {
        Predicate::From(who) => push_person(query, who, Some("'from', 'author'")),
        Predicate::To(who) => push_person(query, who, Some("'to', 'cc', 'bcc'")),
        Predicate::With(who) => push_person(query, who, None),
        Predicate::Subject(part) => push_like(query, "document.title", part),
        Predicate::Type(kind) => {
            query.push("document.source_type = ").push_bind(kind.as_str());
        }
        Predicate::Path(part) => push_like(query, "document.source_path", part),
        Predicate::Tag(tag) => {
            let tag = tag.to_lowercase();
            query.push("EXISTS (SELECT 1 FROM document_tag t WHERE t.document_seq = document.seq AND (t.tag = ");
            query.push_bind(text(&tag).into_owned()).push(" OR ");
            query.push("t.tag LIKE ").push_bind(format!("{}/%", escaped(&tag))).push("))");
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

fn push_person(query: &mut QueryBuilder<Postgres>, who: &str, roles: Option<&'static str>) {
    query.push(
        "document.seq IN (SELECT d.document_seq FROM document_person d JOIN person p ON p.seq = d.person_seq WHERE (",
    );
    push_like(query, "p.email", who);
    query.push(" OR ");
    push_like(query, "p.display_name", who);
    query.push(" OR ");
    push_like(query, "d.name", who);
    query.push(")");
    if let Some(roles) = roles {
        query.push(" AND d.role IN (").push(roles).push(")");
    }
    query.push(")");
}

/// A NULL column compares as empty, so that NOT keeps documents without a value.
fn push_like(query: &mut QueryBuilder<Postgres>, column: &'static str, part: &str) {
    query.push("coalesce(").push(column).push(", '') ILIKE ");
    query.push_bind(format!("%{}%", escaped(part)));
}

fn escaped(typed: &str) -> String {
    text(typed).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
