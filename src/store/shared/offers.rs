//! What an offer of files does to the queue. Pure.
//!
//! Called by the adapters' `intake`.

use std::collections::HashMap;

use crate::domain::intake::{FileState, OfferedFile, Origin};

/// How much of an archive's start its head hash covers; a scan may resume behind it without reading it all again.
const HEAD_BYTES: i64 = 64 * 1024;

/// Unicode lower case of a path when ASCII lower case does not give the same.
pub(crate) fn folded(path: &str) -> Option<String> {
    let folded = path.to_lowercase();
    (folded != path.to_ascii_lowercase()).then_some(folded)
}

/// What is known of a file that is offered.
pub(crate) struct KnownFile {
    /// Who offered it.
    pub(crate) origin: Origin,
    /// Where it stands.
    pub(crate) state: FileState,
    /// Its size when last offered.
    pub(crate) size_bytes: i64,
    /// Its modification time when last offered.
    pub(crate) modified_at: i64,
    /// Its stamp when last offered; `None` when it was not kept then.
    pub(crate) stamp: Option<i64>,
    /// The device it lay on.
    pub(crate) device: Option<i64>,
    /// It failed, and is to be tried again.
    pub(crate) awaits_retry: bool,
}

/// Whether the whole of a file is to be tried again: an SQL condition over `file`, for both engines.
pub(crate) const AWAITS_RETRY: &str = "state = 'failed' AND EXISTS (SELECT 1 FROM dead_letter
    WHERE dead_letter.path = file.path AND position = -1 AND next_retry_at IS NOT NULL)";

/// What an offer does to a known file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reoffer {
    /// Queue it; `reread` forgets how far it was read.
    Queue { reread: bool },
    /// Only its facts: it waits already.
    Refresh,
    /// In hand and changed: queue again afterwards.
    Again { reread: bool },
    /// Nothing but, perhaps, who offered it and what is noted of it.
    Leave,
}

fn reoffer(known: &KnownFile, file: &OfferedFile, force: bool) -> Reoffer {
    let same = known.size_bytes == i64::try_from(file.size_bytes).unwrap_or(i64::MAX)
        && known.modified_at == file.modified_at.0
        && known.stamp.is_none_or(|stamp| stamp != 0 && stamp == file.stamp);
    match known.state {
        FileState::Queued => Reoffer::Refresh,
        FileState::Parsing if same && !force => Reoffer::Leave,
        FileState::Parsing => Reoffer::Again { reread: force },
        FileState::Retired => Reoffer::Queue { reread: true },
        // It waits for a better moment: this is one.
        FileState::Failed if known.awaits_retry => Reoffer::Queue { reread: force },
        _ if same && !force => Reoffer::Leave,
        _ => Reoffer::Queue { reread: force },
    }
}

/// A path given by hand does not take a file out of the folder that owns it.
fn origin_after(known: Origin, offered: Origin) -> Origin {
    if offered == Origin::Explicit { known } else { offered }
}

/// The files offered, each path once: the last offer of a path wins.
pub(crate) fn unique(files: &[OfferedFile]) -> Vec<&OfferedFile> {
    let mut offered: Vec<&OfferedFile> = Vec::with_capacity(files.len());
    let mut at: HashMap<&str, usize> = HashMap::new();
    for file in files {
        if let Some(slot) = at.get(file.path.as_str()).and_then(|index| offered.get_mut(*index)) {
            *slot = file;
        } else {
            at.insert(&file.path, offered.len());
            offered.push(file);
        }
    }
    offered
}

/// What a whole offer does.
#[derive(Default)]
pub(crate) struct Offer<'a> {
    /// Files without a row.
    pub(crate) new: Vec<&'a OfferedFile>,
    /// Files with a row that changes: who offers it from now on, and what happens to it.
    pub(crate) changed: Vec<(&'a OfferedFile, Origin, Reoffer)>,
    /// How many are queued, or will be again.
    pub(crate) queued: u64,
}

/// Sorts an offer by what is known of its files.
pub(crate) fn sort<'a>(offered: Vec<&'a OfferedFile>, known: &HashMap<String, KnownFile>, force: bool) -> Offer<'a> {
    let mut offer = Offer::default();
    for file in offered {
        let Some(before) = known.get(&file.path) else {
            offer.new.push(file);
            offer.queued += 1;
            continue;
        };
        let what = reoffer(before, file, force);
        let origin = origin_after(before.origin, file.origin);
        if what == Reoffer::Leave {
            let is_noted = before.stamp == Some(file.stamp) && (file.device.is_none() || before.device == file.device);
            if origin == before.origin && is_noted {
                continue;
            }
        } else {
            offer.queued += 1;
        }
        offer.changed.push((file, origin, what));
    }
    offer
}

/// How the row of a known file changes.
pub(crate) struct Change {
    /// Put back in the queue.
    pub(crate) queue: bool,
    /// 1: queue again when its worker ends; 2: and read all of it again.
    pub(crate) again: i64,
    /// Forget how far it was read.
    pub(crate) reread: bool,
}

impl Reoffer {
    /// The change it makes.
    pub(crate) fn change(self, force: bool) -> Change {
        Change {
            queue: matches!(self, Self::Queue { .. }),
            again: match self {
                Self::Again { reread } => 1 + i64::from(reread),
                _ => 0,
            },
            reread: self == Self::Queue { reread: true } || (force && self == Self::Refresh),
        }
    }
}

/// Where a retry of what failed at `position` begins to read. Behind the hashed head a scan may begin in the middle;
/// anything else is read from the start.
pub(crate) fn resume_at(position: i64) -> i64 {
    if position >= HEAD_BYTES { position } else { 0 }
}
