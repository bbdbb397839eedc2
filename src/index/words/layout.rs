//! How a segment lies. Pure; called by the files beside it.
//!
//! All numbers are little-endian or variable-length integers ([`varint`](crate::index::varint)). A chunk's *place* is its
//! rank by id. In this order:
//! - *Columns* of the chunks: id less the first id (4 bytes), number in the table of documents (4), kind and length in word
//!   pieces (4: the kind in the highest 3 bits); and of the documents: number (4), id (16).
//! - *Data*: for every term in byte order its postings, then its positions. A posting is twice the gap to the place before
//!   (the place itself for the first), and one more when the term stands there once; else how often follows. Positions are
//!   the gaps between a term's ordinals among the terms of its chunk, anew for every chunk.
//! - *Dictionary*: terms in groups of [`GROUP`]. A group begins with where its first term's data begin; a term is (bytes
//!   shared with the term before in the group, length of the rest, rest, chunks that hold it, texts among them, bytes of
//!   postings, bytes of positions).
//! - *Groups*: where every group begins in the dictionary (8 bytes each).
//! - *Footer*: [`Footer`], of fixed length, last: a segment is written from front to back.

/// Terms of one group of the dictionary: found by halving among groups, then read one after the other.
pub(super) const GROUP: usize = 24;

/// What tells a segment, and its version.
const MAGIC: [u8; 8] = *b"pnwords1";

/// Numbers of a [`Footer`].
const NUMBERS: usize = 11;

/// Length of a [`Footer`].
pub(super) const FOOTER_BYTES: usize = NUMBERS * 8 + MAGIC.len();

/// Bits of the length in the column of kinds and lengths.
pub(super) const LENGTH_BITS: u32 = 29;

/// What is known of a segment without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) chunks: u64,
    pub(super) documents: u64,
    pub(super) first_id: u64,
    /// Texts among the chunks.
    pub(super) texts: u64,
    /// Sum of the lengths of texts.
    pub(super) total_length: u64,
    /// Length of the longest text.
    pub(super) longest: u64,
    /// Quotes among the chunks.
    pub(super) quotes: u64,
    pub(super) terms: u64,
    /// Where data, dictionary and groups begin.
    pub(super) data: u64,
    pub(super) dictionary: u64,
    pub(super) groups: u64,
}

impl Footer {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let numbers: [u64; NUMBERS] = [
            self.chunks,
            self.documents,
            self.first_id,
            self.texts,
            self.total_length,
            self.longest,
            self.quotes,
            self.terms,
            self.data,
            self.dictionary,
            self.groups,
        ];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend_from_slice(&MAGIC);
        bytes
    }

    /// The footer of a whole segment; `None` when it is none, or its parts do not fit its length.
    pub(super) fn of(segment: &[u8]) -> Option<Self> {
        let (rest, footer) = segment.split_at_checked(segment.len().checked_sub(FOOTER_BYTES)?)?;
        let (numbers, magic) = footer.split_at_checked(NUMBERS * 8)?;
        if magic != MAGIC {
            return None;
        }
        let numbers: Vec<u64> = numbers.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number)).collect();
        let [chunks, documents, first_id, texts, total_length, longest, quotes, terms, data, dictionary, groups] =
            <[u64; NUMBERS]>::try_from(numbers).ok()?;
        let columns = chunks.checked_mul(12)?.checked_add(documents.checked_mul(20)?)?;
        let group_bytes = terms.div_ceil(GROUP as u64).checked_mul(8)?;
        let fits = data == columns
            && data <= dictionary
            && dictionary <= groups
            && groups.checked_add(group_bytes)? == rest.len() as u64
            && u32::try_from(chunks).is_ok()
            && i64::try_from(first_id).is_ok_and(|first| first.checked_add(i64::from(u32::MAX)).is_some());
        fits.then_some(Self {
            chunks,
            documents,
            first_id,
            texts,
            total_length,
            longest,
            quotes,
            terms,
            data,
            dictionary,
            groups,
        })
    }
}
