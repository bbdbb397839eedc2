//! `EmbeddingStore`.

use peanut::domain::{ChunkId, ChunkKind, ModelId};
use peanut::store::{DocumentStore, EmbeddingJob, EmbeddingStore, FailedEmbedding, RetireReason, StoreErrorKind};

use crate::build::{LEASE, NOW, after, assert_sound, batch, batch_with, chunk, commit, file};
use crate::harness::{Backend, Harness};

fn model() -> ModelId {
    ModelId::from("big")
}

async fn register(store: &impl Backend) {
    store.register_model(&ModelId::from("small"), 2, NOW).await.expect("register");
    store.register_model(&model(), 3, after(1)).await.expect("register");
}

async fn claim(store: &impl Backend, limit: u32, at: peanut::domain::Timestamp) -> Vec<EmbeddingJob> {
    store.claim_embeddings(&model(), "w", limit, LEASE, at).await.expect("claim")
}

async fn finish(store: &impl Backend, jobs: &[EmbeddingJob]) {
    let vectors: Vec<_> = jobs.iter().map(|job| (job.chunk_id, Some(vec![0.6, 0.8, 0.0]))).collect();
    store.complete_embeddings(&model(), &vectors, NOW).await.expect("complete");
}

/// `(done, pending, processing, failed)` of the background model.
async fn progress(store: &impl Backend) -> (u64, u64, u64, u64) {
    let all = store.embedding_progress().await.expect("progress");
    let big = all.iter().find(|progress| progress.model == model()).expect("known");
    (big.done, big.pending, big.processing, big.failed)
}

pub(crate) async fn jobs_are_made_claimed_and_done<H: Harness>(harness: H) {
    let store = harness.store();
    register(store).await;
    let mut document = file("/a.md", "a longer text here\n\nshort\n\nmiddle one");
    document.chunks.push(chunk(3, ChunkKind::Quoted, "not searched"));
    document.chunks[0].vector = Some(vec![1.0, 0.0]);
    let report = store.commit(&batch_with(vec![document], "small", &["big"])).await.expect("commit");
    assert_eq!(report.jobs, 3);
    assert_eq!(progress(store).await, (0, 3, 0, 0));
    let jobs = claim(store, 10, NOW).await;
    let texts: Vec<&str> = jobs.iter().map(|job| job.text.as_str()).collect();
    assert_eq!(texts, ["short", "middle one", "a longer text here"]);
    assert_eq!((jobs[0].context.as_str(), jobs[0].attempts), ("context", 0));
    assert!(claim(store, 10, NOW).await.is_empty());
    assert_eq!(progress(store).await, (0, 0, 3, 0));
    finish(store, &jobs[..2]).await;
    store.complete_embeddings(&model(), &[(jobs[2].chunk_id, None)], NOW).await.expect("nothing to embed");
    assert_eq!(progress(store).await, (3, 0, 0, 0));
    let all = store.embedding_progress().await.expect("progress");
    assert_eq!(all.iter().map(|progress| progress.model.0.as_str()).collect::<Vec<_>>(), ["small", "big"]);
    assert_eq!(all[0].done, 3, "searchable chunks without vector count as done");
    assert!((all[1].coverage() - 1.0).abs() < f32::EPSILON);
    assert_sound(store).await;
}

pub(crate) async fn known_texts_are_never_handed_out<H: Harness>(harness: H) {
    let store = harness.store();
    register(store).await;
    store.commit(&batch_with(vec![file("/a.md", "shared\n\nown")], "small", &["big"])).await.expect("commit");
    let jobs = claim(store, 10, NOW).await;
    assert_eq!(jobs.len(), 2);
    finish(store, &jobs).await;
    let others: Vec<_> = (0..30).map(|at| file(&format!("/b{at}.md"), &format!("shared\n\nother {at}"))).collect();
    store.commit(&batch_with(others, "small", &["big"])).await.expect("commit");
    assert_eq!(progress(store).await, (2, 60, 0, 0));
    let mut handed_out = Vec::new();
    loop {
        let jobs = claim(store, 4, NOW).await;
        if jobs.is_empty() {
            break;
        }
        assert!(jobs.iter().all(|job| job.text != "shared"), "an empty claim means nothing is due");
        finish(store, &jobs).await;
        handed_out.extend(jobs);
    }
    assert_eq!(handed_out.len(), 30);
    assert_eq!(progress(store).await, (62, 0, 0, 0));
    assert_sound(store).await;
}

