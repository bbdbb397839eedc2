//! Both legs of search over SQLite: words from FTS5 and vectors from memory.

/// In-memory indexes, loaded on first use and kept current.
#[derive(Debug, Default)]
pub(super) struct SearchIndex {}
