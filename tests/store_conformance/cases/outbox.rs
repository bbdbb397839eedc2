//! `OutboxStore`.

use std::time::Duration;

use peanut::domain::outbox::{ClaimedEvent, EventType};
use peanut::domain::{DocumentId, EventId};
use peanut::store::{DocumentStore, EventFailure, OutboxStore, RetireReason, StoreErrorKind, SystemStore as _};

use crate::build::{LEASE, NOW, after, assert_sound, commit, drain, file};
use crate::harness::{Backend, Harness};

async fn claim(store: &impl Backend, limit: u32, at: peanut::domain::Timestamp) -> Vec<ClaimedEvent> {
    store.claim_events("relay", limit, LEASE, at).await.expect("claim")
}

fn ids(events: &[ClaimedEvent]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

fn failure(event: &ClaimedEvent, retry_in: Option<u64>) -> EventFailure {
    EventFailure { id: event.id, error: "refused".into(), retry_at: retry_in.map(after) }
}

/// Some documents; their ids.
async fn documents(store: &impl Backend, count: usize) -> Vec<DocumentId> {
    let documents: Vec<_> = (0..count).map(|at| file(&format!("/{at}.md"), &format!("text {at}"))).collect();
    let ids = documents.iter().map(|document| document.id).collect();
    commit(store, documents).await;
    ids
}

pub(crate) async fn every_write_appends_its_event<H: Harness>(harness: H) {
    let store = harness.store();
    let id = documents(store, 1).await[0];
    commit(store, vec![file("/0.md", "changed")]).await;
    store.retire(&[id], RetireReason::Deleted, after(2)).await.expect("retire");
    store.restore(&[id], after(3)).await.expect("restore");
    let events = claim(store, 10, after(3)).await;
    let kinds: Vec<EventType> = events.iter().map(|event| event.event_type).collect();
    assert_eq!(
        kinds,
        [EventType::DocumentAdded, EventType::DocumentChanged, EventType::DocumentDeleted, EventType::DocumentChanged]
    );
    assert!(events.iter().all(|event| event.entity_id == id.0 && event.attempts == 0));
    assert_eq!((events[0].recorded_at, events[2].recorded_at), (NOW, after(2)));
    assert_sound(store).await;
}

pub(crate) async fn claims_of_events_are_exclusive<H: Harness>(harness: H) {
    let store = harness.store();
    let other = harness.another().await;
    documents(store, 90).await;
    let claim_all = async |store: &H::Store| {
        let mut mine = Vec::new();
        loop {
            let events = store.claim_events("r", 7, LEASE, NOW).await.expect("claim");
            if events.is_empty() {
                return mine;
            }
            mine.extend(ids(&events));
        }
    };
    let (mut one, two) = tokio::join!(claim_all(store), claim_all(&other));
    assert!(one.is_sorted() && two.is_sorted(), "oldest first");
    one.extend(two);
    one.sort();
    let count = one.len();
    one.dedup();
    assert_eq!((one.len(), count), (90, 90));
}

pub(crate) async fn events_of_an_entity_stay_in_order<H: Harness>(harness: H) {
    let store = harness.store();
    let held = documents(store, 2).await;
    commit(store, vec![file("/0.md", "changed once")]).await;
    let first = claim(store, 1, NOW).await;
    assert_eq!(first[0].entity_id, held[0].0);
    commit(store, vec![file("/0.md", "changed twice")]).await;
    // The first of its events is in somebody's hands: only the other document's comes.
    let others = claim(store, 10, NOW).await;
    assert_eq!(others.iter().map(|event| event.entity_id).collect::<Vec<_>>(), [held[1].0]);
    store.mark_processed(&ids(&first), NOW).await.expect("mark");
    // Both of the rest may come together.
    assert_eq!(claim(store, 10, NOW).await.len(), 2);
}

pub(crate) async fn parked_and_dead_events_hold_back_their_entity<H: Harness>(harness: H) {
    let store = harness.store();
    documents(store, 1).await;
    commit(store, vec![file("/0.md", "changed")]).await;
    let first = claim(store, 1, NOW).await;
    store.mark_failed(&[failure(&first[0], Some(10))], NOW).await.expect("park");
    assert!(claim(store, 10, after(9)).await.is_empty());
    let again = claim(store, 1, after(10)).await;
    assert_eq!((again[0].id, again[0].attempts), (first[0].id, 1));
    store.mark_failed(&[failure(&again[0], None)], after(10)).await.expect("bury");
    assert!(claim(store, 10, after(1000)).await.is_empty());
    let dead = store.dead_events(0, 10).await.expect("dead");
    assert_eq!((dead[0].id, dead[0].attempts, dead[0].error.as_str()), (first[0].id, 2, "refused"));
    assert_eq!(dead[0].dead_at, after(10));
    store.skip_event(first[0].id, after(11)).await.expect("skip");
    assert_eq!(claim(store, 10, after(11)).await.len(), 1);
    assert_sound(store).await;
}

pub(crate) async fn outages_cost_no_attempt<H: Harness>(harness: H) {
    let store = harness.store();
    documents(store, 1).await;
    for _ in 0..5 {
        let events = claim(store, 1, NOW).await;
        assert_eq!(events[0].attempts, 0);
        store.release_events(&ids(&events)).await.expect("release");
    }
}

pub(crate) async fn leases_of_events_expire<H: Harness>(harness: H) {
    let store = harness.store();
    documents(store, 1).await;
    let first = claim(store, 1, NOW).await;
    assert!(claim(store, 1, after(59)).await.is_empty());
    let again = claim(store, 1, after(60)).await;
    assert_eq!(ids(&first), ids(&again));
    store.mark_processed(&ids(&again), after(61)).await.expect("mark");
    store.release_events(&ids(&first)).await.expect("the late worker gives up");
    store.mark_failed(&[failure(&first[0], None)], after(62)).await.expect("or fails");
    assert!(claim(store, 1, after(600)).await.is_empty(), "what is processed stays so");
    assert_sound(store).await;
}

pub(crate) async fn status_tells_the_truth<H: Harness>(harness: H) {
    let store = harness.store();
    assert_eq!(store.outbox_status(NOW).await.expect("status"), peanut::domain::outbox::OutboxStatus::default());
    let held = documents(store, 4).await;
    store.retire(&held[..1], RetireReason::Deleted, after(5)).await.expect("retire");
    let status = store.outbox_status(after(7)).await.expect("status");
    assert_eq!((status.pending, status.parked, status.dead, status.processed_total), (5, 0, 0, 0));
    assert_eq!(status.oldest_pending_seconds, Some(7.0));
    assert_eq!(status.pending_by_type, [(EventType::DocumentAdded, 4), (EventType::DocumentDeleted, 1)]);
    let events = claim(store, 4, after(7)).await;
    store.mark_processed(&[events[1].id], after(8)).await.expect("processed");
    store.mark_failed(&[failure(&events[0], Some(100)), failure(&events[2], None)], after(8)).await.expect("failed");
    let status = store.outbox_status(after(9)).await.expect("status");
    assert_eq!((status.pending, status.parked, status.dead, status.processed_total), (3, 1, 1, 1));
    // One is in hand since the start; the deletion waits behind its parked sibling.
    assert_eq!(status.oldest_pending_seconds, Some(9.0));
    store.mark_processed(&[events[3].id], after(9)).await.expect("processed");
    assert_eq!(store.outbox_status(after(9)).await.expect("status").oldest_pending_seconds, None);
    assert_eq!(store.outbox_status(after(100)).await.expect("status").oldest_pending_seconds, Some(100.0));
    assert_sound(store).await;
}

pub(crate) async fn dead_events_are_retried_or_skipped<H: Harness>(harness: H) {
    let store = harness.store();
    documents(store, 3).await;
    let events = claim(store, 3, NOW).await;
    for (at, event) in events.iter().enumerate() {
        store.mark_failed(&[failure(event, None)], after(at as u64)).await.expect("bury");
    }
    let dead = store.dead_events(1, 5).await.expect("dead");
    assert_eq!(dead.iter().map(|event| event.id).collect::<Vec<_>>(), [events[1].id, events[0].id], "newest first");
    store.retry_event(events[0].id).await.expect("retry");
    assert_eq!(store.retry_event(events[0].id).await.expect_err("alive").kind, StoreErrorKind::NotFound);
    assert_eq!(store.skip_event(events[0].id, NOW).await.expect_err("alive").kind, StoreErrorKind::NotFound);
    assert_eq!(claim(store, 3, NOW).await[0].attempts, 0);
    store.skip_event(events[1].id, NOW).await.expect("skip");
    assert_eq!(store.dead_events(0, 5).await.expect("dead").len(), 1);
    assert_eq!(store.outbox_status(NOW).await.expect("status").processed_total, 1);
    assert_sound(store).await;
}

pub(crate) async fn pruning_keeps_the_total<H: Harness>(harness: H) {
    let store = harness.store();
    documents(store, 5).await;
    drain(store, after(10)).await;
    assert_eq!(store.prune_processed(after(10), 100).await.expect("none is older"), 0);
    assert_eq!(store.prune_processed(after(11), 2).await.expect("prune"), 2);
    assert_eq!(store.prune_processed(after(11), 100).await.expect("prune"), 3);
    let status = store.outbox_status(after(11)).await.expect("status");
    assert_eq!((status.pending, status.processed_total), (0, 5));
    assert_sound(store).await;
}

pub(crate) async fn replay_names_every_document<H: Harness>(harness: H) {
    let store = harness.store();
    let held = documents(store, 3).await;
    store.retire(&held[1..2], RetireReason::Deleted, NOW).await.expect("retire");
    drain(store, NOW).await;
    // What waits or was given up would hold its document back; a replay supersedes it.
    commit(store, vec![file("/waits.md", "text")]).await;
    commit(store, vec![file("/dead.md", "other text")]).await;
    let dead = claim(store, 2, NOW).await.pop().expect("the last event");
    store.mark_failed(&[EventFailure { id: dead.id, error: "no".into(), retry_at: None }], NOW).await.expect("fail");
    store.release_leases(None, NOW).await.expect("release");
    assert_eq!(store.replay_documents(NOW.plus(Duration::from_secs(1))).await.expect("replay"), 5);
    let status = store.outbox_status(after(1)).await.expect("status");
    assert_eq!((status.pending, status.dead, status.parked), (5, 0, 0));
    let events = claim(store, 10, after(1)).await;
    let kinds: Vec<EventType> = events.iter().map(|event| event.event_type).collect();
    let changed = EventType::DocumentChanged;
    assert_eq!(kinds, [changed, EventType::DocumentDeleted, changed, changed, changed]);
}
