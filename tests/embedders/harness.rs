//! What `build` asks of a store.

use peanut::store::{DocumentStore, EmbeddingStore, GraphStore, IntakeStore, OutboxStore, SystemStore};

/// All the traits.
pub(crate) trait Backend:
    DocumentStore + EmbeddingStore + GraphStore + IntakeStore + OutboxStore + SystemStore
{
}

impl<T> Backend for T where T: DocumentStore + EmbeddingStore + GraphStore + IntakeStore + OutboxStore + SystemStore {}
