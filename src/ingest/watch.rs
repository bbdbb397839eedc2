//! Ingest: watch.
