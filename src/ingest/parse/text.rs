//! Parser: text.
