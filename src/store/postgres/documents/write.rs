//! Writes the rows of documents and chunks that a plan asks for, many at a time. Called by `documents::commit`.

use std::collections::HashMap;

use pgvector::Vector;
use sqlx::PgConnection;

use crate::domain::{DocumentId, NewChunk, Timestamp};
use crate::store::plan::chunks::{HeldChunk, MovedChunk, NewRow, changes};
use crate::store::plan::commit::{Models, Writing};
use crate::store::plan::documents::{Fate, Plan};
use crate::store::shared::texts::title_hash;

use super::super::rows::{signed, to_json};
use super::super::search::{IndexedChunk, index_chunks};
use super::load::last_chunk_id;

/// Most chunks in one statement: bounds what is held twice while it is sent.
const CHUNKS_AT_ONCE: usize = 1000;

/// Inserts new documents and updates replaced ones.
pub(super) async fn write_documents(
    connection: &mut PgConnection,
    writings: &[Writing<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let (new, replaced): (Vec<&Writing<'_>>, Vec<&Writing<'_>>) =
        writings.iter().partition(|writing| writing.slot.fate == Fate::New);
    free_keys(connection, &replaced).await?;
    if !replaced.is_empty() {
        let revived: Vec<bool> =
            replaced.iter().map(|writing| matches!(writing.slot.fate, Fate::Replace { revived: true, .. })).collect();
        let statement = sqlx::query(
            "UPDATE document SET source_key = new.source_key, source_type = new.source_type, source_path = new.source_path,
                  source_offset = new.source_offset, content_sha256 = new.content_sha256, title = new.title,
                  dated_at = new.dated_at, changed_at = $14, message_id = new.message_id,
                  in_reply_to = new.in_reply_to, reference_ids = new.reference_ids, attachments = new.attachments,
                  aliases = new.aliases, fingerprint = new.fingerprint, title_sha256 = new.title_sha256,
                  deleted_at = CASE WHEN new.revived THEN NULL ELSE document.deleted_at END,
                  deleted_reason = CASE WHEN new.revived THEN NULL ELSE document.deleted_reason END
             FROM unnest($1::BIGINT[], $2::UUID[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::BYTEA[],
                    $8::TEXT[], $9::BIGINT[], $10::TEXT[], $11::TEXT[], $12::TEXT[], $13::TEXT[], $15::TEXT[],
                    $16::BYTEA[], $17::BYTEA[], $18::BOOLEAN[])
                AS new (seq, id, source_key, source_type, source_path, source_offset, content_sha256, title, dated_at,
                    message_id, in_reply_to, reference_ids, attachments, aliases, fingerprint, title_sha256, revived)
             WHERE document.seq = new.seq",
        );
        bind_documents(statement, &replaced, now)?.bind(revived).execute(&mut *connection).await?;
    }
    let Some(last) = new.iter().map(|writing| writing.slot.seq).max() else { return Ok(()) };
    let statement = sqlx::query(
        "INSERT INTO document (seq, id, source_key, source_type, source_path, source_offset, content_sha256, title, dated_at,
                               ingested_at, changed_at, message_id, in_reply_to, reference_ids, attachments, aliases,
                               fingerprint, title_sha256)
         SELECT seq, id, source_key, source_type, source_path, source_offset, content_sha256, title, dated_at, $14, $14,
                message_id, in_reply_to, reference_ids, attachments, aliases, fingerprint, title_sha256
         FROM unnest($1::BIGINT[], $2::UUID[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::BIGINT[], $7::BYTEA[],
                $8::TEXT[], $9::BIGINT[], $10::TEXT[], $11::TEXT[], $12::TEXT[], $13::TEXT[], $15::TEXT[],
                $16::BYTEA[], $17::BYTEA[])
            AS new (seq, id, source_key, source_type, source_path, source_offset, content_sha256, title, dated_at,
                message_id, in_reply_to, reference_ids, attachments, aliases, fingerprint, title_sha256)",
    );
    bind_documents(statement, &new, now)?.execute(&mut *connection).await?;
    sqlx::query("SELECT setval('document_seq_seq', $1)").bind(last).execute(connection).await.map(drop)
}

/// A statement being bound.
type Statement = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds `$1` to `$17`: the columns of the documents as arrays, and the moment (`$14`).
fn bind_documents(statement: Statement, writings: &[&Writing<'_>], now: Timestamp) -> Result<Statement, sqlx::Error> {
    let documents: Vec<_> = writings.iter().map(|writing| writing.document).collect();
    let messages: Vec<_> = documents.iter().map(|document| document.message.as_ref()).collect();
    let mut references = Vec::with_capacity(documents.len());
    let mut attachments = Vec::with_capacity(documents.len());
    let mut aliases = Vec::with_capacity(documents.len());
    for document in &documents {
        let message = document.message.as_ref();
        let none = Vec::new();
        references.push(to_json(message.map_or(&none, |message| &message.references))?);
        attachments.push(to_json(message.map_or(&none, |message| &message.attachments))?);
        aliases.push(to_json(&document.aliases)?);
    }
    Ok(statement
        .bind(writings.iter().map(|writing| writing.slot.seq).collect::<Vec<_>>())
        .bind(writings.iter().map(|writing| writing.slot.id.0).collect::<Vec<_>>())
        .bind(writings.iter().map(|writing| writing.slot.key.clone()).collect::<Vec<_>>())
        .bind(documents.iter().map(|document| document.source_type.as_str()).collect::<Vec<_>>())
        .bind(documents.iter().map(|document| document.source_path.clone()).collect::<Vec<_>>())
        .bind(documents.iter().map(|document| document.source_offset.map(signed)).collect::<Vec<_>>())
        .bind(documents.iter().map(|document| document.content_sha256.to_vec()).collect::<Vec<_>>())
        .bind(documents.iter().map(|document| document.title.clone()).collect::<Vec<_>>())
        .bind(documents.iter().map(|document| document.dated_at.map(|at| at.0)).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.map(|it| it.message_id.clone())).collect::<Vec<_>>())
        .bind(messages.iter().map(|message| message.and_then(|it| it.in_reply_to.clone())).collect::<Vec<_>>())
        .bind(references)
        .bind(attachments)
        .bind(now.0)
        .bind(aliases)
        .bind(documents.iter().map(|document| document.fingerprint.map(|it| it.to_vec())).collect::<Vec<_>>())
        .bind(documents.iter().map(|document| title_hash(&document.title).to_vec()).collect::<Vec<_>>()))
}

/// Moved documents take over keys that others of the batch may be giving up: all are given up first.
async fn free_keys(connection: &mut PgConnection, replaced: &[&Writing<'_>]) -> Result<(), sqlx::Error> {
    let moved: Vec<i64> = replaced
        .iter()
        .filter(|writing| matches!(writing.slot.fate, Fate::Replace { moved: true, .. }))
        .map(|writing| writing.slot.seq)
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    sqlx::query("UPDATE document SET source_key = 'moving:' || seq WHERE seq = ANY($1)")
        .bind(moved)
        .execute(connection)
        .await
        .map(drop)
}

/// Notes new positions of messages within their archives, fingerprints of old mails, and in which pass messages were met.
pub(super) async fn write_positions(connection: &mut PgConnection, plan: &Plan) -> Result<(), sqlx::Error> {
    if !plan.shifted.is_empty() {
        // A message may shift twice in one batch; the last place is where it stands.
        let places: HashMap<i64, Option<i64>> = plan.shifted.iter().copied().collect();
        let (seqs, offsets): (Vec<i64>, Vec<Option<i64>>) = places.into_iter().unzip();
        sqlx::query(
            "UPDATE document SET source_offset = new.source_offset
             FROM unnest($1::BIGINT[], $2::BIGINT[]) AS new (seq, source_offset) WHERE document.seq = new.seq",
        )
        .bind(seqs)
        .bind(offsets)
        .execute(&mut *connection)
        .await?;
    }
    if !plan.fingerprints.is_empty() {
        sqlx::query(
            "UPDATE document SET fingerprint = new.fingerprint
             FROM unnest($1::BIGINT[], $2::BYTEA[]) AS new (seq, fingerprint) WHERE document.seq = new.seq",
        )
        .bind(plan.fingerprints.iter().map(|(seq, _)| *seq).collect::<Vec<_>>())
        .bind(plan.fingerprints.iter().map(|(_, fingerprint)| fingerprint.to_vec()).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    if !plan.met.is_empty() {
        // One statement may not write a row twice.
        let passes: HashMap<i64, i64> = plan.met.iter().copied().collect();
        let (seqs, passes): (Vec<i64>, Vec<i64>) = passes.into_iter().unzip();
        sqlx::query(
            "INSERT INTO archive_message (document_seq, pass) SELECT * FROM unnest($1::BIGINT[], $2::BIGINT[])
             ON CONFLICT (document_seq) DO UPDATE SET pass = excluded.pass",
        )
        .bind(seqs)
        .bind(passes)
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Writes chunks, words, instant vectors and background jobs. Returns how many jobs were queued.
pub(super) async fn write_chunks(
    connection: &mut PgConnection,
    writings: &[Writing<'_>],
    held: &HashMap<i64, Vec<HeldChunk>>,
    models: &Models,
) -> Result<u64, sqlx::Error> {
    let last_id = last_chunk_id(connection).await?;
    let changes = changes(writings, held, last_id).map_err(|error| sqlx::Error::Encode(error.into()))?;
    remove_chunks(connection, &changes.removed).await?;
    move_chunks(connection, &changes.moved).await?;
    for rows in changes.added.chunks(CHUNKS_AT_ONCE) {
        insert_chunks(connection, rows).await?;
    }
    if let Some(row) = changes.added.last() {
        sqlx::query("SELECT setval('chunk_id_seq', $1)").bind(row.id).execute(&mut *connection).await?;
    }
    let ids: HashMap<i64, DocumentId> = writings.iter().map(|writing| (writing.slot.seq, writing.slot.id)).collect();
    let indexed: Vec<IndexedChunk<'_>> = changes
        .added
        .iter()
        .filter_map(|row| {
            ids.get(&row.document_seq).map(|document_id| IndexedChunk {
                id: row.id,
                document_seq: row.document_seq,
                document_id: *document_id,
                kind: row.chunk.kind,
                token_count: row.chunk.token_count,
                terms: &row.chunk.terms,
            })
        })
        .collect();
    index_chunks(connection, &indexed).await?;
    let added = changes.added_texts();
    write_vectors(connection, &added, models).await?;
    // A kept chunk has its vector unless it was stored before this model came into use.
    write_vectors(connection, &changes.kept_texts(), models).await?;
    queue_jobs(connection, &added, models).await
}

/// Writes rows of chunks; the word index is told apart.
pub(in crate::store::postgres) async fn insert_chunks(
    connection: &mut PgConnection,
    rows: &[NewRow<'_>],
) -> Result<(), sqlx::Error> {
    let numbers = |of: fn(&NewRow<'_>) -> i64| -> Vec<i64> { rows.iter().map(of).collect() };
    sqlx::query(
        "INSERT INTO chunk (id, document_seq, ordinal, kind, searchable, text, overlap_bytes, context, place, token_count,
                            text_sha256)
         SELECT * FROM unnest($1::BIGINT[], $2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::BOOLEAN[], $6::TEXT[],
                              $7::BIGINT[], $8::TEXT[], $9::TEXT[], $10::BIGINT[], $11::BYTEA[])",
    )
    .bind(numbers(|row| row.id))
    .bind(numbers(|row| row.document_seq))
    .bind(numbers(|row| i64::from(row.chunk.ordinal)))
    .bind(rows.iter().map(|row| row.chunk.kind.as_str()).collect::<Vec<_>>())
    .bind(vec![true; rows.len()])
    .bind(rows.iter().map(|row| row.chunk.text.as_str()).collect::<Vec<_>>())
    .bind(numbers(|row| i64::from(row.chunk.overlap_bytes)))
    .bind(rows.iter().map(|row| row.chunk.context.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.place.as_str()).collect::<Vec<_>>())
    .bind(numbers(|row| i64::from(row.chunk.token_count)))
    .bind(rows.iter().map(|row| row.chunk.text_sha256.as_slice()).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

async fn move_chunks(connection: &mut PgConnection, moved: &[MovedChunk<'_>]) -> Result<(), sqlx::Error> {
    if moved.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE chunk SET ordinal = new.ordinal, overlap_bytes = new.overlap_bytes, place = new.place,
              token_count = new.token_count
         FROM unnest($1::BIGINT[], $2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[])
            AS new (id, ordinal, overlap_bytes, place, token_count) WHERE chunk.id = new.id",
    )
    .bind(moved.iter().map(|moved| moved.id).collect::<Vec<_>>())
    .bind(moved.iter().map(|moved| i64::from(moved.chunk.ordinal)).collect::<Vec<_>>())
    .bind(moved.iter().map(|moved| i64::from(moved.chunk.overlap_bytes)).collect::<Vec<_>>())
    .bind(moved.iter().map(|moved| moved.place.as_str()).collect::<Vec<_>>())
    .bind(moved.iter().map(|moved| i64::from(moved.chunk.token_count)).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}

async fn write_vectors(
    connection: &mut PgConnection,
    chunks: &[(i64, &NewChunk)],
    models: &Models,
) -> Result<(), sqlx::Error> {
    let Some(model) = models.instant else { return Ok(()) };
    for chunks in chunks.chunks(CHUNKS_AT_ONCE) {
        sqlx::query(
            "INSERT INTO embedding (model_seq, chunk_id, vector)
             SELECT $1, chunk_id, vector FROM unnest($2::BIGINT[], $3::VECTOR[]) AS new (chunk_id, vector)
             ON CONFLICT (chunk_id, model_seq) DO NOTHING",
        )
        .bind(model)
        .bind(chunks.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(chunks.iter().map(|(_, chunk)| chunk.vector.clone().map(Vector::from)).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn queue_jobs(
    connection: &mut PgConnection,
    added: &[(i64, &NewChunk)],
    models: &Models,
) -> Result<u64, sqlx::Error> {
    if added.is_empty() || models.background.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query(
        "INSERT INTO embedding_job (model_seq, chunk_id)
         SELECT model, chunk FROM unnest($1::BIGINT[]) AS model CROSS JOIN unnest($2::BIGINT[]) AS chunk",
    )
    .bind(models.background.as_slice())
    .bind(added.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Removes chunks with their jobs and vectors; the word index hears of it by itself. Jobs go first, as the embedding
/// workers lock them first.
async fn remove_chunks(connection: &mut PgConnection, removed: &[i64]) -> Result<(), sqlx::Error> {
    if removed.is_empty() {
        return Ok(());
    }
    for sql in ["DELETE FROM embedding_job WHERE chunk_id = ANY($1)", "DELETE FROM chunk WHERE id = ANY($1)"] {
        sqlx::query(sql).bind(removed).execute(&mut *connection).await?;
    }
    Ok(())
}
