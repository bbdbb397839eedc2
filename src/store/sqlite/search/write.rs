//! Packs new chunks into a segment of the word index, within the transaction that stores them. Called by every writer of
//! chunks. Chunks that are deleted tell it by themselves, by a trigger (`0016_index.sql`).

use std::collections::HashMap;

use sqlx::SqliteConnection;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::domain::ChunkKind;
use crate::index::words::{NewPlace, pack};

use super::super::batch::json_numbers;
use super::super::rows::uuid;

/// A new searchable chunk.
#[derive(Clone, Debug)]
pub(in crate::store::sqlite) struct IndexedChunk {
    /// The chunk.
    pub(in crate::store::sqlite) id: i64,
    /// Its document, by number.
    pub(in crate::store::sqlite) document_seq: i64,
    /// Its document.
    pub(in crate::store::sqlite) document_id: Uuid,
    /// What it is.
    pub(in crate::store::sqlite) kind: ChunkKind,
    /// Length in word pieces.
    pub(in crate::store::sqlite) token_count: u32,
    /// Its terms, blanks between (`NewChunk::terms`).
    pub(in crate::store::sqlite) terms: String,
}

/// A segment on its way: packed on another thread while the rows are written.
#[derive(Debug)]
pub(in crate::store::sqlite) struct Packing {
    chunks: i64,
    packed: JoinHandle<std::io::Result<Vec<u8>>>,
}

impl Packing {
    /// Begins to pack chunks, each of which is indexed once in its life.
    pub(in crate::store::sqlite) fn begin(mut chunks: Vec<IndexedChunk>) -> Self {
        let count = chunks.len() as i64;
        let packed = tokio::task::spawn_blocking(move || {
            chunks.sort_unstable_by_key(|chunk| chunk.id);
            let places: Vec<(NewPlace, &str)> =
                chunks.iter().map(|chunk| (place(chunk), chunk.terms.as_str())).collect();
            pack(&places)
        });
        Self { chunks: count, packed }
    }

    /// Writes the segment; readers see it when the transaction commits.
    pub(in crate::store::sqlite) async fn finish(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.chunks == 0 {
            return Ok(());
        }
        let packed =
            self.packed.await.map_err(|error| sqlx::Error::Protocol(format!("packing terms failed: {error}")))?;
        let bytes = packed.map_err(|error| sqlx::Error::Encode(error.into()))?;
        sqlx::query("INSERT INTO word_segment (chunks, size_bytes, bytes) VALUES (?1, ?2, ?3)")
            .bind(self.chunks)
            .bind(bytes.len() as i64)
            .bind(bytes)
            .execute(connection)
            .await
            .map(drop)
    }
}

fn place(chunk: &IndexedChunk) -> NewPlace {
    NewPlace {
        id: chunk.id,
        // Numbers of documents count up from 1; nobody has four thousand million.
        document: u32::try_from(chunk.document_seq).unwrap_or(u32::MAX),
        document_id: chunk.document_id,
        kind: chunk.kind,
        length: chunk.token_count,
    }
}

/// Adds chunks to the word index, as one segment.
pub(in crate::store::sqlite) async fn index_chunks(
    connection: &mut SqliteConnection,
    chunks: Vec<IndexedChunk>,
) -> Result<(), sqlx::Error> {
    Packing::begin(chunks).finish(connection).await
}

/// Ids of documents by their numbers.
pub(in crate::store::sqlite) async fn document_ids(
    connection: &mut SqliteConnection,
    numbers: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Uuid>, sqlx::Error> {
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, id FROM document WHERE seq IN (SELECT value FROM json_each(?1))")
            .bind(json_numbers(numbers))
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(|(number, id)| Ok((number, uuid(&id)?))).collect()
}

/// Empties the word index, within a transaction that begins to make it anew. Files that nobody names any more are removed
/// by whoever tidies up.
pub(in crate::store::sqlite) async fn forget_words(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM word_segment",
        "DELETE FROM word_gone",
        "DELETE FROM index_state",
        // Whoever knows the old segments looks again.
        "INSERT INTO search_change (chunk_id) VALUES (NULL)",
    ] {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    Ok(())
}
