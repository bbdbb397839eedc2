//! The settings of a process as the table of [`crate::domain::settings`] tells them: present values, where each comes from,
//! and the example file. Called by [`super::Config::load`], `peanut config` and the Settings screen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::domain::secret::without_credentials;
use crate::domain::settings::{Bounds, Kept, Origin, SETTINGS, Setting, SettingNow};

use super::edit::is_possible;
use super::secrets::has_file;
use super::{BackgroundModel, Config, EmbedService, Environment, Overrides, ServiceSettings};

/// Comments of the example begin at this column, behind shorter values.
const COMMENT_COLUMN: usize = 46;
/// Columns of the example's lines of names.
const LONGEST_LINE: usize = 118;

/// Where the value of every setting comes from that is not at its default; `in_file` names those the file has.
pub(super) fn origins(
    overrides: &Overrides,
    environment: &Environment,
    services: &ServiceSettings,
    in_file: &BTreeSet<String>,
) -> BTreeMap<&'static str, Origin> {
    let flags = [("--data-dir", overrides.data_dir.is_some()), ("--log-level", overrides.log_level.is_some())];
    let origin = |setting: &'static Setting| {
        if let Some(flag) = setting.flag.filter(|flag| flags.contains(&(*flag, true))) {
            return Some(Origin::Flag(flag));
        }
        // Of a model, the variable counts that is meant for what embeds.
        let counts = |variable: &&&str| match **variable {
            "PEANUT_MODEL" => services.embedder.is_none(),
            "EMBED_MODEL" => services.embedder.is_some(),
            _ => true,
        };
        let is_set = |variable: &&&str| {
            environment.text(variable).is_some() || (setting.is_secret() && has_file(environment, variable))
        };
        let variable = setting.variables.iter().filter(counts).find(is_set);
        variable
            .map(|variable| Origin::Environment((*variable).to_owned()))
            .or_else(|| in_file.contains(setting.name).then_some(Origin::File))
    };
    SETTINGS.iter().filter_map(|setting| Some((setting.name, origin(setting)?))).collect()
}

impl Config {
    /// Every setting that this process was started with: what is kept in the store is not among them.
    #[must_use]
    pub fn settings_now(&self) -> Vec<SettingNow> {
        let file =
            self.file_place.as_deref().map_or("the configuration file".to_owned(), |path| path.display().to_string());
        let settings = SETTINGS.iter().filter(|setting| setting.kept != Kept::Store);
        settings
            .filter_map(|setting| {
                Some(SettingNow {
                    setting,
                    value: self.value_of(setting.name)?,
                    next: None,
                    is_writable: is_possible(setting),
                    origin: self.origins.get(setting.name).cloned().unwrap_or_default(),
                    file: file.clone(),
                })
            })
            .collect()
    }

    /// The same, with what a process that starts now would take, where that differs.
    #[must_use]
    pub fn settings_and_next(&self, environment: &Environment) -> Vec<SettingNow> {
        let mut settings = self.settings_now();
        let Ok(next) = Self::load(&self.given, environment) else { return settings };
        for now in &mut settings {
            let value = next.value_of(now.setting.name).unwrap_or_default();
            if now.setting.is_live() {
                now.value = value;
            } else {
                now.next = (value != now.value).then_some(value);
            }
            // Where the file was changed meanwhile, the next value comes from there.
            now.origin = next.origins.get(now.setting.name).cloned().unwrap_or_default();
        }
        settings
    }

