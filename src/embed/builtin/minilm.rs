//! all-MiniLM-L6-v2 with int8 weights, run in process by rten. Loaded on first use; better and slower than the static model.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::domain::search::PerQuery;
use crate::domain::{ModelId, wordpiece};
use crate::embed::{EmbedError, EmbedErrorKind, EmbedText, Embedder, FusionProfile, FusionRule};

use super::{joined, normalised};

/// Length of the vectors.
const DIMENSION: usize = 384;
/// Word pieces of one part: the model's 256 less `[CLS]` and `[SEP]`.
const PART_PIECES: usize = 254;
/// Parts of one run; more gain nothing on two cores and cost memory.
const BATCH: usize = 16;
/// Weight of the vector leg, measured (`docs/BENCHMARKS.md`).
const VECTOR_WEIGHT: f32 = 0.7;
/// Fitted on 833 queries of eight judged sets and on seven sets of mail and chats; flat around each of them.
const PER_QUERY: PerQuery =
    PerQuery { words: 0.40, nearness: -1.5, steepness: 0.5, length: 0.3, window: 0.18, feedback: 0.7 };
/// Measured with words of no language and of others against the judged sets (`docs/BENCHMARKS.md`).
const FLOOR: f32 = 0.36;

static FILE: &[u8] = include_bytes!("../../../assets/minilm-w8.onnx");

/// The model; cheap until it is first used.
pub struct MiniLm {
    model: ModelId,
    threads: usize,
    loaded: Mutex<Option<Arc<Loaded>>>,
}

struct Loaded {
    model: Model,
    ids: NodeId,
    mask: NodeId,
    pooled: NodeId,
    /// Background batches run here, at the lowest priority the system has.
    pool: Arc<ThreadPool>,
    /// Queries run here, so that they never wait behind a batch.
    query_pool: Arc<ThreadPool>,
}

impl std::fmt::Debug for MiniLm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MiniLm").field("model", &self.model).finish_non_exhaustive()
    }
}

impl MiniLm {
    /// The model with `threads` threads for batches.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self { model: ModelId::from("minilm-l6-w8"), threads: threads.max(1), loaded: Mutex::new(None) }
    }

    /// Its id.
    #[must_use]
    pub fn model_id(&self) -> &ModelId {
        &self.model
    }

    /// Loads the model if it is not; takes about 0.1 s. Blocking.
    fn load(&self) -> Result<Arc<Loaded>, EmbedError> {
        let mut slot = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*slot {
            return Ok(Arc::clone(loaded));
        }
        let wrong = |message: String| self.error(EmbedErrorKind::Permanent, "load model", message);
        let model = Model::load_static_slice(FILE).map_err(|error| wrong(error.to_string()))?;
        let node = |name: &str| model.node_id(name).map_err(|error| wrong(error.to_string()));
        let (ids, mask, pooled) = (node("input_ids")?, node("attention_mask")?, node("pooled")?);
        let pool = Arc::new(low_priority_pool(self.threads).map_err(wrong)?);
        let query_pool = Arc::new(ThreadPool::with_num_threads(1));
        let loaded = Arc::new(Loaded { model, ids, mask, pooled, pool, query_pool });
        *slot = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    fn error(&self, kind: EmbedErrorKind, operation: impl Into<String>, message: impl Into<String>) -> EmbedError {
        EmbedError {
            kind,
            operation: operation.into(),
            model: self.model.clone(),
            message: message.into(),
            retry_after: None,
        }
    }

    /// Vectors of texts; long ones by parts, averaged by their length. Blocking.
    fn embed(&self, texts: &[String], is_query: bool) -> Result<Vec<Option<Vec<f32>>>, EmbedError> {
        let loaded = self.load()?;
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| wordpiece::ids(text)).collect();
        let mut parts: Vec<(usize, Range<usize>)> = Vec::new();
        for (text, ids) in ids.iter().enumerate() {
            parts.extend(equal_parts(ids.len()).into_iter().map(|range| (text, range)));
        }
        // Parts of similar length together: padding is work for nothing.
        parts.sort_by_key(|(_, range)| range.len());
        let mut sums: Vec<Vec<f32>> = vec![Vec::new(); texts.len()];
        for batch in parts.chunks(BATCH) {
            let inputs: Vec<&[u32]> = batch.iter().map(|(text, range)| &ids[*text][range.clone()]).collect();
            let pooled = loaded.run(&inputs, is_query).map_err(|message| {
                self.error(EmbedErrorKind::Rejected, format!("embed batch of {}", inputs.len()), message)
            })?;
            for ((text, range), vector) in batch.iter().zip(pooled) {
                let Some(vector) = normalised(vector) else { continue };
                let sum = &mut sums[*text];
                sum.resize(DIMENSION, 0.0);
                for (total, value) in sum.iter_mut().zip(vector) {
                    *total += value * range.len() as f32;
                }
            }
        }
        Ok(sums.into_iter().map(|sum| if sum.is_empty() { None } else { normalised(sum) }).collect())
    }
}

