//! Who is asking, and what they may do: the seam between the router and whoever knows the keys.
//!
//! Owns the caller and the trait; `api::gate` calls it for every request that needs a scope and puts the
//! [`Caller`] into the request's extensions. The keys behind it are `api::keys`; [`OpenDoor`] is the one without keys.

use std::net::IpAddr;

use async_trait::async_trait;

pub use crate::domain::Scope;

/// Whoever passed the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Identifies the key (never the key itself); `None` where no key was needed.
    pub key_id: Option<String>,
    /// What the caller may do.
    pub scope: Scope,
}

/// Why nobody passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// A key is needed and none was shown.
    #[error("a key is needed")]
    Missing,
    /// The key is not known, or no longer.
    #[error("the key is not known")]
    Unknown,
    /// Too many requests of this key or address.
    #[error("too many requests; again in {retry_after_seconds} s")]
    TooMany {
        /// Whole seconds until the next request is let through, at least 1.
        retry_after_seconds: u64,
    },
    /// Nobody can say now whether the key is good.
    #[error("keys cannot be checked at the moment")]
    Unavailable,
}

/// Knows keys and limits.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Says who presents this key from this address. `presented` is the header's text as it came; `address` is the
    /// client's (behind a configured proxy the forwarded one), `None` on a Unix-domain socket.
    ///
    /// While no key exists and the listener is bound to loopback only, a request without a key is a [`Caller`] with
    /// [`Scope::Admin`]. Limits count here as well: a request over its limit is [`AuthError::TooMany`]. Good keys count by
    /// themselves, whoever else fails from the same address.
    ///
    /// # Errors
    /// [`AuthError`], each its own HTTP status: 401 for `Missing` and `Unknown`, 429, 503.
    async fn authenticate(&self, presented: Option<&str>, address: Option<IpAddr>) -> Result<Caller, AuthError>;

    /// The same for an answer that goes on: asked a few times a second, counted nowhere, and no older than a moment, so that
    /// the answer ends within half a second of the key.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`], never `TooMany`.
    async fn still(&self, presented: Option<&str>) -> Result<Caller, AuthError>;
}

/// Lets everybody in with every scope: a listener on loopback (or a socket file) of a store without keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenDoor;

#[async_trait]
impl Authenticator for OpenDoor {
    async fn authenticate(&self, _presented: Option<&str>, _address: Option<IpAddr>) -> Result<Caller, AuthError> {
        Ok(Caller { key_id: None, scope: Scope::Admin })
    }

    async fn still(&self, presented: Option<&str>) -> Result<Caller, AuthError> {
        self.authenticate(presented, None).await
    }
}
