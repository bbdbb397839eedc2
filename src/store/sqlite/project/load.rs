//! Reads documents and their surroundings, a fixed number of statements however many there are.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use crate::domain::graph::Node;
use crate::domain::{DocumentId, PersonId, PersonRole, SourceType, Timestamp};
use crate::store::shared::links::{message_hash, parse_link_kind};
use crate::store::shared::world::{Document, OutLink, World};

use super::super::batch::{json_ids, json_numbers, json_texts};
use super::super::messages::first_live;
use super::super::rows::{document_id, from_json, moment, named, uuid};

const DOCUMENT: &str = "SELECT seq, id, title, source_path, source_type, dated_at, ingested_at, deleted_at, in_reply_to, \
                        reference_ids, message_id FROM document";
const LINK: &str = "SELECT document_seq, kind, target, target_name, concept_seq FROM document_link";
const PERSON: &str = "SELECT seq, id, email, display_name, pii FROM person";
const CONCEPT: &str = "SELECT seq, id, label FROM concept";

/// Loads documents by id with all that their projections take.
pub(super) async fn around(connection: &mut SqliteConnection, ids: &[DocumentId]) -> Result<World, sqlx::Error> {
    let mut world = World::default();
    let own = documents(
        connection,
        &mut world,
        "WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
        json_ids(ids.iter().map(|id| id.0)),
    )
    .await?;
    let own_json = json_numbers(own.iter().map(|(seq, _)| *seq));
    // Answers lead to the first mail of a Message-ID: nothing points at the others.
    let messages: BTreeSet<&str> = own.iter().filter_map(|(_, message)| message.as_deref()).collect();
    let first = first_live(connection, messages, &HashSet::new(), 1).await?;
    let own_seqs: HashSet<i64> = own.iter().map(|(seq, _)| *seq).collect();
    let own_by_message: HashMap<&str, i64> =
        first.iter().filter(|(_, seq)| own_seqs.contains(seq)).map(|(message, seq)| (message.as_str(), *seq)).collect();

    let in_own = "WHERE document_seq IN (SELECT value FROM json_each(?1))";
    people(connection, &mut world, in_own, &own_json).await?;
    let sql = format!("SELECT document_seq, concept_seq FROM document_concept {in_own}");
    contains(connection, &mut world, sql, &own_json).await?;
    links(connection, &mut world, &format!("{in_own} AND target_name IS NOT NULL"), &own_json).await?;
    pointing_links(connection, &mut world, &own_json).await?;
    let answering = pointing_answers(connection, &own_by_message).await?;

    // Documents that point here, then all that those and the own ones may point at.
    let mut missing: BTreeSet<i64> = world.links.keys().copied().collect();
    missing.extend(answering.iter().copied());
    missing.retain(|seq| !world.documents.contains_key(seq));
    let by_seq = "WHERE seq IN (SELECT value FROM json_each(?1))";
    documents(connection, &mut world, by_seq, json_numbers(missing)).await?;
    for answer in &answering {
        let named = world.documents.get(answer).map(|answer| answer.answers.clone()).unwrap_or_default();
        for own in named.iter().filter_map(|message| own_by_message.get(message.as_str())) {
            world.pointing.entry(*own).or_default().insert(*answer);
        }
    }
    candidates(connection, &mut world).await?;
    concepts_and_persons(connection, &mut world).await?;
    Ok(world)
}

/// Loads the whole store.
pub(super) async fn everything(connection: &mut SqliteConnection) -> Result<World, sqlx::Error> {
    let mut world = World::default();
    documents(connection, &mut world, "", String::new()).await?;
    people(connection, &mut world, "", "").await?;
    contains(connection, &mut world, "SELECT document_seq, concept_seq FROM document_concept".to_owned(), "").await?;
    links(connection, &mut world, "WHERE target_name IS NOT NULL", "").await?;
    let names: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, document_seq FROM document_name").fetch_all(&mut *connection).await?;
    name_live(&mut world, names);
    persons(connection, &mut world, "", "").await?;
    concepts(connection, &mut world, "", "").await?;
    Ok(world)
}

