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

use crate::domain::NewDocument;

use super::documents::Held;
use super::signed;

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
pub(super) fn further_key(key: &str, document: &NewDocument) -> String {
    let content = document.fingerprint.unwrap_or(document.content_sha256);
    let number = content.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{key}#{number:016x}")
}