    /// The value in force, as it may be shown.
    fn value_of(&self, name: &str) -> Option<String> {
        let (services, serve, access) = (&self.services, &self.serve, &self.access);
        let path = |path: &Path| path.display().to_string();
        let set = |is_set: bool| if is_set { "set, not shown" } else { "none" }.to_owned();
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
        let falkordb = services.falkordb.as_ref();
        Some(match name {
            "data_dir" => path(&self.data_dir),
            "state_dir" => path(&self.state_dir),
            "drop_zone" => path(&self.drop_zone),
            "me" => listed(&self.me),
            "log_level" => self.log_level.clone(),
            "store.postgres_url" => set(services.postgres_url.is_some()),
            "store.postgres_replica_url" => set(services.postgres_replica_url.is_some()),
            "graph.host" => or_none(falkordb.map(|graph| graph.host.clone())),
            "graph.port" => falkordb.map_or("6379".to_owned(), |graph| graph.port.to_string()),
            "graph.password" => set(falkordb.is_some_and(|graph| graph.password.is_some())),
            "graph.name" => falkordb.map_or("peanut".to_owned(), |graph| graph.graph.clone()),
            "embedding.model" => match (&services.embedder, self.background_model) {
                (Some(EmbedService::Ollama { model, .. } | EmbedService::OpenAi { model, .. }), _) => model.clone(),
                (None, BackgroundModel::Minilm) => "minilm".to_owned(),
                (None, BackgroundModel::None) => "static".to_owned(),
            },
            "embedding.ollama_url" => {
                or_none(services.ollama_url.as_ref().map(|url| without_credentials(url.reveal())))
            }
            "embedding.openai_url" => {
                or_none(services.openai.as_ref().map(|(url, _)| without_credentials(url.reveal())))
            }
            "chunks.tokens" => self.chunk_tokens.to_string(),
            "chunks.overlap" => self.chunk_overlap_tokens.to_string(),
            "serve.listen" => serve.listen.map_or("off".to_owned(), |address| address.to_string()),
            "serve.unix_socket" => or_none(serve.unix_socket.as_deref().map(path)),
            "serve.metrics_listen" => or_none(serve.metrics_listen.map(|address| address.to_string())),
            "serve.tls_certificate" => or_none(serve.tls.as_ref().map(|(certificate, _)| path(certificate))),
            "serve.tls_key" => or_none(serve.tls.as_ref().map(|(_, key)| path(key))),
            "serve.trusted_proxies" => listed(&serve.trusted_proxies),
            "serve.allowed_origins" => listed(&serve.allowed_origins),
            "serve.in_app" => serve.in_app.to_string(),
            "limits.per_address" => access.per_address_per_minute.to_string(),
            "limits.per_key" => access.per_key_per_minute.to_string(),
            "mcp.personal_data" => access.mcp_personal_data.to_string(),
            "screen.theme" => format!("{:?}", self.theme).to_lowercase(),
            "screen.mouse" => self.mouse.to_string(),
            "screen.ascii" => self.ascii.to_string(),
            "PEANUT_HOST" => self.host.clone(),
            "API_KEY_READ" => set(access.key_read.is_some()),
            "API_KEY_WRITE" => set(access.key_write.is_some()),
            "OPENAI_API_KEY" => set(services.openai.as_ref().is_some_and(|(_, key)| key.is_some())),
            _ => return None,
        })
    }
}

fn listed(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

/// What a section of the file is for.
fn about_section(section: &str) -> &'static str {
    match section {
        "store" => {
            "# Services are used when their address is given; everything else is embedded. Passwords and keys are better kept out of\n\
             # this file: POSTGRES_URL_FILE, FALKORDB_PASSWORD_FILE and OPENAI_API_KEY_FILE name files that hold them.\n"
        }
        "serve" => "# peanut serve: HTTP for scripts, agents and Prometheus\n",
        "limits" => "# requests a minute over HTTP\n",
        "mcp" => "# peanut mcp, and /mcp over HTTP\n",
        _ => "",
    }
}

/// A file with every setting at its default, for `peanut config --example`; `actions` are those that keys can be given to.
#[must_use]
pub fn example(actions: &[&str]) -> String {
    let mut text = "# Peanut's settings. Every line is optional; what is shown is the default.\n\n".to_owned();
    let mut present = "";
    for setting in SETTINGS.iter().filter(|setting| setting.kept == Kept::File) {
        let (section, key) = setting.name.split_once('.').unwrap_or(("", setting.name));
        if section != present {
            let _ = write!(text, "\n{}[{section}]\n", about_section(section));
            present = section;
        }
        let assigned = format!("# {key} = {}", example_value(setting));
        let _ = writeln!(text, "{assigned:<COMMENT_COLUMN$} # {}", setting.about);
    }
    text.push_str(
        "\n[keys]\n# quit = \"q\"   # action = \"key\", or several: \"q ctrl-q\". Ctrl-C always quits. The actions:\n",
    );
    let mut line = "#".to_owned();
    for action in actions {
        if line.len() + 1 + action.len() > LONGEST_LINE {
            text.extend([&line, "\n"]);
            "#".clone_into(&mut line);
        }
        line.extend([" ", action]);
    }
    text.extend([&line, "\n"]);
    text
}

fn example_value(setting: &Setting) -> String {
    match setting.bounds {
        _ if !setting.example.is_empty() => setting.example.to_owned(),
        Bounds::Switch | Bounds::Number { .. } | Bounds::Share => setting.default.to_owned(),
        Bounds::OneOf(_) | Bounds::Other(_) | Bounds::Secret => format!("{:?}", setting.default),
    }
}
