//! Ingest: chunk.
