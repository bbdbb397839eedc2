//! What documents say beside their text: tags, people, concepts, links, names, references. Called by `documents::commit`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::Timestamp;
use crate::store::plan::commit::Writing;
use crate::store::plan::facts::{Mentioned, better_name, concepts_and_links, people, references};
use crate::store::shared::links::link_kind_name;
use crate::store::shared::names::names_of;
use crate::store::shared::text::key_text;

use super::super::batch::{insert_rows, json_ids, json_numbers};
use super::super::rows::uuid;

/// Removes what replaced documents said before.
pub(super) async fn clear(connection: &mut SqliteConnection, replaced: &[i64]) -> Result<(), sqlx::Error> {
    if replaced.is_empty() {
        return Ok(());
    }
    let json = json_numbers(replaced.iter().copied());
    for sql in [
        "DELETE FROM document_tag WHERE document_seq IN (SELECT value FROM json_each(?1))",
        "DELETE FROM document_person WHERE document_seq IN (SELECT value FROM json_each(?1))",
        "DELETE FROM document_concept WHERE document_seq IN (SELECT value FROM json_each(?1))",
        "DELETE FROM document_link WHERE document_seq IN (SELECT value FROM json_each(?1))",
        "DELETE FROM document_name WHERE document_seq IN (SELECT value FROM json_each(?1))",
        "DELETE FROM document_reference WHERE document_seq IN (SELECT value FROM json_each(?1))",
    ] {
        sqlx::query(sql).bind(json.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Writes what documents say. Returns the names each can be linked by.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
    now: Timestamp,
) -> Result<HashMap<i64, Vec<String>>, sqlx::Error> {
    write_tags(connection, writings).await?;
    write_people(connection, writings, now).await?;
    write_concepts_and_links(connection, writings).await?;
    write_references(connection, writings).await?;
    write_names(connection, writings).await
}

async fn write_tags(connection: &mut SqliteConnection, writings: &[Writing<'_>]) -> Result<(), sqlx::Error> {
    let mut rows: Vec<(i64, Cow<'_, str>)> = Vec::new();
    for writing in writings {
        rows.extend(writing.document.tags.iter().map(|tag| (writing.slot.seq, key_text(tag))));
    }
    insert_rows(
        connection,
        "INSERT INTO document_tag (document_seq, tag) VALUES",
        2,
        "ON CONFLICT DO NOTHING",
        &rows,
        |statement, (document, tag)| statement.bind(*document).bind(tag.as_ref()),
    )
    .await
}

async fn write_people(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let (mentioned, roles) = people(writings);
    if mentioned.is_empty() {
        return Ok(());
    }
    let numbers = upsert_persons(connection, &mentioned, now).await?;
    insert_rows(
        connection,
        "INSERT INTO document_person (document_seq, person_seq, role, name) VALUES",
        4,
        "",
        &roles,
        |statement, (document, person, role, name)| {
            statement.bind(*document).bind(numbers.get(person).copied()).bind(role.as_str()).bind(*name)
        },
    )
    .await
}

async fn upsert_persons(
    connection: &mut SqliteConnection,
    mentioned: &BTreeMap<Uuid, Mentioned>,
    now: Timestamp,
) -> Result<HashMap<Uuid, i64>, sqlx::Error> {
    let rows: Vec<(Vec<u8>, i64, String)> =
        sqlx::query_as("SELECT id, seq, display_name FROM person WHERE id IN (SELECT unhex(value) FROM json_each(?1))")
            .bind(json_ids(mentioned.keys().copied()))
            .fetch_all(&mut *connection)
            .await?;
    let mut numbers = HashMap::new();
    let mut renamed: Vec<(i64, &str)> = Vec::new();
    for (id, seq, shown) in rows {
        let id = uuid(&id)?;
        numbers.insert(id, seq);
        if let Some(person) = mentioned.get(&id)
            && better_name(&shown, &person.name, person.email.as_deref())
        {
            renamed.push((seq, person.name.as_str()));
        }
    }
    insert_rows(
        connection,
        "WITH new (seq, display_name) AS (VALUES",
        2,
        ") UPDATE person SET display_name = new.display_name FROM new WHERE person.seq = new.seq",
        &renamed,
        |statement, (seq, name)| statement.bind(*seq).bind(*name),
    )
    .await?;
    let mut next = super::load::last_seq(connection, "person").await?;
    let mut new = Vec::new();
    for (id, person) in mentioned {
        if !numbers.contains_key(id) {
            next += 1;
            numbers.insert(*id, next);
            new.push((next, *id, person));
        }
    }
    insert_rows(
        connection,
        "INSERT INTO person (seq, id, email, display_name, first_seen_at) VALUES",
        5,
        "",
        &new,
        |statement, (seq, id, person)| {
            statement
                .bind(*seq)
                .bind(id.as_bytes().as_slice())
                .bind(person.email.as_deref())
                .bind(person.name.as_str())
                .bind(now.0)
        },
    )
    .await?;
    Ok(numbers)
}

async fn write_concepts_and_links(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
) -> Result<(), sqlx::Error> {
    let said = concepts_and_links(writings);
    let numbers = intern_concepts(connection, &said.labels).await?;
    insert_rows(
        connection,
        "INSERT INTO document_concept (document_seq, concept_seq) VALUES",
        2,
        "ON CONFLICT DO NOTHING",
        &said.contains,
        |statement, (document, concept)| statement.bind(*document).bind(numbers.get(concept).copied()),
    )
    .await?;
    insert_rows(
        connection,
        "INSERT INTO document_link (document_seq, kind, target, target_name, concept_seq) VALUES",
        5,
        "ON CONFLICT DO NOTHING",
        &said.links,
        |statement, link| {
            statement
                .bind(link.document_seq)
                .bind(link_kind_name(link.kind))
                .bind(link.target)
                .bind(link.target_name.as_deref().map(key_text).as_deref())
                .bind(link.concept.and_then(|id| numbers.get(&id).copied()))
        },
    )
    .await
}

async fn intern_concepts(
    connection: &mut SqliteConnection,
    labels: &[(Uuid, &str)],
) -> Result<HashMap<Uuid, i64>, sqlx::Error> {
    if labels.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Vec<u8>, i64)> =
        sqlx::query_as("SELECT id, seq FROM concept WHERE id IN (SELECT unhex(value) FROM json_each(?1))")
            .bind(json_ids(labels.iter().map(|(id, _)| *id)))
            .fetch_all(&mut *connection)
            .await?;
    let mut numbers = HashMap::new();
    for (id, seq) in rows {
        numbers.insert(uuid(&id)?, seq);
    }
    let mut next: i64 =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM concept").fetch_one(&mut *connection).await?;
    let mut new = Vec::new();
    for (id, label) in labels {
        if !numbers.contains_key(id) {
            next += 1;
            numbers.insert(*id, next);
            new.push((next, *id, *label));
        }
    }
    insert_rows(
        connection,
        "INSERT INTO concept (seq, id, label) VALUES",
        3,
        "",
        &new,
        |statement, (seq, id, label)| statement.bind(*seq).bind(id.as_bytes().as_slice()).bind(*label),
    )
    .await?;
    Ok(numbers)
}

async fn write_references(connection: &mut SqliteConnection, writings: &[Writing<'_>]) -> Result<(), sqlx::Error> {
    insert_rows(
        connection,
        "INSERT INTO document_reference (message_hash, document_seq) VALUES",
        2,
        "",
        &references(writings),
        |statement, (hash, document)| statement.bind(*hash).bind(*document),
    )
    .await
}

/// Names are kept as [`key_text`]: what looks for one goes through it too.
async fn write_names(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
) -> Result<HashMap<i64, Vec<String>>, sqlx::Error> {
    let held =
        |writing: &Writing<'_>| names_of(writing.document).iter().map(|name| key_text(name).into_owned()).collect();
    let names: HashMap<i64, Vec<String>> = writings.iter().map(|writing| (writing.slot.seq, held(writing))).collect();
    let mut rows: Vec<(&str, i64)> = Vec::new();
    for (document, names) in &names {
        rows.extend(names.iter().map(|name| (name.as_str(), *document)));
    }
    rows.sort_unstable();
    insert_rows(
        connection,
        "INSERT INTO document_name (name, document_seq) VALUES",
        2,
        "",
        &rows,
        |statement, (name, document)| statement.bind(*name).bind(*document),
    )
    .await?;
    Ok(names)
}
