//! Documents read back: whole, with their thread, or found by content or file.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::domain::document::ThreadEntry;
use crate::domain::{
    ChunkId, ChunkKind, DocumentId, DocumentView, MessageMeta, PersonMention, PersonRole, SourceType, StoredChunk,
    Timestamp,
};
use crate::store::shared::links::message_hash;
use crate::store::{ContentMatch, StoreError, StoreResult};

use super::super::PostgresStore;
use super::super::error::classify;
use super::super::rows::{from_json, moment, named, sha256, small, unsigned};

/// Longest thread that is gathered.
const THREAD_LIMIT: usize = 1000;
/// Steps along answers and references when gathering a thread.
const THREAD_STEPS: usize = 12;

/// See [`crate::store::DocumentStore::find_by_content`].
pub(super) async fn find_by_content(store: &PostgresStore, hashes: &[[u8; 32]]) -> StoreResult<Vec<ContentMatch>> {
    const OPERATION: &str = "find documents by content";
    let key = format!("{} hashes", hashes.len());
    let work = async {
        let rows = sqlx::query(
            "SELECT content_sha256, id, source_path FROM document
             WHERE content_sha256 = ANY($1) AND deleted_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM file WHERE path = source_path AND host <> $2::TEXT) ORDER BY seq",
        )
        .bind(hashes.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
        .bind(store.host.as_deref())
        .fetch_all(&store.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(ContentMatch {
                    content_sha256: sha256(row.try_get(0)?)?,
                    id: DocumentId(row.try_get(1)?),
                    source_path: row.try_get(2)?,
                })
            })
            .collect::<Result<Vec<_>, sqlx::Error>>()
    };
    work.await.map_err(|error| classify(OPERATION, key, error))
}

/// See [`crate::store::DocumentStore::documents_of_file`].
pub(super) async fn documents_of_file(store: &PostgresStore, path: &str) -> StoreResult<Vec<DocumentId>> {
    let ids: Result<Vec<Uuid>, sqlx::Error> =
        sqlx::query_scalar("SELECT id FROM document WHERE source_path = $1 AND deleted_at IS NULL ORDER BY seq")
            .bind(path)
            .fetch_all(&store.pool)
            .await;
    let ids = ids.map_err(|error| classify("list documents of file", path, error))?;
    Ok(ids.into_iter().map(DocumentId).collect())
}

/// See [`crate::store::DocumentStore::document`].
pub(super) async fn document(store: &PostgresStore, id: DocumentId) -> StoreResult<DocumentView> {
    const OPERATION: &str = "read document";
    let mut transaction = store.begin_reading(OPERATION, &id.to_string()).await?;
    let found = read(&mut transaction, id).await.map_err(|error| classify(OPERATION, id.to_string(), error))?;
    found.ok_or_else(|| StoreError::not_found(OPERATION, id.to_string()))
}

async fn read(connection: &mut PgConnection, id: DocumentId) -> Result<Option<DocumentView>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT seq, source_type, source_path, source_offset, title, dated_at, ingested_at, deleted_at, message_id,
                in_reply_to, reference_ids, attachments FROM document WHERE id = $1",
    )
    .bind(id.0)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let seq: i64 = row.try_get(0)?;
    let message_id: Option<String> = row.try_get(8)?;
    let message = match message_id {
        None => None,
        Some(message_id) => Some(MessageMeta {
            message_id,
            in_reply_to: row.try_get(9)?,
            references: from_json("reference_ids", row.try_get(10)?)?,
            attachments: from_json("attachments", row.try_get(11)?)?,
        }),
    };
    let thread = match &message {
        Some(message) => thread(connection, seq, message).await?,
        None => Vec::new(),
    };
    Ok(Some(DocumentView {
        id,
        source_type: named("source type", row.try_get(1)?, SourceType::parse)?,
        source_path: row.try_get(2)?,
        source_offset: row.try_get::<Option<i64>, _>(3)?.map(unsigned),
        title: row.try_get(4)?,
        dated_at: moment(row.try_get(5)?),
        ingested_at: Timestamp(row.try_get(6)?),
        deleted_at: moment(row.try_get(7)?),
        tags: sqlx::query_scalar("SELECT tag FROM document_tag WHERE document_seq = $1 ORDER BY tag")
            .bind(seq)
            .fetch_all(&mut *connection)
            .await?,
        people: people(connection, seq).await?,
        message,
        chunks: chunks(connection, seq, id).await?,
        thread,
    }))
}

