//! Goes through the terms of a segment in byte order. Pure; called by `segment` and `merge`.

use crate::index::varint::take;

use super::cursor::Postings;
use super::layout::GROUP;
use super::segment::Segment;

/// At a term, or before the first of a group.
#[derive(Debug)]
pub(crate) struct Terms<'a> {
    segment: &'a Segment,
    /// The group after the present one.
    next_group: usize,
    group: &'a [u8],
    /// Terms left in the group.
    left: usize,
    at: usize,
    data_at: usize,
    term: Vec<u8>,
    postings: Postings<'a>,
}

impl<'a> Terms<'a> {
    /// Before the first term of a group.
    pub(super) fn of_group(segment: &'a Segment, group: usize) -> Self {
        let (term, postings) = (Vec::new(), Postings::default());
        Self { segment, next_group: group, group: &[], left: 0, at: 0, data_at: 0, term, postings }
    }

    /// Goes to the next term; false behind the last, or where the bytes make no sense.
    pub(crate) fn advance(&mut self) -> bool {
        while self.left == 0 {
            if self.next_group >= self.segment.groups() {
                return false;
            }
            self.left = self.segment.terms_of_group(self.next_group).min(GROUP);
            self.group = self.segment.group(self.next_group);
            self.at = 0;
            self.data_at = take(self.group, &mut self.at) as usize;
            self.term.clear();
            self.next_group += 1;
        }
        self.left -= 1;
        let shared = take(self.group, &mut self.at) as usize;
        let length = take(self.group, &mut self.at) as usize;
        let Some(rest) = self.at.checked_add(length).and_then(|end| self.group.get(self.at..end)) else { return false };
        self.at += length;
        self.term.truncate(shared);
        self.term.extend_from_slice(rest);
        let (chunks, texts) = (take(self.group, &mut self.at) as u32, take(self.group, &mut self.at) as u32);
        let (places, positions) = (self.part(), self.part());
        // A posting takes a byte or more: what is damaged may not keep anybody busy.
        let chunks = chunks.min(places.len() as u32);
        self.postings = Postings { chunks, texts: texts.min(chunks), places, positions };
        true
    }

    fn part(&mut self) -> &'a [u8] {
        let length = take(self.group, &mut self.at) as usize;
        let end = self.data_at.saturating_add(length);
        let part = self.segment.data().get(self.data_at..end).unwrap_or_default();
        self.data_at = end;
        part
    }

    /// The present term.
    pub(crate) fn term(&self) -> &[u8] {
        &self.term
    }

    /// Where the present term stands.
    pub(crate) fn postings(&self) -> Postings<'a> {
        self.postings
    }
}
