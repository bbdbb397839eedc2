//! What a commit does with each document of a batch. Pure: decides over what was loaded, in the order of the batch.
//!
//! Which stored mail a mail is says [`super::mails`]. Where a message stands in its archive is not its identity: an archive
//! may be rewritten. A message met at another
//! offset of the same file is a second copy (`Duplicate`) when the stored one still stands where it stood: it was met
//! earlier in this pass over the file, or lies before the place this pass began to read. Otherwise the message moved
//! within the file and keeps its document, at the new offset. Called by the adapters' `documents::commit`.

use std::collections::{HashMap, HashSet};

use crate::domain::{DocumentId, NewDocument, SourceType, WriteOutcome};
use crate::store::RetireReason;
use crate::store::shared::ledger::FileRow;

pub(crate) use super::fates::{Fate, Held, Known, Plan, Slot};
use super::{mails, signed};

/// The stable name of a reason.
pub(crate) fn reason_name(reason: RetireReason) -> &'static str {
    match reason {
        RetireReason::Deleted => "deleted",
        RetireReason::FileGone => "file_gone",
    }
}

/// The reason with that name.
pub(crate) fn parse_reason(name: &str) -> Option<RetireReason> {
    [RetireReason::Deleted, RetireReason::FileGone].into_iter().find(|reason| reason_name(*reason) == name)
}

/// The id for a key whose own id another document has.
pub(crate) fn alternative_id(key: &str, number: u32) -> DocumentId {
    DocumentId::from_source_key(&format!("{key}#{number}"))
}

struct Planner<'a> {
    known: Known,
    by_key: HashMap<String, i64>,
    by_id: HashMap<DocumentId, i64>,
    by_content: HashMap<[u8; 32], Vec<i64>>,
    by_message: HashMap<String, Vec<i64>>,
    files: &'a HashMap<String, FileRow>,
    moves: HashMap<&'a str, DocumentId>,
    slot_of: HashMap<i64, usize>,
    met_now: HashSet<i64>,
    plan: Plan,
}

/// Decides what happens to `documents`.
pub(crate) fn plan(
    documents: &[NewDocument],
    moves: &[(String, DocumentId)],
    known: Known,
    files: &HashMap<String, FileRow>,
) -> (Plan, HashMap<i64, Held>) {
    let mut by_content: HashMap<[u8; 32], Vec<i64>> = HashMap::new();
    let mut by_message: HashMap<String, Vec<i64>> = HashMap::new();
    for held in known.documents.values() {
        by_content.entry(held.content_sha256).or_default().push(held.seq);
        if let Some(message_id) = &held.message_id {
            by_message.entry(message_id.clone()).or_default().push(held.seq);
        }
    }
    by_content.values_mut().chain(by_message.values_mut()).for_each(|holders| holders.sort_unstable());
    let mut planner = Planner {
        by_key: known.documents.values().map(|held| (held.source_key.clone(), held.seq)).collect(),
        by_id: known.documents.values().map(|held| (held.id, held.seq)).collect(),
        by_content,
        by_message,
        files,
        moves: moves.iter().map(|(key, id)| (key.as_str(), *id)).collect(),
        slot_of: HashMap::new(),
        met_now: HashSet::new(),
        plan: Plan::default(),
        known,
    };
    for (index, document) in documents.iter().enumerate() {
        let (outcome, seq) = planner.decide(index, document);
        if let WriteOutcome::Duplicate(_) = outcome {
            planner.plan.duplicates.push((index, seq));
        }
        let id = planner.known.documents.get(&seq).map_or(document.id, |held| held.id);
        planner.plan.outcomes.push(outcome);
        planner.plan.ids.push(id);
    }
    // What is written anew gets its fingerprint with everything else.
    let written = &planner.slot_of;
    planner.plan.fingerprints.retain(|(seq, _)| !written.contains_key(seq));
    (planner.plan, planner.known.documents)
}

