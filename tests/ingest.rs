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
use sha2::Digest as _;
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
        let request = SearchRequest { query: query.into(), limit: 10, offset: 0, mode: SearchMode::Words };
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
    assert_eq!(
        running.titles("narwhal").await,
        ["About a@x", "About b@x"],
        "a quote is found, and ranks below what it quotes"
    );
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
        let request = SearchRequest { query: query.into(), limit: 10, offset: 0, mode };
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

/// Files with which the program ended again and again are read one after the other; one that ended it once too often is
/// not read any more, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_program_ended_with_is_read_alone_and_then_no_more() {
    let (_folder, data, source) = folders();
    for name in ["a.md", "b.md", "c.md"] {
        write(&source, name, &format!("# {name}\n\nabout quokkas"));
    }
    let last = write(&source, "last.md", "# Last\n\nabout quokkas");
    let house = House::open(config(&data)).await.unwrap();
    // As processes do that are killed with them in hand, before anything comes of them.
    let ends_with = async |paths: &[&Path], times: u32| {
        for path in paths {
            house.intake.offer_paths(&[path.to_str().unwrap().to_owned()]).await.unwrap();
        }
        for _ in 0..times {
            house.store.claim_files("killed", 10, Duration::ZERO, house.clock.now()).await.unwrap();
        }
    };
    ends_with(&[&last], 2).await;
    ends_with(&[&source.join("a.md"), &source.join("b.md"), &source.join("c.md")], 3).await;
    house.close().await;
    let running = Running::start(&data).await;
    running.settled(3).await;
    assert_eq!(running.search("quokkas").await.hits.len(), 3);
    let record = running.house.store.file(last.to_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(record.state, FileState::Failed);
    assert!(record.reason.unwrap().contains("the program ended 5 times"), "its content was fine, but who knows that?");
    // By hand it is read again.
    running.house.intake.retry_file(last.to_str().unwrap()).await.unwrap();
    running.settled(4).await;
    running.stop().await;
}

impl Running {
    /// Names paths, and waits until nothing is queued.
    async fn take_in(&self, path: &Path) {
        self.house.intake.offer_paths(&[path.to_str().unwrap().to_owned()]).await.unwrap();
        self.idle().await;
    }

    /// Waits until no file is queued or in hand, in the store itself.
    async fn idle(&self) {
        let mut pictures = self.house.status().picture();
        loop {
            pictures.borrow_and_update();
            let counts = self.house.store.intake_counts().await.unwrap();
            let mut states = counts.files_by_state.iter().map(|(state, _)| state);
            if !states.any(|state| matches!(state, FileState::Queued | FileState::Parsing)) {
                return;
            }
            let change = tokio::time::timeout(Duration::from_secs(60), pictures.changed()).await;
            change.unwrap_or_else(|_| panic!("never came to rest: {counts:?}")).unwrap();
        }
    }

    async fn is_found(&self, word: &str) -> bool {
        !self.search(word).await.hits.is_empty()
    }

    async fn row(&self, path: &Path) -> peanut::domain::intake::FileRecord {
        self.house.store.file(path.to_str().unwrap()).await.unwrap().unwrap()
    }

    async fn live(&self, path: &Path) -> usize {
        self.house.store.documents_of_file(path.to_str().unwrap()).await.unwrap().len()
    }
}

/// Renaming, then editing: the document keeps its id, and what is edited is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_and_edited_note_stays() {
    let (_folder, data, source) = folders();
    let (old, new) = (source.join("a.md"), source.join("b.md"));
    write(&source, "a.md", "plain kudu");
    write(&source, "sub/c.md", "plain gnu");
    let running = Running::start(&data).await;
    running.take_in(&source).await;
    let id = running.search("kudu").await.hits[0].document_id;
    std::fs::rename(&old, &new).unwrap();
    std::fs::rename(source.join("sub"), source.join("moved")).unwrap();
    running.take_in(&source).await;
    for text in ["plain kudu, later a leopard", "a third edit of the kudu with a meerkat"] {
        std::fs::write(&new, text).unwrap();
        std::fs::write(source.join("moved/c.md"), format!("{text}, and a gnu")).unwrap();
        running.take_in(&source).await;
        assert_eq!((running.live(&new).await, running.live(&source.join("moved/c.md")).await), (1, 1));
        let hits = running.search("kudu -gnu").await.hits;
        assert_eq!((hits.len(), hits[0].document_id), (1, id));
    }
    assert!(running.is_found("meerkat").await && !running.is_found("leopard").await);
    assert_eq!(running.row(&old).await.state, FileState::Retired);
    running.settled(2).await;
    running.stop().await;
}

