//! The search service: one call for screens, commands and doors.
//!
//! Parses the query, asks both legs at once, fuses, groups by document, shows why (`ranking`, `group`); a query that ranks
//! nothing is a list by date (`listing`), and what is only nearest is nothing (`relevance`). When the embedder does not answer in
//! time the answer is words only, marked degraded, never an error. Weights are read from the store's settings at query
//! time (kept for a second).

mod alike;
mod correct;
mod exact;
mod forms;
mod group;
mod listing;
mod more_like;
mod options;
mod ranking;
mod relevance;
mod spread;
mod together;
mod turns;
mod wishes;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::domain::search::{ByDate, SearchMode, SearchRequest, SearchResponse, Sought, VectorQuery};
use crate::domain::{Clock, ModelId};
use crate::embed::{Embedder, Embedders, FusionRule};
use crate::store::{SharedStore, StoreError};
use crate::telemetry::metrics;

use super::fuse::Fusion;
use super::query::{self, QueryError};

pub use group::explain;
use options::Options;
use turns::Turns;
pub use turns::Who;
pub use wishes::{Alike, Wishes};

/// A query must be embedded within this, or the answer is words only.
const EMBED_DEADLINE: Duration = Duration::from_millis(1500);
/// How long the share of chunks that have a vector is taken as known.
const COVERAGE_KEPT: Duration = Duration::from_secs(1);
/// A model that failed is left alone this long: somebody who types must not wait for it with every key.
const RESTS: Duration = Duration::from_secs(5);
/// The store must answer a search within this; less than any door waits, so that everybody is told the same.
const DEADLINE: Duration = Duration::from_secs(15);
/// Where everybody may search at once.
const NO_BOUND: usize = 1 << 20;

/// Why a search has no answer.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The query is out of the contract's range.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The store failed.
    #[error("search failed: {0}")]
    Store(#[from] StoreError),
    /// It took too long and was given up; nothing goes on working at it.
    #[error("the search was given up after {} s: ask for fewer words, or again when the machine is less busy", .0.as_secs_f64())]
    TooSlow(Duration),
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
    fn new(embedder: Arc<dyn Embedder>) -> Self {
        Self { embedder, resting: Arc::default() }
    }

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
    /// In order of preference: a chunk is scored by the first that has a vector for it. Behind the background model that
    /// serves, if there is one.
    models: Vec<ServingModel>,
    /// Makes the background model that the store says serves.
    embedders: Option<Arc<dyn Embedders>>,
    /// Background models that served since the start.
    background: Mutex<HashMap<ModelId, ServingModel>>,
    clock: Arc<dyn Clock>,
    /// Addresses of whoever owns the store.
    me: Vec<String>,
    /// Searches under way. The others wait here, every caller in a line of its own, holding neither memory nor a connection.
    under_way: Turns,
    /// How long the store may take for one.
    deadline: Duration,
    /// Set while the next search is to have the store's indexes read into memory.
    is_cold: Arc<AtomicBool>,
    options: Mutex<Option<(Instant, Options)>>,
    coverage: Mutex<Option<(Instant, ModelId, f32)>>,
}

/// What the vector leg works with.
struct Meaning {
    queries: Vec<VectorQuery>,
    vector_weight: f32,
    fusion: Fusion,
    /// Cosines below this are no likeness; `None` where nobody measured.
    floor: Option<f32>,
    /// Why a model that should serve does not.
    degraded: Option<String>,
}

/// Has the indexes read when a search is over, however it ends: its answer would only wait for what the next ones need.
struct WarmUp<'a>(&'a SearchService);

impl Drop for WarmUp<'_> {
    fn drop(&mut self) {
        self.0.warm_up();
    }
}

impl SearchService {
    /// A service over `store` that embeds queries with `models`, best first.
    #[must_use]
    pub fn new(store: SharedStore, models: Vec<Arc<dyn Embedder>>, clock: Arc<dyn Clock>) -> Self {
        let models = models.into_iter().map(ServingModel::new).collect();
        Self {
            store,
            models,
            embedders: None,
            background: Mutex::default(),
            clock,
            me: Vec::new(),
            under_way: Turns::new(NO_BOUND),
            deadline: DEADLINE,
            is_cold: Arc::default(),
            options: Mutex::new(None),
            coverage: Mutex::new(None),
        }
    }

