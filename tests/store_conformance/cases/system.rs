//! `SystemStore`.

use peanut::domain::WriteOutcome;
use peanut::domain::health::{WorkerRecord, WorkerState};
use peanut::domain::{ModelId, SourceType, Timestamp};
use peanut::store::{DocumentStore, EmbeddingStore, IntakeStore, OutboxStore, RetireReason, SystemStore};

use crate::build::{LEASE, NOW, after, assert_sound, batch_with, commit, file, mail, offered};
use crate::harness::Harness;

fn worker(name: &str, host: &str, pid: u32, heartbeat_at: Timestamp) -> WorkerRecord {
    WorkerRecord {
        name: name.into(),
        host: host.into(),
        pid,
        state: WorkerState::Busy,
        detail: "at work".into(),
        restarts: 2,
        heartbeat_at,
    }
}

pub(crate) async fn settings_are_kept<H: Harness>(harness: H) {
    let store = harness.store();
    assert_eq!(store.setting("search.weight").await.expect("none"), None);
    store.put_setting("search.weight", "0.5", NOW).await.expect("put");
    store.put_setting("intake.paused", "\"by\\u0000 user\"", NOW).await.expect("put");
    store.put_setting("search.weight", "0.7", after(1)).await.expect("put again");
    assert_eq!(harness.another().await.setting("search.weight").await.expect("read"), Some("0.7".into()));
    assert_eq!(
        store.settings().await.expect("all"),
        [("intake.paused".to_owned(), "\"by\\u0000 user\"".to_owned()), ("search.weight".into(), "0.7".into())]
    );
}

pub(crate) async fn workers_are_kept_for_a_day<H: Harness>(harness: H) {
    let store = harness.store();
    let day = 24 * 60 * 60;
    for record in [
        worker("relay", "b", 1, NOW),
        worker("ingest", "a", 2, after(10)),
        worker("embedder", "a", 2, after(10)),
        worker("relay", "a", 1, after(20)),
    ] {
        store.put_worker(&record).await.expect("put");
    }
    let mut idle = worker("ingest", "a", 2, after(30));
    idle.state = WorkerState::Idle;
    store.put_worker(&idle).await.expect("put again");
    let all = store.workers().await.expect("workers");
    let names: Vec<(&str, u32, &str)> =
        all.iter().map(|worker| (worker.host.as_str(), worker.pid, worker.name.as_str())).collect();
    assert_eq!(names, [("a", 1, "relay"), ("a", 2, "embedder"), ("a", 2, "ingest"), ("b", 1, "relay")]);
    assert_eq!(all[2], idle);
    store.put_worker(&worker("relay", "c", 1, after(day + 15))).await.expect("put");
    assert_eq!(store.workers().await.expect("workers").len(), 3);
}

pub(crate) async fn counts_follow_random_work<H: Harness>(harness: H) {
    let store = harness.store();
    let mut random = fastrand::Rng::with_seed(17);
    for _ in 0..120 {
        let at = random.u32(..12);
        let text: Vec<String> = (0..random.usize(1..5)).map(|_| format!("word{}", random.u32(..9))).collect();
        let text = text.join("\n\n");
        match random.u32(..6) {
            0 | 1 => drop(commit(store, vec![file(&format!("/{at}.md"), &text)]).await),
            2 => {
                let archive = format!("/{}.mbox", random.u32(..2));
                let mut message = mail(&archive, u64::from(at), &format!("m{at}"), &text);
                // One mail, however it is read.
                message.fingerprint = Some([at.to_le_bytes()[0]; 32]);
                commit(store, vec![message]).await;
            }
            3 => drop(store.retire(&[file(&format!("/{at}.md"), "").id], RetireReason::Deleted, NOW).await),
            4 => drop(store.retire_file(&format!("/{}.mbox", at % 2), NOW).await.expect("retire")),
            _ => drop(store.restore(&[file(&format!("/{at}.md"), "").id], NOW).await),
        }
    }
    assert_sound(store).await;
    let counts = store.counts().await.expect("counts");
    let mut live = 0;
    let mut chunks = 0;
    for at in 0..12 {
        for id in [file(&format!("/{at}.md"), "").id, mail("", 0, &format!("m{at}"), "").id] {
            if let Ok(view) = store.document(id).await
                && view.deleted_at.is_none()
            {
                live += 1;
                chunks += view.chunks.len() as u64;
            }
        }
    }
    assert_eq!((counts.documents, counts.chunks), (live, chunks));
    assert_eq!(counts.documents_by_type.iter().map(|(_, count)| count).sum::<u64>(), live);
    assert_eq!(counts.documents_by_type[0].0, SourceType::Mail);
    assert!(counts.bytes_on_disk > 0);
}

pub(crate) async fn info_and_ping_answer<H: Harness>(harness: H) {
    let store = harness.store();
    store.ping().await.expect("ping");
    let info = store.info().await.expect("info");
    assert!(!info.engine.is_empty() && !info.version.is_empty() && !info.location.is_empty());
    assert!(info.schema_version >= 1);
}

pub(crate) async fn data_survives_a_reopen<H: Harness>(harness: H) {
    let document = file("/a.md", "text");
    commit(harness.store(), vec![document.clone()]).await;
    harness.store().close().await;
    let again = harness.another().await;
    assert_eq!(again.document(document.id).await.expect("document").body(), "text");
    assert_sound(&again).await;
}

