//! What a commit needs to know before it decides: documents met by key, id or content, and their chunks and names.

use std::collections::{HashMap, HashSet};

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::domain::{ChunkKind, DocumentId, NewDocument, SourceType};
use crate::store::plan::chunks::HeldChunk;
use crate::store::plan::documents::{Held, Known, alternative_id, parse_reason};
use crate::store::plan::mails;

use super::super::rows::{named, sha256, undecodable};

mod crowd;

/// The columns of a document that the decision needs.
const HELD: &str = "seq, id, source_key, source_path, source_offset, content_sha256, deleted_at, deleted_reason,
                title, dated_at, message_id, fingerprint";

/// Loads every document the batch may meet.
pub(super) async fn load_known(
    connection: &mut PgConnection,
    documents: &[NewDocument],
    moves: &[(String, DocumentId)],
) -> Result<Known, sqlx::Error> {
    let mut known = Known::default();
    if documents.is_empty() {
        return Ok(known);
    }
    known.last_seq = last_document_seq(connection).await?;
    let mails = mails::by_message(documents);
    let crowds = crowd::crowds(connection, mails.keys().copied().collect()).await?;
    let files = documents.iter().filter(|document| document.source_type != SourceType::Mail);
    let keys: Vec<&str> = documents.iter().map(|document| document.source_key.as_str()).collect();
    let ids: Vec<Uuid> =
        documents.iter().map(|document| document.id.0).chain(moves.iter().map(|(_, id)| id.0)).collect();
    let messages: Vec<&str> = mails.keys().copied().filter(|id| !crowds.contains(*id)).collect();
    let contents: Vec<&[u8]> = files.map(|document| document.content_sha256.as_slice()).collect();
    // One may come by several ways. Plain look-ups, so that each is by its index however large the table is.
    let sql = format!(
        "SELECT {HELD} FROM document WHERE source_key = ANY($1)
         UNION ALL SELECT {HELD} FROM document WHERE id = ANY($2)
         UNION ALL SELECT {HELD} FROM document WHERE content_sha256 = ANY($3)
         UNION ALL SELECT {HELD} FROM document WHERE message_id = ANY($4)"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(keys)
        .bind(ids)
        .bind(contents)
        .bind(messages)
        .fetch_all(&mut *connection)
        .await?;
    for row in &rows {
        let held = held(row)?;
        known.documents.insert(held.seq, held);
    }
    let crowded = mails.into_iter().filter(|(id, _)| crowds.contains(*id)).flat_map(|(_, mails)| mails);
    crowd::load(connection, &crowded.collect::<Vec<_>>(), &mut known).await?;
    load_taken_ids(connection, documents, !moves.is_empty(), &mut known).await?;
    load_passes(connection, &mut known).await?;
    Ok(known)
}

/// Reads the columns of [`HELD`].
fn held(row: &PgRow) -> Result<Held, sqlx::Error> {
    let deleted_at: Option<i64> = row.try_get(6)?;
    let retired = if deleted_at.is_some() {
        let reason: Option<String> = row.try_get(7)?;
        let reason = reason.as_deref().unwrap_or("deleted");
        Some(parse_reason(reason).ok_or_else(|| undecodable("deleted_reason", reason))?)
    } else {
        None
    };
    Ok(Held {
        seq: row.try_get(0)?,
        id: DocumentId(row.try_get(1)?),
        source_key: row.try_get(2)?,
        source_path: row.try_get(3)?,
        source_offset: row.try_get(4)?,
        content_sha256: sha256(row.try_get(5)?)?,
        retired,
        title: row.try_get(8)?,
        dated_at: row.try_get(9)?,
        message_id: row.try_get(10)?,
        fingerprint: row.try_get::<Option<&[u8]>, _>(11)?.map(sha256).transpose()?,
    })
}

/// Finds, for documents whose own id another document has or may keep after moving, which derived ids are free.
async fn load_taken_ids(
    connection: &mut PgConnection,
    documents: &[NewDocument],
    moving: bool,
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    let owners: HashMap<DocumentId, String> =
        known.documents.values().map(|held| (held.id, held.source_key.clone())).collect();
    for document in documents {
        let Some(owner) = owners.get(&document.id) else { continue };
        if *owner == document.source_key && !moving {
            continue;
        }
        for number in 2.. {
            let id = alternative_id(&document.source_key, number);
            let found: Option<i64> = sqlx::query_scalar("SELECT seq FROM document WHERE id = $1")
                .bind(id.0)
                .fetch_optional(&mut *connection)
                .await?;
            if found.is_none() {
                break;
            }
            known.taken_ids.insert(id);
        }
    }
    Ok(())
}

async fn load_passes(connection: &mut PgConnection, known: &mut Known) -> Result<(), sqlx::Error> {
    let in_archives: Vec<i64> =
        known.documents.values().filter(|held| held.source_offset.is_some()).map(|held| held.seq).collect();
    if in_archives.is_empty() {
        return Ok(());
    }
    let rows: Vec<(i64, i64)> =
        sqlx::query_as("SELECT document_seq, pass FROM archive_message WHERE document_seq = ANY($1)")
            .bind(in_archives)
            .fetch_all(connection)
            .await?;
    known.passes.extend(rows);
    Ok(())
}

/// Highest number ever given to a document. Sequences know no transactions, so this and its like are only for the one
/// who holds the writers' lock.
async fn last_document_seq(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM document_seq_seq")
        .fetch_one(connection)
        .await
}

/// Highest number ever given to a chunk.
pub(in crate::store::postgres) async fn last_chunk_id(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM chunk_id_seq")
        .fetch_one(connection)
        .await
}

/// Chunks of documents that are replaced, in order of row, by document.
pub(super) async fn load_chunks(
    connection: &mut PgConnection,
    documents: &[i64],
) -> Result<HashMap<i64, Vec<HeldChunk>>, sqlx::Error> {
    let mut chunks: HashMap<i64, Vec<HeldChunk>> = HashMap::new();
    if documents.is_empty() {
        return Ok(chunks);
    }
    let rows = sqlx::query(
        "SELECT document_seq, id, ordinal, kind, text_sha256, overlap_bytes, place FROM chunk
         WHERE document_seq = ANY($1) ORDER BY document_seq, ordinal",
    )
    .bind(documents)
    .fetch_all(connection)
    .await?;
    for row in rows {
        chunks.entry(row.try_get(0)?).or_default().push(HeldChunk {
            id: row.try_get(1)?,
            ordinal: row.try_get(2)?,
            kind: named("chunk kind", row.try_get(3)?, ChunkKind::parse)?,
            text_sha256: sha256(row.try_get(4)?)?,
            overlap_bytes: row.try_get(5)?,
            place: row.try_get(6)?,
        });
    }
    Ok(chunks)
}

/// Names of documents, by document.
pub(super) async fn load_names(
    connection: &mut PgConnection,
    documents: &[i64],
) -> Result<HashMap<i64, HashSet<String>>, sqlx::Error> {
    let mut names: HashMap<i64, HashSet<String>> = HashMap::new();
    if documents.is_empty() {
        return Ok(names);
    }
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT document_seq, name FROM document_name WHERE document_seq = ANY($1)")
            .bind(documents)
            .fetch_all(connection)
            .await?;
    for (document, name) in rows {
        names.entry(document).or_default().insert(name);
    }
    Ok(names)
}
