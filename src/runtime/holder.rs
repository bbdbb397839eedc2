//! The process that runs the workers of a data folder, when it is not this one: whether it does its work. Asked by the
//! commands that rely on it (`ingest`, `doctor`).

use std::path::Path;

use color_eyre::eyre;

use crate::domain::Timestamp;
use crate::domain::health::WorkerRecord;

use super::lock::WorkerLock;
use super::supervisor::HEARTBEAT;
use super::wiring::House;

/// Heartbeats that may be missed.
const MISSED: u32 = 3;

/// Another process that holds the workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holder {
    /// Its number.
    pub process_id: u32,
    /// Whether somebody stopped it (Ctrl-Z, `kill -STOP`).
    pub is_suspended: bool,
    /// Since when its workers gave no sign of life; `None` when they never did.
    pub silent_seconds: Option<f64>,
}

impl Holder {
    /// The holder of a data folder by its lock, the records of workers and the process table.
    #[must_use]
    pub fn of(data_dir: &Path, workers: &[WorkerRecord], now: Timestamp) -> Option<Self> {
        let process_id = WorkerLock::holder(data_dir)?;
        let own = workers.iter().filter(|worker| worker.pid == process_id);
        let newest = own.map(|worker| worker.heartbeat_at).max();
        let silent_seconds = newest.map(|at| now.seconds_since(at).max(0.0));
        Some(Self { process_id, is_suspended: is_suspended(process_id), silent_seconds })
    }

    /// Why it does not do its work, and what to do; `None` when it does.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let id = self.process_id;
        let last_sign = self.silent_seconds.map_or_else(
            || "no sign of life yet".to_owned(),
            |seconds| format!("last sign of life {seconds:.0} s ago"),
        );
        if self.is_suspended {
            return Some(Trouble {
                what: format!("process {id} runs the workers and is suspended"),
                last_sign,
                remedy: format!("`fg` in its terminal or `kill -CONT {id}` lets it go on"),
            });
        }
        let is_silent = self.silent_seconds.is_some_and(|seconds| seconds > (HEARTBEAT * MISSED).as_secs_f64());
        is_silent.then(|| Trouble {
            what: format!("process {id} runs the workers and hangs"),
            last_sign,
            remedy: "look at its screen and its log; when it is ended, another process takes the work over".to_owned(),
        })
    }
}

/// Why nothing is taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub what: String,
    /// When the process last did anything.
    pub last_sign: String,
    /// What to do.
    pub remedy: String,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} ({}), so nothing is taken in: {}", self.what, self.last_sign, self.remedy)
    }
}

impl House {
    /// The process that runs the workers of this data folder, as it was written down; `None` when nobody did.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holder(&self) -> eyre::Result<Option<Holder>> {
        let workers = self.store.workers().await?;
        Ok(Holder::of(&self.config.data_dir, &workers, self.clock.now()))
    }
}

/// Whether a process stands still; false where there is no `/proc` to ask.
fn is_suspended(process_id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat"));
    // Behind the name, which may hold anything.
    stat.is_ok_and(|text| text.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with(['T', 't'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_works_has_no_trouble_and_who_does_not_is_told() {
        let holder = Holder { process_id: 12, is_suspended: false, silent_seconds: Some(4.0) };
        assert_eq!(holder.trouble(), None);
        assert_eq!(Holder { silent_seconds: None, ..holder }.trouble(), None, "it has just begun");
        let suspended = Holder { is_suspended: true, ..holder }.trouble().unwrap().to_string();
        assert!(suspended.contains("process 12") && suspended.contains("suspended (last sign of life 4 s ago)"));
        let hangs = Holder { silent_seconds: Some(90.0), ..holder }.trouble().unwrap().to_string();
        assert!(hangs.contains("hangs (last sign of life 90 s ago)"));
    }
}
