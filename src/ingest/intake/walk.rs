//! Finds the files below a folder: `.gitignore`, `.peanutignore` and excludes obeyed, hidden files left out, links not
//! followed (so loops cannot happen). Called on a blocking thread by the service and the watcher.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};
use sha2::{Digest as _, Sha256};

use crate::domain::Timestamp;
use crate::domain::intake::{OfferedFile, Origin};

use super::paths;

/// Names of files that are still being written, or are an editor's own.
const UNFINISHED: &[&str] =
    &[".part", ".partial", ".crdownload", ".tmp", ".swp", ".swx", "~", ".filepart", ".download"];

/// A file that changed less than this before it was looked at may change once more without any of its times telling: the
/// clocks of file systems are that coarse.
const SETTLED_AFTER_MS: i64 = 100;

/// A file as it is offered at `now`, or a moment later.
#[must_use]
pub fn offered(path: &Path, metadata: &Metadata, origin: Origin, now: Timestamp) -> OfferedFile {
    OfferedFile {
        path: paths::text_of(path),
        origin,
        size_bytes: metadata.len(),
        modified_at: modified(metadata),
        stamp: stamp(metadata, now),
        device: Some(metadata.dev().cast_signed()),
    }
}

/// What changes whenever a file does, in content, name, rights or owner, as a number: 0 when that cannot be relied on.
fn stamp(metadata: &Metadata, now: Timestamp) -> i64 {
    let changed_ms = metadata.ctime().saturating_mul(1000).saturating_add(metadata.ctime_nsec() / 1_000_000);
    if changed_ms.saturating_add(SETTLED_AFTER_MS) > now.0 {
        return 0;
    }
    let mut hash = Sha256::new();
    for number in [metadata.ctime(), metadata.ctime_nsec(), metadata.mtime(), metadata.mtime_nsec()] {
        hash.update(number.to_le_bytes());
    }
    hash.update(metadata.ino().to_le_bytes());
    for number in [metadata.mode(), metadata.uid(), metadata.gid()] {
        hash.update(number.to_le_bytes());
    }
    let number = hash.finalize().iter().take(8).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    if number == 0 { 1 } else { number }
}

/// When a file was last changed.
#[must_use]
pub fn modified(metadata: &Metadata) -> Timestamp {
    let since = metadata.modified().ok().and_then(|moment| moment.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Whether a name says that the file is not finished, or hidden.
#[must_use]
pub fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending))
}

/// The user's patterns as the walker wants them.
#[must_use]
pub fn excludes(root: &Path, patterns: &[String]) -> Override {
    let mut builder = OverrideBuilder::new(root);
    for pattern in patterns {
        // In an override, `!` excludes.
        let _ = builder.add(&format!("!{}", pattern.trim_start_matches('!')));
    }
    builder.build().unwrap_or_else(|_| Override::empty())
}

/// Hands files to `take` in batches until it returns false; `now` is when the walk began. Returns what could not be looked
/// at.
pub fn walk(
    root: &Path,
    patterns: &[String],
    origin: Origin,
    now: Timestamp,
    batch_size: usize,
    mut take: impl FnMut(Vec<OfferedFile>) -> bool,
) -> Vec<(String, String)> {
    let mut refused = Vec::new();
    let mut batch = Vec::with_capacity(batch_size);
    let mut builder = WalkBuilder::new(root);
    builder.hidden(true).follow_links(false).require_git(false).add_custom_ignore_filename(".peanutignore");
    builder.overrides(excludes(root, patterns)).sort_by_file_name(std::ffi::OsStr::cmp);
    for entry in builder.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                refused.push((root.display().to_string(), error.to_string()));
                continue;
            }
        };
        let path = entry.path();
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        if !is_file || is_left_out(path) {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) => batch.push(offered(path, &metadata, origin, now)),
            Err(error) => refused.push((path.display().to_string(), error.to_string())),
        }
        if batch.len() >= batch_size && !take(std::mem::take(&mut batch)) {
            return refused;
        }
    }
    if !batch.is_empty() {
        take(batch);
    }
    refused
}
