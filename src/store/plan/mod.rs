//! What a commit writes, decided without a database: the fate of every document, chunk by chunk, what documents say,
//! which events follow, and how the ledger moves on.
//!
//! Imports `domain` and the store's own types only. The adapters' `documents` load rows, ask here what follows, and
//! write it; so both engines decide alike.

pub(crate) mod affected;
pub(crate) mod chunks;
pub(crate) mod commit;
pub(crate) mod documents;
pub(crate) mod facts;
mod fates;
pub(crate) mod mails;

/// Unsigned numbers as the tables keep them; no real offset comes near the limit.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