impl Loaded {
    /// Pooled, not normalised vectors of one padded batch.
    fn run(&self, parts: &[&[u32]], is_query: bool) -> Result<Vec<Vec<f32>>, String> {
        let length = parts.iter().map(|part| part.len()).max().unwrap_or(0) + 2;
        let mut ids = NdTensor::<i32, 2>::zeros([parts.len(), length]);
        let mut mask = NdTensor::<i32, 2>::zeros([parts.len(), length]);
        for (row, part) in parts.iter().enumerate() {
            let with_ends = std::iter::once(wordpiece::START).chain(part.iter().copied()).chain([wordpiece::END]);
            for (column, id) in with_ends.enumerate() {
                ids[[row, column]] = id.cast_signed();
                mask[[row, column]] = 1;
            }
        }
        let pool = if is_query { &self.query_pool } else { &self.pool };
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let inputs = vec![(self.ids, ids.into()), (self.mask, mask.into())];
        let [pooled] = self.model.run_n(inputs, [self.pooled], Some(options)).map_err(|error| error.to_string())?;
        let pooled: Tensor<f32> = pooled.try_into().map_err(|error| format!("{error:?}"))?;
        if pooled.shape() != [parts.len(), DIMENSION] {
            return Err(format!("the model gave {:?}", pooled.shape()));
        }
        let values = pooled.to_vec();
        Ok(values.chunks(DIMENSION).map(<[f32]>::to_vec).collect())
    }
}

/// `pieces` in as few parts as fit the model, of nearly equal length (a short last part would weigh too much).
fn equal_parts(pieces: usize) -> Vec<Range<usize>> {
    let count = pieces.div_ceil(PART_PIECES);
    (0..count).map(|part| part * pieces / count..(part + 1) * pieces / count).collect()
}

/// A pool whose threads give way to everything else. Threads inherit the priority of the one that starts them, so a
/// thread that lowers its own makes the pool; where the system refuses, the pool is an ordinary one.
fn low_priority_pool(threads: usize) -> Result<ThreadPool, String> {
    let make = move || {
        let own = rustix::process::Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get());
        let _ = rustix::process::setpriority_process(own, 19);
        ThreadPool::with_num_threads(threads)
    };
    std::thread::spawn(make).join().map_err(|_| "cannot start threads for the model".to_owned())
}

#[async_trait]
impl Embedder for Arc<MiniLm> {
    fn model(&self) -> &ModelId {
        &self.model
    }
    fn dimension(&self) -> usize {
        DIMENSION
    }
    fn profile(&self) -> FusionProfile {
        let rule = FusionRule::PerQuery(PER_QUERY);
        FusionProfile { vector_weight: VECTOR_WEIGHT, calibration: (1.0, 0.0), floor: Some(FLOOR), rule }
    }
    async fn embed_documents(&self, texts: &[EmbedText<'_>]) -> Result<Vec<Option<Vec<f32>>>, EmbedError> {
        let texts: Vec<String> = texts.iter().map(|text| joined(*text)).collect();
        let model = Arc::clone(self);
        tokio::task::spawn_blocking(move || model.embed(&texts, false))
            .await
            .unwrap_or_else(|error| Err(self.error(EmbedErrorKind::Rejected, "embed batch", error.to_string())))
    }
    async fn embed_query(&self, query: &str) -> Result<Option<Vec<f32>>, EmbedError> {
        let texts = vec![query.to_owned()];
        let model = Arc::clone(self);
        let vectors = tokio::task::spawn_blocking(move || model.embed(&texts, true))
            .await
            .unwrap_or_else(|error| Err(self.error(EmbedErrorKind::Rejected, "embed query", error.to_string())))?;
        Ok(vectors.into_iter().next().flatten())
    }
    async fn ping(&self) -> Result<String, EmbedError> {
        let is_loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let state = if is_loaded { "loaded" } else { "loads on first use" };
        Ok(format!("{} {state}, {DIMENSION} dimensions", self.model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_everything_evenly() {
        assert_eq!(equal_parts(0), Vec::<Range<usize>>::new());
        assert_eq!(equal_parts(254), vec![0..254]);
        assert_eq!(equal_parts(300), vec![0..150, 150..300]);
    }

    #[tokio::test]
    async fn meaning_beats_wording_and_batches_change_nothing() {
        let model = Arc::new(MiniLm::new(1));
        let texts = [
            "How do I reset my password?",
            "I forgot my login credentials",
            "The cat sat on the mat",
            &"long ".repeat(700),
        ];
        let texts: Vec<EmbedText<'_>> = texts.iter().map(|text| EmbedText { context: "", text }).collect();
        let together = model.embed_documents(&texts).await.unwrap();
        let alone = model.embed_query("How do I reset my password?").await.unwrap().unwrap();
        let vectors: Vec<&Vec<f32>> = together.iter().map(|vector| vector.as_ref().unwrap()).collect();
        let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        assert!(cosine(vectors[0], &alone) > 0.999);
        assert!(cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.3);
    }
}
