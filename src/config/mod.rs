//! Settings of a process: file, then environment, then flags become one [`Config`].
//!
//! Owns names, defaults and their errors; `cli` reads it once at start. What can be changed while running
//! (search weights, pauses) lives in the store's settings instead.

mod access;
mod described;
mod edit;
mod env;
mod file;
mod secrets;
pub mod serve;
mod services;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::domain::settings::{self, Impossible, Origin};

pub use access::AccessSettings;
pub use described::example;
pub use edit::EditError;
pub use env::Environment;
pub use serve::ServeSettings;
pub use services::{EmbedService, FalkorSettings, ServiceSettings};

/// Which model raises quality in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BackgroundModel {
    /// Only the instant static model.
    None,
    /// MiniLM, built in.
    #[default]
    Minilm,
}

/// Colours of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// The terminal's own sixteen colours.
    #[default]
    Terminal,
}

/// Everything a process needs to know before it opens anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the store, the drop zone and notes live.
    pub data_dir: PathBuf,
    /// Name of this host: its processes take in files that lie on it, those of others do not. `PEANUT_HOST` names it
    /// where the system's own name changes (containers).
    pub host: String,
    /// Where logs and crash reports go.
    pub state_dir: PathBuf,
    /// The SQLite file.
    pub store_path: PathBuf,
    /// Watched for files to take in.
    pub drop_zone: PathBuf,
    /// Addresses of whoever owns the store, for `from:me` and `to:me`.
    pub me: Vec<String>,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a tracing filter.
    pub log_level: String,
    /// Background embedding model.
    pub background_model: BackgroundModel,
    /// Tokens per chunk.
    pub chunk_tokens: usize,
    /// Tokens that neighbouring chunks share.
    pub chunk_overlap_tokens: usize,
    /// Colours.
    pub theme: ThemeChoice,
    /// Whether the screen takes mouse events.
    pub mouse: bool,
    /// Borders of plain ASCII.
    pub ascii: bool,
    /// Keys changed by the user: action name → key.
    pub keys: BTreeMap<String, String>,
    /// On which line of the configuration file each of them stands.
    pub key_lines: BTreeMap<String, usize>,
    /// The configuration file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// That file, or where one would be looked for.
    pub file_place: Option<PathBuf>,
    /// The options of the command line.
    pub given: Overrides,
    /// Where the value of every setting comes from that is not at its default.
    pub origins: BTreeMap<&'static str, Origin>,
    /// Services to stand on; the rest is embedded.
    pub services: ServiceSettings,
    /// Where the HTTP door opens, when it is asked to.
    pub serve: ServeSettings,
    /// Who may use the doors.
    pub access: AccessSettings,
    /// Variables that are set and have no effect.
    pub unused_services: Vec<String>,
}

/// Flags that go before file and environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--log-level`.
    pub log_level: Option<String>,
}

/// Why the settings cannot be used; the message names file or variable and what to write instead.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not valid.
    #[error("configuration {} is not valid: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A value is impossible.
    #[error("{name} = {value:?}: {expected}")]
    Value {
        /// Setting or variable.
        name: String,
        /// What was given.
        value: String,
        /// What would do.
        expected: String,
    },
    /// A value is out of its bounds.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// A file that holds a secret is open to others.
    #[error("others may read the secret in {} (mode {mode:04o}); type: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Neither HOME nor the XDG variables say where to put data.
    #[error("cannot tell where to keep data: set HOME, XDG_DATA_HOME or --data-dir")]
    NoHome,
}

