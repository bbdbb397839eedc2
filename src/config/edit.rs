//! Changes one setting in the configuration file, for the Settings screen: the line of that setting and nothing else, and
//! only when a process could start with the result. Called by `runtime::services`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::domain::settings::{Bounds, Impossible, Kept, Setting};

use super::{Config, ConfigError, Environment, Overrides};

/// Why the file was not changed; it is as it was.
#[derive(Debug, Error)]
pub enum EditError {
    /// The setting is none of the file, or has more than one line.
    #[error("{name} is not changed here: edit {}", file.display())]
    ByHand {
        /// The setting.
        name: &'static str,
        /// Where it stands.
        file: PathBuf,
    },
    /// Out of its bounds.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// No process could start with it.
    #[error(transparent)]
    Refused(#[from] ConfigError),
    /// Nobody says where the file would be.
    #[error("there is no place for a configuration file: set HOME, XDG_CONFIG_HOME or --config")]
    NoPlace,
    /// The disk refused.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Whether a setting is changed by one line that this can write.
#[must_use]
pub(super) fn is_possible(setting: &Setting) -> bool {
    let is_list = ["me", "serve.trusted_proxies", "serve.allowed_origins"].contains(&setting.name);
    // Another folder is another store, or another place for the log of why it would not open: nothing for a slip.
    let moves = ["data_dir", "state_dir"].contains(&setting.name);
    setting.kept == Kept::File && !setting.is_secret() && !is_list && !moves
}

impl Config {
    /// Writes a setting into the configuration file; the processes that start from then on take it.
    ///
    /// # Errors
    /// When the value is impossible, or file and setting cannot be brought together safely. Nothing is changed then.
    pub fn put_in_file(
        &self,
        setting: &'static Setting,
        value: &str,
        environment: &Environment,
    ) -> Result<(), EditError> {
        let path = self.file_place.as_ref().ok_or(EditError::NoPlace)?;
        // A link stays one: what it points at is changed.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let by_hand = || EditError::ByHand { name: setting.name, file: path.clone() };
        if !is_possible(setting) {
            return Err(by_hand());
        }
        setting.check(value)?;
        // What is put in its place is a file: a device or a pipe would be gone.
        if std::fs::metadata(&path).is_ok_and(|known| !known.is_file()) {
            return Err(by_hand());
        }
        let unwritable = |source| EditError::Unwritable { path: path.clone(), source };
        let before = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unwritable(error)),
        };
        let wanted = literal(setting, value);
        let after = with_line(&before, setting.name, &wanted.to_string());
        if !says_only_that(&before, &after, setting.name, &wanted) {
            return Err(by_hand());
        }
        let folder = path.parent().ok_or_else(by_hand)?;
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        let beside = folder.join(format!(".config-{}.toml", std::process::id()));
        let written = write(&beside, &path, &after).map_err(unwritable);
        let proved = written.and_then(|()| {
            let overrides = Overrides { config_file: Some(beside.clone()), ..self.given.clone() };
            Ok(Self::load(&overrides, environment).map(drop)?)
        });
        let done = proved.and_then(|()| std::fs::rename(&beside, &path).map_err(unwritable));
        if done.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        done
    }
}

/// Readable as the file was; a new one by its owner alone.
fn write(beside: &Path, like: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(beside)?;
    if let Ok(known) = std::fs::metadata(like) {
        file.set_permissions(known.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn literal(setting: &Setting, value: &str) -> toml::Value {
    match setting.bounds {
        Bounds::Switch => toml::Value::Boolean(value == "true"),
        Bounds::Number { .. } => {
            value.parse().map_or_else(|_| toml::Value::String(value.to_owned()), toml::Value::Integer)
        }
        _ => toml::Value::String(value.to_owned()),
    }
}

/// The text with `name = value` in its section: in place of the line that said so, else at the section's end.
fn with_line(text: &str, name: &str, value: &str) -> String {
    let (section, key) = name.split_once('.').unwrap_or(("", name));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_header = |line: &String| line.trim_start().starts_with('[');
    let start = if section.is_empty() {
        Some(0)
    } else {
        let header = format!("[{section}]");
        let is_ours = |line: &String| line.trim_start().split('#').next().is_some_and(|line| line.trim() == header);
        lines.iter().position(is_ours).map(|at| at + 1)
    };
    let Some(start) = start else {
        if lines.last().is_some_and(|line| !line.trim().is_empty()) {
            lines.push(String::new());
        }
        lines.extend([format!("[{section}]"), format!("{key} = {value}")]);
        return lines.join("\n") + "\n";
    };
    let end = lines[start..].iter().position(is_header).map_or(lines.len(), |at| start + at);
    let says =
        |line: &String| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    if let Some(at) = lines[start..end].iter().position(says) {
        let comment = comment(&lines[start + at]).map_or(String::new(), |comment| format!("   {comment}"));
        lines[start + at] = format!("{key} = {value}{comment}");
    } else {
        let last =
            lines[start..end].iter().rposition(|line| !line.trim().is_empty()).map_or(start, |at| start + at + 1);
        lines.insert(last, format!("{key} = {value}"));
    }
    lines.join("\n") + "\n"
}

/// What a line says behind its value.
fn comment(line: &str) -> Option<&str> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, character) in line.char_indices() {
        match (quote, character) {
            _ if is_escaped => is_escaped = false,
            (Some('"'), '\\') => is_escaped = true,
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '#') => return Some(&line[at..]),
            _ => {}
        }
    }
    None
}

