//! Scores by the stored vectors themselves, and the vectors of documents and chunks, for "more like this" and for feedback.

use std::collections::HashMap;
use std::fmt::Write as _;

use pgvector::Vector;
use sqlx::{AssertSqlSafe, Row as _};

use crate::domain::search::VectorQuery;
use crate::domain::{ChunkId, DocumentId, ModelId};
use crate::store::StoreResult;

use super::super::error::classify;
use super::SearchIndex;
use super::refresh::KnownModel;
use super::source::Source;

impl SearchIndex {
    /// Calibrated cosines of given chunks from the stored f32, in order.
    pub(super) async fn vector_scores(
        &self,
        source: Source,
        queries: &[VectorQuery],
        chunks: &[ChunkId],
    ) -> StoreResult<Vec<Option<f32>>> {
        if chunks.is_empty() || queries.is_empty() {
            return Ok(vec![None; chunks.len()]);
        }
        let present = self.refresh(source).await?;
        let asked: Vec<(&KnownModel, &VectorQuery)> = queries
            .iter()
            .filter_map(|query| Some((present.model(&query.model.0)?, query)))
            .filter(|(model, query)| model.dimension == query.vector.len())
            .collect();
        if asked.is_empty() {
            return Ok(vec![None; chunks.len()]);
        }
        let mut sql = String::new();
        for (number, (model, _)) in asked.iter().enumerate() {
            let joint = if number > 0 { " UNION ALL " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(
                sql,
                "{joint}SELECT {number}, chunk_id, (-(vector <#> ${}))::REAL FROM embedding \
                 WHERE chunk_id = ANY($1) AND model_seq = {} AND vector IS NOT NULL",
                number + 2,
                model.seq,
            );
        }
        let ids: Vec<i64> = chunks.iter().map(|id| id.0).collect();
        let mut statement = sqlx::query_as(AssertSqlSafe(sql)).bind(ids);
        for (_, query) in &asked {
            statement = statement.bind(Vector::from(query.vector.clone()));
        }
        let mut rows: Vec<(i32, i64, f32)> = statement
            .fetch_all(self.at(source))
            .await
            .map_err(|error| classify("score vectors", format!("{} chunks", chunks.len()), error))?;
        // The first model's score stays.
        rows.sort_unstable_by_key(|(number, ..)| *number);
        let mut scores: HashMap<i64, f32> = HashMap::with_capacity(rows.len());
        for (number, id, cosine) in rows {
            let Some((_, query)) = asked.get(number as usize) else { continue };
            scores.entry(id).or_insert(query.scale * cosine + query.offset);
        }
        Ok(chunks.iter().map(|id| scores.get(&id.0).copied()).collect())
    }

    pub(super) async fn vectors_of_chunks(
        &self,
        source: Source,
        model: &ModelId,
        chunks: &[ChunkId],
    ) -> StoreResult<HashMap<ChunkId, Vec<f32>>> {
        let fail = |error| classify("read vectors", format!("{} chunks", chunks.len()), error);
        let rows: Vec<(i64, Vector)> = sqlx::query_as(
            "SELECT chunk_id, vector FROM embedding WHERE chunk_id = ANY($1) \
             AND model_seq = (SELECT seq FROM model WHERE name = $2) AND vector IS NOT NULL",
        )
        .bind(chunks.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind(&model.0)
        .fetch_all(self.at(source))
        .await
        .map_err(fail)?;
        Ok(rows.into_iter().map(|(id, vector)| (ChunkId(id), vector.to_vec())).collect())
    }

    pub(super) async fn vectors_of_document(
        &self,
        source: Source,
        model: &ModelId,
        id: DocumentId,
    ) -> StoreResult<Vec<Vec<f32>>> {
        let fail = |error| classify("read vectors of document", id.to_string(), error);
        let rows = sqlx::query(
            "SELECT embedding.vector FROM embedding \
             JOIN chunk ON chunk.id = embedding.chunk_id JOIN document ON document.seq = chunk.document_seq \
             JOIN model ON model.seq = embedding.model_seq \
             WHERE document.id = $1 AND model.name = $2 AND embedding.vector IS NOT NULL ORDER BY chunk.ordinal",
        )
        .bind(id.0)
        .bind(&model.0)
        .fetch_all(self.at(source))
        .await
        .map_err(fail)?;
        rows.iter().map(|row| row.try_get::<Vector, _>(0).map(|vector| vector.to_vec()).map_err(fail)).collect()
    }
}
