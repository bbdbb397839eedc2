//! Outbox: recorder.
