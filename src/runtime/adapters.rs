//! Which adapter stands behind which trait: store, graph and background embedder as the settings ask. Called by `wiring`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use color_eyre::eyre;

use crate::config::{BackgroundModel, Config, EmbedService, ServiceSettings};
use crate::domain::{ModelId, Timestamp};
use crate::embed::builtin::{MiniLm, StaticModel};
use crate::embed::ollama::Ollama;
use crate::embed::openai::OpenAi;
use crate::embed::{Embedder, Embedders, InstantEmbedder};
use crate::graph::embedded::EmbeddedGraph;
use crate::graph::falkor::{FalkorAddress, FalkorGraph};
use crate::graph::{GraphReader, GraphSink};
use crate::ingest::parsers::{Parsers, Program};
use crate::store::limited::Limited;
use crate::store::postgres::{PostgresOptions, PostgresStore};
use crate::store::sqlite::SqliteStore;
use crate::store::transfer::UNFINISHED;
use crate::store::{SharedStore, StoreError, StoreErrorKind, StoreResult};
use crate::telemetry::crash;

/// A service that embeds is asked this long at start; afterwards the worker goes on asking.
const PREPARE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// Searches under way at once over SQLite and over PostgreSQL: of 4 reading and of 16 connections.
const SEARCHES_AT_ONCE: (usize, usize) = (3, 12);

/// How many searches may be under way at once, so that other readers of the store find a connection.
pub(super) fn searches_at_once(config: &Config) -> usize {
    let (embedded, service) = SEARCHES_AT_ONCE;
    if config.services.postgres_url.is_some() { service } else { embedded }
}

/// Tells this program to be a parser: a word nobody types by accident, hidden from the help.
pub(crate) const PARSER_COMMAND: &str = "parser-process";

/// Set by the binary: whoever links the library into a program of its own parses in that program.
static PARSER: OnceLock<Program> = OnceLock::new();

/// Makes this program, which answers to [`PARSER_COMMAND`], parse in processes of its own; even when its file is replaced
/// meanwhile.
pub(crate) fn parse_in_processes() {
    let own = std::path::PathBuf::from("/proc/self/exe");
    let path = if own.exists() { own } else { std::env::current_exe().unwrap_or_else(|_| "peanut".into()) };
    let mut arguments = vec![PARSER_COMMAND.into()];
    if std::env::var("PEANUT_PANIC").as_deref() == Ok("parser") {
        arguments.push("--planned".into());
    }
    // Only the first call counts.
    let _ = PARSER.set(Program { path, arguments });
}

/// Who parses. What ends a parser is told by a crash report.
pub(super) fn parsers() -> Parsers {
    PARSER.get().map_or_else(Parsers::here, |program| {
        Parsers::of(program.clone(), Arc::new(|casualty| crash::parser_ended(&casualty.name, &casualty.why)))
    })
}

/// The graph the settings ask for.
pub(super) fn graph(config: &Config, store: &SharedStore) -> (Arc<dyn GraphReader>, Arc<dyn GraphSink>) {
    if let Some(settings) = &config.services.falkordb {
        let graph = Arc::new(FalkorGraph::new(FalkorAddress {
            host: settings.host.clone(),
            port: settings.port,
            password: settings.password.as_ref().map(|password| password.reveal().to_owned()),
            graph: settings.graph.clone(),
        }));
        return (graph.clone(), graph);
    }
    let graph = Arc::new(EmbeddedGraph::new(Arc::clone(store)));
    (graph.clone(), graph)
}

/// Makes embedders of whatever the settings can reach: a model that served before the settings were changed goes on
/// serving until another is built.
pub(super) struct ConfiguredEmbedders {
    services: ServiceSettings,
    cores: usize,
    instant: Arc<StaticModel>,
    made: Mutex<HashMap<ModelId, Arc<dyn Embedder>>>,
}

impl ConfiguredEmbedders {
    /// Makers with these settings; nothing is loaded or asked yet.
    pub(super) fn new(config: &Config, cores: usize, instant: &Arc<StaticModel>) -> Self {
        let (services, instant) = (config.services.clone(), Arc::clone(instant));
        Self { services, cores, instant, made: Mutex::default() }
    }

