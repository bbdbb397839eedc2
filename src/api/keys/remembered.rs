//! What the store said of keys a moment ago: answers requests that come one after the other, and bridges an outage.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::Timestamp;
use crate::domain::key::{KeyRecord, SecretHash};

/// An answer of the store is taken as true this long: a revoked key stops within it.
pub(super) const FRESH_MILLIS: i64 = 500;
/// And this long when the store does not answer any more.
const KEPT_MILLIS: i64 = 5 * 60 * 1000;
/// Keys remembered; the one confirmed longest ago makes room.
const KEPT_KEYS: usize = 1024;

/// How old an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Young enough to be used as it is.
    Fresh,
    /// Good only while the store does not answer.
    Stale,
}

/// Keys that exist; texts that are no keys are never remembered, however many are tried.
#[derive(Default)]
pub(super) struct Remembered {
    keys: Mutex<HashMap<SecretHash, (KeyRecord, Timestamp)>>,
    any: Mutex<Option<(bool, Timestamp)>>,
}

/// The age of what was confirmed at `confirmed`, fresh for less than `fresh` milliseconds; `None` when it is too old, or
/// from a future the clock went back from.
fn age(confirmed: Timestamp, now: Timestamp, fresh: i64) -> Option<Age> {
    match now.0.checked_sub(confirmed.0)? {
        ..0 => None,
        young if young < fresh => Some(Age::Fresh),
        0..KEPT_MILLIS => Some(Age::Stale),
        KEPT_MILLIS.. => None,
    }
}

impl Remembered {
    pub(super) fn key(&self, hash: &SecretHash, now: Timestamp, fresh: i64) -> Option<(KeyRecord, Age)> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, confirmed) = keys.get(hash)?;
        Some((key.clone(), age(*confirmed, now, fresh)?))
    }

    pub(super) fn put_key(&self, key: KeyRecord, now: Timestamp) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEPT_KEYS && !keys.contains_key(&key.secret_sha256) {
            let oldest = keys.iter().min_by_key(|(_, (_, confirmed))| *confirmed).map(|(hash, _)| *hash);
            if let Some(oldest) = oldest {
                keys.remove(&oldest);
            }
        }
        keys.insert(key.secret_sha256, (key, now));
    }

    /// Notes the use of a remembered key; that does not make the answer any younger.
    pub(super) fn note_use(&self, hash: &SecretHash, now: Timestamp) {
        if let Some((key, _)) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get_mut(hash) {
            key.last_used_at = Some(now);
        }
    }

    pub(super) fn forget_key(&self, hash: &SecretHash) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }

    pub(super) fn any_key(&self, now: Timestamp, fresh: i64) -> Option<(bool, Age)> {
        let (any, confirmed) = (*self.any.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some((any, age(confirmed, now, fresh)?))
    }

    pub(super) fn put_any_key(&self, any: bool, now: Timestamp) {
        *self.any.lock().unwrap_or_else(PoisonError::into_inner) = Some((any, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Scope;

    #[test]
    fn answers_age_and_a_clock_that_goes_back_makes_them_worthless() {
        let at = |millis| age(Timestamp(1_000_000), Timestamp(1_000_000 + millis), FRESH_MILLIS);
        assert_eq!(at(0), Some(Age::Fresh));
        assert_eq!(at(FRESH_MILLIS - 1), Some(Age::Fresh));
        assert_eq!(at(FRESH_MILLIS), Some(Age::Stale));
        assert_eq!(at(KEPT_MILLIS - 1), Some(Age::Stale));
        assert_eq!(at(KEPT_MILLIS), None);
        assert_eq!(at(-1), None);
        assert_eq!(age(Timestamp(i64::MIN), Timestamp(i64::MAX), FRESH_MILLIS), None);
    }

    #[test]
    fn only_so_many_keys_are_kept_and_the_latest_stay() {
        let remembered = Remembered::default();
        let key = |number: usize| {
            let mut secret_sha256 = [0; 32];
            secret_sha256[..8].copy_from_slice(&number.to_le_bytes());
            KeyRecord {
                id: number.to_string(),
                name: String::new(),
                scope: Scope::Read,
                secret_sha256,
                created_at: Timestamp(0),
                rotated_at: None,
                expires_at: None,
                revoked_at: None,
                last_used_at: None,
            }
        };
        for number in 0..KEPT_KEYS + 10 {
            remembered.put_key(key(number), Timestamp(number as i64));
        }
        let now = Timestamp(KEPT_KEYS as i64 + 10);
        let held =
            (0..KEPT_KEYS + 10).filter(|n| remembered.key(&key(*n).secret_sha256, now, FRESH_MILLIS).is_some()).count();
        assert_eq!(held, KEPT_KEYS);
        assert!(remembered.key(&key(9).secret_sha256, now, FRESH_MILLIS).is_none());
        assert!(remembered.key(&key(10).secret_sha256, now, FRESH_MILLIS).is_some());
    }
}
