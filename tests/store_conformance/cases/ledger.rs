//! `IntakeStore`, and the ledger's part of a commit.

use std::time::Duration;

use peanut::domain::intake::{FileState, FileUpdate, ItemCounts, OfferedFile, Origin, Retry, WatchedFolder};
use peanut::domain::{DocumentId, NewDocument, SourceType, WriteOutcome};
use peanut::store::{CommitBatch, DeletedOf, DocumentStore, FilePage, IntakeStore, StoreErrorKind, SystemStore};

use crate::build::{LEASE, NOW, after, assert_sound, batch, dead_letter, file, mail, offered, update};
use crate::harness::{Backend, Harness};

async fn claim_one(store: &impl Backend, at: peanut::domain::Timestamp) -> peanut::domain::intake::FileRecord {
    let mut claimed = store.claim_files("w", 1, LEASE, at).await.expect("claim");
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

async fn row(store: &impl Backend, path: &str) -> peanut::domain::intake::FileRecord {
    store.file(path).await.expect("file").expect("row")
}

pub(crate) async fn offers_are_queued_once<H: Harness>(harness: H) {
    let store = harness.store();
    assert_eq!(store.offer(&[offered("/a"), offered("/b"), offered("/a")], false, NOW).await.expect("offer"), 2);
    let mut grown = offered("/a");
    grown.size_bytes = 2000;
    assert_eq!(store.offer(std::slice::from_ref(&grown), false, after(1)).await.expect("queued already"), 1);
    let a = row(store, "/a").await;
    assert_eq!((a.state, a.size_bytes, a.offered_at), (FileState::Queued, 2000, NOW));
    claim_one(store, after(2)).await;
    store.update_files(&[update("/a", FileState::Indexed, 0)], LEASE, after(3)).await.expect("finish");
    // The same again is left alone, unless forced; a change queues it.
    assert_eq!(store.offer(std::slice::from_ref(&grown), false, after(4)).await.expect("same"), 0);
    assert_eq!(store.offer(&[offered("/a")], false, after(5)).await.expect("changed"), 1);
    assert_eq!(row(store, "/a").await.bytes_done, 1000, "an archive's tail can still be told from a rewrite");
    claim_one(store, after(6)).await;
    claim_one(store, after(6)).await;
    store.update_files(&[update("/a", FileState::Failed, 0)], LEASE, after(7)).await.expect("finish");
    assert_eq!(store.offer(&[offered("/a")], false, after(8)).await.expect("failed"), 0);
    assert_eq!(store.offer(&[offered("/a")], true, after(9)).await.expect("forced"), 1);
    let a = row(store, "/a").await;
    assert_eq!((a.state, a.bytes_done, a.offered_at), (FileState::Queued, 0, after(9)));
    // A path given by hand does not take a file out of its folder.
    let by_hand = OfferedFile { origin: Origin::Explicit, ..offered("/a") };
    store.offer(&[by_hand], false, after(10)).await.expect("offer");
    assert_eq!(row(store, "/a").await.origin, Origin::Folder);
    assert_sound(store).await;
}

pub(crate) async fn claims_are_exclusive<H: Harness>(harness: H) {
    let store = harness.store();
    let other = harness.another().await;
    let files: Vec<OfferedFile> = (0..60).map(|at| offered(&format!("/f{at:02}"))).collect();
    store.offer(&files, false, NOW).await.expect("offer");
    let claim = async |store: &H::Store, worker: &str| {
        let mut mine = Vec::new();
        loop {
            let claimed = store.claim_files(worker, 7, LEASE, NOW).await.expect("claim");
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed.into_iter().map(|file| file.path));
        }
    };
    let (one, two) = tokio::join!(claim(store, "one"), claim(&other, "two"));
    let mut all: Vec<String> = one.into_iter().chain(two).collect();
    all.sort();
    assert_eq!(all, files.iter().map(|file| file.path.clone()).collect::<Vec<_>>());
}

pub(crate) async fn expired_leases_are_taken_again<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a"), offered("/b")], false, NOW).await.expect("offer");
    let first = claim_one(store, NOW).await;
    assert_eq!((first.path.as_str(), first.state), ("/a", FileState::Parsing));
    assert_eq!(claim_one(store, after(59)).await.path, "/b");
    assert!(store.claim_files("w", 5, LEASE, after(59)).await.expect("claim").is_empty());
    let again = store.claim_files("w2", 5, LEASE, after(60)).await.expect("claim");
    assert_eq!(again.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["/a"]);
    // Progress extends the lease.
    store.update_files(&[update("/a", FileState::Parsing, 1)], LEASE, after(100)).await.expect("progress");
    assert_eq!(claim_one(store, after(130)).await.path, "/b");
    assert!(store.claim_files("w", 5, LEASE, after(155)).await.expect("claim").is_empty());
}

