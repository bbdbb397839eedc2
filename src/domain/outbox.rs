//! Events that say a fact of the store changed. Appended with the change, delivered to the graph by the relay.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::EventId;
use super::time::Timestamp;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// A document is new.
    DocumentAdded,
    /// A document's content, place or people changed, or it was restored.
    DocumentChanged,
    /// A document was deleted or its file vanished.
    DocumentDeleted,
    /// Two persons became one.
    PersonMerged,
    /// A person or document is gone for good.
    EntityDeleted,
}

impl EventType {
    /// Every type, in the order screens list them.
    pub const ALL: [Self; 5] =
        [Self::DocumentAdded, Self::DocumentChanged, Self::DocumentDeleted, Self::PersonMerged, Self::EntityDeleted];

    /// The stable name used in the store, on screen and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DocumentAdded => "document_added",
            Self::DocumentChanged => "document_changed",
            Self::DocumentDeleted => "document_deleted",
            Self::PersonMerged => "person_merged",
            Self::EntityDeleted => "entity_deleted",
        }
    }

    /// The type with the stable name `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event_type| event_type.as_str() == name)
    }
}

/// An event as the relay claims it. The payload is the entity's id alone: the relay projects the
/// entity's present state, so a late or repeated delivery converges on the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// Position in the outbox.
    pub id: EventId,
    /// What happened.
    pub event_type: EventType,
    /// The document or person.
    pub entity_id: Uuid,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Failed deliveries so far; outages do not count.
    pub attempts: u32,
}

/// An event that was given up, for the dead-letter list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DeadEvent {
    /// Position in the outbox.
    pub id: EventId,
    /// What happened.
    pub event_type: EventType,
    /// The document or person.
    #[schema(value_type = String, format = "uuid")]
    pub entity_id: Uuid,
    /// Deliveries tried.
    pub attempts: u32,
    /// Last error.
    pub error: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// The outbox at one moment; one value feeds pane, `/health`, metrics and `status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct OutboxStatus {
    /// Events waiting to be delivered, parked retries included, dead ones not.
    pub pending: u64,
    /// Of those, waiting for a retry time in the future.
    pub parked: u64,
    /// Age of the oldest event that could be delivered now, in seconds; parked ones do not count.
    pub oldest_pending_seconds: Option<f64>,
    /// Pending events per type, types without events left out.
    pub pending_by_type: Vec<(EventType, u64)>,
    /// Given up.
    pub dead: u64,
    /// Delivered since the store was made.
    pub processed_total: u64,
}
