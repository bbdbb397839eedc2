//! The words of the house: ids, documents, chunks, people, hits, events, health.
//!
//! Owns the plain data every other room speaks in. No IO, no clock of its own, and it imports nothing
//! of ours; everybody may import it.

pub mod chunk;
pub mod document;
pub mod expression;
pub mod findable;
pub mod graph;
pub mod health;
pub mod ids;
pub mod intake;
pub mod key;
pub mod names;
pub mod outbox;
pub mod person;
pub mod query_language;
pub mod search;
pub mod secret;
pub mod settings;
pub mod shape;
pub mod status;
pub mod targets;
pub mod terms;
pub mod text;
pub mod time;
pub mod visible;
pub mod wordpiece;

pub use chunk::{ChunkKind, NewChunk, Place, StoredChunk};
pub use document::{
    DocumentLinks, DocumentProgress, DocumentSummary, DocumentView, Link, LinkKind, LinkedDocument, MessageMeta,
    NewDocument, OutgoingLink, SourceType, WriteOutcome,
};
pub use ids::{ChunkId, DocumentId, EventId, ModelId, PersonId, concept_id};
pub use key::Scope;
pub use person::{PersonMention, PersonRole};
pub use secret::Secret;
pub use time::{Clock, SystemClock, Timestamp};
