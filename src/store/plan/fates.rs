//! What a plan is made of: the documents it meets and what becomes of them. Pure; made by `plan::documents`, loaded and
//! written by the adapters.

use std::collections::{HashMap, HashSet};

use crate::domain::{DocumentId, WriteOutcome};
use crate::store::RetireReason;

/// A stored document, as far as the decision needs it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Row number.
    pub(crate) seq: i64,
    /// Its id.
    pub(crate) id: DocumentId,
    /// Its source key.
    pub(crate) source_key: String,
    /// Its file.
    pub(crate) source_path: String,
    /// Its place in the file.
    pub(crate) source_offset: Option<i64>,
    /// Its content.
    pub(crate) content_sha256: [u8; 32],
    /// Why it is retired, if it is.
    pub(crate) retired: Option<RetireReason>,
    /// Its title.
    pub(crate) title: String,
    /// Its date.
    pub(crate) dated_at: Option<i64>,
    /// Of a mail: its Message-ID.
    pub(crate) message_id: Option<String>,
    /// Of a mail: what a reader sees of it.
    pub(crate) fingerprint: Option<[u8; 32]>,
}

/// What the batch meets in the store.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By row number.
    pub(crate) documents: HashMap<i64, Held>,
    /// Ids that cannot be given to a new document although no document above has them.
    pub(crate) taken_ids: HashSet<DocumentId>,
    /// The same of keys of further mails.
    pub(crate) taken_keys: HashSet<String>,
    /// Pass over its archive in which a message was last met.
    pub(crate) passes: HashMap<i64, i64>,
    /// Highest row number in use.
    pub(crate) last_seq: i64,
}

/// How a document's rows come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All rows are new.
    New,
    /// An existing document gets new content, place, or life.
    Replace {
        /// Its file was gone and is back.
        revived: bool,
        /// Its path changed.
        moved: bool,
    },
}

/// One document to write.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Row number.
    pub(crate) seq: i64,
    /// Id it has or gets.
    pub(crate) id: DocumentId,
    /// Source key it has or gets.
    pub(crate) key: String,
    /// Which document of the batch it is.
    pub(crate) document: usize,
    /// How.
    pub(crate) fate: Fate,
    /// Whether it is live afterwards (one the user deleted stays deleted).
    pub(crate) live: bool,
}

/// The whole decision.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// One per document, in order.
    pub(crate) outcomes: Vec<WriteOutcome>,
    /// The document that holds the content of each, in order.
    pub(crate) ids: Vec<DocumentId>,
    /// Which document holds what each of these repeats: its index in the batch, and the holder's row number.
    pub(crate) duplicates: Vec<(usize, i64)>,
    /// Live documents that hold other content from now on: what repeated the old one has to be read again.
    pub(crate) emptied: Vec<i64>,
    /// Paths that documents were told to leave.
    pub(crate) vacated: Vec<(String, String)>,
    /// What to write, each row number once.
    pub(crate) slots: Vec<Slot>,
    /// Messages that moved within their file, otherwise as they were: row number and new offset.
    pub(crate) shifted: Vec<(i64, Option<i64>)>,
    /// Mails of before fingerprints were kept that were met, otherwise as they were: row number and fingerprint.
    pub(crate) fingerprints: Vec<(i64, [u8; 32])>,
    /// Messages of archives met now: row number and pass.
    pub(crate) met: Vec<(i64, i64)>,
    /// Archives of which a message was met at this very place in this very pass before: the batch is committed once
    /// more (its acknowledgement was lost), and its items are counted already.
    pub(crate) repeated: HashSet<String>,
}