pub(crate) async fn same_text_is_handed_out_once_at_a_time<H: Harness>(harness: H) {
    let store = harness.store();
    register(store).await;
    let twins = vec![file("/a.md", "twin\n\nx"), file("/b.md", "twin\n\ny"), file("/c.md", "twin\n\nz")];
    store.commit(&batch_with(twins, "small", &["big"])).await.expect("commit");
    let jobs = claim(store, 10, NOW).await;
    assert_eq!(jobs.iter().filter(|job| job.text == "twin").count(), 1);
    assert!(claim(store, 10, NOW).await.is_empty());
    finish(store, &jobs).await;
    assert!(claim(store, 10, NOW).await.is_empty());
    assert_eq!(progress(store).await, (6, 0, 0, 0));
}

pub(crate) async fn failed_jobs_wait_and_are_given_up<H: Harness>(harness: H) {
    let store = harness.store();
    register(store).await;
    store.commit(&batch_with(vec![file("/a.md", "text")], "small", &["big"])).await.expect("commit");
    let fail = async |chunk: ChunkId, retry_at| {
        let failure = FailedEmbedding { chunk_id: chunk, error: "too hot".into(), retry_at };
        store.fail_embeddings(&model(), &[failure], NOW).await.expect("fail");
    };
    let job = claim(store, 1, NOW).await.remove(0);
    fail(job.chunk_id, Some(after(10))).await;
    assert_eq!(progress(store).await, (0, 1, 0, 0));
    assert!(claim(store, 1, after(9)).await.is_empty());
    let job = claim(store, 1, after(10)).await.remove(0);
    assert_eq!(job.attempts, 1);
    fail(job.chunk_id, None).await;
    fail(job.chunk_id, None).await; // no longer in hand: passed over
    assert_eq!(progress(store).await, (0, 0, 0, 1));
    assert!(claim(store, 1, after(1000)).await.is_empty());
    assert_eq!(store.retry_failed_embeddings(&model()).await.expect("retry"), 1);
    assert_eq!(store.retry_failed_embeddings(&model()).await.expect("retry"), 0);
    assert_eq!(claim(store, 1, NOW).await[0].attempts, 0);
    assert_sound(store).await;
}

pub(crate) async fn expired_jobs_are_taken_again<H: Harness>(harness: H) {
    let store = harness.store();
    let other = harness.another().await;
    register(store).await;
    let texts: Vec<String> = (0..40).map(|at| format!("text {at}")).collect();
    store.commit(&batch_with(vec![file("/a.md", &texts.join("\n\n"))], "small", &["big"])).await.expect("commit");
    let drain = async |store: &H::Store| {
        let mut mine = Vec::new();
        loop {
            let jobs = store.claim_embeddings(&model(), "w", 3, LEASE, NOW).await.expect("claim");
            if jobs.is_empty() {
                return mine;
            }
            mine.extend(jobs.into_iter().map(|job| job.chunk_id));
        }
    };
    let (mut one, two) = tokio::join!(drain(store), drain(&other));
    one.extend(two);
    one.sort();
    one.dedup();
    assert_eq!(one.len(), 40, "two workers never get the same job");
    assert!(claim(store, 50, after(59)).await.is_empty());
    assert_eq!(claim(store, 50, after(60)).await.len(), 40);
}

