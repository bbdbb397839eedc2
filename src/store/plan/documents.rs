//! What a commit does with each document of a batch. Pure: decides over what was loaded, in the order of the batch.
//!
//! Where a message stands in its archive is not its identity: an archive may be rewritten. A message met at another
//! offset of the same file is a second copy (`Duplicate`) when the stored one still stands where it stood: it was met
//! earlier in this pass over the file, or lies before the place this pass began to read. Otherwise the message moved
//! within the file and keeps its document, at the new offset. Called by the adapters' `documents::commit`.

use std::collections::{HashMap, HashSet};

use crate::domain::{DocumentId, NewDocument, SourceType, WriteOutcome};
use crate::store::RetireReason;
use crate::store::shared::ledger::FileRow;

use super::signed;

/// A stored document, as far as the decision needs it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Row number.
    pub(crate) seq: i64,
    /// Its id.
    pub(crate) id: DocumentId,
    /// Its source key.
    pub(crate) source_key: String,
    /// Its file.
    pub(crate) source_path: String,
    /// Its place in the file.
    pub(crate) source_offset: Option<i64>,
    /// Its content.
    pub(crate) content_sha256: [u8; 32],
    /// Why it is retired, if it is.
    pub(crate) retired: Option<RetireReason>,
}

/// What the batch meets in the store.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By row number.
    pub(crate) documents: HashMap<i64, Held>,
    /// Ids that cannot be given to a new document although no document above has them.
    pub(crate) taken_ids: HashSet<DocumentId>,
    /// Pass over its archive in which a message was last met.
    pub(crate) passes: HashMap<i64, i64>,
    /// Highest row number in use.
    pub(crate) last_seq: i64,
}

/// How a document's rows come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All rows are new.
    New,
    /// An existing document gets new content, place, or life.
    Replace {
        /// Its file was gone and is back.
        revived: bool,
        /// Its path changed.
        moved: bool,
    },
}

/// One document to write.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Row number.
    pub(crate) seq: i64,
    /// Id it has or gets.
    pub(crate) id: DocumentId,
    /// Which document of the batch it is.
    pub(crate) document: usize,
    /// How.
    pub(crate) fate: Fate,
    /// Whether it is live afterwards (one the user deleted stays deleted).
    pub(crate) live: bool,
}

/// The whole decision.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// One per document, in order.
    pub(crate) outcomes: Vec<WriteOutcome>,
    /// What to write, each row number once.
    pub(crate) slots: Vec<Slot>,
    /// Messages that moved within their file, otherwise as they were: row number and new offset.
    pub(crate) shifted: Vec<(i64, Option<i64>)>,
    /// Messages of archives met now: row number and pass.
    pub(crate) met: Vec<(i64, i64)>,
    /// Archives of which a message was met at this very place in this very pass before: the batch is committed once
    /// more (its acknowledgement was lost), and its items are counted already.
    pub(crate) repeated: HashSet<String>,
}

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
    for held in known.documents.values() {
        by_content.entry(held.content_sha256).or_default().push(held.seq);
    }
    for holders in by_content.values_mut() {
        holders.sort_unstable();
    }
    let mut planner = Planner {
        by_key: known.documents.values().map(|held| (held.source_key.clone(), held.seq)).collect(),
        by_id: known.documents.values().map(|held| (held.id, held.seq)).collect(),
        by_content,
        files,
        moves: moves.iter().map(|(key, id)| (key.as_str(), *id)).collect(),
        slot_of: HashMap::new(),
        met_now: HashSet::new(),
        plan: Plan::default(),
        known,
    };
    for (index, document) in documents.iter().enumerate() {
        let outcome = planner.decide(index, document);
        planner.plan.outcomes.push(outcome);
    }
    (planner.plan, planner.known.documents)
}

impl Planner<'_> {
    fn decide(&mut self, index: usize, document: &NewDocument) -> WriteOutcome {
        if let Some(held) = self.by_key.get(&document.source_key).and_then(|seq| self.known.documents.get(seq)).cloned()
        {
            return self.decide_held(index, document, &held);
        }
        let moved_here = self.moves.get(document.source_key.as_str()).and_then(|id| self.by_id.get(id));
        if let Some(held) = moved_here.and_then(|seq| self.known.documents.get(seq)).cloned()
            && !self.slot_of.contains_key(&held.seq)
        {
            self.replace(index, document, &held);
            return WriteOutcome::Moved;
        }
        if document.source_type != SourceType::Mail
            && let Some(id) = self.live_holder(document.content_sha256)
        {
            return WriteOutcome::Duplicate(id);
        }
        self.add(index, document);
        WriteOutcome::Added
    }

    fn decide_held(&mut self, index: usize, document: &NewDocument, held: &Held) -> WriteOutcome {
        let offset = document.source_offset.map(signed);
        let mut shifted = false;
        if document.source_type == SourceType::Mail {
            if held.source_path != document.source_path {
                let told = self.moves.get(document.source_key.as_str()) == Some(&held.id);
                if (told || held.retired == Some(RetireReason::FileGone)) && !self.met_now.contains(&held.seq) {
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

    fn live_holder(&self, content: [u8; 32]) -> Option<DocumentId> {
        self.by_content
            .get(&content)?
            .iter()
            .filter_map(|seq| self.known.documents.get(seq))
            .find(|held| held.retired.is_none() && held.content_sha256 == content)
            .map(|held| held.id)
    }

    fn replace(&mut self, index: usize, document: &NewDocument, held: &Held) {
        self.meet(held.seq, document);
        let revived = held.retired == Some(RetireReason::FileGone);
        let moved = held.source_path != document.source_path;
        if let Some(slot) = self.slot_of.get(&held.seq).and_then(|at| self.plan.slots.get_mut(*at)) {
            slot.document = index;
        } else {
            self.slot_of.insert(held.seq, self.plan.slots.len());
            let live = held.retired != Some(RetireReason::Deleted);
            let fate = Fate::Replace { revived, moved };
            self.plan.slots.push(Slot { seq: held.seq, id: held.id, document: index, fate, live });
        }
        self.by_key.remove(&held.source_key);
        self.hold(Held {
            source_key: document.source_key.clone(),
            source_path: document.source_path.clone(),
            source_offset: document.source_offset.map(signed),
            content_sha256: document.content_sha256,
            retired: held.retired.filter(|reason| *reason == RetireReason::Deleted),
            ..held.clone()
        });
    }

    fn add(&mut self, index: usize, document: &NewDocument) {
        let mut id = document.id;
        let mut number = 2;
        while self.by_id.contains_key(&id) || self.known.taken_ids.contains(&id) {
            id = alternative_id(&document.source_key, number);
            number += 1;
        }
        self.known.last_seq += 1;
        let seq = self.known.last_seq;
        self.slot_of.insert(seq, self.plan.slots.len());
        self.plan.slots.push(Slot { seq, id, document: index, fate: Fate::New, live: true });
        self.hold(Held {
            seq,
            id,
            source_key: document.source_key.clone(),
            source_path: document.source_path.clone(),
            source_offset: document.source_offset.map(signed),
            content_sha256: document.content_sha256,
            retired: None,
        });
        self.meet(seq, document);
    }

    fn hold(&mut self, held: Held) {
        self.by_key.insert(held.source_key.clone(), held.seq);
        self.by_id.insert(held.id, held.seq);
        self.by_content.entry(held.content_sha256).or_default().push(held.seq);
        self.known.documents.insert(held.seq, held);
    }
}
