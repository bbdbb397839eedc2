//! Blocks of segments in memory. Segments never change, so what is here is never stale; it is only dropped for room.
//!
//! Called by `blocks`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most bytes of blocks a process keeps.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A block's segment and number in it.
pub(super) type BlockKey = (i64, u32);

/// Recently used blocks.
#[derive(Debug, Default)]
pub(super) struct BlockCache {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    blocks: HashMap<BlockKey, (Arc<[u8]>, u64)>,
    bytes: usize,
    /// Counts uses: the greater a block's number, the later it was used.
    clock: u64,
}

impl BlockCache {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the wanted blocks that are here into `found`; returns the others.
    pub(super) fn take_known(
        &self,
        wanted: impl Iterator<Item = BlockKey>,
        found: &mut HashMap<BlockKey, Arc<[u8]>>,
    ) -> Vec<BlockKey> {
        let mut held = self.held();
        held.clock += 1;
        let now = held.clock;
        let mut missing = Vec::new();
        for key in wanted {
            if let Some((bytes, used)) = held.blocks.get_mut(&key) {
                *used = now;
                found.insert(key, Arc::clone(bytes));
            } else {
                missing.push(key);
            }
        }
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Keeps a block; the least recently used quarter goes when there are too many.
    pub(super) fn keep(&self, key: BlockKey, bytes: &Arc<[u8]>) {
        let mut held = self.held();
        let now = held.clock;
        if held.blocks.insert(key, (Arc::clone(bytes), now)).is_none() {
            held.bytes += bytes.len();
        }
        if held.bytes > MOST_BYTES {
            let mut uses: Vec<u64> = held.blocks.values().map(|(_, used)| *used).collect();
            let quarter = uses.len() / 4;
            let (_, oldest, _) = uses.select_nth_unstable(quarter);
            let oldest = *oldest;
            held.blocks.retain(|_, (_, used)| *used > oldest);
            held.bytes = held.blocks.values().map(|(bytes, _)| bytes.len()).sum();
        }
    }

    /// Forgets blocks of segments that are no more.
    pub(super) fn retain_segments(&self, is_current: impl Fn(i64) -> bool) {
        let mut held = self.held();
        held.blocks.retain(|(segment, _), _| is_current(*segment));
        held.bytes = held.blocks.values().map(|(bytes, _)| bytes.len()).sum();
    }
}
