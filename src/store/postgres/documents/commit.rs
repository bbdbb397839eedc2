//! One commit: load, decide, write, and tell the outbox and the ledger, in one transaction.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::store::plan::commit::{self, Models};
use crate::store::plan::documents::{Held, Plan, plan};
use crate::store::{CommitBatch, CommitReport, StoreResult};

use super::super::error::{ATTEMPTS, classify, is_deadlock};
use super::super::ledger::{FileRow, load_files, save_files};
use super::super::{PostgresStore, dead_letters};
use super::affected::{append_events, append_for_others};
use super::write::{write_chunks, write_documents, write_positions};
use super::{duplicates, facts, load, once, retire};

const OPERATION: &str = "commit documents";

/// Writes the batch; see the promise on the trait.
pub(super) async fn commit(store: &PostgresStore, batch: &CommitBatch) -> StoreResult<CommitReport> {
    let key = commit::describe(batch);
    let mut attempt = 1;
    loop {
        match commit_once(store, batch, &key).await {
            Err(error) if attempt < ATTEMPTS && is_deadlock(&error) => attempt += 1,
            done => return done,
        }
    }
}

async fn commit_once(store: &PostgresStore, batch: &CommitBatch, key: &str) -> StoreResult<CommitReport> {
    let mut transaction = store.begin_writing(OPERATION, key).await?;
    let models = models(&mut transaction, batch, key).await?;
    let report = write(&mut transaction, batch, &models).await.map_err(|error| classify(OPERATION, key, error))?;
    transaction.commit().await.map_err(|error| classify(OPERATION, key, error))?;
    store.search.tidy_soon();
    Ok(report)
}

/// Looks up the models, keeps them from being dropped meanwhile, and holds every vector to its model's dimension.
async fn models(connection: &mut PgConnection, batch: &CommitBatch, key: &str) -> StoreResult<Models> {
    if batch.instant_model.is_none() && batch.background_models.is_empty() {
        return Ok(Models::default());
    }
    let known = sqlx::query_as("SELECT name, seq, dimension FROM model ORDER BY seq FOR KEY SHARE")
        .fetch_all(connection)
        .await
        .map_err(|error| classify(OPERATION, key, error))?;
    commit::models(OPERATION, key, batch, known)
}

async fn write(
    connection: &mut PgConnection,
    batch: &CommitBatch,
    models: &Models,
) -> Result<CommitReport, sqlx::Error> {
    if let Some(once) = &batch.once
        && let Some(earlier) = once::known(connection, once, batch.now).await?
    {
        return Ok(CommitReport { earlier: Some(earlier), ..CommitReport::default() });
    }
    let mut files = load_files(connection, commit::paths(batch).into_iter()).await?;
    commit::note_places(batch, &mut files);
    let known = load::load_known(connection, &batch.documents, &batch.moves).await?;
    let (plan, held) = plan(&batch.documents, &batch.moves, known, &files);
    let (mut events, jobs) = write_plan(connection, batch, &plan, models).await?;
    events += write_ledger(connection, batch, &plan, &held, &mut files).await?;
    if let (Some(once), Some(remembered)) = (&batch.once, commit::remembered(batch, &plan)) {
        once::remember(connection, once, remembered, batch.now).await?;
    }
    Ok(CommitReport { outcomes: plan.outcomes, ids: plan.ids, events, jobs, earlier: None })
}

/// Writes every planned document with its events. Returns events appended and jobs queued.
async fn write_plan(
    connection: &mut PgConnection,
    batch: &CommitBatch,
    plan: &Plan,
    models: &Models,
) -> Result<(u64, u64), sqlx::Error> {
    if plan.slots.is_empty() {
        write_positions(connection, plan).await?;
        return Ok((0, 0));
    }
    let writings = commit::writings(batch, plan);
    let replaced = commit::replaced(plan);
    let old_chunks = load::load_chunks(connection, &replaced).await?;
    let old_names = load::load_names(connection, &replaced).await?;
    facts::clear(connection, &replaced).await?;
    write_documents(connection, &writings, batch.now).await?;
    let jobs = write_chunks(connection, &writings, &old_chunks, models).await?;
    let new_names = facts::write(connection, &writings, batch.now).await?;
    write_positions(connection, plan).await?;
    let (events, touched) = commit::events(&writings, &old_names, &new_names);
    append_events(connection, &events, batch.now).await?;
    let others = append_for_others(connection, &touched, batch.now).await?;
    Ok((events.len() as u64 + others, jobs))
}

/// Moves the ledger on by what the plan did, and retires what files hold no more. Returns how many events that took.
async fn write_ledger(
    connection: &mut PgConnection,
    batch: &CommitBatch,
    plan: &Plan,
    held: &HashMap<i64, Held>,
    files: &mut HashMap<String, FileRow>,
) -> Result<u64, sqlx::Error> {
    commit::count(batch, plan, held, files);
    let (repeating, own) = commit::duplicates(batch, plan, files);
    dead_letters::record(connection, &batch.dead_letters, files, batch.now).await?;
    dead_letters::recovered(connection, &batch.recovered).await?;
    let changed = commit::settle(batch, files);
    save_files(connection, &changed).await?;
    dead_letters::clear_passed(connection, &changed).await?;
    duplicates::note(connection, &repeating, &own).await?;
    duplicates::clear_ended(connection, &commit::ended(&changed)).await?;
    for file in commit::gone(&changed) {
        retire::forget(connection, &file.path).await?;
    }
    // Last, when all rows are as they shall be: whoever repeats what is not held any more is queued again.
    duplicates::queue_files(connection, &plan.emptied, batch.now).await?;
    let events = retire::retire_rest(connection, &commit::whole(batch, plan), batch.now).await?;
    for (old, new) in commit::vacated(batch, plan) {
        retire::vacate(connection, old, new, batch.now).await?;
    }
    Ok(events)
}
