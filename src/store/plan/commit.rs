//! The parts of a commit around the plan: its models, its events, and the ledger. Called by the adapters'
//! `documents::commit`.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::domain::intake::FileState;
use crate::domain::outbox::EventType;
use crate::domain::{DocumentId, ModelId, NewDocument, Timestamp, WriteOutcome};
use crate::store::shared::dead_letters::position;
use crate::store::shared::ledger::{FileRow, Tally};
use crate::store::{CommitBatch, ONCE_KEPT, RetireReason, StoreError, StoreResult};

use super::affected::Touched;
use super::documents::{Fate, Held, Plan, Slot};
use super::signed;

/// A document about to be written.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    /// Where and how.
    pub(crate) slot: &'a Slot,
    /// What.
    pub(crate) document: &'a NewDocument,
}

/// The documents a plan writes, in its order.
pub(crate) fn writings<'a>(batch: &'a CommitBatch, plan: &'a Plan) -> Vec<Writing<'a>> {
    plan.slots
        .iter()
        .filter_map(|slot| batch.documents.get(slot.document).map(|document| Writing { slot, document }))
        .collect()
}

/// Row numbers of the documents a plan replaces.
pub(crate) fn replaced(plan: &Plan) -> Vec<i64> {
    plan.slots.iter().filter(|slot| slot.fate != Fate::New).map(|slot| slot.seq).collect()
}

/// What a commit is about, for its errors.
pub(crate) fn describe(batch: &CommitBatch) -> String {
    let first = batch.documents.first().map(|document| document.source_key.as_str());
    let first = first.or_else(|| batch.files.first().map(|file| file.path.as_str())).unwrap_or("nothing");
    format!("{} documents from {first}", batch.documents.len())
}

/// Models of a commit, by row number.
#[derive(Debug, Default)]
pub(crate) struct Models {
    /// Model of the vectors that come with the chunks.
    pub(crate) instant: Option<i64>,
    /// Models with jobs for new chunks.
    pub(crate) background: Vec<i64>,
}

/// Finds the models among `known` (name, row number, dimension) and holds every vector to its model's dimension.
pub(crate) fn models(
    operation: &'static str,
    key: &str,
    batch: &CommitBatch,
    known: Vec<(String, i64, i64)>,
) -> StoreResult<Models> {
    let known: HashMap<String, (i64, i64)> =
        known.into_iter().map(|(name, seq, dimension)| (name, (seq, dimension))).collect();
    let find = |model: &ModelId| {
        known
            .get(&model.0)
            .copied()
            .ok_or_else(|| StoreError::invariant(operation, key, format!("model {model} is not registered")))
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
                return Err(StoreError::invariant(operation, document.source_key.as_str(), message));
            }
        }
    }
    // One that was dropped meanwhile needs no jobs any more.
    for model in &batch.background_models {
        let Some((seq, _)) = known.get(&model.0).copied() else { continue };
        if Some(seq) != models.instant && !models.background.contains(&seq) {
            models.background.push(seq);
        }
    }
    Ok(models)
}

