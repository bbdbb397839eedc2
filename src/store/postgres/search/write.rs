//! What the writers of documents tell the search index. Called by `documents`.
//! Chunks that are deleted and documents that are retired tell it by themselves, by triggers (`0002_search.sql`).

use sqlx::PgConnection;

use crate::domain::{ChunkKind, DocumentId};

use super::segment::{Packed, Place, pack};

/// A new searchable chunk.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::postgres) struct IndexedChunk<'a> {
    /// The chunk.
    pub(in crate::store::postgres) id: i64,
    /// Its document, by number.
    pub(in crate::store::postgres) document_seq: i64,
    /// Its document.
    pub(in crate::store::postgres) document_id: DocumentId,
    /// What it is.
    pub(in crate::store::postgres) kind: ChunkKind,
    /// Length in word pieces.
    pub(in crate::store::postgres) token_count: u32,
    /// Its terms, blanks between (`NewChunk::terms`).
    pub(in crate::store::postgres) terms: &'a str,
}

/// Adds chunks to the word index, as one segment, within the transaction that stores them. A chunk is added once.
pub(in crate::store::postgres) async fn index_chunks(
    connection: &mut PgConnection,
    chunks: &[IndexedChunk<'_>],
) -> Result<(), sqlx::Error> {
    if chunks.is_empty() {
        return Ok(());
    }
    let mut packing: Vec<(Place, &str)> = chunks
        .iter()
        .map(|chunk| {
            let place = Place {
                id: chunk.id,
                document_seq: chunk.document_seq,
                document_id: chunk.document_id,
                kind: chunk.kind,
                length: chunk.token_count,
            };
            (place, chunk.terms)
        })
        .collect();
    packing.sort_unstable_by_key(|(place, _)| place.id);
    write_segment(connection, pack(&packing)).await
}

/// Writes a packed segment; readers see it when the transaction commits.
pub(super) async fn write_segment(connection: &mut PgConnection, packed: Packed) -> Result<(), sqlx::Error> {
    let id: i64 =
        sqlx::query_scalar("INSERT INTO word_segment (chunks, header, dictionary) VALUES ($1, $2, $3) RETURNING id")
            .bind(packed.chunks as i64)
            .bind(packed.header)
            .bind(packed.dictionary)
            .fetch_one(&mut *connection)
            .await?;
    let mut first = 0_i64;
    // In steps: a message of many megabytes would be held several times over.
    for blocks in packed.blocks.chunks(1024) {
        sqlx::query(
            "INSERT INTO word_block (segment_id, block, bytes) \
             SELECT $1, $2 + number - 1, bytes FROM unnest($3::BYTEA[]) WITH ORDINALITY AS b (bytes, number)",
        )
        .bind(id)
        .bind(first)
        .bind(blocks)
        .execute(&mut *connection)
        .await?;
        first += blocks.len() as i64;
    }
    Ok(())
}
