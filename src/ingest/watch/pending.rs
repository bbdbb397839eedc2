//! Paths that may have changed, until they stand still. Pure but for a look at size and time. Used by the watcher.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Size and time of a path when it was last looked at; `None` when it is not there.
type Look = Option<(u64, Option<SystemTime>)>;

/// The paths, each with when it last changed.
#[derive(Debug, Default)]
pub(super) struct Pending {
    paths: HashMap<PathBuf, (Instant, Look)>,
}

impl Pending {
    /// An event named this path.
    pub(super) fn touch(&mut self, path: PathBuf, now: Instant) {
        let look = look(&path);
        self.paths.insert(path, (now, look));
    }

    /// Takes out the paths that have not changed for `quiet`.
    pub(super) fn ready(&mut self, now: Instant, quiet: Duration) -> Vec<PathBuf> {
        let mut ready = Vec::new();
        self.paths.retain(|path, (since, before)| {
            if now.saturating_duration_since(*since) < quiet {
                return true;
            }
            let present = look(path);
            if present == *before {
                ready.push(path.clone());
                return false;
            }
            // Still being written, though no event said so (network folders).
            *since = now;
            *before = present;
            true
        });
        ready.sort();
        ready
    }
}

fn look(path: &std::path::Path) -> Look {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}