    /// The same, with the background model that the store says serves before all others. It may change between two
    /// searches, never within one.
    #[must_use]
    pub fn with_background(self, embedders: Arc<dyn Embedders>) -> Self {
        Self { embedders: Some(embedders), ..self }
    }

    /// The same for the owner of these addresses: `from:me`, `to:me` and the like mean them.
    #[must_use]
    pub fn of(self, me: Vec<String>) -> Self {
        Self { me, ..self }
    }

    /// The same, with at most so many searches under way at once: fewer than the store has connections, so that a crowd of
    /// them leaves some to screens, doors and workers.
    #[must_use]
    pub fn at_once(self, most: usize) -> Self {
        Self { under_way: Turns::new(most), ..self }
    }

    /// The same, with another time the store may take.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// For a process that stays: the first search has the store read what later ones want in memory (`SearchStore::warm_up`),
    /// in the background. Before anybody searches it would only cost; a command that searches once is over before it is there.
    pub fn warm_up_when_used(&self) {
        self.is_cold.store(true, Ordering::Release);
    }

    fn warm_up(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.is_cold.swap(false, Ordering::AcqRel) {
            return;
        }
        let (store, is_cold) = (Arc::clone(&self.store), Arc::clone(&self.is_cold));
        runtime.spawn(async move {
            let started = Instant::now();
            match store.warm_up().await {
                Ok(()) => tracing::info!(seconds = started.elapsed().as_secs_f64(), "search_indexes_loaded"),
                Err(error) => {
                    tracing::warn!(%error, "search_indexes_not_loaded");
                    is_cold.store(true, Ordering::Release);
                }
            }
        });
    }

    /// The models of one search, best first, and why the one that should serve does not.
    fn models(&self, options: &Options) -> (Vec<ServingModel>, Option<String>) {
        let (Some(embedders), Some(serving)) = (&self.embedders, &options.serving) else {
            return (self.models.clone(), None);
        };
        if self.models.iter().any(|model| model.embedder.model() == serving) {
            return (self.models.clone(), None);
        }
        let mut known = self.background.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match known.get(serving) {
            Some(model) => Ok(model.clone()),
            None => embedders.embedder(serving).map(|embedder| {
                let model = ServingModel::new(embedder);
                known.insert(serving.clone(), model.clone());
                model
            }),
        };
        match made {
            Ok(best) => (std::iter::once(best).chain(self.models.iter().cloned()).collect(), None),
            Err(why) => (self.models.clone(), Some(why)),
        }
    }

