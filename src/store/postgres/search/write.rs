//! Packs new chunks into a segment of the word index, within the transaction that stores them. Called by every writer of
//! chunks. Chunks that are deleted and documents that are retired tell it by themselves, by triggers (`0002_search.sql`).

use sqlx::PgConnection;

use crate::domain::{ChunkKind, DocumentId};
use crate::index::files::name_of;
use crate::index::words::{NewPlace, pack};

use super::pieces;

/// What the names of word segments end in.
pub(super) const WORDS: &str = "words";

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

impl IndexedChunk<'_> {
    fn place(&self) -> NewPlace {
        NewPlace {
            id: self.id,
            // Numbers of documents count up from 1; nobody has four thousand million.
            document: u32::try_from(self.document_seq).unwrap_or(u32::MAX),
            document_id: self.document_id.0,
            kind: self.kind,
            length: self.token_count,
        }
    }
}

/// Adds chunks to the word index, as one segment, within the transaction that stores them. A chunk is added once.
pub(in crate::store::postgres) async fn index_chunks(
    connection: &mut PgConnection,
    chunks: &[IndexedChunk<'_>],
) -> Result<(), sqlx::Error> {
    let mut packing: Vec<(NewPlace, &str)> = chunks.iter().map(|chunk| (chunk.place(), chunk.terms)).collect();
    packing.sort_unstable_by_key(|(place, _)| place.id);
    let (Some((first, _)), Some((last, _))) = (packing.first(), packing.last()) else { return Ok(()) };
    let bytes = pack(&packing).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let segment = NewSegment { name: name_of(&bytes, WORDS), chunks: packing.len(), range: (first.id, last.id) };
    segment.write(connection, &bytes).await
}

/// A segment of words to be written.
#[derive(Debug)]
pub(super) struct NewSegment {
    pub(super) name: String,
    pub(super) chunks: usize,
    /// First and last chunk.
    pub(super) range: (i64, i64),
}

impl NewSegment {
    /// Writes it; readers see it when the transaction commits.
    pub(super) async fn write(self, connection: &mut PgConnection, bytes: &[u8]) -> Result<(), sqlx::Error> {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO word_segment (name, chunks, first_id, last_id, size_bytes) VALUES ($1, $2, $3, $4, $5) \
             RETURNING id",
        )
        .bind(self.name)
        .bind(self.chunks as i64)
        .bind(self.range.0)
        .bind(self.range.1)
        .bind(bytes.len() as i64)
        .fetch_one(&mut *connection)
        .await?;
        pieces::write(connection, id, bytes).await
    }
}

/// Forgets blocks of vectors, of these models or of all, within a transaction: they are packed again from the vectors. Whoever
/// packs or merges meanwhile finds them gone, and throws away what it made.
pub(in crate::store::postgres) async fn forget_vectors(
    connection: &mut PgConnection,
    models: Option<Vec<i64>>,
) -> Result<(), sqlx::Error> {
    for sql in
        ["SELECT set_config('statement_timeout', '0', true)", "LOCK TABLE vector_segment IN SHARE ROW EXCLUSIVE MODE"]
    {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    sqlx::query("DELETE FROM vector_segment WHERE $1::BIGINT[] IS NULL OR model_seq = ANY($1)")
        .bind(models)
        .execute(connection)
        .await
        .map(drop)
}

/// Empties the word index, within a transaction that begins to make it anew. Whoever merges meanwhile finds the segments
/// gone, and throws away what it made.
pub(in crate::store::postgres) async fn forget_words(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for sql in [
        // Until a merge that is being written has ended: what it writes must be seen here.
        "SELECT set_config('statement_timeout', '0', true)",
        "LOCK TABLE word_segment IN SHARE ROW EXCLUSIVE MODE",
        "DELETE FROM word_segment",
        "DELETE FROM word_gone",
    ] {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    Ok(())
}
