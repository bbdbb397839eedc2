//! Where the store's file lies, and whether it still lies there.
//!
//! A file that is removed or replaced while it is open stays open: whatever is written to it is gone with the process. So
//! device and inode of the file, of its log and of its folder are compared before every write, after every commit of
//! documents, and with every sign of life; once one differs, nothing is written any more until the process is started
//! again. Owned by the store; asked by its writer and by `system`.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use thiserror::Error;

/// Files that the engine keeps beside an open database for as long as anybody has it open.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// The store is not where it was opened.
#[derive(Clone, Debug, Error)]
#[error(
    "{what} was removed or replaced while it was open ({at}): nothing is written any more; put it back if you have it, \
     and start Peanut again"
)]
pub(super) struct Lost {
    what: &'static str,
    at: String,
}

impl From<Lost> for sqlx::Error {
    fn from(lost: Lost) -> Self {
        Self::Configuration(Box::new(lost))
    }
}

/// What tells one file from another.
type Identity = (u64, u64);

/// The place of an open store.
#[derive(Debug)]
pub(super) struct Place {
    file: PathBuf,
    /// Of the file and its folder, when it was opened.
    opened: Option<(Identity, Identity)>,
    /// Of the files beside it, since the engine was first known to hold them open.
    beside: Mutex<[Option<Identity>; 2]>,
    lost: OnceLock<Lost>,
}

impl Place {
    /// The place of the file that was just opened. One that cannot be looked at is not watched.
    pub(super) fn of(file: &Path) -> Self {
        let opened = Option::zip(identity(file).ok(), identity(folder_of(file)).ok());
        Self { file: file.to_owned(), opened, beside: Mutex::default(), lost: OnceLock::new() }
    }

    /// The store's file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Whether all is where it was.
    ///
    /// # Errors
    /// When it is not, now or ever since the store was opened.
    pub(super) fn check(&self) -> Result<(), Lost> {
        if let Some(lost) = self.lost.get() {
            return Err(lost.clone());
        }
        let Some((file, folder)) = self.opened else { return Ok(()) };
        let beside = *self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = if is_another(folder_of(&self.file), folder) {
            Some(("the store's folder", folder_of(&self.file).to_owned()))
        } else if is_another(&self.file, file) {
            Some(("the store's file", self.file.clone()))
        } else {
            let mut known = BESIDE.into_iter().zip(beside).filter_map(|(end, known)| Some((self.beside(end), known?)));
            known.find(|(path, known)| is_another(path, *known)).map(|(path, _)| ("the store's log", path))
        };
        match lost {
            None => Ok(()),
            Some((what, at)) => Err(self.lost.get_or_init(|| Lost { what, at: at.display().to_string() }).clone()),
        }
    }

    /// Takes note of the files beside the store: called while a connection is open that stays open, so the engine holds them.
    pub(super) fn note_beside(&self) {
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        for (end, known) in BESIDE.into_iter().zip(beside.iter_mut()) {
            *known = known.or_else(|| identity(&self.beside(end)).ok());
        }
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut path = self.file.clone().into_os_string();
        path.push(end);
        path.into()
    }
}

/// Whether something else, or nothing, lies there; what cannot be looked at may be the same.
fn is_another(path: &Path, known: Identity) -> bool {
    match identity(path) {
        Ok(found) => found != known,
        Err(error) => matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory),
    }
}

fn identity(path: &Path) -> std::io::Result<Identity> {
    let found = std::fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_or_replaced_is_noticed_and_stays_noticed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("d");
        let (file, log) = (folder.join("s.db"), folder.join("s.db-wal"));
        let fresh = || {
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(&file, "store").unwrap();
            let place = Place::of(&file);
            place.check().unwrap();
            place
        };
        let place = fresh();
        std::fs::write(&log, "log").unwrap();
        place.check().unwrap();
        place.note_beside();
        place.check().unwrap();
        std::fs::remove_file(&log).unwrap();
        assert!(place.check().unwrap_err().to_string().contains("s.db-wal"));
        std::fs::write(&log, "log").unwrap();
        assert!(place.check().is_err(), "it stays lost");

        let place = fresh();
        std::fs::remove_file(&file).unwrap();
        assert!(place.check().unwrap_err().to_string().contains("the store's file was removed or replaced"));

        let place = fresh();
        std::fs::rename(&file, folder.join("old")).unwrap();
        std::fs::write(&file, "another").unwrap();
        assert!(place.check().is_err());

        let place = fresh();
        std::fs::rename(&folder, root.path().join("away")).unwrap();
        std::fs::create_dir(&folder).unwrap();
        std::fs::rename(root.path().join("away/s.db"), &file).unwrap();
        assert!(place.check().unwrap_err().to_string().contains("the store's folder"), "the lock is in the other one");
    }
}