pub(crate) async fn commits_extend_the_lease<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.mbox")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    let progress = CommitBatch {
        files: vec![update("/a.mbox", FileState::Parsing, 1)],
        now: after(50),
        ..batch(vec![mail("/a.mbox", 0, "m", "x")])
    };
    store.commit(&progress).await.expect("commit");
    assert!(store.claim_files("w", 5, LEASE, after(100)).await.expect("claim").is_empty());
    assert_eq!(claim_one(store, after(110)).await.path, "/a.mbox");
    assert_eq!(row(store, "/a.mbox").await.items, ItemCounts::default(), "a new claim counts from zero");
}

pub(crate) async fn counts_add_up<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.mbox"), offered("/b.mbox")], false, NOW).await.expect("offer");
    let counts = store.intake_counts().await.expect("counts");
    assert_eq!((counts.files_by_state, counts.bytes_waiting), (vec![(FileState::Queued, 2)], 2000));
    claim_one(store, NOW).await;
    let mut first = update("/a.mbox", FileState::Parsing, 3);
    first.bytes_done = 400;
    first.source_type = Some(SourceType::Mail);
    let first = CommitBatch {
        files: vec![first],
        dead_letters: vec![dead_letter("/a.mbox", Some(250), "bad header")],
        ..batch(vec![mail("/a.mbox", 0, "m1", "x"), mail("/a.mbox", 100, "m1", "x")])
    };
    store.commit(&first).await.expect("first half");
    let counts = store.intake_counts().await.expect("counts");
    assert_eq!(counts.bytes_waiting, 600 + 1000);
    assert_eq!(counts.dead_letters_retrying, 1);
    let mut second = update("/a.mbox", FileState::Indexed, 5);
    second.skipped = 1;
    let second = CommitBatch { files: vec![second], ..batch(vec![mail("/a.mbox", 500, "m2", "y")]) };
    store.commit(&second).await.expect("second half");
    let a = row(store, "/a.mbox").await;
    assert_eq!(a.items, ItemCounts { seen: 5, documents: 2, duplicates: 1, unchanged: 0, dead_letters: 1, skipped: 1 });
    assert_eq!((a.state, a.source_type), (FileState::Indexed, Some(SourceType::Mail)));
    let counts = store.intake_counts().await.expect("counts");
    assert_eq!(counts.files_by_state, [(FileState::Queued, 1), (FileState::Indexed, 1)]);
    assert_eq!((counts.items, counts.bytes_waiting), (a.items, 1000));
    assert_sound(store).await;
}

