//! What a commit needs to know before it decides: documents met by key, id or content, and their chunks and names.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use crate::domain::{ChunkKind, DocumentId, NewDocument, SourceType};
use crate::store::plan::chunks::HeldChunk;
use crate::store::plan::documents::{Held, Known, alternative_id, parse_reason};
use crate::store::plan::mails;

use super::super::batch::{json_blobs, json_ids, json_numbers, json_texts};
use super::super::rows::{document_id, named, sha256, undecodable};

mod crowd;

/// The columns of a document that the decision needs.
const HELD: &str = "seq, id, source_key, source_path, source_offset, content_sha256, deleted_at, deleted_reason,
                title, dated_at, message_id, fingerprint";

/// Loads every document the batch may meet.
pub(super) async fn load_known(
    connection: &mut SqliteConnection,
    documents: &[NewDocument],
    moves: &[(String, DocumentId)],
) -> Result<Known, sqlx::Error> {
    let mut known = Known { last_seq: last_seq(connection, "document").await?, ..Known::default() };
    if documents.is_empty() {
        return Ok(known);
    }
    let mails = mails::by_message(documents);
    let crowds = crowd::crowds(connection, mails.keys().copied()).await?;
    let files = documents.iter().filter(|document| document.source_type != SourceType::Mail);
    let sql = format!(
        "SELECT {HELD} FROM document WHERE seq IN (
            SELECT seq FROM document WHERE source_key IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?1))
            UNION SELECT seq FROM document WHERE id IN (SELECT unhex(value) FROM json_each(?2))
            UNION SELECT seq FROM document WHERE content_sha256 IN (SELECT unhex(value) FROM json_each(?3))
            UNION SELECT seq FROM document WHERE message_id IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?4)))"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(json_texts(documents.iter().map(|document| document.source_key.as_str())))
        .bind(json_ids(documents.iter().map(|document| document.id.0).chain(moves.iter().map(|(_, id)| id.0))))
        .bind(json_blobs(files.map(|document| document.content_sha256.as_slice())))
        .bind(json_texts(mails.keys().copied().filter(|id| !crowds.contains(*id))))
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
fn held(row: &SqliteRow) -> Result<Held, sqlx::Error> {
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
        id: document_id(row.try_get(1)?)?,
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
    connection: &mut SqliteConnection,
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
            let found: Option<i64> = sqlx::query_scalar("SELECT seq FROM document WHERE id = ?1")
                .bind(id.0.as_bytes().as_slice())
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

async fn load_passes(connection: &mut SqliteConnection, known: &mut Known) -> Result<(), sqlx::Error> {
    let in_archives: Vec<i64> =
        known.documents.values().filter(|held| held.source_offset.is_some()).map(|held| held.seq).collect();
    if in_archives.is_empty() {
        return Ok(());
    }
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT document_seq, pass FROM archive_message WHERE document_seq IN (SELECT value FROM json_each(?1))",
    )
    .bind(json_numbers(in_archives))
    .fetch_all(connection)
    .await?;
    known.passes.extend(rows);
    Ok(())
}

/// Highest number ever given out in `table`.
pub(in crate::store::sqlite) async fn last_seq(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<i64, sqlx::Error> {
    let seq: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = ?1")
        .bind(table)
        .fetch_optional(connection)
        .await?;
    Ok(seq.unwrap_or(0))
}

/// Chunks of documents that are replaced, in order of row, by document.
pub(super) async fn load_chunks(
    connection: &mut SqliteConnection,
    documents: &[i64],
) -> Result<HashMap<i64, Vec<HeldChunk>>, sqlx::Error> {
    let mut chunks: HashMap<i64, Vec<HeldChunk>> = HashMap::new();
    if documents.is_empty() {
        return Ok(chunks);
    }
    let rows = sqlx::query(
        "SELECT document_seq, id, ordinal, kind, text_sha256, overlap_bytes, place FROM chunk
         WHERE document_seq IN (SELECT value FROM json_each(?1)) ORDER BY document_seq, ordinal",
    )
    .bind(json_numbers(documents.iter().copied()))
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
    connection: &mut SqliteConnection,
    documents: &[i64],
) -> Result<HashMap<i64, HashSet<String>>, sqlx::Error> {
    let mut names: HashMap<i64, HashSet<String>> = HashMap::new();
    if documents.is_empty() {
        return Ok(names);
    }
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT document_seq, name FROM document_name WHERE document_seq IN (SELECT value FROM json_each(?1))",
    )
    .bind(json_numbers(documents.iter().copied()))
    .fetch_all(connection)
    .await?;
    for (document, name) in rows {
        names.entry(document).or_default().insert(name);
    }
    Ok(names)
}