/// What a file no longer holds is found no more: emptied, overwritten by a picture, deleted, gone with its folder.
#[tokio::test(flavor = "multi_thread")]
async fn what_files_hold_no_more_is_found_no_more() {
    let (_folder, data, source) = folders();
    let emptied = write(&source, "emptied.md", "about a coyote");
    let picture = write(&source, "picture.txt", "about a dingo");
    let deleted = write(&source, "deleted.md", "about a jackal");
    write(&source, "folder/gone.md", "about a wolf");
    let archive =
        write(&source, "m.mbox", &format!("{}{}", message("a@x", None, "hyena"), message("b@x", None, "fox")));
    let running = Running::start(&data).await;
    running.take_in(&source).await;
    std::fs::write(&emptied, "").unwrap();
    std::fs::write(&picture, b"\x89PNG\r\n\x1a\n0000").unwrap();
    std::fs::remove_file(&deleted).unwrap();
    std::fs::remove_dir_all(source.join("folder")).unwrap();
    std::fs::write(&archive, message("b@x", None, "fox")).unwrap();
    running.take_in(&source).await;
    for word in ["coyote", "dingo", "jackal", "wolf", "hyena"] {
        assert!(!running.is_found(word).await, "{word}");
    }
    assert!(running.is_found("fox").await);
    let states = [(&emptied, FileState::Skipped), (&picture, FileState::Skipped), (&deleted, FileState::Retired)];
    for (path, state) in states {
        assert_eq!((running.row(path).await.state, running.live(path).await), (state, 0), "{}", path.display());
    }
    // Named alone, a file that is gone is retired too; one nobody knows is refused.
    std::fs::remove_file(&archive).unwrap();
    let offer = running.house.intake.offer_paths(&[archive.to_str().unwrap().to_owned()]).await.unwrap();
    assert_eq!((offer.retired, offer.refused.len()), (1, 0));
    let offer = running.house.intake.offer_paths(&["/nowhere/at/all".to_owned()]).await.unwrap();
    assert_eq!((offer.retired, offer.refused.len()), (0, 1));
    // What comes back is found again, under the same id.
    std::fs::write(&emptied, "about a coyote").unwrap();
    running.take_in(&source).await;
    assert!(running.is_found("coyote").await);
    running.settled(1).await;
    running.stop().await;
}

/// Of two equal files one goes: the other is found. The same of two equal mails in two archives.
#[tokio::test(flavor = "multi_thread")]
async fn the_copy_of_what_is_deleted_is_found() {
    let (_folder, data, source) = folders();
    for name in ["a.md", "b.md"] {
        write(&source, name, "# Same\n\nabout a tapir");
    }
    let (shared, own) = (message("m@x", None, "okapi"), message("n@x", None, "bongo"));
    write(&source, "a.mbox", &shared);
    write(&source, "b.mbox", &format!("{own}{shared}"));
    let running = Running::start(&data).await;
    running.take_in(&source).await;
    for word in ["tapir", "okapi"] {
        let hits = running.search(word).await.hits;
        assert_eq!(hits.len(), 1);
        std::fs::remove_file(&hits[0].source_path).unwrap();
    }
    // Either archive may have been first; with the second one its other mail is gone.
    let left = if source.join("b.mbox").exists() { 3 } else { 2 };
    running.take_in(&source).await;
    for word in ["tapir", "okapi"] {
        let hits = running.search(word).await.hits;
        assert_eq!(hits.len(), 1, "{word}");
        assert!(Path::new(&hits[0].source_path).exists());
    }
    running.settled(left).await;
    running.stop().await;
}