pub(crate) async fn repeated_commits_count_once<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.mbox")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    let part = |from: u64, state: FileState| CommitBatch {
        files: vec![update("/a.mbox", state, from + 3)],
        dead_letters: vec![dead_letter("/a.mbox", Some(from * 100 + 50), "bad")],
        ..batch(vec![
            mail("/a.mbox", from * 100, &format!("m{from}"), "x"),
            mail("/a.mbox", from * 100 + 10, &format!("n{from}"), "y"),
        ])
    };
    // The acknowledgement of each commit was lost: the worker commits it again.
    for (from, state) in [(0, FileState::Parsing), (3, FileState::Indexed)] {
        store.commit(&part(from, state)).await.expect("commit");
        let report = store.commit(&part(from, state)).await.expect("again");
        assert_eq!(report.outcomes, [WriteOutcome::Unchanged; 2]);
    }
    // A file that is one document: its commit and its end may come apart.
    store.offer(&[offered("/one.md")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    for _ in 0..2 {
        store.commit(&batch(vec![file("/one.md", "text")])).await.expect("commit");
    }
    store.update_files(&[update("/one.md", FileState::Indexed, 1)], LEASE, NOW).await.expect("finish");
    assert_eq!(row(store, "/one.md").await.items, ItemCounts { seen: 1, documents: 1, ..ItemCounts::default() });
    let a = row(store, "/a.mbox").await;
    assert_eq!(a.items, ItemCounts { seen: 6, documents: 4, dead_letters: 2, ..ItemCounts::default() });
    let letters = store.dead_letters(0, 10).await.expect("letters");
    assert_eq!(letters.iter().map(|letter| letter.attempts).collect::<Vec<_>>(), [1, 1]);
    assert_sound(store).await;
}

pub(crate) async fn progress_may_lag_behind_the_documents<H: Harness>(harness: H) {
    let store = harness.store();
    // Read twice, the second time without any change; `seen` is told late, as a reader that runs ahead does.
    for (documents, unchanged) in [(6, 0), (0, 6)] {
        store.offer(&[offered("/a.mbox")], true, NOW).await.expect("offer");
        claim_one(store, NOW).await;
        for half in 0..2_u64 {
            let messages =
                (half * 3..half * 3 + 3).map(|at| mail("/a.mbox", at * 100, &format!("m{at}"), "x")).collect();
            let part =
                CommitBatch { files: vec![update("/a.mbox", FileState::Parsing, half * 3 + 1)], ..batch(messages) };
            store.commit(&part).await.expect("commit");
        }
        store.update_files(&[update("/a.mbox", FileState::Indexed, 6)], LEASE, NOW).await.expect("finish");
        let items = row(store, "/a.mbox").await.items;
        assert_eq!(items, ItemCounts { seen: 6, documents, unchanged, ..ItemCounts::default() });
    }
    assert_sound(store).await;
}

pub(crate) async fn only_duplicate_makes_the_file_a_duplicate<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.md"), offered("/b.md")], false, NOW).await.expect("offer");
    store.claim_files("w", 2, LEASE, NOW).await.expect("claim");
    let both = CommitBatch {
        files: vec![update("/a.md", FileState::Indexed, 1), update("/b.md", FileState::Indexed, 1)],
        ..batch(vec![file("/a.md", "same"), file("/b.md", "same")])
    };
    store.commit(&both).await.expect("commit");
    let (a, b) = (row(store, "/a.md").await, row(store, "/b.md").await);
    assert_eq!((a.state, a.items.documents), (FileState::Indexed, 1));
    assert_eq!((b.state, b.items.duplicates), (FileState::Duplicate, 1));
    assert!(b.reason.expect("reason").contains("/a.md"));
    assert_eq!(store.offer(&[offered("/b.md")], false, NOW).await.expect("same again"), 0);
    // The end of the file may be told after its document.
    store.offer(&[offered("/c.md")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    store.commit(&batch(vec![file("/c.md", "same")])).await.expect("commit");
    store.update_files(&[update("/c.md", FileState::Indexed, 1)], LEASE, NOW).await.expect("finish");
    let c = row(store, "/c.md").await;
    assert_eq!((c.state, c.reason.as_deref()), (FileState::Duplicate, Some("same content as /a.md")));
    assert_sound(store).await;
}

pub(crate) async fn changed_while_in_hand_is_queued_again<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.md")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    assert_eq!(store.offer(&[offered("/a.md")], false, after(1)).await.expect("unchanged"), 0);
    let changed = OfferedFile { modified_at: after(2), ..offered("/a.md") };
    assert_eq!(store.offer(&[changed], false, after(2)).await.expect("changed"), 1);
    assert_eq!(row(store, "/a.md").await.state, FileState::Parsing);
    assert!(store.claim_files("w", 1, LEASE, after(3)).await.expect("claim").is_empty());
    let done = CommitBatch {
        files: vec![update("/a.md", FileState::Indexed, 1)],
        now: after(4),
        ..batch(vec![file("/a.md", "old text")])
    };
    store.commit(&done).await.expect("commit");
    let a = row(store, "/a.md").await;
    assert_eq!((a.state, a.modified_at), (FileState::Queued, after(2)));
    claim_one(store, after(5)).await;
    store.update_files(&[update("/a.md", FileState::Indexed, 0)], LEASE, after(6)).await.expect("finish");
    assert_eq!(row(store, "/a.md").await.state, FileState::Indexed);
}

pub(crate) async fn released_files_start_over<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.mbox")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    let part = CommitBatch {
        files: vec![update("/a.mbox", FileState::Parsing, 1)],
        ..batch(vec![mail("/a.mbox", 0, "m", "x")])
    };
    store.commit(&part).await.expect("commit");
    store.release_files(&["/a.mbox".into(), "/unknown".into()], after(1)).await.expect("release");
    let a = row(store, "/a.mbox").await;
    assert_eq!((a.state, a.items), (FileState::Queued, ItemCounts::default()));
    assert_eq!(claim_one(store, after(1)).await.path, "/a.mbox");
}

pub(crate) async fn dead_letters_follow_the_schedule<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/bad.pdf")], false, NOW).await.expect("offer");
    let mut now = NOW;
    // After the first, second and third failure it is tried again; the fourth gives it up.
    for (attempt, wait) in [(1, Some(2)), (2, Some(8)), (3, Some(32)), (4, None)] {
        claim_one(store, now).await;
        let failed = CommitBatch {
            files: vec![update("/bad.pdf", FileState::Failed, 1)],
            dead_letters: vec![dead_letter("/bad.pdf", None, &format!("failure {attempt}"))],
            now,
            ..CommitBatch::default()
        };
        store.commit(&failed).await.expect("commit");
        let letter = store.dead_letters(0, 10).await.expect("letters").remove(0);
        assert_eq!((letter.attempts, letter.offset), (attempt, None));
        assert_eq!(letter.error, format!("failure {attempt}"));
        assert_eq!((letter.first_failed_at, letter.last_failed_at), (NOW, now));
        assert_eq!(letter.next_retry_at, wait.map(|seconds| now.plus(Duration::from_secs(seconds))));
        assert_eq!(row(store, "/bad.pdf").await.items.dead_letters, 1);
        let counts = store.intake_counts().await.expect("counts");
        assert_eq!(
            (counts.dead_letters_retrying, counts.dead_letters_dead),
            (u64::from(wait.is_some()), u64::from(wait.is_none()))
        );
        assert_sound(store).await;
        let Some(wait) = wait else { break };
        let early = now.plus(Duration::from_millis(wait * 1000 - 1));
        assert_eq!(store.queue_due_retries(early).await.expect("too early"), 0);
        now = now.plus(Duration::from_secs(wait));
        assert_eq!(store.queue_due_retries(now).await.expect("due"), 1);
        assert_eq!(store.queue_due_retries(now).await.expect("queued already"), 0);
        assert_eq!(row(store, "/bad.pdf").await.state, FileState::Queued);
    }
    assert_eq!(store.queue_due_retries(after(100_000)).await.expect("never"), 0);
}

