//! What can go wrong in a store, classified once, in the adapter. Read by every service to decide what to do next.

use thiserror::Error;

/// What the caller may do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// Busy, locked, timed out, connection lost, disk full: the same call may succeed later.
    Retryable,
    /// Will fail again: read-only, damaged file, schema of another version.
    Permanent,
    /// The caller or the data broke a rule of the store: a bug, or a vector of the wrong dimension.
    Invariant,
    /// The named row does not exist.
    NotFound,
}

/// An error of the store: which operation, on what, why.
#[derive(Debug, Error)]
#[error("{operation} {key}: {message}")]
pub struct StoreError {
    /// What the caller may do.
    pub kind: StoreErrorKind,
    /// The method, as a person would name it: `commit documents`.
    pub operation: &'static str,
    /// What it was about: an id, a path, a count.
    pub key: String,
    /// The cause, with what to do when that is known.
    pub message: String,
    /// The engine's own error.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The cause of an error of a disk that took nothing more; adapters put it around the engine's own.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct NoRoom(pub(crate) Box<dyn std::error::Error + Send + Sync>);

/// The cause of an error of a store that was removed or replaced while it was open; adapters put it around their own.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Displaced(pub(crate) Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// A missing row.
    #[must_use]
    pub fn not_found(operation: &'static str, key: impl Into<String>) -> Self {
        Self {
            kind: StoreErrorKind::NotFound,
            operation,
            key: key.into(),
            message: "does not exist".into(),
            source: None,
        }
    }

    /// A broken rule.
    #[must_use]
    pub fn invariant(operation: &'static str, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: StoreErrorKind::Invariant, operation, key: key.into(), message: message.into(), source: None }
    }

    /// Whether the disk took nothing more: it is full, a quota is used up, or it fails.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.source.as_deref(), Some(cause) if cause.is::<NoRoom>())
    }

    /// Whether the store was removed or replaced while it was open: nothing is written any more until somebody puts it back.
    #[must_use]
    pub fn is_displaced(&self) -> bool {
        matches!(self.source.as_deref(), Some(cause) if cause.is::<Displaced>())
    }

    /// Whether trying again later makes sense.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind == StoreErrorKind::Retryable
    }
}
