//! One commit: load, decide, write, and tell the outbox and the ledger, in one transaction.

use std::collections::{HashMap, HashSet};

use sqlx::SqliteConnection;

use crate::domain::outbox::EventType;
use crate::domain::{ModelId, WriteOutcome};
use crate::store::{CommitBatch, CommitReport, StoreError, StoreResult};

use super::super::batch::json_numbers;
use super::super::error::classify;
use super::super::ledger::{FileRow, Tally, load_files, save_files};
use super::super::rows::signed;
use super::super::{SqliteStore, dead_letters};
use super::affected::{Touched, append_events, append_for_others};
use super::plan::{Fate, Held, Plan, plan};
use super::write::{Models, Writing, write_chunks, write_documents, write_positions};
use super::{facts, load};

const OPERATION: &str = "commit documents";

/// Writes the batch; see the promise on the trait.
pub(super) async fn commit(store: &SqliteStore, batch: &CommitBatch) -> StoreResult<CommitReport> {
    let key = describe(batch);
    let mut transaction = store.begin(OPERATION, &key).await?;
    let models = models(&mut transaction, batch, &key).await?;
    let report = write(&mut transaction, batch, &models).await.map_err(|error| classify(OPERATION, &key, error))?;
    transaction.commit().await.map_err(|error| classify(OPERATION, key, error))?;
    Ok(report)
}

fn describe(batch: &CommitBatch) -> String {
    let first = batch.documents.first().map(|document| document.source_key.as_str());
    let first = first.or_else(|| batch.files.first().map(|file| file.path.as_str())).unwrap_or("nothing");
    format!("{} documents from {first}", batch.documents.len())
}

/// Looks up the models and holds every vector to its model's dimension.
async fn models(connection: &mut SqliteConnection, batch: &CommitBatch, key: &str) -> StoreResult<Models> {
    let mut known: HashMap<String, (i64, i64)> = HashMap::new();
    if batch.instant_model.is_some() || !batch.background_models.is_empty() {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as("SELECT name, seq, dimension FROM model")
            .fetch_all(connection)
            .await
            .map_err(|error| classify(OPERATION, key, error))?;
        known.extend(rows.into_iter().map(|(name, seq, dimension)| (name, (seq, dimension))));
    }
    let find = |model: &ModelId| {
        known
            .get(&model.0)
            .copied()
            .ok_or_else(|| StoreError::invariant(OPERATION, key, format!("model {model} is not registered")))
    };
    let mut models = Models::default();
    if let Some(model) = &batch.instant_model {
        let (seq, dimension) = find(model)?;
        models.instant = Some(seq);
        for document in &batch.documents {
            let wrong = document
                .chunks
                .iter()
                .filter_map(|chunk| chunk.vector.as_ref())
                .find(|vector| i64::try_from(vector.len()) != Ok(dimension));
            if let Some(vector) = wrong {
                let message = format!("vector has {} dimensions, {model} has {dimension}", vector.len());
                return Err(StoreError::invariant(OPERATION, document.source_key.as_str(), message));
            }
        }
    }
    let mut background = Vec::new();
    for model in &batch.background_models {
        let (seq, _) = find(model)?;
        if Some(seq) != models.instant && !background.contains(&seq) {
            background.push(seq);
        }
    }
    models.background = background;
    Ok(models)
}

async fn write(
    connection: &mut SqliteConnection,
    batch: &CommitBatch,
    models: &Models,
) -> Result<CommitReport, sqlx::Error> {
    let mut files = load_ledger(connection, batch).await?;
    let known = load::load_known(connection, &batch.documents, &batch.moves).await?;
    let (plan, held) = plan(&batch.documents, &batch.moves, known, &files);
    let (events, jobs) = write_plan(connection, batch, &plan, models).await?;
    write_ledger(connection, batch, &plan, &held, &mut files).await?;
    Ok(CommitReport { outcomes: plan.outcomes, events, jobs })
}

async fn load_ledger(
    connection: &mut SqliteConnection,
    batch: &CommitBatch,
) -> Result<HashMap<String, FileRow>, sqlx::Error> {
    let mut paths: HashSet<&str> = batch.documents.iter().map(|document| document.source_path.as_str()).collect();
    paths.extend(batch.files.iter().map(|file| file.path.as_str()));
    paths.extend(batch.dead_letters.iter().map(|letter| letter.path.as_str()));
    if paths.is_empty() {
        return Ok(HashMap::new());
    }
    let mut files = load_files(connection, paths.into_iter()).await?;
    let places = batch
        .documents
        .iter()
        .map(|document| (&document.source_path, document.source_offset))
        .chain(batch.dead_letters.iter().map(|letter| (&letter.path, letter.offset)))
        .chain(batch.recovered.iter().map(|(path, offset)| (path, *offset)));
    for (path, offset) in places {
        if let (Some(file), Some(offset)) = (files.get_mut(path), offset) {
            file.read_at(signed(offset));
        }
    }
    Ok(files)
}

