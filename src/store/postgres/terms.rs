//! Makes the search index anew: when another version of `domain::terms` made it, when some of it is not there any more, or
//! when `check` found it damaged. Called by `older` when a store is opened, before anybody searches; in steps, each a
//! transaction of its own, so that a process that is stopped meanwhile leaves the rest to the next one.

use uuid::Uuid;

use crate::domain::{ChunkKind, DocumentId, terms};
use crate::store::StoreResult;
use crate::store::shared::older::CHUNKS_AT_ONCE;

use super::PostgresStore;
use super::error::classify;
use super::rows::{named, small};
use super::search::{IndexedChunk, forget_words, index_chunks};

const OPERATION: &str = "make word index anew";

/// A chunk as it is stored: id, number and id of its document, kind, length, context, text.
type Stored = (i64, i64, Uuid, String, i64, String, String);

/// A chunk with its terms.
struct Renewed {
    id: i64,
    document_seq: i64,
    document_id: DocumentId,
    kind: ChunkKind,
    token_count: u32,
    terms: String,
}

impl PostgresStore {
    /// Costs a few looks when the index is as this version makes it and all of it is there.
    pub(super) async fn renew_index(&self) -> StoreResult<()> {
        let fail = |error| classify(OPERATION, self.location.as_str(), error);
        let (version, is_done): (i64, bool) = sqlx::query_as("SELECT version, done_id >= last_id FROM word_terms")
            .fetch_one(&self.pool)
            .await
            .map_err(fail)?;
        let is_whole = self.search.is_whole().await.map_err(fail)?;
        if version != terms::VERSION || !is_done || !is_whole {
            self.make_words(version != terms::VERSION || !is_whole).await?;
        }
        self.search.pack_many().await.map_err(fail)
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
            self.search.merge_segments().await.map_err(|error| classify(OPERATION, self.location.as_str(), error))?;
            tracing::info!(event = "word_index_renewal_goes_on", done, chunks);
        }
        tracing::info!(event = "word_index_renewed");
        Ok(())
    }

    /// Empties an index that is to be made anew, and says how many chunks are left to index.
    pub(super) async fn begin_words(&self, is_anew: bool) -> StoreResult<i64> {
        let fail = |error| classify(OPERATION, self.location.as_str(), error);
        let mut transaction = self.begin_writing(OPERATION, "word index").await?;
        let work = async {
            // Whoever opens the store at the same time waits here, and finds it begun.
            let version: i64 =
                sqlx::query_scalar("SELECT version FROM word_terms FOR UPDATE").fetch_one(&mut *transaction).await?;
            if is_anew || version != terms::VERSION {
                forget_words(&mut transaction).await?;
                sqlx::query(
                    "UPDATE word_terms SET version = $1, done_id = 0, \
                     last_id = (SELECT coalesce(max(id), 0) FROM chunk WHERE searchable)",
                )
                .bind(terms::VERSION)
                .execute(&mut *transaction)
                .await?;
            }
            let chunks: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM chunk, word_terms WHERE searchable AND id > done_id AND id <= last_id",
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
    pub(super) async fn renew_some(&self) -> StoreResult<Option<usize>> {
        let fail = |error| classify(OPERATION, self.location.as_str(), error);
        let mut transaction = self.begin_writing(OPERATION, "chunks").await?;
        let work = async {
            let (done, last): (i64, i64) = sqlx::query_as("SELECT done_id, last_id FROM word_terms FOR UPDATE")
                .fetch_one(&mut *transaction)
                .await?;
            let rows: Vec<Stored> = sqlx::query_as(
                "SELECT chunk.id, document.seq, document.id, chunk.kind, chunk.token_count, chunk.context, chunk.text \
                 FROM chunk JOIN document ON document.seq = chunk.document_seq \
                 WHERE chunk.searchable AND chunk.id > $1 AND chunk.id <= $2 ORDER BY chunk.id LIMIT $3",
            )
            .bind(done)
            .bind(last)
            .bind(CHUNKS_AT_ONCE)
            .fetch_all(&mut *transaction)
            .await?;
            let Some(newest) = rows.last().map(|row| row.0) else {
                sqlx::query("UPDATE word_terms SET done_id = last_id").execute(&mut *transaction).await?;
                transaction.commit().await?;
                return Ok(None);
            };
            let made =
                tokio::task::spawn_blocking(move || rows.into_iter().map(renewed).collect::<Result<Vec<_>, _>>());
            let made = made.await.map_err(|error| sqlx::Error::Protocol(format!("making terms failed: {error}")))??;
            index_chunks(&mut transaction, &made.iter().map(Renewed::indexed).collect::<Vec<_>>()).await?;
            sqlx::query("UPDATE word_terms SET done_id = $1").bind(newest).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(Some(made.len()))
        };
        work.await.map_err(fail)
    }
}

impl Renewed {
    fn indexed(&self) -> IndexedChunk<'_> {
        IndexedChunk {
            id: self.id,
            document_seq: self.document_seq,
            document_id: self.document_id,
            kind: self.kind,
            token_count: self.token_count,
            terms: &self.terms,
        }
    }
}

fn renewed((id, document_seq, document_id, kind, token_count, context, text): Stored) -> Result<Renewed, sqlx::Error> {
    Ok(Renewed {
        id,
        document_seq,
        document_id: DocumentId(document_id),
        kind: named("chunk kind", &kind, ChunkKind::parse)?,
        token_count: small(token_count),
        terms: terms::chunk_terms(&context, &text),
    })
}
