//! Other documents whose place in the graph changes with a commit: those whose links or answers now lead elsewhere.
//!
//! The projection of a document brings the edges that end at it, so a link or an answer that led nowhere before needs
//! no event of its own. It needs one when it led elsewhere before (to another document, or to a concept) or does so
//! now. An event that still waits covers this change too: the relay projects the state at delivery. Called by
//! `documents::commit` and `documents::retire`.

use std::collections::{HashMap, HashSet};

use sqlx::{Row as _, SqliteConnection};

use crate::domain::Timestamp;
use crate::domain::outbox::EventType;
use crate::store::plan::affected::{Touched, beside_none_before, changed_answers};
use crate::store::shared::links::message_hash;

use super::super::batch::{insert_rows, json_numbers, json_texts};
use super::super::messages::first_live;
use super::super::rows::from_json;
use super::super::totals;

/// Appends `document_changed` for every other live document whose edges change. Returns how many.
pub(super) async fn append_for_others(
    connection: &mut SqliteConnection,
    touched: &Touched,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let mut others = linking(connection, touched).await?;
    others.extend(answering(connection, touched).await?);
    if others.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query(
        "INSERT INTO outbox (event_type, entity_id, recorded_at)
         SELECT ?1, document.id, ?2 FROM document WHERE seq IN (SELECT value FROM json_each(?3))
            AND NOT EXISTS (SELECT 1 FROM outbox WHERE entity_id = document.id AND state = 'pending')
         ORDER BY seq",
    )
    .bind(EventType::DocumentChanged.as_str())
    .bind(now.0)
    .bind(json_numbers(others))
    .execute(&mut *connection)
    .await?;
    let changed = std::iter::repeat_n(EventType::DocumentChanged, usize::try_from(done.rows_affected()).unwrap_or(0));
    totals::count_events(connection, changed).await?;
    Ok(done.rows_affected())
}

async fn linking(connection: &mut SqliteConnection, touched: &Touched) -> Result<HashSet<i64>, sqlx::Error> {
    if touched.names.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT link.document_seq
         FROM json_each(?1) AS touched
         CROSS JOIN document_link AS link ON link.target_name = CAST(unhex(touched.value) AS TEXT)
         CROSS JOIN document ON document.seq = link.document_seq
         WHERE document.deleted_at IS NULL
           AND link.document_seq NOT IN (SELECT value FROM json_each(?2))
           AND (link.kind = 'wikilink' OR EXISTS (
                SELECT 1 FROM document_name AS name CROSS JOIN document AS other ON other.seq = name.document_seq
                WHERE name.name = link.target_name AND other.deleted_at IS NULL
                  AND name.document_seq NOT IN (SELECT value FROM json_each(?2))))",
    )
    .bind(json_texts(touched.names.iter().map(String::as_str)))
    .bind(json_numbers(touched.documents.iter().copied()))
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().collect())
}

async fn answering(connection: &mut SqliteConnection, touched: &Touched) -> Result<HashSet<i64>, sqlx::Error> {
    if touched.message_ids.is_empty() {
        return Ok(HashSet::new());
    }
    let first =
        first_live(connection, touched.message_ids.iter().map(String::as_str), &touched.appeared_or_gone, 1).await?;
    let message_ids = beside_none_before(touched, &first);
    if message_ids.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = sqlx::query(
        "SELECT seq, in_reply_to, reference_ids FROM document
         WHERE seq IN (SELECT document_seq FROM document_reference
                       WHERE message_hash IN (SELECT value FROM json_each(?1)))
           AND deleted_at IS NULL AND seq NOT IN (SELECT value FROM json_each(?2))",
    )
    .bind(json_numbers(message_ids.iter().map(|id| message_hash(id))))
    .bind(json_numbers(touched.documents.iter().copied()))
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
    let held = first_live(connection, named, &touched.appeared_or_gone, 2).await?;
    Ok(changed_answers(answers, &held, &message_ids))
}

/// One event for each document, in the order given.
pub(super) async fn append_events(
    connection: &mut SqliteConnection,
    events: &[(EventType, uuid::Uuid)],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    insert_rows(
        connection,
        "INSERT INTO outbox (event_type, entity_id, recorded_at) VALUES",
        3,
        "",
        events,
        |statement, (event_type, id)| statement.bind(event_type.as_str()).bind(id.as_bytes().as_slice()).bind(now.0),
    )
    .await?;
    totals::count_events(connection, events.iter().map(|(event_type, _)| *event_type)).await
}
