//! Segments side by side, as they were at one moment, and what of them is gone. Every chunk has a *slot*: the number of
//! its part's first slot and its place in the part. Made by the store, which knows what there is; read by `matching`,
//! `score` and `vectors`. Pure.

use std::sync::Arc;

use uuid::Uuid;

use super::numbers::Numbers;
use super::ranking::Statistics;
use super::words::Segment;

const BITS: usize = u64::BITS as usize;

/// One segment of a view.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The store's number of the segment.
    pub(crate) key: i64,
    /// The segment.
    pub(crate) segment: Segment,
    /// Slot of its first chunk.
    pub(crate) base: usize,
    range: (i64, i64),
    /// One bit a place; empty while nothing is gone.
    gone: Arc<Vec<u64>>,
    chunks: u64,
    texts: u64,
    total_length: u64,
}

impl Part {
    fn of(key: i64, segment: Segment) -> Option<Self> {
        let range = segment.range()?;
        let (chunks, texts, total_length) = (segment.chunks() as u64, segment.texts(), segment.total_length());
        Some(Self { key, segment, base: 0, range, gone: Arc::default(), chunks, texts, total_length })
    }

    /// Whether every chunk is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.gone.is_empty()
    }

    /// Whether the chunk at a place is gone.
    #[inline]
    pub(crate) fn is_gone(&self, place: usize) -> bool {
        self.gone.get(place / BITS).is_some_and(|word| word >> (place % BITS) & 1 == 1)
    }

    /// Marks a chunk gone; one of another segment is none of its business.
    fn remove(&mut self, id: i64) {
        let Some(place) = self.segment.find(id).filter(|place| !self.is_gone(*place)) else { return };
        let words = self.segment.chunks().div_ceil(BITS);
        let gone = Arc::make_mut(&mut self.gone);
        gone.resize(words, 0);
        gone[place / BITS] |= 1 << (place % BITS);
        let (kind, length) = self.segment.kinds_and_lengths().of(place);
        self.chunks = self.chunks.saturating_sub(1);
        if kind.is_text() {
            self.texts = self.texts.saturating_sub(1);
            self.total_length = self.total_length.saturating_sub(u64::from(length));
        }
    }
}

/// All segments of a moment, and what is known of their documents.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// In order of their first chunks.
    pub(crate) parts: Vec<Part>,
    /// All slots, of chunks that are gone too.
    pub(crate) slots: usize,
    deleted: Arc<Numbers>,
    has_deleted: bool,
    /// Numbers of documents that answer a message which is live in the store.
    pub(crate) answers: Arc<Numbers>,
}

impl View {
    /// Takes other segments: those of `keep` stay, `new` come. Ids of chunks that are gone are told afterwards.
    pub(crate) fn replace(&mut self, keep: impl Fn(i64) -> bool, new: impl IntoIterator<Item = (i64, Segment)>) {
        self.parts.retain(|part| keep(part.key));
        self.parts.extend(new.into_iter().filter_map(|(key, segment)| Part::of(key, segment)));
        self.parts.sort_by_key(|part| part.range);
        self.slots = 0;
        for part in &mut self.parts {
            part.base = self.slots;
            self.slots += part.segment.chunks();
        }
    }

    /// Marks chunks gone; those it does not know are passed over.
    pub(crate) fn remove(&mut self, chunks: impl IntoIterator<Item = i64>) {
        for id in chunks {
            let parts = self.parts.iter_mut().filter(|part| part.range.0 <= id && id <= part.range.1);
            parts.for_each(|part| part.remove(id));
        }
    }

    /// Tells which documents are deleted, by number.
    pub(crate) fn set_deleted(&mut self, deleted: Numbers) {
        self.has_deleted = !deleted.is_empty();
        self.deleted = Arc::new(deleted);
    }

    /// Tells which documents were deleted or came back, by number. Returns those for which that is news.
    pub(crate) fn turn_deleted(&mut self, turned: impl IntoIterator<Item = (i64, bool)>) -> Vec<i64> {
        let mut news = Vec::new();
        for (number, is_deleted) in turned {
            let Ok(at) = usize::try_from(number) else { continue };
            if self.deleted.holds(at) != is_deleted {
                let deleted = Arc::make_mut(&mut self.deleted);
                if is_deleted {
                    deleted.insert(at);
                } else {
                    deleted.remove(at);
                }
                news.push(number);
            }
        }
        if !news.is_empty() {
            self.has_deleted = !self.deleted.is_empty();
        }
        news
    }

