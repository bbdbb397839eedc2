//! Makes a segment of chunks with their terms. Pure; called by the writers of chunks.

use std::collections::HashMap;
use std::io::{self, Write};

use uuid::Uuid;

use crate::domain::ChunkKind;
use crate::index::ranking::{kind_number, put_posting};
use crate::index::varint::put;

use super::layout::{Footer, GROUP, LENGTH_BITS};

/// One chunk of a segment to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewPlace {
    /// The chunk.
    pub(crate) id: i64,
    /// Its document, by number.
    pub(crate) document: u32,
    /// Its document.
    pub(crate) document_id: Uuid,
    /// What it is.
    pub(crate) kind: ChunkKind,
    /// Length in word pieces.
    pub(crate) length: u32,
}

/// Writes a segment's parts, terms in byte order.
pub(super) struct Packer<W> {
    out: W,
    written: u64,
    footer: Footer,
    dictionary: Vec<u8>,
    groups: Vec<u8>,
    last_term: Vec<u8>,
}

impl<W: Write> Packer<W> {
    /// Begins with the columns; `places` in order of id, of which the first and last are less than 2^32 apart.
    pub(super) fn begin(out: W, places: &[NewPlace]) -> io::Result<Self> {
        let first = places.first().map_or(0, |place| place.id);
        let mut footer = Footer { chunks: places.len() as u64, first_id: first.unsigned_abs(), ..Footer::default() };
        let mut documents: Vec<(u32, Uuid)> = places.iter().map(|place| (place.document, place.document_id)).collect();
        documents.sort_unstable();
        documents.dedup_by_key(|(number, _)| *number);
        footer.documents = documents.len() as u64;
        let rank = |number: u32| documents.binary_search_by_key(&number, |(number, _)| *number).unwrap_or_default();
        let mut columns = Vec::with_capacity(places.len() * 12 + documents.len() * 20);
        for place in places {
            let gap = u32::try_from(place.id - first).map_err(|_| too_far(first, place.id))?;
            columns.extend_from_slice(&gap.to_le_bytes());
        }
        for place in places {
            columns.extend_from_slice(&(rank(place.document) as u32).to_le_bytes());
        }
        for place in places {
            let length = place.length.min((1 << LENGTH_BITS) - 1);
            let kind = u32::from(kind_number(place.kind)) << LENGTH_BITS;
            columns.extend_from_slice(&(kind | length).to_le_bytes());
            footer.quotes += u64::from(place.kind == ChunkKind::Quoted);
            if place.kind.is_text() {
                footer.texts += 1;
                footer.total_length += u64::from(length);
                footer.longest = footer.longest.max(u64::from(length));
            }
        }
        for (number, _) in &documents {
            columns.extend_from_slice(&number.to_le_bytes());
        }
        for (_, id) in &documents {
            columns.extend_from_slice(id.as_bytes());
        }
        footer.data = columns.len() as u64;
        let (dictionary, groups, last_term) = (Vec::new(), Vec::new(), Vec::new());
        let mut packer = Self { out, written: 0, footer, dictionary, groups, last_term };
        packer.write(&columns)?;
        Ok(packer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Adds a term with (chunks, texts among them), its postings and its positions.
    pub(super) fn term(
        &mut self,
        term: &[u8],
        counts: (u32, u32),
        postings: &[u8],
        positions: &[u8],
    ) -> io::Result<()> {
        if self.footer.terms.is_multiple_of(GROUP as u64) {
            self.groups.extend_from_slice(&(self.dictionary.len() as u64).to_le_bytes());
            put(&mut self.dictionary, self.written - self.footer.data);
            self.last_term.clear();
        }
        self.footer.terms += 1;
        let shared = self.last_term.iter().zip(term).take_while(|(a, b)| a == b).count();
        put(&mut self.dictionary, shared as u64);
        put(&mut self.dictionary, (term.len() - shared) as u64);
        self.dictionary.extend_from_slice(&term[shared..]);
        put(&mut self.dictionary, u64::from(counts.0));
        put(&mut self.dictionary, u64::from(counts.1));
        put(&mut self.dictionary, postings.len() as u64);
        put(&mut self.dictionary, positions.len() as u64);
        self.last_term.clear();
        self.last_term.extend_from_slice(term);
        self.write(postings)?;
        self.write(positions)
    }

    /// Writes the rest, and returns what was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.footer.dictionary = self.written;
        let dictionary = std::mem::take(&mut self.dictionary);
        self.write(&dictionary)?;
        self.footer.groups = self.written;
        let groups = std::mem::take(&mut self.groups);
        self.write(&groups)?;
        let footer = self.footer.to_bytes();
        self.write(&footer)?;
        Ok(self.out)
    }
}

fn too_far(first: i64, id: i64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("chunks {first} and {id} are too far apart for one segment"))
}

/// Postings of one term while its segment is made.
#[derive(Debug, Default)]
struct Growing {
    postings: Vec<u8>,
    positions: Vec<u8>,
    chunks: u32,
    texts: u32,
    last_place: u32,
    /// The chunk being counted, how often the term stood there, and where last.
    open: u32,
    frequency: u32,
    last_position: u32,
}

impl Growing {
    fn add(&mut self, place: u32, position: u32, is_text: bool) {
        if self.frequency == 0 || self.open != place {
            self.close();
            self.open = place;
            self.chunks += 1;
            self.texts += u32::from(is_text);
            self.last_position = 0;
        }
        self.frequency += 1;
        put(&mut self.positions, u64::from(position - self.last_position));
        self.last_position = position;
    }

    fn close(&mut self) {
        if self.frequency > 0 {
            put_posting(&mut self.postings, self.open - self.last_place, self.frequency);
            self.last_place = self.open;
            self.frequency = 0;
        }
    }
}

/// Packs chunks with their terms (blanks between), which must come in order of id, each once.
///
/// # Errors
/// When ids are 2^32 or more apart.
pub(crate) fn pack(chunks: &[(NewPlace, &str)]) -> io::Result<Vec<u8>> {
    let places: Vec<NewPlace> = chunks.iter().map(|(place, _)| *place).collect();
    let mut numbers: HashMap<&str, u32, foldhash::fast::RandomState> = HashMap::default();
    let mut growing: Vec<Growing> = Vec::new();
    for (at, (place, terms)) in (0_u32..).zip(chunks) {
        let is_text = place.kind.is_text();
        for (position, term) in (0_u32..).zip(terms.split_ascii_whitespace()) {
            let number = *numbers.entry(term).or_insert_with(|| {
                growing.push(Growing::default());
                growing.len() as u32 - 1
            });
            growing[number as usize].add(at, position, is_text);
        }
    }
    let mut terms: Vec<(&str, u32)> = numbers.into_iter().collect();
    terms.sort_unstable();
    let mut packer = Packer::begin(Vec::new(), &places)?;
    for (term, number) in terms {
        let grown = &mut growing[number as usize];
        grown.close();
        packer.term(term.as_bytes(), (grown.chunks, grown.texts), &grown.postings, &grown.positions)?;
    }
    packer.finish()
}
