//! Reads a segment where it lies. Nothing is unpacked but what is asked for, and nothing in it is trusted: damaged bytes
//! give wrong answers at worst, never a panic. Pure; called by `merge` and by `index::{view, matching, score}`.

use uuid::Uuid;

use crate::domain::ChunkKind;
use crate::index::bytes::Bytes;
use crate::index::ranking::kind_of_number;
use crate::index::varint::take;

use super::cursor::Postings;
use super::dictionary::Terms;
use super::layout::{Footer, GROUP, LENGTH_BITS};

/// A segment that lies somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    bytes: Bytes,
    footer: Footer,
}

impl Segment {
    /// A segment of these bytes; `None` when they are none, or are cut off.
    pub(crate) fn of(bytes: Bytes) -> Option<Self> {
        let footer = Footer::of(&bytes)?;
        Some(Self { bytes, footer })
    }

    /// Number of chunks.
    pub(crate) fn chunks(&self) -> usize {
        self.footer.chunks as usize
    }

    /// Texts among the chunks.
    pub(crate) fn texts(&self) -> u64 {
        self.footer.texts
    }

    /// Sum of the lengths of texts, in word pieces.
    pub(crate) fn total_length(&self) -> u64 {
        self.footer.total_length
    }

    /// Length of the longest text, in word pieces.
    pub(crate) fn longest(&self) -> u32 {
        self.footer.longest as u32
    }

    /// Whether any chunk is a quote.
    pub(crate) fn has_quotes(&self) -> bool {
        self.footer.quotes > 0
    }

    /// Column `number` of the chunks.
    fn column(&self, number: usize) -> &[[u8; 4]] {
        let bytes = self.chunks() * 4;
        self.bytes.get(bytes * number..bytes * (number + 1)).unwrap_or_default().as_chunks::<4>().0
    }

    /// The id of the chunk at a place; 0 where there is none.
    pub(crate) fn id(&self, place: usize) -> i64 {
        self.column(0).get(place).map_or(0, |gap| self.footer.first_id as i64 + i64::from(u32::from_le_bytes(*gap)))
    }

    /// First and last id; `None` without chunks.
    pub(crate) fn range(&self) -> Option<(i64, i64)> {
        let last = self.chunks().checked_sub(1)?;
        Some((self.id(0), self.id(last)))
    }

    /// The place of a chunk.
    pub(crate) fn find(&self, id: i64) -> Option<usize> {
        let gap = u32::try_from(id.checked_sub(self.footer.first_id as i64)?).ok()?;
        self.column(0).binary_search_by_key(&gap, |known| u32::from_le_bytes(*known)).ok()
    }

    /// Kinds and lengths of all chunks.
    pub(crate) fn kinds_and_lengths(&self) -> KindsAndLengths<'_> {
        KindsAndLengths(self.column(2))
    }

    /// Rank of the document of the chunk at a place.
    fn rank(&self, place: usize) -> usize {
        self.column(1).get(place).map_or(0, |rank| u32::from_le_bytes(*rank)) as usize
    }

    /// The number of the document of the chunk at a place.
    #[inline]
    pub(crate) fn document(&self, place: usize) -> u32 {
        let at = (self.chunks() * 12).saturating_add(self.rank(place).saturating_mul(4));
        let number = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
        number.map_or(0, |number| u32::from_le_bytes(*number))
    }

    /// The id of the document of the chunk at a place.
    pub(crate) fn document_id(&self, place: usize) -> Uuid {
        let ids = self.chunks() * 12 + self.footer.documents as usize * 4;
        let at = ids.saturating_add(self.rank(place).saturating_mul(16));
        self.bytes.get(at..).and_then(<[u8]>::first_chunk::<16>).map_or(Uuid::nil(), |id| Uuid::from_bytes(*id))
    }

    /// Groups of the dictionary.
    pub(super) fn groups(&self) -> usize {
        (self.footer.terms as usize).div_ceil(GROUP)
    }

    /// Terms from a group to the last.
    pub(super) fn terms_of_group(&self, number: usize) -> usize {
        (self.footer.terms as usize).saturating_sub(number * GROUP)
    }

    /// Postings and positions of all terms.
    pub(super) fn data(&self) -> &[u8] {
        self.bytes.get(self.footer.data as usize..self.footer.dictionary as usize).unwrap_or_default()
    }

    /// What of the dictionary follows the beginning of a group.
    pub(super) fn group(&self, number: usize) -> &[u8] {
        let at = self.bytes.get(self.footer.groups as usize + number * 8..).and_then(<[u8]>::first_chunk::<8>);
        let at = at.map_or(u64::MAX, |at| u64::from_le_bytes(*at));
        let dictionary = self.footer.dictionary as usize..self.footer.groups as usize;
        let dictionary = self.bytes.get(dictionary).unwrap_or_default();
        usize::try_from(at).ok().and_then(|at| dictionary.get(at..)).unwrap_or_default()
    }

    /// The first term of a group.
    fn first_term(&self, number: usize) -> &[u8] {
        let (group, mut at) = (self.group(number), 0);
        take(group, &mut at);
        take(group, &mut at);
        let length = take(group, &mut at) as usize;
        group.get(at..at.saturating_add(length)).unwrap_or_default()
    }

    /// The last group that begins with `term` or before it; the first one when all begin behind it.
    fn group_of(&self, term: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.groups());
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if self.first_term(middle) <= term {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// All terms, before the first.
    pub(crate) fn terms(&self) -> Terms<'_> {
        Terms::of_group(self, 0)
    }

    /// Where a term stands; `None` when no chunk holds it.
    pub(crate) fn postings(&self, term: &[u8]) -> Option<Postings<'_>> {
        let mut terms = Terms::of_group(self, self.group_of(term));
        while terms.advance() && terms.term() <= term {
            if terms.term() == term {
                return Some(terms.postings());
            }
        }
        None
    }

    /// Calls `with` for where every term with a beginning stands.
    pub(crate) fn each_with_prefix<'a>(&'a self, start: &[u8], mut with: impl FnMut(Postings<'a>)) {
        let mut terms = Terms::of_group(self, self.group_of(start));
        while terms.advance() {
            if terms.term().starts_with(start) {
                with(terms.postings());
            } else if terms.term() > start {
                return;
            }
        }
    }
}

/// The column of kinds and lengths; every text is a body here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindsAndLengths<'a>(&'a [[u8; 4]]);

impl KindsAndLengths<'_> {
    /// Kind, and length in word pieces, of the chunk at a place.
    #[inline]
    pub(crate) fn of(self, place: usize) -> (ChunkKind, u32) {
        let both = self.0.get(place).map_or(0, |both| u32::from_le_bytes(*both));
        (kind_of_number(u64::from(both >> LENGTH_BITS)), both & ((1 << LENGTH_BITS) - 1))
    }
}
