//! The ring over a real store, with a clock that moves when told to.

use crate::domain::time::ManualClock;
use crate::store::KeyStore as _;
use crate::store::sqlite::SqliteStore;

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const OFF: LimitOptions = LimitOptions { per_address_per_minute: 0, per_key_per_minute: 0 };

struct House {
    ring: KeyRing,
    store: SharedStore,
    clock: ManualClock,
    folder: tempfile::TempDir,
}

async fn house(options: KeyRingOptions) -> House {
    let folder = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(SqliteStore::open(&folder.path().join("peanut.db")).await.unwrap());
    let clock = ManualClock::at(NOW);
    let ring = KeyRing::new(Arc::clone(&store), Arc::new(clock.clone()), options);
    House { ring, store, clock, folder }
}

impl House {
    async fn key(&self, scope: Scope, expires_at: Option<Timestamp>) -> (String, String) {
        let (key, secret) = secret::issue("test", scope, expires_at, NOW).unwrap();
        self.store.add_key(&key).await.unwrap();
        (key.id, secret.reveal().to_owned())
    }

    async fn shows(&self, presented: &str) -> Result<Caller, AuthError> {
        self.ring.authenticate(Some(presented), None).await
    }

    /// The store as another process has it open.
    async fn elsewhere(&self) -> SqliteStore {
        SqliteStore::open(&self.folder.path().join("peanut.db")).await.unwrap()
    }

    async fn last_used(&self, id: &str) -> Option<Timestamp> {
        let keys = self.store.keys().await.unwrap();
        keys.into_iter().find(|key| key.id == id).unwrap().last_used_at
    }
}

fn options(loopback_only: bool) -> KeyRingOptions {
    KeyRingOptions { fixed: Vec::new(), loopback_only, limits: OFF }
}

fn fixed(id: &'static str, scope: Scope, text: &str) -> FixedKey {
    FixedKey { id, scope, secret: Secret::new(text) }
}

#[tokio::test]
async fn a_key_opens_with_its_scope_and_others_do_not() {
    let house = house(options(false)).await;
    for scope in Scope::ALL {
        let (id, secret) = house.key(scope, None).await;
        assert_eq!(house.shows(&secret).await, Ok(Caller { key_id: Some(id), scope }));
        assert_eq!(house.shows(&format!("  {secret}\t")).await.map(|caller| caller.scope), Ok(scope));
        assert_eq!(house.shows(&secret[..secret.len() - 1]).await, Err(AuthError::Unknown));
        assert_eq!(house.shows(&secret.to_uppercase()).await, Err(AuthError::Unknown));
    }
    for unknown in ["peanut_", "x", "ключ", &"k".repeat(100_000)] {
        assert_eq!(house.shows(unknown).await, Err(AuthError::Unknown));
    }
    for missing in [None, Some(""), Some("  ")] {
        assert_eq!(house.ring.authenticate(missing, None).await, Err(AuthError::Missing));
    }
}

#[tokio::test]
async fn nobody_needs_a_key_on_loopback_until_there_is_one() {
    let house = house(options(true)).await;
    let open = Ok(Caller { key_id: None, scope: Scope::Admin });
    assert_eq!(house.ring.authenticate(None, None).await, open);
    assert_eq!(house.shows("peanut_wrong").await, Err(AuthError::Unknown), "a wrong key is wrong all the same");
    let (id, _) = house.key(Scope::Read, None).await;
    house.clock.advance(Duration::from_millis(500));
    assert_eq!(house.ring.authenticate(None, None).await, Err(AuthError::Missing));
    house.store.revoke_key(&id, NOW).await.unwrap();
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.ring.authenticate(None, None).await, Err(AuthError::Missing), "revoking opens nothing");
    house.store.forget_key(&id).await.unwrap();
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.ring.authenticate(None, None).await, open);
}

#[tokio::test]
async fn a_key_revoked_by_another_process_stops_within_half_a_second() {
    let house = house(options(false)).await;
    let (id, secret) = house.key(Scope::Write, None).await;
    assert!(house.shows(&secret).await.is_ok());
    let elsewhere = house.elsewhere().await;
    elsewhere.revoke_key(&id, NOW).await.unwrap();
    house.clock.advance(Duration::from_millis(500));
    assert_eq!(house.shows(&secret).await, Err(AuthError::Unknown));
    let (id, old) = house.key(Scope::Write, None).await;
    assert!(house.shows(&old).await.is_ok());
    let (new, hash) = secret::fresh_secret().unwrap();
    elsewhere.rotate_key(&id, &hash, None, NOW).await.unwrap();
    house.clock.advance(Duration::from_millis(500));
    assert_eq!(house.shows(&old).await, Err(AuthError::Unknown));
    assert!(house.shows(new.reveal()).await.is_ok());
}

#[tokio::test]
async fn a_key_ends_when_it_expires() {
    let house = house(options(false)).await;
    let (_, secret) = house.key(Scope::Read, Some(NOW.plus(Duration::from_millis(100)))).await;
    assert!(house.shows(&secret).await.is_ok());
    house.clock.advance(Duration::from_millis(100));
    assert_eq!(house.shows(&secret).await, Err(AuthError::Unknown), "also while the key is remembered");
}

