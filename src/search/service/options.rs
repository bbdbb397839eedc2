//! What can be tuned while the program runs, read from the store's settings. Called by the service for every search.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::domain::ModelId;
use crate::embed::roles;
use crate::search::fuse::Fusion;
use crate::store::StoreError;

use super::SearchService;

/// Deeper lists change nothing that anybody sees.
const MOST_CANDIDATES: usize = 10_000;
/// Settings are read again after this.
const KEPT: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    /// The background model that serves; `None` while nobody said.
    pub(super) serving: Option<ModelId>,
    /// `None`: as the serving model's profile wants it.
    pub(super) fusion: Option<Fusion>,
    /// `None`: the serving model's own.
    pub(super) vector_weight: Option<f32>,
    pub(super) candidates: usize,
}

impl SearchService {
    pub(super) async fn options(&self) -> Result<Options, StoreError> {
        if let Some((read, options)) = &*self.options.lock().unwrap_or_else(PoisonError::into_inner)
            && read.elapsed() < KEPT
        {
            return Ok(options.clone());
        }
        let settings = self.store.settings().await?;
        let value = |key: &str| settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let k = value("search.rrf_k").and_then(|value| value.parse().ok()).unwrap_or(60.0);
        let fusion = match value("search.fusion") {
            Some("rrf") => Some(Fusion::Reciprocal { k }),
            Some("zscore") => Some(Fusion::ZScore),
            Some("score") => Some(Fusion::Score),
            _ => None,
        };
        let options = Options {
            serving: roles::parse(value(roles::MODELS)).serving,
            fusion,
            vector_weight: value("search.vector_weight").and_then(|value| value.parse().ok()),
            candidates: value("search.candidates")
                .and_then(|value| value.parse().ok())
                .unwrap_or(100)
                .min(MOST_CANDIDATES),
        };
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), options.clone()));
        Ok(options)
    }

    /// Makes the next search read the settings again: after one was changed.
    pub fn forget_options(&self) {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
