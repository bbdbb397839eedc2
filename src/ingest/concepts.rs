//! Ingest: concepts.
