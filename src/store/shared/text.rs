//! Names as they stand in an index: the same in every engine, so that what one holds another can take over. Pure.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::domain::text::without_nul;

/// Longest text, in bytes, that may stand in an index beside other columns: PostgreSQL holds a third of a page.
const KEY_BYTES: usize = 1024;

/// A name or tag as it stands in an index: without NUL, and when it is too long, its beginning and its hash. What is
/// looked up goes through here as well, so equal texts stay equal. Applied twice it changes nothing more.
pub(crate) fn key_text(name: &str) -> Cow<'_, str> {
    if name.len() <= KEY_BYTES {
        return without_nul(name);
    }
    let hash = Sha256::digest(name.as_bytes()).iter().take(8).fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
    let start = &name[..name.floor_char_boundary(KEY_BYTES - 20)];
    Cow::Owned(format!("{}… {hash:016x}", without_nul(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_and_stay_apart() {
        let (one, other) = ("ö".repeat(2000), format!("{}x", "ö".repeat(2000)));
        assert!(key_text(&one).len() <= KEY_BYTES);
        assert_ne!(key_text(&one), key_text(&other));
        assert_eq!(key_text(&one), key_text(&one.clone()));
        assert_eq!(key_text(&key_text(&one)), key_text(&one));
        assert_eq!(key_text("a\0b"), "a\u{1a}b");
    }
}