pub(crate) async fn recovered_places_lose_their_dead_letter<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.mbox")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    let failed = CommitBatch {
        files: vec![update("/a.mbox", FileState::Parsing, 2)],
        dead_letters: vec![dead_letter("/a.mbox", Some(70_000), "bad"), dead_letter("/a.mbox", Some(80_000), "bad")],
        now: NOW,
        ..CommitBatch::default()
    };
    store.commit(&failed).await.expect("commit");
    let recovered = CommitBatch {
        recovered: vec![("/a.mbox".into(), Some(70_000)), ("/other".into(), Some(80_000))],
        now: NOW,
        ..CommitBatch::default()
    };
    store.commit(&recovered).await.expect("commit");
    let letters = store.dead_letters(0, 10).await.expect("letters");
    assert_eq!(letters.iter().map(|letter| letter.offset).collect::<Vec<_>>(), [Some(80_000)]);
}

pub(crate) async fn a_finished_pass_clears_what_it_no_longer_met<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.mbox")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    let failed = CommitBatch {
        files: vec![update("/a.mbox", FileState::Indexed, 2)],
        dead_letters: vec![dead_letter("/a.mbox", Some(10), "bad"), dead_letter("/a.mbox", Some(20), "bad")],
        now: NOW,
        ..CommitBatch::default()
    };
    store.commit(&failed).await.expect("commit");
    assert_eq!(store.queue_due_retries(after(2)).await.expect("due"), 1);
    assert_eq!(claim_one(store, after(2)).await.bytes_done, 0, "the retry reads from before the failure");
    // The archive was repaired meanwhile: one message stands elsewhere and is fine, the other still fails.
    let again = CommitBatch {
        files: vec![update("/a.mbox", FileState::Indexed, 2)],
        dead_letters: vec![dead_letter("/a.mbox", Some(20), "bad")],
        now: after(3),
        ..batch(vec![mail("/a.mbox", 0, "m", "x")])
    };
    store.commit(&CommitBatch { now: after(3), ..again }).await.expect("commit");
    let letters = store.dead_letters(0, 10).await.expect("letters");
    assert_eq!(letters.iter().map(|letter| (letter.offset, letter.attempts)).collect::<Vec<_>>(), [(Some(20), 2)]);
    assert_sound(store).await;
}

pub(crate) async fn user_retries_and_discards_dead_letters<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.pdf")], false, NOW).await.expect("offer");
    for _ in 0..4 {
        store.offer(&[offered("/a.pdf")], true, NOW).await.expect("offer");
        claim_one(store, NOW).await;
        let mut end = update("/a.pdf", FileState::Failed, 1);
        end.reason = Some("damaged".into());
        let failed = CommitBatch {
            files: vec![end],
            dead_letters: vec![dead_letter("/a.pdf", None, "damaged")],
            now: NOW,
            ..CommitBatch::default()
        };
        store.commit(&failed).await.expect("commit");
    }
    let letter = store.dead_letters(0, 1).await.expect("letters").remove(0);
    assert_eq!((letter.attempts, letter.next_retry_at), (4, None));
    store.retry_dead_letter(letter.id, after(1)).await.expect("retry");
    assert_eq!(claim_one(store, after(1)).await.path, "/a.pdf");
    assert_eq!(store.dead_letters(0, 1).await.expect("letters")[0].attempts, 0);
    store.discard_dead_letter(letter.id).await.expect("discard");
    assert!(store.dead_letters(0, 1).await.expect("letters").is_empty());
    for error in [
        store.discard_dead_letter(letter.id).await.expect_err("gone"),
        store.retry_dead_letter(letter.id, NOW).await.expect_err("gone"),
    ] {
        assert_eq!(error.kind, StoreErrorKind::NotFound);
    }
}

pub(crate) async fn files_are_paged_in_order<H: Harness>(harness: H) {
    let store = harness.store();
    for (at, name) in ["/x/Ägypten.md", "/x/b.md", "/x/C.md", "/y/d.md"].into_iter().enumerate() {
        store.offer(&[offered(name)], false, after(at as u64)).await.expect("offer");
    }
    claim_one(store, after(0)).await;
    let paths = async |page: FilePage| {
        let rows = store.files(&page).await.expect("files");
        rows.into_iter().map(|file| file.path).collect::<Vec<_>>()
    };
    let all = FilePage { limit: 10, ..FilePage::default() };
    assert_eq!(paths(all.clone()).await, ["/x/Ägypten.md", "/y/d.md", "/x/C.md", "/x/b.md"]);
    assert_eq!(paths(FilePage { offset: 1, limit: 2, ..all.clone() }).await, ["/y/d.md", "/x/C.md"]);
    assert_eq!(paths(FilePage { states: vec![FileState::Parsing], ..all.clone() }).await, ["/x/Ägypten.md"]);
    assert_eq!(paths(FilePage { states: vec![FileState::Failed], ..all.clone() }).await, [""; 0]);
    assert_eq!(paths(FilePage { path_contains: Some("X/ä".into()), ..all.clone() }).await, ["/x/Ägypten.md"]);
    assert_eq!(paths(FilePage { path_contains: Some("/X/c".into()), ..all.clone() }).await, ["/x/C.md"]);
    assert_eq!(store.file("/nowhere").await.expect("file"), None);
}