pub(crate) async fn released_jobs_count_no_attempt<H: Harness>(harness: H) {
    let store = harness.store();
    register(store).await;
    store.commit(&batch_with(vec![file("/a.md", "text")], "small", &["big"])).await.expect("commit");
    let job = claim(store, 1, NOW).await.remove(0);
    store.release_embeddings(&model(), &[job.chunk_id]).await.expect("release");
    assert_eq!(claim(store, 1, NOW).await, [job]);
}

pub(crate) async fn missing_vectors_are_queued_in_steps<H: Harness>(harness: H) {
    let store = harness.store();
    commit(store, vec![file("/a.md", "1\n\n2\n\n3"), file("/b.md", "4\n\n5"), file("/gone.md", "6")]).await;
    store.retire(&[file("/gone.md", "").id], RetireReason::Deleted, NOW).await.expect("retire");
    register(store).await;
    let mut queued = Vec::new();
    loop {
        let step = store.queue_missing(&model(), 2, NOW).await.expect("queue");
        queued.push(step);
        if step == 0 {
            break;
        }
    }
    assert_eq!(queued, [2, 2, 1, 0]);
    let jobs = claim(store, 3, NOW).await;
    finish(store, &jobs).await;
    assert_eq!(store.queue_missing(&model(), 10, NOW).await.expect("none"), 0);
    commit(store, vec![file("/c.md", "7")]).await;
    store.restore(&[file("/gone.md", "").id], NOW).await.expect("restore");
    assert_eq!(store.queue_missing(&model(), 10, NOW).await.expect("new and restored"), 2);
    assert_sound(store).await;
}

pub(crate) async fn dimensions_are_held<H: Harness>(harness: H) {
    let store = harness.store();
    register(store).await;
    store.register_model(&model(), 3, after(9)).await.expect("the same again is fine");
    let error = store.register_model(&model(), 4, NOW).await.expect_err("other dimension");
    assert_eq!(error.kind, StoreErrorKind::Invariant);
    store.commit(&batch_with(vec![file("/a.md", "text")], "small", &["big"])).await.expect("commit");
    let job = claim(store, 1, NOW).await.remove(0);
    let error = store
        .complete_embeddings(&model(), &[(job.chunk_id, Some(vec![1.0; 5]))], NOW)
        .await
        .expect_err("wrong dimension");
    assert_eq!(error.kind, StoreErrorKind::Invariant);
    assert_eq!(progress(store).await, (0, 0, 1, 0), "nothing was written");
    let unknown = ModelId::from("nobody");
    let error = store.claim_embeddings(&unknown, "w", 1, LEASE, NOW).await.expect_err("unknown");
    assert_eq!(error.kind, StoreErrorKind::NotFound);
}

pub(crate) async fn chunks_deleted_meanwhile_are_passed_over<H: Harness>(harness: H) {
    let store = harness.store();
    register(store).await;
    store.commit(&batch_with(vec![file("/a.md", "old\n\nkept")], "small", &["big"])).await.expect("commit");
    let jobs = claim(store, 10, NOW).await;
    store.commit(&batch_with(vec![file("/a.md", "kept\n\nnew")], "small", &["big"])).await.expect("commit");
    finish(store, &jobs).await;
    assert_eq!(progress(store).await, (1, 1, 0, 0));
    assert_eq!(claim(store, 10, NOW).await[0].text, "new");
    assert_sound(store).await;
}

pub(crate) async fn dropped_models_leave_nothing<H: Harness>(harness: H) {
    let store = harness.store();
    register(store).await;
    store.commit(&batch_with(vec![file("/a.md", "one\n\ntwo")], "small", &["big"])).await.expect("commit");
    let jobs = claim(store, 1, NOW).await;
    finish(store, &jobs).await;
    store.drop_model(&model()).await.expect("drop");
    assert_eq!(store.embedding_progress().await.expect("progress").len(), 1);
    assert_eq!(store.drop_model(&model()).await.expect_err("gone").kind, StoreErrorKind::NotFound);
    store.commit(&batch(vec![file("/b.md", "three")])).await.expect("commit");
    register(store).await;
    assert_eq!(progress(store).await, (0, 0, 0, 0));
    assert_sound(store).await;
}
