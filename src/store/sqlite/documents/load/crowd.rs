//! Of very many mails with one Message-ID those that the mails of a batch may be (`plan::mails`). Called by `load`.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::domain::{DocumentId, NewDocument};
use crate::store::plan::documents::Known;
use crate::store::plan::mails::{CROWD, further_id, further_keys};

use super::super::super::batch::{json_blobs, json_ids, json_texts};
use super::{HELD, held};

/// Of these Message-IDs those that so many mails have.
pub(super) async fn crowds(
    connection: &mut SqliteConnection,
    message_ids: impl Iterator<Item = &str>,
) -> Result<HashSet<String>, sqlx::Error> {
    let wanted = json_texts(message_ids);
    if wanted == "[]" {
        return Ok(HashSet::new());
    }
    let crowds: Vec<String> = sqlx::query_scalar(
        "SELECT CAST(unhex(wanted.value) AS TEXT) FROM json_each(?1) AS wanted
         WHERE (SELECT count(*) FROM (SELECT 1 FROM document
                WHERE message_id = CAST(unhex(wanted.value) AS TEXT) LIMIT ?2)) = ?2",
    )
    .bind(wanted)
    .bind(CROWD)
    .fetch_all(connection)
    .await?;
    Ok(crowds.into_iter().collect())
}

/// Loads what these mails may be, and the keys and ids that others of their Message-IDs have.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    mails: &[&NewDocument],
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    if mails.is_empty() {
        return Ok(());
    }
    let further: Vec<(String, DocumentId)> = mails.iter().map(|mail| further_id(mail)).collect();
    let message_ids = mails.iter().filter_map(|mail| mail.message.as_ref()).map(|message| message.message_id.as_str());
    let sql = format!(
        "WITH mail (message_id, fingerprint, content, path, place) AS (
            SELECT CAST(unhex(value ->> 0) AS TEXT), unhex(value ->> 1), unhex(value ->> 2),
                CAST(unhex(value ->> 3) AS TEXT), value ->> 4 FROM json_each(?1))
         SELECT {HELD} FROM document WHERE seq IN (
            SELECT seq FROM mail CROSS JOIN document
                ON document.message_id = mail.message_id AND document.fingerprint = mail.fingerprint
            UNION SELECT seq FROM mail CROSS JOIN document
                ON document.content_sha256 = mail.content AND +document.message_id = mail.message_id
            UNION SELECT seq FROM mail CROSS JOIN document
                ON document.source_path = mail.path AND document.source_offset IS mail.place
                AND +document.message_id = mail.message_id
            UNION SELECT seq FROM document
                WHERE message_id IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?2)) AND fingerprint IS NULL
            UNION SELECT seq FROM document
                WHERE source_key IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?3))
            UNION SELECT seq FROM document WHERE id IN (SELECT unhex(value) FROM json_each(?4)))"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(json_mails(mails))
        .bind(json_texts(message_ids.collect::<HashSet<_>>()))
        .bind(json_texts(further.iter().map(|(key, _)| key.as_str())))
        .bind(json_ids(further.iter().map(|(_, id)| id.0)))
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
async fn load_taken(
    connection: &mut SqliteConnection,
    mail: &NewDocument,
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    for key in further_keys(mail) {
        let taken: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM document WHERE source_key = ?1 OR id = ?2 LIMIT 1")
                .bind(key.as_str())
                .bind(DocumentId::from_source_key(&key).0.as_bytes().as_slice())
                .fetch_optional(&mut *connection)
                .await?;
        if taken.is_none() {
            break;
        }
        known.taken_keys.insert(key);
    }
    Ok(())
}

/// The mails as a JSON array of arrays: Message-ID, fingerprint, content and path in hexadecimal, and the place.
fn json_mails(mails: &[&NewDocument]) -> String {
    let mut json = String::from("[");
    for (index, mail) in mails.iter().enumerate() {
        let message_id = mail.message.as_ref().map_or("", |message| message.message_id.as_str());
        let fingerprint = mail.fingerprint.as_ref().map_or(&[][..], |fingerprint| fingerprint);
        let parts: [&[u8]; 4] = [message_id.as_bytes(), fingerprint, &mail.content_sha256, mail.source_path.as_bytes()];
        let parts = json_blobs(parts);
        let place = mail.source_offset.map_or_else(|| "null".to_owned(), |place| place.to_string());
        json.push_str(if index > 0 { "," } else { "" });
        json.push_str(parts.trim_end_matches(']'));
        json.push(',');
        json.push_str(&place);
        json.push(']');
    }
    json.push(']');
    json
}

#[cfg(test)]
mod tests {
    use crate::domain::{MessageMeta, SourceType};
    use crate::store::sqlite::SqliteStore;

    use super::super::load_known;
    use super::*;

    #[tokio::test]
    async fn one_of_very_many_mails_is_found_without_loading_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("peanut.db")).await.unwrap();
        let mut connection = store.writer.pool().acquire().await.unwrap();
        sqlx::raw_sql(
            "INSERT INTO document (seq, id, source_key, source_type, source_path, source_offset, content_sha256, title,
                ingested_at, changed_at, message_id, fingerprint)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
             SELECT n, CAST(printf('%016d', n) AS BLOB), printf('message:m#%d', n), 'mail', '/a.mbox', n * 10,
                CAST(printf('%032d', n) AS BLOB), 'title', 1, 1, 'm', CAST(printf('%032d', n + 100000) AS BLOB) FROM n",
        )
        .execute(&mut *connection)
        .await
        .unwrap();
        let hash = |number: i64| -> [u8; 32] { format!("{number:032}").into_bytes().try_into().unwrap() };
        let mail = |content: i64, fingerprint: i64, place: u64| NewDocument {
            id: DocumentId::from_source_key("message:m"),
            source_key: "message:m".into(),
            source_type: SourceType::Mail,
            source_path: "/a.mbox".into(),
            source_offset: Some(place),
            content_sha256: hash(content),
            fingerprint: Some(hash(fingerprint)),
            title: "title".into(),
            dated_at: None,
            tags: Vec::new(),
            concepts: Vec::new(),
            aliases: Vec::new(),
            links: Vec::new(),
            people: Vec::new(),
            message: Some(MessageMeta { message_id: "m".into(), ..MessageMeta::default() }),
            chunks: Vec::new(),
        };
        // By what a reader sees, by its bytes, by its place; and one that is new.
        let mails = [mail(1, 100_007, 1), mail(8, 1, 2), mail(2, 2, 90), mail(3, 3, 3)];
        let known = load_known(&mut connection, &mails, &[]).await.unwrap();
        let mut found: Vec<i64> = known.documents.keys().copied().collect();
        found.sort_unstable();
        // Contents 1 to 3 are those of the first three.
        assert_eq!(found, [1, 2, 3, 7, 8, 9]);
    }
}
