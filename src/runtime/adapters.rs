//! Which adapter stands behind which trait: store, graph and background embedder as the settings ask. Called by `wiring`.

use std::sync::Arc;

use color_eyre::eyre;

use crate::config::{BackgroundModel, Config, EmbedService};
use crate::domain::{ModelId, Timestamp};
use crate::embed::Embedder;
use crate::embed::builtin::MiniLm;
use crate::embed::ollama::Ollama;
use crate::embed::openai::OpenAi;
use crate::graph::embedded::EmbeddedGraph;
use crate::graph::falkor::{FalkorAddress, FalkorGraph};
use crate::graph::{GraphReader, GraphSink};
use crate::store::limited::Limited;
use crate::store::postgres::{PostgresOptions, PostgresStore};
use crate::store::sqlite::SqliteStore;
use crate::store::{SharedStore, StoreResult};

/// A service that embeds is asked this long at start; afterwards the worker goes on asking.
const PREPARE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

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

/// The background embedder the settings ask for.
pub(super) fn background_embedder(config: &Config, cores: usize) -> eyre::Result<Option<Arc<dyn Embedder>>> {
    let no_client = |error: String| eyre::eyre!("cannot make an HTTP client: {error}");
    Ok(match (&config.services.embedder, config.background_model) {
        (Some(EmbedService::Ollama { url, model }), _) => Some(Arc::new(Ollama::new(url, model).map_err(no_client)?)),
        (Some(EmbedService::OpenAi { url, model, key }), _) => {
            Some(Arc::new(OpenAi::new(url, model, key.clone()).map_err(no_client)?))
        }
        (None, BackgroundModel::Minilm) => Some(Arc::new(Arc::new(MiniLm::new(cores)))),
        (None, BackgroundModel::None) => None,
    })
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

/// PostgreSQL where an address is set, else the file in the data folder.
pub(super) async fn open_store(config: &Config) -> StoreResult<SharedStore> {
    Ok(match &config.services.postgres_url {
        Some(url) => {
            let options = PostgresOptions::default();
            let store = PostgresStore::open(url.reveal(), &options).await?;
            let store = match &config.services.postgres_replica_url {
                Some(url) => store.with_replica(url.reveal(), &options)?,
                None => store,
            };
            Arc::new(Limited::new(store))
        }
        None => Arc::new(SqliteStore::open(&config.store_path).await?),
    })
}
