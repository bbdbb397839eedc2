//! Embeddings from any server with OpenAI's `/v1/embeddings` (llama.cpp, vLLM, LocalAI, OpenAI itself). Built by
//! `runtime::wiring`.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::domain::{ModelId, Secret};

use super::http::{ASK_TIMEOUT, BATCH_TIMEOUT, Door, HttpProblem, meaning};
use super::remote::{Prefixes, UNTUNED, document, prefixes, unit_vector};
use super::{EmbedError, EmbedErrorKind, EmbedText, Embedder, FusionProfile};

/// Texts of one request.
const BATCH: usize = 32;
const REMEDY: &str = "start the server, or correct OPENAI_BASE_URL";

/// A model behind an OpenAI-compatible door.
pub struct OpenAi {
    door: Door,
    name: String,
    model: ModelId,
    prefixes: Prefixes,
    /// Length of the vectors; 0 until the first came back.
    dimension: AtomicUsize,
}

impl OpenAi {
    /// The model `name` at `base` (`https://api.openai.com/v1`); nothing is asked yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: &str, name: &str, key: Option<Secret>) -> Result<Self, String> {
        Ok(Self {
            door: Door::new(base, key)?,
            name: name.to_owned(),
            model: ModelId(format!("openai:{name}")),
            prefixes: prefixes(name),
            dimension: AtomicUsize::new(0),
        })
    }

    fn failed(&self, problem: HttpProblem, operation: &str) -> EmbedError {
        let missing = format!(
            "{} does not know the model {}: correct EMBED_MODEL or OPENAI_BASE_URL (it ends in /v1)",
            self.door.base(),
            self.name
        );
        meaning(problem, operation, &self.model, (self.door.base(), REMEDY), &missing)
    }

    fn strange(&self, kind: EmbedErrorKind, operation: &str, message: String) -> EmbedError {
        EmbedError { kind, operation: operation.to_owned(), model: self.model.clone(), message, retry_after: None }
    }

    /// One request; unit vectors in order (empty for a text without direction).
    async fn request(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let operation = format!("embed batch of {}", texts.len());
        let body = json!({ "model": self.name, "input": texts, "encoding_format": "float" });
        let answer = self.door.post("/embeddings", &body, BATCH_TIMEOUT).await;
        let answer = answer.map_err(|problem| self.failed(problem, &operation))?;
        let data = answer.get("data").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut placed: Vec<Option<&Value>> = vec![None; texts.len()];
        for (at, item) in data.iter().enumerate() {
            // The index says which text it belongs to; servers that leave it out answer in order.
            let index = item.get("index").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok());
            if let Some(place) = placed.get_mut(index.unwrap_or(at)) {
                *place = item.get("embedding");
            }
        }
        let placed: Option<Vec<&Value>> = placed.into_iter().collect();
        let placed = placed.filter(|_| data.len() == texts.len()).ok_or_else(|| {
            let message = format!("{} vectors came back for {} texts", data.len(), texts.len());
            self.strange(EmbedErrorKind::Unavailable, &operation, message)
        })?;
        let dimension = self.dimension();
        let read: Result<Vec<Option<Vec<f32>>>, String> =
            placed.into_iter().map(|vector| unit_vector(vector, dimension)).collect();
        let read = read.map_err(|message| {
            let message = format!("{message}: was the model {} exchanged for another?", self.name);
            self.strange(EmbedErrorKind::Permanent, &operation, message)
        })?;
        Ok(read.into_iter().map(Option::unwrap_or_default).collect())
    }
}

#[async_trait]
impl Embedder for OpenAi {
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
        if self.dimension() == 0 {
            let made = self.request(&["length".to_owned()]).await?;
            self.dimension.store(made.first().map_or(0, Vec::len), Ordering::Relaxed);
        }
        Ok(self.dimension())
    }

    async fn embed_documents(&self, texts: &[EmbedText<'_>]) -> Result<Vec<Option<Vec<f32>>>, EmbedError> {
        self.prepare().await?;
        let texts: Vec<String> = texts.iter().map(|text| document(self.prefixes, *text)).collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.request(batch).await?);
        }
        Ok(vectors.into_iter().map(|vector| (!vector.is_empty()).then_some(vector)).collect())
    }

    async fn embed_query(&self, query: &str) -> Result<Option<Vec<f32>>, EmbedError> {
        self.prepare().await?;
        let vectors = self.request(&[format!("{}{query}", self.prefixes.query)]).await?;
        Ok(vectors.into_iter().next().filter(|vector| !vector.is_empty()))
    }

    async fn ping(&self) -> Result<String, EmbedError> {
        let known = match self.door.get("/models", ASK_TIMEOUT).await {
            Ok(_) => "",
            // Servers for embeddings alone often have no list.
            Err(HttpProblem::Status { code: 404 | 405 | 501, .. }) => ", no list of models",
            Err(problem) => return Err(self.failed(problem, "ask")),
        };
        let dimension = match self.dimension() {
            0 => "not asked yet".to_owned(),
            known => format!("{known} dimensions"),
        };
        Ok(format!("OpenAI-compatible at {}, {}, {dimension}{known}", self.door.base(), self.name))
    }
}
