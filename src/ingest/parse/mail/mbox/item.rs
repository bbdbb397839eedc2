//! What an archive is divided into: messages, and stretches that are none.

use thiserror::Error;

use crate::domain::Timestamp;

/// One message as it stands in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// Byte offset of its separator (the `From ` line) in the file.
    pub offset: u64,
    /// Byte offset just behind it: the next separator, or the end of what has been read.
    pub end_offset: u64,
    /// The message without separator, with `>From ` unescaped and without the blank line that ends it in the archive.
    pub bytes: Vec<u8>,
    /// When the archive says it came: for messages that carry no readable date themselves.
    pub dated_at: Option<Timestamp>,
    /// Why the message may be only half there; only the last one of an archive can be. A pass over the grown archive has
    /// to start at [`Self::offset`] again.
    pub cut_off: Option<&'static str>,
}

/// A stretch of the archive that is no message to take in: unreadable, or left out by rule. Reading goes on behind it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("mbox bytes {offset}..{end_offset}: {reason}")]
pub struct MboxError {
    /// Where the stretch starts.
    pub offset: u64,
    /// Where it ends.
    pub end_offset: u64,
    /// What is wrong with it, or why it is left out, for people.
    pub reason: String,
    /// Nothing is wrong: a message its owner deleted. To be counted, not to be tried again.
    pub is_left_out: bool,
}

impl MboxError {
    pub(super) fn new(offset: u64, end_offset: u64, reason: String) -> Self {
        Self { offset, end_offset, reason, is_left_out: false }
    }
}