/// Adds documents to the world; returns their row numbers and Message-IDs.
async fn documents(
    connection: &mut SqliteConnection,
    world: &mut World,
    filter: &'static str,
    argument: String,
) -> Result<Vec<(i64, Option<String>)>, sqlx::Error> {
    let rows = sqlx::query(AssertSqlSafe(format!("{DOCUMENT} {filter}"))).bind(argument).fetch_all(connection).await?;
    let mut added = Vec::with_capacity(rows.len());
    for row in rows {
        let (document, message_id) = document(&row)?;
        added.push((document.seq, message_id.clone()));
        world.by_id.insert(document.id, document.seq);
        if let Some(message_id) = message_id.filter(|_| document.live) {
            world.hold_message(message_id, document.seq);
        }
        world.documents.insert(document.seq, document);
    }
    Ok(added)
}

fn document(row: &SqliteRow) -> Result<(Document, Option<String>), sqlx::Error> {
    let references: &str = row.try_get(9)?;
    let mut answers: Vec<String> =
        if references == "[]" { Vec::new() } else { from_json("reference_ids", references)? };
    answers.extend(row.try_get::<Option<String>, _>(8)?);
    let document = Document {
        seq: row.try_get(0)?,
        id: document_id(row.try_get(1)?)?,
        title: row.try_get(2)?,
        source_path: row.try_get(3)?,
        source_type: named("source type", row.try_get(4)?, SourceType::parse)?,
        dated_at: moment(row.try_get(5)?),
        ingested_at: Timestamp(row.try_get(6)?),
        live: row.try_get::<Option<i64>, _>(7)?.is_none(),
        answers,
    };
    Ok((document, row.try_get(10)?))
}

async fn people(
    connection: &mut SqliteConnection,
    world: &mut World,
    filter: &str,
    argument: &str,
) -> Result<(), sqlx::Error> {
    // As one row: there are several for each document, and between SQLite's thread and ours a row costs more than it holds.
    let sql =
        format!("SELECT json_group_array(json_array(document_seq, role, person_seq)) FROM document_person {filter}");
    let json: String = sqlx::query_scalar(AssertSqlSafe(sql)).bind(argument).fetch_one(connection).await?;
    let rows: Vec<(i64, String, i64)> = from_json("people", &json)?;
    for (document, role, person) in rows {
        let role = named("role", &role, PersonRole::parse)?;
        world.people.entry(document).or_default().push((role, person));
    }
    Ok(())
}

async fn contains(
    connection: &mut SqliteConnection,
    world: &mut World,
    sql: String,
    argument: &str,
) -> Result<(), sqlx::Error> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(sql)).bind(argument).fetch_all(connection).await?;
    for (document, concept) in rows {
        world.contains.entry(document).or_default().push(concept);
    }
    Ok(())
}

fn add_link(world: &mut World, row: &SqliteRow) -> Result<(i64, String), sqlx::Error> {
    let document: i64 = row.try_get(0)?;
    let target_name: String = row.try_get(3)?;
    world.links.entry(document).or_default().push(OutLink {
        kind: named("link kind", row.try_get(1)?, parse_link_kind)?,
        target: row.try_get(2)?,
        target_name: target_name.clone(),
        concept: row.try_get(4)?,
    });
    Ok((document, target_name))
}

async fn links(
    connection: &mut SqliteConnection,
    world: &mut World,
    filter: &str,
    argument: &str,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query(AssertSqlSafe(format!("{LINK} {filter}"))).bind(argument).fetch_all(connection).await?;
    for row in rows {
        add_link(world, &row)?;
    }
    Ok(())
}

/// Links of other documents that look for a name of the own ones.
async fn pointing_links(
    connection: &mut SqliteConnection,
    world: &mut World,
    own_json: &str,
) -> Result<(), sqlx::Error> {
    let names: Vec<(String, i64)> = sqlx::query_as(
        "SELECT name, document_seq FROM document_name WHERE document_seq IN (SELECT value FROM json_each(?1))",
    )
    .bind(own_json)
    .fetch_all(&mut *connection)
    .await?;
    let mut bearers: HashMap<String, Vec<i64>> = HashMap::new();
    for (name, document) in names {
        bearers.entry(name).or_default().push(document);
    }
    let rows = sqlx::query(
        "SELECT link.document_seq, link.kind, link.target, link.target_name, link.concept_seq
         FROM json_each(?1) AS name CROSS JOIN document_link AS link ON link.target_name = CAST(unhex(name.value) AS TEXT)",
    )
    .bind(json_texts(bearers.keys().map(String::as_str)))
    .fetch_all(connection)
    .await?;
    for row in rows {
        let from: i64 = row.try_get(0)?;
        let (from, target_name) = if world.documents.contains_key(&from) {
            (from, row.try_get(3)?) // loaded with all its links already
        } else {
            add_link(world, &row)?
        };
        for bearer in bearers.get(&target_name).into_iter().flatten() {
            world.pointing.entry(*bearer).or_default().insert(from);
        }
    }
    Ok(())
}

