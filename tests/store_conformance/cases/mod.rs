//! The cases, by trait.

pub(crate) mod commit;
pub(crate) mod embedding;
pub(crate) mod graph;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod outbox;
pub(crate) mod query_tree;
pub(crate) mod search;
pub(crate) mod system;
pub(crate) mod transfer;
