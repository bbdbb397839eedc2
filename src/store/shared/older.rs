//! What a document lacks that was taken in by a version which kept less: a text to be found by, and its names. Pure.
//!
//! Called by both engines' `older` when a store is opened.

use crate::domain::{NewChunk, PersonMention, PersonRole, SourceType, findable};

/// Documents looked at in one transaction.
pub(crate) const DOCUMENTS_AT_ONCE: i64 = 500;
/// Chunks indexed in one transaction.
pub(crate) const CHUNKS_AT_ONCE: i64 = 2_000;

/// People by role, as they stand in a header; the end of a statement that reads `mention.role` and `mention.person_seq`.
pub(crate) const PEOPLE_IN_ORDER: &str = "ORDER BY CASE mention.role WHEN 'from' THEN 0 WHEN 'author' THEN 1 \
     WHEN 'to' THEN 2 WHEN 'cc' THEN 3 ELSE 4 END, mention.person_seq";

/// A document as it is stored.
#[derive(Debug)]
pub(crate) struct OlderDocument {
    /// Its row.
    pub(crate) seq: i64,
    pub(crate) title: String,
    pub(crate) source_type: SourceType,
    pub(crate) source_path: String,
    /// Whether it is one of many in its file.
    pub(crate) is_part: bool,
    pub(crate) attachments: Vec<String>,
    pub(crate) people: Vec<PersonMention>,
    /// Its chunks.
    pub(crate) chunks: i64,
    /// Whether one of them is a text.
    pub(crate) has_text: bool,
    /// Whether one of them is its names.
    pub(crate) has_names: bool,
}

/// The chunks it lacks, numbered behind those it has. A title without words to read may stand last as well as first.
pub(crate) fn lacking(document: &OlderDocument) -> Vec<NewChunk> {
    let known = findable::Known {
        title: &document.title,
        source_type: document.source_type,
        source_path: &document.source_path,
        is_part: document.is_part,
        people: &document.people,
        attachments: &document.attachments,
    };
    let title = (!document.has_text).then(|| findable::title_chunk(&known));
    let names = if document.has_names { None } else { findable::names_chunk(&known) };
    let first = u32::try_from(document.chunks).unwrap_or(0);
    (first..).zip(title.into_iter().chain(names)).map(|(ordinal, chunk)| NewChunk { ordinal, ..chunk }).collect()
}

/// Someone a document names, as stored; `None` for a role nobody knows.
pub(crate) fn person(email: Option<String>, name: Option<String>, role: &str) -> Option<PersonMention> {
    PersonRole::parse(role).map(|role| PersonMention { email, name, role })
}
