//! Addresses of services and their secrets. Called by [`super::Config::load`].

use crate::domain::Secret;
use crate::domain::secret::without_credentials;

use super::file::FileValues;
use super::secrets::secret;
use super::{ConfigError, Environment, bad};

const FALKORDB_PORT: u16 = 6379;
const GRAPH_NAME: &str = "peanut";
const OLLAMA_MODEL: &str = "nomic-embed-text";
const BUILT_IN: [&str; 3] = ["minilm", "static", "none"];

/// A FalkorDB to keep the graph in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FalkorSettings {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Password.
    pub password: Option<Secret>,
    /// Name of the graph.
    pub graph: String,
}

/// A service that embeds.
#[derive(Clone, PartialEq, Eq)]
pub enum EmbedService {
    /// Ollama.
    Ollama {
        /// Its address.
        url: String,
        /// Model to ask for.
        model: String,
    },
    /// A server with OpenAI's `/v1/embeddings`.
    OpenAi {
        /// Its address, up to and with `/v1`.
        url: String,
        /// Model to ask for.
        model: String,
        /// Key, if it wants one.
        key: Option<Secret>,
    },
}

impl std::fmt::Debug for EmbedService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Ollama { url, model } | Self::OpenAi { url, model, .. }) = self;
        let kind = if matches!(self, Self::Ollama { .. }) { "Ollama" } else { "OpenAi" };
        f.debug_struct(kind).field("url", &without_credentials(url)).field("model", model).finish_non_exhaustive()
    }
}

/// The services a process stands on; what is not named here is embedded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// `postgres://…`, with its password.
    pub postgres_url: Option<Secret>,
    /// A standby of it that serves searches.
    pub postgres_replica_url: Option<Secret>,
    /// The graph.
    pub falkordb: Option<FalkorSettings>,
    /// The embedder.
    pub embedder: Option<EmbedService>,
    /// Address of an Ollama, also when another embedder is wanted: a model it made vectors of may still serve.
    pub ollama_url: Option<Secret>,
    /// Address and key of an OpenAI-compatible server, in the same way.
    pub openai: Option<(Secret, Option<Secret>)>,
}

/// An address with a scheme; `host:port` is taken as `http://host:port`.
fn web_address(name: &str, text: &str) -> Result<String, ConfigError> {
    let address = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"));
    if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with(['/', ':'])) {
        return Err(bad(name, text, "an address like http://127.0.0.1:11434"));
    }
    Ok(address.trim_end_matches('/').to_owned())
}

fn postgres_address(
    environment: &Environment,
    name: &str,
    in_file: Option<&String>,
) -> Result<Option<Secret>, ConfigError> {
    let address = secret(environment, name, in_file)?;
    let is_address =
        |url: &Secret| ["postgres://", "postgresql://"].iter().any(|start| url.reveal().starts_with(start));
    if address.as_ref().is_some_and(|url| !is_address(url)) {
        // The value itself may hold a password.
        return Err(bad(name, "…", "an address like postgres://user:password@host:5432/database"));
    }
    Ok(address)
}

pub(super) fn read(values: &FileValues, environment: &Environment) -> Result<ServiceSettings, ConfigError> {
    let postgres_url = postgres_address(environment, "POSTGRES_URL", values.store.postgres_url.as_ref())?;
    let in_file = values.store.postgres_replica_url.as_ref();
    let postgres_replica_url = postgres_address(environment, "POSTGRES_REPLICA_URL", in_file)?;
    if postgres_replica_url.is_some() && postgres_url.is_none() {
        return Err(bad("POSTGRES_REPLICA_URL", "…", "a standby of the server at POSTGRES_URL, which is not set"));
    }
    Ok(ServiceSettings {
        postgres_url,
        postgres_replica_url,
        falkordb: falkordb(values, environment)?,
        embedder: embedder(values, environment)?,
        // An address may hold a password.
        ollama_url: ollama_url(values, environment)?.map(Secret::new),
        openai: openai(values, environment)?.map(|(url, key)| (Secret::new(url), key)),
    })
}

fn falkordb(values: &FileValues, environment: &Environment) -> Result<Option<FalkorSettings>, ConfigError> {
    let Some(host) = environment.text("FALKORDB_HOST").or_else(|| values.graph.host.clone()) else { return Ok(None) };
    if host.contains("://") || host.contains('/') {
        return Err(bad("FALKORDB_HOST", &host, "a host name or address alone; the port goes to FALKORDB_PORT"));
    }
    let port = match environment.text("FALKORDB_PORT") {
        Some(text) => text.parse().map_err(|_| bad("FALKORDB_PORT", &text, "a port number, 1 to 65535"))?,
        None => values.graph.port.unwrap_or(FALKORDB_PORT),
    };
    let graph = environment.text("FALKORDB_GRAPH").or_else(|| values.graph.name.clone());
    Ok(Some(FalkorSettings {
        host,
        port,
        password: secret(environment, "FALKORDB_PASSWORD", values.graph.password.as_ref())?,
        graph: graph.unwrap_or_else(|| GRAPH_NAME.to_owned()),
    }))
}

fn embedder(values: &FileValues, environment: &Environment) -> Result<Option<EmbedService>, ConfigError> {
    let is_built_in = |name: &str| BUILT_IN.contains(&name.to_lowercase().as_str());
    // Somebody who names a built-in model wants that one, whatever addresses there are.
    if environment.text("PEANUT_MODEL").is_some_and(|name| is_built_in(&name)) {
        return Ok(None);
    }
    let named = environment.text("EMBED_MODEL").or_else(|| values.embedding.model.clone());
    let model = named.filter(|name| !is_built_in(name));
    if let Some(url) = ollama_url(values, environment)? {
        return Ok(Some(EmbedService::Ollama { url, model: model.unwrap_or_else(|| OLLAMA_MODEL.to_owned()) }));
    }
    let Some((url, key)) = openai(values, environment)? else { return Ok(None) };
    let model = model.ok_or_else(|| bad("EMBED_MODEL", "", "the name of a model the server at OPENAI_BASE_URL has"))?;
    Ok(Some(EmbedService::OpenAi { url, model, key }))
}

fn ollama_url(values: &FileValues, environment: &Environment) -> Result<Option<String>, ConfigError> {
    let url = environment.text("OLLAMA_URL").or_else(|| values.embedding.ollama_url.clone());
    url.map(|url| web_address("OLLAMA_URL", &url)).transpose()
}

fn openai(values: &FileValues, environment: &Environment) -> Result<Option<(String, Option<Secret>)>, ConfigError> {
    let url = environment.text("OPENAI_BASE_URL").or_else(|| values.embedding.openai_url.clone());
    let Some(url) = url else { return Ok(None) };
    Ok(Some((web_address("OPENAI_BASE_URL", &url)?, secret(environment, "OPENAI_API_KEY", None)?)))
}