/// One Message-ID on different mails hides none of them; equal mails stay one, whatever the way wrote into them.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_id_hides_no_mail() {
    let (_folder, data, source) = folders();
    let mail = |from: &str, subject: &str, day: u32, body: &str| {
        format!(
            "From: {from}\nTo: you@x.org\nSubject: {subject}\nMessage-ID: <invoice-4711@shop.example>\n\
             Date: {day} Jan 2024 00:00:00 +0000\n\n{body}\n"
        )
    };
    write(&source, "1.eml", &mail("attacker@evil.example", "harmless", 1, "nothing here"));
    write(&source, "2.eml", &mail("shop@shop.example", "Your contract is cancelled", 2, "act before friday"));
    write(
        &source,
        "3.eml",
        &mail(
            "shop@shop.example",
            "Your contract is cancelled",
            2,
            "act before friday, says the list, and here is its footer",
        ),
    );
    write(&source, "4.eml", &mail("mailer-daemon@shop.example", "Returned", 3, "undeliverable"));
    let copy = mail("shop@shop.example", "Your contract is cancelled", 2, "act before friday");
    write(&source, "copy.eml", &format!("Received: by mx.example; 2 Jan 2024 00:00:07 +0000\nX-Label: Inbox\n{copy}"));
    let running = Running::start(&data).await;
    running.take_in(&source).await;
    for word in ["nothing", "friday", "footer", "undeliverable", "subject:harmless", "subject:returned"] {
        assert!(running.is_found(word).await, "{word}");
    }
    running.settled(4).await;
    // Of the two equal ones either may come first.
    let rows = [running.row(&source.join("2.eml")).await, running.row(&source.join("copy.eml")).await];
    let repeating: Vec<_> = rows.iter().filter(|row| row.state == FileState::Duplicate).collect();
    assert_eq!(repeating.len(), 1);
    assert!(repeating[0].reason.as_ref().unwrap().starts_with("same mail as "), "the bytes are not the same");
    // Read again, nothing changes.
    for name in ["1.eml", "2.eml", "3.eml", "4.eml", "copy.eml"] {
        running.house.intake.retry_file(source.join(name).to_str().unwrap()).await.unwrap();
    }
    running.idle().await;
    running.settled(4).await;
    running.stop().await;
}

/// Some programs write no blank line behind the last message. Once nobody writes to the archive any more that is no failure,
/// and what comes later is read all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_without_a_last_blank_line_is_whole_once_it_rests() {
    let (_folder, data, source) = folders();
    let running = Running::start(&data).await;
    let archive = format!("{}{}\n", message("1@x", None, "one"), message("2@x", None, "hyacinth").trim_end());
    let path = write(&source, "rests.mbox", &archive);
    let rests = |path: &Path| {
        let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    };
    rests(&path);
    running.take_in(&path).await;
    let row = running.row(&path).await;
    assert_eq!((row.state, row.items.dead_letters, row.items.documents), (FileState::Indexed, 0, 2));
    assert!(row.reason.unwrap().contains("blank line"));
    std::fs::write(&path, format!("{archive}and a peony\n\n{}", message("3@x", None, "three"))).unwrap();
    running.take_in(&path).await;
    assert_eq!((running.live(&path).await, running.titles("peony").await), (3, vec!["About 2@x".to_owned()]));
    running.settled(3).await;
    running.stop().await;
}

/// An archive that was read while it was written: its last message is read again, whole, however large the archive is.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_message_of_a_growing_archive_is_read_whole() {
    let (_folder, data, source) = folders();
    let running = Running::start(&data).await;
    for (name, long) in [("small", 1), ("large", 9000)] {
        let (first, second) = (
            message(&format!("1@{name}"), None, &"filler words ".repeat(long)),
            message(&format!("2@{name}"), None, ""),
        );
        let half = format!("{first}{}\nbegins with hyacinth{name}\n", second.trim_end());
        let path = write(&source, &format!("{name}.mbox"), &half);
        running.take_in(&path).await;
        assert!(running.is_found(&format!("hyacinth{name}")).await);
        let row = running.row(&path).await;
        assert!(row.items.dead_letters == 1 && row.reason.unwrap().contains("part could not be read"));
        let third = message(&format!("3@{name}"), None, &format!("rhododendron{name}"));
        std::fs::write(&path, format!("{half}ends with chrysanthemum{name}\n\n{third}")).unwrap();
        running.take_in(&path).await;
        assert_eq!(running.live(&path).await, 3);
        for word in ["hyacinth", "chrysanthemum"] {
            assert_eq!(running.titles(&format!("{word}{name}")).await, [format!("About 2@{name}")]);
        }
        assert!(running.is_found(&format!("rhododendron{name}")).await);
        // It pauses behind a blank line that is not the message's end.
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}and after a pause a peony{name}\n\n")).unwrap();
        running.take_in(&path).await;
        assert_eq!(running.live(&path).await, 3);
        assert_eq!(running.titles(&format!("peony{name}")).await, [format!("About 3@{name}")]);
    }
    running.settled(6).await;
    running.stop().await;
}

