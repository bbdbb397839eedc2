//! Stores as a command names them: which engine, opened, and in nobody else's hands. Called by `peanut copy` and `export`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use color_eyre::eyre::{self, WrapErr};

use thiserror::Error;

use crate::config::Config;
use crate::domain::health::WorkerState;
use crate::domain::{Clock as _, Secret, SystemClock};
use crate::store::SharedStore;
use crate::store::postgres::{PostgresOptions, PostgresStore};
use crate::store::sqlite::SqliteStore;
use crate::store::transfer::ExportFile;
use crate::telemetry::private;

use super::lock::WorkerLock;
use super::supervisor::HEARTBEAT;
use crate::ingest::intake::paths::resolve;

/// Name of the store in a data folder.
const STORE_FILE: &str = "peanut.db";

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// A database of a PostgreSQL server, with its password.
    Postgres(Secret),
    /// A file.
    Sqlite(PathBuf),
}

/// Why what was typed is no store's address. No message repeats it: a password may be part of it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Another scheme, or one that is misspelled.
    #[error("{scheme}:// is no store Peanut knows: write postgres://user@host/database, a file, or a data folder")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// It names no server.
    #[error("this address names no host: write postgres://user@host/database")]
    NoHost,
    /// It looks like an address and has no scheme.
    #[error(
        "this looks like an address and is none: write postgres://user@host/database; a file of that name is \
         written with ./ before it"
    )]
    LooksLikeAddress,
    /// Nothing was typed.
    #[error("an empty address: write postgres://user@host/database, a file, or a data folder")]
    Empty,
}

impl StoreAddress {
    /// What a person typed: `postgres://…`, a file, or a data folder.
    ///
    /// # Errors
    /// When it is neither, or could be a misspelled address: a folder named after a password would be the result.
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some((scheme, rest)) = typed.split_once("://") {
            let is_plain_path = scheme.starts_with(['/', '.', '~']);
            match scheme.to_ascii_lowercase().as_str() {
                "postgres" | "postgresql" if names_host(rest) => {
                    return Ok(Self::Postgres(Secret::new(format!("postgres://{rest}"))));
                }
                "postgres" | "postgresql" => return Err(AddressError::NoHost),
                "file" => {}
                _ if is_plain_path => {}
                _ => return Err(AddressError::Scheme { scheme: shown_scheme(scheme) }),
            }
        } else if looks_like_address(typed) {
            return Err(AddressError::LooksLikeAddress);
        }
        let path = resolve(typed);
        Ok(Self::Sqlite(if path.is_dir() || typed.ends_with('/') { path.join(STORE_FILE) } else { path }))
    }

    /// The store the settings name.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        match &config.services.postgres_url {
            Some(url) => Self::Postgres(url.clone()),
            None => Self::Sqlite(config.store_path.clone()),
        }
    }

    /// The export that lies there, if it is one and not a store; whole, or refused.
    ///
    /// # Errors
    /// When it is cut off or was changed; the report names it.
    pub fn export(&self) -> eyre::Result<Option<(String, ExportFile)>> {
        match self {
            Self::Sqlite(path) if ExportFile::is_one(path) => {
                let place = path.display().to_string();
                let export = ExportFile::open(path).wrap_err_with(|| place.clone())?;
                Ok(Some((place, export)))
            }
            _ => Ok(None),
        }
    }

    /// Opens a store that exists.
    ///
    /// # Errors
    /// When there is none or it cannot be opened; the report names it, without a password.
    pub async fn open(&self) -> eyre::Result<SharedStore> {
        if let Self::Sqlite(path) = self {
            eyre::ensure!(path.is_file(), "there is no store at {}", path.display());
            eyre::ensure!(
                !ExportFile::is_one(path),
                "{} is an export, not a store: `peanut copy --from {0} --to …` makes a store of it",
                path.display()
            );
        }
        self.open_or_make().await
    }

    /// Opens a store, and makes it first where there is none.
    ///
    /// # Errors
    /// When it cannot be made or opened; the report names it, without a password.
    pub async fn open_or_make(&self) -> eyre::Result<SharedStore> {
        Ok(match self {
            Self::Postgres(url) => Arc::new(PostgresStore::open(url.reveal(), &PostgresOptions::default()).await?),
            Self::Sqlite(path) => {
                let folder = folder_of(path);
                private::make_folder(folder).wrap_err_with(|| format!("cannot make {}", folder.display()))?;
                Arc::new(SqliteStore::open(path).await?)
            }
        })
    }

    /// Makes sure that no process works on the store, and keeps it so for a file while the answer is held.
    ///
    /// # Errors
    /// When somebody does; the report names them and what to do.
    pub async fn alone(&self, store: &SharedStore) -> eyre::Result<Option<WorkerLock>> {
        let lock = match self {
            Self::Postgres(_) => None,
            Self::Sqlite(path) => {
                let folder = folder_of(path);
                let lock = WorkerLock::try_take(folder)
                    .wrap_err_with(|| format!("cannot lock the folder {}", folder.display()))?;
                eyre::ensure!(
                    lock.is_some(),
                    "another process works on {}: end it first (an open app, `peanut serve` or `peanut ingest`)",
                    path.display()
                );
                return Ok(lock);
            }
        };
        let location = store.info().await?.location;
        let now = SystemClock.now();
        let silent_seconds = HEARTBEAT.as_secs_f64() * 3.0;
        let mut alive: Vec<String> = store
            .workers()
            .await?
            .into_iter()
            .filter(|worker| !matches!(worker.state, WorkerState::Stopped | WorkerState::Down))
            .filter(|worker| now.seconds_since(worker.heartbeat_at) < silent_seconds)
            .map(|worker| format!("process {} on {}", worker.pid, worker.host))
            .collect();
        alive.sort_unstable();
        alive.dedup();
        eyre::ensure!(
            alive.is_empty(),
            "{} on {location}: end them first; one that was killed counts as gone after {silent_seconds} seconds",
            alive.join(", ") + if alive.len() == 1 { " works" } else { " work" }
        );
        Ok(lock)
    }
}