async fn people(connection: &mut PgConnection, seq: i64) -> Result<Vec<PersonMention>, sqlx::Error> {
    let rows: Vec<(Option<String>, Option<String>, String)> = sqlx::query_as(
        "SELECT person.email, mention.name, mention.role FROM document_person AS mention
         JOIN person ON person.seq = mention.person_seq WHERE mention.document_seq = $1
         ORDER BY CASE mention.role WHEN 'from' THEN 0 WHEN 'author' THEN 1 WHEN 'to' THEN 2 WHEN 'cc' THEN 3 ELSE 4 END,
                  mention.person_seq",
    )
    .bind(seq)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(email, name, role)| Ok(PersonMention { email, name, role: named("role", &role, PersonRole::parse)? }))
        .collect()
}

async fn chunks(
    connection: &mut PgConnection,
    seq: i64,
    document_id: DocumentId,
) -> Result<Vec<StoredChunk>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, ordinal, kind, text, overlap_bytes, context, place, token_count FROM chunk
         WHERE document_seq = $1 ORDER BY ordinal",
    )
    .bind(seq)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(StoredChunk {
                id: ChunkId(row.try_get(0)?),
                document_id,
                ordinal: small(row.try_get(1)?),
                kind: named("chunk kind", row.try_get(2)?, ChunkKind::parse)?,
                text: row.try_get(3)?,
                overlap_bytes: small(row.try_get(4)?),
                context: row.try_get(5)?,
                place: from_json("place", row.try_get(6)?)?,
                token_count: small(row.try_get(7)?),
            })
        })
        .collect()
}

/// Follows answers and references both ways from one message until nothing new turns up.
async fn thread(
    connection: &mut PgConnection,
    seq: i64,
    message: &MessageMeta,
) -> Result<Vec<ThreadEntry>, sqlx::Error> {
    let mut found: BTreeSet<i64> = BTreeSet::from([seq]);
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut frontier: BTreeSet<String> = message.references.iter().chain(&message.in_reply_to).cloned().collect();
    frontier.insert(message.message_id.clone());
    for _ in 0..THREAD_STEPS {
        if frontier.is_empty() || found.len() >= THREAD_LIMIT {
            break;
        }
        let rows: Vec<(i64, Option<String>, Option<String>, String)> = sqlx::query_as(
            "SELECT seq, message_id, in_reply_to, reference_ids FROM document WHERE deleted_at IS NULL AND seq IN (
                SELECT seq FROM document WHERE message_id = ANY($1)
                UNION SELECT document_seq FROM document_reference
                    WHERE message_hash = ANY($2))
             ORDER BY seq LIMIT $3",
        )
        .bind(frontier.iter().map(String::as_str).collect::<Vec<_>>())
        .bind(frontier.iter().map(|id| message_hash(id)).collect::<Vec<_>>())
        .bind(i64::try_from(THREAD_LIMIT).unwrap_or(i64::MAX))
        .fetch_all(&mut *connection)
        .await?;
        asked.append(&mut frontier);
        for (seq, message_id, in_reply_to, references) in rows {
            if found.insert(seq) {
                let references: Vec<String> = from_json("reference_ids", &references)?;
                let named = message_id.into_iter().chain(in_reply_to).chain(references);
                frontier.extend(named.filter(|id| !asked.contains(id)));
            }
        }
    }
    entries(connection, &found).await
}

async fn entries(connection: &mut PgConnection, documents: &BTreeSet<i64>) -> Result<Vec<ThreadEntry>, sqlx::Error> {
    let documents: Vec<i64> = documents.iter().copied().collect();
    let senders: Vec<(i64, String)> = sqlx::query_as(
        "SELECT mention.document_seq, coalesce(mention.name, person.display_name) FROM document_person AS mention
         JOIN person ON person.seq = mention.person_seq
         WHERE mention.document_seq = ANY($1) AND mention.role IN ('from', 'author')",
    )
    .bind(documents.as_slice())
    .fetch_all(&mut *connection)
    .await?;
    let senders: BTreeMap<i64, String> = senders.into_iter().collect();
    let rows: Vec<(i64, Uuid, String, Option<i64>)> = sqlx::query_as(
        "SELECT seq, id, title, dated_at FROM document WHERE seq = ANY($1)
         ORDER BY coalesce(dated_at, ingested_at), seq",
    )
    .bind(documents)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(seq, id, title, dated_at)| {
            Ok(ThreadEntry {
                id: DocumentId(id),
                title,
                from: senders.get(&seq).cloned().unwrap_or_default(),
                dated_at: moment(dated_at),
            })
        })
        .collect()
}
