//! Searches that are remembered, in the state folder: one file, a search a line, the newest last, 0600. Implements
//! `app::ports::Searches`; made by `cli`.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::app::ports::Searches;
use crate::app::state::HISTORY;
use crate::telemetry::private;

/// More of the file is not read: it is ours, and no longer than this.
const MOST_BYTES: u64 = 1 << 20;

/// The searches of all processes of a state folder.
pub struct FileSearches {
    path: PathBuf,
}

impl FileSearches {
    /// Searches below `state_dir`; nothing is made there until there is one.
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        Self { path: state_dir.join("searches") }
    }

    fn read(&self) -> io::Result<Vec<String>> {
        let mut text = Vec::new();
        match std::fs::File::open(&self.path) {
            Ok(file) => file.take(MOST_BYTES).read_to_end(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&text);
        Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    fn write(&self, query: &str) -> io::Result<()> {
        // Read anew: another process may have searched meanwhile.
        let mut all = self.read()?;
        all.retain(|known| known != query);
        all.push(query.to_owned());
        all.drain(..all.len().saturating_sub(HISTORY));
        if let Some(folder) = self.path.parent() {
            private::make_folder(folder)?;
        }
        // Another name first: whatever happens now, there is always a whole file.
        let fresh = self.path.with_extension(format!("new-{}", std::process::id()));
        let mut file = private::options().create(true).truncate(true).write(true).open(&fresh)?;
        file.write_all((all.join("\n") + "\n").as_bytes())?;
        std::fs::rename(&fresh, &self.path)
    }
}

impl Searches for FileSearches {
    fn remembered(&self) -> Vec<String> {
        self.read().unwrap_or_else(|error| {
            tracing::warn!(path = self.path.display().to_string(), %error, "searches_not_read");
            Vec::new()
        })
    }

    fn remember(&self, query: &str) -> Result<(), String> {
        let line: String = query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.write(line.trim()).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_newest_stand_last_once_and_old_ones_go() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("state");
        let searches = FileSearches::new(&folder);
        assert!(searches.remembered().is_empty());
        for query in ["budget", "from:ann été", "budget", "two\nlines"] {
            searches.remember(query).unwrap();
        }
        assert_eq!(FileSearches::new(&folder).remembered(), ["from:ann été", "budget", "two lines"]);
        let mode = std::fs::metadata(folder.join("searches")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for number in 0..HISTORY {
            searches.remember(&format!("q{number}")).unwrap();
        }
        let all = searches.remembered();
        assert_eq!((all.len(), all.first().map(String::as_str)), (HISTORY, Some("q0")));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_cannot_be_read_or_written_is_told() {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("searches"), [b'a', 0xff, b'\n', b'\n', b'b']).unwrap();
        let searches = FileSearches::new(state.path());
        assert_eq!(searches.remembered(), ["a\u{fffd}", "b"]);
        std::fs::write(state.path().join("file"), "x").unwrap();
        let nowhere = FileSearches::new(&state.path().join("file"));
        assert!(nowhere.remembered().is_empty());
        assert!(nowhere.remember("x").unwrap_err().contains("searches"));
    }
}
