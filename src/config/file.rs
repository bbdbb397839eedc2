//! The configuration file's own shape. Called by [`super::Config::load`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::access::{LimitValues, McpValues};
use super::serve::ServeValues;

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
    /// Every setting the file has, as `section.key`; made when the file is read.
    #[serde(skip)]
    pub(super) names: BTreeSet<String>,
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
    values.names = names(&text);
    values.key_lines = values.keys.iter().map(|(name, key)| (name.clone(), line_of(&text, key.span().start))).collect();
    Ok(values)
}

fn names(text: &str) -> BTreeSet<String> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let named = |(name, value): (&String, &toml::Value)| match value.as_table() {
        Some(section) => section.keys().map(|key| format!("{name}.{key}")).collect::<Vec<_>>(),
        None => vec![name.clone()],
    };
    table.iter().flat_map(named).collect()
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
