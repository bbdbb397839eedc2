//! How many documents each listed file holds. Counting those of a large archive takes a while and pictures are gathered
//! several times a second, so a count is kept until its file or, while nothing is taken in, the store changes. Called by
//! the gatherer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::domain::Timestamp;
use crate::domain::intake::{FileRecord, FileState, IntakeCounts};
use crate::store::{SharedStore, StoreResult};

/// Counts that are known.
#[derive(Debug, Default)]
pub struct HeldCounts(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Per path: the file's change it belongs to, and the count.
    counts: HashMap<String, (Timestamp, u64)>,
    /// Documents of the store when it last rested.
    documents_at_rest: u64,
}

impl HeldCounts {
    /// The counts of files that are through. A file still to be read, or in hand, has its last known one.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn of(
        &self,
        store: &SharedStore,
        files: &[FileRecord],
        intake: &IntakeCounts,
        documents: u64,
    ) -> StoreResult<BTreeMap<String, u64>> {
        let is_through = |file: &FileRecord| !matches!(file.state, FileState::Queued | FileState::Parsing);
        let busy = |state: FileState| matches!(state, FileState::Queued | FileState::Parsing);
        let rests = !intake.files_by_state.iter().any(|(state, count)| busy(*state) && *count > 0);
        let unknown: Vec<(String, Timestamp)> = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Something was deleted or brought back: no file changed by it.
            if rests && known.documents_at_rest != documents {
                known.documents_at_rest = documents;
                known.counts.clear();
            }
            let is_known =
                |file: &FileRecord| known.counts.get(&file.path).is_some_and(|(at, _)| *at == file.updated_at);
            let asked = files.iter().filter(|file| is_through(file) && !is_known(file));
            asked.map(|file| (file.path.clone(), file.updated_at)).collect()
        };
        let paths: Vec<String> = unknown.iter().map(|(path, _)| path.clone()).collect();
        let counted = if paths.is_empty() { Vec::new() } else { store.documents_held(&paths).await? };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.counts.extend(unknown.into_iter().zip(counted).map(|((path, at), count)| (path, (at, count))));
        let listed: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        known.counts.retain(|path, _| listed.contains(path.as_str()));
        Ok(known.counts.iter().map(|(path, (_, count))| (path.clone(), *count)).collect())
    }
}
