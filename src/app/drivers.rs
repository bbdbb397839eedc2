//! Carries out effects: asks the services, sends the answers back as events. The only part of `app` that does IO.
//!
//! Searches go through one slot where the newest wins; everything else is a short task of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use crate::domain::search::SearchRequest;
use crate::domain::{DocumentId, DocumentView};

use super::effect::Effect;
use super::event::Event;
use super::ports::Services;

/// Keys come in bursts: a search waits this long for the next one.
const DEBOUNCE: Duration = Duration::from_millis(25);
/// Lines of the log that are read.
const LOG_LINES: usize = 2_000;
/// Completions that are listed.
const COMPLETIONS: usize = 12;

type Slot = Option<(u64, SearchRequest)>;

/// The drivers of one app.
pub struct Drivers {
    services: Arc<dyn Services>,
    events: mpsc::Sender<Event>,
    newest: watch::Sender<Slot>,
    /// What changes something and is not done yet.
    changes: TaskTracker,
}

impl Drivers {
    /// Drivers that ask `services` and answer into `events`. Call on the screen's runtime.
    #[must_use]
    pub fn new(services: Arc<dyn Services>, events: mpsc::Sender<Event>) -> Self {
        let newest = watch::Sender::new(None);
        tokio::spawn(search_loop(Arc::clone(&services), events.clone(), newest.subscribe()));
        Self { services, events, newest, changes: TaskTracker::new() }
    }

    /// Starts what an effect asks for; its answer comes as an event.
    pub fn run(&self, effect: Effect) {
        if let Effect::Search { generation, request } = effect {
            self.newest.send_replace(Some((generation, request)));
            return;
        }
        let (services, events) = (Arc::clone(&self.services), self.events.clone());
        let changes = changes(&effect);
        let work = async move {
            if let Some(event) = answer(&*services, effect).await {
                // A closed channel means that the app is gone.
                let _ = events.send(event).await;
            }
        };
        if changes {
            self.changes.spawn(work);
        } else {
            tokio::spawn(work);
        }
    }

    /// Returns when everything that changes something is done: what somebody asked for before leaving is not dropped.
    /// The answers must be taken meanwhile.
    pub async fn settled(&self) {
        self.changes.close();
        self.changes.wait().await;
    }
}

async fn search_loop(services: Arc<dyn Services>, events: mpsc::Sender<Event>, mut newest: watch::Receiver<Slot>) {
    while newest.changed().await.is_ok() {
        tokio::time::sleep(DEBOUNCE).await;
        let Some((generation, request)) = newest.borrow_and_update().clone() else { continue };
        let result = services.search(request).await;
        if events.send(Event::Searched { generation, result }).await.is_err() {
            return;
        }
    }
}

fn changes(effect: &Effect) -> bool {
    !matches!(
        effect,
        Effect::MoreLike { .. }
            | Effect::LoadDocument(_)
            | Effect::LoadLinks(_)
            | Effect::LoadThread { .. }
            | Effect::LoadSettings
            | Effect::LoadLog
            | Effect::CompletePath(_)
    )
}

fn finished(result: Result<(), String>, text: &str) -> Event {
    Event::Finished(result.map(|()| text.to_owned()))
}

async fn answer(services: &dyn Services, effect: Effect) -> Option<Event> {
    Some(match effect {
        Effect::MoreLike { generation, id } => Event::Searched { generation, result: services.more_like(id, 30).await },
        Effect::LoadDocument(id) => Event::DocumentLoaded { id, result: services.document(id).await.map(Box::new) },
        Effect::LoadLinks(id) => Event::LinksLoaded { id, result: services.links(id).await },
        Effect::LoadThread { open, messages } => Event::ThreadLoaded { open, result: thread(services, messages).await },
        Effect::Delete(ids) => Event::Deleted { result: services.delete(ids.clone()).await, ids },
        Effect::Restore(ids) => Event::Restored { result: services.restore(ids.clone()).await, ids },
        Effect::RestoreLast => Event::Restored { result: services.restore_last().await, ids: Vec::new() },
        Effect::Offer(paths) => Event::Offered(services.offer_paths(paths).await),
        Effect::AddFolder { path, excludes } => Event::Offered(services.add_folder(path, excludes).await),
        Effect::RemoveFolder(path) => finished(services.remove_folder(path).await, "no longer watched"),
        Effect::WriteNote { title, text } => Event::NoteWritten(services.write_note(title, text).await.map(|_| ())),
        Effect::PauseIntake(paused) => {
            finished(services.pause_intake(paused).await, if paused { "intake paused" } else { "intake goes on" })
        }
        Effect::PauseEmbedding(paused) => {
            let text = if paused { "background embedding paused" } else { "background embedding goes on" };
            finished(services.pause_embedding(paused).await, text)
        }
        Effect::RetryFile(path) => finished(services.retry_file(path).await, "queued again"),
        Effect::RetryDeadLetter(id) => finished(services.retry_dead_letter(id).await, "queued again"),
        Effect::DiscardDeadLetter(id) => finished(services.discard_dead_letter(id).await, "forgotten"),
        Effect::RetryEvent(id) => finished(services.retry_event(id).await, "will be delivered again"),
        Effect::SkipEvent(id) => finished(services.skip_event(id).await, "skipped"),
        Effect::LoadSettings => Event::SettingsLoaded(services.settings().await),
        Effect::PutSetting { key, value } => {
            let result = services.put_setting(key.clone(), value.clone()).await;
            Event::SettingPut { name: key, value, result }
        }
        Effect::LoadLog => Event::LogLoaded(services.log_tail(LOG_LINES).await),
        Effect::CompletePath(typed) => {
            let wanted = typed.clone();
            let completed = tokio::task::spawn_blocking(move || completions(&wanted)).await.unwrap_or_default();
            Event::PathCompleted { typed, completed }
        }
        Effect::Search { .. }
        | Effect::Copy(_)
        | Effect::Edit { .. }
        | Effect::Page(_)
        | Effect::KeepDraft(_)
        | Effect::RememberSearch(_)
        | Effect::DiscardDraft(_)
        | Effect::Redraw
        | Effect::Suspend
        | Effect::Quit => return None,
    })
}

/// One after the other: a thread is read by one person.
async fn thread(services: &dyn Services, messages: Vec<DocumentId>) -> Result<Vec<DocumentView>, String> {
    let mut loaded = Vec::with_capacity(messages.len());
    for id in messages {
        loaded.push(services.document(id).await?);
    }
    Ok(loaded)
}

/// Files and folders whose path begins with what is typed.
fn completions(typed: &str) -> Vec<String> {
    let home = std::env::home_dir().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default();
    let path = typed.strip_prefix('~').map_or_else(|| typed.to_owned(), |rest| format!("{home}{rest}"));
    let (folder, start) = path.rsplit_once('/').map_or((".", path.as_str()), |(folder, start)| (folder, start));
    let shown = &typed[..typed.len() - start.len()];
    let folder = if folder.is_empty() { "/" } else { folder };
    let Ok(entries) = std::fs::read_dir(Path::new(folder)) else { return Vec::new() };
    let mut found: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let wanted = name.starts_with(start) && (!name.starts_with('.') || start.starts_with('.'));
            let slash = if entry.path().is_dir() { "/" } else { "" };
            wanted.then(|| format!("{shown}{name}{slash}"))
        })
        .collect();
    found.sort();
    found.truncate(COMPLETIONS);
    found
}
