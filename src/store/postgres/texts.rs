//! Texts and titles against their checksums, and texts that are to be written anew. Called by `verify` and `system`.

use sqlx::{PgConnection, Row as _};

use crate::domain::DocumentId;
use crate::store::shared::texts::{AT_ONCE, ReadText, ReadTitle};
use crate::store::{DamagedText, StoreResult};

use super::PostgresStore;
use super::error::classify;

/// Every text and every title that is not what it was when it was stored.
pub(super) async fn damaged(connection: &mut PgConnection) -> Result<Vec<DamagedText>, sqlx::Error> {
    let mut damaged = damaged_titles(connection).await?;
    let mut after = 0_i64;
    loop {
        let rows = sqlx::query(
            "SELECT chunk.id, document.id, document.source_path, context, text, text_sha256
             FROM (SELECT * FROM chunk WHERE id > $1 ORDER BY id LIMIT $2) AS chunk
             JOIN document ON document.seq = chunk.document_seq ORDER BY chunk.id",
        )
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = rows.last() else { return Ok(damaged) };
        after = last.try_get(0)?;
        for row in &rows {
            let text = ReadText {
                chunk: row.try_get(0)?,
                document: DocumentId(row.try_get(1)?),
                path: row.try_get(2)?,
                context: row.try_get::<&str, _>(3)?.as_bytes(),
                text: row.try_get::<&str, _>(4)?.as_bytes(),
                text_sha256: row.try_get(5)?,
            };
            damaged.extend(text.damage());
        }
    }
}

async fn damaged_titles(connection: &mut PgConnection) -> Result<Vec<DamagedText>, sqlx::Error> {
    let mut damaged = Vec::new();
    let mut after = 0_i64;
    loop {
        let rows = sqlx::query(
            "SELECT seq, id, source_path, title, title_sha256,
                coalesce((SELECT chunk.id FROM chunk WHERE document_seq = seq ORDER BY ordinal LIMIT 1), 0)
             FROM document WHERE title_sha256 IS NOT NULL AND seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = rows.last() else { return Ok(damaged) };
        after = last.try_get(0)?;
        for row in &rows {
            let title = ReadTitle {
                chunk: row.try_get(5)?,
                document: DocumentId(row.try_get(1)?),
                path: row.try_get(2)?,
                title: row.try_get::<&str, _>(3)?.as_bytes(),
                title_sha256: row.try_get(4)?,
            };
            damaged.extend(title.damage());
        }
    }
}

impl PostgresStore {
    /// See [`crate::store::SystemStore::damaged_texts`].
    pub(super) async fn find_damaged(&self) -> StoreResult<Vec<DamagedText>> {
        let work = async {
            let mut connection = self.pool.acquire().await?;
            damaged(&mut connection).await
        };
        work.await.map_err(|error| classify("compare texts", "all", error))
    }

    /// See [`crate::store::SystemStore::distrust_texts`].
    pub(super) async fn distrust(&self, chunks: &[i64]) -> StoreResult<()> {
        const OPERATION: &str = "distrust texts";
        let key = format!("{} texts", chunks.len());
        let mut transaction = self.begin_writing(OPERATION, &key).await?;
        let work = async {
            sqlx::query(
                "UPDATE document SET content_sha256 = decode(repeat('00', 32), 'hex') WHERE seq IN (
                    SELECT document_seq FROM chunk WHERE id = ANY($1))",
            )
            .bind(chunks)
            .execute(&mut *transaction)
            .await?;
            sqlx::query("UPDATE chunk SET text_sha256 = decode(repeat('00', 32), 'hex') WHERE id = ANY($1)")
                .bind(chunks)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        work.await.map_err(|error| classify(OPERATION, key, error))
    }
}
