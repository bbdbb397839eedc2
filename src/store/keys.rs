//! Keys to the doors. Called by `api::keys` for every request that shows one, and by `peanut keys`.

use async_trait::async_trait;

use crate::domain::Timestamp;
use crate::domain::key::{KeyRecord, SecretHash};

use super::StoreResult;

/// Keys, by hash and by id. Whether a key is good is told by its record; nothing here decides it.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Writes a new key. `Invariant` when another key has its id or its secret.
    async fn add_key(&self, key: &KeyRecord) -> StoreResult<()>;

    /// The key with this secret, also when it was revoked or has expired; one indexed read that sees every commit.
    async fn key_by_hash(&self, secret_sha256: &SecretHash) -> StoreResult<Option<KeyRecord>>;

    /// Every key, oldest first.
    async fn keys(&self) -> StoreResult<Vec<KeyRecord>>;

    /// Whether there is any key, in force or not; one cheap read.
    async fn has_keys(&self) -> StoreResult<bool>;

    /// Ends a key; one already revoked keeps its moment. `NotFound` for an unknown id.
    async fn revoke_key(&self, id: &str, now: Timestamp) -> StoreResult<KeyRecord>;

    /// Gives a key another secret, and another expiry; the old secret is not known any more. `NotFound` for an unknown
    /// id, `Invariant` for a revoked key or a secret that is held.
    async fn rotate_key(
        &self,
        id: &str,
        secret_sha256: &SecretHash,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> StoreResult<KeyRecord>;

    /// Notes that a key was used, unless its last use is noted within the minute before `now`. An unknown id is passed over.
    async fn note_key_use(&self, id: &str, now: Timestamp) -> StoreResult<()>;

    /// Removes a key without a trace. `NotFound` for an unknown id.
    async fn forget_key(&self, id: &str) -> StoreResult<()>;
}