/// An edit that keeps size and times is noticed when the file is named; failed files are tried again when named.
#[tokio::test(flavor = "multi_thread")]
async fn a_named_file_is_judged_by_its_content() {
    let (_folder, data, source) = folders();
    let path = write(&source, "a.md", "about a heron");
    let broken = write(&source, "broken.pdf", "%PDF-1.4\nnothing");
    let running = Running::start(&data).await;
    running.take_in(&source).await;
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "about a stork").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    running.take_in(&path).await;
    assert!(running.is_found("stork").await && !running.is_found("heron").await);
    let again = running.house.intake.offer_paths(&[path.to_str().unwrap().to_owned()]).await.unwrap();
    assert_eq!((again.queued, again.unchanged), (0, 1));
    let again = running.house.intake.offer_paths(&[broken.to_str().unwrap().to_owned()]).await.unwrap();
    assert_eq!((again.queued, again.unchanged), (1, 0), "what failed is tried again");
    running.idle().await;
    running.settled(1).await;
    running.stop().await;
}

/// A file whose name is no UTF-8 is taken in, followed and opened as any other.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_no_text_are_taken_in() {
    use std::os::unix::ffi::OsStrExt as _;
    let (_folder, data, source) = folders();
    let path = source.join(std::ffi::OsStr::from_bytes(b"na\xefve.md"));
    std::fs::write(&path, "latin name xerus").unwrap();
    let running = Running::start(&data).await;
    running.take_in(&source).await;
    assert_eq!(running.titles("xerus").await, ["na\\xEFve"]);
    std::fs::write(&path, "latin name quokka").unwrap();
    running.take_in(&source).await;
    assert!(running.is_found("quokka").await && !running.is_found("xerus").await);
    std::fs::remove_file(&path).unwrap();
    running.take_in(&source).await;
    running.settled(0).await;
    running.stop().await;
}

/// A text file never ends as an archive without messages.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_looks_like_an_archive_is_text() {
    let (_folder, data, source) = folders();
    let letter = write(&source, "desk.txt", "From the desk of Ann\nSubject: nothing\n\nabout a xylophone\n");
    let archive = write(&source, "odd.mbox", "about a harmonium\n");
    let running = Running::start(&data).await;
    running.take_in(&source).await;
    assert!(running.is_found("xylophone").await);
    assert_eq!(running.live(&letter).await, 1);
    let row = running.row(&archive).await;
    assert_eq!(row.state, FileState::Failed, "{row:?}");
    assert!(row.reason.unwrap().contains("none of its 1 parts can be read"));
    running.settled(1).await;
    running.stop().await;
}

