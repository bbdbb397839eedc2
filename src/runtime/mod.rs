//! Puts the house together and runs it: the only room besides `cli` that names concrete adapters.
//!
//! `wiring` opens everything, `supervisor` runs the workers, `shutdown` ends them, `lock` decides which process of a host
//! runs them and `holder` says whether it does, `services` answers the screens, `drafts` keeps what is written there,
//! `searches` what was searched for, `door` opens the HTTP door.

pub(crate) mod adapters;
pub mod door;
pub mod drafts;
pub mod holder;
pub mod lock;
pub mod searches;
pub mod services;
pub mod shutdown;
pub mod supervisor;
pub mod transfer;
pub mod wiring;
