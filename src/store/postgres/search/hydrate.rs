//! What hits show: text, title, sender, place, read in one go; and documents by their dates, for queries that rank nothing.

use std::collections::HashMap;

use sqlx::postgres::PgRow;
use sqlx::{QueryBuilder, Row};
use uuid::Uuid;

use crate::domain::search::{ByDate, Filter, HitSource, ScoredChunk};
use crate::domain::{ChunkId, ChunkKind, DocumentId, Place, SourceType};
use crate::store::{DatePage, DatedChunks, StoreResult};

use super::super::error::classify;
use super::super::rows::{from_json, moment, named};
use super::SearchIndex;
use super::filter::push_filter;
use super::source::Source;

impl SearchIndex {
    /// A page of the documents that pass, in the order of their dates, by their first chunks.
    pub(super) async fn chunks_by_date(
        &self,
        source: Source,
        filter: &Filter,
        page: &DatePage,
    ) -> StoreResult<DatedChunks> {
        let by_words = match filter.words_tree() {
            Some(_) => self.by_words(&self.refresh(source).await?, filter).await?,
            None => None,
        };
        let mut query = QueryBuilder::new(
            "SELECT first.id, document.id, count(*) OVER () FROM document CROSS JOIN LATERAL \
             (SELECT c.id FROM chunk c WHERE c.document_seq = document.seq ORDER BY c.ordinal LIMIT 1) AS first WHERE ",
        );
        push_filter(&mut query, filter);
        if let Some(documents) = by_words {
            let (numbers, is_rest) = documents.listed();
            query.push(if is_rest { " AND NOT document.seq" } else { " AND document.seq" });
            query.push(" = ANY(").push_bind(numbers).push(")");
        }
        query.push(match page.order {
            ByDate::Newest => " ORDER BY coalesce(document.dated_at, document.ingested_at) DESC, document.seq DESC",
            ByDate::Oldest => " ORDER BY coalesce(document.dated_at, document.ingested_at), document.seq",
        });
        query.push(" LIMIT ").push_bind(page.limit as i64).push(" OFFSET ").push_bind(page.offset as i64);
        let rows: Vec<(i64, Uuid, i64)> = query
            .build_query_as()
            .fetch_all(self.at(source))
            .await
            .map_err(|error| classify("list documents by date", format!("{filter:?}"), error))?;
        let total = rows.first().map(|(.., total)| total.unsigned_abs());
        let chunk = |(id, document, _): (i64, Uuid, i64)| ScoredChunk {
            chunk_id: ChunkId(id),
            document_id: DocumentId(document),
            score: 0.0,
        };
        Ok(DatedChunks { chunks: rows.into_iter().map(chunk).collect(), total })
    }

    pub(super) async fn hydrate_chunks(&self, chunks: &[ChunkId]) -> StoreResult<Vec<HitSource>> {
        let mut found = self.reading(|source| self.sources_of(source, chunks)).await?;
        // What the primary listed a replica may not have yet.
        let missing: Vec<ChunkId> = chunks.iter().copied().filter(|id| !found.contains_key(id)).collect();
        if !missing.is_empty() && self.replica.get().is_some() {
            found.extend(self.sources_of(Source::Primary, &missing).await?);
        }
        Ok(chunks.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn sources_of(&self, source: Source, chunks: &[ChunkId]) -> StoreResult<HashMap<ChunkId, HitSource>> {
        if chunks.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<i64> = chunks.iter().map(|id| id.0).collect();
        let fail = |error| classify("read hits", format!("{} chunks", chunks.len()), error);
        let rows = sqlx::query(
            "SELECT c.id, d.id, d.title, d.source_type, d.source_path, c.place, c.text, d.dated_at, d.deleted_at, \
             (SELECT coalesce(nullif(x.name, ''), nullif(p.display_name, ''), p.email) FROM document_person x \
                JOIN person p ON p.seq = x.person_seq WHERE x.document_seq = d.seq AND x.role IN ('from', 'author') \
                ORDER BY x.role, x.person_seq LIMIT 1), \
             ARRAY(SELECT t.tag FROM document_tag t WHERE t.document_seq = d.seq ORDER BY t.tag), c.kind \
             FROM chunk c JOIN document d ON d.seq = c.document_seq WHERE c.id = ANY($1)",
        )
        .bind(ids)
        .fetch_all(self.at(source))
        .await
        .map_err(fail)?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            let hit = hit_source(row).map_err(fail)?;
            found.insert(hit.chunk_id, hit);
        }
        Ok(found)
    }
}

fn hit_source(row: &PgRow) -> Result<HitSource, sqlx::Error> {
    let place: Place = from_json("place", row.try_get(5)?)?;
    Ok(HitSource {
        chunk_id: ChunkId(row.try_get(0)?),
        document_id: DocumentId(row.try_get(1)?),
        kind: named("chunk kind", row.try_get(11)?, ChunkKind::parse)?,
        title: row.try_get(2)?,
        source_type: named("source type", row.try_get(3)?, SourceType::parse)?,
        source_path: row.try_get(4)?,
        line: place.line,
        place: place.label(),
        text: row.try_get(6)?,
        dated_at: moment(row.try_get(7)?),
        from: row.try_get(9)?,
        tags: row.try_get(10)?,
        deleted_at: moment(row.try_get(8)?),
    })
}
