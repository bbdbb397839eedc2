//! Answers the screens: implements `app::ports::Services` over the house. Every call runs on the background runtime,
//! so that nothing the store does can hold up a frame.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::app::ports::{LogLine, OfferReport, Restored, Services};
use crate::config::Environment;
use crate::domain::search::{SearchRequest, SearchResponse};
use crate::domain::settings::{self, Kept, Origin, Setting, SettingNow};
use crate::domain::status::StatusSnapshot;
use crate::domain::{DocumentId, DocumentLinks, DocumentView, EventId};
use crate::health::StatusWorker;
use crate::health::gather::{EMBEDDING_PAUSED, INTAKE_PAUSED};
use crate::ingest::intake::IntakeOffer;
use crate::search::service::{Alike, Who, Wishes};
use crate::store::{DeletedDocument, DeletedOf, RetireReason};
use crate::telemetry::log;

use super::wiring::House;

/// A search that takes longer is given up: the store hangs, and whoever types should know.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);

/// A list on the screen: what is alike in one row, and how many there are.
const WISHES: Wishes = Wishes { alike: Alike::Together, count: true };

/// Documents of one deletion that come back at once.
const MOST_RESTORED: u32 = 100_000;

/// The services of one process.
pub struct HouseServices {
    house: Arc<House>,
    status: Arc<StatusWorker>,
    runtime: Handle,
}

impl HouseServices {
    /// Services over `house` that show the pictures of `status`. Call on the background runtime.
    #[must_use]
    pub fn start(house: &Arc<House>, status: &Arc<StatusWorker>) -> Arc<dyn Services> {
        Arc::new(Self { house: Arc::clone(house), status: Arc::clone(status), runtime: Handle::current() })
    }

    /// Runs a call on the background runtime and turns its error into a sentence.
    async fn call<T, E, F>(&self, work: impl FnOnce(Arc<House>) -> F) -> Result<T, String>
    where
        T: Send + 'static,
        E: std::fmt::Display + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let task = self.runtime.spawn(work(Arc::clone(&self.house)));
        match task.await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(error) => Err(format!("the program made a mistake; the crash report tells more ({error})")),
        }
    }

    /// As `call`, and the next status picture comes at once.
    async fn change<T, E, F>(&self, work: impl FnOnce(Arc<House>) -> F) -> Result<T, String>
    where
        T: Send + 'static,
        E: std::fmt::Display + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let answer = self.call(work).await;
        self.status.refresh().notify_one();
        answer
    }
}

/// As `peanut restore` does: of files that are gone it is noted first, or the next look would take the documents away again.
async fn bring_back(house: &House, deleted: Vec<DeletedDocument>) -> Result<Restored, String> {
    let gone = house.intake.note_gone(&deleted).await.map_err(|error| error.to_string())?;
    let ids: Vec<DocumentId> = deleted.into_iter().map(|document| document.id).collect();
    let documents = house.recorder.restore(&ids, house.clock.now()).await.map_err(|error| error.to_string())?;
    Ok(Restored { documents, gone_files: gone.len() as u64 })
}

fn report(offer: IntakeOffer) -> OfferReport {
    OfferReport { queued: offer.queued, unchanged: offer.unchanged, refused: offer.refused }
}

#[async_trait]
impl Services for HouseServices {
    fn status(&self) -> watch::Receiver<Arc<StatusSnapshot>> {
        self.status.picture()
    }

    async fn search(&self, request: SearchRequest) -> Result<SearchResponse, String> {
        self.call(|house| async move {
            let answer =
                tokio::time::timeout(SEARCH_TIMEOUT, house.search.search_as(Who::Here, &request, WISHES)).await;
            let late = |_| format!("the store did not answer within {} s; try again", SEARCH_TIMEOUT.as_secs());
            answer.map_err(late)?.map_err(|error| error.to_string())
        })
        .await
    }

    async fn more_like(&self, id: DocumentId, limit: usize) -> Result<SearchResponse, String> {
        self.call(move |house| async move { house.search.more_like(id, limit).await }).await
    }

    async fn document(&self, id: DocumentId) -> Result<DocumentView, String> {
        self.call(move |house| async move { house.store.document(id).await }).await
    }

    async fn links(&self, id: DocumentId) -> Result<DocumentLinks, String> {
        self.call(move |house| async move { house.store.links(id).await }).await
    }

    async fn delete(&self, ids: Vec<DocumentId>) -> Result<u64, String> {
        self.change(
            move |house| async move { house.recorder.retire(&ids, RetireReason::Deleted, house.clock.now()).await },
        )
        .await
    }

    async fn restore(&self, ids: Vec<DocumentId>) -> Result<Restored, String> {
        self.change(move |house| async move {
            let wanted = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            let deleted = house.store.deleted(DeletedOf::Ids(&ids), wanted).await.map_err(|error| error.to_string())?;
            if deleted.is_empty() && !ids.is_empty() {
                let text = "not deleted by you: its file no longer holds it; put it back and add it again";
                return Err(text.to_owned());
            }
            bring_back(&house, deleted).await
        })
        .await
    }