pub(crate) async fn paths_below_a_folder<H: Harness>(harness: H) {
    let store = harness.store();
    let paths = ["/a/b/1", "/a/b/2", "/a/b/c/3", "/a/bc/4", "/a/b", "/a/b-5", "/a/b/6"];
    store.offer(&paths.map(offered), false, NOW).await.expect("offer");
    store.retire_file("/a/b/6", NOW).await.expect("retire");
    let below = async |folder: &str, after: &str, limit| {
        let known = store.paths_below(folder, after, limit).await.expect("paths");
        known.into_iter().map(|known| (known.path, known.device)).collect::<Vec<_>>()
    };
    let on = |path: &str| (path.to_owned(), Some(1));
    assert_eq!(below("/a/b", "", 10).await, [on("/a/b/1"), on("/a/b/2"), on("/a/b/c/3")]);
    assert_eq!(below("/a/b/", "/a/b/1", 1).await, [on("/a/b/2")]);
    assert_eq!(below("/", "", 10).await.len(), 6);
    // What lay in the drop zone stays known.
    let dropped = OfferedFile { origin: Origin::DropZone, ..offered("/a/b/dropped") };
    store.offer(&[dropped], false, NOW).await.expect("offer");
    assert_eq!(below("/a/b", "", 10).await.len(), 3);
}

pub(crate) async fn any_change_of_a_file_is_noticed<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.md")], false, NOW).await.expect("offer");
    claim_one(store, NOW).await;
    let mut failed = update("/a.md", FileState::Failed, 1);
    failed.reason = Some("may not be read".into());
    store.update_files(&[failed], LEASE, NOW).await.expect("finish");
    assert_eq!(store.offer(&[offered("/a.md")], false, after(1)).await.expect("as it was"), 0);
    // Only its rights changed.
    let changed = OfferedFile { stamp: 8, ..offered("/a.md") };
    assert_eq!(store.offer(std::slice::from_ref(&changed), false, after(2)).await.expect("changed"), 1);
    claim_one(store, after(2)).await;
    let read = FileUpdate { content_sha256: Some([5; 32]), ..update("/a.md", FileState::Skipped, 0) };
    store.update_files(&[read], LEASE, after(2)).await.expect("finish");
    let mark = store.marks(&["/a.md".into(), "/nowhere".into()]).await.expect("marks").remove(0);
    assert_eq!((mark.state, mark.stamp, mark.content_sha256), (FileState::Skipped, Some(8), Some([5; 32])));
    assert_eq!(store.offer(std::slice::from_ref(&changed), false, after(3)).await.expect("as it was"), 0);
    // A stamp that cannot be relied on never says that nothing changed.
    let young = OfferedFile { stamp: 0, ..changed.clone() };
    for _ in 0..2 {
        assert_eq!(store.offer(std::slice::from_ref(&young), false, after(4)).await.expect("young"), 1);
        claim_one(store, after(4)).await;
        store.update_files(&[update("/a.md", FileState::Skipped, 0)], LEASE, after(4)).await.expect("finish");
    }
    // Another device alone is noted, and no reason to read the file.
    assert_eq!(store.offer(std::slice::from_ref(&changed), false, after(5)).await.expect("settled"), 1);
    claim_one(store, after(5)).await;
    store.update_files(&[update("/a.md", FileState::Skipped, 0)], LEASE, after(5)).await.expect("finish");
    let elsewhere = OfferedFile { device: Some(2), ..changed };
    assert_eq!(store.offer(&[elsewhere], false, after(6)).await.expect("mounted anew"), 0);
    assert_eq!(store.marks(&["/a.md".into()]).await.expect("marks")[0].device, Some(2));
}

/// Takes a file in as a worker does, with all that it holds.
async fn take_in(store: &impl Backend, path: &str, documents: Vec<NewDocument>) -> peanut::store::CommitReport {
    store.offer(&[offered(path)], true, NOW).await.expect("offer");
    let claimed = claim_one(store, NOW).await;
    assert_eq!(claimed.path, path);
    finish(store, path, documents).await
}

/// The commit that ends a file.
async fn finish(store: &impl Backend, path: &str, documents: Vec<NewDocument>) -> peanut::store::CommitReport {
    let mut end = update(path, FileState::Indexed, documents.len() as u64);
    end.whole = Some(Vec::new());
    store.commit(&CommitBatch { files: vec![end], ..batch(documents) }).await.expect("commit")
}

