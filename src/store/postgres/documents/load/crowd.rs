//! Of very many mails with one Message-ID those that the mails of a batch may be (`plan::mails`). Called by `load`.
//!
//! The index of Message-IDs alone must not be used here, and the server cannot know that: an expression that is no column
//! keeps it from that.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::domain::{DocumentId, NewDocument};
use crate::store::plan::documents::Known;
use crate::store::plan::mails::{CROWD, further_id, further_keys};
use crate::store::plan::signed;

use super::{HELD, held};

/// Of these Message-IDs those that so many mails have.
pub(super) async fn crowds(
    connection: &mut PgConnection,
    message_ids: Vec<&str>,
) -> Result<HashSet<String>, sqlx::Error> {
    if message_ids.is_empty() {
        return Ok(HashSet::new());
    }
    let crowds: Vec<String> = sqlx::query_scalar(
        "SELECT wanted FROM unnest($1::TEXT[]) AS wanted
         WHERE (SELECT count(*) FROM (SELECT 1 FROM document WHERE message_id = wanted LIMIT $2) AS holders) = $2",
    )
    .bind(message_ids)
    .bind(CROWD)
    .fetch_all(connection)
    .await?;
    Ok(crowds.into_iter().collect())
}

/// Loads what these mails may be, and the keys and ids that others of their Message-IDs have.
pub(super) async fn load(
    connection: &mut PgConnection,
    mails: &[&NewDocument],
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    if mails.is_empty() {
        return Ok(());
    }
    let further: Vec<(String, DocumentId)> = mails.iter().map(|mail| further_id(mail)).collect();
    let message_ids: Vec<&str> =
        mails.iter().map(|mail| mail.message.as_ref().map_or("", |message| message.message_id.as_str())).collect();
    let sql = format!(
        "WITH mail AS (
            SELECT * FROM unnest($1::TEXT[], $2::BYTEA[], $3::BYTEA[], $4::TEXT[], $5::BIGINT[])
                AS mail (message_id, fingerprint, content, path, place))
         SELECT {HELD} FROM (SELECT held.* FROM mail CROSS JOIN LATERAL (
            SELECT * FROM document WHERE document.message_id IS NOT NULL
                AND hashtextextended(document.message_id, 0) = hashtextextended(mail.message_id, 0)
                AND document.fingerprint = mail.fingerprint AND document.message_id || '' = mail.message_id
            OFFSET 0) AS held) AS equal
         UNION ALL SELECT {HELD} FROM (SELECT held.* FROM mail CROSS JOIN LATERAL (
            SELECT * FROM document WHERE document.content_sha256 = mail.content
                AND document.message_id || '' = mail.message_id OFFSET 0) AS held) AS same
         UNION ALL SELECT {HELD} FROM (SELECT held.* FROM mail CROSS JOIN LATERAL (
            SELECT * FROM document WHERE document.source_path = mail.path AND document.source_offset = mail.place
                AND document.message_id || '' = mail.message_id OFFSET 0) AS held) AS here
         UNION ALL SELECT {HELD} FROM (SELECT held.* FROM mail CROSS JOIN LATERAL (
            SELECT * FROM document WHERE document.source_path = mail.path AND document.source_offset IS NULL
                AND mail.place IS NULL AND document.message_id || '' = mail.message_id OFFSET 0) AS held) AS whole
         UNION ALL SELECT {HELD} FROM (SELECT held.* FROM (SELECT DISTINCT message_id FROM mail) AS mail CROSS JOIN LATERAL (
            SELECT * FROM document WHERE document.message_id IS NOT NULL
                AND hashtextextended(document.message_id, 0) = hashtextextended(mail.message_id, 0)
                AND document.fingerprint IS NULL AND document.message_id || '' = mail.message_id
            OFFSET 0) AS held) AS older
         UNION ALL SELECT {HELD} FROM document WHERE source_key = ANY($6)
         UNION ALL SELECT {HELD} FROM document WHERE id = ANY($7)"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(message_ids)
        .bind(mails.iter().map(|mail| mail.fingerprint.map(|it| it.to_vec())).collect::<Vec<_>>())
        .bind(mails.iter().map(|mail| mail.content_sha256.to_vec()).collect::<Vec<_>>())
        .bind(mails.iter().map(|mail| mail.source_path.as_str()).collect::<Vec<_>>())
        .bind(mails.iter().map(|mail| mail.source_offset.map(signed)).collect::<Vec<_>>())
        .bind(further.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
        .bind(further.iter().map(|(_, id)| id.0).collect::<Vec<Uuid>>())
        .fetch_all(&mut *connection)
        .await?;
    let (mut keys, mut ids) = (HashSet::new(), HashSet::new());
    for row in &rows {
        let held = held(row)?;
        keys.insert(held.source_key.clone());
        ids.insert(held.id);
        known.documents.insert(held.seq, held);
    }
    for (mail, (key, id)) in mails.iter().zip(&further) {
        if keys.contains(key) || ids.contains(id) {
            load_taken(connection, mail, known).await?;
        }
    }
    Ok(())
}

/// Notes which of the keys that a further mail may have are taken, up to the first that is not.
async fn load_taken(connection: &mut PgConnection, mail: &NewDocument, known: &mut Known) -> Result<(), sqlx::Error> {
    for key in further_keys(mail) {
        let taken: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM document WHERE source_key = $1 OR id = $2 LIMIT 1")
                .bind(key.as_str())
                .bind(DocumentId::from_source_key(&key).0)
                .fetch_optional(&mut *connection)
                .await?;
        if taken.is_none() {
            break;
        }
        known.taken_keys.insert(key);
    }
    Ok(())
}
