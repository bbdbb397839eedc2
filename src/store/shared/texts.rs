//! Texts and titles against the checksums they were stored with. Pure; the adapters' `texts` read the rows.

use sha2::{Digest as _, Sha256};

use crate::domain::DocumentId;
use crate::store::DamagedText;

/// Rows compared in one step.
pub(crate) const AT_ONCE: i64 = 500;
/// What is promised, in words.
pub(crate) const PROMISE: &str = "titles and texts are as they were stored (SHA-256)";

/// A text as it is read back.
pub(crate) struct ReadText<'a> {
    /// Its row.
    pub(crate) chunk: i64,
    /// Its document.
    pub(crate) document: DocumentId,
    /// That document's file.
    pub(crate) path: &'a str,
    /// What is hashed before the text.
    pub(crate) context: &'a [u8],
    /// The text.
    pub(crate) text: &'a [u8],
    /// The checksum.
    pub(crate) text_sha256: &'a [u8],
}

impl ReadText<'_> {
    /// The damage, if there is any.
    pub(crate) fn damage(&self) -> Option<DamagedText> {
        // As `NewChunk::hash`, of bytes: damaged ones may be no text.
        let mut hash = Sha256::new();
        hash.update(self.context);
        hash.update([0]);
        hash.update(self.text);
        let is_whole = hash.finalize().as_slice() == self.text_sha256;
        let (chunk, document) = (self.chunk, self.document);
        (!is_whole).then(|| DamagedText { chunk, document, path: self.path.to_owned(), is_title: false })
    }
}

/// The checksum of a title.
pub(crate) fn title_hash(title: &str) -> [u8; 32] {
    Sha256::digest(title).into()
}

/// A title as it is read back; titles of before have no checksum and are not read.
pub(crate) struct ReadTitle<'a> {
    /// The row of its document's first text.
    pub(crate) chunk: i64,
    /// Its document.
    pub(crate) document: DocumentId,
    /// That document's file.
    pub(crate) path: &'a str,
    /// The title.
    pub(crate) title: &'a [u8],
    /// The checksum.
    pub(crate) title_sha256: &'a [u8],
}

impl ReadTitle<'_> {
    /// The damage, if there is any.
    pub(crate) fn damage(&self) -> Option<DamagedText> {
        let (chunk, document) = (self.chunk, self.document);
        let is_whole = Sha256::digest(self.title).as_slice() == self.title_sha256;
        (!is_whole).then(|| DamagedText { chunk, document, path: self.path.to_owned(), is_title: true })
    }
}

/// Damage in words, for `check`.
pub(crate) fn told(damaged: &DamagedText) -> String {
    let DamagedText { chunk, document, path, is_title } = damaged;
    if *is_title {
        format!("document {document} of {path} (its title)")
    } else {
        format!("document {document} of {path} (text {chunk})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::NewChunk;

    #[test]
    fn a_flipped_bit_is_seen() {
        let hash = NewChunk::hash("Title", "some text");
        let read = |context: &'static [u8], text: &'static [u8]| ReadText {
            chunk: 1,
            document: DocumentId::from_source_key("a"),
            path: "/a",
            context,
            text,
            text_sha256: &hash,
        };
        assert!(read(b"Title", b"some text").damage().is_none());
        assert!(read(b"Title", b"some tExt").damage().is_some());
        assert!(read(b"Titles", b"ome text").damage().is_some());
        let hash = title_hash("Title");
        let read = |title: &'static [u8]| ReadTitle {
            chunk: 1,
            document: DocumentId::from_source_key("a"),
            path: "/a",
            title,
            title_sha256: &hash,
        };
        assert!(read(b"Title").damage().is_none());
        assert!(told(&read(b"Tjtle").damage().unwrap()).ends_with("of /a (its title)"));
    }
}
