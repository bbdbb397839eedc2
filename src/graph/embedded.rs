//! The graph in the store's own tables.