impl Config {
    /// Puts file, environment and flags together; later ones win.
    ///
    /// # Errors
    /// When a named file is missing or wrong, a value is impossible, or no home can be found.
    pub fn load(overrides: &Overrides, environment: &Environment) -> Result<Self, ConfigError> {
        let named = overrides.config_file.clone().or_else(|| environment.path("PEANUT_CONFIG"));
        let default = environment.base_dir("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("peanut/config.toml"));
        let (path, is_named) = match (named, default) {
            (Some(path), _) => (Some(path), true),
            (None, path) => (path, false),
        };
        let file = match &path {
            Some(path) if is_named || path.exists() => Some((file::read(path)?, path.clone())),
            _ => None,
        };
        let (values, read) = file.map_or_else(|| (file::FileValues::default(), None), |(v, p)| (v, Some(p)));
        let mut config = Self::assemble(values, read, overrides, environment)?;
        config.file_place = path;
        Ok(config)
    }

    fn assemble(
        values: file::FileValues,
        path: Option<PathBuf>,
        overrides: &Overrides,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let services = services::read(&values, environment)?;
        let origins = described::origins(overrides, environment, &services, &values.names);
        let data_dir = overrides
            .data_dir
            .clone()
            .or_else(|| environment.path("PEANUT_DATA_DIR"))
            .or(values.data_dir)
            .or_else(|| environment.base_dir("XDG_DATA_HOME", ".local/share").map(|dir| dir.join("peanut")))
            .ok_or(ConfigError::NoHome)?;
        let data_dir = absolute(&data_dir);
        // A data folder given by hand keeps everything below it: one folder to copy, one to delete.
        let given = overrides.data_dir.is_some() || environment.path("PEANUT_DATA_DIR").is_some();
        let state_dir = environment
            .path("PEANUT_STATE_DIR")
            .or(values.state_dir)
            .or_else(|| given.then(|| data_dir.join("state")))
            .or_else(|| environment.base_dir("XDG_STATE_HOME", ".local/state").map(|dir| dir.join("peanut")))
            .unwrap_or_else(|| data_dir.join("state"));
        let drop_zone = environment
            .path("PEANUT_DROP_ZONE")
            .or_else(|| environment.path("DROP_ZONE_PATH"))
            .or(values.drop_zone)
            .unwrap_or_else(|| data_dir.join("drop"));
        let log_level = overrides
            .log_level
            .clone()
            .or_else(|| environment.text("PEANUT_LOG"))
            .or_else(|| environment.text("LOG_LEVEL"))
            .or(values.log_level)
            .unwrap_or_else(|| "info".to_owned())
            .to_lowercase();
        // With a service, the name is that of a model of the service.
        let background = environment.text("PEANUT_MODEL").or(values.embedding.model);
        let background = background.filter(|_| services.embedder.is_none());
        let theme = environment.text("PEANUT_THEME").or(values.screen.theme);
        let chunk_tokens = values.chunks.tokens.unwrap_or(512);
        let chunk_overlap_tokens = values.chunks.overlap.unwrap_or(50);
        within_bounds("chunks.tokens", chunk_tokens)?;
        within_bounds("chunks.overlap", chunk_overlap_tokens)?;
        if chunk_overlap_tokens * 2 > chunk_tokens {
            let given = chunk_overlap_tokens.to_string();
            return Err(bad("chunks.overlap", &given, "at most half of chunks.tokens"));
        }
        Ok(Self {
            store_path: data_dir.join("peanut.db"),
            data_dir,
            host: environment
                .text("PEANUT_HOST")
                .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned()),
            state_dir: absolute(&state_dir),
            drop_zone: absolute(&drop_zone),
            me: parse_me(environment.text("PEANUT_ME"), values.me)?,
            log_level,
            background_model: parse_model(background.as_deref())?,
            chunk_tokens,
            chunk_overlap_tokens,
            theme: parse_theme(theme.as_deref())?,
            mouse: values.screen.mouse.unwrap_or(true),
            ascii: values.screen.ascii.unwrap_or(false),
            keys: values.keys.into_iter().map(|(name, key)| (name, key.into_inner())).collect(),
            key_lines: values.key_lines,
            file: path,
            file_place: None,
            given: overrides.clone(),
            origins,
            serve: serve::read(&values.serve, environment)?,
            unused_services: environment.without_effect(&services),
            services,
            access: access::read(&values.limits, &values.mcp, environment)?,
        })
    }

    /// The folder of log files.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.state_dir.join("logs")
    }

    /// The folder of crash reports.
    #[must_use]
    pub fn crash_dir(&self) -> PathBuf {
        self.state_dir.join("crashes")
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether the table of settings allows a number.
fn within_bounds(name: &str, value: impl std::fmt::Display) -> Result<(), ConfigError> {
    settings::setting(name).map_or(Ok(()), |setting| Ok(setting.check(&value.to_string())?))
}

fn bad(name: &str, value: &str, expected: &str) -> ConfigError {
    ConfigError::Value { name: name.to_owned(), value: value.to_owned(), expected: expected.to_owned() }
}

/// Own addresses: from the environment with commas between them, else as the file lists them.
fn parse_me(given: Option<String>, listed: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let listed = given.map_or(listed, |given| given.split(',').map(str::to_owned).collect());
    let mut me: Vec<String> = Vec::new();
    for address in listed.iter().map(|address| address.trim().to_lowercase()).filter(|address| !address.is_empty()) {
        let parts = address.split_once('@').filter(|_| !address.contains(char::is_whitespace));
        if parts.is_none_or(|(local, domain)| local.is_empty() || domain.is_empty()) {
            return Err(bad("me", &address, "addresses such as \"you@example.org\""));
        }
        if !me.contains(&address) {
            me.push(address);
        }
    }
    Ok(me)
}

fn parse_model(name: Option<&str>) -> Result<BackgroundModel, ConfigError> {
    match name.map(str::to_lowercase).as_deref() {
        None | Some("minilm") => Ok(BackgroundModel::Minilm),
        Some("static" | "none") => Ok(BackgroundModel::None),
        Some(other) => {
            Err(bad("embedding.model", other, "minilm (better, in the background) or static (instant only)"))
        }
    }
}

fn parse_theme(name: Option<&str>) -> Result<ThemeChoice, ConfigError> {
    match name.map(str::to_lowercase).as_deref() {
        None | Some("terminal") => Ok(ThemeChoice::Terminal),
        Some("dark") => Ok(ThemeChoice::Dark),
        Some("light") => Ok(ThemeChoice::Light),
        Some(other) => Err(bad(
            "screen.theme",
            other,
            &settings::setting("screen.theme").map_or(String::new(), |theme| theme.bounds.in_words()),
        )),
    }
}

#[cfg(test)]
mod tests;
