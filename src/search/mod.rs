//! Search: the query language, the fusion of both legs, snippets, suggestions, evaluation.
//!
//! `query`, `fuse`, `per_query`, `snippet` and `metrics` are pure; `service` is what screens, commands and doors call.

pub mod evaluation;
pub mod fuse;
pub mod metrics;
pub mod per_query;
pub mod query;
pub mod service;
pub mod snippet;
pub mod window;
