//! The search service: one call for screens, commands and doors.
//!
//! Parses the query, asks both legs at once, fuses, groups by document, shows why. When the embedder does not answer in
//! time the answer is words only, marked degraded, never an error. Weights are read from the store's settings at query
//! time (kept for a second).

mod group;
mod more_like;
mod options;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::domain::search::{Filter, Scores, SearchMode, SearchRequest, SearchResponse, VectorQuery, WordsQuery};
use crate::domain::{ChunkId, Clock};
use crate::embed::Embedder;
use crate::store::{SharedStore, StoreError};

use super::fuse::{Fused, Fusion, Leg, fuse};
use super::query::{self, ParsedQuery, QueryError};

pub use group::explain;
use options::Options;

/// A query must be embedded within this, or the answer is words only.
const EMBED_DEADLINE: Duration = Duration::from_millis(1500);
/// A model that failed is left alone this long: somebody who types must not wait for it with every key.
const RESTS: Duration = Duration::from_secs(5);
/// A word is corrected when it matches nothing and is at least this long.
const SHORTEST_CORRECTED: usize = 3;

/// Why a search has no answer.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The query is out of the contract's range.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The store failed.
    #[error("search failed: {0}")]
    Store(#[from] StoreError),
}

/// A model that may serve queries, with the coverage at which it does.
#[derive(Clone)]
pub struct ServingModel {
    /// The model.
    pub embedder: Arc<dyn Embedder>,
    /// Until when it is left alone, and why.
    resting: Arc<Mutex<Option<(Instant, String)>>>,
}

impl ServingModel {
    fn rest(&self) -> Option<String> {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.as_ref().filter(|(until, _)| *until > Instant::now()).map(|(_, why)| why.clone())
    }

    /// The query's vector, or why there is none now.
    async fn embed(&self, text: &str) -> Result<Option<Vec<f32>>, String> {
        if let Some(why) = self.rest() {
            return Err(why);
        }
        let why = match tokio::time::timeout(EMBED_DEADLINE, self.embedder.embed_query(text)).await {
            Ok(Ok(vector)) => return Ok(vector),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("{} did not answer within {EMBED_DEADLINE:?}", self.embedder.model()),
        };
        let until = Instant::now() + RESTS;
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = Some((until, why.clone()));
        Err(why)
    }
}

/// Searches one store.
pub struct SearchService {
    store: SharedStore,
    /// In order of preference: a chunk is scored by the first that has a vector for it.
    models: Vec<ServingModel>,
    clock: Arc<dyn Clock>,
    options: Mutex<Option<(Instant, Options)>>,
}

/// What the vector leg works with.
struct Meaning {
    queries: Vec<VectorQuery>,
    vector_weight: f32,
    fusion: Fusion,
    /// Why a model that should serve does not.
    degraded: Option<String>,
}

impl SearchService {
    /// A service over `store` that embeds queries with `models`, best first.
    #[must_use]
    pub fn new(store: SharedStore, models: Vec<Arc<dyn Embedder>>, clock: Arc<dyn Clock>) -> Self {
        let models = models.into_iter().map(|embedder| ServingModel { embedder, resting: Arc::default() }).collect();
        Self { store, models, clock, options: Mutex::new(None) }
    }

