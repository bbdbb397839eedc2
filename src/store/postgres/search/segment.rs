//! What a segment of the word index holds, packed and unpacked. Pure; called by `write`, `compact`, `view` and
//! `blocks`.
//!
//! All numbers are variable-length integers (`index::varint::put`). A chunk's place is its rank by id in the segment.
//! - *Header*: number of chunks; per chunk the gap to the id before, twice the number of its kind
//!   (`index::ranking::kind_number`) and, when the document changes, one more with the document's number and its 16-byte
//!   id, and the length in word pieces; then the number of blocks and the first term of each.
//! - *Block*: terms in byte order, each with its length, the number of chunks that hold it, and the length of its
//!   postings before the postings. A block is about 4 KiB; a term that fills one alone stands alone, so that no other
//!   term's reader pays for it.
//! - *Dictionary*: every term as (bytes shared with the term before, length of the rest, rest, number of chunks).

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::{ChunkKind, DocumentId};
use crate::index::ranking::{each_posting, kind_number, kind_of_number, put_posting};
use crate::index::varint::{put, take};

/// A block is closed before it grows beyond this.
const BLOCK_BYTES: usize = 4096;

/// One chunk of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The chunk.
    pub(super) id: i64,
    /// Its document, by number.
    pub(super) document_seq: i64,
    /// Its document.
    pub(super) document_id: DocumentId,
    /// What it is; every text is a body here.
    pub(super) kind: ChunkKind,
    /// Length in word pieces.
    pub(super) length: u32,
}

/// A segment ready to be written.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) chunks: usize,
    pub(super) header: Vec<u8>,
    pub(super) dictionary: Vec<u8>,
    pub(super) blocks: Vec<Vec<u8>>,
}

/// A segment's header, unpacked: all that stays in memory of every segment.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub(super) id: i64,
    pub(super) places: Vec<Place>,
    firsts: Vec<Box<str>>,
}

/// One term of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) term: &'a str,
    /// Chunks that hold it.
    pub(super) count: u32,
    postings: &'a [u8],
}

impl Entry<'_> {
    /// Calls `with` for every chunk that holds the term: place and frequency.
    pub(super) fn each(&self, with: impl FnMut(usize, u32)) {
        each_posting(self.postings, self.count, with);
    }
}

/// Packs terms that come in byte order.
struct Packer {
    packed: Packed,
    firsts: Vec<u8>,
    block: Vec<u8>,
    last_term: String,
}

impl Packer {
    fn new(places: &[Place]) -> Self {
        let mut header = Vec::with_capacity(places.len() * 24);
        put(&mut header, places.len() as u64);
        let (mut last_id, mut last_document) = (0, None);
        for place in places {
            put(&mut header, (place.id - last_id).unsigned_abs());
            last_id = place.id;
            let changes = last_document != Some(place.document_seq);
            put(&mut header, u64::from(kind_number(place.kind)) << 1 | u64::from(changes));
            if changes {
                put(&mut header, place.document_seq.unsigned_abs());
                header.extend_from_slice(place.document_id.0.as_bytes());
                last_document = Some(place.document_seq);
            }
            put(&mut header, u64::from(place.length));
        }
        let packed = Packed { chunks: places.len(), header, ..Packed::default() };
        Self { packed, firsts: Vec::new(), block: Vec::new(), last_term: String::new() }
    }

    fn term(&mut self, term: &str, count: u32, postings: &[u8]) {
        if !self.block.is_empty() && self.block.len() + term.len() + postings.len() > BLOCK_BYTES {
            self.packed.blocks.push(std::mem::take(&mut self.block));
        }
        if self.block.is_empty() {
            put(&mut self.firsts, term.len() as u64);
            self.firsts.extend_from_slice(term.as_bytes());
        }
        put(&mut self.block, term.len() as u64);
        self.block.extend_from_slice(term.as_bytes());
        put(&mut self.block, u64::from(count));
        put(&mut self.block, postings.len() as u64);
        self.block.extend_from_slice(postings);
        let shared = self.last_term.bytes().zip(term.bytes()).take_while(|(a, b)| a == b).count();
        put(&mut self.packed.dictionary, shared as u64);
        put(&mut self.packed.dictionary, (term.len() - shared) as u64);
        self.packed.dictionary.extend_from_slice(&term.as_bytes()[shared..]);
        put(&mut self.packed.dictionary, u64::from(count));
        term.clone_into(&mut self.last_term);
    }

