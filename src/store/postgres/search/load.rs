//! Keeps the codes of vectors in memory current with the database. Called by `legs`.
//!
//! A vector is written once and leaves only with its chunk or its model, and the store counts the vectors of every model
//! (`embedding_total`). So a view says by itself whether anything came: when a model has as many vectors as there are
//! chunks with a code here, nothing did. Otherwise the chunks without a code are asked for, those first that likely have
//! one now. Few vectors are read by the search that needs them; many are read in the background, and searches ask the
//! server meanwhile. Codes take at most [`Limits::code_bytes`] of memory; a store with more asks the server always.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use pgvector::Vector;

use crate::store::StoreResult;

use super::super::error::classify;
use super::codes::ModelCodes;
use super::neighbours::Running;
use super::source::Source;
use super::view::{Model, View};
use super::{SearchIndex, compute};

/// Vectors asked for in one step.
const PAGE: usize = 4_096;
/// The newest chunks without a vector are asked for first, so many of them.
const NEWEST: usize = 1_024;

/// A step takes at most this long.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What a process may use, and when it bothers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of codes in memory.
    pub(super) code_bytes: u64,
    /// Vectors a search reads itself; more are read in the background.
    pub(super) read_at_once: u64,
    /// Vectors of a model from which on the server keeps a graph of them.
    pub(super) graph_vectors: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { code_bytes: 320 << 20, read_at_once: 2_048, graph_vectors: 200_000 }
    }
}

/// The codes of all models in use, by the model's number.
#[derive(Debug, Default)]
pub(super) struct Codes {
    held: RwLock<HashMap<i64, Arc<ModelCodes>>>,
    /// Held while codes are brought up to date: one search does it for all that wait.
    following: tokio::sync::Mutex<()>,
    /// Set while many vectors are read in the background.
    loading: Arc<AtomicBool>,
}

impl Codes {
    fn get(&self, model: i64) -> Option<Arc<ModelCodes>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).get(&model).cloned()
    }

    fn put(&self, codes: ModelCodes, view: &View) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.retain(|seq, _| view.models.iter().any(|model| model.seq == *seq));
        held.insert(codes.seq, Arc::new(codes));
    }

    /// Those of the models, when all are whole for the view.
    fn whole(&self, view: &View, models: &[Model]) -> Option<Vec<Arc<ModelCodes>>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        models.iter().map(|model| held.get(&model.seq).filter(|codes| codes.is_whole_for(view)).cloned()).collect()
    }

    fn keep_only(&self, models: &[Model]) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.retain(|seq, _| models.iter().any(|model| model.seq == *seq));
    }
}

fn bytes(models: &[Model]) -> u64 {
    models.iter().map(|model| ModelCodes::bytes_of(model.done, model.dimension)).sum()
}

impl SearchIndex {
    /// The codes of these models with everything the view holds; `None` when they are not in memory (yet, or ever) and
    /// the server has to be asked.
    pub(super) async fn codes_for(
        self: &Arc<Self>,
        view: &Arc<View>,
        models: &[Model],
    ) -> StoreResult<Option<Vec<Arc<ModelCodes>>>> {
        if let Some(whole) = self.codes.whole(view, models) {
            return Ok(Some(whole));
        }
        if bytes(models) > self.limits.code_bytes {
            self.codes.keep_only(&[]);
            return Ok(None);
        }
        if bytes(&view.models) > self.limits.code_bytes {
            self.codes.keep_only(models);
        }
        if self.codes.loading.load(Ordering::Acquire) {
            return Ok(None);
        }
        let following = self.codes.following.lock().await;
        for model in models {
            if !self.follow(view, model, self.limits.read_at_once).await? {
                drop(following);
                self.load_soon(view.source, models.to_vec());
                return Ok(None);
            }
        }
        Ok(self.codes.whole(view, models))
    }

    /// Reads the codes of every model that fits, however many there are. Searches ask the server meanwhile.
    pub(super) async fn load_codes(&self, view: &Arc<View>) -> StoreResult<()> {
        let mut models = view.models.clone();
        while bytes(&models) > self.limits.code_bytes {
            models.pop();
        }
        self.load(view, &models).await
    }