#[tokio::test]
async fn an_outage_locks_out_only_whom_nobody_knows() {
    let house = house(options(false)).await;
    let (_, known) = house.key(Scope::Read, None).await;
    let (_, stranger) = house.key(Scope::Read, None).await;
    assert!(house.shows(&known).await.is_ok());
    house.store.close().await;
    house.clock.advance(Duration::from_secs(299));
    assert!(house.shows(&known).await.is_ok());
    assert_eq!(house.shows(&stranger).await, Err(AuthError::Unavailable));
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.shows(&known).await, Err(AuthError::Unavailable), "using it does not make the answer younger");
}

#[tokio::test]
async fn keys_of_the_settings_need_no_store() {
    let fixed = vec![
        fixed("env:read", Scope::Read, "a-long-enough-read-key"),
        fixed("env:write", Scope::Write, "a-long-enough-write-key"),
        fixed("env:both", Scope::Write, "a-long-enough-read-key"),
    ];
    let house = house(KeyRingOptions { fixed, ..options(true) }).await;
    house.store.close().await;
    let caller = |id: &str, scope| Ok(Caller { key_id: Some(id.to_owned()), scope });
    assert_eq!(house.shows("a-long-enough-write-key").await, caller("env:write", Scope::Write));
    assert_eq!(house.shows("a-long-enough-read-key").await, caller("env:both", Scope::Write), "the widest counts");
    assert_eq!(house.shows("a-long-enough-read-kex").await, Err(AuthError::Unavailable));
    assert_eq!(house.ring.authenticate(None, None).await, Err(AuthError::Missing));
    assert!(house.ring.has_any_key().await.unwrap());
}

#[tokio::test]
async fn use_is_noted_once_a_minute() {
    let house = house(options(false)).await;
    let (id, secret) = house.key(Scope::Read, None).await;
    let noted_at = async |expected: Timestamp| {
        assert!(house.shows(&secret).await.is_ok());
        // The note is written beside the request.
        tokio::time::timeout(Duration::from_secs(10), async {
            while house.last_used(&id).await != Some(expected) {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    };
    noted_at(NOW).await;
    house.clock.advance(Duration::from_secs(59));
    noted_at(NOW).await;
    house.clock.advance(Duration::from_secs(1));
    noted_at(NOW.plus(Duration::from_secs(60))).await;
}

#[tokio::test]
async fn failures_count_by_address_and_good_keys_by_themselves() {
    let limits = LimitOptions { per_address_per_minute: 3, per_key_per_minute: 0 };
    let house = house(KeyRingOptions { limits, ..options(false) }).await;
    let ((_, secret), (_, other)) = (house.key(Scope::Read, None).await, house.key(Scope::Read, None).await);
    let address = "192.0.2.1".parse().ok();
    let shows = |presented: &'static str| house.ring.authenticate(Some(presented), address);
    for _ in 0..3 {
        assert_eq!(shows("guess").await, Err(AuthError::Unknown));
    }
    for _ in 0..50 {
        let refused = shows("guess").await;
        assert!(matches!(refused, Err(AuthError::TooMany { retry_after_seconds: 1.. })), "{refused:?}");
    }
    let refused = house.ring.authenticate(None, address).await;
    assert!(matches!(refused, Err(AuthError::TooMany { .. })), "none is as wrong as a wrong one: {refused:?}");
    for key in [&secret, &other] {
        for _ in 0..3 {
            let passed = house.ring.authenticate(Some(key), address).await;
            assert!(passed.is_ok(), "the good key of an address that others guess from: {passed:?}");
        }
        let refused = house.ring.authenticate(Some(key), address).await;
        assert!(matches!(refused, Err(AuthError::TooMany { .. })), "a good key has a limit too: {refused:?}");
    }
    assert!(house.ring.authenticate(Some(&secret), "192.0.2.2".parse().ok()).await.is_ok());
}

#[tokio::test]
async fn a_key_has_a_limit_over_all_addresses_when_asked() {
    let limits = LimitOptions { per_address_per_minute: 0, per_key_per_minute: 2 };
    let house = house(KeyRingOptions { limits, ..options(false) }).await;
    let (_, secret) = house.key(Scope::Read, None).await;
    assert!(house.shows(&secret).await.is_ok() && house.shows(&secret).await.is_ok());
    let refused = house.shows(&secret).await;
    assert!(matches!(refused, Err(AuthError::TooMany { retry_after_seconds: 1..=30 })), "{refused:?}");
}

#[tokio::test]
async fn an_answer_that_goes_on_learns_of_a_revoked_key_before_others_do() {
    let house = house(options(true)).await;
    let open = house.ring.still(None).await;
    assert_eq!(open, Ok(Caller { key_id: None, scope: Scope::Admin }));
    let (id, secret) = house.key(Scope::Read, None).await;
    assert!(house.shows(&secret).await.is_ok());
    house.elsewhere().await.revoke_key(&id, NOW).await.unwrap();
    house.clock.advance(Duration::from_millis(150));
    assert_eq!(house.ring.still(Some(&secret)).await, Err(AuthError::Unknown));
    assert_eq!(house.ring.still(None).await, Err(AuthError::Missing), "nor does what needed no key before");
}
