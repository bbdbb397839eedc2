//! Parser: docx.
