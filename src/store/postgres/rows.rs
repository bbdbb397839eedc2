//! From column values to domain values and back. Called by every file of this adapter.

use crate::domain::Timestamp;

pub(super) use crate::domain::text::without_nul as text;
pub(super) use crate::store::shared::text::key_text;

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
