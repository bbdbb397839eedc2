//! How links and answers are kept: stable names of link kinds, and the short key of a Message-ID.
//!
//! Called by the adapters' `documents` (writing) and `project` (reading).

use sha2::{Digest as _, Sha256};

use crate::domain::LinkKind;

/// The stable name of a link's kind in the store.
pub(crate) fn link_kind_name(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Wikilink => "wikilink",
        LinkKind::File => "file",
        LinkKind::Url => "url",
    }
}

/// The kind with that name.
pub(crate) fn parse_link_kind(name: &str) -> Option<LinkKind> {
    [LinkKind::Wikilink, LinkKind::File, LinkKind::Url].into_iter().find(|kind| link_kind_name(*kind) == name)
}

/// 64 bits of SHA-256 of a Message-ID: the key of `document_reference`.
pub(crate) fn message_hash(message_id: &str) -> i64 {
    let digest = Sha256::digest(message_id.as_bytes());
    digest.iter().take(8).fold(0_i64, |hash, byte| (hash << 8) | i64::from(*byte))
}