/// Whether what follows `postgres://` says where the server is: a host, or `?host=` (a socket's folder).
fn names_host(rest: &str) -> bool {
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    // What a password holds ends at the last @, as everybody reads it.
    let authority = place.rsplit_once('@').map_or(place, |(_, host)| host);
    let host = authority.split(['/', ':', '#']).next().unwrap_or_default();
    let in_parameters = parameters.split('&').any(|one| one.strip_prefix("host=").is_some_and(|host| !host.is_empty()));
    !host.is_empty() || in_parameters
}

/// The scheme as a message may show it: letters only, for what stands before :// may be anything.
fn shown_scheme(scheme: &str) -> String {
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    if scheme.len() <= 20 && is_scheme(scheme) { scheme.to_owned() } else { "…".to_owned() }
}

/// An address without its `//`, or without its scheme: `postgres:/me@db`, `postgres//db`, `me:secret@db/peanut`. What
/// begins with a slash or a dot is a path.
fn looks_like_address(typed: &str) -> bool {
    if typed.starts_with(['/', '.', '~']) || Path::new(typed).exists() {
        return false;
    }
    let lower = typed.to_ascii_lowercase();
    let after_name = ["postgresql", "postgres", "postgre", "pgsql", "psql"].iter().find_map(|n| lower.strip_prefix(n));
    let as_scheme = after_name.is_some_and(|rest| rest.starts_with([':', ';', '@']) || rest.starts_with("//"));
    let single_slash =
        typed.split_once(":/").is_some_and(|(scheme, _)| shown_scheme(scheme) == scheme && scheme.len() > 1);
    let credentials = typed.split_once('@').is_some_and(|(before, _)| before.contains(':'));
    as_scheme || single_slash || credentials
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_and_keep_their_secret() {
        for typed in [
            "postgres://me:hunter2@db/peanut",
            "postgresql://me:hunter2@db:5432/peanut?sslmode=require",
            "POSTGRES://me:hunter2@[::1]/peanut",
            "postgres:///peanut?user=me&password=hunter2&host=/run/postgresql",
        ] {
            let address = StoreAddress::parse(typed).unwrap();
            assert!(matches!(&address, StoreAddress::Postgres(url) if url.reveal().starts_with("postgres://")));
            assert!(!format!("{address:?}").contains("hunter2"));
        }
        let folder = tempfile::tempdir().unwrap();
        let typed = folder.path().to_str().unwrap();
        let file = |typed: &str| match StoreAddress::parse(typed) {
            Ok(StoreAddress::Sqlite(path)) => path,
            other => panic!("{typed}: {other:?}"),
        };
        assert_eq!(file(typed), folder.path().join("peanut.db"));
        assert_eq!(file("/nowhere/x.db"), Path::new("/nowhere/x.db"));
        assert_eq!(file("/nowhere/new/"), Path::new("/nowhere/new/peanut.db"));
        assert_eq!(file("file:///nowhere/x.db"), Path::new("/nowhere/x.db"));
        assert_eq!(file("/a:b@c/x.db"), Path::new("/a:b@c/x.db"));
        assert!(file("./me:x@home.db").ends_with("me:x@home.db"));
        for plain in ["backup", "backup.db", "2026-11-30T04:15.db", "mail@home.db", "postgres", "postgres-copy/", "a/b"]
        {
            assert!(StoreAddress::parse(plain).is_ok(), "{plain}");
        }
    }

    #[test]
    fn a_misspelled_address_is_no_folder_and_keeps_its_secret() {
        for typed in [
            "postgress://me:hunter2@db/peanut",
            "postgre://me:hunter2@db/peanut",
            "http://me:hunter2@db/peanut",
            "mysql://me:hunter2@db",
            "me:hunter2@x://db/peanut",
            "sqlite://hunter2",
            "postgres://",
            "postgres:///hunter2",
            "postgres://me:hunter2@/peanut",
            "postgres://me:hunter2@:5432/peanut",
            "postgres:/me:hunter2@db/peanut",
            "postgres:me:hunter2@db/peanut",
            "postgres//me:hunter2@db/peanut",
            "Postgresql:/db/hunter2",
            "postgress:/me:hunter2@db/peanut",
            "me:hunter2@db/peanut",
            "",
            "  ",
        ] {
            let message = StoreAddress::parse(typed).unwrap_err().to_string();
            assert!(message.contains("postgres://user@host/database"), "{typed}: {message}");
            assert!(!message.contains("hunter2"), "{typed}: {message}");
        }
    }
}
