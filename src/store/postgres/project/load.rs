//! Reads documents and their surroundings, a fixed number of statements however many there are.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _};

use crate::domain::graph::Node;
use crate::domain::{DocumentId, PersonId, PersonRole, SourceType, Timestamp};
use crate::store::shared::links::{message_hash, parse_link_kind};
use crate::store::shared::world::{Document, OutLink, World};

use super::super::messages::first_live;
use super::super::rows::{from_json, moment, named, text};

const DOCUMENT: &str = "SELECT seq, id, title, source_path, source_type, dated_at, ingested_at, deleted_at, in_reply_to, \
                        reference_ids, message_id FROM document";
const LINK: &str = "SELECT document_seq, kind, target, target_name, concept_seq FROM document_link";
const CONTAINS: &str = "SELECT document_seq, concept_seq FROM document_concept";
const PEOPLE: &str = "SELECT document_seq, role, person_seq FROM document_person";
const PERSON: &str = "SELECT seq, id, email, display_name, pii FROM person";
const CONCEPT: &str = "SELECT seq, id, label FROM concept";

/// A statement being bound.
type Statement = sqlx::query::Query<'static, Postgres, PgArguments>;

/// `{select}` of everything.
fn all(select: &str) -> Statement {
    sqlx::query(AssertSqlSafe(select.to_owned()))
}

/// `{select}` of the rows whose `column` is one of `numbers`.
fn of(select: &str, column: &str, numbers: &[i64]) -> Statement {
    sqlx::query(AssertSqlSafe(format!("{select} WHERE {column} = ANY($1)"))).bind(numbers.to_vec())
}

/// Loads documents by id with all that their projections take.
pub(super) async fn around(connection: &mut PgConnection, ids: &[DocumentId]) -> Result<World, sqlx::Error> {
    let mut world = World::default();
    let by_id = sqlx::query(AssertSqlSafe(format!("{DOCUMENT} WHERE id = ANY($1)")))
        .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>());
    let own = documents(connection, &mut world, by_id).await?;
    let own_numbers: Vec<i64> = own.iter().map(|(seq, _)| *seq).collect();
    // Answers lead to the first mail of a Message-ID: nothing points at the others.
    let messages: BTreeSet<&str> = own.iter().filter_map(|(_, message)| message.as_deref()).collect();
    let first = first_live(connection, messages.into_iter().collect(), &HashSet::new(), 1).await?;
    let own_seqs: HashSet<i64> = own.iter().map(|(seq, _)| *seq).collect();
    let own_by_message: HashMap<&str, i64> =
        first.iter().filter(|(_, seq)| own_seqs.contains(seq)).map(|(message, seq)| (message.as_str(), *seq)).collect();

    people(connection, &mut world, of(PEOPLE, "document_seq", &own_numbers)).await?;
    contains(connection, &mut world, of(CONTAINS, "document_seq", &own_numbers)).await?;
    links(connection, &mut world, of(LINK, "target_name IS NOT NULL AND document_seq", &own_numbers)).await?;
    pointing_links(connection, &mut world, &own_numbers).await?;
    let answering = pointing_answers(connection, &own_by_message).await?;

    // Documents that point here, then all that those and the own ones may point at.
    let mut missing: BTreeSet<i64> = world.links.keys().copied().collect();
    missing.extend(answering.iter().copied());
    missing.retain(|seq| !world.documents.contains_key(seq));
    by_number(connection, &mut world, missing).await?;
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
pub(super) async fn everything(connection: &mut PgConnection) -> Result<World, sqlx::Error> {
    let mut world = World::default();
    documents(connection, &mut world, all(DOCUMENT)).await?;
    people(connection, &mut world, all(PEOPLE)).await?;
    contains(connection, &mut world, all(CONTAINS)).await?;
    links(connection, &mut world, all(&format!("{LINK} WHERE target_name IS NOT NULL"))).await?;
    let names: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, document_seq FROM document_name").fetch_all(&mut *connection).await?;
    name_live(&mut world, names);
    persons(connection, &mut world, all(PERSON)).await?;
    concepts(connection, &mut world, all(CONCEPT)).await?;
    Ok(world)
}

