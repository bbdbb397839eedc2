//! Stores as a command names them: which engine, opened, and in nobody else's hands. Called by `peanut copy` and `export`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use color_eyre::eyre::{self, WrapErr};

use crate::config::Config;
use crate::domain::health::WorkerState;
use crate::domain::{Clock as _, Secret, SystemClock};
use crate::store::SharedStore;
use crate::store::postgres::{PostgresOptions, PostgresStore};
use crate::store::sqlite::SqliteStore;

use super::lock::WorkerLock;
use super::supervisor::HEARTBEAT;

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

impl StoreAddress {
    /// What a person typed: `postgres://…`, a file, or a data folder.
    #[must_use]
    pub fn parse(typed: &str) -> Self {
        if typed.starts_with("postgres://") || typed.starts_with("postgresql://") {
            return Self::Postgres(Secret::new(typed));
        }
        let path = std::path::absolute(typed).unwrap_or_else(|_| PathBuf::from(typed));
        Self::Sqlite(if path.is_dir() || typed.ends_with('/') { path.join(STORE_FILE) } else { path })
    }

    /// The store the settings name.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        match &config.services.postgres_url {
            Some(url) => Self::Postgres(url.clone()),
            None => Self::Sqlite(config.store_path.clone()),
        }
    }

    /// Opens a store that exists.
    ///
    /// # Errors
    /// When there is none or it cannot be opened; the report names it, without a password.
    pub async fn open(&self) -> eyre::Result<SharedStore> {
        if let Self::Sqlite(path) = self {
            eyre::ensure!(path.is_file(), "there is no store at {}", path.display());
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
                std::fs::create_dir_all(folder).wrap_err_with(|| format!("cannot make {}", folder.display()))?;
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

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_and_keep_their_secret() {
        let address = StoreAddress::parse("postgres://me:hunter2@db/peanut");
        assert!(matches!(address, StoreAddress::Postgres(_)));
        assert!(!format!("{address:?}").contains("hunter2"));
        let folder = tempfile::tempdir().unwrap();
        let typed = folder.path().to_str().unwrap();
        assert_eq!(StoreAddress::parse(typed), StoreAddress::Sqlite(folder.path().join("peanut.db")));
        assert_eq!(StoreAddress::parse("/nowhere/x.db"), StoreAddress::Sqlite("/nowhere/x.db".into()));
        assert_eq!(StoreAddress::parse("/nowhere/new/"), StoreAddress::Sqlite("/nowhere/new/peanut.db".into()));
    }
}
