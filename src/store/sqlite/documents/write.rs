//! Writes the rows of documents and chunks that a plan asks for, many at a time. Called by `documents::commit`.

use std::collections::HashMap;

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::{NewChunk, NewDocument, Timestamp};
use crate::store::plan::chunks::{HeldChunk, NewRow, changes};
use crate::store::plan::commit::{Models, Writing};
use crate::store::plan::documents::{Fate, Plan, Slot};
use crate::store::shared::texts::title_hash;

use super::super::batch::{insert_new_rows, insert_rows, json_numbers};
use super::super::rows::{signed, to_json, vector_bytes};
use super::super::search::{IndexedChunk, Packing};
use super::super::totals;
use super::load::last_seq;

struct DocumentRow<'a> {
    slot: &'a Slot,
    document: &'a NewDocument,
    references: String,
    attachments: String,
    aliases: String,
}

impl<'a> DocumentRow<'a> {
    fn new(writing: &Writing<'a>) -> Result<Self, sqlx::Error> {
        let message = writing.document.message.as_ref();
        let (references, attachments) = match message {
            Some(message) => (to_json(&message.references)?, to_json(&message.attachments)?),
            None => ("[]".to_owned(), "[]".to_owned()),
        };
        let aliases = to_json(&writing.document.aliases)?;
        Ok(Self { slot: writing.slot, document: writing.document, references, attachments, aliases })
    }
}

/// Inserts new documents and updates replaced ones.
pub(super) async fn write_documents(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut new = Vec::new();
    let mut replaced = Vec::new();
    for writing in writings {
        let row = DocumentRow::new(writing)?;
        match writing.slot.fate {
            Fate::New => new.push(row),
            Fate::Replace { .. } => replaced.push(row),
        }
    }
    free_keys(connection, &replaced).await?;
    let bind = |statement: super::super::batch::Statement, row: &DocumentRow<'_>| {
        let document = row.document;
        let message = document.message.as_ref();
        statement
            .bind(row.slot.seq)
            .bind(row.slot.id.0.as_bytes().as_slice())
            .bind(row.slot.key.as_str())
            .bind(document.source_type.as_str())
            .bind(document.source_path.as_str())
            .bind(document.source_offset.map(signed))
            .bind(document.content_sha256.as_slice())
            .bind(document.title.as_str())
            .bind(document.dated_at.map(|at| at.0))
            .bind(now.0)
            .bind(now.0)
            .bind(message.map(|message| message.message_id.as_str()))
            .bind(message.and_then(|message| message.in_reply_to.as_deref()))
            .bind(row.references.as_str())
            .bind(row.attachments.as_str())
            .bind(row.aliases.as_str())
            .bind(document.fingerprint.map(|fingerprint| fingerprint.to_vec()))
            .bind(title_hash(&document.title).to_vec())
    };
    insert_rows(
        connection,
        "WITH new (seq, id, source_key, source_type, source_path, source_offset, content_sha256, title, dated_at,
                   ingested_at, changed_at, message_id, in_reply_to, reference_ids, attachments, aliases, fingerprint,
                   title_sha256, revived)
         AS (VALUES",
        19,
        ") UPDATE document SET source_key = new.source_key, source_type = new.source_type, source_path = new.source_path,
              source_offset = new.source_offset, content_sha256 = new.content_sha256, title = new.title,
              dated_at = new.dated_at, changed_at = new.changed_at, message_id = new.message_id,
              in_reply_to = new.in_reply_to, reference_ids = new.reference_ids, attachments = new.attachments,
              aliases = new.aliases, fingerprint = new.fingerprint, title_sha256 = new.title_sha256,
              deleted_at = CASE new.revived WHEN 1 THEN NULL ELSE document.deleted_at END,
              deleted_reason = CASE new.revived WHEN 1 THEN NULL ELSE document.deleted_reason END
         FROM new WHERE document.seq = new.seq",
        &replaced,
        |statement, row| {
            let revived = matches!(row.slot.fate, Fate::Replace { revived: true, .. });
            bind(statement, row).bind(i64::from(revived))
        },
    )
    .await?;
    insert_rows(
        connection,
        "INSERT INTO document (seq, id, source_key, source_type, source_path, source_offset, content_sha256, title, dated_at,
                               ingested_at, changed_at, message_id, in_reply_to, reference_ids, attachments, aliases,
                               fingerprint, title_sha256) VALUES",
        18,
        "",
        &new,
        bind,
    )
    .await?;
    totals::count_documents(connection, new.iter().map(|row| row.document.source_type)).await
}

