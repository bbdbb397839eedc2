//! Outbox: backoff.
