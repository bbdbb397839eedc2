//! Drains the embedding backlog.
