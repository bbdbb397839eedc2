//! A segment of the word index: chunks with their terms, packed once and never changed.
//!
//! `layout` says how it lies, `pack` makes one of chunks, `merge` one of several, `segment` reads it, `dictionary` goes
//! through its terms and `cursor` through the places of one.

mod cursor;
mod dictionary;
mod layout;
mod merge;
mod pack;
mod segment;
#[cfg(test)]
mod tests;

pub(crate) use cursor::{Cursor, Postings};
pub(crate) use merge::{Input, merge};
pub(crate) use pack::{NewPlace, pack};
pub(crate) use segment::Segment;