pub(crate) async fn duplicates_live_when_their_holder_goes<H: Harness>(harness: H) {
    let store = harness.store();
    // A whole file, and a message of an archive that holds others too.
    take_in(store, "/a.md", vec![file("/a.md", "same")]).await;
    take_in(store, "/b.md", vec![file("/b.md", "same")]).await;
    take_in(store, "/a.mbox", vec![mail("/a.mbox", 0, "m", "text")]).await;
    let both = || vec![mail("/b.mbox", 0, "n", "other"), mail("/b.mbox", 100, "m", "text")];
    take_in(store, "/b.mbox", both()).await;
    assert_eq!(row(store, "/b.md").await.state, FileState::Duplicate);
    assert_sound(store).await;
    // One holder vanishes, the other is overwritten.
    store.retire_file("/a.md", after(1)).await.expect("retire");
    take_in(store, "/a.mbox", vec![mail("/a.mbox", 0, "another", "message")]).await;
    let mut waiting: Vec<String> =
        store.claim_files("w", 10, LEASE, after(2)).await.expect("claim").into_iter().map(|file| file.path).collect();
    waiting.sort();
    assert_eq!(waiting, ["/b.mbox", "/b.md"]);
    assert_eq!(finish(store, "/b.md", vec![file("/b.md", "same")]).await.outcomes, [WriteOutcome::Moved]);
    let report = finish(store, "/b.mbox", both()).await;
    assert_eq!(report.outcomes, [WriteOutcome::Unchanged, WriteOutcome::Moved]);
    assert_eq!(store.documents_of_file("/b.mbox").await.expect("of file").len(), 2);
    // A holder gets other content.
    take_in(store, "/c.md", vec![file("/c.md", "same")]).await;
    take_in(store, "/b.md", vec![file("/b.md", "changed")]).await;
    assert_eq!(claim_one(store, after(3)).await.path, "/c.md");
    assert_eq!(finish(store, "/c.md", vec![file("/c.md", "same")]).await.outcomes, [WriteOutcome::Added]);
    assert_eq!(row(store, "/c.md").await.state, FileState::Indexed);
    assert!(store.claim_files("w", 10, LEASE, after(3)).await.expect("claim").is_empty());
    crate::build::assert_graph_matches(store, after(4)).await;
    assert_sound(store).await;
}

async fn deleted_of(store: &impl Backend, path: &str) -> Vec<DocumentId> {
    let deleted = store.deleted(DeletedOf::Path(path), 10).await.expect("deleted");
    deleted.into_iter().map(|document| document.id).collect()
}

pub(crate) async fn duplicates_of_what_the_user_deleted_stay_away<H: Harness>(harness: H) {
    let store = harness.store();
    let id = take_in(store, "/a.md", vec![file("/a.md", "same")]).await.ids[0];
    take_in(store, "/b.md", vec![file("/b.md", "same")]).await;
    store.retire(&[id], peanut::store::RetireReason::Deleted, after(1)).await.expect("delete");
    assert!(store.claim_files("w", 10, LEASE, after(1)).await.expect("claim").is_empty());
    // Neither the copy nor a new name brings it back.
    for path in ["/b.md", "/c.md"] {
        let report = take_in(store, path, vec![file(path, "same")]).await;
        assert_eq!(report.outcomes, [WriteOutcome::Duplicate(id)]);
        let file = row(store, path).await;
        assert_eq!(file.state, FileState::Duplicate);
        assert_eq!(file.reason.as_deref(), Some("same content as /a.md, which you deleted"));
        assert_eq!(deleted_of(store, path).await, [id]);
    }
    assert_eq!(deleted_of(store, "/a.md").await, [id]);
    assert_eq!(store.unsound_files("", 10).await.expect("unsound"), [""; 0]);
    assert_sound(store).await;
}

pub(crate) async fn files_of_which_nothing_is_held_are_found<H: Harness>(harness: H) {
    let store = harness.store();
    let id = take_in(store, "/a.md", vec![file("/a.md", "text")]).await.ids[0];
    take_in(store, "/b.md", vec![file("/b.md", "other text")]).await;
    assert_sound(store).await;
    // As a process of before left it: the document retired, the row as if it were there.
    store.retire(&[id], peanut::store::RetireReason::FileGone, after(1)).await.expect("retire");
    let problems = store.verify().await.expect("verify").problems;
    assert!(problems.iter().any(|problem| problem.contains("/a.md")), "{problems:?}");
    assert!(problems.iter().all(|problem| !problem.contains("/b.md")), "{problems:?}");
    assert_eq!(store.unsound_files("", 10).await.expect("unsound"), ["/a.md"]);
    assert_eq!(store.unsound_files("/a.md", 10).await.expect("unsound"), [""; 0]);
    take_in(store, "/a.md", vec![file("/a.md", "text")]).await;
    assert_sound(store).await;
}