    /// Answers a search of the one in front of this machine.
    ///
    /// # Errors
    /// As [`SearchService::search_for`].
    pub async fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        self.search_for(Who::Here, request).await
    }

    /// Answers a search, a row for each document.
    ///
    /// # Errors
    /// As [`SearchService::search_as`].
    pub async fn search_for(&self, who: Who, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        self.search_as(who, request, Wishes::default()).await
    }

    /// Answers a search.
    ///
    /// # Errors
    /// When query, limit or offset is out of range, or the store fails or takes too long. A failing embedder is no error.
    pub async fn search_as(
        &self,
        who: Who,
        request: &SearchRequest,
        wishes: Wishes,
    ) -> Result<SearchResponse, SearchError> {
        let started = Instant::now();
        query::check(&request.query, request.limit, request.offset)?;
        let _afterwards = WarmUp(self);
        let parsed = query::parse_for(&self.me, &request.query, &self.now());
        let options = self.options().await?;
        let mode = parsed.mode.unwrap_or(request.mode);
        let sought = Box::new(Sought { terms: parsed.highlights.clone(), prefixes: parsed.prefixes.clone() });
        let mut response = SearchResponse { hints: parsed.hints.clone(), sought, ..SearchResponse::default() };
        let has_text = !parsed.text.trim().is_empty();
        let meaning =
            if has_text && mode != SearchMode::Words { Some(self.meaning(&parsed.text, &options).await) } else { None };
        // An embedder may take its time; from here on it is the store's.
        let asking = async {
            if let Some(order) = parsed.order.or((!has_text).then_some(ByDate::Newest)) {
                return self.by_date(request, &parsed, order, &mut response).await;
            }
            let page = (request.offset, request.limit);
            let mut ranked = self.ranked(&parsed, (mode, meaning), &options, page, &mut response).await?;
            if mode != SearchMode::Vectors {
                self.exact_first(&mut ranked.fused, &parsed).await?;
            }
            let rows = self.hits(&ranked.fused, &parsed, page, wishes.alike).await?;
            response.hits = rows.hits;
            if mode != SearchMode::Vectors {
                response.did_you_mean = self.correction(&request.query, &parsed, &response.hits).await?;
            }
            if mode == SearchMode::Hybrid {
                relevance::settle(&mut response, &parsed, &ranked);
            }
            let end = request.offset + rows.documents;
            let has_more = rows.has_more || !ranked.is_all;
            response.next_offset =
                Some(end).filter(|end| has_more && !response.hits.is_empty() && *end <= query::LARGEST_OFFSET);
            if mode != SearchMode::Vectors && ranked.has_words {
                self.count(&parsed, mode, &ranked, wishes.count, &mut response).await?;
            }
            Ok::<(), SearchError>(())
        };
        self.in_turn(who, asking).await?;
        let elapsed = started.elapsed().as_secs_f64();
        metrics::observe_query(elapsed);
        response.elapsed_ms = elapsed * 1000.0;
        Ok(response)
    }

    /// Waits for this caller's turn, then asks the store, as long as the deadline lets it. Work that is given up stops.
    async fn in_turn<T>(
        &self,
        who: Who,
        asking: impl Future<Output = Result<T, SearchError>>,
    ) -> Result<T, SearchError> {
        let _turn = self.under_way.turn(who).await;
        let answer = tokio::time::timeout(self.deadline, asking).await;
        answer.unwrap_or(Err(SearchError::TooSlow(self.deadline)))
    }

    /// Query vectors of every serving model that answers in time.
    async fn meaning(&self, text: &str, options: &Options) -> Result<Meaning, String> {
        let mut queries = Vec::new();
        let mut best = None;
        let (mut models, mut failure) = self.models(options);
        // A model without any vector has nothing to compare with; loading it would be what a first search waits for.
        if models.len() > 1 && self.coverage(options).await.is_ok_and(|coverage| coverage <= 0.0) {
            models.remove(0);
        }
        for model in &models {
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
                let by_profile = best.map_or(Fusion::Score, |best| match best.rule {
                    FusionRule::PerQuery(rule) => Fusion::PerQuery { rule, usual_weight: best.vector_weight },
                    FusionRule::Score => Fusion::Score,
                    FusionRule::ZScore => Fusion::ZScore,
                });
                let floor = best.and_then(|best| best.floor);
                let fusion = options.fusion.unwrap_or(by_profile);
                Ok(Meaning { queries, vector_weight: weight, fusion, floor, degraded })
            }
        }
    }

    /// How much of the store the best serving model knows; counted again after a second.
    async fn coverage(&self, options: &Options) -> Result<f32, SearchError> {
        let (models, _) = self.models(options);
        let Some(best) = models.first() else { return Ok(0.0) };
        if let Some((read, model, coverage)) = &*self.coverage.lock().unwrap_or_else(PoisonError::into_inner)
            && read.elapsed() < COVERAGE_KEPT
            && model == best.embedder.model()
        {
            return Ok(*coverage);
        }
        let progress = self.store.embedding_progress().await?;
        let known = progress.iter().find(|known| &known.model == best.embedder.model());
        let coverage = known.map_or(0.0, super::super::domain::status::EmbeddingProgress::coverage);
        *self.coverage.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), best.embedder.model().clone(), coverage));
        Ok(coverage)
    }

    fn now(&self) -> jiff::ZonedDateTime {
        let now = jiff::Timestamp::from_millisecond(self.clock.now().0).unwrap_or_default();
        now.to_zoned_datetime(jiff::tz::TimeZone::system())
    }
}
