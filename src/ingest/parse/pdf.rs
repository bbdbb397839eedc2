//! Parser: pdf.