pub(crate) async fn duplicates_without_a_holder_are_found<H: Harness>(harness: H) {
    let store = harness.store();
    let id = take_in(store, "/a.md", vec![file("/a.md", "same")]).await.ids[0];
    take_in(store, "/b.md", vec![file("/b.md", "same")]).await;
    assert_sound(store).await;
    // The holder goes and the copy is queued; a process of before says it is through without having read it.
    store.retire(&[id], peanut::store::RetireReason::FileGone, after(1)).await.expect("retire");
    assert_eq!(claim_one(store, after(1)).await.path, "/b.md");
    store.update_files(&[update("/b.md", FileState::Indexed, 0)], LEASE, after(1)).await.expect("finish");
    let problems = store.verify().await.expect("verify").problems;
    let named = problems
        .iter()
        .any(|problem| problem.contains("every duplicate has a live holder") && problem.contains("/b.md"));
    assert!(named, "{problems:?}");
    assert_eq!(store.unsound_files("", 10).await.expect("unsound"), ["/a.md", "/b.md"]);
    // Taken in again, as `check --repair` does.
    store.retire_file("/a.md", after(2)).await.expect("retire");
    assert_eq!(take_in(store, "/b.md", vec![file("/b.md", "same")]).await.outcomes, [WriteOutcome::Moved]);
    assert_eq!(store.documents_of_file("/b.md").await.expect("of file"), [id]);
    assert_sound(store).await;
}

pub(crate) async fn what_was_brought_back_of_a_gone_file_is_known<H: Harness>(harness: H) {
    let store = harness.store();
    let id = take_in(store, "/a.md", vec![file("/a.md", "text")]).await.ids[0];
    store.retire(&[id], peanut::store::RetireReason::Deleted, after(1)).await.expect("delete");
    store.retire_file("/a.md", after(2)).await.expect("gone");
    assert_eq!(store.restore(&[id], after(3)).await.expect("restore"), 1);
    let told = row(store, "/a.md").await;
    assert_eq!(told.state, FileState::Retired);
    assert_eq!(told.reason.as_deref(), Some("the file is gone; what was brought back of it is kept here"));
    assert_eq!(store.unsound_files("", 10).await.expect("unsound"), [""; 0]);
    assert_sound(store).await;
    // The file comes back: it is the same document, and the row says nothing of this any more.
    assert_eq!(take_in(store, "/a.md", vec![file("/a.md", "text")]).await.outcomes, [WriteOutcome::Unchanged]);
    assert_eq!(row(store, "/a.md").await.reason, None);
    // A live document of a file that is gone, for no such reason.
    store.offer(&[offered("/a.md")], true, after(4)).await.expect("offer");
    claim_one(store, after(4)).await;
    store.update_files(&[update("/a.md", FileState::Retired, 0)], LEASE, after(4)).await.expect("finish");
    let problems = store.verify().await.expect("verify").problems;
    assert!(
        problems.iter().any(|problem| problem.contains("no live document is of a file that is gone")),
        "{problems:?}"
    );
    assert_eq!(store.unsound_files("", 10).await.expect("unsound"), ["/a.md"]);
    store.retire_file("/a.md", after(5)).await.expect("retire");
    assert_sound(store).await;
}

pub(crate) async fn takings_in_hand_are_counted_until_something_comes_of_them<H: Harness>(harness: H) {
    let store = harness.store();
    store.offer(&[offered("/a.md")], false, NOW).await.expect("offer");
    assert_eq!(claim_one(store, NOW).await.attempts, 1);
    // Whoever had it is gone: its lease runs out, or is taken from it.
    let late = NOW.plus(LEASE * 2);
    assert_eq!(claim_one(store, late).await.attempts, 2);
    store.release_leases(Some("w"), late).await.expect("release leases");
    assert_eq!(claim_one(store, late).await.attempts, 3);
    // Given back in order, it does not count.
    store.release_files(&["/a.md".into()], late).await.expect("release");
    assert_eq!(claim_one(store, late).await.attempts, 3);
    store.update_files(&[update("/a.md", FileState::Parsing, 0)], LEASE, late).await.expect("progress");
    assert_eq!(claim_one(store, late.plus(LEASE * 2)).await.attempts, 1);
    // What costs too much is not tried by itself.
    let mut letter = dead_letter("/a.md", None, "it ended the parser");
    letter.retry = Retry::ByHand;
    let end = update("/a.md", FileState::Failed, 1);
    let batch = CommitBatch { files: vec![end], dead_letters: vec![letter], now: late, ..batch(Vec::new()) };
    store.commit(&batch).await.expect("commit");
    assert_eq!(store.queue_due_retries(late.plus(LEASE * 1000)).await.expect("due"), 0);
}

