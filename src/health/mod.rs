//! Probes and the status picture: one [`StatusSnapshot`] feeds the screens, `status --json`, `/health` and the metrics.
//!
//! `probe` measures the services with bounded time; `gather` reads the store; `worker` does both on a rhythm and
//! publishes over a watch channel, so nobody who looks ever waits for a slow service.

pub mod disk;
pub mod gather;
mod held;
pub mod probe;
pub mod worker;

pub use disk::Disk;
pub use gather::Gatherer;
pub use held::HeldCounts;
pub use probe::{Probes, Vital};
pub use worker::StatusWorker;

use crate::domain::health::{ServiceRole, ServiceState};
use crate::domain::status::StatusSnapshot;

/// The machine in one word, as `/health` will say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Overall {
    /// Everything answers.
    Healthy,
    /// Only the embedder, or only part of a service, is missing.
    Degraded,
    /// Store or graph does not answer.
    Unhealthy,
}

/// Sums services up: store or graph down is unhealthy, anything else amiss is degraded.
#[must_use]
pub fn overall(snapshot: &StatusSnapshot) -> Overall {
    let is =
        |role: ServiceRole, state: ServiceState| snapshot.services.iter().any(|s| s.role == role && s.state == state);
    if is(ServiceRole::Store, ServiceState::Down) || is(ServiceRole::Graph, ServiceState::Down) {
        return Overall::Unhealthy;
    }
    let amiss = |state| matches!(state, ServiceState::Down | ServiceState::Degraded);
    if snapshot.services.iter().any(|service| amiss(service.state)) { Overall::Degraded } else { Overall::Healthy }
}

/// What `status --json` and `GET /status` answer: the picture, summed up in a word.
#[derive(Clone, Debug, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct StatusReport {
    /// The machine in one word.
    pub status: Overall,
    /// Everything that is known.
    #[serde(flatten)]
    pub snapshot: StatusSnapshot,
}

impl StatusReport {
    /// Sums a picture up.
    #[must_use]
    pub fn of(snapshot: StatusSnapshot) -> Self {
        Self { status: overall(&snapshot), snapshot }
    }
}
