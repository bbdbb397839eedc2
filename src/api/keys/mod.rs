//! Who holds which key: the [`Authenticator`] behind the HTTP door and MCP over HTTP.
//!
//! Owns how secrets are made ([`secret`]), what is remembered of keys that were seen, and the decision. Called by
//! `api::gate` for every request, by `peanut keys` to make secrets, by `peanut serve` to learn whether any key exists.
//!
//! A key is looked up by its hash, one indexed read, and remembered for half a second: one revoked by any process stops
//! within that time. While the store does not answer, a key that was good within the last five minutes stays good: nobody can
//! revoke it meanwhile either, and whoever watches an outage (metrics, health) must not be locked out by it. Any other
//! key is then [`AuthError::Unavailable`]. Keys of the environment need no store.

mod remembered;
pub mod secret;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tokio::sync::Semaphore;

use crate::domain::key::{KeyRecord, KeyState, SecretHash};
use crate::domain::{Clock, Scope, Secret, Timestamp};
use crate::store::{SharedStore, StoreError};

use super::auth::{AuthError, Authenticator, Caller};
use super::limits::{LimitOptions, Limits};
use remembered::{Age, FRESH_MILLIS, Remembered};

/// The store must say within this whether it knows a key.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
/// After a look-up that failed, the store is not asked for this long: requests must not queue up behind it.
const STORE_RESTS_MILLIS: i64 = 1000;
/// Use of a key is noted at most this often.
const USE_NOTED_MILLIS: i64 = 60 * 1000;
/// For an answer that goes on, what the store said of its key is asked again after this.
const STILL_FRESH_MILLIS: i64 = 150;
/// Keys nobody saw before that are looked up at once.
const LOOKUPS: usize = 2;
/// Longer texts are no keys; they are not even hashed.
const LONGEST_KEY_BYTES: usize = 512;

/// A key that stands in the settings, not in the store.
#[derive(Clone, Debug)]
pub struct FixedKey {
    /// Where it comes from, for logs and limits; not secret.
    pub id: &'static str,
    /// What it may do.
    pub scope: Scope,
    /// The key.
    pub secret: Secret,
}

/// What the ring is to know besides the store.
#[derive(Clone, Debug, Default)]
pub struct KeyRingOptions {
    /// Keys of the settings.
    pub fixed: Vec<FixedKey>,
    /// Whether only this machine can reach the door: then, while there is no key at all, nobody needs one.
    pub loopback_only: bool,
    /// Requests let through.
    pub limits: LimitOptions,
}

/// Knows the keys of the store and of the settings.
pub struct KeyRing {
    store: SharedStore,
    clock: Arc<dyn Clock>,
    fixed: Vec<(&'static str, Scope, SecretHash)>,
    loopback_only: bool,
    limits: Limits,
    remembered: Remembered,
    /// Until when the store is left alone, in milliseconds since the epoch.
    store_rests_until: AtomicI64,
    lookups: Semaphore,
}

impl KeyRing {
    /// A ring over the keys of `store` and those of `options`.
    #[must_use]
    pub fn new(store: SharedStore, clock: Arc<dyn Clock>, options: KeyRingOptions) -> Self {
        let fixed = options.fixed.iter().map(|key| (key.id, key.scope, secret::hash_of(key.secret.reveal()))).collect();
        Self {
            store,
            clock,
            fixed,
            loopback_only: options.loopback_only,
            limits: Limits::new(options.limits),
            remembered: Remembered::default(),
            store_rests_until: AtomicI64::new(i64::MIN),
            lookups: Semaphore::new(LOOKUPS),
        }
    }

    /// Whether any key exists, good or not: then the door asks for one. A listener that others can reach must not be opened
    /// without one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_any_key(&self) -> Result<bool, StoreError> {
        if self.fixed.is_empty() { self.store.has_keys().await } else { Ok(true) }
    }

    /// The key of the settings with this hash, the widest of equal ones. Takes as long whichever it is, or none.
    fn fixed(&self, presented: &SecretHash) -> Option<(&'static str, Scope)> {
        // 0 is "none"; otherwise the index plus one.
        let mut found = 0_u32;
        let mut widest = 0_u8;
        for (index, (_, scope, hash)) in self.fixed.iter().enumerate() {
            let breadth = *scope as u8 + 1;
            let better = hash.ct_eq(presented) & Choice::from(u8::from(breadth > widest));
            found.conditional_assign(&(index as u32 + 1), better);
            widest.conditional_assign(&breadth, better);
        }
        let index = usize::try_from(found).ok()?.checked_sub(1)?;
        self.fixed.get(index).map(|(id, scope, _)| (*id, *scope))
    }

