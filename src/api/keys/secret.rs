//! Secrets of keys: how they are made, and what is kept of them. Called by `peanut keys` and by the key ring.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::domain::key::{KeyRecord, SecretHash};
use crate::domain::{Scope, Secret, Timestamp};

/// What every secret begins with, so that people and scanners know one when they see it.
pub const PREFIX: &str = "peanut_";
/// Random bytes in a secret: 256 bits.
const SECRET_BYTES: usize = 32;
/// Random bytes in an id: enough that nobody ever meets the same one twice.
const ID_BYTES: usize = 5;

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random numbers: {0}")]
pub struct NoRandomness(getrandom::Error);

/// A new key and its secret. The secret is shown once by whoever asked; only its hash goes on from here.
///
/// # Errors
/// When the operating system's generator fails.
pub fn issue(
    name: &str,
    scope: Scope,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(KeyRecord, Secret), NoRandomness> {
    let (secret, secret_sha256) = fresh_secret()?;
    let key = KeyRecord {
        id: format!("k{}", random_hex::<ID_BYTES>()?),
        name: name.to_owned(),
        scope,
        secret_sha256,
        created_at: now,
        rotated_at: None,
        expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    Ok((key, secret))
}

/// Another secret for a key that has one.
///
/// # Errors
/// When the operating system's generator fails.
pub fn fresh_secret() -> Result<(Secret, SecretHash), NoRandomness> {
    let text = format!("{PREFIX}{}", random_hex::<SECRET_BYTES>()?);
    let hash = hash_of(&text);
    Ok((Secret::new(text), hash))
}

/// What the store keeps of a secret. A password would need a slow hash; 256 random bits cannot be guessed, so a quick
/// one is enough, and every request pays for it.
#[must_use]
pub fn hash_of(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// So many random bytes of the operating system, as hexadecimal digits.
///
/// # Errors
/// When its generator fails.
pub fn random_hex<const BYTES: usize>() -> Result<String, NoRandomness> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes.iter().fold(String::with_capacity(BYTES * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn secrets_are_long_recognisable_and_never_the_same() {
        let mut seen = HashSet::new();
        for _ in 0..100 {
            let (key, secret) = issue("scripts", Scope::Read, None, Timestamp(1)).unwrap();
            let random = secret.reveal().strip_prefix(PREFIX).unwrap();
            assert_eq!(random.len(), 64);
            assert!(random.chars().all(|c| c.is_ascii_hexdigit()));
            assert_eq!(key.secret_sha256, hash_of(secret.reveal()));
            assert!(seen.insert(secret.reveal().to_owned()) && seen.insert(key.id.clone()));
            assert!(!format!("{key:?} {secret:?} {secret}").contains(random));
        }
    }

    #[test]
    fn the_hash_is_sha_256() {
        let hex = hash_of("abc").iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