/// Whether the second text says what the first does, but for this setting: whatever stands in the file, nothing else of
/// it is changed.
fn says_only_that(before: &str, after: &str, name: &str, wanted: &toml::Value) -> bool {
    let (Ok(mut before), Ok(after)) = (before.parse::<toml::Table>(), after.parse::<toml::Table>()) else {
        return false;
    };
    match name.split_once('.') {
        None => drop(before.insert(name.to_owned(), wanted.clone())),
        Some((section, key)) => {
            let section = before.entry(section.to_owned()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let Some(section) = section.as_table_mut() else { return false };
            section.insert(key.to_owned(), wanted.clone());
        }
    }
    before == after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::settings::setting;

    fn changed(before: &str, name: &str, value: &str) -> Result<String, EditError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, before).unwrap();
        let overrides = Overrides { config_file: Some(path.clone()), ..Overrides::default() };
        let environment = Environment::of(&[("HOME", "/home/u")]);
        let config = Config::load(&overrides, &environment).unwrap();
        let done = config.put_in_file(setting(name).unwrap(), value, &environment);
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 1, "nothing is left beside the file");
        let after = std::fs::read_to_string(&path).unwrap();
        if done.is_err() {
            assert_eq!(after, before);
        }
        done.map(|()| after)
    }

    #[test]
    fn one_line_is_changed_and_the_rest_stays_as_it_was_written() {
        let text = "# mine\nlog_level = \"warn\"   # quiet\n\n[screen]\n# theme = \"dark\"\nmouse = true\n\n[chunks]\ntokens = 256\n";
        for (name, value, from, to) in [
            ("log_level", "debug", "log_level = \"warn\"   # quiet", "log_level = \"debug\"   # quiet"),
            ("screen.mouse", "false", "mouse = true\n", "mouse = false\n"),
            ("screen.theme", "light", "mouse = true\n", "mouse = true\ntheme = \"light\"\n"),
            ("chunks.tokens", "128", "tokens = 256", "tokens = 128"),
            ("limits.per_key", "5", "tokens = 256\n", "tokens = 256\n\n[limits]\nper_key = 5\n"),
            ("drop_zone", "/a \"b\" # c", "# quiet\n", "# quiet\ndrop_zone = '/a \"b\" # c'\n"),
        ] {
            assert_eq!(changed(text, name, value).unwrap(), text.replace(from, to), "{name}");
        }
        assert_eq!(changed("", "screen.ascii", "true").unwrap(), "[screen]\nascii = true\n");
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let overrides = Overrides { config_file: Some("/dev/null".into()), ..Overrides::default() };
        let environment = Environment::of(&[("HOME", "/home/u")]);
        let mut config = Config::load(&overrides, &environment).unwrap();
        std::fs::create_dir(&path).unwrap();
        config.file_place = Some(path.clone());
        let refused = config.put_in_file(setting("screen.ascii").unwrap(), "true", &environment).unwrap_err();
        assert!(refused.to_string().contains("edit ") && path.is_dir(), "{refused}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_could_not_start_or_is_not_understood_is_left_as_it_is() {
        let refused = |before: &str, name: &str, value: &str| changed(before, name, value).unwrap_err().to_string();
        assert!(refused("", "screen.theme", "pink").contains("dark, light or terminal"));
        assert!(refused("", "chunks.tokens", "7").contains("from 32 to 8192"));
        assert!(refused("[chunks]\noverlap = 200\n", "chunks.tokens", "128").contains("at most half"));
        assert!(refused("", "me", "a@b.org").contains("edit "));
        assert!(refused("", "data_dir", "/elsewhere").contains("edit "));
        assert!(refused("", "log_level", "[").contains("error, warn, info, debug or trace"));
        assert!(refused("", "graph.password", "x").contains("edit "));
        // A value of several lines, and a section written otherwise.
        assert!(refused("log_level = \"\"\"\nwarn\"\"\"\n", "log_level", "info").contains("edit "));
        assert!(refused("screen = { theme = \"dark\" }\n", "screen.theme", "light").contains("edit "));
    }
}
