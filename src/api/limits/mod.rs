//! How many requests a minute: per address and per key, in bounded memory. Asked by the key ring for every request.
//!
//! A good key has buckets of its own, one for every address it comes from: whoever guesses keys, or has none, empties only
//! his own, and locks nobody out who shares his address.
//!
//! A quota is a bucket: a whole minute's worth may come at once, then it refills evenly. IPv6 addresses count by their
//! /64, which is what one subscriber has. [`forwarded`] says whose address counts behind a proxy.

pub mod forwarded;

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DefaultKeyedStateStore, ShrinkableKeyedStateStore};
use governor::{Quota, RateLimiter};

use super::auth::AuthError;

/// Buckets held at once. Whoever comes when all are taken by others of the last minute shares one with the rest.
const MOST_BUCKETS: usize = 16 * 1024;
/// Buckets that are full again are dropped once in so many requests.
const SWEPT_EVERY: u32 = 256;

/// Requests a minute; 0 lets every request through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOptions {
    /// For one address: without a key, with wrong ones, and again for every good key that comes from it.
    pub per_address_per_minute: u32,
    /// For one key, whatever addresses it comes from.
    pub per_key_per_minute: u32,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self { per_address_per_minute: 100, per_key_per_minute: 0 }
    }
}

/// Both limits.
pub(super) struct Limits<C: Clock = DefaultClock> {
    addresses: Option<Buckets<IpAddr, C>>,
    keys_at_addresses: Option<Buckets<(String, IpAddr), C>>,
    keys: Option<Buckets<String, C>>,
}

impl Limits {
    /// Limits on the machine's clock.
    pub(super) fn new(options: LimitOptions) -> Self {
        Self::on(options, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limits<C> {
    fn on(options: LimitOptions, clock: C) -> Self {
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let per_address = options.per_address_per_minute;
        Self {
            addresses: Buckets::new(per_address, nowhere, clock.clone()),
            keys_at_addresses: Buckets::new(per_address, (String::new(), nowhere), clock.clone()),
            keys: Buckets::new(options.per_key_per_minute, String::new(), clock),
        }
    }

    /// Counts a request of this address that shows no good key.
    pub(super) fn check_address(&self, address: IpAddr) -> Result<(), AuthError> {
        self.addresses.as_ref().map_or(Ok(()), |buckets| buckets.check(&subscriber(address)))
    }

    /// Counts a request of the good key with this id.
    pub(super) fn check_key(&self, id: &str, address: Option<IpAddr>) -> Result<(), AuthError> {
        if let (Some(buckets), Some(address)) = (&self.keys_at_addresses, address) {
            buckets.check(&(id.to_owned(), subscriber(address)))?;
        }
        self.keys.as_ref().map_or(Ok(()), |buckets| buckets.check(&id.to_owned()))
    }
}

/// The address that counts: IPv4 itself, also when written as IPv6; of IPv6 the first 64 bits.
pub(super) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

struct Buckets<K: Hash + Eq + Clone, C: Clock> {
    limiter: RateLimiter<K, Bounded<K>, C, NoOpMiddleware<C::Instant>>,
    requests: AtomicU32,
}

impl<K: Hash + Eq + Clone, C: Clock> Buckets<K, C> {
    fn new(per_minute: u32, crowd: K, clock: C) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?);
        let buckets = Bounded { buckets: DefaultKeyedStateStore::default(), crowd };
        Some(Self { limiter: RateLimiter::new(quota, buckets, clock), requests: AtomicU32::new(0) })
    }

    fn check(&self, key: &K) -> Result<(), AuthError> {
        if self.requests.fetch_add(1, Ordering::Relaxed) % SWEPT_EVERY == SWEPT_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.limiter.clock().now());
            let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            AuthError::TooMany { retry_after_seconds: whole.max(1) }
        })
    }
}

/// Buckets, at most [`MOST_BUCKETS`] and the one of the crowd.
struct Bounded<K: Hash + Eq + Clone> {
    buckets: DefaultKeyedStateStore<K>,
    /// The bucket of all who come when there are too many.
    crowd: K,
}

impl<K: Hash + Eq + Clone> StateStore for Bounded<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let has_place = self.buckets.contains_key(key) || self.buckets.len() < MOST_BUCKETS;
        self.buckets.measure_and_replace(if has_place { key } else { &self.crowd }, measure)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Bounded<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        ShrinkableKeyedStateStore::retain_recent(&self.buckets, drop_below);
    }

    fn shrink_to_fit(&self) {
        ShrinkableKeyedStateStore::shrink_to_fit(&self.buckets);
    }

    fn len(&self) -> usize {
        self.buckets.len()
    }

    fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

#[cfg(test)]
mod tests;
