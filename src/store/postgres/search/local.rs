//! Where the copies of large segments lie on this host: in the data folder, shared by its processes, or, where there is
//! none, in a folder of this process alone, which goes with it. Called by `pieces` and by whoever tidies up.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::index::files::Folder;

/// The folder of copies.
#[derive(Debug)]
pub(super) struct Local {
    given: Option<Folder>,
    /// Made with the first copy.
    own: OnceLock<PathBuf>,
    /// Held while copies are made.
    pub(super) copying: tokio::sync::Mutex<()>,
}

impl Local {
    /// The folder at a path, which is made with its first file; `None` for one of this process alone.
    pub(super) fn at(path: Option<PathBuf>) -> Self {
        Self { given: path.map(Folder::at), own: OnceLock::new(), copying: tokio::sync::Mutex::default() }
    }

    /// The folder.
    ///
    /// # Errors
    /// When one of this process alone cannot be made.
    pub(super) fn folder(&self) -> io::Result<Folder> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        if let Some(own) = self.own.get() {
            return Ok(Folder::at(own.clone()));
        }
        let path = std::env::temp_dir().join(format!("peanut-index-{}-{:016x}", std::process::id(), fastrand::u64(..)));
        // Not one that is there already: it might be somebody else's.
        DirBuilder::new().mode(0o700).create(&path)?;
        match self.own.set(path.clone()) {
            Ok(()) => Ok(Folder::at(path)),
            Err(path) => {
                let _ = std::fs::remove_dir(path);
                self.folder()
            }
        }
    }

    /// The folder, when there is one.
    pub(super) fn known(&self) -> Option<Folder> {
        self.given.clone().or_else(|| self.own.get().cloned().map(Folder::at))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(own) = self.own.get()
            && let Err(error) = std::fs::remove_dir_all(own)
        {
            tracing::debug!(event = "index_folder_stays", path = %own.display(), %error, "it holds copies only");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_folder_of_its_own_goes_with_its_process_and_a_given_one_stays() {
        let write = |local: &Local| {
            let folder = local.folder().unwrap();
            let (written, ()) = folder
                .write("words", |mut out| {
                    out.write_all(b"some")?;
                    Ok((out, ()))
                })
                .unwrap();
            folder.file(&written.name)
        };
        let own = Local::at(None);
        assert!(own.known().is_none());
        let (first, second) = (write(&own), write(&own));
        assert!(first == second && first.exists() && own.known().is_some());
        drop(own);
        assert!(!first.exists() && !first.parent().unwrap().exists());
        let root = tempfile::tempdir().unwrap();
        let given = Local::at(Some(root.path().join("index")));
        let file = write(&given);
        drop(given);
        assert!(file.exists());
    }
}