/// The events of the documents written, and what they touch, given the names each had and has.
pub(crate) fn events(
    writings: &[Writing<'_>],
    old_names: &HashMap<i64, HashSet<String>>,
    new_names: &HashMap<i64, Vec<String>>,
) -> (Vec<(EventType, Uuid)>, Touched) {
    let mut events = Vec::with_capacity(writings.len());
    let mut touched = Touched::default();
    for writing in writings {
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
    (events, touched)
}

/// What is remembered under a batch's key: the document that holds the content now, and whether it is new. `None` for a
/// batch without documents.
pub(crate) fn remembered(batch: &CommitBatch, plan: &Plan) -> Option<(DocumentId, bool)> {
    let outcome = batch.documents.first().and(plan.outcomes.first())?;
    Some((*plan.ids.first()?, *outcome == WriteOutcome::Added))
}

/// Keys older than this moment are forgotten.
pub(crate) fn once_forgotten_before(now: Timestamp) -> i64 {
    now.0.saturating_sub(i64::try_from(ONCE_KEPT.as_millis()).unwrap_or(i64::MAX))
}

/// Paths of the ledger rows a commit moves.
pub(crate) fn paths(batch: &CommitBatch) -> HashSet<&str> {
    let mut paths: HashSet<&str> = batch.documents.iter().map(|document| document.source_path.as_str()).collect();
    paths.extend(batch.files.iter().map(|file| file.path.as_str()));
    paths.extend(batch.dead_letters.iter().map(|letter| letter.path.as_str()));
    paths
}

/// Takes note of every place the commit read.
pub(crate) fn note_places(batch: &CommitBatch, files: &mut HashMap<String, FileRow>) {
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
}

/// Counts on their files what became of the documents.
pub(crate) fn count(batch: &CommitBatch, plan: &Plan, held: &HashMap<i64, Held>, files: &mut HashMap<String, FileRow>) {
    let holders: HashMap<_, &Held> = held.values().map(|held| (held.id, held)).collect();
    let mut tallies: HashMap<&str, Tally> = HashMap::new();
    for (document, outcome) in batch.documents.iter().zip(&plan.outcomes) {
        let tally = tallies.entry(document.source_path.as_str()).or_default();
        tally.is_whole_file = document.source_offset.is_none();
        match outcome {
            WriteOutcome::Added | WriteOutcome::Changed | WriteOutcome::Moved => tally.documents += 1,
            WriteOutcome::Unchanged => tally.unchanged += 1,
            WriteOutcome::Duplicate(id) => {
                tally.duplicates += 1;
                tally.duplicate_of = holders.get(id).map(|held| repeats(document, held));
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
}

/// What a document repeats, in words. Equal content is claimed only of bytes that were compared.
fn repeats(document: &NewDocument, held: &Held) -> String {
    let what = if document.content_sha256 == held.content_sha256 {
        "same content as"
    } else if document.fingerprint.is_some() && document.fingerprint == held.fingerprint {
        "same mail as"
    } else {
        "same Message-ID, subject and date as"
    };
    let deleted = if held.retired == Some(RetireReason::Deleted) { ", which you deleted" } else { "" };
    format!("{what} {}{deleted}", held.source_path)
}

/// An item that repeats a document of another place.
#[derive(Debug)]
pub(crate) struct DuplicateRow<'a> {
    /// Its file.
    pub(crate) path: &'a str,
    /// Byte offset, or the whole file.
    pub(crate) position: i64,
    /// The document.
    pub(crate) document_seq: i64,
    /// Pass of the file in which it was met.
    pub(crate) pass: i64,
}

/// The items of known files that repeat a document, and those that were read and do not.
pub(crate) fn duplicates<'a>(
    batch: &'a CommitBatch,
    plan: &Plan,
    files: &HashMap<String, FileRow>,
) -> (Vec<DuplicateRow<'a>>, Vec<(&'a str, i64)>) {
    let holders: HashMap<usize, i64> = plan.duplicates.iter().copied().collect();
    let mut rows: HashMap<(&str, i64), Option<DuplicateRow<'_>>> = HashMap::new();
    for (index, document) in batch.documents.iter().enumerate() {
        let Some(file) = files.get(&document.source_path) else { continue };
        let (path, position) = (document.source_path.as_str(), position(document.source_offset));
        let row = holders.get(&index).map(|document_seq| DuplicateRow {
            path,
            position,
            document_seq: *document_seq,
            pass: file.pass,
        });
        rows.insert((path, position), row);
    }
    let mut repeating = Vec::new();
    let mut own = Vec::new();
    for (place, row) in rows {
        match row {
            Some(row) => repeating.push(row),
            None => own.push(place),
        }
    }
    (repeating, own)
}

/// Files of which all is known now, each with the documents that stay.
pub(crate) fn whole<'a>(batch: &'a CommitBatch, plan: &Plan) -> Vec<(&'a str, HashSet<DocumentId>)> {
    let files = batch.files.iter().filter_map(|update| update.whole.as_ref().map(|found| (update, found)));
    files
        .map(|(update, found)| {
            let here =
                batch.documents.iter().zip(&plan.ids).filter(|(document, _)| document.source_path == update.path);
            (update.path.as_str(), here.map(|(_, id)| *id).chain(found.iter().copied()).collect())
        })
        .collect()
}

/// Old places of documents that moved, each with its new one; not those that the batch itself speaks of.
pub(crate) fn vacated<'a>(batch: &CommitBatch, plan: &'a Plan) -> HashMap<&'a str, &'a str> {
    let spoken_of: HashSet<&str> = batch.files.iter().map(|update| update.path.as_str()).collect();
    let places = plan.vacated.iter().map(|(from, to)| (from.as_str(), to.as_str()));
    places.filter(|(from, _)| !spoken_of.contains(from)).collect()
}

/// Of the rows written, those whose files are gone: nothing is left to retry, and nothing they repeat.
pub(crate) fn gone<'a>(changed: &[&'a FileRow]) -> Vec<&'a FileRow> {
    changed.iter().filter(|file| file.state == FileState::Retired).copied().collect()
}

/// Of the rows written, those whose pass ended.
pub(crate) fn ended<'a>(changed: &[&'a FileRow]) -> Vec<&'a FileRow> {
    let has_ended =
        |file: &&&FileRow| !matches!(file.state, FileState::Queued | FileState::Parsing | FileState::Retired);
    changed.iter().filter(has_ended).copied().collect()
}

/// Takes over the updates and keeps what is in hand for another lease. Returns the rows to write, by path.
pub(crate) fn settle<'a>(batch: &CommitBatch, files: &'a mut HashMap<String, FileRow>) -> Vec<&'a FileRow> {
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
    changed
}