impl Planner<'_> {
    /// What becomes of a document, and the row number of the document that holds its content then.
    fn decide(&mut self, index: usize, document: &NewDocument) -> (WriteOutcome, i64) {
        if document.source_type == SourceType::Mail && document.message.is_some() {
            return self.decide_mail(index, document);
        }
        if let Some(held) = self.by_key.get(&document.source_key).and_then(|seq| self.known.documents.get(seq)).cloned()
        {
            return (self.decide_held(index, document, &held), held.seq);
        }
        if let Some(held) = self.told_to_move(document) {
            return self.move_here(index, document, &held);
        }
        if let Some((id, seq)) = self.holder(document) {
            return (WriteOutcome::Duplicate(id), seq);
        }
        if let Some(held) = self.left_behind(document) {
            self.replace(index, document, &held);
            return (WriteOutcome::Moved, held.seq);
        }
        let seq = self.add(index, document, document.source_key.clone());
        (WriteOutcome::Added, seq)
    }

    fn decide_mail(&mut self, index: usize, document: &NewDocument) -> (WriteOutcome, i64) {
        if let Some(held) = mails::the_same(document, self.of_its_message(document)).cloned() {
            self.learn_fingerprint(&held, document);
            return (self.decide_held(index, document, &held), held.seq);
        }
        // The mail of this file that is not what it was: edited, a draft saved again, an archive read while it grew.
        let offset = document.source_offset.map(signed);
        let rewritten = self.of_its_message(document).filter(|held| {
            held.source_path == document.source_path
                && held.retired != Some(RetireReason::Deleted)
                && !self.met_now.contains(&held.seq)
                && (held.source_offset == offset || !self.still_stands(held))
        });
        let rewritten = rewritten.max_by_key(|held| (held.source_offset == offset, held.retired.is_none(), -held.seq));
        if let Some(held) = rewritten.cloned() {
            self.replace(index, document, &held);
            return (WriteOutcome::Changed, held.seq);
        }
        let is_free = |key: &String| !self.by_key.contains_key(key) && !self.known.taken_keys.contains(key);
        let mut keys = std::iter::once(document.source_key.clone()).chain(mails::further_keys(document));
        let key = keys.find(is_free).unwrap_or_else(|| document.source_key.clone());
        let seq = self.add(index, document, key);
        (WriteOutcome::Added, seq)
    }

    /// Stored mails with this one's Message-ID, as far as they were loaded.
    fn of_its_message(&self, document: &NewDocument) -> impl Iterator<Item = &Held> {
        let message_id = document.message.as_ref().map(|message| message.message_id.as_str());
        let seqs = message_id.and_then(|id| self.by_message.get(id)).into_iter().flatten();
        seqs.filter_map(|seq| self.known.documents.get(seq))
    }

    /// A mail of before fingerprints were kept is known by its bytes: now it gets one, unless another has it already.
    fn learn_fingerprint(&mut self, held: &Held, document: &NewDocument) {
        let Some(fingerprint) = document.fingerprint else { return };
        let is_known = held.fingerprint.is_some() || held.content_sha256 != document.content_sha256;
        if is_known || self.of_its_message(document).any(|other| other.fingerprint == Some(fingerprint)) {
            return;
        }
        self.plan.fingerprints.push((held.seq, fingerprint));
        if let Some(held) = self.known.documents.get_mut(&held.seq) {
            held.fingerprint = Some(fingerprint);
        }
    }

    /// The document that the batch says moved to where this one was read.
    fn told_to_move(&self, document: &NewDocument) -> Option<Held> {
        let seq = self.moves.get(document.source_key.as_str()).and_then(|id| self.by_id.get(id))?;
        let held = self.known.documents.get(seq).filter(|held| !self.slot_of.contains_key(&held.seq))?;
        Some(held.clone())
    }

    fn move_here(&mut self, index: usize, document: &NewDocument, held: &Held) -> (WriteOutcome, i64) {
        self.plan.vacated.push((held.source_path.clone(), document.source_path.clone()));
        self.replace(index, document, held);
        (WriteOutcome::Moved, held.seq)
    }

    fn decide_held(&mut self, index: usize, document: &NewDocument, held: &Held) -> WriteOutcome {
        let offset = document.source_offset.map(signed);
        let mut shifted = false;
        if document.source_type == SourceType::Mail {
            if held.source_path != document.source_path {
                let told = self.moves.get(document.source_key.as_str()) == Some(&held.id);
                if (told || held.retired == Some(RetireReason::FileGone)) && !self.met_now.contains(&held.seq) {
                    if told {
                        return self.move_here(index, document, held).0;
                    }
                    self.replace(index, document, held);
                    return WriteOutcome::Moved;
                }
                return WriteOutcome::Duplicate(held.id);
            }
            shifted = held.source_offset != offset;
            if shifted && self.still_stands(held) {
                return WriteOutcome::Duplicate(held.id);
            }
        }
        if held.content_sha256 != document.content_sha256 || held.retired == Some(RetireReason::FileGone) {
            self.replace(index, document, held);
            return WriteOutcome::Changed;
        }
        if !shifted && self.is_repeated(held) {
            self.plan.repeated.insert(held.source_path.clone());
        }
        self.meet(held.seq, document);
        if shifted {
            self.plan.shifted.push((held.seq, offset));
            if let Some(held) = self.known.documents.get_mut(&held.seq) {
                held.source_offset = offset;
            }
        }
        WriteOutcome::Unchanged
    }

    /// Whether a message stored for this file is known to stand at its stored offset still.
    fn still_stands(&self, held: &Held) -> bool {
        if self.met_now.contains(&held.seq) {
            return true;
        }
        let Some(file) = self.files.get(&held.source_path).filter(|file| file.pass > 0) else { return false };
        self.known.passes.get(&held.seq) == Some(&file.pass)
            || held.source_offset.is_some_and(|offset| offset < file.pass_start)
    }

    /// Whether a message of an archive was met in this pass before this batch.
    fn is_repeated(&self, held: &Held) -> bool {
        held.source_offset.is_some()
            && !self.met_now.contains(&held.seq)
            && self
                .files
                .get(&held.source_path)
                .is_some_and(|file| file.pass > 0 && self.known.passes.get(&held.seq) == Some(&file.pass))
    }

    fn meet(&mut self, seq: i64, document: &NewDocument) {
        if document.source_type != SourceType::Mail {
            return;
        }
        self.met_now.insert(seq);
        if document.source_offset.is_some()
            && let Some(file) = self.files.get(&document.source_path).filter(|file| file.pass > 0)
            && self.known.passes.insert(seq, file.pass) != Some(file.pass)
        {
            self.plan.met.push((seq, file.pass));
        }
    }

    /// The document that holds this content: a live one, or, for what was read from a file, one that the user deleted.
    /// What the user deleted does not come back under the name of its copy; a note written again does.
    fn holder(&self, document: &NewDocument) -> Option<(DocumentId, i64)> {
        let content = document.content_sha256;
        let holders = self.by_content.get(&content)?.iter().filter_map(|seq| self.known.documents.get(seq));
        holders
            .filter(|held| held.content_sha256 == content)
            .filter(|held| match held.retired {
                None => true,
                Some(RetireReason::Deleted) => document.source_type != SourceType::Note,
                Some(RetireReason::FileGone) => false,
            })
            .min_by_key(|held| (held.retired.is_some(), held.seq))
            .map(|held| (held.id, held.seq))
    }

    /// The document of this content whose file is gone: it goes on here.
    fn left_behind(&self, document: &NewDocument) -> Option<Held> {
        let seqs = self.by_content.get(&document.content_sha256)?.iter();
        let held = seqs.filter_map(|seq| self.known.documents.get(seq)).filter(|held| {
            held.content_sha256 == document.content_sha256
                && held.retired == Some(RetireReason::FileGone)
                && held.message_id.is_none()
                && document.source_type != SourceType::Note
                && !self.slot_of.contains_key(&held.seq)
        });
        held.max_by_key(|held| held.seq).cloned()
    }

    fn replace(&mut self, index: usize, document: &NewDocument, held: &Held) {
        self.meet(held.seq, document);
        let revived = held.retired == Some(RetireReason::FileGone);
        let moved = held.source_path != document.source_path;
        // A mail keeps the key it has: others of its Message-ID may have the one it would get.
        let (key, edited) = if held.message_id.is_some() && document.message.is_some() {
            (&held.source_key, mails::is_edited(held, document))
        } else {
            (&document.source_key, held.content_sha256 != document.content_sha256)
        };
        if edited && held.retired.is_none() {
            self.plan.emptied.push(held.seq);
        }
        if let Some(slot) = self.slot_of.get(&held.seq).and_then(|at| self.plan.slots.get_mut(*at)) {
            slot.document = index;
            slot.key.clone_from(key);
        } else {
            self.slot_of.insert(held.seq, self.plan.slots.len());
            let live = held.retired != Some(RetireReason::Deleted);
            let fate = Fate::Replace { revived, moved };
            self.plan.slots.push(Slot { seq: held.seq, id: held.id, key: key.clone(), document: index, fate, live });
        }
        self.by_key.remove(&held.source_key);
        let retired = held.retired.filter(|reason| *reason == RetireReason::Deleted);
        self.hold(held_as(document, held.seq, held.id, key.clone(), retired));
    }

    fn add(&mut self, index: usize, document: &NewDocument, key: String) -> i64 {
        let mut id = document.id;
        let mut number = 2;
        if key != document.source_key {
            id = DocumentId::from_source_key(&key);
        }
        while self.by_id.contains_key(&id) || self.known.taken_ids.contains(&id) {
            id = alternative_id(&key, number);
            number += 1;
        }
        self.known.last_seq += 1;
        let seq = self.known.last_seq;
        self.slot_of.insert(seq, self.plan.slots.len());
        self.plan.slots.push(Slot { seq, id, key: key.clone(), document: index, fate: Fate::New, live: true });
        self.hold(held_as(document, seq, id, key, None));
        self.meet(seq, document);
        seq
    }

    fn hold(&mut self, held: Held) {
        self.by_key.insert(held.source_key.clone(), held.seq);
        if let Some(message_id) = &held.message_id {
            let seqs = self.by_message.entry(message_id.clone()).or_default();
            if !self.known.documents.contains_key(&held.seq) || !seqs.contains(&held.seq) {
                seqs.push(held.seq);
            }
        }
        self.by_id.insert(held.id, held.seq);
        self.by_content.entry(held.content_sha256).or_default().push(held.seq);
        self.known.documents.insert(held.seq, held);
    }
}

/// A document as it is held once the batch is written.
fn held_as(document: &NewDocument, seq: i64, id: DocumentId, key: String, retired: Option<RetireReason>) -> Held {
    Held {
        seq,
        id,
        source_key: key,
        source_path: document.source_path.clone(),
        source_offset: document.source_offset.map(signed),
        content_sha256: document.content_sha256,
        retired,
        title: document.title.clone(),
        dated_at: document.dated_at.map(|at| at.0),
        message_id: document.message.as_ref().map(|message| message.message_id.clone()),
        fingerprint: document.fingerprint,
    }
}
