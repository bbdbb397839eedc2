//! The log's file: a new one every day, a week kept, for its owner alone. Called by [`super::log`].
//!
//! Nothing here is ever printed: a file that cannot be made or written must not draw over the screen.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::domain::{Clock, SystemClock};

use super::private;

/// Files kept, one a day.
const KEPT_FILES: usize = 7;

/// Writes to the file of the day.
pub(super) struct RollingFile {
    folder: PathBuf,
    day: String,
    file: File,
}

impl RollingFile {
    /// Opens today's file in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When folder or file cannot be made or written.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        private::own_folder(folder)?;
        let day = today();
        let file = private::append(&folder.join(name_of(&day)))?;
        prune(folder);
        Ok(Self { folder: folder.to_owned(), day, file })
    }
}

impl Write for RollingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let day = today();
        if day != self.day {
            // When the new day's file cannot be made, the old one goes on.
            if let Ok(file) = private::append(&self.folder.join(name_of(&day))) {
                self.file = file;
                prune(&self.folder);
            }
            self.day = day;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn today() -> String {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now().0).unwrap_or_default();
    now.strftime("%Y-%m-%d").to_string()
}

fn name_of(day: &str) -> String {
    format!("peanut.{day}.log")
}

/// The log files of a folder, oldest first: the day is part of the name.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("peanut.")))
        .collect();
    files.sort();
    Ok(files)
}

fn prune(folder: &Path) {
    let files = files(folder).unwrap_or_default();
    for file in &files[..files.len().saturating_sub(KEPT_FILES)] {
        let _ = std::fs::remove_file(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_kept_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=9 {
            std::fs::write(folder.path().join(name_of(&format!("2020-01-0{day}"))), "x").unwrap();
        }
        std::fs::write(folder.path().join("mine.log"), "x").unwrap();
        let mut log = RollingFile::open(folder.path()).unwrap();
        log.write_all(b"line\n").unwrap();
        let kept = files(folder.path()).unwrap();
        assert_eq!(kept.len(), KEPT_FILES);
        assert!(kept[0].ends_with("peanut.2020-01-04.log"));
        assert_eq!(std::fs::read_to_string(kept.last().unwrap()).unwrap(), "line\n");
        assert!(folder.path().join("mine.log").exists());
        // A day that begins: the next line goes to its file.
        log.day = "2020-01-09".to_owned();
        log.write_all(b"next\n").unwrap();
        assert_eq!(std::fs::read_to_string(kept.last().unwrap()).unwrap(), "line\nnext\n");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        assert!(RollingFile::open(&folder.path().join("file/logs")).is_err());
    }
}
