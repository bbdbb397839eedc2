//! Which process runs the workers of a SQLite store: the one that holds an operating-system lock on a file beside it.
//!
//! The lock goes with the process, however it ends, so a crash never leaves it behind. The file says which process it is:
//! the folder's own name in its first line, the process's number in its second.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::telemetry::private;

/// What is read of the file.
const MOST_BYTES: u64 = 128;

/// Held by the process that runs the workers; dropping it lets another process take over.
#[derive(Debug)]
pub struct WorkerLock {
    file: File,
}

impl WorkerLock {
    /// Takes the lock in `data_dir`, or returns `None` when another process holds it.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn try_take(data_dir: &Path) -> io::Result<Option<Self>> {
        let file = private::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(data_dir.join("workers.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The process that holds the lock in `data_dir`, or held it last; `None` when nobody wrote it down.
    #[must_use]
    pub fn holder(data_dir: &Path) -> Option<u32> {
        let mut text = String::new();
        let file = File::open(data_dir.join("workers.lock")).ok()?;
        file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
        text.lines().nth(1)?.trim().parse().ok()
    }

    /// The folder's own name, kept in the lock file: whoever holds the lock knows that every earlier process that worked
    /// under this name is gone. `fresh` is written when there is none yet. Writes down which process holds the lock.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn folder_name(&mut self, fresh: &str) -> io::Result<String> {
        let mut text = String::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(MOST_BYTES).read_to_string(&mut text)?;
        let known = text.lines().next().unwrap_or_default().trim();
        let is_name = !known.is_empty() && known.chars().all(|c| c.is_ascii_alphanumeric());
        let name = if is_name { known } else { fresh };
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(format!("{name}\n{}\n", std::process::id()).as_bytes())?;
        Ok(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::WorkerLock;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = WorkerLock::try_take(folder.path()).unwrap();
        assert!(first.is_some());
        assert!(WorkerLock::try_take(folder.path()).unwrap().is_none());
        let mut first = first.unwrap();
        assert_eq!(first.folder_name("abc1").unwrap(), "abc1");
        assert_eq!(first.folder_name("def2").unwrap(), "abc1");
        drop(first);
        let mut second = WorkerLock::try_take(folder.path()).unwrap().unwrap();
        assert_eq!(second.folder_name("def2").unwrap(), "abc1", "the name outlives its holder");
        assert_eq!(WorkerLock::holder(folder.path()), Some(std::process::id()));
        std::fs::write(folder.path().join("workers.lock"), "abc1").unwrap();
        assert_eq!(WorkerLock::holder(folder.path()), None, "as an older version left it");
        assert_eq!(second.folder_name("def2").unwrap(), "abc1");
    }
}