    fn finish(mut self) -> Packed {
        if !self.block.is_empty() {
            self.packed.blocks.push(self.block);
        }
        put(&mut self.packed.header, self.packed.blocks.len() as u64);
        self.packed.header.extend_from_slice(&self.firsts);
        self.packed
    }
}

/// Postings of one term while its segment is made.
#[derive(Debug, Default)]
struct Growing {
    bytes: Vec<u8>,
    count: u32,
    last: u32,
    /// The chunk being counted and how often the term stood there.
    open: u32,
    frequency: u32,
}

impl Growing {
    fn close(&mut self) {
        if self.frequency > 0 {
            put_posting(&mut self.bytes, self.open - self.last, self.frequency);
            self.last = self.open;
            self.count += 1;
            self.frequency = 0;
        }
    }
}

/// Packs chunks with their terms (blanks between), which must come in order of id.
pub(super) fn pack(chunks: &[(Place, &str)]) -> Packed {
    let places: Vec<Place> = chunks.iter().map(|(place, _)| *place).collect();
    let mut growing: HashMap<&str, Growing> = HashMap::new();
    for (place, (_, terms)) in chunks.iter().enumerate() {
        for term in terms.split_ascii_whitespace() {
            let postings = growing.entry(term).or_default();
            if postings.open != place as u32 {
                postings.close();
                postings.open = place as u32;
            }
            postings.frequency += 1;
        }
    }
    let mut terms: Vec<(&str, Growing)> = growing.into_iter().collect();
    terms.sort_unstable_by_key(|(term, _)| *term);
    let mut packer = Packer::new(&places);
    for (term, mut postings) in terms {
        postings.close();
        packer.term(term, postings.count, &postings.bytes);
    }
    packer.finish()
}

/// A segment to be merged: its header, its blocks in order, and which of its chunks are dropped.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) segment: Segment,
    pub(super) blocks: Vec<Vec<u8>>,
    pub(super) dropped: Vec<bool>,
}

/// Merges segments into one, without the dropped chunks.
pub(super) fn merge(inputs: &[Input]) -> Packed {
    let mut order: Vec<(Place, usize, usize)> = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        let kept = input.segment.places.iter().enumerate().filter(|(at, _)| !input.dropped[*at]);
        order.extend(kept.map(|(at, place)| (*place, number, at)));
    }
    order.sort_unstable_by_key(|(place, ..)| place.id);
    let mut moved: Vec<Vec<u32>> = inputs.iter().map(|input| vec![u32::MAX; input.segment.places.len()]).collect();
    for (new, (_, number, old)) in order.iter().enumerate() {
        moved[*number][*old] = new as u32;
    }
    let places: Vec<Place> = order.iter().map(|(place, ..)| *place).collect();
    let mut packer = Packer::new(&places);
    let mut cursors: Vec<_> =
        inputs.iter().map(|input| input.blocks.iter().flat_map(|block| entries(block)).peekable()).collect();
    let (mut postings, mut bytes) = (Vec::new(), Vec::new());
    while let Some(term) = cursors.iter_mut().filter_map(|cursor| cursor.peek().map(|entry| entry.term)).min() {
        postings.clear();
        for (cursor, moved) in cursors.iter_mut().zip(&moved) {
            let Some(entry) = cursor.next_if(|entry| entry.term == term) else { continue };
            entry.each(|old, frequency| {
                if let Some(new) = moved.get(old).filter(|new| **new != u32::MAX) {
                    postings.push((*new, frequency));
                }
            });
        }
        if postings.is_empty() {
            continue;
        }
        // Segments rarely overlap: usually in order already.
        if !postings.is_sorted() {
            postings.sort_unstable();
        }
        bytes.clear();
        let mut last = 0;
        for (place, frequency) in &postings {
            put_posting(&mut bytes, place - last, *frequency);
            last = *place;
        }
        packer.term(term, postings.len() as u32, &bytes);
    }
    packer.finish()
}