    async fn load(&self, view: &Arc<View>, models: &[Model]) -> StoreResult<()> {
        if self.codes.loading.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let _running = Running(Arc::clone(&self.codes.loading));
        let _following = self.codes.following.lock().await;
        for model in models {
            self.follow(view, model, u64::MAX).await?;
        }
        Ok(())
    }

    fn load_soon(self: &Arc<Self>, source: Source, models: Vec<Model>) {
        let index = Arc::clone(self);
        tokio::spawn(async move {
            // What came meanwhile is read by the next search.
            if let Err(error) = index.load(&index.current(source), &models).await {
                tracing::debug!(event = "vector_codes_not_loaded", %error, "searches ask the server until the next try");
            }
        });
    }

    /// Makes a model's codes whole for a view, unless more than `most` vectors would have to be read for it.
    /// Called by one task at a time.
    async fn follow(&self, view: &Arc<View>, model: &Model, most: u64) -> StoreResult<bool> {
        let held = self.codes.get(model.seq);
        if held.as_ref().is_some_and(|held| held.is_whole_for(view)) {
            return Ok(true);
        }
        // What the view counts, not what the search was begun with.
        let Some(model) = view.models.iter().find(|known| known.seq == model.seq).cloned() else { return Ok(true) };
        let (now, done) = (Arc::clone(view), model.done);
        let (mut codes, wanted) = compute(move |_| {
            let new = || ModelCodes::new(model.seq, model.dimension);
            let mut codes = held.map_or_else(new, |held| ModelCodes::clone(&held));
            codes.follow(&now);
            if now.source == Source::Primary && codes.held(&now) > done && now.number > codes.newer_than {
                // Vectors vanished without their chunks, which Peanut itself never does: read all anew.
                codes = new();
                codes.follow(&now);
            }
            let wanted = done.saturating_sub(codes.held(&now));
            (codes, wanted)
        })
        .await?;
        if wanted > most {
            return Ok(false);
        }
        let mut found = 0;
        for page in in_likely_order(&codes.missing, codes.last_found).chunks(PAGE) {
            // Those that are left have no vector yet.
            if found >= wanted {
                break;
            }
            let rows = self.read_vectors(view.source, codes.seq, page).await?;
            found += rows.len() as u64;
            codes.last_found = rows.iter().map(|(id, _)| *id).max().unwrap_or(codes.last_found);
            codes = compute(move |_| {
                codes.add(rows);
                codes
            })
            .await?;
        }
        codes.now_whole_for(view);
        codes.newer_than = self.looks_begun.load(Ordering::SeqCst);
        self.codes.put(codes, view);
        Ok(true)
    }

    async fn read_vectors(
        &self,
        source: Source,
        model: i64,
        chunks: &[i64],
    ) -> StoreResult<Vec<(i64, Option<Vec<f32>>)>> {
        let reading =
            sqlx::query_as("SELECT chunk_id, vector FROM embedding WHERE chunk_id = ANY($1) AND model_seq = $2")
                .bind(chunks)
                .bind(model)
                .fetch_all(self.at(source));
        // Nobody may hold the others up for ever.
        let silent = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 30 seconds").into();
        let rows: Vec<(i64, Option<Vector>)> = tokio::time::timeout(READ_TIMEOUT, reading)
            .await
            .map_err(silent)
            .flatten()
            .map_err(|error| classify("read vectors", format!("{} chunks", chunks.len()), error))?;
        Ok(rows.into_iter().map(|(id, vector)| (id, vector.map(|vector| vector.to_vec()))).collect())
    }
}

/// Chunks without a vector, those first that likely have one now: the newest, for theirs are written with them, then those
/// behind the last that came late, for workers go by number.
fn in_likely_order(missing: &[i64], last_found: i64) -> Vec<i64> {
    let (older, newest) = missing.split_at(missing.len().saturating_sub(NEWEST));
    let (before, behind) = older.split_at(older.partition_point(|id| *id <= last_found));
    [newest, behind, before].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_chunks_come_first_and_none_is_left_out() {
        let missing: Vec<i64> = (0..3_000).collect();
        let order = in_likely_order(&missing, 700);
        assert_eq!((order[0], order[NEWEST], order[2_999]), (1_976, 701, 700));
        let mut all = order;
        all.sort_unstable();
        assert_eq!(all, missing);
        assert_eq!(in_likely_order(&[5, 9], 7), [5, 9]);
    }
}
