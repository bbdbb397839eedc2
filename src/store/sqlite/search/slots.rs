//! Numbers the searchable chunks from 0 in order of their ids, so that every index can be a flat array.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::ChunkKind;
use crate::store::shared::numbers::Numbers;
use crate::store::shared::ranking::Statistics;

/// Slot tables. A removed chunk keeps its slot, marked, until the next start.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Chunk id per slot, ascending.
    pub(super) ids: Vec<i64>,
    /// Document number per slot.
    pub(super) documents: Vec<u32>,
    /// What the chunk is, per slot; every text is a body here.
    pub(super) kinds: Vec<ChunkKind>,
    /// Length in word pieces per slot.
    pub(super) lengths: Vec<u32>,
    /// Whether the chunk is gone.
    pub(super) removed: Vec<bool>,
    /// Sum of the lengths of texts that are not gone.
    pub(super) total_length: u64,
    /// Texts that are not gone.
    texts: u64,
    /// Length of the longest text there was.
    longest: u32,
    /// Whether any chunk is a quote.
    pub(super) has_quotes: bool,
    /// By number, whether a document answers a message that is live in the store.
    answers: Vec<bool>,
    /// Chunks that are not gone.
    pub(super) alive: u64,
    /// Ids of documents by number; nil where there is none.
    pub(super) document_ids: Vec<Uuid>,
    /// Numbers of deleted documents.
    pub(super) deleted: HashSet<u32>,
    /// Greatest `search_change.seq` seen.
    pub(super) change_seen: i64,
    /// Whether the tables were read at all.
    pub(super) loaded: bool,
}

impl Slots {
    /// Greatest chunk id seen.
    pub(super) fn last_id(&self) -> i64 {
        self.ids.last().copied().unwrap_or(0)
    }

    /// Adds a chunk; ids must come in ascending order.
    pub(super) fn push(&mut self, id: i64, document: u32, length: u32, kind: ChunkKind) {
        debug_assert!(id > self.last_id());
        self.ids.push(id);
        self.documents.push(document);
        self.lengths.push(length);
        self.removed.push(false);
        self.kinds.push(kind);
        self.has_quotes |= kind == ChunkKind::Quoted;
        if kind.is_text() {
            self.total_length += u64::from(length);
            self.texts += 1;
            self.longest = self.longest.max(length);
        }
        self.alive += 1;
    }

    /// Notes whether a document answers a live message.
    pub(super) fn set_answer(&mut self, document: usize, answers: bool) {
        if self.answers.len() <= document {
            self.answers.resize(document + 1, false);
        }
        self.answers[document] = answers;
    }

    /// Whether the message that the document of a slot answers is live in the store.
    pub(super) fn is_answer(&self, slot: usize) -> bool {
        self.answers.get(self.documents[slot] as usize).copied().unwrap_or(false)
    }

    /// What words are weighed by.
    pub(super) fn statistics(&self) -> Statistics {
        let mean_length = (self.total_length as f32 / self.texts.max(1) as f32).max(1.0);
        Statistics { texts: self.texts, chunks: self.alive, mean_length, longest: self.longest }
    }

    /// Greatest document number known.
    pub(super) fn last_document(&self) -> i64 {
        (self.document_ids.len() as i64 - 1).max(0)
    }

    /// Makes a document's id known.
    pub(super) fn push_document(&mut self, number: u32, id: Uuid) {
        let number = number as usize;
        if self.document_ids.len() <= number {
            self.document_ids.resize(number + 1, Uuid::nil());
        }
        self.document_ids[number] = id;
    }

    /// The document of the chunk in `slot`.
    pub(super) fn document_id(&self, slot: usize) -> Uuid {
        self.document_ids.get(self.documents[slot] as usize).copied().unwrap_or_default()
    }

    /// Marks a chunk gone.
    pub(super) fn remove(&mut self, id: i64) {
        if let Some(slot) = self.slot(id)
            && !self.removed[slot]
        {
            self.removed[slot] = true;
            if self.kinds[slot].is_text() {
                self.total_length -= u64::from(self.lengths[slot]);
                self.texts -= 1;
            }
            self.alive -= 1;
        }
    }

    /// The slot of a chunk.
    pub(super) fn slot(&self, id: i64) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }
}

/// Documents a search may return.
#[derive(Clone, Debug)]
pub(super) enum Allowed {
    /// Every document that is not deleted.
    Live,
    /// These, by number (deleted ones among them only when asked for).
    Only(Arc<Numbers>),
}

impl Allowed {
    /// Whether the chunk in `slot` may be returned.
    pub(super) fn slot(&self, slots: &Slots, slot: usize) -> bool {
        let document = slots.documents[slot];
        !slots.removed[slot]
            && match self {
                Self::Live => slots.deleted.is_empty() || !slots.deleted.contains(&document),
                Self::Only(documents) => documents.holds(document as usize),
            }
    }
}