impl Segment {
    /// Unpacks a header; `None` when it is damaged.
    pub(super) fn unpack(id: i64, header: &[u8]) -> Option<Self> {
        let mut at = 0;
        let count = take(header, &mut at) as usize;
        // Every chunk takes three bytes or more.
        if count > header.len() {
            return None;
        }
        let mut places = Vec::with_capacity(count);
        let (mut chunk, mut document_seq, mut document_id) = (0, 0, DocumentId(Uuid::nil()));
        for _ in 0..count {
            chunk += take(header, &mut at) as i64;
            let kind_and_change = take(header, &mut at);
            if kind_and_change & 1 != 0 {
                document_seq = take(header, &mut at) as i64;
                document_id = DocumentId(Uuid::from_slice(header.get(at..at + 16)?).ok()?);
                at += 16;
            }
            let kind = kind_of_number(kind_and_change >> 1);
            places.push(Place { id: chunk, document_seq, document_id, kind, length: take(header, &mut at) as u32 });
        }
        let blocks = take(header, &mut at) as usize;
        let mut firsts = Vec::with_capacity(blocks.min(header.len()));
        for _ in 0..blocks {
            let length = take(header, &mut at) as usize;
            firsts.push(std::str::from_utf8(header.get(at..at.checked_add(length)?)?).ok()?.into());
            at += length;
        }
        Some(Self { id, places, firsts })
    }

    /// The block where a term stands, if anywhere.
    pub(super) fn block_of(&self, term: &str) -> Option<u32> {
        self.firsts.partition_point(|first| &**first <= term).checked_sub(1).map(|block| block as u32)
    }

    /// The blocks where terms with this beginning may stand.
    pub(super) fn blocks_of_prefix(&self, start: &str) -> std::ops::Range<u32> {
        let first = self.firsts.partition_point(|first| &**first <= start).saturating_sub(1);
        let end = self.firsts.partition_point(|first| &**first < start || first.starts_with(start));
        first as u32..end.max(first) as u32
    }

    /// Number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.firsts.len()
    }

    /// Chunks of one document each, chunk and document numbered alike, without words.
    #[cfg(test)]
    pub(super) fn of_chunks(id: i64, chunks: impl Iterator<Item = i64>) -> Self {
        let document_id = |id: i64| DocumentId(Uuid::from_u128(id.unsigned_abs().into()));
        let place = |id| Place { id, document_seq: id, document_id: document_id(id), kind: ChunkKind::Body, length: 1 };
        Self { id, places: chunks.map(place).collect(), firsts: Vec::new() }
    }

    /// The place of a chunk.
    pub(super) fn find(&self, id: i64) -> Option<usize> {
        let inside = self.places.first()?.id <= id && id <= self.places.last()?.id;
        inside.then(|| self.places.binary_search_by_key(&id, |place| place.id).ok())?
    }
}

/// The terms of a block; ends where the bytes make no sense.
pub(super) fn entries(block: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= block.len() {
            return None;
        }
        let length = take(block, &mut at) as usize;
        let term = std::str::from_utf8(block.get(at..at.checked_add(length)?)?).ok()?;
        at += length;
        let count = take(block, &mut at) as u32;
        let length = take(block, &mut at) as usize;
        let postings = block.get(at..at.checked_add(length)?)?;
        at += length;
        Some(Entry { term, count, postings })
    })
}