    fn make(&self, model: &ModelId) -> Result<Arc<dyn Embedder>, String> {
        let no_client = |error: String| format!("cannot make an HTTP client: {error}");
        if let Some(name) = model.0.strip_prefix("ollama:") {
            let url = self.services.ollama_url.as_ref();
            let url = url.ok_or_else(|| {
                format!(
                    "{model} is served by Ollama: set OLLAMA_URL to where it is, or build another with `peanut reindex`"
                )
            })?;
            return Ok(Arc::new(Ollama::new(url.reveal(), name).map_err(no_client)?));
        }
        if let Some(name) = model.0.strip_prefix("openai:") {
            let (url, key) = self.services.openai.as_ref().ok_or_else(|| {
                format!("{model} is served by an OpenAI-compatible server: set OPENAI_BASE_URL to where it is, or build another with `peanut reindex`")
            })?;
            return Ok(Arc::new(OpenAi::new(url.reveal(), name, key.clone()).map_err(no_client)?));
        }
        if model == InstantEmbedder::model(&*self.instant) {
            return Ok(Arc::clone(&self.instant) as Arc<dyn Embedder>);
        }
        let minilm = Arc::new(MiniLm::new(self.cores));
        if model == minilm.model() {
            return Ok(Arc::new(minilm));
        }
        Err(format!("this version has no model {model}: `peanut reindex` builds the one that the settings name"))
    }
}

impl Embedders for ConfiguredEmbedders {
    fn embedder(&self, model: &ModelId) -> Result<Arc<dyn Embedder>, String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(embedder) = made.get(model) {
            return Ok(Arc::clone(embedder));
        }
        let embedder = self.make(model)?;
        made.insert(model.clone(), Arc::clone(&embedder));
        Ok(embedder)
    }
}

/// The background model the settings name.
pub(super) fn configured_model(config: &Config) -> Option<ModelId> {
    match (&config.services.embedder, config.background_model) {
        (Some(EmbedService::Ollama { model, .. }), _) => Some(ModelId(format!("ollama:{model}"))),
        (Some(EmbedService::OpenAi { model, .. }), _) => Some(ModelId(format!("openai:{model}"))),
        (None, BackgroundModel::Minilm) => Some(MiniLm::new(1).model_id().clone()),
        (None, BackgroundModel::None) => None,
    }
}

/// The model a person means by `name`: a full id, `minilm`, or one of the service that the settings name.
pub(super) fn model_named(config: &Config, name: &str) -> Result<ModelId, String> {
    if name.starts_with("ollama:") || name.starts_with("openai:") {
        return Ok(ModelId::from(name));
    }
    let minilm = MiniLm::new(1).model_id().clone();
    if name.eq_ignore_ascii_case("minilm") || name == minilm.0 {
        return Ok(minilm);
    }
    match &config.services.embedder {
        Some(EmbedService::OpenAi { .. }) => Ok(ModelId(format!("openai:{name}"))),
        _ if config.services.ollama_url.is_some() => Ok(ModelId(format!("ollama:{name}"))),
        _ if config.services.openai.is_some() => Ok(ModelId(format!("openai:{name}"))),
        _ => Err(format!(
            "{name} is no built-in model (minilm is): set OLLAMA_URL or OPENAI_BASE_URL to the service that has it"
        )),
    }
}

/// Makes the background model known to the store, if it answers. One that does not now may be known from before.
pub(super) async fn registered(
    store: &SharedStore,
    background: Option<&Arc<dyn Embedder>>,
    now: Timestamp,
) -> eyre::Result<Vec<ModelId>> {
    let Some(background) = background else { return Ok(Vec::new()) };
    let model = background.model();
    match tokio::time::timeout(PREPARE_TIMEOUT, background.prepare()).await {
        Ok(Ok(dimension)) => {
            store.register_model(model, dimension, now).await?;
            return Ok(vec![model.clone()]);
        }
        Ok(Err(error)) => tracing::warn!(%error, "embedder_not_ready"),
        Err(_) => tracing::warn!(%model, seconds = PREPARE_TIMEOUT.as_secs(), "embedder_not_ready"),
    }
    let known = store.embedding_progress().await?;
    Ok(known.into_iter().map(|progress| progress.model).filter(|known| known == model).collect())
}

/// PostgreSQL where an address is set, else the file in the data folder. One that a copy has not finished is refused.
pub(super) async fn open_store(config: &Config) -> StoreResult<SharedStore> {
    let store: SharedStore = match &config.services.postgres_url {
        Some(url) => {
            let options = PostgresOptions::default();
            let index = config.data_dir.join("postgres-index");
            let store = PostgresStore::open_with(url.reveal(), &options, Some(index)).await?.on_host(&config.host);
            let store = match &config.services.postgres_replica_url {
                Some(url) => store.with_replica(url.reveal(), &options)?,
                None => store,
            };
            Arc::new(Limited::new(store))
        }
        None => Arc::new(SqliteStore::open(&config.store_path).await?.on_host(&config.host)),
    };
    let Some(origin) = store.setting(UNFINISHED).await? else { return Ok(store) };
    let key = store.info().await?.location;
    store.close().await;
    let message = format!(
        "it is an unfinished copy of {origin}: run `peanut copy --from … --to …` again with the same addresses \
         (it starts over and takes this mark away when all is proven), or use {origin} as before"
    );
    Err(StoreError { kind: StoreErrorKind::Permanent, operation: "open store", key, message, source: None })
}
