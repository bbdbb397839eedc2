//! The configuration file's own shape. Called by [`super::Config::load`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;

/// A file with every setting at its default, for `peanut config` and the README.
pub const EXAMPLE: &str = r#"# Peanut's settings. Every line is optional; what is shown is the default.

# data_dir  = "~/.local/share/peanut"        # store and drop zone
# state_dir = "~/.local/state/peanut"        # logs and crash reports
# drop_zone = "~/.local/share/peanut/drop"   # files put here are taken in
# log_level = "info"                         # error, warn, info, debug, trace

# Services are used when their address is given; everything else is embedded. Passwords and keys are better kept out of
# this file: POSTGRES_URL_FILE, FALKORDB_PASSWORD_FILE and OPENAI_API_KEY_FILE name files that hold them.
[store]
# postgres_url = "postgres://peanut@localhost/peanut"
# postgres_replica_url = "postgres://peanut@standby/peanut"   # a streaming replica: serves searches while it follows closely

[graph]
# host = "localhost"   # a FalkorDB
# port = 6379
# name = "peanut"

[embedding]
# model = "minilm"     # minilm: instant first, better in the background; static: instant only; or a service's model
# ollama_url = "http://localhost:11434"
# openai_url = "http://localhost:8080/v1"    # any server with OpenAI's /v1/embeddings

[chunks]
# tokens = 512
# overlap = 50

[screen]
# theme = "terminal"   # dark, light, terminal
# mouse = true
# ascii = false        # borders of plain ASCII

[keys]
# quit = "q"           # action = "key"; actions are listed by the help screen (?)
"#;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileValues {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) state_dir: Option<PathBuf>,
    pub(super) drop_zone: Option<PathBuf>,
    pub(super) log_level: Option<String>,
    pub(super) store: StoreValues,
    pub(super) graph: GraphValues,
    pub(super) embedding: EmbeddingValues,
    pub(super) chunks: ChunkValues,
    pub(super) screen: ScreenValues,
    pub(super) keys: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EmbeddingValues {
    pub(super) model: Option<String>,
    pub(super) ollama_url: Option<String>,
    pub(super) openai_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StoreValues {
    pub(super) postgres_url: Option<String>,
    pub(super) postgres_replica_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GraphValues {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) password: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ChunkValues {
    pub(super) tokens: Option<usize>,
    pub(super) overlap: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ScreenValues {
    pub(super) theme: Option<String>,
    pub(super) mouse: Option<bool>,
    pub(super) ascii: Option<bool>,
}

pub(super) fn read(path: &Path) -> Result<FileValues, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let mut values: FileValues = toml::from_str(&text)
        .map_err(|error| ConfigError::Invalid { path: path.to_owned(), message: error.to_string() })?;
    for value in [&mut values.data_dir, &mut values.state_dir, &mut values.drop_zone].into_iter().flatten() {
        *value = expand_home(value);
    }
    Ok(values)
}

/// `~/x` becomes `$HOME/x`, as people expect of a settings file.
fn expand_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}