/// Writes every planned document with its events. Returns events appended and jobs queued.
async fn write_plan(
    connection: &mut SqliteConnection,
    batch: &CommitBatch,
    plan: &Plan,
    models: &Models,
) -> Result<(u64, u64), sqlx::Error> {
    if plan.slots.is_empty() {
        write_positions(connection, plan).await?;
        return Ok((0, 0));
    }
    let writings: Vec<Writing<'_>> = plan
        .slots
        .iter()
        .filter_map(|slot| batch.documents.get(slot.document).map(|document| Writing { slot, document }))
        .collect();
    let replaced: Vec<i64> = plan.slots.iter().filter(|slot| slot.fate != Fate::New).map(|slot| slot.seq).collect();
    let old_chunks = load::load_chunks(connection, &replaced).await?;
    let old_names = load::load_names(connection, &replaced).await?;
    facts::clear(connection, &replaced).await?;
    write_documents(connection, &writings, batch.now).await?;
    let jobs = write_chunks(connection, &writings, &old_chunks, models).await?;
    let new_names = facts::write(connection, &writings, batch.now).await?;
    write_marks(connection, plan).await?;

    let mut events = Vec::with_capacity(plan.slots.len());
    let mut touched = Touched::default();
    for writing in &writings {
        let slot = writing.slot;
        let event = if slot.fate == Fate::New { EventType::DocumentAdded } else { EventType::DocumentChanged };
        events.push((event, slot.id.0));
        touched.documents.insert(slot.seq);
        if !slot.live {
            continue;
        }
        let (appeared, moved) = match slot.fate {
            Fate::New => (true, false),
            Fate::Replace { revived, moved } => (revived, moved),
        };
        let none = HashSet::new();
        let old = old_names.get(&slot.seq).unwrap_or(&none);
        let new: HashSet<String> = new_names.get(&slot.seq).into_iter().flatten().cloned().collect();
        if appeared || moved {
            touched.names.extend(old.union(&new).cloned());
        } else {
            touched.names.extend(old.symmetric_difference(&new).cloned());
        }
        if appeared {
            touched.appeared_or_gone.insert(slot.seq);
            touched.message_ids.extend(writing.document.message.as_ref().map(|message| message.message_id.clone()));
        }
    }
    append_events(connection, &events, batch.now).await?;
    let others = append_for_others(connection, &touched, batch.now).await?;
    Ok((events.len() as u64 + others, jobs))
}

/// Positions and passes, and word to the in-memory indexes about documents that came back.
async fn write_marks(connection: &mut SqliteConnection, plan: &Plan) -> Result<(), sqlx::Error> {
    write_positions(connection, plan).await?;
    let revived: Vec<i64> = plan
        .slots
        .iter()
        .filter(|slot| matches!(slot.fate, Fate::Replace { revived: true, .. }))
        .map(|slot| slot.seq)
        .collect();
    if revived.is_empty() {
        return Ok(());
    }
    sqlx::query("INSERT INTO search_change (document_seq) SELECT value FROM json_each(?1)")
        .bind(json_numbers(revived))
        .execute(connection)
        .await
        .map(drop)
}

/// Moves the ledger on by what the plan did.
async fn write_ledger(
    connection: &mut SqliteConnection,
    batch: &CommitBatch,
    plan: &Plan,
    held: &HashMap<i64, Held>,
    files: &mut HashMap<String, FileRow>,
) -> Result<(), sqlx::Error> {
    let paths_of: HashMap<_, &str> = held.values().map(|held| (held.id, held.source_path.as_str())).collect();
    let mut tallies: HashMap<&str, Tally> = HashMap::new();
    for (document, outcome) in batch.documents.iter().zip(&plan.outcomes) {
        let tally = tallies.entry(document.source_path.as_str()).or_default();
        tally.is_whole_file = document.source_offset.is_none();
        match outcome {
            WriteOutcome::Added | WriteOutcome::Changed | WriteOutcome::Moved => tally.documents += 1,
            WriteOutcome::Unchanged => tally.unchanged += 1,
            WriteOutcome::Duplicate(id) => {
                tally.duplicates += 1;
                tally.duplicate_of = paths_of.get(id).map(|path| (*path).to_owned());
            }
        }
    }
    for (path, tally) in &tallies {
        if let Some(file) = files.get_mut(*path)
            && !plan.repeated.contains(*path)
        {
            file.count(tally);
        }
    }
    dead_letters::record(connection, &batch.dead_letters, files, batch.now).await?;
    dead_letters::recovered(connection, &batch.recovered).await?;
    for update in &batch.files {
        if let Some(file) = files.get_mut(&update.path) {
            file.apply(update, batch.now);
        }
    }
    for file in files.values_mut() {
        file.extend_lease(None, batch.now);
    }
    let mut changed: Vec<&FileRow> = files.values().collect();
    changed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    save_files(connection, &changed).await?;
    dead_letters::clear_passed(connection, &changed).await
}