    /// Asks the store, unless it failed a moment ago; `None` when there is no answer.
    async fn ask<T>(&self, now: Timestamp, question: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        if now.0 < self.store_rests_until.load(Ordering::Relaxed) {
            return None;
        }
        let why = match tokio::time::timeout(LOOKUP_TIMEOUT, question).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", LOOKUP_TIMEOUT.as_secs()),
        };
        tracing::warn!(error = why, "keys_not_read");
        self.store_rests_until.store(self.clock.now().0.saturating_add(STORE_RESTS_MILLIS), Ordering::Relaxed);
        None
    }

    /// The key of the store with this hash, as it was less than `fresh` milliseconds ago.
    async fn stored(&self, presented: &SecretHash, now: Timestamp, fresh: i64) -> Result<KeyRecord, AuthError> {
        let held = self.remembered.key(presented, now, fresh);
        if let Some((key, Age::Fresh)) = held {
            return Ok(key);
        }
        // Whoever guesses takes two connections of the store at most, and no good key that was seen waits behind him.
        let _lookup = if held.is_none() { self.lookups.acquire().await.ok() } else { None };
        match self.ask(now, self.store.key_by_hash(presented)).await {
            Some(Some(key)) if bool::from(key.secret_sha256.ct_eq(presented)) => {
                self.remembered.put_key(key.clone(), now);
                Ok(key)
            }
            Some(_) => {
                self.remembered.forget_key(presented);
                Err(AuthError::Unknown)
            }
            None => held.map(|(key, _)| key).ok_or(AuthError::Unavailable),
        }
    }

    /// Whoever shows no key.
    async fn without_key(&self, now: Timestamp, fresh: i64) -> Result<Caller, AuthError> {
        if !self.loopback_only || !self.fixed.is_empty() {
            return Err(AuthError::Missing);
        }
        let held = self.remembered.any_key(now, fresh);
        let any = match held {
            Some((any, Age::Fresh)) => any,
            _ => match self.ask(now, self.store.has_keys()).await {
                Some(any) => {
                    self.remembered.put_any_key(any, now);
                    any
                }
                None => held.map(|(any, _)| any).ok_or(AuthError::Unavailable)?,
            },
        };
        if any { Err(AuthError::Missing) } else { Ok(Caller { key_id: None, scope: Scope::Admin }) }
    }

    /// Notes the use of a key beside the request, which does not wait for it.
    fn note_use(&self, key: &KeyRecord, now: Timestamp) {
        if key.last_used_at.is_some_and(|used| now.0.saturating_sub(used.0) < USE_NOTED_MILLIS) {
            return;
        }
        self.remembered.note_use(&key.secret_sha256, now);
        let (store, id) = (Arc::clone(&self.store), key.id.clone());
        tokio::spawn(async move {
            if let Err(error) = store.note_key_use(&id, now).await {
                tracing::warn!(key = id, %error, "key_use_not_noted");
            }
        });
    }
}

impl KeyRing {
    /// Whose key it is, as far as it was known less than `fresh` milliseconds ago; with the store's record, if it has one.
    async fn holder(
        &self,
        presented: Option<&str>,
        now: Timestamp,
        fresh: i64,
    ) -> Result<(Caller, Option<KeyRecord>), AuthError> {
        let Some(presented) = presented.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok((self.without_key(now, fresh).await?, None));
        };
        if presented.len() > LONGEST_KEY_BYTES {
            return Err(AuthError::Unknown);
        }
        let hash = secret::hash_of(presented);
        if let Some((id, scope)) = self.fixed(&hash) {
            return Ok((Caller { key_id: Some(id.to_owned()), scope }, None));
        }
        let key = self.stored(&hash, now, fresh).await?;
        if key.state(now) != KeyState::Active {
            return Err(AuthError::Unknown);
        }
        Ok((Caller { key_id: Some(key.id.clone()), scope: key.scope }, Some(key)))
    }
}

#[async_trait]
impl Authenticator for KeyRing {
    async fn authenticate(&self, presented: Option<&str>, address: Option<IpAddr>) -> Result<Caller, AuthError> {
        let now = self.clock.now();
        let found = self.holder(presented, now, FRESH_MILLIS).await;
        let key_id = found.as_ref().ok().and_then(|(caller, _)| caller.key_id.as_deref());
        match (key_id, address, &found) {
            (Some(id), address, _) => self.limits.check_key(id, address)?,
            // What failed, and what needed no key, counts by its address alone: nobody else is kept out by it.
            (None, Some(address), Ok(_) | Err(AuthError::Missing | AuthError::Unknown)) => {
                self.limits.check_address(address)?;
            }
            (None, _, _) => {}
        }
        let (caller, key) = found?;
        if let Some(key) = key {
            self.note_use(&key, now);
        }
        Ok(caller)
    }

    async fn still(&self, presented: Option<&str>) -> Result<Caller, AuthError> {
        self.holder(presented, self.clock.now(), STILL_FRESH_MILLIS).await.map(|(caller, _)| caller)
    }
}

#[cfg(test)]
mod tests;
