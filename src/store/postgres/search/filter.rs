//! Turns a filter into the set of documents that pass it: one query with bound values, run before either leg scores.

use sqlx::{Postgres, QueryBuilder};

use crate::domain::search::{Condition, Filter, Predicate};
use crate::store::StoreResult;

use super::super::error::classify;
use super::super::rows::text;
use super::SearchIndex;
use super::source::Source;
use super::view::Allowed;

/// Whose names a test looks at.
const SENDERS: &str = "d.role IN ('from', 'author')";
const RECIPIENTS: &str = "d.role IN ('to', 'cc', 'bcc')";
const ANYBODY: &str = "TRUE";

impl SearchIndex {
    /// Documents a search with this filter may return.
    pub(super) async fn allowed(&self, source: Source, filter: &Filter) -> StoreResult<Allowed> {
        if filter.is_empty() {
            return Ok(Allowed::Live);
        }
        // One array, not a row a document: most filters keep many.
        let mut query = QueryBuilder::new("SELECT array_agg(document.seq) FROM document WHERE ");
        push_filter(&mut query, filter);
        let documents: Option<Vec<i64>> = query
            .build_query_scalar()
            .fetch_one(self.at(source))
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
    query.push(if condition.negated { " AND NOT (FALSE" } else { " AND (FALSE" });
    // All people of a condition are looked up in one go.
    let (mut from, mut to, mut with) = (Vec::new(), Vec::new(), Vec::new());
    for predicate in &condition.any_of {
        match predicate {
            Predicate::From(who) => from.push(containing(who)),
            Predicate::To(who) => to.push(containing(who)),
            Predicate::With(who) => with.push(containing(who)),
            other => {
                query.push(" OR ");
                push_predicate(query, other);
            }
        }
    }
    for (people, roles) in [(from, SENDERS), (to, RECIPIENTS), (with, ANYBODY)] {
        if !people.is_empty() {
            query.push(" OR ");
            push_people(query, people, roles);
        }
    }
    query.push(")");
}

fn push_predicate(query: &mut QueryBuilder<Postgres>, predicate: &Predicate) {
    match predicate {
        Predicate::From(who) => push_people(query, vec![containing(who)], SENDERS),
        Predicate::To(who) => push_people(query, vec![containing(who)], RECIPIENTS),
        Predicate::With(who) => push_people(query, vec![containing(who)], ANYBODY),
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

/// Names are looked up among the people, of whom there are few; a document's own way to write a name counts only where it
/// is another one. `OFFSET 0` keeps the planner from looking them up once for every document.
fn push_people(query: &mut QueryBuilder<Postgres>, who: Vec<String>, roles: &'static str) {
    query.push(
        "document.seq IN (SELECT d.document_seq FROM document_person d JOIN (\
            SELECT p.seq, p.display_name, coalesce(p.email, '') ILIKE ANY(",
    );
    query.push_bind(who.clone()).push(") OR p.display_name ILIKE ANY(").push_bind(who.clone());
    query.push(
        ") AS is_meant FROM person p OFFSET 0) w ON w.seq = d.person_seq \
         WHERE (w.is_meant OR (d.name <> w.display_name AND d.name ILIKE ANY(",
    );
    query.push_bind(who).push("))) AND ").push(roles).push(")");
}

/// A NULL column compares as empty, so that NOT keeps documents without a value.
fn push_like(query: &mut QueryBuilder<Postgres>, column: &'static str, part: &str) {
    query.push("coalesce(").push(column).push(", '') ILIKE ");
    query.push_bind(containing(part));
}

fn containing(part: &str) -> String {
    format!("%{}%", escaped(part))
}

fn escaped(typed: &str) -> String {
    text(typed).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