pub(crate) async fn optimize_changes_nothing<H: Harness>(harness: H) {
    let store = harness.store();
    store.optimize().await.expect("of nothing");
    let documents: Vec<_> = (0..50).map(|at| file(&format!("/{at}.md"), &format!("text {at}"))).collect();
    commit(store, documents.clone()).await;
    let before = store.document(documents[7].id).await.expect("document");
    store.optimize().await.expect("optimize");
    assert_eq!(store.document(documents[7].id).await.expect("document"), before);
    assert_sound(store).await;
}

pub(crate) async fn closed_stores_refuse<H: Harness>(harness: H) {
    let store = harness.store();
    store.close().await;
    assert!(store.ping().await.is_err());
    assert!(store.put_setting("a", "1", NOW).await.is_err());
    store.close().await;
}

pub(crate) async fn settings_are_replaced_by_one_of_two<H: Harness>(harness: H) {
    let (store, other) = (harness.store(), harness.another().await);
    assert!(store.replace_setting("k", None, Some("a"), NOW).await.expect("first"));
    assert!(!other.replace_setting("k", None, Some("b"), NOW).await.expect("late"));
    assert!(!other.replace_setting("k", Some("b"), Some("c"), NOW).await.expect("mistaken"));
    let (one, two) = tokio::join!(
        store.replace_setting("k", Some("a"), Some("x"), NOW),
        other.replace_setting("k", Some("a"), Some("y"), NOW)
    );
    assert_eq!(u8::from(one.expect("one")) + u8::from(two.expect("two")), 1);
    let held = store.setting("k").await.expect("read").expect("held");
    assert!(!store.replace_setting("k", Some("a"), None, NOW).await.expect("mistaken"));
    assert!(store.replace_setting("k", Some(&held), None, NOW).await.expect("taken away"));
    assert_eq!(store.setting("k").await.expect("read"), None);
    assert!(store.replace_setting("k", None, None, NOW).await.expect("nothing for nothing"));
}

pub(crate) async fn leases_are_given_back<H: Harness>(harness: H) {
    let store = harness.store();
    let model = ModelId::from("m");
    store.register_model(&model, 2, NOW).await.expect("register");
    store
        .commit(&batch_with(vec![file("/a.md", "one\n\ntwo"), file("/b.md", "three")], "m", &["m"]))
        .await
        .expect("commit");
    store.offer(&[offered("/x"), offered("/y")], false, NOW).await.expect("offer");
    let claim_all = async |worker: &str| {
        let files = store.claim_files(worker, 1, LEASE, NOW).await.expect("files").len();
        let events = store.claim_events(worker, 1, LEASE, NOW).await.expect("events").len();
        (files, events)
    };
    assert_eq!(claim_all("host/folder:1").await, (1, 1));
    assert_eq!(claim_all("host/folder2:1").await, (1, 1));
    assert_eq!(store.release_leases(Some("host/folder"), NOW).await.expect("release"), 2);
    assert_eq!(claim_all("host/folder:2").await, (1, 1), "at once, not when the lease runs out");
    assert_eq!(claim_all("host/folder:3").await, (0, 0), "what another folder's worker holds stays with it");
    store.put_worker(&worker("relay", "host", 1, NOW)).await.expect("sign of life");
    assert_eq!(store.release_leases(Some("host"), NOW).await.expect("no such worker"), 0);
    assert_eq!(store.workers().await.expect("workers").len(), 1, "others may be at work");
    assert_eq!(store.release_leases(None, NOW).await.expect("release"), 4);
    assert_eq!(store.workers().await.expect("workers"), []);
    assert_eq!(store.release_leases(None, NOW).await.expect("release"), 0);
    assert_sound(store).await;
}

pub(crate) async fn damaged_texts_are_found_and_written_anew<H: Harness>(harness: H) {
    let store = harness.store();
    let whole = file("/a.md", "first text\n\nsecond text");
    let mut damaged = whole.clone();
    damaged.chunks[1].text = "sXcond text".into();
    commit(store, vec![damaged, file("/b.md", "sound")]).await;
    let found = store.damaged_texts().await.expect("compare");
    assert_eq!(found.iter().map(|text| (text.document, text.path.as_str())).collect::<Vec<_>>(), [(whole.id, "/a.md")]);
    let problems = store.verify().await.expect("verify").problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("texts are as they were stored") && problems[0].contains("/a.md"), "{problems:?}");
    // The same file read again changes nothing, until its texts are not trusted any more.
    assert_eq!(commit(store, vec![whole.clone()]).await.outcomes, [WriteOutcome::Unchanged]);
    store.distrust_texts(&found.iter().map(|text| text.chunk).collect::<Vec<_>>()).await.expect("distrust");
    let before = store.document(whole.id).await.expect("document").chunks[0].id;
    assert_eq!(commit(store, vec![whole.clone()]).await.outcomes, [WriteOutcome::Changed]);
    let view = store.document(whole.id).await.expect("document");
    assert_eq!((view.body().as_str(), view.chunks[0].id), ("first text\n\nsecond text", before));
    assert_eq!(store.damaged_texts().await.expect("compare"), []);
    assert_sound(store).await;
}
