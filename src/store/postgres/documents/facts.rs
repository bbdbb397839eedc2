//! What documents say beside their text: tags, people, concepts, links, names, references. Called by `documents::commit`.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::Timestamp;
use crate::store::plan::commit::Writing;
use crate::store::plan::facts::{Mentioned, better_name, concepts_and_links, people, references};
use crate::store::shared::links::link_kind_name;
use crate::store::shared::names::names_of;

use super::super::rows::key_text;

/// Removes what replaced documents said before.
pub(super) async fn clear(connection: &mut PgConnection, replaced: &[i64]) -> Result<(), sqlx::Error> {
    if replaced.is_empty() {
        return Ok(());
    }
    for sql in [
        "DELETE FROM document_tag WHERE document_seq = ANY($1)",
        "DELETE FROM document_person WHERE document_seq = ANY($1)",
        "DELETE FROM document_concept WHERE document_seq = ANY($1)",
        "DELETE FROM document_link WHERE document_seq = ANY($1)",
        "DELETE FROM document_name WHERE document_seq = ANY($1)",
        "DELETE FROM document_reference WHERE document_seq = ANY($1)",
    ] {
        sqlx::query(sql).bind(replaced).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Writes what documents say. Returns the names each can be linked by.
pub(super) async fn write(
    connection: &mut PgConnection,
    writings: &[Writing<'_>],
    now: Timestamp,
) -> Result<HashMap<i64, Vec<String>>, sqlx::Error> {
    write_tags(connection, writings).await?;
    write_people(connection, writings, now).await?;
    write_concepts_and_links(connection, writings).await?;
    write_references(connection, writings).await?;
    write_names(connection, writings).await
}

async fn write_tags(connection: &mut PgConnection, writings: &[Writing<'_>]) -> Result<(), sqlx::Error> {
    let mut documents = Vec::new();
    let mut tags = Vec::new();
    for writing in writings {
        for tag in &writing.document.tags {
            documents.push(writing.slot.seq);
            tags.push(key_text(tag));
        }
    }
    if tags.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO document_tag (document_seq, tag) SELECT * FROM unnest($1::BIGINT[], $2::TEXT[])
         ON CONFLICT DO NOTHING",
    )
    .bind(documents)
    .bind(tags)
    .execute(connection)
    .await
    .map(drop)
}

async fn write_people(
    connection: &mut PgConnection,
    writings: &[Writing<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let (mentioned, roles) = people(writings);
    if mentioned.is_empty() {
        return Ok(());
    }
    upsert_persons(connection, &mentioned, now).await?;
    sqlx::query(
        "INSERT INTO document_person (document_seq, person_seq, role, name)
         SELECT new.document_seq, person.seq, new.role, new.name
         FROM unnest($1::BIGINT[], $2::UUID[], $3::TEXT[], $4::TEXT[]) AS new (document_seq, id, role, name)
         JOIN person ON person.id = new.id",
    )
    .bind(roles.iter().map(|(document, ..)| *document).collect::<Vec<_>>())
    .bind(roles.iter().map(|(_, person, ..)| *person).collect::<Vec<_>>())
    .bind(roles.iter().map(|(_, _, role, _)| role.as_str()).collect::<Vec<_>>())
    .bind(roles.iter().map(|(.., name)| *name).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

async fn upsert_persons(
    connection: &mut PgConnection,
    mentioned: &BTreeMap<Uuid, Mentioned>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let rows: Vec<(Uuid, i64, String)> =
        sqlx::query_as("SELECT id, seq, display_name FROM person WHERE id = ANY($1) ORDER BY seq FOR NO KEY UPDATE")
            .bind(mentioned.keys().copied().collect::<Vec<_>>())
            .fetch_all(&mut *connection)
            .await?;
    let mut known = HashSet::new();
    let mut renamed = (Vec::new(), Vec::new());
    for (id, seq, shown) in rows {
        known.insert(id);
        if let Some(person) = mentioned.get(&id)
            && better_name(&shown, &person.name, person.email.as_deref())
        {
            renamed.0.push(seq);
            renamed.1.push(person.name.as_str());
        }
    }
    if !renamed.0.is_empty() {
        sqlx::query(
            "UPDATE person SET display_name = new.display_name
             FROM unnest($1::BIGINT[], $2::TEXT[]) AS new (seq, display_name) WHERE person.seq = new.seq",
        )
        .bind(renamed.0)
        .bind(renamed.1)
        .execute(&mut *connection)
        .await?;
    }
    let new: Vec<(&Uuid, &Mentioned)> = mentioned.iter().filter(|(id, _)| !known.contains(*id)).collect();
    if new.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO person (id, email, display_name, first_seen_at)
         SELECT id, email, display_name, $4 FROM unnest($1::UUID[], $2::TEXT[], $3::TEXT[])
            AS new (id, email, display_name)",
    )
    .bind(new.iter().map(|(id, _)| **id).collect::<Vec<_>>())
    .bind(new.iter().map(|(_, person)| person.email.as_deref()).collect::<Vec<_>>())
    .bind(new.iter().map(|(_, person)| person.name.as_str()).collect::<Vec<_>>())
    .bind(now.0)
    .execute(connection)
    .await
    .map(drop)
}

async fn write_concepts_and_links(connection: &mut PgConnection, writings: &[Writing<'_>]) -> Result<(), sqlx::Error> {
    let said = concepts_and_links(writings);
    if !said.labels.is_empty() {
        sqlx::query(
            "INSERT INTO concept (id, label)
             SELECT id, label FROM unnest($1::UUID[], $2::TEXT[]) WITH ORDINALITY AS new (id, label, place)
             WHERE NOT EXISTS (SELECT 1 FROM concept WHERE concept.id = new.id) ORDER BY place
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(said.labels.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(said.labels.iter().map(|(_, label)| *label).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    if !said.contains.is_empty() {
        sqlx::query(
            "INSERT INTO document_concept (document_seq, concept_seq)
             SELECT new.document_seq, concept.seq FROM unnest($1::BIGINT[], $2::UUID[]) AS new (document_seq, id)
             JOIN concept ON concept.id = new.id ON CONFLICT DO NOTHING",
        )
        .bind(said.contains.iter().map(|(document, _)| *document).collect::<Vec<_>>())
        .bind(said.contains.iter().map(|(_, id)| *id).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    if !said.links.is_empty() {
        sqlx::query(
            "INSERT INTO document_link (document_seq, kind, target, target_name, concept_seq)
             SELECT new.document_seq, new.kind, new.target, new.target_name, concept.seq
             FROM unnest($1::BIGINT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::UUID[])
                AS new (document_seq, kind, target, target_name, concept_id)
             LEFT JOIN concept ON concept.id = new.concept_id",
        )
        .bind(said.links.iter().map(|link| link.document_seq).collect::<Vec<_>>())
        .bind(said.links.iter().map(|link| link_kind_name(link.kind)).collect::<Vec<_>>())
        .bind(said.links.iter().map(|link| link.target).collect::<Vec<_>>())
        .bind(said.links.iter().map(|link| link.target_name.as_deref().map(key_text)).collect::<Vec<_>>())
        .bind(said.links.iter().map(|link| link.concept).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    }
    Ok(())
}

async fn write_references(connection: &mut PgConnection, writings: &[Writing<'_>]) -> Result<(), sqlx::Error> {
    let (hashes, documents): (Vec<i64>, Vec<i64>) = references(writings).into_iter().unzip();
    if hashes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO document_reference (message_hash, document_seq) SELECT * FROM unnest($1::BIGINT[], $2::BIGINT[])",
    )
    .bind(hashes)
    .bind(documents)
    .execute(connection)
    .await
    .map(drop)
}

/// Names are kept as [`key_text`]: what looks for one goes through it too.
async fn write_names(
    connection: &mut PgConnection,
    writings: &[Writing<'_>],
) -> Result<HashMap<i64, Vec<String>>, sqlx::Error> {
    let mut names: HashMap<i64, Vec<String>> = HashMap::new();
    let mut rows: Vec<(String, i64)> = Vec::new();
    for writing in writings {
        let held: Vec<String> = names_of(writing.document).iter().map(|name| key_text(name).into_owned()).collect();
        rows.extend(held.iter().map(|name| (name.clone(), writing.slot.seq)));
        names.insert(writing.slot.seq, held);
    }
    rows.sort_unstable();
    rows.dedup();
    let (keys, documents): (Vec<String>, Vec<i64>) = rows.into_iter().unzip();
    sqlx::query("INSERT INTO document_name (name, document_seq) SELECT * FROM unnest($1::TEXT[], $2::BIGINT[])")
        .bind(keys)
        .bind(documents)
        .execute(connection)
        .await?;
    Ok(names)
}
