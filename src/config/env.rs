//! The environment as a value, so that tests can hand in their own. Called by [`super::Config::load`].

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Addresses of the original stack; named to the user when set, since this version stands on the embedded store.
const SERVICES: [&str; 4] = ["POSTGRES_URL", "FALKORDB_HOST", "OLLAMA_URL", "EMBED_MODEL"];

/// Environment variables, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own environment; variables that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let entries = std::env::vars_os();
        Self(entries.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect())
    }

    /// An environment of given variables.
    #[must_use]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// A variable; an empty one counts as not set.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// A variable that holds a path.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// A folder of the XDG base directory specification: the variable if it holds an absolute path, else below HOME.
    #[must_use]
    pub fn base_dir(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let given = self.path(variable).filter(|path| path.is_absolute());
        given.or_else(|| self.path("HOME").map(|home| home.join(below_home)))
    }

    /// Names of service addresses that are set.
    pub(super) fn services(&self) -> Vec<String> {
        SERVICES.iter().filter(|name| self.text(name).is_some()).map(|name| (*name).to_owned()).collect()
    }
}
