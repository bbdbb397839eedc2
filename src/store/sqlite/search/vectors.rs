//! The vectors of the models a search asks for: blocks where they lie, and the rows that came since (`index::vectors`).
//! A block whose file is missing or damaged costs time, and nothing else: its rows are read.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use sqlx::{Row, SqliteConnection};

use crate::domain::search::VectorQuery;
use crate::domain::{ChunkId, DocumentId, ModelId};
use crate::index::bytes::Bytes;
use crate::index::files::Folder;
use crate::index::vectors::{Block, Coded, Known, Model};
use crate::store::StoreResult;
use crate::store::shared::legs::check_dimension;

use super::super::SqliteStore;
use super::super::batch::json_numbers;
use super::super::error::classify;
use super::catch_up::{KnownModel, Present};

/// Vectors taken over in one step.
const AT_ONCE: usize = 1_024;

/// The numbers of a stored vector.
pub(in crate::store::sqlite) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

/// A row of `vector_segment`: its number, the first vector's number less one, the last one's, and its file.
type BlockRow = (i64, i64, i64, String);

impl SqliteStore {
    /// The models of these queries, with every vector that was there at the moment of `present`. Later ones are left alone:
    /// their chunks may be in no segment the search knows.
    pub(in crate::store::sqlite) async fn models_of(
        &self,
        present: &Present,
        queries: &[VectorQuery],
    ) -> StoreResult<Known> {
        let mut known = Known::default();
        for query in queries {
            let Some(model) = present.model(&query.model.0) else { continue };
            check_dimension(query, model.2)?;
            known.add(&model.0, self.model(model, present.newest_vector).await?);
        }
        Ok(known)
    }

    /// One model up to vector `newest`.
    async fn model(&self, known: &KnownModel, newest: i64) -> StoreResult<Arc<Model>> {
        let (name, number, dimension) = (known.0.as_str(), known.1, known.2);
        let held = || {
            let state = self.index.read();
            let is_it = |model: &&Arc<Model>| model.number == number && model.dimension == dimension;
            state.models.get(name).filter(is_it).map(Arc::clone)
        };
        let is_current = |model: &Arc<Model>| model.seen >= newest;
        if let Some(model) = held().filter(is_current) {
            return Ok(model);
        }
        let _one = self.index.catching_up.lock().await;
        // Another search may have read it meanwhile.
        let held = held();
        if let Some(model) = held.clone().filter(is_current) {
            return Ok(model);
        }
        let fail = |error| classify("read vectors", name.to_owned(), error);
        let mut connection = self.reader.acquire().await.map_err(fail)?;
        let mut model = held.map_or_else(|| Model::new(number, dimension), |held| Model::clone(&held));
        let blocks = blocks(&mut connection, number).await.map_err(fail)?;
        if let Some(anew) = with_blocks(&model, blocks, self.index.folder()) {
            model = anew;
        }
        read_rows(&mut connection, &mut model, newest).await.map_err(fail)?;
        let model = Arc::new(model);
        self.index.write().models.insert(name.to_owned(), Arc::clone(&model));
        Ok(model)
    }

    /// Calibrated cosines from the stored f32, in the order of `chunks`.
    pub(super) async fn exact_scores(
        &self,
        present: &Present,
        queries: &[VectorQuery],
        chunks: &[ChunkId],
    ) -> StoreResult<Vec<Option<f32>>> {
        let mut scores: HashMap<i64, f32> = HashMap::with_capacity(chunks.len());
        for query in queries {
            let Some((_, model, dimension)) = present.model(&query.model.0) else { continue };
            let missing: Vec<i64> = chunks.iter().map(|id| id.0).filter(|id| !scores.contains_key(id)).collect();
            if missing.is_empty() || query.vector.len() != *dimension {
                continue;
            }
            let ids = serde_json::to_string(&missing).unwrap_or_default();
            let rows = sqlx::query(
                "SELECT chunk_id, vector FROM embedding WHERE chunk_id IN (SELECT value FROM json_each(?)) \
                 AND model_seq = ? AND vector IS NOT NULL",
            )
            .bind(ids)
            .bind(model)
            .fetch_all(&self.reader)
            .await
            .map_err(|error| classify("score vectors", query.model.to_string(), error))?;
            for row in rows {
                let vector = floats(row.get(1));
                let cosine: f32 = vector.iter().zip(&query.vector).map(|(a, b)| a * b).sum();
                scores.insert(row.get(0), query.scale * cosine + query.offset);
            }
        }
        Ok(chunks.iter().map(|id| scores.get(&id.0).copied()).collect())
    }

