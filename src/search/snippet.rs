//! Search: snippet.
