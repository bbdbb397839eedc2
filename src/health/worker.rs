//! The `probe` worker: keeps the status picture fresh. Run by the supervisor in every process with a screen.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::health::WorkerState;
use crate::domain::status::StatusSnapshot;

use super::{Gatherer, Probes};

/// Between pictures while things move.
const BUSY_PERIOD: Duration = Duration::from_millis(250);
/// Between pictures while nothing moves.
const IDLE_PERIOD: Duration = Duration::from_secs(1);
/// A picture takes milliseconds; a store that takes longer than this hangs, and the probes' word is shown without it.
const GATHER_TIMEOUT: Duration = Duration::from_secs(3);

/// Gathers and publishes.
pub struct StatusWorker {
    gatherer: Gatherer,
    probes: Probes,
    picture: watch::Sender<Arc<StatusSnapshot>>,
    refresh: Arc<Notify>,
}

impl StatusWorker {
    /// A worker that has published an empty picture.
    #[must_use]
    pub fn new(gatherer: Gatherer, probes: Probes) -> Self {
        let picture = watch::Sender::new(Arc::new(StatusSnapshot::default()));
        Self { gatherer, probes, picture, refresh: Arc::new(Notify::new()) }
    }

    /// Where the picture can be watched.
    #[must_use]
    pub fn picture(&self) -> watch::Receiver<Arc<StatusSnapshot>> {
        self.picture.subscribe()
    }

    /// Notified, it takes the next picture at once: after an action of the user.
    #[must_use]
    pub fn refresh(&self) -> Arc<Notify> {
        Arc::clone(&self.refresh)
    }

    /// What it is doing, for the supervisor.
    #[must_use]
    pub fn state(&self) -> (WorkerState, String) {
        (WorkerState::Idle, "asks every service".to_owned())
    }

    /// One probe round and one picture, for commands that look once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn once(&self) -> Result<StatusSnapshot, String> {
        self.probes.round().await;
        let snapshot = self.gatherer.snapshot(self.probes.services()).await.map_err(|error| error.to_string())?;
        Ok(StatusSnapshot { disk: self.probes.space(), ..snapshot })
    }

    /// Runs until `soft` is cancelled. A store that cannot be read is shown through its probe, not by ending here.
    ///
    /// # Errors
    /// Never; the signature is the supervisor's.
    pub async fn run(&self, soft: CancellationToken) -> Result<(), String> {
        tokio::join!(self.keep_probing(&soft), self.keep_gathering(&soft));
        Ok(())
    }

    /// A rhythm of its own: how long the store takes to be counted says nothing about when a service is asked next.
    async fn keep_probing(&self, soft: &CancellationToken) {
        self.probes.keep_asking(soft, || self.publish_services()).await;
    }

    async fn keep_gathering(&self, soft: &CancellationToken) {
        let mut pictures = self.picture.subscribe();
        tokio::select! {
            () = soft.cancelled() => return,
            _ = pictures.wait_for(|picture| !picture.services.is_empty()) => {}
        }
        let mut complained = false;
        loop {
            let mut moved = false;
            let services = self.picture.borrow().services.clone();
            let gathering = tokio::time::timeout(GATHER_TIMEOUT, self.gatherer.snapshot(services));
            let gathered = match gathering.await {
                Ok(gathered) => gathered.map_err(|error| error.to_string()),
                Err(_) => Err(format!("the store did not answer within {} s", GATHER_TIMEOUT.as_secs())),
            };
            match gathered {
                Ok(snapshot) => {
                    complained = false;
                    moved = self.publish(snapshot);
                }
                Err(error) if !complained => {
                    complained = true;
                    tracing::warn!(%error, "status_not_gathered");
                }
                Err(_) => {}
            }
            let pause = if moved { BUSY_PERIOD } else { IDLE_PERIOD };
            tokio::select! {
                () = soft.cancelled() => return,
                () = self.refresh.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Publishes and says whether anything but the time changed.
    fn publish(&self, snapshot: StatusSnapshot) -> bool {
        let mut moved = false;
        self.picture.send_modify(|current| {
            let work = |s: &StatusSnapshot| (s.store.clone(), s.intake.clone(), s.outbox.pending, s.embeddings.clone());
            moved = work(current) != work(&snapshot);
            // Probed while this was gathered, perhaps.
            let (services, disk) = (current.services.clone(), current.disk);
            *current = Arc::new(StatusSnapshot { services, disk, ..snapshot });
        });
        moved
    }

    /// Not before store and graph were asked once: whoever waits for the first picture wants to know of them.
    fn publish_services(&self) {
        if !self.probes.have_asked() {
            return;
        }
        self.picture.send_modify(|current| {
            let mut snapshot = StatusSnapshot::clone(current);
            snapshot.services = self.probes.services();
            snapshot.disk = self.probes.space();
            *current = Arc::new(snapshot);
        });
    }
}
