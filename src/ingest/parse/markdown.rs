//! Parser: markdown.