fn peanut(data: &Path, arguments: &[&str]) -> (i32, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_peanut"))
        .arg("--data-dir")
        .arg(data)
        .args(arguments)
        .env("HOME", data)
        .env("PEANUT_MODEL", "static")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

/// `ingest --wait` ends with 1 and says what was lost; again too, though nothing changed.
#[test]
fn the_exit_code_tells_what_was_lost() {
    let (_folder, data, source) = folders();
    write(&source, "good.md", "fine");
    let folder = source.to_str().unwrap();
    assert_eq!(peanut(&data, &["ingest", folder, "--wait"]).0, 0);
    let broken = write(&source, "broken.pdf", "%PDF-1.4\nnothing");
    for _ in 0..2 {
        let (code, told) = peanut(&data, &["ingest", folder, "--wait"]);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains("broken.pdf: failed: damaged"), "{told}");
    }
    std::fs::remove_file(broken).unwrap();
    let (code, told) = peanut(&data, &["ingest", folder, "--wait"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("1 known files are gone: retired"), "{told}");
    write(&source, "archive.mbox", &format!("what is this\n\n{}", message("a@x", None, "text")));
    let (code, told) = peanut(&data, &["ingest", folder, "--wait"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("archive.mbox: 1 of 2 items could not be read"), "{told}");
    assert!(
        peanut(&data, &["why", source.join("archive.mbox").to_str().unwrap()]).1.contains("1 part could not be read")
    );
}

/// `check` finds a file of which nothing is held although its row says so, and `--repair` takes it in again.
#[test]
fn what_nothing_is_held_of_is_found_and_repaired() {
    let (_folder, data, source) = folders();
    let (kept, gone) = (write(&source, "kept.md", "about a kudu"), write(&source, "gone.md", "about a gnu"));
    assert_eq!(peanut(&data, &["ingest", source.to_str().unwrap(), "--wait"]).0, 0);
    assert_eq!(peanut(&data, &["check"]).0, 0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        // As the faulty rename of before left them.
        let house = House::open(config(&data)).await.unwrap();
        for path in [&kept, &gone] {
            let ids = house.store.documents_of_file(path.to_str().unwrap()).await.unwrap();
            let reason = peanut::store::RetireReason::FileGone;
            assert_eq!(house.recorder.retire(&ids, reason, house.clock.now()).await.unwrap(), 1);
        }
        house.close().await;
    });
    std::fs::remove_file(&gone).unwrap();
    let (code, told) = peanut(&data, &["check", "--drain"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("kept.md") && told.contains("gone.md"), "{told}");
    let (code, told) = peanut(&data, &["check", "--repair"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("1 files taken in again, 1 that are gone retired"), "{told}");
    assert_eq!(peanut(&data, &["search", "--mode", "words", "kudu"]).0, 0);
}

/// A message that cannot be read any more does not take with it what an older version made of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_message_of_an_unchanged_archive_retires_nothing() {
    let (_folder, data, source) = folders();
    // An archive that says itself where its messages end.
    let path = source.join("box.mbx");
    let mut archive = b"*mbx*\r\n0000000100000002\r\n".to_vec();
    archive.resize(2048, 0);
    let mail = |id: &str, text: &str| {
        let date = "Date: Thu, 1 Feb 2024 10:00:00 +0000";
        format!("From: Ann <ann@x.org>\r\nSubject: About {id}\r\n{date}\r\nMessage-ID: <{id}>\r\n\r\n{text}\r\n")
            .into_bytes()
    };
    let unreadable = vec![0_u8, 1, 2, 3, 0, 0, 7, 0, 5, 0, 0, 1, 0, 0];
    let mut at = 0;
    for (number, bytes) in
        [mail("one@x", "Ibises wade."), unreadable.clone(), mail("two@x", "Storks clatter.")].iter().enumerate()
    {
        if number == 1 {
            at = archive.len() as u64;
        }
        let head = format!(" 1-Nov-2001 11:19:12 +0000,{};000000000000-0000000{number}\r\n", bytes.len());
        archive.extend_from_slice(head.as_bytes());
        archive.extend_from_slice(bytes);
    }
    std::fs::write(&path, archive).unwrap();
    let running = Running::start(&data).await;
    running.offer(&path).await;
    running.until("its dead letter", |s| s.dead_letters.iter().any(|letter| letter.offset == Some(at))).await;
    let name = path.to_str().unwrap().to_owned();
    // What an older version made of these bytes, and of others that do not stand there.
    let store = &running.house.store;
    let sample = store.document(store.documents_of_file(&name).await.unwrap()[0]).await.unwrap();
    let made = |key: &str, content: &[u8]| peanut::domain::NewDocument {
        id: peanut::domain::DocumentId::from_source_key(key),
        source_key: key.to_owned(),
        source_type: peanut::domain::SourceType::Mail,
        source_path: name.clone(),
        source_offset: Some(at),
        content_sha256: sha2::Sha256::digest(content).into(),
        fingerprint: None,
        title: format!("Made of {key}"),
        dated_at: None,
        tags: Vec::new(),
        concepts: Vec::new(),
        aliases: Vec::new(),
        links: Vec::new(),
        people: Vec::new(),
        message: Some(peanut::domain::MessageMeta { message_id: key.to_owned(), ..Default::default() }),
        chunks: vec![peanut::domain::NewChunk {
            pieces: Vec::new(),
            ordinal: 0,
            kind: peanut::domain::ChunkKind::Body,
            text: format!("text of {key}"),
            overlap_bytes: 0,
            context: String::new(),
            place: peanut::domain::Place::default(),
            token_count: 3,
            text_sha256: peanut::domain::NewChunk::hash("", &format!("text of {key}")),
            terms: format!("text of {key}"),
            vector: None,
        }],
    };
    let with_line_end = [&unreadable[..], b"\n"].concat();
    let documents = vec![
        made("plainkey", &unreadable),
        made("lineendkey", &with_line_end),
        made("otherkey", b"not in the archive"),
    ];
    let batch =
        peanut::store::CommitBatch { documents, now: sample.ingested_at, ..peanut::store::CommitBatch::default() };
    let ids = running.house.recorder.commit(&batch).await.unwrap().ids;
    running.house.intake.retry_file(&name).await.unwrap();
    running.until("the other gone", |s| s.store.deleted >= 2 && waiting(s) == 0).await;
    let held = store.documents_of_file(&name).await.unwrap();
    assert_eq!(held.len(), 3, "two that are read, and what was made of the bytes that are not");
    assert!(ids[..2].iter().filter(|id| held.contains(id)).count() == 1 && !held.contains(&ids[2]), "{held:?} {ids:?}");
    assert_eq!(running.titles("ibises").await, ["About one@x"]);
    running.stop().await;
}
