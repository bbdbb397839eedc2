//! Which stored mail a mail is. Pure; asked by `plan::documents` for every mail of a batch.
//!
//! A Message-ID is a name that anybody can write: mailers that count from one at every start, shops that send every
//! invoice under one id, a bounce that repeats the id of what it returns, a mailing list that adds its footer, a draft
//! saved ten times, and whoever wants a mail to be taken for one you have already. So it only says which mails to
//! compare. Two mails are one when their bytes are equal, or when a reader sees the same in both
//! ([`crate::domain::NewDocument::fingerprint`]: author, date, subject, text, attachments): then they differ in what the
//! way and the mailbox wrote (`Received`, `Delivered-To`, `Status`, labels). Everything else is another document.
//!
//! A mail taken in before fingerprints were kept is compared by title and date until it is read again.
//!
//! Of very many mails with one Message-ID only those are loaded that a mail of the batch may be ([`CROWD`]), so that each
//! costs the same however many there are.

use std::collections::HashMap;

use crate::domain::{DocumentId, NewDocument};

use super::documents::Held;
use super::signed;

/// So many stored mails of one Message-ID are loaded and compared one by one. Where there are more, only those that are
/// equal by content or fingerprint, have none, or stand at the very place of a mail of the batch: one that was edited and
/// moved within its file at once is then another document, and what it was before retires with the file's reading.
pub(crate) const CROWD: i64 = 256;

/// Mails of a batch by their Message-IDs.
pub(crate) fn by_message(documents: &[NewDocument]) -> HashMap<&str, Vec<&NewDocument>> {
    let mut mails: HashMap<&str, Vec<&NewDocument>> = HashMap::new();
    for document in documents {
        if let Some(message) = &document.message {
            mails.entry(&message.message_id).or_default().push(document);
        }
    }
    mails
}

/// How surely the two are one mail; `None`: they are not.
fn likeness(document: &NewDocument, held: &Held) -> Option<u8> {
    if held.content_sha256 == document.content_sha256 {
        return Some(2);
    }
    match (document.fingerprint, held.fingerprint) {
        (Some(one), Some(other)) => (one == other).then_some(1),
        _ => (held.title == document.title && held.dated_at == document.dated_at.map(|at| at.0)).then_some(0),
    }
}

/// Of the stored mails with this one's Message-ID the one that it is: if it can be several (copies from before), the one
/// at its own place, else in its own file, else one that is live.
pub(super) fn the_same<'a>(document: &NewDocument, held: impl Iterator<Item = &'a Held>) -> Option<&'a Held> {
    let offset = document.source_offset.map(signed);
    held.filter_map(|held| likeness(document, held).map(|likeness| (likeness, held)))
        .max_by_key(|(likeness, held)| {
            let here = held.source_path == document.source_path;
            (*likeness, here && held.source_offset == offset, here, held.retired.is_none(), -held.seq)
        })
        .map(|(_, held)| held)
}

/// Whether the mail that takes the place of `before` is another one.
pub(super) fn is_edited(before: &Held, document: &NewDocument) -> bool {
    likeness(document, before).is_none()
}

/// The key of a further mail of one Message-ID: of the same mail always the same.
pub(crate) fn further_key(document: &NewDocument) -> String {
    let content = document.fingerprint.unwrap_or(document.content_sha256);
    let number = content.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{}#{number:016x}", document.source_key)
}

/// The keys that a further mail may have, in order: an edited mail keeps its own, so another may stand there.
pub(crate) fn further_keys(document: &NewDocument) -> impl Iterator<Item = String> {
    let first = further_key(document);
    std::iter::successors(Some((first.clone(), 2_u64)), move |(_, number)| {
        Some((format!("{first}-{number}"), number + 1))
    })
    .map(|(key, _)| key)
}

/// Of a mail of a crowd the keys and ids to look up beside its own.
pub(crate) fn further_id(document: &NewDocument) -> (String, DocumentId) {
    let key = further_key(document);
    let id = DocumentId::from_source_key(&key);
    (key, id)
}
