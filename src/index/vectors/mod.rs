//! The vectors of models as codes (`index::codes`): the first is scanned whole, both together score what the scan finds.
//!
//! A [`Block`] lies in a file and is used there; what came since is in memory ([`Model`]). Several models may be asked at
//! once: a chunk is scored by the first that has a vector of it.

mod block;
mod model;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use block::{Block, Coded, merge, write};
pub(crate) use model::Model;
pub(crate) use scan::{Asked, Known};
