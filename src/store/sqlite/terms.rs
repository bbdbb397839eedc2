//! Makes the word index anew when it was made by another version of `domain::terms`. Called by `older` when a store is
//! opened, before anybody searches; in steps, each a transaction of its own, so that a process that is stopped meanwhile
//! leaves the rest to the next one.

use crate::domain::terms;
use crate::store::StoreResult;
use crate::store::shared::older::CHUNKS_AT_ONCE;

use super::SqliteStore;
use super::batch::insert_at_once;
use super::error::classify;

const OPERATION: &str = "make word index anew";

impl SqliteStore {
    /// Costs one look when the index is as this version makes it.
    pub(super) async fn renew_words(&self) -> StoreResult<()> {
        let fail = |error| classify(OPERATION, self.location(), error);
        let (version, is_done): (i64, bool) = sqlx::query_as("SELECT version, done_id >= last_id FROM word_terms")
            .fetch_one(&self.writer)
            .await
            .map_err(fail)?;
        if version == terms::VERSION && is_done {
            return Ok(());
        }
        let chunks = self.begin_words().await?;
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

    /// Empties an index of another version, and says how many chunks are left to index.
    async fn begin_words(&self) -> StoreResult<i64> {
        let fail = |error| classify(OPERATION, self.location(), error);
        let mut transaction = self.begin(OPERATION, "word index").await?;
        let work = async {
            let version: i64 =
                sqlx::query_scalar("SELECT version FROM word_terms").fetch_one(&mut *transaction).await?;
            if version != terms::VERSION {
                sqlx::query("INSERT INTO chunk_words (chunk_words) VALUES ('delete-all')")
                    .execute(&mut *transaction)
                    .await?;
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
            let rows: Vec<(i64, String, String)> = sqlx::query_as(
                "SELECT id, context, text FROM chunk WHERE searchable = 1 AND id > (SELECT done_id FROM word_terms) \
                 AND id <= (SELECT last_id FROM word_terms) ORDER BY id LIMIT ?",
            )
            .bind(CHUNKS_AT_ONCE)
            .fetch_all(&mut *transaction)
            .await?;
            let Some(last) = rows.last().map(|(id, ..)| *id) else {
                sqlx::query("UPDATE word_terms SET done_id = last_id").execute(&mut *transaction).await?;
                transaction.commit().await?;
                return Ok(None);
            };
            let made = tokio::task::spawn_blocking(move || {
                let made = |(id, context, text): (i64, String, String)| (id, terms::chunk_terms(&context, &text));
                rows.into_iter().map(made).collect::<Vec<_>>()
            });
            let made = made.await.map_err(|error| sqlx::Error::Protocol(format!("making terms failed: {error}")))?;
            insert_at_once(
                &mut transaction,
                "INSERT INTO chunk_words (rowid, terms) VALUES",
                2,
                &made,
                |statement, (id, terms)| statement.bind(*id).bind(terms.clone()),
            )
            .await?;
            sqlx::query("UPDATE word_terms SET done_id = ?").bind(last).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(Some(made.len()))
        };
        work.await.map_err(fail)
    }
}