/// Adds documents to the world; returns their row numbers and Message-IDs.
async fn documents(
    connection: &mut PgConnection,
    world: &mut World,
    statement: Statement,
) -> Result<Vec<(i64, Option<String>)>, sqlx::Error> {
    let rows = statement.fetch_all(connection).await?;
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

/// Adds documents by row number.
async fn by_number(
    connection: &mut PgConnection,
    world: &mut World,
    numbers: BTreeSet<i64>,
) -> Result<(), sqlx::Error> {
    if numbers.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = numbers.into_iter().collect();
    documents(connection, world, of(DOCUMENT, "seq", &numbers)).await.map(drop)
}

fn document(row: &PgRow) -> Result<(Document, Option<String>), sqlx::Error> {
    let references: &str = row.try_get(9)?;
    let references: Vec<String> = if references == "[]" { Vec::new() } else { from_json("reference_ids", references)? };
    // JSON keeps what a text column cannot hold; here both are compared.
    let mut answers: Vec<String> = references.iter().map(|id| text(id).into_owned()).collect();
    answers.extend(row.try_get::<Option<String>, _>(8)?);
    let document = Document {
        seq: row.try_get(0)?,
        id: DocumentId(row.try_get(1)?),
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

async fn people(connection: &mut PgConnection, world: &mut World, statement: Statement) -> Result<(), sqlx::Error> {
    for row in statement.fetch_all(connection).await? {
        let role = named("role", row.try_get(1)?, PersonRole::parse)?;
        world.people.entry(row.try_get(0)?).or_default().push((role, row.try_get(2)?));
    }
    Ok(())
}

async fn contains(connection: &mut PgConnection, world: &mut World, statement: Statement) -> Result<(), sqlx::Error> {
    for row in statement.fetch_all(connection).await? {
        world.contains.entry(row.try_get(0)?).or_default().push(row.try_get(1)?);
    }
    Ok(())
}

fn add_link(world: &mut World, row: &PgRow) -> Result<(i64, String), sqlx::Error> {
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

async fn links(connection: &mut PgConnection, world: &mut World, statement: Statement) -> Result<(), sqlx::Error> {
    for row in statement.fetch_all(connection).await? {
        add_link(world, &row)?;
    }
    Ok(())
}

/// Links of other documents that look for a name of the own ones.
async fn pointing_links(connection: &mut PgConnection, world: &mut World, own: &[i64]) -> Result<(), sqlx::Error> {
    let names: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, document_seq FROM document_name WHERE document_seq = ANY($1)")
            .bind(own)
            .fetch_all(&mut *connection)
            .await?;
    let mut bearers: HashMap<String, Vec<i64>> = HashMap::new();
    for (name, document) in names {
        bearers.entry(name).or_default().push(document);
    }
    let rows = sqlx::query(AssertSqlSafe(format!("{LINK} WHERE target_name = ANY($1)")))
        .bind(bearers.keys().map(String::as_str).collect::<Vec<_>>())
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
    connection: &mut PgConnection,
    own_by_message: &HashMap<&str, i64>,
) -> Result<Vec<i64>, sqlx::Error> {
    if own_by_message.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("SELECT DISTINCT document_seq FROM document_reference WHERE message_hash = ANY($1)")
        .bind(own_by_message.keys().map(|message| message_hash(message)).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
}

/// Live documents that bear a name some loaded link looks for, or a Message-ID some loaded document answers.
async fn candidates(connection: &mut PgConnection, world: &mut World) -> Result<(), sqlx::Error> {
    let wanted: BTreeSet<&str> = world.links.values().flatten().map(|link| link.target_name.as_str()).collect();
    let names: Vec<(String, i64)> = if wanted.is_empty() {
        Vec::new()
    } else {
        sqlx::query_as("SELECT name, document_seq FROM document_name WHERE name = ANY($1)")
            .bind(wanted.into_iter().collect::<Vec<_>>())
            .fetch_all(&mut *connection)
            .await?
    };
    let missing: BTreeSet<i64> =
        names.iter().map(|(_, seq)| *seq).filter(|seq| !world.documents.contains_key(seq)).collect();
    by_number(connection, world, missing).await?;
    name_live(world, names);
    let messages: BTreeSet<&str> =
        world.documents.values().flat_map(|document| &document.answers).map(String::as_str).collect();
    let first = first_live(connection, messages.into_iter().collect(), &HashSet::new(), 1).await?;
    let missing: BTreeSet<i64> =
        first.into_iter().map(|(_, seq)| seq).filter(|seq| !world.documents.contains_key(seq)).collect();
    by_number(connection, world, missing).await?;
    Ok(())
}

fn name_live(world: &mut World, names: Vec<(String, i64)>) {
    for (name, document) in names {
        if world.documents.get(&document).is_some_and(|document| document.live) {
            world.by_name.entry(name).or_default().push(document);
        }
    }
}

async fn concepts_and_persons(connection: &mut PgConnection, world: &mut World) -> Result<(), sqlx::Error> {
    let wanted: BTreeSet<i64> = world.people.values().flatten().map(|(_, person)| *person).collect();
    if !wanted.is_empty() {
        let wanted: Vec<i64> = wanted.into_iter().collect();
        persons(connection, world, of(PERSON, "seq", &wanted)).await?;
    }
    let links = world.links.values().flatten().filter_map(|link| link.concept);
    let wanted: BTreeSet<i64> = world.contains.values().flatten().copied().chain(links).collect();
    if !wanted.is_empty() {
        let wanted: Vec<i64> = wanted.into_iter().collect();
        concepts(connection, world, of(CONCEPT, "seq", &wanted)).await?;
    }
    Ok(())
}

async fn persons(connection: &mut PgConnection, world: &mut World, statement: Statement) -> Result<(), sqlx::Error> {
    for row in statement.fetch_all(connection).await? {
        let person = Node::Person {
            id: PersonId(row.try_get(1)?),
            email: row.try_get(2)?,
            display_name: row.try_get(3)?,
            pii: row.try_get(4)?,
        };
        world.persons.insert(row.try_get(0)?, person);
    }
    Ok(())
}

async fn concepts(connection: &mut PgConnection, world: &mut World, statement: Statement) -> Result<(), sqlx::Error> {
    for row in statement.fetch_all(connection).await? {
        world.concepts.insert(row.try_get(0)?, Node::Concept { id: row.try_get(1)?, label: row.try_get(2)? });
    }
    Ok(())
}
