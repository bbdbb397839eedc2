//! `GET|POST /config`: what can be changed while Peanut runs. The settings themselves are the composition root's.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::{Body, whole_number_or_none};
use crate::store::StoreResult;

const LARGEST_BODY: usize = 16 * 1024;

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SettingView {
    /// Its name.
    pub key: String,
    /// Its value now.
    pub value: String,
    /// Its value when nobody set one.
    pub default: String,
    /// What it does.
    pub about: String,
}

/// Settings that change while the program runs, as the API needs them. Implemented by `runtime`.
#[async_trait]
pub trait Settings: Send + Sync {
    /// All of them.
    async fn all(&self) -> StoreResult<Vec<SettingView>>;
    /// Whether a value is possible; the error says what would do.
    ///
    /// # Errors
    /// The sentence for the user.
    fn check(&self, key: &str, value: &str) -> Result<(), String>;
    /// Writes values that passed `check`; searches from now on use them.
    async fn put(&self, changes: &[(&'static str, String)]) -> StoreResult<()>;
}

/// The settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingList {
    settings: Vec<SettingView>,
}

/// How words and meaning are put together.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FusionChoice {
    /// What suits the model.
    Auto,
    /// By score.
    Score,
    /// By rank.
    Rrf,
    /// By score, levelled.
    Zscore,
}

/// A number, or what suits the model.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Weight {
    /// From words only (0) to meaning only (1).
    Number(Share),
    /// `"auto"`.
    Named(Auto),
}

/// From words only (0) to meaning only (1).
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(minimum = 0, maximum = 1)]
pub(super) struct Share(f64);

/// `"auto"`.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Auto {
    /// The model's measured best.
    Auto,
}

/// What to change; what is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigChanges {
    /// How words and meaning are put together.
    #[serde(rename = "search.fusion", default)]
    #[schema(inline)]
    fusion: Option<FusionChoice>,
    /// Weight of meaning.
    #[serde(rename = "search.vector_weight", default)]
    #[schema(inline)]
    vector_weight: Option<Weight>,
    /// Constant of reciprocal rank fusion.
    #[serde(rename = "search.rrf_k", default, deserialize_with = "whole_number_or_none")]
    #[schema(minimum = 1, maximum = 1000)]
    rrf_k: Option<u32>,
    /// Candidates each leg gives to the fusion.
    #[serde(rename = "search.candidates", default, deserialize_with = "whole_number_or_none")]
    #[schema(minimum = 10, maximum = 1000)]
    candidates: Option<u32>,
    /// Whether files wait in the queue.
    #[serde(rename = "intake.paused", default)]
    intake_paused: Option<bool>,
    /// Whether the background model rests.
    #[serde(rename = "embedding.paused", default)]
    embedding_paused: Option<bool>,
}

impl ConfigChanges {
    fn named(&self) -> Vec<(&'static str, String)> {
        let fusion = self.fusion.map(|fusion| match fusion {
            FusionChoice::Auto => "auto".to_owned(),
            FusionChoice::Score => "score".to_owned(),
            FusionChoice::Rrf => "rrf".to_owned(),
            FusionChoice::Zscore => "zscore".to_owned(),
        });
        let weight = self.vector_weight.map(|weight| match weight {
            Weight::Number(Share(number)) => number.to_string(),
            Weight::Named(Auto::Auto) => "auto".to_owned(),
        });
        [
            ("search.fusion", fusion),
            ("search.vector_weight", weight),
            ("search.rrf_k", self.rrf_k.map(|k| k.to_string())),
            ("search.candidates", self.candidates.map(|number| number.to_string())),
            ("intake.paused", self.intake_paused.map(|paused| paused.to_string())),
            ("embedding.paused", self.embedding_paused.map(|paused| paused.to_string())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}

/// The settings in force.
#[utoipa::path(
    get, path = "/config", tag = "config", operation_id = "get_config",
    responses((status = 200, description = "Every setting that can change while Peanut runs", body = SettingList))
)]
pub(super) async fn get(State(api): State<Arc<Api>>) -> Result<Json<SettingList>, Problem> {
    Ok(Json(SettingList { settings: api.settings.all().await? }))
}

/// Changes settings.
///
/// All of them or, when one is not possible, none. Every process that shares the store obeys within a second.
#[utoipa::path(
    post, path = "/config", tag = "config", operation_id = "change_config", request_body = ConfigChanges,
    responses((status = 200, description = "The settings now in force", body = SettingList))
)]
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    body: Body<ConfigChanges, LARGEST_BODY>,
) -> Result<Json<SettingList>, Problem> {
    // The setting is read as a shorter float, in which a little over 1 is 1.
    if let Some(Weight::Number(Share(number))) = body.0.vector_weight
        && !(0.0..=1.0).contains(&number)
    {
        return Err(Problem::invalid("search.vector_weight", format!("{number}: auto, or a number from 0 to 1")));
    }
    let changes = body.0.named();
    for (key, value) in &changes {
        api.settings.check(key, value).map_err(|message| Problem::invalid(*key, message))?;
    }
    api.settings.put(&changes).await?;
    api.refresh.notify_one();
    Ok(Json(SettingList { settings: api.settings.all().await? }))
}