    async fn restore_last(&self) -> Result<Restored, String> {
        self.change(|house| async move {
            let deleted = house.store.deleted(DeletedOf::Last, MOST_RESTORED).await;
            bring_back(&house, deleted.map_err(|error| error.to_string())?).await
        })
        .await
    }

    async fn offer_paths(&self, paths: Vec<String>) -> Result<OfferReport, String> {
        self.change(move |house| async move { house.intake.offer_paths(&paths).await.map(report) }).await
    }

    async fn write_note(&self, title: String, text: String) -> Result<DocumentId, String> {
        self.change(move |house| async move { house.intake.write_note(&title, &text).await }).await
    }

    async fn add_folder(&self, path: String, excludes: Vec<String>) -> Result<OfferReport, String> {
        self.change(move |house| async move { house.intake.add_folder(&path, excludes).await.map(report) }).await
    }

    async fn remove_folder(&self, path: String) -> Result<(), String> {
        self.change(move |house| async move { house.intake.remove_folder(&path).await }).await
    }

    async fn pause_intake(&self, paused: bool) -> Result<(), String> {
        self.put_setting(INTAKE_PAUSED.to_owned(), paused.to_string()).await.map(drop)
    }

    async fn pause_embedding(&self, paused: bool) -> Result<(), String> {
        self.put_setting(EMBEDDING_PAUSED.to_owned(), paused.to_string()).await.map(drop)
    }

    async fn retry_file(&self, path: String) -> Result<(), String> {
        self.change(move |house| async move { house.intake.retry_file(&path).await }).await
    }

    async fn retry_dead_letter(&self, id: i64) -> Result<(), String> {
        self.change(move |house| async move { house.store.retry_dead_letter(id, house.clock.now()).await }).await
    }

    async fn discard_dead_letter(&self, id: i64) -> Result<(), String> {
        self.change(move |house| async move { house.store.discard_dead_letter(id).await }).await
    }

    async fn retry_event(&self, id: EventId) -> Result<(), String> {
        let wake = Arc::clone(&self.house.relay_wake);
        let answer = self.change(move |house| async move { house.store.retry_event(id).await }).await;
        wake.notify_one();
        answer
    }

    async fn skip_event(&self, id: EventId) -> Result<(), String> {
        self.change(move |house| async move { house.store.skip_event(id, house.clock.now()).await }).await
    }

    async fn settings(&self) -> Result<Vec<SettingNow>, String> {
        let stored = self.call(|house| async move { house.store.settings().await }).await?;
        let now = |setting: &'static Setting| {
            let value = stored.iter().find(|(name, _)| name == setting.name).map(|(_, value)| value.clone());
            let origin = if value.is_some() { Origin::Store } else { Origin::Default };
            let value = value.unwrap_or_else(|| setting.default.to_owned());
            SettingNow { setting, value, next: None, is_writable: true, origin, file: String::new() }
        };
        let mut all: Vec<SettingNow> = settings::in_store().map(now).collect();
        let house = Arc::clone(&self.house);
        let read = move || house.config.settings_and_next(&Environment::of_process());
        all.extend(self.runtime.spawn_blocking(read).await.map_err(|error| error.to_string())?);
        Ok(all)
    }

    async fn put_setting(&self, key: String, value: String) -> Result<String, String> {
        let known = settings::setting(&key).ok_or_else(|| format!("there is no setting {key}"))?;
        known.check(&value).map_err(|error| error.to_string())?;
        let told = format!("{key} = {value}{}", if known.is_live() { "" } else { ": after restart" });
        if known.kept != Kept::Store {
            let house = Arc::clone(&self.house);
            let write = move || house.config.put_in_file(known, &value, &Environment::of_process());
            let written = self.runtime.spawn_blocking(write).await.map_err(|error| error.to_string())?;
            return written.map(|()| told).map_err(|error| error.to_string());
        }
        let answer = self
            .change(move |house| async move { house.store.put_setting(&key, &value, house.clock.now()).await })
            .await;
        self.house.settings_changed().await;
        answer.map(|()| told)
    }

    async fn log_tail(&self, lines: usize) -> Result<Vec<LogLine>, String> {
        let folder = self.house.config.log_dir();
        let task = self.runtime.spawn_blocking(move || log::tail(&folder, lines));
        let lines =
            task.await.map_err(|error| error.to_string())?.map_err(|error| format!("cannot read the log: {error}"))?;
        Ok(lines.iter().map(|line| log_line(line)).collect())
    }
}

/// A JSON line as the Log screen shows it; a line that is none is shown as it is.
fn log_line(line: &str) -> LogLine {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_str(line) else {
        return LogLine {
            timestamp: String::new(),
            level: String::new(),
            target: String::new(),
            text: line.to_owned(),
        };
    };
    let mut take = |name: &str| match fields.remove(name) {
        Some(serde_json::Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let (timestamp, level, target, event) = (take("timestamp"), take("level"), take("target"), take("event"));
    fields.remove("service");
    let rest: Vec<String> = fields
        .into_iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    LogLine { timestamp, level, target, text: format!("{event} {}", rest.join(" ")).trim_end().to_owned() }
}
