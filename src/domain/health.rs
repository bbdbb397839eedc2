//! How the machinery is: services and workers. Measured by `health` and the supervisor, shown everywhere.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// State of one service at its last probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Not probed yet.
    #[default]
    Unknown,
    /// Answers.
    Ok,
    /// Answers, but slowly or in part.
    Degraded,
    /// Does not answer.
    Down,
}

/// What a service is for. One name each, everywhere: in `/health`, `/status`, the metrics, `doctor` and on the screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceRole {
    /// Documents, people, ledger, indexes.
    Store,
    /// Who and what is connected.
    Graph,
    /// Makes vectors.
    Embedder,
    /// A standby of the store, where there is one.
    Replica,
    /// Where the data lies.
    Disk,
}

impl ServiceRole {
    /// All of them, in the order they are listed.
    pub const ALL: [Self; 5] = [Self::Store, Self::Graph, Self::Embedder, Self::Replica, Self::Disk];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Graph => "graph",
            Self::Embedder => "embedder",
            Self::Replica => "replica",
            Self::Disk => "disk",
        }
    }
}

impl std::fmt::Display for ServiceRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Room where the data lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DiskSpace {
    /// Bytes that can still be written.
    pub free_bytes: u64,
    /// Bytes there are in all.
    pub total_bytes: u64,
}

impl DiskSpace {
    /// Less than this does not take a large commit.
    const NEARLY_NOTHING: u64 = 16 << 20;

    /// Whether nothing more can be taken in.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.free_bytes < Self::NEARLY_NOTHING
    }
}

/// One service as the screens show it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ServiceHealth {
    /// What it is for.
    pub role: ServiceRole,
    /// What it is: `sqlite`, `embedded`, `built-in minilm-l6-w8`.
    pub name: String,
    /// State at the last probe.
    pub state: ServiceState,
    /// Version and other facts worth a line.
    pub detail: String,
    /// Last error with what to do, in words a person can act on.
    pub error: Option<String>,
    /// Duration of the last probe.
    pub latency_ms: Option<f64>,
    /// Durations of earlier probes, oldest first, at most 60.
    pub latency_history_ms: Vec<f64>,
    /// When it was last probed.
    pub probed_at: Option<Timestamp>,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// About to run for the first time.
    Starting,
    /// Waiting for work.
    Idle,
    /// Has work in hand.
    Busy,
    /// Has work and cannot go on until something else answers or has room again; goes on by itself.
    Waiting,
    /// Told to wait by the user.
    Paused,
    /// Ended in an error or panic; will be started again.
    Restarting,
    /// Given up after too many failures.
    Down,
    /// Ended as asked.
    Stopped,
}

impl WorkerState {
    /// The stable name used in the store and on screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Down => "down",
            Self::Stopped => "stopped",
        }
    }

    /// The state with the stable name `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Starting,
            Self::Idle,
            Self::Busy,
            Self::Waiting,
            Self::Paused,
            Self::Restarting,
            Self::Down,
            Self::Stopped,
        ]
        .into_iter()
        .find(|state| state.as_str() == name)
    }

    /// Whether a worker in this state cannot do its work, through no wish of the user.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Waiting | Self::Restarting | Self::Down)
    }
}

/// One worker of one process, as the `workers` table keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WorkerRecord {
    /// `watcher`, `ingest`, `embedder`, `relay`, `probe`.
    pub name: String,
    /// Host it runs on.
    pub host: String,
    /// Process it runs in.
    pub pid: u32,
    /// What it is doing.
    pub state: WorkerState,
    /// What exactly, or its last error.
    pub detail: String,
    /// Times it was started again.
    pub restarts: u32,
    /// Last sign of life.
    pub heartbeat_at: Timestamp,
}
