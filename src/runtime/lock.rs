//! Which process runs the workers of a SQLite store: the one that holds an operating-system lock on a file beside it.
//!
//! The lock goes with the process, however it ends, so a crash never leaves it behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// Held by the process that runs the workers; dropping it lets another process take over.
#[derive(Debug)]
pub struct WorkerLock {
    _file: File,
}

impl WorkerLock {
    /// Takes the lock in `data_dir`, or returns `None` when another process holds it.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn try_take(data_dir: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(data_dir.join("workers.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
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
        drop(first);
        assert!(WorkerLock::try_take(folder.path()).unwrap().is_some());
    }
}
