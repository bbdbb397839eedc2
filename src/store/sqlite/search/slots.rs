//! Numbers the searchable chunks from 0 in order of their ids, so that every index can be a flat array.

use std::collections::HashSet;

/// Slot tables. A removed chunk keeps its slot, marked, until the next start.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Chunk id per slot, ascending.
    pub(super) ids: Vec<i64>,
    /// Document number per slot.
    pub(super) documents: Vec<u32>,
    /// Length in word pieces per slot.
    pub(super) lengths: Vec<u32>,
    /// Whether the chunk is gone.
    pub(super) removed: Vec<bool>,
    /// Sum of the lengths of chunks that are not gone.
    pub(super) total_length: u64,
    /// Chunks that are not gone.
    pub(super) alive: u64,
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
    pub(super) fn push(&mut self, id: i64, document: u32, length: u32) {
        debug_assert!(id > self.last_id());
        self.ids.push(id);
        self.documents.push(document);
        self.lengths.push(length);
        self.removed.push(false);
        self.total_length += u64::from(length);
        self.alive += 1;
    }

    /// Marks a chunk gone.
    pub(super) fn remove(&mut self, id: i64) {
        if let Some(slot) = self.slot(id)
            && !self.removed[slot]
        {
            self.removed[slot] = true;
            self.total_length -= u64::from(self.lengths[slot]);
            self.alive -= 1;
        }
    }

    /// The slot of a chunk.
    pub(super) fn slot(&self, id: i64) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// Mean length of a chunk in word pieces, at least 1.
    pub(super) fn mean_length(&self) -> f32 {
        if self.alive == 0 { 1.0 } else { (self.total_length as f32 / self.alive as f32).max(1.0) }
    }
}

/// Documents a search may return.
#[derive(Debug)]
pub(super) enum Allowed {
    /// Every document that is not deleted.
    Live,
    /// These, by number (deleted ones among them only when asked for).
    Only(HashSet<u32>),
}

impl Allowed {
    /// Whether the chunk in `slot` may be returned.
    pub(super) fn slot(&self, slots: &Slots, slot: usize) -> bool {
        let document = slots.documents[slot];
        !slots.removed[slot]
            && match self {
                Self::Live => slots.deleted.is_empty() || !slots.deleted.contains(&document),
                Self::Only(documents) => documents.contains(&document),
            }
    }
}
