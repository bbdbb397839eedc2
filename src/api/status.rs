//! `GET /status`: the picture the screens show.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::api::Api;
use crate::health::StatusReport;

/// How the machine is.
///
/// The same value as `peanut status --json`, as of the last look (a second ago at most while the store answers).
#[utoipa::path(
    get, path = "/status", tag = "operations", operation_id = "get_status",
    responses((status = 200, description = "The whole picture", body = StatusReport))
)]
pub(super) async fn get(State(api): State<Arc<Api>>) -> Json<StatusReport> {
    let picture = Arc::clone(&api.picture.borrow());
    Json(StatusReport::of((*picture).clone()))
}
