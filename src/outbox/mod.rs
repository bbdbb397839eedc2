//! The way from store to graph: `recorder` (the only door to append), `relay` (delivers), `backoff` (pure).

pub mod backoff;
pub mod recorder;
pub mod relay;