    /// Takes deleted documents out of a set.
    pub(crate) fn without_deleted(&self, documents: &mut Numbers) {
        if self.has_deleted {
            let mut live = Numbers::clone(&self.deleted);
            live.turn();
            documents.keep(&live);
        }
    }

    /// Whether a segment is in it.
    pub(crate) fn has(&self, key: i64) -> bool {
        self.parts.iter().any(|part| part.key == key)
    }

    /// The greatest chunk id; 0 without chunks.
    pub(crate) fn last_id(&self) -> i64 {
        self.parts.iter().map(|part| part.range.1).max().unwrap_or(0)
    }

    /// Numbers of the documents of chunks with greater ids than `last`; a document of many chunks may come many times.
    pub(crate) fn documents_after(&self, last: i64) -> Vec<u32> {
        let mut documents = Vec::new();
        for part in self.parts.iter().filter(|part| part.range.1 > last) {
            let new = (0..part.segment.chunks()).rev().take_while(|place| part.segment.id(*place) > last);
            documents.extend(new.map(|place| part.segment.document(place)));
            documents.dedup();
        }
        documents
    }

    /// What words are weighed by.
    pub(crate) fn statistics(&self) -> Statistics {
        let sum = |of: fn(&Part) -> u64| self.parts.iter().map(of).sum::<u64>();
        let (texts, chunks) = (sum(|part| part.texts), sum(|part| part.chunks));
        let mean_length = (sum(|part| part.total_length) as f32 / texts.max(1) as f32).max(1.0);
        let longest = self.parts.iter().map(|part| part.segment.longest()).max().unwrap_or(0);
        Statistics { texts, chunks, mean_length, longest }
    }

    /// Whether any chunk is a quote.
    pub(crate) fn has_quotes(&self) -> bool {
        self.parts.iter().any(|part| part.segment.has_quotes())
    }

    /// The part and the place of a slot.
    pub(crate) fn at(&self, slot: usize) -> Option<(&Part, usize)> {
        let part = self.parts.get(self.parts.partition_point(|part| part.base <= slot).checked_sub(1)?)?;
        Some((part, slot - part.base)).filter(|(part, place)| *place < part.segment.chunks())
    }

    /// The slot of a chunk that is not gone.
    pub(crate) fn slot(&self, id: i64) -> Option<usize> {
        // Parts rarely overlap: the last that begins before the chunk has it, or one before that.
        let behind = self.parts.partition_point(|part| part.range.0 <= id);
        let parts = self.parts.get(..behind)?.iter().rev().filter(|part| id <= part.range.1);
        let mut found = parts.filter_map(|part| Some((part, part.segment.find(id)?)));
        found.find(|(part, place)| !part.is_gone(*place)).map(|(part, place)| part.base + place)
    }

    /// The chunk of a slot; 0 where there is none.
    pub(crate) fn id(&self, slot: usize) -> i64 {
        self.at(slot).map_or(0, |(part, place)| part.segment.id(place))
    }

    /// The number of the document of a slot's chunk.
    #[cfg(test)]
    pub(crate) fn document(&self, slot: usize) -> u32 {
        self.at(slot).map_or(0, |(part, place)| part.segment.document(place))
    }

    /// The document of a slot's chunk.
    pub(crate) fn document_id(&self, slot: usize) -> Uuid {
        self.at(slot).map_or(Uuid::nil(), |(part, place)| part.segment.document_id(place))
    }

    /// Chunks that are not gone.
    pub(crate) fn ids(&self) -> impl Iterator<Item = i64> {
        self.parts.iter().flat_map(|part| {
            let here = (0..part.segment.chunks()).filter(|place| !part.is_gone(*place));
            here.map(|place| part.segment.id(place))
        })
    }

    /// Whether the chunk of a slot may be returned.
    #[cfg(test)]
    pub(crate) fn lets(&self, allowed: &Allowed, slot: usize) -> bool {
        self.at(slot).is_some_and(|(part, place)| self.lets_place(allowed, part, place))
    }

    /// Whether the chunk at a place of a part may be returned.
    #[inline]
    pub(crate) fn lets_place(&self, allowed: &Allowed, part: &Part, place: usize) -> bool {
        !part.is_gone(place)
            && match allowed {
                Allowed::Live => !self.has_deleted || !self.deleted.holds(part.segment.document(place) as usize),
                Allowed::Only(documents) => documents.holds(part.segment.document(place) as usize),
            }
    }
}

/// Documents a search may return.
#[derive(Clone, Debug)]
pub(crate) enum Allowed {
    /// Every document that is not deleted.
    Live,
    /// These, by number (deleted ones among them only when asked for).
    Only(Arc<Numbers>),
}
