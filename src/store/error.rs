//! What can go wrong in a store, classified once, in the adapter. Read by every service to decide what to do next.

use thiserror::Error;

/// What the caller may do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// Busy, locked, timed out, connection lost: the same call may succeed later.
    Retryable,
    /// The disk is full: the same call may succeed once there is room.
    Full,
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

    /// Whether trying again later makes sense.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Retryable | StoreErrorKind::Full)
    }
}
