//! What is remembered of an archive between two readings: where the next one may begin, and by what it is seen that the
//! part already read is still the same. Blocking; used by `reader`.
//!
//! Two stretches are hashed, the first bytes and those just before the place: whoever takes a message out, or puts one in,
//! moves what stands before the place. What begins at the place must be a message. In doubt all of it is read again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::domain::intake::FileRecord;

/// Bytes hashed at each end.
const HASHED: u64 = 64 << 10;
/// Archives up to this size are hashed as a whole as well.
const SMALL: u64 = 8 << 20;
/// Begins the header of a UW `mbx` file, whose messages have no separator lines.
const MBX: &[u8] = b"*mbx*";

/// Where the last reading ended, when the archive only grew since; 0 otherwise.
pub(super) fn resume_at(file: &FileRecord, opened: &mut File, head: &[u8], length: u64) -> io::Result<u64> {
    let done = file.bytes_done;
    let Some(known) = &file.head_sha256 else { return Ok(0) };
    if done == 0 || done >= length {
        return Ok(0);
    }
    opened.seek(SeekFrom::Start(done))?;
    let mut next = [0; 5];
    let begins = opened.read_exact(&mut next).is_ok() && &next == b"From ";
    let is_same = *known == marks_of(opened, head, done)?;
    Ok(if is_same && (begins || head.starts_with(MBX)) { done } else { 0 })
}

/// SHA-256 of the first and the last bytes of the first `done`.
pub(super) fn marks_of(opened: &mut File, head: &[u8], done: u64) -> io::Result<Vec<u8>> {
    let mut hash = Sha256::new();
    let covered = usize::try_from(done.min(HASHED)).unwrap_or(0).min(head.len());
    hash.update(head.get(..covered).unwrap_or(head));
    if done > HASHED {
        opened.seek(SeekFrom::Start(done - HASHED))?;
        let mut tail = Vec::new();
        opened.take(HASHED).read_to_end(&mut tail)?;
        hash.update(&tail);
    }
    Ok(hash.finalize().to_vec())
}

/// SHA-256 of the whole of a small archive.
pub(super) fn content_of(opened: &mut File, length: u64) -> io::Result<Option<[u8; 32]>> {
    if length > SMALL {
        return Ok(None);
    }
    opened.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    opened.take(SMALL + 1).read_to_end(&mut bytes)?;
    Ok(Some(Sha256::digest(&bytes).into()))
}

/// Whether the archive ends as its last message should: with a blank line.
pub(super) fn is_ended(opened: &mut File, length: u64) -> io::Result<bool> {
    opened.seek(SeekFrom::Start(length.saturating_sub(4)))?;
    let mut end = Vec::new();
    opened.take(4).read_to_end(&mut end)?;
    Ok(end.ends_with(b"\n\n") || end.ends_with(b"\n\r\n") || end.ends_with(b"\r\r"))
}

/// Whether the name says that the file is an archive, whatever is in it.
pub(super) fn is_named_so(path: &str) -> bool {
    let extension = Path::new(path).extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("mbox" | "mbx"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::domain::Timestamp;
    use crate::domain::intake::{FileState, ItemCounts, Origin};

    use super::*;

    fn record(bytes_done: u64, head_sha256: Vec<u8>) -> FileRecord {
        FileRecord {
            path: "/a.mbox".into(),
            origin: Origin::Explicit,
            source_type: None,
            state: FileState::Parsing,
            reason: None,
            size_bytes: 0,
            modified_at: Timestamp(0),
            bytes_done,
            head_sha256: Some(head_sha256),
            items: ItemCounts::default(),
            offered_at: Timestamp(0),
            updated_at: Timestamp(0),
            attempts: 0,
        }
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn again(before: &[u8], after: &[u8]) -> u64 {
        let done = before.len() as u64;
        let head = |bytes: &[u8]| bytes[..bytes.len().min(64 << 10)].to_vec();
        let marks = marks_of(&mut file(before), &head(before), done).unwrap();
        resume_at(&record(done, marks), &mut file(after), &head(after), after.len() as u64).unwrap()
    }

    #[test]
    fn a_reading_goes_on_only_behind_what_is_still_the_same() {
        let message = |n: usize| format!("From a@b {n}\nSubject: {n}\n\n{}\n\n", "text ".repeat(n * 3000)).into_bytes();
        let all = |numbers: &[usize]| numbers.iter().flat_map(|n| message(*n)).collect::<Vec<u8>>();
        let before = all(&[1, 2, 3, 4, 5, 6]);
        assert!(before.len() > 200_000);
        assert_eq!(again(&before, &all(&[1, 2, 3, 4, 5, 6, 7])), before.len() as u64, "it grew");
        assert_eq!(again(&before, &before), 0, "nothing new: all of it, if anybody asks");
        assert_eq!(again(&before, &all(&[1, 2, 3])), 0, "it shrank");
        assert_eq!(again(&before, &all(&[1, 2, 3, 5, 6, 7])), 0, "one was taken out, and more came");
        let mut unfinished = before.clone();
        unfinished.extend_from_slice(b"the rest of a message\n\nFrom a@b 8\n");
        assert_eq!(again(&before, &unfinished), 0, "the last message was only half there");
        let ended = |bytes: &[u8]| is_ended(&mut file(bytes), bytes.len() as u64).unwrap();
        assert!(ended(b"From a\n\nx\n\n") && ended(b"From a\r\n\r\nx\r\n\r\n"));
        assert!(!ended(b"From a\n\nx\n") && !ended(b"x"));
    }
}
