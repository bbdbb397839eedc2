//! The store's promise: traits that SQLite (and PostgreSQL next) keep, held to one conformance suite.
//!
//! Owns the traits and [`StoreError`]; adapters live below, one file per table family. Services hold an
//! `Arc<dyn Store>` and never know which engine answers. Every method is one transaction: all of it or nothing.

mod documents;
mod embeddings;
mod error;
mod graph;
mod intake;
mod keys;
pub mod limited;
mod outbox;
mod plan;
pub mod postgres;
mod search;
mod shared;
pub mod sqlite;
mod system;
pub mod transfer;

use std::sync::Arc;

pub use documents::{
    CommitBatch, CommitReport, ContentMatch, DeletedDocument, DeletedOf, DocumentListing, DocumentPage, DocumentStore,
    EarlierCommit, ONCE_KEPT, OnceKey, RetireReason,
};
pub use embeddings::{EmbeddingJob, EmbeddingStore, FailedEmbedding};
pub use error::{StoreError, StoreErrorKind};
pub use graph::{GraphStore, Neighbourhood};
pub use intake::{FilePage, IntakeStore};
pub use keys::KeyStore;
pub use outbox::{EventFailure, OutboxStore};
pub use search::{DatePage, DatedChunks, Legs, SearchStore, TermSuggestion};
pub use system::{DamagedText, Integrity, ReplicaStatus, StoreInfo, SystemStore};
pub use transfer::TransferStore;

/// Everything a store does. Shared by all services of a process.
pub trait Store:
    DocumentStore
    + IntakeStore
    + EmbeddingStore
    + OutboxStore
    + GraphStore
    + SearchStore
    + SystemStore
    + KeyStore
    + TransferStore
{
}

impl<T> Store for T where
    T: DocumentStore
        + IntakeStore
        + EmbeddingStore
        + OutboxStore
        + GraphStore
        + SearchStore
        + SystemStore
        + KeyStore
        + TransferStore
{
}

/// How services hold a store.
pub type SharedStore = Arc<dyn Store>;

/// Result of every store method.
pub type StoreResult<T> = Result<T, StoreError>;
