//! `KeyStore`.

use peanut::domain::Scope;
use peanut::domain::key::{KeyRecord, KeyState};
use peanut::store::{KeyStore, StoreErrorKind};

use crate::build::{NOW, after};
use crate::harness::{Backend, Harness};

fn key(id: &str, secret: u8) -> KeyRecord {
    KeyRecord {
        id: id.into(),
        name: format!("Ann's {id}"),
        scope: Scope::Write,
        secret_sha256: [secret; 32],
        created_at: NOW,
        rotated_at: None,
        expires_at: Some(after(3600)),
        revoked_at: None,
        last_used_at: None,
    }
}

async fn add(store: &impl Backend, key: &KeyRecord) {
    store.add_key(key).await.expect("add key");
}

pub(crate) async fn keys_are_kept_and_found_by_hash<H: Harness>(harness: H) {
    let store = harness.store();
    assert!(!store.has_keys().await.expect("none yet"));
    assert_eq!(store.keys().await.expect("none yet"), []);
    assert_eq!(store.key_by_hash(&[1; 32]).await.expect("none yet"), None);
    let first = key("b", 1);
    let second = KeyRecord { scope: Scope::Admin, expires_at: None, created_at: after(1), ..key("a", 2) };
    let third = KeyRecord { scope: Scope::Read, last_used_at: Some(NOW), created_at: after(1), ..key("c", 3) };
    for key in [&third, &second, &first] {
        add(store, key).await;
    }
    assert!(harness.another().await.has_keys().await.expect("some"));
    assert_eq!(store.key_by_hash(&[2; 32]).await.expect("look up"), Some(second.clone()));
    assert_eq!(store.key_by_hash(&[9; 32]).await.expect("look up"), None);
    assert_eq!(store.keys().await.expect("list"), [first, second, third]);
}

pub(crate) async fn ids_and_secrets_are_unique<H: Harness>(harness: H) {
    let store = harness.store();
    add(store, &key("a", 1)).await;
    add(store, &key("b", 2)).await;
    for clash in [key("a", 3), key("c", 1)] {
        let error = store.add_key(&clash).await.expect_err("a clash");
        assert_eq!(error.kind, StoreErrorKind::Invariant, "{error}");
    }
    let error = store.rotate_key("a", &[2; 32], None, NOW).await.expect_err("the secret is held");
    assert_eq!(error.kind, StoreErrorKind::Invariant, "{error}");
    assert_eq!(store.keys().await.expect("list"), [key("a", 1), key("b", 2)]);
}

pub(crate) async fn revoked_keys_stay_revoked<H: Harness>(harness: H) {
    let store = harness.store();
    add(store, &key("a", 1)).await;
    let revoked = store.revoke_key("a", after(5)).await.expect("revoke");
    assert_eq!((revoked.revoked_at, revoked.state(after(5))), (Some(after(5)), KeyState::Revoked));
    assert_eq!(store.revoke_key("a", after(9)).await.expect("again"), revoked);
    assert_eq!(store.key_by_hash(&[1; 32]).await.expect("look up"), Some(revoked.clone()));
    let error = store.rotate_key("a", &[2; 32], None, after(9)).await.expect_err("revoked keys stay so");
    assert_eq!(error.kind, StoreErrorKind::Invariant, "{error}");
    assert_eq!(store.keys().await.expect("list"), [revoked]);
    let error = store.revoke_key("z", NOW).await.expect_err("unknown");
    assert_eq!(error.kind, StoreErrorKind::NotFound, "{error}");
}

pub(crate) async fn rotated_keys_forget_the_old_secret<H: Harness>(harness: H) {
    let store = harness.store();
    add(store, &key("a", 1)).await;
    let rotated = store.rotate_key("a", &[2; 32], None, after(7)).await.expect("rotate");
    let expected = KeyRecord { secret_sha256: [2; 32], expires_at: None, rotated_at: Some(after(7)), ..key("a", 1) };
    assert_eq!(rotated, expected);
    assert_eq!(store.key_by_hash(&[1; 32]).await.expect("old"), None);
    assert_eq!(store.key_by_hash(&[2; 32]).await.expect("new"), Some(expected));
    let error = store.rotate_key("z", &[3; 32], None, NOW).await.expect_err("unknown");
    assert_eq!(error.kind, StoreErrorKind::NotFound, "{error}");
}

pub(crate) async fn use_is_written_once_a_minute<H: Harness>(harness: H) {
    let store = harness.store();
    add(store, &key("a", 1)).await;
    let noted = async |seconds| {
        store.note_key_use("a", after(seconds)).await.expect("note");
        store.key_by_hash(&[1; 32]).await.expect("look up").expect("there").last_used_at
    };
    assert_eq!(noted(10).await, Some(after(10)));
    assert_eq!(noted(69).await, Some(after(10)));
    assert_eq!(noted(70).await, Some(after(70)));
    assert_eq!(noted(30).await, Some(after(70)), "a clock that runs behind takes nothing back");
    store.note_key_use("z", NOW).await.expect("unknown keys are passed over");
}

pub(crate) async fn forgotten_keys_are_gone<H: Harness>(harness: H) {
    let store = harness.store();
    add(store, &key("a", 1)).await;
    store.forget_key("a").await.expect("forget");
    assert!(!store.has_keys().await.expect("none left"));
    let error = store.forget_key("a").await.expect_err("gone");
    assert_eq!(error.kind, StoreErrorKind::NotFound, "{error}");
    add(store, &key("a", 1)).await;
}

pub(crate) async fn other_processes_see_a_revocation_at_once<H: Harness>(harness: H) {
    let store = harness.store();
    let other = harness.another().await;
    add(store, &key("a", 1)).await;
    let before = other.key_by_hash(&[1; 32]).await.expect("look up").expect("there");
    assert_eq!(before.state(NOW), KeyState::Active);
    store.revoke_key("a", NOW).await.expect("revoke");
    let after = other.key_by_hash(&[1; 32]).await.expect("look up").expect("there");
    assert_eq!(after.state(NOW), KeyState::Revoked);
}
