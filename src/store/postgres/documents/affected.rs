//! Other documents whose place in the graph changes with a commit: those whose links or answers now lead elsewhere.
//!
//! The projection of a document brings the edges that end at it, so a link or an answer that led nowhere before needs
//! no event of its own. It needs one when it led elsewhere before (to another document, or to a concept) or does so
//! now. Called by `documents::commit` and `documents::retire`.

use std::collections::{HashMap, HashSet};

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::domain::Timestamp;
use crate::domain::outbox::EventType;
use crate::store::plan::affected::{Touched, beside_none_before, changed_answers};
use crate::store::shared::links::message_hash;

use super::super::messages::first_live;
use super::super::rows::from_json;

/// Appends `document_changed` for every other live document whose edges change. Returns how many.
///
/// An event that still waits covers this change too: the relay projects the state at delivery. It must not be claimed
/// before this transaction ends, or the relay would project the state before it; hence the locks.
pub(super) async fn append_for_others(
    connection: &mut PgConnection,
    touched: &Touched,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let mut others = linking(connection, touched).await?;
    others.extend(answering(connection, touched).await?);
    if others.is_empty() {
        return Ok(0);
    }
    let others: Vec<i64> = others.into_iter().collect();
    let done = sqlx::query(
        "WITH covered AS MATERIALIZED (
            SELECT entity_id FROM outbox
            WHERE state = 'pending' AND entity_id IN (SELECT id FROM document WHERE seq = ANY($3))
            FOR UPDATE SKIP LOCKED)
         INSERT INTO outbox (event_type, entity_id, recorded_at)
         SELECT $1, id, $2 FROM document WHERE seq = ANY($3) AND id NOT IN (SELECT entity_id FROM covered) ORDER BY seq",
    )
    .bind(EventType::DocumentChanged.as_str())
    .bind(now.0)
    .bind(others)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

async fn linking(connection: &mut PgConnection, touched: &Touched) -> Result<HashSet<i64>, sqlx::Error> {
    if touched.names.is_empty() {
        return Ok(HashSet::new());
    }
    let links: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT link.document_seq, link.kind, link.target_name
         FROM document_link AS link JOIN document ON document.seq = link.document_seq
         WHERE link.target_name = ANY($1) AND document.deleted_at IS NULL",
    )
    .bind(touched.names.iter().map(String::as_str).collect::<Vec<_>>())
    .fetch_all(&mut *connection)
    .await?;
    let links: Vec<_> = links.into_iter().filter(|(seq, ..)| !touched.documents.contains(seq)).collect();
    let (concepts, plain): (Vec<_>, Vec<_>) = links.into_iter().partition(|(_, kind, _)| kind == "wikilink");
    let mut changed: HashSet<i64> = concepts.into_iter().map(|(seq, ..)| seq).collect();
    if plain.is_empty() {
        return Ok(changed);
    }
    // Names that also lead to a document that was and stays.
    let held: Vec<(String, i64)> = sqlx::query_as(
        "SELECT name.name, name.document_seq
         FROM document_name AS name JOIN document ON document.seq = name.document_seq
         WHERE name.name = ANY($1) AND document.deleted_at IS NULL",
    )
    .bind(plain.iter().map(|(.., name)| name.as_str()).collect::<HashSet<_>>().into_iter().collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let held: HashSet<String> =
        held.into_iter().filter(|(_, seq)| !touched.documents.contains(seq)).map(|(name, _)| name).collect();
    changed.extend(plain.into_iter().filter(|(.., name)| held.contains(name)).map(|(seq, ..)| seq));
    Ok(changed)
}

async fn answering(connection: &mut PgConnection, touched: &Touched) -> Result<HashSet<i64>, sqlx::Error> {
    if touched.message_ids.is_empty() {
        return Ok(HashSet::new());
    }
    let first =
        first_live(connection, touched.message_ids.iter().map(String::as_str).collect(), &touched.appeared_or_gone, 1)
            .await?;
    let message_ids = beside_none_before(touched, &first);
    if message_ids.is_empty() {
        return Ok(HashSet::new());
    }
    // In two steps: most messages are answered by none, and then the documents need not be looked at.
    let mut naming: Vec<i64> =
        sqlx::query_scalar("SELECT document_seq FROM document_reference WHERE message_hash = ANY($1)")
            .bind(message_ids.iter().map(|id| message_hash(id)).collect::<Vec<_>>())
            .fetch_all(&mut *connection)
            .await?;
    naming.retain(|seq| !touched.documents.contains(seq));
    if naming.is_empty() {
        return Ok(HashSet::new());
    }
    let rows =
        sqlx::query("SELECT seq, in_reply_to, reference_ids FROM document WHERE seq = ANY($1) AND deleted_at IS NULL")
            .bind(naming)
            .fetch_all(&mut *connection)
            .await?;
    // For each answer, the ids it names, the best last.
    let mut answers: HashMap<i64, Vec<String>> = HashMap::new();
    for row in rows {
        let mut named: Vec<String> = from_json("reference_ids", row.try_get(2)?)?;
        named.extend(row.try_get::<Option<String>, _>(1)?);
        answers.insert(row.try_get(0)?, named);
    }
    if answers.is_empty() {
        return Ok(HashSet::new());
    }
    // Two of each: one may be the answer itself.
    let named: HashSet<&str> = answers.values().flatten().map(String::as_str).collect();
    let held = first_live(connection, named.into_iter().collect(), &touched.appeared_or_gone, 2).await?;
    Ok(changed_answers(answers, &held, &message_ids))
}

/// One event for each document, in the order given.
pub(super) async fn append_events(
    connection: &mut PgConnection,
    events: &[(EventType, Uuid)],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO outbox (event_type, entity_id, recorded_at)
         SELECT event_type, entity_id, $3 FROM unnest($1::TEXT[], $2::UUID[]) WITH ORDINALITY
            AS event (event_type, entity_id, place) ORDER BY place",
    )
    .bind(events.iter().map(|(event_type, _)| event_type.as_str()).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .bind(now.0)
    .execute(connection)
    .await
    .map(drop)
}
