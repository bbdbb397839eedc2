//! Files of the index: written under another name, synced, and then named by their content, so that a name means the same
//! bytes for ever. Called by the store, which keeps the names in its tables and publishes a file by committing its name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// Bytes of the hash that make a name.
const NAME_BYTES: usize = 16;
/// What is written at once.
const BUFFER_BYTES: usize = 1 << 20;
/// A file that no table names is removed when it is older: a younger one may be about to be published.
const STRAY_AFTER: Duration = Duration::from_secs(60 * 60);

/// Makes a name of what passes by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naming(Sha256);

impl Naming {
    /// Takes the next bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The name of all of them.
    pub(crate) fn name(self, ending: &str) -> String {
        named(self.0, ending)
    }
}

/// The name of bytes.
pub(crate) fn name_of(bytes: &[u8], ending: &str) -> String {
    let mut naming = Naming::default();
    naming.add(bytes);
    naming.name(ending)
}

/// What a name ends in: what kind of bytes it names.
pub(crate) fn ending_of(name: &str) -> &str {
    name.split_once('.').map_or("", |(_, ending)| ending)
}

/// The folder of a store's index files.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// A file being written: everything is hashed on its way.
#[derive(Debug)]
pub(crate) struct Writing {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that lies safely on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its name in the folder.
    pub(crate) name: String,
    /// Its length.
    pub(crate) bytes: u64,
}

impl Folder {
    /// The folder at `path`, which is made with its first file.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The path of a file by its name.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file; `write` gets what to write to and returns it with what it has to say.
    ///
    /// # Errors
    /// When the disk or `write` fails; nothing is left behind then, but after a crash.
    pub(crate) fn write<T>(
        &self,
        ending: &str,
        write: impl FnOnce(Writing) -> io::Result<(Writing, T)>,
    ) -> io::Result<(Written, T)> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let making = self.0.join(format!("making-{}-{:016x}", std::process::id(), fastrand::u64(..)));
        let written = self.write_as(&making, ending, write);
        if written.is_err() {
            let _ = fs::remove_file(&making);
        }
        written
    }

    fn write_as<T>(
        &self,
        making: &Path,
        ending: &str,
        write: impl FnOnce(Writing) -> io::Result<(Writing, T)>,
    ) -> io::Result<(Written, T)> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(making)?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let (writing, said) = write(Writing { file, hash: Sha256::new(), bytes: 0 })?;
        let file = writing.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let name = named(writing.hash, ending);
        fs::rename(making, self.file(&name))?;
        File::open(&self.0)?.sync_all()?;
        Ok((Written { name, bytes: writing.bytes }, said))
    }

    /// What all files take, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
    }

    /// Whether a file is as long as it was; says nothing of its content.
    pub(crate) fn is_there(&self, name: &str, bytes: u64) -> bool {
        fs::metadata(self.file(name)).is_ok_and(|file| file.is_file() && file.len() == bytes)
    }

    /// Whether a file holds what it is named by.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn is_sound(&self, name: &str) -> io::Result<bool> {
        let mut file = File::open(self.file(name))?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = io::Read::read(&mut file, &mut buffer)?;
            if read == 0 {
                return Ok(named(hash, ending_of(name)) == name);
            }
            hash.update(&buffer[..read]);
        }
    }

    /// Removes a file that no table names any more; whoever has it mapped keeps it.
    pub(crate) fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.file(name)) {
            tracing::debug!(event = "index_file_stays", name, %error, "it is removed later");
        }
    }

    /// Removes what processes that were killed left behind: files that `is_named` does not know and that are old.
    pub(crate) fn sweep(&self, is_named: impl Fn(&str) -> bool) {
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !is_named(name)) else { continue };
            let age = entry.metadata().and_then(|file| file.modified()).ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > STRAY_AFTER) {
                self.remove(name);
            }
        }
    }
}

fn named(hash: Sha256, ending: &str) -> String {
    use std::fmt::Write as _;
    let mut name = String::new();
    for byte in hash.finalize().iter().take(NAME_BYTES) {
        let _ = write!(name, "{byte:02x}");
    }
    name + "." + ending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_what_it_holds() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path().join("index"));
        let write = |content: &'static [u8]| {
            folder.write("words", |mut writing| {
                writing.write_all(content)?;
                Ok((writing, 7))
            })
        };
        let (first, said) = write(b"one").unwrap();
        assert_eq!((said, first.bytes), (7, 3));
        assert_eq!(write(b"one").unwrap().0, first);
        assert_ne!(write(b"two").unwrap().0.name, first.name);
        assert!(folder.is_there(&first.name, 3) && !folder.is_there(&first.name, 4));
        assert!(folder.is_sound(&first.name).unwrap());
        assert_eq!((name_of(b"one", "words"), ending_of(&first.name)), (first.name.clone(), "words"));
        fs::write(folder.file(&first.name), b"onf").unwrap();
        assert!(!folder.is_sound(&first.name).unwrap());
        let failed: io::Result<(Written, ())> = folder.write("words", |_| Err(io::Error::other("full")));
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2, "nothing is left of what failed");
        folder.sweep(|_| false);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2, "what is young may be about to be published");
        folder.remove(&first.name);
        assert!(!folder.is_there(&first.name, 3));
    }
}
