//! From files to found, through the whole house on a real store: the defects of Peanut's predecessor, each a test that
//! would have caught it (numbers as in `docs/DEFECTS.md`), and what users expect of watched folders.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use peanut::config::{Config, Environment, Overrides};
use peanut::domain::health::{WorkerRecord, WorkerState};
use peanut::domain::intake::FileState;
use peanut::domain::search::{SearchMode, SearchRequest, SearchResponse};
use peanut::domain::status::StatusSnapshot;
use peanut::graph::check;
use peanut::runtime::shutdown::Shutdown;
use peanut::runtime::wiring::{House, RunningWorkers, WorkerSet};
use tempfile::TempDir;

struct Running {
    house: House,
    workers: RunningWorkers,
    shutdown: Shutdown,
}

fn config(data: &Path) -> Config {
    let overrides = Overrides { data_dir: Some(data.to_owned()), ..Overrides::default() };
    Config::load(&overrides, &Environment::of(&[("HOME", "/nowhere"), ("PEANUT_MODEL", "static")])).unwrap()
}

impl Running {
    async fn start(data: &Path) -> Self {
        let house = House::open(config(data)).await.unwrap();
        let shutdown = Shutdown::new();
        let workers = house.try_start_workers(&shutdown, WorkerSet::All).await.unwrap().unwrap();
        Self { house, workers, shutdown }
    }

    /// Waits for a picture that passes; a test that never sees it fails with the last one.
    async fn until(&self, what: &str, test: impl Fn(&StatusSnapshot) -> bool) -> Arc<StatusSnapshot> {
        let mut pictures = self.house.status().picture();
        let waiting = async {
            loop {
                let picture = Arc::clone(&pictures.borrow_and_update());
                if test(&picture) {
                    return picture;
                }
                pictures.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), waiting).await {
            Ok(picture) => picture,
            Err(late) => panic!("never saw {what} ({late}): {:?}", self.house.status().picture().borrow().intake),
        }
    }

    async fn settled(&self, documents: u64) -> Arc<StatusSnapshot> {
        let what = format!("{documents} documents and an empty outbox");
        let at_rest = |s: &StatusSnapshot| s.store.documents == documents && s.outbox.pending == 0 && waiting(s) == 0;
        self.until(&what, at_rest).await
    }

    async fn search(&self, query: &str) -> SearchResponse {
        let request = SearchRequest { query: query.into(), limit: 10, mode: SearchMode::Words };
        self.house.search.search(&request).await.unwrap()
    }

    async fn titles(&self, query: &str) -> Vec<String> {
        self.search(query).await.hits.into_iter().map(|hit| hit.title).collect()
    }

    async fn offer(&self, path: &Path) {
        let offer = self.house.intake.offer_paths(&[path.to_str().unwrap().to_owned()]).await.unwrap();
        assert!(offer.refused.is_empty(), "{:?}", offer.refused);
    }

    async fn stop(self) {
        let graph = check::compare(&self.house.store, &*self.house.graph_reader).await.unwrap();
        assert!(graph.is_equal(), "{:?}", graph.differences());
        let sound = self.house.store.verify().await.unwrap();
        assert_eq!(sound.problems, Vec::<String>::new());
        self.shutdown.advance();
        self.workers.join(&self.shutdown).await;
        self.house.close().await;
    }
}

fn waiting(status: &StatusSnapshot) -> u64 {
    let counts = status.intake.files_by_state.iter();
    counts.filter(|(state, _)| matches!(state, FileState::Queued | FileState::Parsing)).map(|(_, count)| count).sum()
}

fn adds_up(status: &StatusSnapshot) {
    let items = &status.intake.items;
    let sum = items.documents + items.duplicates + items.unchanged + items.dead_letters + items.skipped;
    assert_eq!(items.seen, sum, "{items:?}");
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

fn folders() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (data, source) = (folder.path().join("data"), folder.path().join("source"));
    std::fs::create_dir_all(&source).unwrap();
    (folder, data, source)
}

