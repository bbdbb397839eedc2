//! From column values to domain values and back. Called by every file of this adapter.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::domain::Timestamp;

/// Longest text, in bytes, that may stand in an index beside other columns: PostgreSQL holds a third of a page.
const KEY_BYTES: usize = 1024;

/// A value in the database that the program does not understand.
pub(super) fn undecodable(what: &str, value: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what} has the unknown value {value}").into())
}

/// A SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> Result<[u8; 32], sqlx::Error> {
    bytes.try_into().map_err(|_| undecodable("SHA-256", format!("of {} bytes", bytes.len())))
}

/// A stable name, read by the type's own `parse`.
pub(super) fn named<T>(what: &str, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, sqlx::Error> {
    parse(name).ok_or_else(|| undecodable(what, name))
}

/// JSON text.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(what: &str, json: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(format!("{what}: {error}").into()))
}

/// JSON text of a value that always has one (strings, numbers, plain structs).
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Unsigned numbers are kept in signed 64 bits; no real size or count comes near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Back from [`signed`]; a negative number counts as zero.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A small number (an ordinal, a count of tokens or attempts) as the domain holds it.
pub(super) fn small(number: i64) -> u32 {
    u32::try_from(unsigned(number)).unwrap_or(u32::MAX)
}

/// A moment that may be missing.
pub(super) fn moment(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp)
}

/// Milliseconds of a lease.
pub(super) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Text as PostgreSQL can hold it: it refuses NUL. The ASCII substitute character takes its place; it is one byte too,
/// so offsets into the text stay true.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{1a}")) } else { Cow::Borrowed(text) }
}

/// A name or tag as it stands in an index: [`text`], and when it is too long for that, its beginning and its hash.
/// What is looked up goes through here as well, so equal texts stay equal.
pub(super) fn key_text(name: &str) -> Cow<'_, str> {
    if name.len() <= KEY_BYTES {
        return text(name);
    }
    let hash = Sha256::digest(name.as_bytes()).iter().take(8).fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
    let start = &name[..name.floor_char_boundary(KEY_BYTES - 20)];
    Cow::Owned(format!("{}… {hash:016x}", text(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_replaced_and_keys_are_bounded() {
        assert_eq!(text("a\0b"), "a\u{1a}b");
        assert!(matches!(text("plain"), Cow::Borrowed("plain")));
        let (one, other) = ("ö".repeat(2000), format!("{}x", "ö".repeat(2000)));
        assert!(key_text(&one).len() <= KEY_BYTES);
        assert_ne!(key_text(&one), key_text(&other));
        assert_eq!(key_text(&one), key_text(&one.clone()));
    }
}
