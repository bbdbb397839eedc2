//! Builds the graphs of neighbours (HNSW, one per model) that the vector leg asks.
//!
//! Searches scan codes in memory (`codes`); a graph serves those that have not loaded them yet, and stores whose codes take
//! too much memory. It finds less than a scan does, and up to some hundred thousand vectors the server scans fast enough
//! for a first search, so smaller models have none.
//!
//! Placing a vector in a graph costs more than all the rest of storing its chunk. So a graph is built in one go, by
//! several of the server's processes, once a model has enough vectors and no documents are coming in; while an archive
//! is taken in for the first time there is none, and searches scan. From then on every new vector finds its place when
//! it is stored. Nobody waits for the build: it runs on a connection of its own and locks nothing but other builders.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use crate::store::StoreResult;

use super::super::error::classify;
use super::SearchIndex;

/// Most dimensions pgvector's graph takes of a half-precision vector; models beyond are searched by scanning.
const MOST_DIMENSIONS: i64 = 4_000;
/// No chunk may have come in for this long before a graph is built in the background.
const QUIET: Duration = Duration::from_secs(5);
/// The lock that whoever builds holds; any number that nothing else uses ("graph" in ASCII).
const BUILDER_LOCK: i64 = 0x67_72_61_70_68;

const OPERATION: &str = "build graph of vectors";

impl SearchIndex {
    /// Builds every graph that is due. Returns how many were built.
    pub(super) async fn build_graphs(&self) -> StoreResult<u64> {
        build(&self.pool, self.limits.graph_vectors).await.map_err(|error| classify(OPERATION, "", error))
    }

    /// Builds what is due once things are quiet, in the background, unless this process waits for that already.
    pub(super) fn build_graphs_soon(&self) {
        if self.building.swap(true, Ordering::AcqRel) {
            return;
        }
        let (pool, building, least) = (self.pool.clone(), Arc::clone(&self.building), self.limits.graph_vectors);
        tokio::spawn(async move {
            let _running = Running(building);
            if let Err(error) = build_when_quiet(&pool, least).await {
                tracing::debug!(event = "vector_graph_not_built", %error, "searches scan until the next try");
            }
        });
    }
}

/// Clears a mark however its task ends.
pub(super) struct Running(pub(super) Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

async fn build_when_quiet(pool: &PgPool, least: i64) -> Result<u64, sqlx::Error> {
    let newest = || async { sqlx::query_scalar("SELECT max(id) FROM chunk").fetch_one(pool).await };
    let mut seen: Option<i64> = newest().await?;
    loop {
        tokio::time::sleep(QUIET).await;
        let now = newest().await?;
        if now == seen {
            return build(pool, least).await;
        }
        seen = now;
    }
}

/// Models with enough vectors and no graph: number and dimension.
async fn due(connection: &mut PgConnection, least: i64) -> Result<Vec<(i64, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT model.seq, model.dimension FROM model JOIN embedding_total t ON t.model_seq = model.seq \
         WHERE t.done >= $1 AND model.dimension BETWEEN 1 AND $2 AND NOT EXISTS ( \
            SELECT 1 FROM pg_index i \
            WHERE i.indisvalid AND i.indexrelid = to_regclass('embedding_graph_' || model.seq))",
    )
    .bind(least)
    .bind(MOST_DIMENSIONS)
    .fetch_all(connection)
    .await
}

async fn build(pool: &PgPool, least: i64) -> Result<u64, sqlx::Error> {
    if due(&mut *pool.acquire().await?, least).await?.is_empty() {
        return Ok(0);
    }
    // Taken out of the pool: what is set here ends with it, as does the lock.
    let mut connection = pool.acquire().await?.detach();
    let ours: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(BUILDER_LOCK).fetch_one(&mut connection).await?;
    let mut built = 0;
    if ours {
        sqlx::raw_sql("SET statement_timeout = 0; SET maintenance_work_mem = '256MB'").execute(&mut connection).await?;
        for (model, dimension) in due(&mut connection, least).await? {
            drop_model_index(&mut connection, model).await?;
            let sql = format!(
                "CREATE INDEX CONCURRENTLY embedding_graph_{model} ON embedding \
                 USING hnsw ((vector::halfvec({dimension})) halfvec_cosine_ops) WHERE model_seq = {model}"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            built += 1;
        }
    }
    connection.close().await?;
    Ok(built)
}

/// Says so when a new model can have no graph. The graph itself is built once there are vectors and time.
pub(in crate::store::postgres) async fn register_model_index(
    _connection: &mut PgConnection,
    model_seq: i64,
    dimension: usize,
) -> Result<(), sqlx::Error> {
    if dimension as i64 > MOST_DIMENSIONS {
        tracing::warn!(event = "vector_graph_impossible", model = model_seq, dimension, "searches scan its vectors");
    }
    Ok(())
}

/// Drops the graph of a model that is dropped, or what an interrupted build left of it.
pub(in crate::store::postgres) async fn drop_model_index(
    connection: &mut PgConnection,
    model_seq: i64,
) -> Result<(), sqlx::Error> {
    let sql = format!("DROP INDEX IF EXISTS embedding_graph_{model_seq}");
    sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(connection).await.map(drop)
}
