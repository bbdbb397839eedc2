//! From files to committed documents: recognise, parse, cut, embed instantly, commit; watch folders; keep the ledger.
//!
//! `parse`, `detect`, `chunk` and `concepts` are pure (bytes in, parts out) and run in the processes of `parsers`;
//! `pipeline` and `watch` are workers run by the supervisor; `intake` is what the screens and commands call.

pub mod chunk;
pub mod concepts;
pub mod detect;
pub mod intake;
pub mod parse;
pub mod parsers;
pub mod pipeline;
pub mod watch;
