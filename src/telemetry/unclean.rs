//! Knows of processes that ended without a word: killed, out of memory, a stack used up, a machine that stopped. Such an end
//! leaves no report, so a process that stays leaves a mark while it runs, and whoever comes next writes the report.
//!
//! A mark is a file beside the crash reports on which its process holds a lock; the lock goes with the process, however it
//! ends. Made by `cli` for the app and `peanut serve`; counted by `doctor`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::domain::{Clock, SystemClock};

use super::{crash, private};

const MARK: &str = "running-";

/// The mark of this process, for the ways out on which nothing is dropped any more.
static OWN: Mutex<Option<PathBuf>> = Mutex::new(None);

/// This process's mark; dropped, the process ended in an orderly way.
#[derive(Debug)]
#[must_use]
pub struct Running(#[expect(dead_code, reason = "the lock is held by it")] File);

impl Drop for Running {
    fn drop(&mut self) {
        ended();
    }
}

/// Takes this process's mark away: it is about to end, and says so.
pub fn ended() {
    if let Some(path) = OWN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = std::fs::remove_file(path);
    }
}

/// Leaves a mark in `folder`, and writes a report for every earlier one whose process is gone.
///
/// # Errors
/// When the folder cannot be written.
pub fn begin(folder: &Path) -> io::Result<Running> {
    private::own_folder(folder)?;
    for mark in left_behind(folder) {
        let held = std::fs::read_to_string(&mark).unwrap_or_default();
        crash::write_unclean(folder, &held)?;
        tracing::warn!(mark = %mark.display(), "earlier_process_ended_without_a_word");
        std::fs::remove_file(&mark)?;
    }
    let now = SystemClock.now();
    let path = folder.join(format!("{MARK}{}-{}", std::process::id(), now.0));
    let mut file = private::create_new(&path)?;
    file.try_lock().map_err(io::Error::other)?;
    let began = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let text = format!("process:   {}\nbegan:     {began}\narguments: {}\n", std::process::id(), arguments.join(" "));
    file.write_all(super::redact(&text).as_bytes())?;
    *OWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
    Ok(Running(file))
}

/// Crash reports in `folder`, and processes that ended without one.
#[must_use]
pub fn recorded(folder: &Path) -> usize {
    crash::reports(folder).len() + left_behind(folder).len()
}

/// Marks whose process is gone.
fn left_behind(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_mark = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(MARK));
    let is_left = |path: &PathBuf| File::open(path).is_ok_and(|file| file.try_lock().is_ok());
    entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_mark).filter(is_left).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_without_a_word_is_reported_by_the_next_and_an_orderly_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(recorded(folder.path()), 0);
        std::fs::write(folder.path().join("running-7-1"), "process:   7\n").unwrap();
        assert_eq!(recorded(folder.path()), 1, "known before anybody wrote it down");
        let running = begin(folder.path()).unwrap();
        assert_eq!(recorded(folder.path()), 1, "written down, and the living one does not count");
        let report = std::fs::read_to_string(&crash::reports(folder.path())[0]).unwrap();
        assert!(report.contains("without a word") && report.contains("process:   7"), "{report}");
        drop(running);
        assert_eq!((recorded(folder.path()), left_behind(folder.path()).len()), (1, 0));
    }
}
