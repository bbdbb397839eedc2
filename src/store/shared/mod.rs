//! What both engines decide alike, without a database: names and links, the graph they imply, the ledger's bookkeeping.
//!
//! Imports `domain` and the store's own types only, `legs` `index` too. Adapters load rows, ask here what follows, and write it.

pub(crate) mod aside;
pub(crate) mod clean;
pub(crate) mod dead_letters;
pub(crate) mod graph_changes;
pub(crate) mod index_check;
pub(crate) mod ledger;
pub(crate) mod legs;
pub(crate) mod links;
pub(crate) mod names;
pub(crate) mod offers;
pub(crate) mod older;
pub(crate) mod patterns;
pub(crate) mod text;
pub(crate) mod texts;
pub(crate) mod world;
