//! Which model serves searches, which is being built, and which is kept to go back to: one row of the store, written only
//! when it still says what was read. Called by `embed::reindex`, the search service, `health` and `peanut reindex`.

use crate::domain::status::ModelRoles;
use crate::domain::{ModelId, Timestamp};
use crate::store::{SharedStore, StoreResult};

/// Setting of the store that holds the roles, as JSON.
pub const MODELS: &str = "embedding.models";

/// The roles in the row's text; nobody's while there is none, or one nobody can read.
#[must_use]
pub fn parse(row: Option<&str>) -> ModelRoles {
    row.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The roles as they are now.
///
/// # Errors
/// The store's.
pub async fn read(store: &SharedStore) -> StoreResult<ModelRoles> {
    Ok(parse(store.setting(MODELS).await?.as_deref()))
}

/// Changes the roles in one step. `next` says what they become, or refuses in words; it is asked again when somebody else
/// changed them meanwhile. The outer error is the store's.
///
/// # Errors
/// The store's.
pub async fn change(
    store: &SharedStore,
    now: Timestamp,
    next: impl Fn(ModelRoles) -> Result<ModelRoles, String>,
) -> StoreResult<Result<ModelRoles, String>> {
    loop {
        let row = store.setting(MODELS).await?;
        let before = parse(row.as_deref());
        let after = match next(before.clone()) {
            Ok(after) if after == before => return Ok(Ok(after)),
            Ok(after) => after,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let text = serde_json::to_string(&after).unwrap_or_default();
        if store.replace_setting(MODELS, row.as_deref(), Some(&text), now).await? {
            tracing::info!(serving = ?after.serving, building = ?after.building, previous = ?after.previous, "models_changed");
            return Ok(Ok(after));
        }
    }
}

/// Gives the model the settings name its role where nobody has one yet: in a new store it serves at once; where another
/// model already has vectors, that one goes on serving until `peanut reindex`.
///
/// # Errors
/// The store's.
pub async fn settle(
    store: &SharedStore,
    configured: &ModelId,
    instant: &ModelId,
    now: Timestamp,
) -> StoreResult<ModelRoles> {
    let known = store.embedding_progress().await?;
    let vectors = |model: &ModelId| known.iter().find(|held| &held.model == model).map_or(0, |held| held.done);
    let next = |roles: ModelRoles| {
        let held = roles.serving.clone().filter(|serving| vectors(serving) > 0);
        let others = known.iter().rev().filter(|held| held.done > 0 && &held.model != instant);
        // Stores of before there were roles: whoever has vectors served.
        let found = || others.map(|held| held.model.clone()).next().filter(|_| vectors(configured) == 0);
        let from_before = if roles.serving.is_none() { found() } else { None };
        let serving = held.or(from_before).unwrap_or_else(|| configured.clone());
        Ok(ModelRoles { serving: Some(serving), ..roles })
    };
    Ok(change(store, now, next).await?.unwrap_or_default())
}

/// `model` is to be built beside the one that serves.
///
/// # Errors
/// The store's; the inner one says why not, and what to do.
pub async fn begin(store: &SharedStore, model: &ModelId, now: Timestamp) -> StoreResult<Result<ModelRoles, String>> {
    change(store, now, |roles| {
        if roles.building.as_ref() == Some(model) {
            return Ok(roles);
        }
        if let Some(building) = &roles.building {
            return Err(format!("{building} is being built: let it finish, or give it up with `peanut reindex --cancel`"));
        }
        if roles.serving.as_ref() == Some(model) {
            return Err(format!("{model} serves already"));
        }
        if let Some(previous) = &roles.previous {
            return Err(format!(
                "the vectors of {previous} are still kept: drop them with `peanut reindex --confirm`, or return to them with `peanut reindex --back`"
            ));
        }
        Ok(ModelRoles { building: Some(model.clone()), ..roles })
    })
    .await
}

/// The model that was built serves from now on; the one before is kept.
///
/// # Errors
/// The store's; the inner one when it is not being built any more.
pub async fn switch(store: &SharedStore, built: &ModelId, now: Timestamp) -> StoreResult<Result<ModelRoles, String>> {
    change(store, now, |roles| {
        if roles.building.as_ref() != Some(built) {
            return Err(format!("{built} is not being built any more"));
        }
        Ok(ModelRoles { serving: Some(built.clone()), building: None, previous: roles.serving })
    })
    .await
}

/// The model before serves again; the present one is kept instead.
///
/// # Errors
/// The store's; the inner one when there is none to go back to.
pub async fn back(store: &SharedStore, now: Timestamp) -> StoreResult<Result<ModelRoles, String>> {
    change(store, now, |roles| {
        let Some(previous) = roles.previous else { return Err("there is no model to go back to".to_owned()) };
        Ok(ModelRoles { serving: Some(previous), previous: roles.serving, ..roles })
    })
    .await
}

/// Nobody needs the model before any more. Its vectors are the caller's to drop.
///
/// # Errors
/// The store's; the inner one when none is kept.
pub async fn forget(store: &SharedStore, model: &ModelId, now: Timestamp) -> StoreResult<Result<ModelRoles, String>> {
    change(store, now, |roles| {
        let without = |held: Option<ModelId>| held.filter(|held| held != model);
        Ok(ModelRoles { building: without(roles.building), previous: without(roles.previous), serving: roles.serving })
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn model(name: &str) -> ModelId {
        ModelId::from(name)
    }

    async fn store() -> (tempfile::TempDir, SharedStore) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peanut.db");
        let store = crate::store::sqlite::SqliteStore::open(&path).await.unwrap();
        (folder, Arc::new(store))
    }

    #[tokio::test]
    async fn a_model_is_built_beside_switched_to_and_left_again() {
        let (_folder, store) = store().await;
        let now = Timestamp(1);
        let roles = settle(&store, &model("old"), &model("static"), now).await.unwrap();
        assert_eq!(roles.serving, Some(model("old")));
        // Without a vector there is nothing to keep serving.
        let roles = settle(&store, &model("other"), &model("static"), now).await.unwrap();
        assert_eq!(roles.serving, Some(model("other")));
        assert!(begin(&store, &model("other"), now).await.unwrap().unwrap_err().contains("serves already"));
        begin(&store, &model("new"), now).await.unwrap().unwrap();
        begin(&store, &model("new"), now).await.unwrap().unwrap();
        assert!(begin(&store, &model("third"), now).await.unwrap().unwrap_err().contains("--cancel"));
        assert!(switch(&store, &model("third"), now).await.unwrap().is_err());
        let roles = switch(&store, &model("new"), now).await.unwrap().unwrap();
        assert_eq!((roles.serving, roles.previous), (Some(model("new")), Some(model("other"))));
        assert!(begin(&store, &model("third"), now).await.unwrap().unwrap_err().contains("--confirm"));
        let roles = back(&store, now).await.unwrap().unwrap();
        assert_eq!((roles.serving, roles.previous), (Some(model("other")), Some(model("new"))));
        let roles = forget(&store, &model("new"), now).await.unwrap().unwrap();
        assert_eq!((roles.previous, roles.building), (None, None));
        assert!(back(&store, now).await.unwrap().is_err());
    }
}
