//! Parser: html.
