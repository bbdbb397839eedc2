//! Situations of every day on the real binary: what is printed never steers a terminal, what was deleted comes back, the
//! program works where it cannot log, a misspelled address is no folder, an export is whole, keys do not vanish, what is
//! there is found and what is gone is known.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests and their helper")]

#[path = "../support/terminal.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod terminal;

#[path = "../support/services.rs"]
#[expect(clippy::expect_used, dead_code, reason = "other tests use the rest")]
mod services;

mod database;
mod deleted;
mod deploy;
mod descriptors;
mod export;
mod intake;
mod integrity;
mod keys;
mod killers;
mod places;
mod printed;
mod queries;
mod serving;
mod support;
