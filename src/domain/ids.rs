//! Newtype identifiers. Called by every room; a bare integer or UUID never crosses a boundary.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies one document for its whole life: it survives edits and moves of the source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "uuid")]
pub struct DocumentId(pub Uuid);

/// Identifies one person. Derived from the normalised e-mail address (see [`PersonId::from_email`]),
/// so two archives that know the same address agree without asking each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "uuid")]
pub struct PersonId(pub Uuid);

/// Row number of a chunk; unique in one store, never reused, grows in commit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct ChunkId(pub i64);

/// Position of an event in the outbox; grows in commit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct EventId(pub i64);

/// Stable name of an embedding model with everything that changes its vectors: `static-256`,
/// `minilm-l6-w8`, `ollama:nomic-embed-text`. Vectors of two ids are never compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct ModelId(pub String);

/// Namespace of name-based ids (RFC 9562 version 5), fixed for ever: changing it would change every person.
const NAMESPACE: Uuid = Uuid::from_u128(0x7065_616e_7574_5f6e_616d_6573_7061_6365);

impl PersonId {
    /// The id that belongs to an e-mail address; case and surrounding blanks do not matter.
    #[must_use]
    pub fn from_email(email: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("email:{}", email.trim().to_lowercase()).as_bytes()))
    }

    /// The id of a person known by name only (a note's author, say); never equal to an address's id.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("name:{}", name.trim().to_lowercase()).as_bytes()))
    }
}

impl DocumentId {
    /// The id of the document whose stable source key is `key` (see [`crate::domain::NewDocument::source_key`]).
    ///
    /// Name-based on purpose: a crash between parsing and committing cannot leave two ids for one source.
    #[must_use]
    pub fn from_source_key(key: &str) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("document:{key}").as_bytes()))
    }
}

/// The id of the concept with this label; case and surrounding blanks do not matter.
#[must_use]
pub fn concept_id(label: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("concept:{}", label.trim().to_lowercase()).as_bytes())
}

impl std::fmt::Display for DocumentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
impl std::fmt::Display for PersonId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
impl std::fmt::Display for ChunkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
impl std::fmt::Display for ModelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
impl From<&str> for ModelId {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}
