//! Texts and titles against their checksums, and texts that are to be written anew. Called by `verify` and `system`.

use sqlx::{Row as _, SqliteConnection};

use crate::store::shared::texts::{AT_ONCE, ReadText, ReadTitle};
use crate::store::{DamagedText, StoreResult};

use super::SqliteStore;
use super::batch::json_numbers;
use super::error::{classify, is_damage};
use super::rows::document_id;

/// Every text and every title that is not what it was when it was stored. Where the file itself cannot be read, the rest is
/// passed over: the engine's own check tells of that.
pub(super) async fn damaged(connection: &mut SqliteConnection) -> Result<Vec<DamagedText>, sqlx::Error> {
    let mut damaged = damaged_titles(connection).await?;
    let mut after = 0_i64;
    loop {
        let rows = sqlx::query(
            "SELECT chunk.id, document.id, document.source_path, CAST(context AS BLOB), CAST(text AS BLOB), text_sha256
             FROM chunk CROSS JOIN document ON document.seq = chunk.document_seq
             WHERE chunk.id > ?1 ORDER BY chunk.id LIMIT ?2",
        )
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut *connection)
        .await;
        let rows = match rows {
            Err(error) if is_damage(&error) => return Ok(damaged),
            rows => rows?,
        };
        let Some(last) = rows.last() else { return Ok(damaged) };
        after = last.try_get(0)?;
        for row in &rows {
            let text = ReadText {
                chunk: row.try_get(0)?,
                document: document_id(row.try_get(1)?)?,
                path: row.try_get(2)?,
                context: row.try_get(3)?,
                text: row.try_get(4)?,
                text_sha256: row.try_get(5)?,
            };
            damaged.extend(text.damage());
        }
    }
}

async fn damaged_titles(connection: &mut SqliteConnection) -> Result<Vec<DamagedText>, sqlx::Error> {
    let mut damaged = Vec::new();
    let mut after = 0_i64;
    loop {
        let rows = sqlx::query(
            "SELECT seq, id, source_path, CAST(title AS BLOB), title_sha256,
                coalesce((SELECT chunk.id FROM chunk WHERE document_seq = seq ORDER BY ordinal LIMIT 1), 0)
             FROM document WHERE title_sha256 IS NOT NULL AND seq > ?1 ORDER BY seq LIMIT ?2",
        )
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut *connection)
        .await;
        let rows = match rows {
            Err(error) if is_damage(&error) => return Ok(damaged),
            rows => rows?,
        };
        let Some(last) = rows.last() else { return Ok(damaged) };
        after = last.try_get(0)?;
        for row in &rows {
            let title = ReadTitle {
                chunk: row.try_get(5)?,
                document: document_id(row.try_get(1)?)?,
                path: row.try_get(2)?,
                title: row.try_get(3)?,
                title_sha256: row.try_get(4)?,
            };
            damaged.extend(title.damage());
        }
    }
}

impl SqliteStore {
    /// See [`crate::store::SystemStore::damaged_texts`].
    pub(super) async fn find_damaged(&self) -> StoreResult<Vec<DamagedText>> {
        let work = async {
            let mut connection = self.reader.acquire().await?;
            damaged(&mut connection).await
        };
        work.await.map_err(|error| classify("compare texts", "all", error))
    }

    /// See [`crate::store::SystemStore::distrust_texts`].
    pub(super) async fn distrust(&self, chunks: &[i64]) -> StoreResult<()> {
        const OPERATION: &str = "distrust texts";
        let key = format!("{} texts", chunks.len());
        let mut transaction = self.begin(OPERATION, &key).await?;
        let work = async {
            let chunks = json_numbers(chunks.iter().copied());
            sqlx::query(
                "UPDATE document SET content_sha256 = zeroblob(32) WHERE seq IN (
                    SELECT document_seq FROM chunk WHERE id IN (SELECT value FROM json_each(?1)))",
            )
            .bind(chunks.as_str())
            .execute(&mut *transaction)
            .await?;
            sqlx::query("UPDATE chunk SET text_sha256 = zeroblob(32) WHERE id IN (SELECT value FROM json_each(?1))")
                .bind(chunks)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }
}