/// Moved documents take over keys that others of the batch may be giving up: all are given up first.
async fn free_keys(connection: &mut SqliteConnection, replaced: &[DocumentRow<'_>]) -> Result<(), sqlx::Error> {
    let moved: Vec<i64> = replaced
        .iter()
        .filter(|row| matches!(row.slot.fate, Fate::Replace { moved: true, .. }))
        .map(|row| row.slot.seq)
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    sqlx::query("UPDATE document SET source_key = 'moving:' || seq WHERE seq IN (SELECT value FROM json_each(?1))")
        .bind(json_numbers(moved))
        .execute(connection)
        .await
        .map(drop)
}

/// Notes new positions of messages within their archives, fingerprints of old mails, and in which pass messages were met.
pub(super) async fn write_positions(connection: &mut SqliteConnection, plan: &Plan) -> Result<(), sqlx::Error> {
    insert_rows(
        connection,
        "WITH new (seq, source_offset) AS (VALUES",
        2,
        ") UPDATE document SET source_offset = new.source_offset FROM new WHERE document.seq = new.seq",
        &plan.shifted,
        |statement, (seq, offset)| statement.bind(*seq).bind(*offset),
    )
    .await?;
    insert_rows(
        connection,
        "WITH new (seq, fingerprint) AS (VALUES",
        2,
        ") UPDATE document SET fingerprint = new.fingerprint FROM new WHERE document.seq = new.seq",
        &plan.fingerprints,
        |statement, (seq, fingerprint)| statement.bind(*seq).bind(fingerprint.to_vec()),
    )
    .await?;
    insert_rows(
        connection,
        "INSERT INTO archive_message (document_seq, pass) VALUES",
        2,
        "ON CONFLICT (document_seq) DO UPDATE SET pass = excluded.pass",
        &plan.met,
        |statement, (seq, pass)| statement.bind(*seq).bind(*pass),
    )
    .await
}

/// Writes chunks, words, instant vectors and background jobs. Returns how many jobs were queued.
pub(super) async fn write_chunks(
    connection: &mut SqliteConnection,
    writings: &[Writing<'_>],
    held: &HashMap<i64, Vec<HeldChunk>>,
    models: &Models,
) -> Result<u64, sqlx::Error> {
    let last_id = last_seq(connection, "chunk").await?;
    let changes = changes(writings, held, last_id).map_err(|error| sqlx::Error::Encode(error.into()))?;
    remove_chunks(connection, &changes.removed).await?;
    insert_rows(
        connection,
        "WITH new (id, ordinal, overlap_bytes, place, token_count) AS (VALUES",
        5,
        ") UPDATE chunk SET ordinal = new.ordinal, overlap_bytes = new.overlap_bytes, place = new.place,
              token_count = new.token_count FROM new WHERE chunk.id = new.id",
        &changes.moved,
        |statement, moved| {
            statement
                .bind(moved.id)
                .bind(i64::from(moved.chunk.ordinal))
                .bind(i64::from(moved.chunk.overlap_bytes))
                .bind(moved.place.as_str())
                .bind(i64::from(moved.chunk.token_count))
        },
    )
    .await?;
    let ids: HashMap<i64, Uuid> = writings.iter().map(|writing| (writing.slot.seq, writing.slot.id.0)).collect();
    let packing = Packing::begin(indexed(&changes.added, &ids));
    insert_chunks(connection, &changes.added).await?;
    let texts = changes.added_texts();
    write_vectors(connection, &texts, &changes.kept_texts(), models).await?;
    let jobs = queue_jobs(connection, &texts, models).await?;
    // Packed meanwhile, on another thread.
    packing.finish(connection).await?;
    Ok(jobs)
}

/// Rows as the word index takes them; `ids` has every document of theirs.
pub(in crate::store::sqlite) fn indexed(rows: &[NewRow<'_>], ids: &HashMap<i64, Uuid>) -> Vec<IndexedChunk> {
    let indexed = |row: &NewRow<'_>| IndexedChunk {
        id: row.id,
        document_seq: row.document_seq,
        document_id: ids.get(&row.document_seq).copied().unwrap_or_default(),
        kind: row.chunk.kind,
        token_count: row.chunk.token_count,
        terms: row.chunk.terms.clone(),
    };
    rows.iter().map(indexed).collect()
}

/// Writes rows of chunks; their ids ascend without a gap and are new. The word index is the caller's to write.
pub(in crate::store::sqlite) async fn insert_chunks(
    connection: &mut SqliteConnection,
    rows: &[NewRow<'_>],
) -> Result<(), sqlx::Error> {
    insert_rows(
        &mut *connection,
        "INSERT INTO chunk (id, document_seq, ordinal, kind, searchable, text, overlap_bytes, context, place, token_count,
                            text_sha256) VALUES",
        11,
        "",
        rows,
        |statement, row| {
            statement
                .bind(row.id)
                .bind(row.document_seq)
                .bind(i64::from(row.chunk.ordinal))
                .bind(row.chunk.kind.as_str())
                .bind(1_i64)
                .bind(row.chunk.text.as_str())
                .bind(i64::from(row.chunk.overlap_bytes))
                .bind(row.chunk.context.as_str())
                .bind(row.place.as_str())
                .bind(i64::from(row.chunk.token_count))
                .bind(row.chunk.text_sha256.as_slice())
        },
    )
    .await?;
    if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
        totals::count_chunks(connection, first.id, last.id).await?;
    }
    Ok(())
}

async fn write_vectors(
    connection: &mut SqliteConnection,
    added: &[(i64, &NewChunk)],
    kept: &[(i64, &NewChunk)],
    models: &Models,
) -> Result<(), sqlx::Error> {
    let Some(model) = models.instant else { return Ok(()) };
    let bind = |statement: super::super::batch::Statement, (id, chunk): &(i64, &NewChunk)| {
        statement.bind(model).bind(*id).bind(chunk.vector.as_deref().map(vector_bytes))
    };
    let head = "INSERT INTO embedding (model_seq, chunk_id, vector) VALUES";
    let mut count = insert_new_rows(connection, head, 3, "", added, bind).await?;
    // A kept chunk has its vector unless it was stored before this model came into use.
    count += insert_new_rows(connection, head, 3, "ON CONFLICT (chunk_id, model_seq) DO NOTHING", kept, bind).await?;
    totals::count_vectors(connection, model, count).await
}

async fn queue_jobs(
    connection: &mut SqliteConnection,
    added: &[(i64, &NewChunk)],
    models: &Models,
) -> Result<u64, sqlx::Error> {
    let jobs: Vec<(i64, i64)> =
        models.background.iter().flat_map(|model| added.iter().map(|(chunk, _)| (*model, *chunk))).collect();
    insert_rows(
        connection,
        "INSERT INTO embedding_job (model_seq, chunk_id) VALUES",
        2,
        "",
        &jobs,
        |statement, (model, chunk)| statement.bind(*model).bind(*chunk),
    )
    .await?;
    for model in &models.background {
        totals::count_jobs(connection, *model, added.len() as u64).await?;
    }
    Ok(jobs.len() as u64)
}

async fn remove_chunks(connection: &mut SqliteConnection, removed: &[i64]) -> Result<(), sqlx::Error> {
    if removed.is_empty() {
        return Ok(());
    }
    // The word index is told by a trigger.
    sqlx::query("DELETE FROM chunk WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(json_numbers(removed.iter().copied()))
        .execute(connection)
        .await
        .map(drop)
}
