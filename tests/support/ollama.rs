//! A stand-in for Ollama (and an OpenAI-compatible server) that speaks their documented HTTP and fails on command:
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>. Vectors are made from the words, always the same.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Numbers of a vector.
pub(crate) const DIMENSION: usize = 16;
/// Words the model reads.
pub(crate) const WINDOW: usize = 40;
/// A text with this word is refused.
pub(crate) const POISON: &str = "POISON";

/// What goes wrong with the next request for embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The answer takes this long.
    Slow(Duration),
    /// 500 with a reason.
    Broken,
    /// 404: the model is not there.
    NoModel,
    /// 200 and half an answer.
    HalfJson,
    /// Vectors of another length.
    WrongDimension,
    /// One vector too few.
    TooFew,
    /// The connection ends in the middle of the answer.
    Reset,
    /// 429 with `Retry-After` in seconds.
    TooMany(u64),
}

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// When.
    pub(crate) at: Instant,
    /// The texts.
    pub(crate) texts: Vec<String>,
    /// Whether the server should cut what is too long.
    pub(crate) truncate: bool,
}

#[derive(Default)]
struct Script {
    faults: VecDeque<Fault>,
    asked: Vec<Asked>,
    key: Option<String>,
}

/// A running stand-in; ends when dropped.
pub(crate) struct StandIn {
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
    /// Its port.
    pub(crate) port: u16,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl StandIn {
    /// Starts one; with a key, the OpenAI door wants it.
    pub(crate) async fn start(key: Option<&str>) -> Self {
        let script = Arc::new(Mutex::new(Script { key: key.map(str::to_owned), ..Script::default() }));
        let routes = Router::new()
            .route("/api/version", get(async || Json(json!({ "version": "0.12.6" }))))
            .route("/api/show", post(show))
            .route("/api/embed", post(embed))
            .route("/v1/models", get(models))
            .route("/v1/embeddings", post(embeddings))
            .with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let port = listener.local_addr().expect("address").port();
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("serve") });
        Self { url: format!("http://127.0.0.1:{port}"), port, script, task }
    }

    /// The next requests for embeddings fail like this, in order.
    pub(crate) fn fail_next(&self, faults: &[Fault]) {
        self.script.lock().expect("script").faults.extend(faults);
    }

    /// Requests for embeddings so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().expect("script").asked.clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A vector with a place for each word: texts with words in common are near.
fn vector(text: &str, dimension: usize) -> Vec<f32> {
    let mut vector = vec![0.01; dimension];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = word.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        vector[hash % dimension] += 1.0;
    }
    vector
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

async fn show(Json(body): Json<Value>) -> Response {
    match body["model"].as_str() {
        Some("missing") => error(StatusCode::NOT_FOUND, "model 'missing' not found"),
        Some("chatter") => Json(json!({ "capabilities": ["completion"], "model_info": {} })).into_response(),
        Some("silent") => Json(json!({ "model_info": {} })).into_response(),
        _ => Json(json!({
            "capabilities": ["embedding"],
            "details": { "family": "nomic-bert" },
            "model_info": {
                "general.architecture": "nomic-bert",
                "nomic-bert.embedding_length": DIMENSION,
                "nomic-bert.context_length": WINDOW,
            },
        }))
        .into_response(),
    }
}

fn texts(body: &Value) -> Vec<String> {
    match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Keeps the request, plays the next fault, else answers `whole` of the vectors.
async fn answer(script: &Mutex<Script>, body: &Value, whole: impl Fn(Vec<Vec<f32>>) -> Value) -> Response {
    let texts = texts(body);
    let truncate = body["truncate"].as_bool().unwrap_or(true);
    let fault = {
        let mut script = script.lock().expect("script");
        script.asked.push(Asked { at: Instant::now(), texts: texts.clone(), truncate });
        script.faults.pop_front()
    };
    let vectors = |dimension| texts.iter().map(|text| vector(text, dimension)).collect::<Vec<_>>();
    match fault {
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        Some(Fault::Broken) => return error(StatusCode::INTERNAL_SERVER_ERROR, "llama runner process has terminated"),
        Some(Fault::NoModel) => return error(StatusCode::NOT_FOUND, "model not found, try pulling it first"),
        Some(Fault::HalfJson) => {
            let text = whole(vectors(DIMENSION)).to_string();
            let half = text[..text.len() / 2].to_owned();
            return ([(header::CONTENT_TYPE, "application/json")], half).into_response();
        }
        Some(Fault::WrongDimension) => return Json(whole(vectors(3))).into_response(),
        Some(Fault::TooFew) => return Json(whole(vectors(DIMENSION).split_off(1))).into_response(),
        Some(Fault::Reset) => {
            let pieces = [Ok(Bytes::from_static(b"{\"embed")), Err(std::io::ErrorKind::ConnectionReset.into())];
            let pieces: [Result<Bytes, std::io::Error>; 2] = pieces;
            return Body::from_stream(futures_util::stream::iter(pieces)).into_response();
        }
        Some(Fault::TooMany(seconds)) => {
            let mut refused = error(StatusCode::TOO_MANY_REQUESTS, "server busy, please try again");
            refused.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            return refused;
        }
        None => {}
    }
    if texts.iter().any(|text| text.contains(POISON)) {
        return error(StatusCode::BAD_REQUEST, "invalid input");
    }
    if !truncate && texts.iter().any(|text| text.split_whitespace().count() > WINDOW) {
        return error(StatusCode::BAD_REQUEST, "the input length exceeds the context length");
    }
    Json(whole(vectors(DIMENSION))).into_response()
}

async fn embed(State(script): State<Arc<Mutex<Script>>>, Json(body): Json<Value>) -> Response {
    if body["model"] == "missing" {
        return error(StatusCode::NOT_FOUND, "model \"missing\" not found, try pulling it first");
    }
    let model = body["model"].clone();
    answer(&script, &body, |vectors| {
        json!({ "model": model, "embeddings": vectors, "total_duration": 1, "load_duration": 1, "prompt_eval_count": 8 })
    })
    .await
}

/// The refusal of a request without the right key.
fn refusal(script: &Mutex<Script>, headers: &HeaderMap) -> Option<Response> {
    let wanted = script.lock().expect("script").key.clone()?;
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let body = json!({ "error": { "message": "Incorrect API key provided", "type": "invalid_request_error" } });
    (given != Some(&format!("Bearer {wanted}"))).then(|| (StatusCode::UNAUTHORIZED, Json(body)).into_response())
}

async fn models(State(script): State<Arc<Mutex<Script>>>, headers: HeaderMap) -> Response {
    let list = || Json(json!({ "object": "list", "data": [{ "id": "m", "object": "model" }] })).into_response();
    refusal(&script, &headers).unwrap_or_else(list)
}

async fn embeddings(State(script): State<Arc<Mutex<Script>>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Some(refused) = refusal(&script, &headers) {
        return refused;
    }
    answer(&script, &body, |vectors| {
        // The last first: the index says which is which.
        let items = vectors.iter().enumerate().rev();
        let data: Vec<Value> = items
            .map(|(index, vector)| json!({ "object": "embedding", "index": index, "embedding": vector }))
            .collect();
        json!({ "object": "list", "data": data, "model": "m", "usage": { "prompt_tokens": 8, "total_tokens": 8 } })
    })
    .await
}
