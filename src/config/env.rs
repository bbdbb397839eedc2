//! The environment as a value, so that tests can hand in their own. Called by [`super::Config::load`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::ServiceSettings;

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

    /// Variables of services that are set and change nothing.
    pub(super) fn without_effect(&self, services: &ServiceSettings) -> Vec<String> {
        let without =
            |name: &str, has_effect: bool| (!has_effect && self.text(name).is_some()).then(|| name.to_owned());
        [
            without("FALKORDB_PORT", services.falkordb.is_some()),
            without("FALKORDB_GRAPH", services.falkordb.is_some()),
            without("FALKORDB_PASSWORD", services.falkordb.is_some()),
            without("EMBED_MODEL", services.embedder.is_some()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
