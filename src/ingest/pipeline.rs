//! Ingest: pipeline.