/// The entry of one term.
pub(super) fn find<'a>(block: &'a [u8], term: &str) -> Option<Entry<'a>> {
    entries(block).take_while(|entry| entry.term <= term).find(|entry| entry.term == term)
}

/// Calls `with` for every term of a dictionary and the number of its chunks.
pub(super) fn each_term(dictionary: &[u8], mut with: impl FnMut(&str, u32)) {
    let mut at = 0;
    let mut term = Vec::new();
    while at < dictionary.len() {
        let shared = take(dictionary, &mut at) as usize;
        let length = take(dictionary, &mut at) as usize;
        let Some(rest) = at.checked_add(length).and_then(|end| dictionary.get(at..end)) else { return };
        term.truncate(shared);
        term.extend_from_slice(rest);
        at += length;
        let count = take(dictionary, &mut at) as u32;
        if let Ok(term) = std::str::from_utf8(&term) {
            with(term, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: i64) -> Place {
        // As unpacked: an attachment is a text like a body.
        let kind = if id % 4 == 0 { ChunkKind::Body } else { ChunkKind::ALL[id as usize % 4 + 2] };
        let document_id = DocumentId(Uuid::from_u128(id as u128 / 3));
        Place { id, document_seq: id / 3, document_id, kind, length: id as u32 }
    }

    fn unpacked(packed: Packed) -> Input {
        let segment = Segment::unpack(7, &packed.header).expect("sound");
        assert_eq!(segment.blocks(), packed.blocks.len());
        let dropped = vec![false; segment.places.len()];
        Input { segment, blocks: packed.blocks, dropped }
    }

    fn postings(input: &Input, term: &str) -> Vec<(i64, u32)> {
        let mut found = Vec::new();
        if let Some(entry) = input.segment.block_of(term).and_then(|block| find(&input.blocks[block as usize], term)) {
            entry.each(|at, frequency| found.push((input.segment.places[at].id, frequency)));
            assert_eq!(found.len(), entry.count as usize);
        }
        found
    }

    #[test]
    fn segments_come_back_as_they_went_in_and_merge() {
        let texts: Vec<(i64, String)> =
            (1..900).map(|id| (id, format!("common w{} w{} common é{}", id % 7, id % 101, id * 31 % 503))).collect();
        let of = |rest: i64| {
            let mine: Vec<_> = texts.iter().filter(|(id, _)| id % 3 == rest).collect();
            unpacked(pack(&mine.iter().map(|(id, text)| (place(*id), text.as_str())).collect::<Vec<_>>()))
        };
        let mut inputs = vec![of(0), of(1), of(2)];
        for input in &mut inputs {
            for (at, place) in input.segment.places.iter().enumerate() {
                input.dropped[at] = place.id % 5 == 0;
            }
        }
        let whole = unpacked(merge(&inputs));
        let kept: Vec<_> = texts.iter().filter(|(id, _)| id % 5 != 0).collect();
        assert_eq!(whole.segment.places, kept.iter().map(|(id, _)| place(*id)).collect::<Vec<_>>());
        assert!(whole.blocks.len() > 2);
        for term in ["common", "w3", "w99", "é500", "absent", "a", "zzz"] {
            let expected: Vec<(i64, u32)> = kept
                .iter()
                .map(|(id, text)| (*id, text.split(' ').filter(|word| *word == term).count() as u32))
                .filter(|(_, n)| *n > 0)
                .collect();
            assert_eq!(postings(&whole, term), expected, "{term}");
        }
        let blocks = whole.segment.blocks_of_prefix("é4");
        let found: Vec<&str> = blocks
            .flat_map(|block| entries(&whole.blocks[block as usize]))
            .map(|entry| entry.term)
            .filter(|term| term.starts_with("é4"))
            .collect();
        assert!(found.len() > 50 && found.is_sorted());
        assert!(Segment::unpack(1, &[200, 1, 2]).is_none());
    }
}
