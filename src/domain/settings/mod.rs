//! Every setting once: its name, meaning, bounds, default, environment variables, and where it is kept. The reading of the
//! configuration, `peanut config`, its example file, the HTTP door and the Settings screen all read this table.
//!
//! Owns [`SETTINGS`] (in `table`) and what values are possible ([`Bounds`]); whoever reads a value checks it here.

mod bounds;
mod table;

pub use bounds::Bounds;
pub use table::SETTINGS;

/// The setting that pauses intake.
pub const INTAKE_PAUSED: &str = "intake.paused";
/// The setting that pauses the background model.
pub const EMBEDDING_PAUSED: &str = "embedding.paused";

/// Where a setting is kept, and so when a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the store: every process that shares it agrees, and a change takes effect at once.
    Store,
    /// In the configuration file: read when a process starts.
    File,
    /// In the environment alone: secrets, and what differs from host to host.
    Environment,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name: as in the store, `section.key` of the file, or the variable's.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// What values are possible.
    pub bounds: Bounds,
    /// The value when nobody set one; in words where it depends on other things.
    pub default: &'static str,
    /// How the example file shows it, when the default is not a value that could stand there.
    pub example: &'static str,
    /// Environment variables, the one that goes first first.
    pub variables: &'static [&'static str],
    /// The option of the command line that goes before all.
    pub flag: Option<&'static str>,
    /// Where it is kept.
    pub kept: Kept,
}

/// Why a value is impossible; names the bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} = {value}: {expected}")]
pub struct Impossible {
    /// The setting.
    pub name: &'static str,
    /// What was given.
    pub value: String,
    /// What would do.
    pub expected: String,
}

impl Setting {
    /// Whether `value` is possible.
    ///
    /// # Errors
    /// When it is not; the message names the bound.
    pub fn check(&self, value: &str) -> Result<(), Impossible> {
        if self.bounds.allow(value) {
            return Ok(());
        }
        // What may be a secret is not repeated.
        let value = if self.is_secret() { "…".to_owned() } else { value.to_owned() };
        Err(Impossible { name: self.name, value, expected: self.bounds.in_words() })
    }

    /// Whether a running screen takes a change at once.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.kept == Kept::Store || ["screen.theme", "screen.ascii"].contains(&self.name)
    }

    /// Whether its value is never shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.bounds, Bounds::Secret)
    }

    /// The value after this one, or before it, for a key that only says more or less; `None` where there is no such.
    #[must_use]
    pub fn next_to(&self, value: &str, is_more: bool) -> Option<String> {
        self.bounds.next_to(value, is_more)
    }

    /// How full a slider of it is, from 0 to 1; `None` where a slider says nothing.
    #[must_use]
    pub fn share(&self, value: &str) -> Option<f64> {
        match self.bounds {
            Bounds::Share => value.parse().ok(),
            Bounds::Number { least, most } => {
                let number: u32 = value.parse().ok()?;
                Some(f64::from(number.checked_sub(least)?) / f64::from((most - least).max(1)))
            }
            _ => None,
        }
    }
}

/// The setting with this name.
#[must_use]
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Those kept in the store, in the order of the table.
pub fn in_store() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.kept == Kept::Store)
}

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set one.
    #[default]
    Default,
    /// The configuration file.
    File,
    /// This environment variable, or a file that holds the secret of this name.
    Environment(String),
    /// This option of the command line.
    Flag(&'static str),
    /// The store.
    Store,
}

impl Origin {
    /// In a word or two.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File => "file".to_owned(),
            Self::Environment(variable) => format!("${variable}"),
            Self::Flag(flag) => (*flag).to_owned(),
            Self::Store => "store".to_owned(),
        }
    }
}

/// A setting with its present value.
#[derive(Clone, Debug)]
pub struct SettingNow {
    /// Which.
    pub setting: &'static Setting,
    /// Its value, as it may be shown.
    pub value: String,
    /// The value after restart, where that is another.
    pub next: Option<String>,
    /// Whether the screen can write it where it is kept.
    pub is_writable: bool,
    /// Where that comes from.
    pub origin: Origin,
    /// The configuration file, read or not yet there.
    pub file: String,
}

impl SettingNow {
    /// Why the screen cannot change it, with where it is changed; `None` when it can.
    #[must_use]
    pub fn fixed(&self) -> Option<String> {
        let after = "it takes effect after restart";
        match (self.setting.kept, &self.origin) {
            (Kept::Store, _) => None,
            (Kept::File, Origin::Default | Origin::File | Origin::Store) if self.is_writable => None,
            (_, Origin::Flag(flag)) => Some(format!("given by {flag}; change that option; {after}")),
            (_, Origin::Environment(variable)) => Some(format!("change the variable {variable}; {after}")),
            (Kept::Environment, _) => {
                Some(format!("set the variable {}; {after}", self.setting.variables.join(" or ")))
            }
            (Kept::File, _) => Some(format!("change it in {}; {after}", self.file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_possible_and_every_name_is_told_once() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[index + 1..].iter().all(|other| other.name != setting.name), "{} twice", setting.name);
            if matches!(setting.kept, Kept::Store) {
                assert_eq!(setting.check(setting.default), Ok(()), "{}", setting.name);
            }
            assert!(!setting.about.is_empty() && !setting.about.ends_with('.'), "{}", setting.name);
        }
    }

    #[test]
    fn impossible_values_are_refused_by_the_name_of_the_bound() {
        let refused = |name: &str, value: &str| setting(name).unwrap().check(value).unwrap_err().to_string();
        assert_eq!(refused("search.vector_weight", "1.5"), "search.vector_weight = 1.5: auto, or a number from 0 to 1");
        assert_eq!(refused("search.rrf_k", "0"), "search.rrf_k = 0: a whole number from 1 to 1000");
        assert_eq!(refused("screen.theme", "pink"), "screen.theme = pink: dark, light or terminal");
        assert_eq!(refused("intake.paused", "maybe"), "intake.paused = maybe: true or false");
    }

    #[test]
    fn more_and_less_stay_within_the_bounds() {
        let next = |name: &str, value: &str, is_more| setting(name).unwrap().next_to(value, is_more);
        assert_eq!(next("search.vector_weight", "0.35", true).as_deref(), Some("0.4"));
        assert_eq!(next("search.vector_weight", "1", true).as_deref(), Some("1"));
        assert_eq!(next("search.vector_weight", "0.05", false).as_deref(), Some("0"));
        assert_eq!(next("search.vector_weight", "auto", true).as_deref(), Some("0.5"));
        assert_eq!(next("intake.paused", "false", true).as_deref(), Some("true"));
        assert_eq!(next("search.fusion", "auto", false).as_deref(), Some("zscore"));
        assert_eq!(next("search.rrf_k", "1000", true).as_deref(), Some("1000"));
        assert_eq!(next("data_dir", "/x", true), None);
        for setting in SETTINGS.iter().filter(|setting| setting.kept == Kept::Store) {
            for is_more in [true, false] {
                let mut value = setting.default.to_owned();
                for _ in 0..300 {
                    value = setting.next_to(&value, is_more).expect("a setting of the store has neighbours");
                    assert_eq!(setting.check(&value), Ok(()));
                }
            }
        }
    }
}
