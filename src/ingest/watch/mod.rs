//! The watcher: drop zone and watched folders, scanned at start and kept current. Run by the supervisor.
//!
//! Events say only that something may have happened; a path is offered once its size and time have stood still for a
//! moment. Where the system gives no events (network folders, no watches left) folders are scanned on a rhythm. A file
//! that vanishes from a watched folder retires its documents; the drop zone is an inbox: what was in it stays known.

mod pending;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::domain::health::WorkerState;
use crate::domain::intake::Origin;
use crate::ingest::intake::vanished::{self, Lot};
use crate::ingest::intake::{Intake, IntakeError, IntakeOffer, paths, walk};
use crate::store::SharedStore;

use pending::Pending;

/// A path that has not changed for this long is finished.
const QUIET: Duration = Duration::from_millis(500);
/// Between looks at pending paths and at the list of folders.
const TICK: Duration = Duration::from_millis(250);
const FOLDERS_PERIOD: Duration = Duration::from_secs(2);
/// Everything is compared again this often, in case an event was lost.
const RECONCILE: Duration = Duration::from_mins(10);
/// The rhythm for folders without events.
const POLL: Duration = Duration::from_secs(15);
/// A vanished file is retired after this: time for its new place to be taken in, when it moved.
const MOVE_GRACE: Duration = Duration::from_secs(3);
/// Paths compared per step while looking for vanished files.
const PATHS_STEP: u32 = 1_000;

/// What the watcher is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchActivity {
    /// For the workers' line.
    pub state: WorkerState,
    /// What exactly.
    pub detail: String,
}

/// A folder that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Root {
    excludes: Vec<String>,
    origin: Origin,
    /// Whether the system tells us of changes.
    has_events: bool,
    next_scan: Instant,
}

/// The worker.
pub struct Watcher {
    store: SharedStore,
    intake: Arc<Intake>,
    clock: Arc<dyn Clock>,
    drop_zone: PathBuf,
    activity: watch::Sender<WatchActivity>,
}

impl Watcher {
    /// A watcher of `drop_zone` and the store's folders.
    #[must_use]
    pub fn new(store: SharedStore, intake: Arc<Intake>, clock: Arc<dyn Clock>, drop_zone: PathBuf) -> Self {
        let activity = WatchActivity { state: WorkerState::Starting, detail: String::new() };
        Self { store, intake, clock, drop_zone, activity: watch::Sender::new(activity) }
    }

    /// What it is doing.
    #[must_use]
    pub fn activity(&self) -> watch::Receiver<WatchActivity> {
        self.activity.subscribe()
    }

