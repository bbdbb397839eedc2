//! Each worker with its neighbours, handed to the supervisor. Called by the house when it starts its workers.

use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::health::WorkerState;
use crate::embed::reindex::{ModelContext, ModelWorker, Role};
use crate::embed::{Embedders, InstantEmbedder};
use crate::ingest::pipeline::{IngestContext, IngestWorker};
use crate::ingest::watch::Watcher;
use crate::outbox::relay::Relay;
use crate::runtime::supervisor::Supervisor;

use super::{House, chunk_options, planned_panic};

impl House {
    pub(super) fn add_relay(&self, supervisor: &mut Supervisor, name: &str, seed: u64) {
        let relay = Arc::new(Relay::new(
            Arc::clone(&self.store),
            Arc::clone(&self.graph_sink),
            Arc::clone(&self.clock),
            Arc::clone(&self.relay_wake),
            name,
            seed,
        ));
        let activity = relay.activity();
        supervisor.add(
            "relay",
            move || state_of(&activity, |a| (a.state, a.detail.clone())),
            move |soft| {
                let relay = Arc::clone(&relay);
                async move { relay.run(soft).await }
            },
        );
    }

    pub(super) fn add_ingest(&self, supervisor: &mut Supervisor, name: &str) -> watch::Receiver<bool> {
        let context = IngestContext {
            store: Arc::clone(&self.store),
            recorder: self.recorder.clone(),
            clock: Arc::clone(&self.clock),
            instant: Arc::clone(&self.instant) as Arc<dyn InstantEmbedder>,
            background_models: self.queued_models.subscribe(),
            parsers: self.parsers.clone(),
            chunks: chunk_options(&self.config),
            drop_zone: self.config.drop_zone.clone(),
            wake: Arc::clone(&self.ingest_wake),
            threads: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        };
        let worker = Arc::new(IngestWorker::new(context, name));
        let (activity, busy) = (worker.activity(), worker.busy());
        supervisor.add(
            "ingest",
            move || state_of(&activity, |a| (a.state, a.detail.clone())),
            move |soft| {
                let worker = Arc::clone(&worker);
                async move {
                    planned_panic("worker");
                    worker.run(soft).await
                }
            },
        );
        busy
    }

    pub(super) fn add_models(&self, supervisor: &mut Supervisor, name: &str, busy: &watch::Receiver<bool>, seed: u64) {
        if self.configured.is_none() {
            return;
        }
        for (shown, role) in [("embedder", Role::Serving), ("reindex", Role::Building)] {
            let context = ModelContext {
                store: Arc::clone(&self.store),
                embedders: Arc::clone(&self.embedders) as Arc<dyn Embedders>,
                clock: Arc::clone(&self.clock),
                wake: Arc::clone(&self.embed_wake),
                paused: self.embedding_paused.subscribe(),
                busy: busy.clone(),
                queued_models: self.queued_models.clone(),
                name: name.to_owned(),
                seed,
            };
            let worker = Arc::new(ModelWorker::new(role, context));
            let reading = Arc::clone(&worker);
            supervisor.add(
                shown,
                move || reading.state(),
                move |soft| {
                    let worker = Arc::clone(&worker);
                    async move { worker.run(soft).await }
                },
            );
        }
    }

    pub(super) fn add_watcher(&self, supervisor: &mut Supervisor) {
        let watcher = Arc::new(Watcher::new(
            Arc::clone(&self.store),
            Arc::clone(&self.intake),
            Arc::clone(&self.clock),
            self.config.drop_zone.clone(),
        ));
        let activity = watcher.activity();
        supervisor.add(
            "watcher",
            move || state_of(&activity, |a| (a.state, a.detail.clone())),
            move |soft| {
                let watcher = Arc::clone(&watcher);
                async move { watcher.run(soft).await }
            },
        );
    }
}

fn state_of<T>(activity: &watch::Receiver<T>, read: impl Fn(&T) -> (WorkerState, String)) -> (WorkerState, String) {
    read(&activity.borrow())
}
