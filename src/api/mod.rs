//! The HTTP door: the same services as the screens, for scripts, agents and Prometheus.
//!
//! One file per resource; `router` says which route is whose and behind which scope, `error` is the only place where an
//! error becomes a status, `gate` and `auth` let callers through, `observe` gives every request its id and its line,
//! `listen` opens the sockets. Put together by `runtime::door`.

pub mod auth;
mod config;
mod documents;
pub mod error;
mod events;
mod extract;
mod gate;
mod graph;
mod health;
mod ingest;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod mcp;
mod metrics;
mod observe;
mod openapi;
mod origin;
pub mod peer;
pub mod places;
mod router;
mod search;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::domain::status::StatusSnapshot;
use crate::graph::GraphReader;
use crate::ingest::intake::{Intake, IntakeError};
use crate::search::service::SearchService;
use crate::store::{SharedStore, StoreErrorKind};

use auth::Authenticator;
use peer::Network;

pub use config::{SettingView, Settings};
pub use observe::RequestId;
pub use router::{metrics_router, router};

/// A text that found no room makes the process not ready for so long.
const FULL_KEPT_MILLIS: i64 = 30_000;

/// What can be chosen about the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiOptions {
    /// An answer that takes longer is given up with 503.
    pub request_timeout: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Origins whose pages may read answers; empty closes CORS.
    pub allowed_origins: Vec<String>,
    /// Whether agents are told of people marked as personal data.
    pub mcp_personal_data: bool,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            mcp_personal_data: false,
        }
    }
}

/// What the handlers stand on.
pub struct Api {
    /// The store.
    pub store: SharedStore,
    /// Search.
    pub search: Arc<SearchService>,
    /// The way in.
    pub intake: Arc<Intake>,
    /// The graph.
    pub graph: Arc<dyn GraphReader>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// The last status picture.
    pub picture: watch::Receiver<Arc<StatusSnapshot>>,
    /// Notified after a change: the next picture comes at once.
    pub refresh: Arc<Notify>,
    /// Settings that change while the program runs.
    pub settings: Arc<dyn Settings>,
    /// Who may pass.
    pub authenticator: Arc<dyn Authenticator>,
    /// Cancelled when nothing new is taken.
    pub draining: CancellationToken,
    /// What was chosen.
    pub options: ApiOptions,
    request_ids: observe::RequestIds,
    last_look: metrics::LastLook,
    /// When a text found no room on the disk; `i64::MIN` since one did.
    full_at: AtomicI64,
}

/// The parts an [`Api`] is made of.
pub struct ApiParts {
    /// See [`Api::store`].
    pub store: SharedStore,
    /// See [`Api::search`].
    pub search: Arc<SearchService>,
    /// See [`Api::intake`].
    pub intake: Arc<Intake>,
    /// See [`Api::graph`].
    pub graph: Arc<dyn GraphReader>,
    /// See [`Api::clock`].
    pub clock: Arc<dyn Clock>,
    /// See [`Api::picture`].
    pub picture: watch::Receiver<Arc<StatusSnapshot>>,
    /// See [`Api::refresh`].
    pub refresh: Arc<Notify>,
    /// See [`Api::settings`].
    pub settings: Arc<dyn Settings>,
    /// See [`Api::authenticator`].
    pub authenticator: Arc<dyn Authenticator>,
    /// See [`Api::draining`].
    pub draining: CancellationToken,
    /// See [`Api::options`].
    pub options: ApiOptions,
    /// Makes request ids differ between processes.
    pub seed: u64,
}

impl Api {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: ApiParts) -> Arc<Self> {
        Arc::new(Self {
            store: parts.store,
            search: parts.search,
            intake: parts.intake,
            graph: parts.graph,
            clock: parts.clock,
            picture: parts.picture,
            refresh: parts.refresh,
            settings: parts.settings,
            authenticator: parts.authenticator,
            draining: parts.draining,
            options: parts.options,
            request_ids: observe::RequestIds::new(parts.seed),
            last_look: metrics::LastLook::default(),
            full_at: AtomicI64::new(i64::MIN),
        })
    }

    /// Notes whether a text found room on the disk.
    fn note_room<T>(&self, taken: &Result<T, IntakeError>) {
        let at = match taken {
            Ok(_) => i64::MIN,
            Err(IntakeError::Store(error)) if error.kind == StoreErrorKind::Full => self.clock.now().0,
            Err(_) => return,
        };
        self.full_at.store(at, Ordering::Relaxed);
    }

    /// Whether a text found no room a moment ago, and none did since: a quota may be used up where the disk is not.
    fn disk_was_full(&self) -> bool {
        self.clock.now().0.saturating_sub(self.full_at.load(Ordering::Relaxed)) < FULL_KEPT_MILLIS
    }
}
