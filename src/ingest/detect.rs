//! Ingest: detect.
