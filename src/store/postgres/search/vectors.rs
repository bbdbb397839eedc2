//! The vectors of the models a search asks for: blocks, and the rows that came since (`index::vectors`). A block that cannot
//! be read costs time, and nothing else: its rows are read.
//!
//! A row has the number of the transaction that wrote it. What is behind the blocks is read once, and from then on what was
//! written by transactions at or after the oldest one running at the last look: of those few, only the chunks are asked for
//! and the vectors of unknown ones are read, so nothing is missed, in whatever order transactions end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use pgvector::Vector;
use sqlx::{FromRow, PgConnection, PgExecutor};

use crate::domain::search::VectorQuery;
use crate::index::vectors::{Block, Coded, Known, Model};
use crate::store::StoreResult;
use crate::store::shared::legs::check_dimension;

use super::super::ONE_MOMENT;
use super::SearchIndex;
use super::pieces::{self, Failed, Stored};
use super::refresh::{KnownModel, OPERATION, Present};
use super::source::Source;

/// Vectors taken over in one step.
const AT_ONCE: usize = 1_024;
/// Before the first vector: transaction and chunk.
pub(super) const BEGINNING: (i64, i64) = (-1, -1);

/// A model's vectors, and up to where they are whole.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) model: Arc<Model>,
    /// Its blocks as the server lists them, those too that could not be read.
    listed: Vec<i64>,
    /// Transactions before this one are accounted for.
    seen: i64,
    /// Every vector is here that the server held when the look with this number began.
    whole_for: u64,
}

/// A row of `vector_segment`.
#[derive(Debug, FromRow)]
struct BlockRow {
    #[sqlx(flatten)]
    stored: Stored,
    after_xact: i64,
    after_chunk: i64,
    last_xact: i64,
    last_chunk: i64,
}

impl SearchIndex {
    /// The models of these queries, with every vector of the chunks that are present.
    pub(super) async fn models_of(&self, present: &Present, queries: &[VectorQuery]) -> StoreResult<Known> {
        let mut known = Known::default();
        for query in queries {
            let Some(model) = present.model(&query.model.0) else { continue };
            check_dimension(query, model.dimension)?;
            let held = self.model(present, model).await.map_err(|error| error.told(OPERATION))?;
            known.add(&model.name, held);
        }
        Ok(known)
    }

    async fn model(&self, present: &Present, known: &KnownModel) -> Result<Arc<Model>, Failed> {
        let looking = self.looking(present.source);
        let held = || looking.held().get(&known.seq).cloned();
        let is_current = |held: &Arc<Held>| held.whole_for >= present.number;
        if let Some(held) = held().filter(is_current) {
            return Ok(Arc::clone(&held.model));
        }
        let _following = looking.following.lock().await;
        // Another search may have read it meanwhile.
        let held = held();
        if let Some(held) = held.as_ref().filter(|held| is_current(held)) {
            return Ok(Arc::clone(&held.model));
        }
        let whole_for = self.looks_begun.load(Ordering::SeqCst);
        let since = held.as_ref().map_or(i64::MAX, |held| held.seen);
        let (seen, listed, came) = look(self.at(present.source), known.seq, since).await?;
        let now = match held {
            Some(held) if held.listed == listed => {
                let model = self.with_rows(present.source, &held.model, came).await?;
                Held { model, listed, seen, whole_for }
            }
            held => Held { whole_for, ..self.model_anew(present.source, known, held).await? },
        };
        let model = Arc::clone(&now.model);
        looking.held().insert(known.seq, Arc::new(now));
        Ok(model)
    }

    /// The model with the vectors of chunks that came.
    async fn with_rows(&self, source: Source, model: &Arc<Model>, came: Vec<i64>) -> Result<Arc<Model>, sqlx::Error> {
        let unknown: Vec<i64> = came.into_iter().filter(|chunk| !model.has(*chunk)).collect();
        if unknown.is_empty() {
            return Ok(Arc::clone(model));
        }
        let mut with_them = Model::clone(model);
        for chunks in unknown.chunks(AT_ONCE) {
            let rows: Vec<(i64, Vector)> = sqlx::query_as(
                "SELECT chunk_id, vector FROM embedding WHERE chunk_id = ANY($1) AND model_seq = $2 AND vector IS NOT NULL",
            )
            .bind(chunks)
            .bind(model.number)
            .fetch_all(self.at(source))
            .await?;
            let coded: Vec<Coded> = rows.iter().map(|(chunk, vector)| Coded::of(*chunk, vector.as_slice())).collect();
            with_them.add(&coded, 0);
        }
        Ok(Arc::new(with_them))
    }

