//! Makes the word index anew: when another version of `domain::terms` made it, when a file of it is not there any more, or
//! when `check` found it damaged. Called by `older` when a store is opened, before anybody searches; in steps, each a
//! transaction of its own, so that a process that is stopped meanwhile leaves the rest to the next one.

use crate::domain::{ChunkKind, terms};
use crate::store::StoreResult;
use crate::store::shared::older::CHUNKS_AT_ONCE;

use super::SqliteStore;
use super::error::classify;
use super::rows::{named, uuid};
use super::search::{IndexedChunk, forget_words, index_chunks};

const OPERATION: &str = "make word index anew";

/// A chunk to be indexed: id, document, its id, kind, length, context, text.
type ChunkRow = (i64, i64, Vec<u8>, String, i64, String, String);

impl SqliteStore {
    /// Costs one look when the index is as this version makes it and all of it is there.
    pub(super) async fn renew_words(&self) -> StoreResult<()> {
        let fail = |error| classify(OPERATION, self.location(), error);
        let (version, is_done): (i64, bool) = sqlx::query_as("SELECT version, done_id >= last_id FROM word_terms")
            .fetch_one(&self.reader)
            .await
            .map_err(fail)?;
        let is_whole = self.has_all_files().await.map_err(fail)?;
        if version == terms::VERSION && is_done && is_whole {
            return Ok(());
        }
        self.make_words(version != terms::VERSION || !is_whole).await
    }

    /// Makes the word index anew from the texts, all of it or what another process left.
    pub(super) async fn make_words(&self, is_anew: bool) -> StoreResult<()> {
        let chunks = self.begin_words(is_anew).await?;
        if chunks == 0 {
            return Ok(());
        }
        tracing::info!(
            event = "word_index_renewal_began",
            chunks,
            "every text is indexed again, once, by how words are found now"
        );
        let mut done = 0;
        while let Some(count) = self.renew_some().await? {
            done += count;
            tracing::info!(event = "word_index_renewal_goes_on", done, chunks);
        }
        tracing::info!(event = "word_index_renewed");
        Ok(())
    }

    /// Whether every file that the tables name is there, as long as it was. Blocks of vectors that are not are forgotten:
    /// they are packed again from the vectors.
    async fn has_all_files(&self) -> Result<bool, sqlx::Error> {
        let words: Vec<(String, i64)> =
            sqlx::query_as("SELECT file, size_bytes FROM word_segment WHERE file IS NOT NULL")
                .fetch_all(&self.reader)
                .await?;
        let vectors: Vec<(String, i64, i64)> =
            sqlx::query_as("SELECT file, size_bytes, model_seq FROM vector_segment").fetch_all(&self.reader).await?;
        let is_there = |file: &str, bytes: i64| self.index.folder().is_there(file, bytes.unsigned_abs());
        for (_, _, model) in vectors.iter().filter(|(file, bytes, _)| !is_there(file, *bytes)) {
            sqlx::query("DELETE FROM vector_segment WHERE model_seq = ?").bind(model).execute(&self.writer).await?;
        }
        Ok(words.iter().all(|(file, bytes)| is_there(file, *bytes)))
    }

    /// Empties an index that is to be made anew, and says how many chunks are left to index.
    async fn begin_words(&self, is_anew: bool) -> StoreResult<i64> {
        let fail = |error| classify(OPERATION, self.location(), error);
        let mut transaction = self.begin(OPERATION, "word index").await?;
        let work = async {
            let version: i64 =
                sqlx::query_scalar("SELECT version FROM word_terms").fetch_one(&mut *transaction).await?;
            if is_anew || version != terms::VERSION {
                forget_words(&mut transaction).await?;
                sqlx::query(
                    "UPDATE word_terms SET version = ?, done_id = 0, \
                     last_id = (SELECT coalesce(max(id), 0) FROM chunk WHERE searchable = 1)",
                )
                .bind(terms::VERSION)
                .execute(&mut *transaction)
                .await?;
            }
            let chunks: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM chunk, word_terms WHERE searchable = 1 AND id > done_id AND id <= last_id",
            )
            .fetch_one(&mut *transaction)
            .await?;
            if chunks == 0 {
                sqlx::query("UPDATE word_terms SET done_id = last_id").execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(chunks)
        };
        work.await.map_err(fail)
    }

    /// Indexes some chunks; `None` when there are none left.
    async fn renew_some(&self) -> StoreResult<Option<usize>> {
        let fail = |error| classify(OPERATION, self.location(), error);
        let mut transaction = self.begin(OPERATION, "chunks").await?;
        let work = async {
            let rows: Vec<ChunkRow> = sqlx::query_as(
                "SELECT chunk.id, chunk.document_seq, document.id, chunk.kind, chunk.token_count, chunk.context, chunk.text \
                 FROM chunk JOIN document ON document.seq = chunk.document_seq \
                 WHERE searchable = 1 AND chunk.id > (SELECT done_id FROM word_terms) \
                 AND chunk.id <= (SELECT last_id FROM word_terms) ORDER BY chunk.id LIMIT ?",
            )
            .bind(CHUNKS_AT_ONCE)
            .fetch_all(&mut *transaction)
            .await?;
            let Some(last) = rows.last().map(|(id, ..)| *id) else {
                sqlx::query("UPDATE word_terms SET done_id = last_id").execute(&mut *transaction).await?;
                transaction.commit().await?;
                return Ok(None);
            };
            let making = tokio::task::spawn_blocking(move || {
                rows.into_iter().map(chunk).collect::<Result<Vec<_>, sqlx::Error>>()
            });
            let made =
                making.await.map_err(|error| sqlx::Error::Protocol(format!("making terms failed: {error}")))??;
            let count = made.len();
            index_chunks(&mut transaction, made).await?;
            sqlx::query("UPDATE word_terms SET done_id = ?").bind(last).execute(&mut *transaction).await?;
            transaction.commit().await?;
            self.merge_segments().await?;
            Ok(Some(count))
        };
        work.await.map_err(fail)
    }
}

fn chunk((id, document_seq, document, kind, length, context, text): ChunkRow) -> Result<IndexedChunk, sqlx::Error> {
    Ok(IndexedChunk {
        id,
        document_seq,
        document_id: uuid(&document)?,
        kind: named("kind of chunk", &kind, ChunkKind::parse)?,
        token_count: u32::try_from(length).unwrap_or(u32::MAX),
        terms: terms::chunk_terms(&context, &text),
    })
}
