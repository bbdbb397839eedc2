//! Parser: mail.