fn message(id: &str, parent: Option<&str>, body: &str) -> String {
    let parent = parent.map_or(String::new(), |parent| format!("In-Reply-To: <{parent}>\n"));
    format!(
        "From x@x.org Thu Jan  1 00:00:00 2024\nFrom: Ann <ann@x.org>\nTo: bob@x.org\nCc: Carol <carol@x.org>\n\
         Subject: About {id}\nDate: Thu, 1 Feb 2024 10:00:00 +0000\nMessage-ID: <{id}>\n{parent}\n{body}\n\n"
    )
}

/// 1 and 2: what lies in the drop zone at the start is taken in, text files as well.
#[tokio::test(flavor = "multi_thread")]
async fn defects_1_and_2_the_drop_zone_is_read_at_the_start() {
    let (_folder, data, _) = folders();
    write(&data.join("drop"), "early.txt", "Quokkas smile at dawn.");
    let running = Running::start(&data).await;
    running.settled(1).await;
    write(&data.join("drop"), "late.md", "# Late\n\nWombats dig at dusk.");
    running.settled(2).await;
    assert_eq!(running.titles("wombats").await, ["Late"]);
    running.stop().await;
}

/// 1: nothing is lost while intake is paused.
#[tokio::test(flavor = "multi_thread")]
async fn defect_1_pausing_loses_nothing() {
    let (_folder, data, _) = folders();
    write(&data.join("drop"), ".pause", "");
    write(&data.join("drop"), "a.txt", "Echidnas wait.");
    let running = Running::start(&data).await;
    running.until("a queued file", |status| waiting(status) == 1 && status.intake_paused.is_some()).await;
    std::fs::remove_file(data.join("drop/.pause")).unwrap();
    running.settled(1).await;
    running.stop().await;
}

/// 9: a changed file replaces its document, a moved one keeps it, a vanished one retires it.
#[tokio::test(flavor = "multi_thread")]
async fn defect_9_changed_moved_and_deleted_files_are_followed() {
    let (_folder, data, source) = folders();
    write(&source, "one.md", "# One\n\nfirst version about narwhals");
    write(&source, "two.md", "# Two\n\nabout walruses");
    let running = Running::start(&data).await;
    running.house.intake.add_folder(source.to_str().unwrap(), vec!["*.bak".into()]).await.unwrap();
    running.settled(2).await;
    let before = running.search("walruses").await.hits[0].document_id;
    write(&source, "one.md", "# One\n\nsecond version about belugas");
    write(&source, "left.bak", "about belugas too");
    std::fs::rename(source.join("two.md"), source.join("renamed.md")).unwrap();
    running
        .until("the changes", |status| {
            status.store.documents == 2
                && status.files.iter().any(|file| file.path.ends_with("renamed.md"))
                && waiting(status) == 0
        })
        .await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while running.titles("belugas").await != ["One"] {
        assert!(tokio::time::Instant::now() < deadline, "the change never showed");
        running.until("another picture", |_| true).await;
        tokio::task::yield_now().await;
    }
    assert!(running.titles("narwhals").await.is_empty());
    let after = running.search("walruses").await;
    assert_eq!(after.hits.len(), 1);
    assert_eq!(after.hits[0].document_id, before, "a moved file keeps its document");
    std::fs::remove_file(source.join("one.md")).unwrap();
    running.settled(1).await;
    assert!(running.titles("belugas").await.is_empty());
    assert_eq!(running.titles("belugas is:deleted").await, ["One"]);
    running.stop().await;
}

