//! The search index: words and vectors in immutable files that are used where they lie.
//!
//! A segment of words ([`words::Segment`]) holds chunks with their terms; a block of vectors ([`vectors::Block`]) the codes
//! of one model's vectors. Both are plain bytes ([`bytes::Bytes`]), mapped from a file or held in memory, named by their
//! content, never changed, and shared by every process through the page cache. Nothing is read in before a search asks for
//! it. What they hold can be made anew from the store at any time.
//!
//! [`view::View`] puts segments side by side and knows what of them is gone; [`matching`] finds what a clause matches,
//! [`score`] ranks it by the formula of [`ranking`], [`suggest`] finds words like one; [`vectors`] scans by the codes of
//! [`codes`]. [`tiers`] says which pieces become one. Which segments there are, and what is gone, is the store's to say:
//! `store::sqlite::search` and `store::postgres::search` keep that in their tables, and the same bytes. Imports `domain` only.

pub(crate) mod bytes;
pub(crate) mod codes;
pub(crate) mod files;
pub(crate) mod matching;
pub(crate) mod numbers;
pub(crate) mod ranking;
pub(crate) mod score;
pub(crate) mod stop;
pub(crate) mod suggest;
pub(crate) mod tiers;
pub(crate) mod varint;
pub(crate) mod vectors;
pub(crate) mod view;
pub(crate) mod words;
