//! What hits show: text, title, sender, place, read in one go; and documents by their dates, for queries that rank nothing.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};

use crate::domain::search::{ByDate, Filter, HitSource, ScoredChunk};
use crate::domain::{ChunkId, ChunkKind, DocumentId, Place, SourceType, Timestamp};
use crate::store::{DatePage, DatedChunks, StoreResult};

use super::super::SqliteStore;
use super::super::error::classify;
use super::super::rows::named;
use super::filter::push_filter;
use super::patient::patient;

fn document_id(bytes: &[u8]) -> Result<DocumentId, sqlx::Error> {
    uuid::Uuid::from_slice(bytes).map(DocumentId).map_err(|error| sqlx::Error::Decode(error.into()))
}

impl SqliteStore {
    /// A page of the documents that pass, in the order of their dates, by their first chunks.
    pub(super) async fn chunks_by_date(&self, filter: &Filter, page: &DatePage) -> StoreResult<DatedChunks> {
        let by_words = match filter.words_tree() {
            Some(_) => self.by_words(&self.catch_up().await?.view, filter).await?,
            None => None,
        };
        let mut query = QueryBuilder::new(
            "SELECT (SELECT c.id FROM chunk c WHERE c.document_seq = document.seq ORDER BY c.ordinal LIMIT 1) AS first, \
             document.id, count(*) OVER () FROM document WHERE ",
        );
        push_filter(&mut query, filter);
        if let Some(documents) = by_words {
            let (numbers, is_rest) = documents.listed();
            query.push(if is_rest { " AND document.seq NOT IN" } else { " AND document.seq IN" });
            query.push(" (SELECT value FROM json_each(");
            query.push_bind(serde_json::to_string(&numbers).unwrap_or_default()).push("))");
        }
        query.push(match page.order {
            ByDate::Newest => {
                " AND first IS NOT NULL ORDER BY coalesce(document.dated_at, document.ingested_at) DESC, document.seq DESC"
            }
            ByDate::Oldest => {
                " AND first IS NOT NULL ORDER BY coalesce(document.dated_at, document.ingested_at), document.seq"
            }
        });
        query.push(" LIMIT ").push_bind(page.limit as i64).push(" OFFSET ").push_bind(page.offset as i64);
        let fail = |error| classify("list documents by date", format!("{filter:?}"), error);
        let mut reader = patient(&self.reader).await.map_err(fail)?;
        let rows: Vec<(i64, Vec<u8>, i64)> = query.build_query_as().fetch_all(&mut *reader).await.map_err(fail)?;
        let total = rows.first().map(|(.., total)| total.unsigned_abs());
        let chunk = |(chunk, id, _): &(i64, Vec<u8>, i64)| {
            Ok(ScoredChunk { chunk_id: ChunkId(*chunk), document_id: document_id(id).map_err(fail)?, score: 0.0 })
        };
        Ok(DatedChunks { chunks: rows.iter().map(chunk).collect::<StoreResult<Vec<_>>>()?, total })
    }

    pub(super) async fn hydrate_chunks(&self, chunks: &[ChunkId]) -> StoreResult<Vec<HitSource>> {
        let ids: Vec<i64> = chunks.iter().map(|id| id.0).collect();
        let fail = |error| classify("read hits", ids.len().to_string(), error);
        let rows = sqlx::query(
            "SELECT c.id, d.id, d.title, d.source_type, d.source_path, c.place, c.text, d.dated_at, d.deleted_at, \
             (SELECT coalesce(nullif(x.name, ''), nullif(p.display_name, ''), p.email) FROM document_person x \
                JOIN person p ON p.seq = x.person_seq WHERE x.document_seq = d.seq AND x.role IN ('from', 'author') LIMIT 1), \
             (SELECT json_group_array(t.tag) FROM document_tag t WHERE t.document_seq = d.seq), c.kind \
             FROM chunk c JOIN document d ON d.seq = c.document_seq WHERE c.id IN (SELECT value FROM json_each(?))",
        )
        .bind(serde_json::to_string(&ids).unwrap_or_default())
        .fetch_all(&self.reader)
        .await
        .map_err(fail)?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            let source = source(row).map_err(fail)?;
            found.insert(source.chunk_id, source);
        }
        Ok(chunks.iter().filter_map(|id| found.remove(id)).collect())
    }
}

fn source(row: &SqliteRow) -> Result<HitSource, sqlx::Error> {
    let decode = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    let place: Place = serde_json::from_str(row.try_get(5)?).map_err(decode)?;
    let kind: &str = row.try_get(3)?;
    let kind = SourceType::parse(kind).ok_or_else(|| sqlx::Error::Decode(format!("source type {kind}").into()))?;
    let id: &[u8] = row.try_get(1)?;
    Ok(HitSource {
        chunk_id: ChunkId(row.try_get(0)?),
        document_id: document_id(id)?,
        kind: named("chunk kind", row.try_get(11)?, ChunkKind::parse)?,
        title: row.try_get(2)?,
        source_type: kind,
        source_path: row.try_get(4)?,
        line: place.line,
        place: place.label(),
        text: row.try_get(6)?,
        dated_at: row.try_get::<Option<i64>, _>(7)?.map(Timestamp),
        from: row.try_get(9)?,
        tags: serde_json::from_str(row.try_get(10)?).map_err(decode)?,
        deleted_at: row.try_get::<Option<i64>, _>(8)?.map(Timestamp),
    })
}