/// Documents that name a Message-ID of the own ones.
async fn pointing_answers(
    connection: &mut SqliteConnection,
    own_by_message: &HashMap<&str, i64>,
) -> Result<Vec<i64>, sqlx::Error> {
    if own_by_message.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(
        "SELECT DISTINCT document_seq FROM document_reference WHERE message_hash IN (SELECT value FROM json_each(?1))",
    )
    .bind(json_numbers(own_by_message.keys().map(|message| message_hash(message))))
    .fetch_all(connection)
    .await
}

/// Live documents that bear a name some loaded link looks for, or a Message-ID some loaded document answers.
async fn candidates(connection: &mut SqliteConnection, world: &mut World) -> Result<(), sqlx::Error> {
    let wanted: BTreeSet<&str> = world.links.values().flatten().map(|link| link.target_name.as_str()).collect();
    let names: Vec<(String, i64)> = if wanted.is_empty() {
        Vec::new()
    } else {
        sqlx::query_as(
            "SELECT name.name, name.document_seq FROM json_each(?1) AS wanted
             CROSS JOIN document_name AS name ON name.name = CAST(unhex(wanted.value) AS TEXT)",
        )
        .bind(json_texts(wanted))
        .fetch_all(&mut *connection)
        .await?
    };
    let missing: BTreeSet<i64> =
        names.iter().map(|(_, seq)| *seq).filter(|seq| !world.documents.contains_key(seq)).collect();
    if !missing.is_empty() {
        let by_seq = "WHERE seq IN (SELECT value FROM json_each(?1))";
        documents(connection, world, by_seq, json_numbers(missing)).await?;
    }
    name_live(world, names);
    let messages: BTreeSet<&str> =
        world.documents.values().flat_map(|document| &document.answers).map(String::as_str).collect();
    let first = first_live(connection, messages, &HashSet::new(), 1).await?;
    let missing: BTreeSet<i64> =
        first.into_iter().map(|(_, seq)| seq).filter(|seq| !world.documents.contains_key(seq)).collect();
    if !missing.is_empty() {
        let by_seq = "WHERE seq IN (SELECT value FROM json_each(?1))";
        documents(connection, world, by_seq, json_numbers(missing)).await?;
    }
    Ok(())
}

fn name_live(world: &mut World, names: Vec<(String, i64)>) {
    for (name, document) in names {
        if world.documents.get(&document).is_some_and(|document| document.live) {
            world.by_name.entry(name).or_default().push(document);
        }
    }
}

async fn concepts_and_persons(connection: &mut SqliteConnection, world: &mut World) -> Result<(), sqlx::Error> {
    let by_seq = "WHERE seq IN (SELECT value FROM json_each(?1))";
    let wanted: BTreeSet<i64> = world.people.values().flatten().map(|(_, person)| *person).collect();
    if !wanted.is_empty() {
        persons(connection, world, by_seq, &json_numbers(wanted)).await?;
    }
    let links = world.links.values().flatten().filter_map(|link| link.concept);
    let wanted: BTreeSet<i64> = world.contains.values().flatten().copied().chain(links).collect();
    if !wanted.is_empty() {
        concepts(connection, world, by_seq, &json_numbers(wanted)).await?;
    }
    Ok(())
}

async fn persons(
    connection: &mut SqliteConnection,
    world: &mut World,
    filter: &str,
    argument: &str,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query(AssertSqlSafe(format!("{PERSON} {filter}"))).bind(argument).fetch_all(connection).await?;
    for row in rows {
        let person = Node::Person {
            id: PersonId(uuid(row.try_get(1)?)?),
            email: row.try_get(2)?,
            display_name: row.try_get(3)?,
            pii: row.try_get::<i64, _>(4)? != 0,
        };
        world.persons.insert(row.try_get(0)?, person);
    }
    Ok(())
}

async fn concepts(
    connection: &mut SqliteConnection,
    world: &mut World,
    filter: &str,
    argument: &str,
) -> Result<(), sqlx::Error> {
    let rows: Vec<(i64, Vec<u8>, String)> =
        sqlx::query_as(AssertSqlSafe(format!("{CONCEPT} {filter}"))).bind(argument).fetch_all(connection).await?;
    for (seq, id, label) in rows {
        world.concepts.insert(seq, Node::Concept { id: uuid(&id)?, label });
    }
    Ok(())
}
