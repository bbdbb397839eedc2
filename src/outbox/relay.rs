//! Outbox: relay.
