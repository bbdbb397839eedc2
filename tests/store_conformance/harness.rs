//! What a case needs of an engine: an empty store, and further handles on the same data.

use std::path::PathBuf;

use peanut::store::sqlite::SqliteStore;
use peanut::store::{
    DocumentStore, EmbeddingStore, GraphStore, IntakeStore, KeyStore, OutboxStore, SearchStore, SystemStore,
    TransferStore,
};

/// All the traits under test.
pub(crate) trait Backend:
    DocumentStore
    + EmbeddingStore
    + GraphStore
    + IntakeStore
    + OutboxStore
    + SearchStore
    + SystemStore
    + KeyStore
    + TransferStore
{
}

impl<T> Backend for T where
    T: DocumentStore
        + EmbeddingStore
        + GraphStore
        + IntakeStore
        + OutboxStore
        + SearchStore
        + SystemStore
        + KeyStore
        + TransferStore
{
}

/// An engine with a store of its own for one case.
pub(crate) trait Harness: Sized {
    /// The engine's store.
    type Store: Backend + 'static;

    /// An empty store.
    async fn fresh() -> Self;

    /// The first handle.
    fn store(&self) -> &Self::Store;

    /// Another handle on the same data, as another process would have.
    async fn another(&self) -> Self::Store;

    /// A text as every engine gives it back: none holds NUL.
    fn held(text: &str) -> String {
        text.replace('\0', "\u{1a}")
    }
}

/// SQLite in a temporary folder.
pub(crate) struct SqliteHarness {
    store: SqliteStore,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Harness for SqliteHarness {
    type Store = SqliteStore;

    async fn fresh() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("peanut.sqlite");
        let store = SqliteStore::open(&path).await.expect("open store");
        Self { store, path, _folder: folder }
    }

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    async fn another(&self) -> SqliteStore {
        SqliteStore::open(&self.path).await.expect("open store again")
    }
}
