//! Ingest: intake.