    pub(super) async fn vectors_of_chunks(
        &self,
        model: &ModelId,
        chunks: &[ChunkId],
    ) -> StoreResult<HashMap<ChunkId, Vec<f32>>> {
        let ids: Vec<i64> = chunks.iter().map(|id| id.0).collect();
        let rows = sqlx::query(
            "SELECT chunk_id, vector FROM embedding WHERE chunk_id IN (SELECT value FROM json_each(?)) \
             AND model_seq = (SELECT seq FROM model WHERE name = ?) AND vector IS NOT NULL",
        )
        .bind(json_numbers(ids))
        .bind(&model.0)
        .fetch_all(&self.reader)
        .await
        .map_err(|error| classify("read vectors", format!("{} chunks", chunks.len()), error))?;
        Ok(rows.iter().map(|row| (ChunkId(row.get(0)), floats(row.get(1)))).collect())
    }

    pub(super) async fn vectors_of_document(&self, model: &ModelId, id: DocumentId) -> StoreResult<Vec<Vec<f32>>> {
        let rows = sqlx::query(
            "SELECT embedding.vector FROM embedding \
             JOIN chunk ON chunk.id = embedding.chunk_id JOIN document ON document.seq = chunk.document_seq \
             JOIN model ON model.seq = embedding.model_seq \
             WHERE document.id = ? AND model.name = ? AND embedding.vector IS NOT NULL ORDER BY chunk.ordinal",
        )
        .bind(id.0.as_bytes().as_slice())
        .bind(&model.0)
        .fetch_all(&self.reader)
        .await
        .map_err(|error| classify("read vectors of document", id.to_string(), error))?;
        Ok(rows.iter().map(|row| floats(row.get(0))).collect())
    }
}

/// The blocks of a model, in order.
async fn blocks(connection: &mut SqliteConnection, model: i64) -> Result<Vec<BlockRow>, sqlx::Error> {
    sqlx::query_as("SELECT id, after_seq, last_seq, file FROM vector_segment WHERE model_seq = ? ORDER BY last_seq")
        .bind(model)
        .fetch_all(connection)
        .await
}

/// The model with these blocks and nothing behind them; `None` when it has all of them already.
fn with_blocks(model: &Model, rows: Vec<BlockRow>, folder: &Folder) -> Option<Model> {
    let is_held = |row: &BlockRow| model.blocks.iter().any(|(id, _)| *id == row.0);
    if rows.iter().all(is_held) && rows.len() == model.blocks.len() {
        return None;
    }
    let mut anew = Model::new(model.number, model.dimension);
    for (id, after, last, file) in rows {
        if after > anew.blocks_seen {
            break;
        }
        let held = model.blocks.iter().find(|(known, _)| *known == id).map(|(_, block)| block.clone());
        let mapped = || Block::of(Bytes::map(&folder.file(&file)).ok()?, model.dimension);
        let Some(block) = held.or_else(mapped) else {
            tracing::debug!(event = "vector_block_unreadable", file, "its vectors are read from the store");
            break;
        };
        anew.blocks.push((id, block));
        anew.blocks_seen = last;
    }
    anew.seen = anew.blocks_seen;
    (anew.blocks_seen != model.blocks_seen || anew.blocks.len() != model.blocks.len()).then_some(anew)
}

/// Reads what came behind what the model has.
async fn read_rows(connection: &mut SqliteConnection, model: &mut Model, newest: i64) -> Result<(), sqlx::Error> {
    let mut seen = model.seen;
    let mut rows = sqlx::query(
        "SELECT seq, chunk_id, vector FROM embedding \
         WHERE seq > ? AND seq <= ? AND model_seq = ? AND vector IS NOT NULL ORDER BY seq",
    )
    .bind(seen)
    .bind(newest)
    .bind(model.number)
    .fetch(connection);
    let mut batch: Vec<Coded> = Vec::with_capacity(AT_ONCE);
    while let Some(row) = rows.next().await.transpose()? {
        seen = row.get(0);
        let bytes: &[u8] = row.get(2);
        if bytes.len() == model.dimension * 4 {
            batch.push(Coded::of(row.get(1), &floats(bytes)));
        }
        if batch.len() == AT_ONCE {
            model.add(&batch, seen);
            batch.clear();
        }
    }
    model.add(&batch, newest.max(seen));
    Ok(())
}