/// 8, 10, 12: people, dates, subjects, threads and HTML-only bodies of mail; nobody without an address.
#[tokio::test(flavor = "multi_thread")]
async fn defects_8_10_and_12_mail_is_whole() {
    let (_folder, data, source) = folders();
    let html = "From x@x.org Thu Jan  1 00:00:00 2024\nFrom: =?unknown-8bit?Q?J=F6rg?= <joerg@x.org>\nTo: ann@x.org\n\
        Subject: Rechnung\nMessage-ID: <h@x>\nDate: Fri, 2 Feb 2024 10:00:00 +0000\nContent-Type: text/html; charset=utf-8\n\n\
        <p>Der <b>Betrag</b> ist offen</p>\n\n";
    let archive =
        format!("{}{}{html}", message("a@x", None, "narwhal"), message("b@x", Some("a@x"), "> narwhal\n\nbeluga"));
    write(&source, "m.mbox", &archive);
    write(&source, "note.md", "nobody wrote this");
    let running = Running::start(&data).await;
    running.offer(&source).await;
    let status = running.settled(4).await;
    adds_up(&status);
    assert_eq!(status.store.persons, 4, "ann, bob, carol, joerg and nobody else");
    assert_eq!(running.titles("betrag").await, ["Rechnung"]);
    assert_eq!(running.titles("subject:rechnung date:2024-02-02").await, ["Rechnung"]);
    assert_eq!(running.titles("narwhal").await, ["About a@x"], "a quote does not drown the search");
    assert_eq!(running.titles("to:carol beluga").await, ["About b@x"]);
    let reply = running.search("beluga").await.hits[0].document_id;
    assert_eq!(running.house.store.document(reply).await.unwrap().thread.len(), 2);
    running.stop().await;
}

/// 13: a PDF without text stays where it is and says why.
#[tokio::test(flavor = "multi_thread")]
async fn defect_13_what_cannot_be_read_stays_and_says_why() {
    let (_folder, data, source) = folders();
    let broken = write(&source, "broken.pdf", "%PDF-1.4\nnothing that could be read");
    write(&source, "empty.txt", "");
    write(&source, "image.txt", "\u{89}PNG is not this");
    write(&source, "good.txt", "Readable all the same.");
    std::fs::write(source.join("picture.png"), b"\x89PNG\r\n\x1a\n0000").unwrap();
    let running = Running::start(&data).await;
    running.offer(&source).await;
    let status =
        running.until("every file's end", |status| waiting(status) == 0 && status.intake.items.seen >= 5).await;
    adds_up(&status);
    let record = running.house.store.file(broken.to_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(record.state, FileState::Failed);
    assert!(record.reason.unwrap().contains("damaged"));
    assert!(broken.exists());
    let picture = running.house.store.file(source.join("picture.png").to_str().unwrap()).await.unwrap().unwrap();
    assert_eq!((picture.state, picture.reason.unwrap().contains("PNG")), (FileState::Skipped, true));
    running.settled(2).await;
    running.stop().await;
}

/// An archive that grew is read from where the last scan ended; one offered again unchanged is not read at all.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_grows_is_read_from_its_new_tail() {
    let (_folder, data, source) = folders();
    let archive = write(&source, "m.mbox", &format!("{}{}", message("a@x", None, "one"), message("b@x", None, "two")));
    let running = Running::start(&data).await;
    running.offer(&archive).await;
    running.settled(2).await;
    let again = running.house.intake.offer_paths(&[archive.to_str().unwrap().to_owned()]).await.unwrap();
    assert_eq!((again.queued, again.unchanged), (0, 1));
    let mut text = std::fs::read_to_string(&archive).unwrap();
    text.push_str(&message("c@x", Some("a@x"), "three"));
    std::fs::write(&archive, text).unwrap();
    running.offer(&archive).await;
    let status = running.settled(3).await;
    let file = status.files.iter().find(|file| file.path.ends_with("m.mbox")).unwrap();
    assert_eq!(file.items.seen, 1, "only the new message was read");
    running.stop().await;
}

/// The same content twice is one document; every file is accounted for.
#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_counted_not_stored() {
    let (_folder, data, source) = folders();
    for n in 0..300 {
        write(&source, &format!("n/{n}.md"), &format!("# Note {n}\n\nabout subject {}", n % 200));
    }
    write(&source, "copy/7.md", "# Note 7\n\nabout subject 7");
    let running = Running::start(&data).await;
    running.offer(&source).await;
    let status = running.settled(300).await;
    adds_up(&status);
    assert_eq!(status.intake.items.duplicates, 1);
    running.stop().await;
}