    /// Watches until `soft` is cancelled.
    ///
    /// # Errors
    /// When the store fails for good or the drop zone cannot be made.
    pub async fn run(&self, soft: CancellationToken) -> Result<(), String> {
        let mut builder = tokio::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        let made = builder.create(&self.drop_zone).await;
        made.map_err(|error| format!("cannot make the drop zone {}: {error}", self.drop_zone.display()))?;
        let (sender, mut events) = mpsc::channel::<PathBuf>(4096);
        let overflow = Arc::new(tokio::sync::Notify::new());
        let mut system = system_watcher(sender, Arc::clone(&overflow));
        let mut roots: HashMap<PathBuf, Root> = HashMap::new();
        let mut pending = Pending::default();
        let mut gone = HashMap::new();
        let mut next_folders = Instant::now();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if Instant::now() >= next_folders {
                next_folders = Instant::now() + FOLDERS_PERIOD;
                self.read_roots(&mut roots, system.as_mut()).await?;
            }
            self.scan_due(&mut roots, &mut gone, &soft).await?;
            let without = roots.values().filter(|root| !root.has_events).count();
            let how = if without > 0 { format!(", {without} by scanning") } else { String::new() };
            self.tell(&format!("{} folders{how}", roots.len()));
            tokio::select! {
                () = soft.cancelled() => return Ok(()),
                () = overflow.notified() => roots.values_mut().for_each(|root| root.next_scan = Instant::now()),
                Some(path) = events.recv() => pending.touch(path, Instant::now()),
                _ = tick.tick() => {
                    let ready = pending.ready(Instant::now(), QUIET);
                    self.handle(&roots, ready, &mut gone).await?;
                    self.retire_gone(&roots, &mut gone).await?;
                }
            }
        }
    }

    /// Takes changes of the folder list over.
    async fn read_roots(
        &self,
        roots: &mut HashMap<PathBuf, Root>,
        mut system: Option<&mut RecommendedWatcher>,
    ) -> Result<(), String> {
        let folders = self.store.folders().await.map_err(|error| error.to_string())?;
        let mut wanted: HashMap<PathBuf, (Vec<String>, Origin)> = folders
            .into_iter()
            .map(|folder| (paths::path_of(&folder.path), (folder.excludes, Origin::Folder)))
            .collect();
        wanted.insert(self.drop_zone.clone(), (Vec::new(), Origin::DropZone));
        roots.retain(|path, root| {
            let kept = wanted.get(path).is_some_and(|(excludes, _)| *excludes == root.excludes);
            if !kept && let Some(system) = system.as_deref_mut() {
                let _ = system.unwatch(path);
            }
            kept
        });
        for (path, (excludes, origin)) in wanted {
            if roots.contains_key(&path) {
                continue;
            }
            let watched = system.as_deref_mut().map(|system| system.watch(&path, RecursiveMode::Recursive));
            let has_events = match watched {
                Some(Ok(())) => true,
                Some(Err(error)) => {
                    tracing::warn!(folder = %path.display(), %error, "folder_watched_by_scanning");
                    false
                }
                None => false,
            };
            roots.insert(path, Root { excludes, origin, has_events, next_scan: Instant::now() });
        }
        Ok(())
    }

    async fn scan_due(
        &self,
        roots: &mut HashMap<PathBuf, Root>,
        gone: &mut HashMap<PathBuf, Instant>,
        soft: &CancellationToken,
    ) -> Result<(), String> {
        for (path, root) in roots.iter_mut() {
            if root.next_scan > Instant::now() || soft.is_cancelled() {
                continue;
            }
            self.activity.send_modify(|activity| activity.state = WorkerState::Busy);
            let started = Instant::now();
            let mut offer = IntakeOffer::default();
            let offered = self.intake.offer_folder(path, &root.excludes, root.origin, &mut offer).await;
            offered.map_err(|error| error.to_string())?;
            if root.origin == Origin::Folder {
                self.find_vanished(path, gone).await?;
            }
            // A slow folder is scanned less often: a scan may take a tenth of the time at most.
            let period = if root.has_events { RECONCILE } else { POLL.max(started.elapsed() * 10) };
            root.next_scan = Instant::now() + period;
            if offer.queued > 0 {
                tracing::info!(folder = %path.display(), queued = offer.queued, "folder_scanned");
            }
        }
        Ok(())
    }

    /// Notes files of the ledger below `folder` that are no more. A folder that is gone itself (unmounted?) says nothing:
    /// that is more likely an accident than a wish.
    async fn find_vanished(&self, folder: &Path, gone: &mut HashMap<PathBuf, Instant>) -> Result<(), String> {
        if !folder.is_dir() {
            return Ok(());
        }
        let name = paths::text_of(folder);
        let mut after = String::new();
        loop {
            let known = self.store.paths_below(&name, &after, PATHS_STEP).await.map_err(|error| error.to_string())?;
            let Some(last) = known.last().map(|known| known.path.clone()) else { return Ok(()) };
            let missing = tokio::task::spawn_blocking(move || vanished::missing(known));
            for (path, lot) in missing.await.map_err(|error| error.to_string())? {
                if lot == Lot::Gone {
                    gone.entry(paths::path_of(&path)).or_insert_with(|| Instant::now() + MOVE_GRACE);
                }
            }
            after = last;
        }
    }

    /// Paths that stand still: offers those that exist, retires those that vanished.
    async fn handle(
        &self,
        roots: &HashMap<PathBuf, Root>,
        paths: Vec<PathBuf>,
        gone: &mut HashMap<PathBuf, Instant>,
    ) -> Result<(), String> {
        let mut offer = IntakeOffer::default();
        let mut files = Vec::new();
        for path in paths {
            let Some((root_path, root)) =
                roots.iter().filter(|(root, _)| path.starts_with(root)).max_by_key(|(root, _)| root.as_os_str().len())
            else {
                continue;
            };
            let excluded = walk::excludes(root_path, &root.excludes);
            match tokio::fs::symlink_metadata(&path).await {
                Ok(metadata) if metadata.is_dir() => {
                    let offered = self.intake.offer_folder(&path, &root.excludes, root.origin, &mut offer).await;
                    offered.map_err(|error: IntakeError| error.to_string())?;
                }
                Ok(metadata)
                    if metadata.is_file() && !is_hidden_below(root_path, &path) && !walk::is_left_out(&path) =>
                {
                    if !excluded.matched(&path, false).is_ignore() {
                        files.push(walk::offered(&path, &metadata, root.origin, self.clock.now()));
                    }
                }
                Ok(_) => {}
                // Perhaps it moved: its new place is taken in first, so that the document can follow.
                Err(_) if root.origin == Origin::Folder => {
                    gone.insert(path, Instant::now() + MOVE_GRACE);
                }
                Err(_) => {}
            }
        }
        self.intake.offer_named(files, &mut offer).await.map_err(|error| error.to_string())
    }

    /// Retires what is still gone when its time has come: a file, or a folder with all that was in it.
    async fn retire_gone(
        &self,
        roots: &HashMap<PathBuf, Root>,
        gone: &mut HashMap<PathBuf, Instant>,
    ) -> Result<(), String> {
        let now = Instant::now();
        let due: Vec<PathBuf> = gone.iter().filter(|(_, at)| **at <= now).map(|(path, _)| path.clone()).collect();
        for path in due {
            gone.remove(&path);
            // A root that is gone itself was unmounted or removed by accident: nothing is retired.
            let has_root = roots.keys().any(|root| path.starts_with(root) && root.is_dir());
            if !has_root {
                continue;
            }
            let mut offer = IntakeOffer::default();
            let retired = self.intake.retire_vanished(&path, false, &mut offer).await;
            retired.map_err(|error| error.to_string())?;
            if offer.retired > 0 {
                tracing::info!(path = %path.display(), files = offer.retired, "files_vanished");
            }
            for (path, reason) in offer.refused {
                tracing::warn!(path, reason, "files_not_retired");
            }
        }
        Ok(())
    }

    fn tell(&self, detail: &str) {
        let next = WatchActivity { state: WorkerState::Idle, detail: detail.to_owned() };
        self.activity.send_if_modified(|activity| {
            let changed = *activity != next;
            *activity = next;
            changed
        });
    }
}

/// Whether a folder on the way from the root is hidden.
fn is_hidden_below(root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.'))
}

/// Events as paths; when they come faster than they are taken, or the system lost some, everything is scanned.
fn system_watcher(sender: mpsc::Sender<PathBuf>, overflow: Arc<tokio::sync::Notify>) -> Option<RecommendedWatcher> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
        Ok(event) if event.need_rescan() => overflow.notify_one(),
        // Our own reading is no change.
        Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
        Ok(event) => {
            for path in event.paths {
                if sender.try_send(path).is_err() {
                    overflow.notify_one();
                }
            }
        }
        Err(_) => overflow.notify_one(),
    });
    match watcher {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(%error, "no_file_events_folders_are_scanned");
            None
        }
    }
}
