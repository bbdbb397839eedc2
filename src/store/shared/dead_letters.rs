//! What could not be read: when it is tried again and what counts as a new failure. Pure.
//!
//! Called by the adapters' `dead_letters`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::intake::{FileState, NewDeadLetter, Retry};

use super::ledger::FileRow;

/// Waits after the first, second and third failure; a fourth gives it up, unless it may pass by itself.
const RETRY_AFTER: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(32)];
/// Waits of what may pass by itself, after those: the last for ever.
const LATER: [Duration; 3] = [Duration::from_mins(2), Duration::from_mins(8), Duration::from_mins(32)];
/// Stands for "the whole file".
pub(crate) const WHOLE_FILE: i64 = -1;

/// A row of `dead_letter` to write.
pub(crate) struct Upsert<'a> {
    /// What failed.
    pub(crate) letter: &'a NewDeadLetter,
    /// Byte offset, or [`WHOLE_FILE`].
    pub(crate) position: i64,
    /// Times it failed, this one included.
    pub(crate) attempts: i64,
    /// When it is tried again; `None`: given up.
    pub(crate) next_retry_at: Option<i64>,
    /// Pass of the file in which it failed.
    pub(crate) pass: Option<i64>,
}

/// Where in its file something stands, as the table keeps it.
pub(crate) fn position(offset: Option<u64>) -> i64 {
    offset.map_or(WHOLE_FILE, |offset| i64::try_from(offset).unwrap_or(i64::MAX))
}

/// When something that failed `attempts` times is tried again.
fn next_retry_at(attempts: i64, retry: Retry, now: Timestamp) -> Option<i64> {
    if retry == Retry::ByHand {
        return None;
    }
    let index = usize::try_from(attempts - 1).ok()?;
    let later = || LATER.get(index - RETRY_AFTER.len()).or(LATER.last()).filter(|_| retry == Retry::UntilItPasses);
    RETRY_AFTER.get(index).or_else(later).map(|wait| now.plus(*wait).0)
}

/// The failures met before, by path and position: how often, and in which pass of the file last.
pub(crate) type Held = HashMap<(String, i64), (i64, Option<i64>)>;

/// Works out the rows to write and counts new failures on their files. One that already failed in this pass of its file
/// is the repetition of a commit and counts nothing.
pub(crate) fn record<'a>(
    letters: &'a [NewDeadLetter],
    held: &Held,
    files: &mut HashMap<String, FileRow>,
    now: Timestamp,
) -> Vec<Upsert<'a>> {
    let mut met = HashSet::new();
    let mut upserts = Vec::new();
    for letter in letters {
        let position = position(letter.offset);
        if !met.insert((letter.path.as_str(), position)) {
            continue;
        }
        let file = files.get_mut(&letter.path);
        let pass = file.as_ref().map(|file| file.pass).filter(|pass| *pass > 0);
        let before = held.get(&(letter.path.clone(), position));
        if before.is_some_and(|(_, failed_in)| pass.is_some() && *failed_in == pass) {
            continue;
        }
        if let Some(file) = file
            && (before.is_none() || pass.is_some())
        {
            file.items.dead_letters += 1;
        }
        let attempts = before.map_or(0, |(attempts, _)| *attempts) + 1;
        upserts.push(Upsert {
            letter,
            position,
            attempts,
            next_retry_at: next_retry_at(attempts, letter.retry, now),
            pass,
        });
    }
    upserts
}

/// Those of the finished files whose pass clears what it no longer met.
pub(crate) fn passed<'a>(finished: &[&'a FileRow]) -> Vec<&'a FileRow> {
    let ended = |file: &&&FileRow| {
        file.pass > 0 && matches!(file.state, FileState::Indexed | FileState::Duplicate | FileState::Skipped)
    };
    finished.iter().filter(ended).copied().collect()
}

/// Paths of dead letters to retry, each once, with the earliest place the retry has to read from.
pub(crate) fn earliest(due: Vec<(String, i64)>) -> Vec<(String, i64)> {
    let mut first: HashMap<String, i64> = HashMap::new();
    for (path, position) in due {
        first.entry(path).and_modify(|earliest| *earliest = (*earliest).min(position)).or_insert(position);
    }
    let mut paths: Vec<_> = first.into_iter().collect();
    paths.sort_unstable();
    paths
}