    /// The model with the blocks there are, and the rows behind them.
    async fn model_anew(&self, source: Source, known: &KnownModel, held: Option<Arc<Held>>) -> Result<Held, Failed> {
        let stored = sqlx::query_as("SELECT id, name, size_bytes FROM vector_segment WHERE model_seq = $1")
            .bind(known.seq)
            .fetch_all(self.at(source))
            .await?;
        pieces::copy_ahead(self.at(source), stored, &self.local).await;
        let mut snapshot = self.at(source).begin_with(ONE_MOMENT).await?;
        let (seen, listed, _) = look(&mut *snapshot, known.seq, i64::MAX).await?;
        let rows: Vec<BlockRow> = sqlx::query_as(
            "SELECT id, name, size_bytes, after_xact, after_chunk, last_xact, last_chunk FROM vector_segment \
             WHERE model_seq = $1 ORDER BY last_xact, last_chunk",
        )
        .bind(known.seq)
        .fetch_all(&mut *snapshot)
        .await?;
        let mut model = Model::new(known.seq, known.dimension);
        let mut behind = BEGINNING;
        for row in rows {
            if (row.after_xact, row.after_chunk) > behind {
                break;
            }
            let is_it = |(number, _): &&(i64, Block)| *number == row.stored.id;
            let known_block = held.as_ref().and_then(|held| held.model.blocks.iter().find(is_it));
            let block = match known_block {
                Some((_, block)) => block.clone(),
                None => match self.block(&mut snapshot, &row.stored, known.dimension).await? {
                    Some(block) => block,
                    None => break,
                },
            };
            model.blocks.push((row.stored.id, block));
            behind = (row.last_xact, row.last_chunk);
        }
        read_behind(&mut snapshot, &mut model, behind).await?;
        snapshot.commit().await?;
        Ok(Held { model: Arc::new(model), listed, seen, whole_for: 0 })
    }

    /// A block; `None` when it is damaged.
    pub(super) async fn block(
        &self,
        connection: &mut PgConnection,
        stored: &Stored,
        dimension: usize,
    ) -> Result<Option<Block>, sqlx::Error> {
        let bytes = match pieces::read(connection, stored, &self.local).await {
            Ok(bytes) => Some(bytes),
            Err(Failed::Damaged(_)) => None,
            Err(Failed::Store(error)) => return Err(error),
        };
        let block = bytes.and_then(|bytes| Block::of(bytes, dimension));
        if block.is_none() {
            tracing::debug!(
                event = "vector_block_unreadable",
                name = stored.name,
                "its vectors are read from the store"
            );
        }
        Ok(block)
    }

    /// Vectors known of one model, and how many of them lie in blocks.
    #[cfg(test)]
    pub(super) fn vectors_held(&self, model: i64) -> (usize, usize) {
        let held = self.looking(Source::Primary).held().get(&model).map(|held| Arc::clone(&held.model));
        held.map_or((0, 0), |model| (model.vectors(), model.blocks.iter().map(|(_, block)| block.vectors()).sum()))
    }
}

/// Up to which transaction all have ended, the blocks of a model, and chunks whose vectors were written from `since` on.
async fn look(server: impl PgExecutor<'_>, model: i64, since: i64) -> Result<(i64, Vec<i64>, Vec<i64>), sqlx::Error> {
    let (seen, listed, came): (i64, Option<Vec<i64>>, Option<Vec<i64>>) = sqlx::query_as(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT, \
                (SELECT array_agg(id ORDER BY last_xact, last_chunk) FROM vector_segment WHERE model_seq = $1), \
                (SELECT array_agg(chunk_id) FROM embedding \
                    WHERE model_seq = $1 AND vector IS NOT NULL AND written_by >= $2)",
    )
    .bind(model)
    .bind(since)
    .fetch_one(server)
    .await?;
    Ok((seen, listed.unwrap_or_default(), came.unwrap_or_default()))
}

/// Reads the rows behind a key.
async fn read_behind(
    connection: &mut PgConnection,
    model: &mut Model,
    (xact, chunk): (i64, i64),
) -> Result<(), sqlx::Error> {
    let mut rows = sqlx::query_as(
        "SELECT chunk_id, vector FROM embedding WHERE model_seq = $1 AND vector IS NOT NULL \
         AND (written_by, chunk_id) > ($2, $3) ORDER BY written_by, chunk_id",
    )
    .bind(model.number)
    .bind(xact)
    .bind(chunk)
    .fetch(connection);
    let mut batch: Vec<Coded> = Vec::with_capacity(AT_ONCE);
    while let Some(row) = rows.next().await {
        let (chunk, vector): (i64, Vector) = row?;
        batch.push(Coded::of(chunk, vector.as_slice()));
        if batch.len() == AT_ONCE {
            model.add(&batch, 0);
            batch.clear();
        }
    }
    model.add(&batch, 0);
    Ok(())
}