/// A note is found by its words the moment it is stored, and comes back after it was deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_found_at_once_deleted_and_restored() {
    let (_folder, data, _) = folders();
    let running = Running::start(&data).await;
    let id = running.house.intake.write_note("Groceries", "Buy durian and tamarind #errand").await.unwrap();
    assert_eq!(running.titles("tamarind tag:errand").await, ["Groceries"]);
    let now = running.house.clock.now();
    let reason = peanut::store::RetireReason::Deleted;
    assert_eq!(running.house.recorder.retire(&[id], reason, now).await.unwrap(), 1);
    assert!(running.titles("tamarind").await.is_empty());
    assert_eq!(running.house.recorder.restore(&[id], now).await.unwrap(), 1);
    assert_eq!(running.titles("tamarind").await, ["Groceries"]);
    running.settled(1).await;
    running.stop().await;
}

/// Typing errors, forced legs, and the promise that a weight of 0 or 1 is exactly one leg's order.
#[tokio::test(flavor = "multi_thread")]
async fn search_corrects_forces_and_weighs() {
    let (_folder, data, source) = folders();
    for (name, text) in
        [("cats", "Cats purr and sleep"), ("dogs", "Dogs bark at cats"), ("cars", "Engines burn petrol quickly")]
    {
        write(&source, &format!("{name}.txt"), &format!("{text}.\nMore {name} text follows here."));
    }
    let running = Running::start(&data).await;
    running.offer(&source).await;
    running.settled(3).await;
    assert_eq!(running.search("petrl").await.did_you_mean.as_deref(), Some("petrol"));
    let order = async |query: &str, mode| {
        let request = SearchRequest { query: query.into(), limit: 10, mode };
        let hits = running.house.search.search(&request).await.unwrap().hits;
        hits.into_iter().map(|hit| hit.title).collect::<Vec<_>>()
    };
    let (words, vectors) = (order("cats", SearchMode::Words).await, order("cats", SearchMode::Vectors).await);
    let store = &running.house.store;
    for (weight, expected) in [("0", &words), ("1", &vectors)] {
        store.put_setting("search.vector_weight", weight, running.house.clock.now()).await.unwrap();
        running.house.settings_changed().await;
        let hybrid = order("cats", SearchMode::Hybrid).await;
        assert_eq!(hybrid[..expected.len()], expected[..], "weight {weight}");
    }
    assert_eq!(order("lex:cats", SearchMode::Vectors).await, words);
    assert!(running.search("cats -bark").await.hits.iter().all(|hit| !hit.snippet.text.contains("bark")));
    running.stop().await;
}

/// A killed process leaves files in hand under a lease of minutes; whoever takes the lock next goes on at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_held_is_taken_over_at_once() {
    let (_folder, data, source) = folders();
    let note = write(&source, "held.md", "# Held\n\nabout pangolins");
    let house = House::open(config(&data)).await.unwrap();
    house.intake.offer_paths(&[note.to_str().unwrap().to_owned()]).await.unwrap();
    let lease = Duration::from_secs(3600);
    let held = house.store.claim_files("killed", 1, lease, house.clock.now()).await.unwrap();
    assert_eq!(held.len(), 1, "as a worker that is killed while it reads");
    let sign_of_life = WorkerRecord {
        name: "ingest".into(),
        host: "here".into(),
        pid: 1,
        state: WorkerState::Busy,
        detail: String::new(),
        restarts: 0,
        heartbeat_at: house.clock.now(),
    };
    house.store.put_worker(&sign_of_life).await.unwrap();
    house.close().await;
    let running = Running::start(&data).await;
    let picture = running.settled(1).await;
    assert!(picture.workers.iter().all(|worker| worker.pid == std::process::id()), "{:?}", picture.workers);
    assert_eq!(running.titles("pangolins").await, ["Held"]);
    running.stop().await;
}