pub(crate) async fn what_may_pass_is_tried_until_it_goes_well<H: Harness>(harness: H) {
    let store = harness.store();
    let fail = async |path: &str, may_pass: bool, at| {
        let mut letter = dead_letter(path, None, "no descriptors left");
        letter.retry = if may_pass { Retry::UntilItPasses } else { Retry::AFewTimes };
        let mut end = update(path, FileState::Failed, 1);
        end.reason = Some("no descriptors left".into());
        let batch = CommitBatch { files: vec![end], dead_letters: vec![letter], now: at, ..batch(Vec::new()) };
        store.commit(&batch).await.expect("commit");
    };
    for path in ["/disk.md", "/text.md"] {
        store.offer(&[offered(path)], false, NOW).await.expect("offer");
        claim_one(store, NOW).await;
        fail(path, path == "/disk.md", NOW).await;
    }
    // Offered again as it was, what failed is tried at once as long as it waits to be tried.
    assert_eq!(store.offer(&[offered("/disk.md"), offered("/text.md")], false, after(1)).await.expect("offer"), 2);
    let mut seconds = 1;
    for (attempt, wait) in [8, 32, 120, 480, 1920, 1920, 1920].into_iter().enumerate() {
        let claimed = store.claim_files("w", 10, LEASE, after(seconds)).await.expect("claim");
        assert_eq!(claimed.len(), if attempt < 3 { 2 } else { 1 }, "attempt {attempt}");
        for file in claimed {
            fail(&file.path, file.path == "/disk.md", after(seconds)).await;
        }
        assert_eq!(store.queue_due_retries(after(seconds + wait - 1)).await.expect("due"), 0, "attempt {attempt}");
        seconds += wait;
        let due = store.queue_due_retries(after(seconds)).await.expect("due");
        assert_eq!(due, if attempt < 2 { 2 } else { 1 }, "attempt {attempt}");
    }
    // What is wrong with the content was given up: only who names it has it read again.
    assert_eq!(store.offer(&[offered("/text.md")], false, after(seconds)).await.expect("offer"), 0);
    assert_eq!(claim_one(store, after(seconds)).await.path, "/disk.md");
    finish(store, "/disk.md", vec![file("/disk.md", "text")]).await;
    assert!(store.dead_letters(0, 10).await.expect("letters").iter().all(|letter| letter.path == "/text.md"));
    assert_sound(store).await;
}

pub(crate) async fn what_is_in_trouble_is_listed<H: Harness>(harness: H) {
    let store = harness.store();
    let ends = [("/x/a.pdf", FileState::Failed), ("/x/b.md", FileState::Indexed), ("/x/c.png", FileState::Skipped)];
    for (path, state) in ends {
        store.offer(&[offered(path)], false, NOW).await.expect("offer");
        claim_one(store, NOW).await;
        let mut end = update(path, state, 0);
        end.reason = Some(format!("reason of {path}"));
        store.update_files(&[end], LEASE, NOW).await.expect("finish");
    }
    take_in(store, "/x/fine.md", vec![file("/x/fine.md", "text")]).await;
    let troubled = async |path: &str, after: &str| {
        let rows = store.troubled(path, after, 10).await.expect("troubled");
        rows.into_iter().map(|file| file.path).collect::<Vec<_>>()
    };
    assert_eq!(troubled("/x", "").await, ["/x/a.pdf", "/x/b.md"]);
    assert_eq!(troubled("/x", "/x/a.pdf").await, ["/x/b.md"]);
    assert_eq!(troubled("/x/a.pdf", "").await, ["/x/a.pdf"]);
    assert_eq!(troubled("/y", "").await, [""; 0]);
}

pub(crate) async fn folders_are_kept<H: Harness>(harness: H) {
    let store = harness.store();
    let folder = |path: &str, excludes: &[&str]| WatchedFolder {
        path: path.to_owned(),
        excludes: excludes.iter().map(|pattern| (*pattern).to_owned()).collect(),
    };
    store.put_folder(&folder("/b", &["*.tmp", "a \"b\""]), NOW).await.expect("put");
    store.put_folder(&folder("/a", &[]), NOW).await.expect("put");
    store.put_folder(&folder("/a", &["x"]), NOW).await.expect("put again");
    assert_eq!(store.folders().await.expect("folders"), [folder("/a", &["x"]), folder("/b", &["*.tmp", "a \"b\""])]);
    store.remove_folder("/a").await.expect("remove");
    assert_eq!(store.remove_folder("/a").await.expect_err("gone").kind, StoreErrorKind::NotFound);
    assert_eq!(store.folders().await.expect("folders").len(), 1);
}

pub(crate) async fn a_copy_keeps_no_document_where_it_was<H: Harness>(harness: H) {
    let store = harness.store();
    let first = |path: &str| NewDocument { source_offset: None, ..mail(path, 0, "m", "text") };
    take_in(store, "/a.eml", vec![first("/a.eml")]).await;
    take_in(store, "/b.eml", vec![first("/b.eml")]).await;
    // The holder gets another mail, and both are read in one batch.
    store.offer(&[offered("/a.eml"), offered("/b.eml")], true, NOW).await.expect("offer");
    store.claim_files("w", 2, LEASE, NOW).await.expect("claim");
    let other = NewDocument { source_offset: None, ..mail("/a.eml", 0, "n", "other") };
    let ends =
        ["/a.eml", "/b.eml"].map(|path| FileUpdate { whole: Some(Vec::new()), ..update(path, FileState::Indexed, 1) });
    let both = CommitBatch { files: ends.to_vec(), ..batch(vec![other, first("/b.eml")]) };
    store.commit(&both).await.expect("commit");
    assert_eq!(claim_one(store, NOW).await.path, "/b.eml", "what it repeats is gone: it is read again");
    assert_eq!(finish(store, "/b.eml", vec![first("/b.eml")]).await.outcomes, [WriteOutcome::Moved]);
    for path in ["/a.eml", "/b.eml"] {
        assert_eq!(store.documents_of_file(path).await.expect("of file").len(), 1, "{path}");
    }
    assert_sound(store).await;
}
