//! What documents say beside their text: tags, people, concepts, links, names, references. Called by `documents::commit`.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::{LinkKind, NewDocument, PersonRole, Timestamp, concept_id};
use crate::store::shared::links::{link_kind_name, message_hash};
use crate::store::shared::names::{names_of, target_name, wikilink_label};

use super::super::batch::{insert_rows, json_ids, json_numbers};
use super::super::rows::uuid;
use super::write::Writing;

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
    let mut rows: Vec<(i64, &str)> = Vec::new();
    for writing in writings {
        rows.extend(writing.document.tags.iter().map(|tag| (writing.slot.seq, tag.as_str())));
    }
    insert_rows(
        connection,
        "INSERT INTO document_tag (document_seq, tag) VALUES",
        2,
        "ON CONFLICT DO NOTHING",
        &rows,
        |statement, (document, tag)| statement.bind(*document).bind(*tag),
    )
    .await
}

struct Mentioned {
    email: Option<String>,
    name: String,
}

/// The better of two names to show: the longer one, the known one when equal. An address stands in only until a name is known.
fn better_name(known: &str, offered: &str, email: Option<&str>) -> bool {
    let is_stand_in = email == Some(known);
    let offered_is_stand_in = email == Some(offered);
    !offered.is_empty()
        && !offered_is_stand_in
        && (is_stand_in || known.is_empty() || offered.chars().count() > known.chars().count())
}

async fn write_people(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut mentioned: BTreeMap<Uuid, Mentioned> = BTreeMap::new();
    let mut roles: Vec<(i64, Uuid, PersonRole, Option<&str>)> = Vec::new();
    for writing in writings {
        let mut met: HashMap<(Uuid, PersonRole), usize> = HashMap::new();
        for mention in &writing.document.people {
            let Some(id) = mention.person_id() else { continue };
            let name = mention.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
            let email =
                mention.email.as_deref().map(|email| email.trim().to_lowercase()).filter(|email| !email.is_empty());
            let shown = name.map_or_else(|| email.clone().unwrap_or_default(), str::to_owned);
            let person =
                mentioned.entry(id.0).or_insert_with(|| Mentioned { email: email.clone(), name: shown.clone() });
            if better_name(&person.name, &shown, person.email.as_deref()) {
                person.name = shown;
            }
            match met.entry((id.0, mention.role)) {
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(roles.len());
                    roles.push((writing.slot.seq, id.0, mention.role, name));
                }
                std::collections::hash_map::Entry::Occupied(entry) => {
                    if let Some(row) = roles.get_mut(*entry.get())
                        && row.3.is_none()
                    {
                        row.3 = name;
                    }
                }
            }
        }
    }
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

/// Concepts a document contains whatever its links lead to: its labels without those that only repeat a wikilink
/// (a wikilink is a concept only while no document answers to it).
fn own_concepts(document: &NewDocument) -> impl Iterator<Item = &str> {
    let tags: HashSet<String> = document.tags.iter().map(|tag| tag.to_lowercase()).collect();
    let mut linked: HashSet<String> = HashSet::new();
    for link in document.links.iter().filter(|link| link.kind == LinkKind::Wikilink) {
        linked.insert(link.target.trim().to_lowercase());
        linked.extend(wikilink_label(&link.target).map(str::to_lowercase));
        linked.extend(target_name(link.kind, &link.target, &document.source_path));
    }
    document.concepts.iter().map(|label| label.trim()).filter(move |label| {
        let folded = label.to_lowercase();
        !folded.is_empty() && (tags.contains(&folded) || !linked.contains(&folded))
    })
}

struct LinkRow<'a> {
    document_seq: i64,
    kind: LinkKind,
    target: &'a str,
    target_name: Option<String>,
    concept: Option<Uuid>,
}

async fn write_concepts_and_links(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
) -> Result<(), sqlx::Error> {
    // In the order met, so that the spelling first seen is the one kept.
    let mut labels: Vec<(Uuid, &str)> = Vec::new();
    let mut known: HashSet<Uuid> = HashSet::new();
    let mut contains: Vec<(i64, Uuid)> = Vec::new();
    let mut links: Vec<LinkRow<'_>> = Vec::new();
    for writing in writings {
        let document = writing.document;
        for label in own_concepts(document) {
            let id = concept_id(label);
            contains.push((writing.slot.seq, id));
            if known.insert(id) {
                labels.push((id, label));
            }
        }
        for link in &document.links {
            let concept = match link.kind {
                LinkKind::Wikilink => wikilink_label(&link.target),
                LinkKind::File | LinkKind::Url => None,
            };
            if let Some(label) = concept
                && known.insert(concept_id(label))
            {
                labels.push((concept_id(label), label));
            }
            links.push(LinkRow {
                document_seq: writing.slot.seq,
                kind: link.kind,
                target: &link.target,
                target_name: target_name(link.kind, &link.target, &document.source_path),
                concept: concept.map(concept_id),
            });
        }
    }
    let numbers = intern_concepts(connection, &labels).await?;
    insert_rows(
        connection,
        "INSERT INTO document_concept (document_seq, concept_seq) VALUES",
        2,
        "ON CONFLICT DO NOTHING",
        &contains,
        |statement, (document, concept)| statement.bind(*document).bind(numbers.get(concept).copied()),
    )
    .await?;
    insert_rows(
        connection,
        "INSERT INTO document_link (document_seq, kind, target, target_name, concept_seq) VALUES",
        5,
        "ON CONFLICT DO NOTHING",
        &links,
        |statement, link| {
            statement
                .bind(link.document_seq)
                .bind(link_kind_name(link.kind))
                .bind(link.target)
                .bind(link.target_name.as_deref())
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
    let mut rows: Vec<(i64, i64)> = Vec::new();
    for writing in writings {
        let Some(message) = &writing.document.message else { continue };
        let named = message.references.iter().chain(&message.in_reply_to);
        rows.extend(named.map(|id| (message_hash(id), writing.slot.seq)));
    }
    rows.sort_unstable();
    rows.dedup();
    insert_rows(
        connection,
        "INSERT INTO document_reference (message_hash, document_seq) VALUES",
        2,
        "",
        &rows,
        |statement, (hash, document)| statement.bind(*hash).bind(*document),
    )
    .await
}

async fn write_names(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
) -> Result<HashMap<i64, Vec<String>>, sqlx::Error> {
    let names: HashMap<i64, Vec<String>> =
        writings.iter().map(|writing| (writing.slot.seq, names_of(writing.document))).collect();
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
