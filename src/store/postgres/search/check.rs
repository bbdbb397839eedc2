//! Holds the search index against the tables, every segment and block against its name, and this host's copies too. Called
//! by `verify`, by its repair, and when the store is opened.

use std::collections::HashSet;

use sqlx::PgConnection;

use crate::store::shared::index_check::differences;

use super::SearchIndex;
use super::pieces::{self, Failed, Stored};
use super::refresh::whole_view;
use super::write::forget_vectors;

/// Segments of words of which not every piece is there; blocks of vectors likewise, by their models.
const LACKING: &str = "size_bytes <> \
    (SELECT coalesce(sum(octet_length(bytes)), 0) FROM index_piece WHERE segment_id = segment.id)";

impl SearchIndex {
    /// What is wrong with the index at the moment of a transaction, each in words; nothing when it is sound. Searchable
    /// chunks are compared one by one. A copy on this host that is not what it was is no damage of the store: it goes, and
    /// is made again.
    pub(in crate::store::postgres) async fn damaged_index(
        &self,
        snapshot: &mut PgConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        self.drop_damaged_copies(snapshot).await?;
        let mut problems = Vec::new();
        for stored in all_stored(snapshot).await? {
            if !pieces::is_sound(snapshot, &stored).await? {
                problems.push(format!("segment {}, which does not hold what it is named by", stored.name));
            }
        }
        let view = match whole_view(self, snapshot).await {
            Ok(view) => view,
            // Said above.
            Err(Failed::Damaged(_)) => return Ok(problems),
            Err(Failed::Store(error)) => return Err(error),
        };
        let held: Option<Vec<i64>> =
            sqlx::query_scalar("SELECT array_agg(id) FROM chunk WHERE searchable").fetch_one(snapshot).await?;
        let held: HashSet<i64> = held.unwrap_or_default().into_iter().collect();
        let indexed: HashSet<i64> = view.ids().collect();
        problems.extend(differences(&held, &indexed));
        Ok(problems)
    }

    /// Removes copies on this host that do not hold what they are named by.
    async fn drop_damaged_copies(&self, snapshot: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Some(folder) = self.local.known() else { return Ok(()) };
        let stored = all_stored(snapshot).await?;
        let checking = tokio::task::spawn_blocking(move || {
            let copies = stored.into_iter().filter(|stored| folder.file(&stored.name).exists());
            let unsound = copies.filter(|stored| !folder.is_sound(&stored.name).unwrap_or(false));
            let dropped = unsound.map(|stored| {
                tracing::warn!(event = "index_copy_damaged", name = stored.name, "it is made again from the store");
                folder.remove(&stored.name);
            });
            dropped.count()
        });
        let dropped =
            checking.await.map_err(|error| sqlx::Error::Protocol(format!("checking copies failed: {error}")))?;
        if dropped > 0 {
            self.forget_all().await;
        }
        Ok(())
    }

    /// Whether all of the word index is there, by one look at lengths. Blocks of vectors that are not are forgotten, and all
    /// of them when their keys are another cluster's, as in a store that was restored from a dump: they are packed again
    /// from the vectors.
    pub(in crate::store::postgres) async fn is_whole(&self) -> Result<bool, sqlx::Error> {
        let sql = format!(
            "SELECT NOT EXISTS (SELECT 1 FROM word_segment AS segment WHERE {LACKING}), \
                    ARRAY(SELECT DISTINCT model_seq FROM vector_segment AS segment WHERE {LACKING}), \
                    greatest((SELECT max(last_xact) FROM vector_segment), (SELECT max(newest) FROM model, LATERAL \
                        (SELECT max(written_by) AS newest FROM embedding WHERE model_seq = model.seq AND vector IS NOT NULL) \
                        AS written)) >= pg_snapshot_xmax(pg_current_snapshot())::TEXT::BIGINT"
        );
        let (is_whole, lacking, is_foreign): (bool, Vec<i64>, Option<bool>) =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(&self.pool).await?;
        if !lacking.is_empty() {
            let mut transaction = self.pool.begin().await?;
            forget_vectors(&mut transaction, Some(lacking)).await?;
            transaction.commit().await?;
        }
        if is_foreign == Some(true) {
            self.forget_foreign_numbers().await?;
        }
        Ok(is_whole)
    }

    /// Numbers of transactions of another cluster say nothing here: what has them is older than anything.
    async fn forget_foreign_numbers(&self) -> Result<(), sqlx::Error> {
        tracing::info!(event = "index_keys_renewed", "this store was restored from a dump of another server");
        let mut transaction = self.pool.begin().await?;
        forget_vectors(&mut transaction, None).await?;
        for sql in [
            "UPDATE embedding SET written_by = 0 WHERE written_by >= pg_snapshot_xmax(pg_current_snapshot())::TEXT::BIGINT",
            "UPDATE word_gone SET written_by = 0 WHERE written_by >= pg_snapshot_xmax(pg_current_snapshot())::TEXT::BIGINT",
            "UPDATE search_retired SET written_by = 0 \
             WHERE written_by >= pg_snapshot_xmax(pg_current_snapshot())::TEXT::BIGINT",
        ] {
            sqlx::query(sql).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}

/// Every segment and block.
async fn all_stored(snapshot: &mut PgConnection) -> Result<Vec<Stored>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, name, size_bytes FROM word_segment UNION ALL SELECT id, name, size_bytes FROM vector_segment ORDER BY id",
    )
    .fetch_all(snapshot)
    .await
}
