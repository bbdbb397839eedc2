//! Peanut: a self-hosted personal knowledge graph that lives in a terminal.
//!
//! The map of the house. Who may import whom is told in `docs/ARCHITECTURE.md` and held by
//! `tests/architecture.rs`.
//!
//! | room | what it owns |
//! |---|---|
//! | [`domain`] | the plain data everybody speaks in |
//! | [`config`], [`telemetry`] | settings; log file and crash report |
//! | [`store`] | the store traits, the SQLite and the PostgreSQL adapter |
//! | `index` | words and vectors in files that are used where they lie |
//! | [`embed`], [`graph`] | embedders and the graph, each behind its trait |
//! | [`ingest`] | files to documents |
//! | [`outbox`] | store to graph |
//! | [`search`] | the query language, fusion, the search service |
//! | [`health`] | probes and the status picture |
//! | [`app`], [`ui`] | the application and its screens |
//! | [`api`] | the HTTP door |
//! | [`runtime`], [`cli`] | where everything is put together |

pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod embed;
pub mod graph;
pub mod health;
pub(crate) mod index;
pub mod ingest;
pub mod outbox;
pub mod runtime;
pub mod search;
pub mod store;
pub mod telemetry;
pub mod ui;
