//! Keys to the doors as the store keeps them: everything but the secret. Made by `api::keys`, shown by `cli::keys`.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// What a key may do. Ordered: a wider scope holds the narrower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look: search, documents, status, graph, events.
    Read,
    /// Look and take documents in.
    Write,
    /// Everything, settings among it.
    Admin,
}

impl Scope {
    /// Every scope, narrowest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// Stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// The scope with the stable name `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Whether a caller with this scope may do what needs `needed`.
    #[must_use]
    pub fn allows(self, needed: Self) -> bool {
        self >= needed
    }
}

/// SHA-256 of a key's secret. The secret has 256 bits of entropy, so a plain hash tells nothing about it.
pub type SecretHash = [u8; 32];

/// A key. It never holds the secret, only its hash, which is not shown either.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// Identifies the key in lists, logs and commands; not secret.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// Hash of the present secret.
    #[serde(skip)]
    pub secret_sha256: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its secret was last replaced.
    pub rotated_at: Option<Timestamp>,
    /// From when on it is not good any more.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used; at most a minute behind.
    pub last_used_at: Option<Timestamp>,
}

impl std::fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("scope", &self.scope)
            .field("state", &(self.created_at, self.rotated_at, self.expires_at, self.revoked_at, self.last_used_at))
            .finish_non_exhaustive()
    }
}

/// Whether a key opens doors, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyRecord {
    /// Whether the key is good at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|expires| expires <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_scopes_hold_narrower_ones() {
        for (holder, needed, allowed) in [
            (Scope::Read, Scope::Read, true),
            (Scope::Read, Scope::Write, false),
            (Scope::Write, Scope::Read, true),
            (Scope::Write, Scope::Admin, false),
            (Scope::Admin, Scope::Write, true),
        ] {
            assert_eq!(holder.allows(needed), allowed, "{holder:?} {needed:?}");
        }
        assert!(Scope::ALL.into_iter().all(|scope| Scope::parse(scope.as_str()) == Some(scope)));
        assert_eq!(Scope::parse("root"), None);
    }

    #[test]
    fn a_key_ends_when_it_expires_or_is_revoked_and_never_shows_its_hash() {
        let key = KeyRecord {
            id: "a".into(),
            name: "b".into(),
            scope: Scope::Read,
            secret_sha256: [0xab; 32],
            created_at: Timestamp(0),
            rotated_at: None,
            expires_at: Some(Timestamp(10)),
            revoked_at: None,
            last_used_at: None,
        };
        assert_eq!((key.state(Timestamp(9)), key.state(Timestamp(10))), (KeyState::Active, KeyState::Expired));
        let revoked = KeyRecord { revoked_at: Some(Timestamp(5)), ..key.clone() };
        assert_eq!(revoked.state(Timestamp(11)), KeyState::Revoked);
        let shown = format!("{key:?}{}", serde_json::to_string(&key).unwrap());
        assert!(!shown.contains("171") && !shown.contains("ab") && !shown.contains("sha256"), "{shown}");
    }
}
