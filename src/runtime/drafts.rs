//! Notes that are being written, in the state folder: one file each, 0600, beside a lock that its writer holds. The lock
//! goes with the process however it ends, so what a crash or `kill -9` leaves is found, and what another process is
//! writing is left to it. Implements `app::ports::Drafts`; made by `cli`.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::app::ports::{DRAFTS_FOUND, Draft, Drafts};
use crate::domain::Clock;

/// What a file holds.
#[derive(Deserialize, Serialize)]
struct Kept {
    title: String,
    text: String,
}

/// A draft this process answers for.
struct Held {
    path: PathBuf,
    _lock: File,
}

/// The drafts of one process.
pub struct FileDrafts {
    folder: PathBuf,
    /// Names that no other process makes, and that sort by age.
    stem: String,
    held: Mutex<HashMap<u64, Held>>,
}

impl FileDrafts {
    /// Drafts below `state_dir`; nothing is made there until there is one.
    #[must_use]
    pub fn new(state_dir: &Path, clock: &dyn Clock) -> Self {
        let stem = format!("note-{:015}-{}", clock.now().0, std::process::id());
        Self { folder: state_dir.join("drafts"), stem, held: Mutex::default() }
    }

    /// Whether something is kept that the next start will offer.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.held().values().any(|held| held.path.exists())
    }

    fn held(&self) -> MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder's files and what they hold, oldest first, as far as no other process writes them.
    fn find(&self) -> io::Result<Vec<(Held, Kept)>> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(&self.folder)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let mut found = Vec::new();
        for path in paths {
            let Some(lock) = lock(&path)? else { continue };
            match std::fs::read_to_string(&path)
                .map_err(|error| error.to_string())
                .and_then(|text| serde_json::from_str::<Kept>(&text).map_err(|error| error.to_string()))
            {
                Ok(kept) => found.push((Held { path, _lock: lock }, kept)),
                // It stays where it is: somebody may still make sense of it.
                Err(error) => tracing::warn!(path = path.display().to_string(), error, "draft_not_read"),
            }
        }
        Ok(found)
    }

    fn write(&self, draft: &Draft) -> io::Result<()> {
        let mut all = self.held();
        if let std::collections::hash_map::Entry::Vacant(e) = all.entry(draft.number) {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            let path = self.folder.join(format!("{}-{}.json", self.stem, draft.number));
            let held = lock(&path)?.ok_or_else(|| io::Error::other("another process writes a note of this name"))?;
            e.insert(Held { path, _lock: held });
        }
        let Some(held) = all.get(&draft.number) else { return Ok(()) };
        // Another name first: whatever happens now, there is always a whole draft.
        let fresh = held.path.with_extension("new");
        let kept = Kept { title: draft.title.clone(), text: draft.text.clone() };
        private().truncate(true).open(&fresh)?.write_all(&serde_json::to_vec(&kept)?)?;
        std::fs::rename(&fresh, &held.path)
    }
}

impl Drafts for FileDrafts {
    fn waiting(&self) -> Vec<Draft> {
        let found = match self.find() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!(
                    error = error.to_string(),
                    folder = self.folder.display().to_string(),
                    "drafts_not_read"
                );
                return Vec::new();
            }
        };
        let mut all = self.held();
        let numbered = (DRAFTS_FOUND..).zip(found);
        numbered
            .map(|(number, (held, Kept { title, text }))| {
                all.insert(number, held);
                Draft { number, title, text }
            })
            .collect()
    }

    fn keep(&self, draft: &Draft) -> Result<(), String> {
        if draft.title.is_empty() && draft.text.is_empty() {
            return self.discard(draft.number);
        }
        self.write(draft).map_err(|error| format!("{}: {error}", self.folder.display()))
    }

    fn discard(&self, number: u64) -> Result<(), String> {
        let Some(held) = self.held().remove(&number) else { return Ok(()) };
        // Lock and half-written file go too; nobody misses what is not there.
        let _ = std::fs::remove_file(held.path.with_extension("new"));
        let _ = std::fs::remove_file(held.path.with_extension("lock"));
        match std::fs::remove_file(&held.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", held.path.display())),
            _ => Ok(()),
        }
    }
}

/// A file for its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).mode(0o600);
    options
}

/// The lock of a draft, or `None` when another process holds it.
fn lock(draft: &Path) -> io::Result<Option<File>> {
    let file = private().truncate(false).open(draft.with_extension("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::Timestamp;

    struct At(i64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp(self.0)
        }
    }

    fn draft(number: u64, title: &str, text: &str) -> Draft {
        Draft { number, title: title.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_one_process_leaves_the_next_one_finds() {
        let state = tempfile::tempdir().unwrap();
        let first = FileDrafts::new(state.path(), &At(1));
        assert_eq!(first.waiting(), []);
        assert!(!first.has_any());
        first.keep(&draft(1, "My plan", "two\nlines")).unwrap();
        first.keep(&draft(1, "My plan", "two\nlines, and more \u{1f642}")).unwrap();
        first.keep(&draft(2, "Gone", "")).unwrap();
        first.discard(2).unwrap();
        first.discard(7).unwrap();
        let second = FileDrafts::new(state.path(), &At(2));
        assert_eq!(second.waiting(), [], "its writer is still at work");
        assert!(first.has_any());
        drop(first);
        let third = FileDrafts::new(state.path(), &At(3));
        assert_eq!(third.waiting(), [draft(DRAFTS_FOUND, "My plan", "two\nlines, and more \u{1f642}")]);
        third.keep(&draft(1, "Newer", "x")).unwrap();
        drop(third);
        let fourth = FileDrafts::new(state.path(), &At(4));
        let titles: Vec<String> = fourth.waiting().into_iter().map(|draft| draft.title).collect();
        assert_eq!(titles, ["My plan", "Newer"]);
        fourth.discard(DRAFTS_FOUND).unwrap();
        fourth.keep(&draft(DRAFTS_FOUND + 1, "", "")).unwrap();
        drop(fourth);
        assert_eq!(FileDrafts::new(state.path(), &At(5)).waiting(), []);
        assert_eq!(std::fs::read_dir(state.path().join("drafts")).unwrap().count(), 0);
    }

    #[test]
    fn nobody_else_reads_them_and_a_broken_one_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let drafts = FileDrafts::new(state.path(), &At(1));
        drafts.keep(&draft(1, "Secret", "x")).unwrap();
        let folder = state.path().join("drafts");
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        for entry in std::fs::read_dir(&folder).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        drop(drafts);
        std::fs::write(folder.join("note-0-broken.json"), "{").unwrap();
        let next = FileDrafts::new(state.path(), &At(2));
        assert_eq!(next.waiting().len(), 1);
        assert!(folder.join("note-0-broken.json").exists());
    }
}
