//! The configuration file's own shape. Called by [`super::Config::load`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::access::{LimitValues, McpValues};
use super::serve::ServeValues;

/// A file with every setting at its default, for `peanut config` and the README.
pub const EXAMPLE: &str = r#"# Peanut's settings. Every line is optional; what is shown is the default.

# data_dir  = "~/.local/share/peanut"        # store and drop zone
# state_dir = "~/.local/state/peanut"        # logs and crash reports
# drop_zone = "~/.local/share/peanut/drop"   # files put here are taken in
# me        = ["you@example.org"]           # your addresses, for from:me and to:me
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

[serve]                # peanut serve: HTTP for scripts, agents and Prometheus
# listen = "127.0.0.1:8000"                  # an address that is not of this host alone needs a key (peanut keys); "off"
# unix_socket = "/run/peanut/peanut.sock"    # readable and writable for owner and group
# metrics_listen = "127.0.0.1:9464"          # an address of its own for /metrics, without keys
# tls_certificate = "cert.pem"
# tls_key = "key.pem"
# trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]   # whose X-Forwarded-For is believed
# allowed_origins = []                       # pages that may read answers, "https://notes.example"
# in_app = false                             # whether the full-screen app opens the door too

[limits]               # requests a minute over HTTP, 0 for no limit
# per_address = 100
# per_key = 0

[screen]
# theme = "terminal"   # dark, light, terminal
# mouse = true
# ascii = false        # borders of plain ASCII

[keys]
# quit = "q"           # action = "key", or several: "q ctrl-q". Ctrl-C always quits. The actions:
# search add note open zoom next_pane previous_pane back edit pager copy copy_text more_like why mode select delete undo
# next_match previous_match next_in_thread previous_in_thread conversation next_link previous_link backlinks document_back
# document_forward quotes retry discard tab add_folder remove_folder pause pause_embedding down up page_down page_up first last home
# search_screen intake outbox services settings log palette help suspend redraw quit
"#;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileValues {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) state_dir: Option<PathBuf>,
    pub(super) drop_zone: Option<PathBuf>,
    pub(super) me: Vec<String>,
    pub(super) log_level: Option<String>,
    pub(super) store: StoreValues,
    pub(super) graph: GraphValues,
    pub(super) embedding: EmbeddingValues,
    pub(super) chunks: ChunkValues,
    pub(super) serve: ServeValues,
    pub(super) limits: LimitValues,
    pub(super) mcp: McpValues,
    pub(super) screen: ScreenValues,
    pub(super) keys: BTreeMap<String, Spanned<String>>,
    /// On which line each stands; made when the file is read.
    #[serde(skip)]
    pub(super) key_lines: BTreeMap<String, usize>,
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
        .map_err(|error| ConfigError::Invalid { path: path.to_owned(), message: explain(&text, &error) })?;
    for value in [&mut values.data_dir, &mut values.state_dir, &mut values.drop_zone].into_iter().flatten() {
        *value = expand_home(value);
    }
    values.key_lines = values.keys.iter().map(|(name, key)| (name.clone(), line_of(&text, key.span().start))).collect();
    Ok(values)
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// What is wrong, and on which line. The line itself is not repeated, nor what stands on one that may hold a secret.
fn explain(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return error.message().to_owned() };
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let number = before.matches('\n').count() + 1;
    let line = text[start..].lines().next().unwrap_or_default();
    let name = line.split('=').next().unwrap_or_default().trim();
    if ["password", "url", "key", "secret", "token"].iter().any(|word| name.contains(word)) {
        return format!("line {number}: {name} is not a text in quotation marks");
    }
    format!("line {number}: {}", error.message())
}

/// `~/x` becomes `$HOME/x`, as people expect of a settings file.
fn expand_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}
