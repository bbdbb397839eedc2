//! What a parser is asked, and what it answers: the words of the pipe between this process and its parsers. Called by the
//! pipeline, by intake and by the parser itself.

use serde::{Deserialize, Serialize};

use crate::domain::{NewDocument, Timestamp};
use crate::ingest::chunk::ChunkOptions;
use crate::ingest::detect::Detected;
use crate::ingest::parse::ParseError;

/// One thing to read: bytes, and what is known beside them.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is known.
    pub facts: Facts,
    /// What is read: a file, a message, or the text itself (UTF-8).
    pub bytes: Vec<u8>,
}

/// What is known of a job beside its bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// What the bytes are.
    pub what: What,
    /// How texts are cut.
    pub chunks: ChunkOptions,
}

/// What the bytes of a job are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum What {
    /// A whole file.
    File {
        /// As the ledger has it.
        path: String,
        /// When it was last changed.
        modified_at: Timestamp,
        /// What it was recognised as.
        kind: Detected,
    },
    /// One message of an archive.
    Message {
        /// Of the archive, as the ledger has it.
        path: String,
        /// Where the message begins, in bytes.
        offset: u64,
        /// When the archive says it came.
        dated_at: Option<Timestamp>,
    },
    /// A text that lies in no file.
    Text(TextFacts),
}

/// What is known of a text that lies in no file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TextFacts {
    /// Title; empty takes the first line.
    pub title: String,
    /// Tags, with or without `#`.
    pub tags: Vec<String>,
    /// Its own date; `now` when missing.
    pub dated_at: Option<Timestamp>,
    /// When it was handed over.
    pub now: Timestamp,
}

impl What {
    /// What people call it, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File { path, .. } => path.clone(),
            Self::Message { path, offset, .. } => format!("{path}, the message at byte {offset}"),
            Self::Text(facts) if facts.title.trim().is_empty() => "a text".to_owned(),
            Self::Text(facts) => format!("the text {:?}", facts.title.trim()),
        }
    }
}

/// What became of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// It was read. The document has no vectors yet.
    Read {
        /// What is committed.
        document: Box<NewDocument>,
        /// What of it could not be read or was left out by rule, one plain sentence each.
        left_out: Vec<String>,
    },
    /// It cannot be read.
    Refused(ParseError),
    /// Nobody waits for it any more, or no parser could be started: it was not tried, or not to its end.
    NotTried(String),
}