    /// Answers a search.
    ///
    /// # Errors
    /// When query or limit is out of range, or the store fails. A failing embedder is no error.
    pub async fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        let started = Instant::now();
        query::check(&request.query, request.limit)?;
        let parsed = query::parse(&request.query, &self.now());
        let options = self.options().await?;
        let mode = parsed.mode.unwrap_or(request.mode);
        let mut response = SearchResponse { hints: parsed.hints.clone(), ..SearchResponse::default() };
        let has_text = !parsed.text.trim().is_empty();
        let fused = if has_text {
            self.legs(&parsed, mode, &options, request.limit, &mut response).await?
        } else {
            let newest = self.store.newest(&parsed.filter, request.limit).await?;
            newest
                .iter()
                .map(|s| Fused { chunk_id: s.chunk_id, document_id: s.document_id, scores: Scores::default() })
                .collect()
        };
        response.hits = self.hits(&fused, &parsed, request.limit).await?;
        if has_text && mode != SearchMode::Vectors {
            response.did_you_mean = self.correction(&request.query, &parsed).await?;
        }
        response.elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
        Ok(response)
    }

    /// Both legs at once, fused.
    async fn legs(
        &self,
        parsed: &ParsedQuery,
        mode: SearchMode,
        options: &Options,
        limit: usize,
        response: &mut SearchResponse,
    ) -> Result<Vec<Fused>, SearchError> {
        let depth = options.candidates.max(limit * 4);
        let words = async {
            match mode {
                SearchMode::Vectors => Ok(Vec::new()),
                _ => self.store.search_words(&parsed.words, &parsed.filter, depth).await,
            }
        };
        let meaning = async {
            match mode {
                SearchMode::Words => Ok(None),
                _ => self.meaning(&parsed.text, options).await.map(Some),
            }
        };
        let vectors = async {
            match meaning.await {
                Ok(Some(meaning)) => {
                    let found = self.vectors(&meaning, &parsed.filter, &parsed.words, depth).await;
                    found.map(|found| (found, Some(meaning), None))
                }
                Ok(None) => Ok((Vec::new(), None, None)),
                Err(reason) => Ok((Vec::new(), None, Some(reason))),
            }
        };
        let (words, vectors) = tokio::join!(words, vectors);
        let (words, (vectors, meaning, failure)) = (words?, vectors?);
        response.semantic_coverage = self.coverage().await?;
        response.model = meaning.as_ref().and_then(|meaning| meaning.queries.first()).map(|query| query.model.clone());
        if let Some(reason) = failure.or_else(|| meaning.as_ref()?.degraded.clone()) {
            response.degraded = true;
            response.degraded_reason = Some(reason);
        }
        let weight = match (mode, &meaning) {
            (SearchMode::Words, _) | (_, None) => 0.0,
            (SearchMode::Vectors, _) => 1.0,
            (SearchMode::Hybrid, Some(meaning)) => meaning.vector_weight,
        };
        let (mut words, mut vectors) =
            (Leg { ranked: words, ..Leg::default() }, Leg { ranked: vectors, ..Leg::default() });
        if mode == SearchMode::Hybrid && weight > 0.0 {
            self.fill_in(&mut words, &mut vectors, parsed, meaning.as_ref()).await?;
        }
        let fusion = meaning.as_ref().map_or(options.fusion.unwrap_or(Fusion::Score), |meaning| meaning.fusion);
        Ok(fuse(&words, &vectors, weight, fusion))
    }

    /// Query vectors of every serving model that answers in time.
    async fn meaning(&self, text: &str, options: &Options) -> Result<Meaning, String> {
        let mut queries = Vec::new();
        let mut best = None;
        let mut failure: Option<String> = None;
        for model in &self.models {
            let embedder = &model.embedder;
            let profile = embedder.profile();
            match model.embed(text).await {
                Ok(Some(vector)) => {
                    best = best.or(Some(profile));
                    let (scale, offset) = profile.calibration;
                    queries.push(VectorQuery { model: embedder.model().clone(), vector, scale, offset });
                }
                Ok(None) => {}
                Err(why) => failure = failure.or(Some(why)),
            }
        }
        match failure {
            Some(failure) if queries.is_empty() => Err(failure),
            degraded => {
                let weight = options.vector_weight.or(best.map(|best| best.vector_weight)).unwrap_or(0.0);
                let by_profile = if best.is_some_and(|best| best.by_z_score) { Fusion::ZScore } else { Fusion::Score };
                Ok(Meaning { queries, vector_weight: weight, fusion: options.fusion.unwrap_or(by_profile), degraded })
            }
        }
    }

    /// The vector leg; chunks that required or forbidden words rule out do not count.
    async fn vectors(
        &self,
        meaning: &Meaning,
        filter: &Filter,
        words: &WordsQuery,
        depth: usize,
    ) -> Result<Vec<crate::domain::search::ScoredChunk>, SearchError> {
        use crate::domain::search::Occur;
        if meaning.queries.is_empty() {
            return Ok(Vec::new());
        }
        let gates: Vec<_> = words.clauses.iter().filter(|(occur, _)| *occur != Occur::Should).cloned().collect();
        // A gate may rule out most of what is near: look deeper before it is applied.
        let deep = if gates.is_empty() { depth } else { depth * 10 };
        let found = self.store.search_vectors(&meaning.queries, filter, deep).await?;
        if gates.is_empty() {
            return Ok(found);
        }
        let ids: Vec<ChunkId> = found.iter().map(|chunk| chunk.chunk_id).collect();
        let must: Vec<_> = gates.iter().filter(|(occur, _)| *occur == Occur::Must).cloned().collect();
        let must_not = gates.into_iter().filter(|(occur, _)| *occur == Occur::MustNot);
        let forbidden = WordsQuery { clauses: must_not.map(|(_, wanted)| (Occur::Should, wanted)).collect() };
        let passes = async |query: WordsQuery| -> Result<Vec<bool>, StoreError> {
            if query.clauses.is_empty() {
                return Ok(Vec::new());
            }
            Ok(self.store.score_words(&query, &ids).await?.iter().map(Option::is_some).collect())
        };
        let (met, broken) = (passes(WordsQuery { clauses: must }).await?, passes(forbidden).await?);
        let keep =
            |index: usize| met.get(index).copied().unwrap_or(true) && !broken.get(index).copied().unwrap_or(false);
        let kept = found.into_iter().enumerate().filter(|(index, _)| keep(*index)).map(|(_, chunk)| chunk);
        Ok(kept.take(depth).collect())
    }

    /// Scores of each leg for what only the other found: a fusion over guesses would punish the unlisted.
    async fn fill_in(
        &self,
        words: &mut Leg,
        vectors: &mut Leg,
        parsed: &ParsedQuery,
        meaning: Option<&Meaning>,
    ) -> Result<(), SearchError> {
        let ids = |leg: &Leg| leg.ranked.iter().map(|chunk| chunk.chunk_id).collect::<Vec<_>>();
        let (by_words, by_vectors) = (ids(words), ids(vectors));
        let missing = |all: &[ChunkId], known: &[ChunkId]| {
            let known: std::collections::HashSet<_> = known.iter().collect();
            all.iter().filter(|id| !known.contains(id)).copied().collect::<Vec<_>>()
        };
        let (no_vector, no_words) = (missing(&by_words, &by_vectors), missing(&by_vectors, &by_words));
        if let Some(meaning) = meaning.filter(|meaning| !meaning.queries.is_empty()) {
            let scores = self.store.score_vectors(&meaning.queries, &no_vector).await?;
            vectors.filled_in =
                no_vector.into_iter().zip(scores).filter_map(|(id, score)| Some((id, score?))).collect();
        }
        let scores = self.store.score_words(&parsed.words, &no_words).await?;
        words.filled_in = no_words.into_iter().zip(scores).filter_map(|(id, score)| Some((id, score?))).collect();
        Ok(())
    }

    /// A corrected query when a typed word matches nothing and a near one does.
    async fn correction(&self, typed: &str, parsed: &ParsedQuery) -> Result<Option<String>, SearchError> {
        let mut corrections: HashMap<&str, String> = HashMap::new();
        for word in &parsed.plain_words {
            let terms = crate::domain::terms::terms_of(word);
            if word.chars().count() < SHORTEST_CORRECTED || terms.len() != 1 {
                continue;
            }
            if self.store.document_frequencies(&terms).await?.first().is_some_and(|frequency| *frequency > 0) {
                continue;
            }
            if let Some(near) = self.store.suggest(word, 1).await?.into_iter().next() {
                corrections.insert(word, near.word);
            }
        }
        if corrections.is_empty() {
            return Ok(None);
        }
        let corrected: Vec<String> = typed
            .split_whitespace()
            .map(|piece| corrections.get(piece).cloned().unwrap_or_else(|| piece.to_owned()))
            .collect();
        Ok(Some(corrected.join(" ")))
    }

    /// How much of the store the best serving model knows.
    async fn coverage(&self) -> Result<f32, SearchError> {
        let Some(best) = self.models.first() else { return Ok(0.0) };
        let progress = self.store.embedding_progress().await?;
        Ok(progress
            .iter()
            .find(|known| &known.model == best.embedder.model())
            .map_or(0.0, super::super::domain::status::EmbeddingProgress::coverage))
    }

    fn now(&self) -> jiff::ZonedDateTime {
        let now = jiff::Timestamp::from_millisecond(self.clock.now().0).unwrap_or_default();
        now.to_zoned_datetime(jiff::tz::TimeZone::system())
    }
}
