//! From column values to domain values and back. Called by every file of this adapter.

use uuid::Uuid;

use crate::domain::{DocumentId, Timestamp};

/// A value in the database that the program does not understand.
pub(super) fn undecodable(what: &str, value: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what} has the unknown value {value}").into())
}

/// A 16-byte id.
pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid, sqlx::Error> {
    Uuid::from_slice(bytes).map_err(|_| undecodable("id", format!("of {} bytes", bytes.len())))
}

/// A document's id.
pub(super) fn document_id(bytes: &[u8]) -> Result<DocumentId, sqlx::Error> {
    uuid(bytes).map(DocumentId)
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

/// Unsigned numbers are kept in SQLite's signed 64 bits; no real size or count comes near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Back from [`signed`]; a negative number counts as zero.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A moment that may be missing.
pub(super) fn moment(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp)
}

/// Milliseconds of a lease.
pub(super) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A vector as stored: `f32`, little-endian.
pub(super) fn vector_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|component| component.to_le_bytes()).collect()
}
