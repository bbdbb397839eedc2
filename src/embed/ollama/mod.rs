//! Embeddings from Ollama: `/api/embed` in batches, `/api/show` for dimension and window. Built by `runtime::wiring`.
//!
//! Texts are sent whole (`truncate: false`); one that does not fit is found, sent alone to be cut, and counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::domain::ModelId;

use super::http::{ASK_TIMEOUT, BATCH_TIMEOUT, Door, HttpProblem, meaning};
use super::remote::{Prefixes, UNTUNED, document, prefixes, unit_vector};
use super::{EmbedError, EmbedErrorKind, EmbedText, Embedder, FusionProfile};

/// Texts of one request: long enough to keep the server busy, short enough for its time limit on a CPU.
const BATCH: usize = 32;
const REMEDY: &str = "start Ollama (`ollama serve`), or correct OLLAMA_URL";

/// A model served by Ollama.
pub struct Ollama {
    door: Door,
    name: String,
    model: ModelId,
    prefixes: Prefixes,
    /// Length of the vectors; 0 until the server was asked.
    dimension: AtomicUsize,
    /// Tokens the model reads; 0 when unknown.
    window: AtomicUsize,
    /// Texts that were cut.
    cut: AtomicU64,
}

impl Ollama {
    /// The model `name` at `url`; nothing is asked yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: &str, name: &str) -> Result<Self, String> {
        Ok(Self {
            door: Door::new(url, None)?,
            name: name.to_owned(),
            model: ModelId(format!("ollama:{name}")),
            prefixes: prefixes(name),
            dimension: AtomicUsize::new(0),
            window: AtomicUsize::new(0),
            cut: AtomicU64::new(0),
        })
    }

    fn failed(&self, problem: HttpProblem, operation: &str) -> EmbedError {
        let missing = format!("the model {} is not on this Ollama: type `ollama pull {}`", self.name, self.name);
        meaning(problem, operation, &self.model, (self.door.base(), REMEDY), &missing)
    }

    fn strange(&self, kind: EmbedErrorKind, operation: &str, message: String) -> EmbedError {
        EmbedError { kind, operation: operation.to_owned(), model: self.model.clone(), message, retry_after: None }
    }

    /// Asks what the model is; answers its dimension.
    async fn show(&self) -> Result<usize, EmbedError> {
        const OPERATION: &str = "ask about the model";
        let answer = self.door.post("/api/show", &json!({ "model": self.name }), ASK_TIMEOUT).await;
        let answer = answer.map_err(|problem| self.failed(problem, OPERATION))?;
        let info = answer.get("model_info").and_then(Value::as_object);
        let number = |suffix: &str| {
            let found = info?.iter().find(|(key, _)| key.ends_with(suffix));
            found.and_then(|(_, value)| value.as_u64()).and_then(|number| usize::try_from(number).ok())
        };
        if let Some(window) = number(".context_length") {
            self.window.store(window, Ordering::Relaxed);
        }
        let can_embed = answer.get("capabilities").and_then(Value::as_array);
        if can_embed.is_some_and(|able| !able.iter().any(|one| one == "embedding")) {
            let message = format!(
                "{} makes no embeddings: set EMBED_MODEL to one that does, for example nomic-embed-text",
                self.name
            );
            return Err(self.strange(EmbedErrorKind::Permanent, OPERATION, message));
        }
        let dimension = match number(".embedding_length") {
            Some(dimension) => dimension,
            // A server that does not tell: the length of a vector does.
            None => self.request(&["length".to_owned()], true, 0).await?.first().map_or(0, Vec::len),
        };
        self.dimension.store(dimension, Ordering::Relaxed);
        Ok(dimension)
    }

    /// One request; unit vectors in order (empty for a text without direction).
    async fn request(&self, texts: &[String], truncate: bool, dimension: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let operation = format!("embed batch of {}", texts.len());
        let body = json!({ "model": self.name, "input": texts, "truncate": truncate });
        let answer = self.door.post("/api/embed", &body, BATCH_TIMEOUT).await;
        let answer = answer.map_err(|problem| self.failed(problem, &operation))?;
        let vectors = answer.get("embeddings").and_then(Value::as_array);
        let vectors = vectors.filter(|vectors| vectors.len() == texts.len()).ok_or_else(|| {
            let count = vectors.map_or(0, Vec::len);
            let message = format!("{count} vectors came back for {} texts", texts.len());
            self.strange(EmbedErrorKind::Unavailable, &operation, message)
        })?;
        let read: Result<Vec<Option<Vec<f32>>>, String> =
            vectors.iter().map(|vector| unit_vector(vector, dimension)).collect();
        let read = read.map_err(|message| {
            let message =
                format!("{message}: was the model {} exchanged for another? Give it a name of its own", self.name);
            self.strange(EmbedErrorKind::Permanent, &operation, message)
        })?;
        Ok(read.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// A batch whose texts may be longer than the model's window: those are found by halving and cut alone.
    async fn fitted(&self, texts: &[String], dimension: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = Vec::with_capacity(texts.len());
        let mut waiting = vec![texts];
        while let Some(texts) = waiting.pop() {
            match self.request(texts, false, dimension).await {
                Ok(made) => vectors.extend(made),
                Err(error) if is_too_long(&error) && texts.len() > 1 => {
                    let (first, second) = texts.split_at(texts.len() / 2);
                    waiting.push(second);
                    waiting.push(first);
                }
                Err(error) if is_too_long(&error) => {
                    vectors.extend(self.request(texts, true, dimension).await?);
                    let cut = self.cut.fetch_add(1, Ordering::Relaxed) + 1;
                    let window = self.window.load(Ordering::Relaxed);
                    let characters = texts.first().map_or(0, |text| text.chars().count());
                    tracing::warn!(model = %self.model.0, window, characters, cut, "text_cut_to_window");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(vectors)
    }
}

fn is_too_long(error: &EmbedError) -> bool {
    error.kind == EmbedErrorKind::Rejected && error.message.contains("context length")
}

#[async_trait]
impl Embedder for Ollama {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        self.dimension.load(Ordering::Relaxed)
    }

    fn profile(&self) -> FusionProfile {
        UNTUNED
    }

    async fn prepare(&self) -> Result<usize, EmbedError> {
        match self.dimension() {
            0 => self.show().await,
            known => Ok(known),
        }
    }

    async fn embed_documents(&self, texts: &[EmbedText<'_>]) -> Result<Vec<Option<Vec<f32>>>, EmbedError> {
        let dimension = self.prepare().await?;
        let texts: Vec<String> = texts.iter().map(|text| document(self.prefixes, *text)).collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.fitted(batch, dimension).await?);
        }
        Ok(vectors.into_iter().map(|vector| (!vector.is_empty()).then_some(vector)).collect())
    }

    async fn embed_query(&self, query: &str) -> Result<Option<Vec<f32>>, EmbedError> {
        let dimension = self.prepare().await?;
        let text = format!("{}{query}", self.prefixes.query);
        let vectors = self.request(&[text], true, dimension).await?;
        Ok(vectors.into_iter().next().filter(|vector| !vector.is_empty()))
    }

    async fn ping(&self) -> Result<String, EmbedError> {
        let version = self.door.get("/api/version", ASK_TIMEOUT).await;
        let version = version.map_err(|problem| match problem {
            HttpProblem::Status { code: 404, .. } => {
                let message = format!("{} is not an Ollama: correct OLLAMA_URL", self.door.base());
                self.strange(EmbedErrorKind::Permanent, "ask", message)
            }
            problem => self.failed(problem, "ask"),
        })?;
        let version = version.get("version").and_then(Value::as_str).unwrap_or("?").to_owned();
        let dimension = self.show().await?;
        let window = self.window.load(Ordering::Relaxed);
        let cut = match self.cut.load(Ordering::Relaxed) {
            0 => String::new(),
            cut => format!(", {cut} texts cut to the window"),
        };
        let base = self.door.base();
        Ok(format!("ollama {version} at {base}, {}, {dimension} dimensions, window {window} tokens{cut}", self.name))
    }
}
