//! `POST /search`.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::{Body, whole_number};
use crate::domain::search::{SearchMode, SearchRequest, SearchResponse};
use crate::search::service::{Alike, Who, Wishes};

/// A query of 2000 characters, every one escaped, fits many times.
const LARGEST_BODY: usize = 64 * 1024;

/// What to look for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchBody {
    /// Words, "phrases", +must, -not, word*, AND, OR, NOT, parentheses, and filters: from: to: cc: bcc: with: subject: type:
    /// in: file: ext: tag: before: after: date: has:attachment is:deleted id: mid:; sort:date lists by date.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S", example = "budget from:alice after:2024")]
    query: String,
    /// Documents wanted.
    #[serde(default = "ten", deserialize_with = "whole_number")]
    #[schema(minimum = 1, maximum = 100, default = 10)]
    limit: u32,
    /// Documents passed over, for the pages behind the first: 0, then the `next_offset` of each answer, until it is null.
    /// Pages of one query and one store neither overlap nor leave out.
    #[serde(default, deserialize_with = "whole_number")]
    #[schema(minimum = 0, maximum = 10_000, default = 0)]
    offset: u32,
    /// A row for each document. Without it, documents that show nearly the same text (copies, digests, quotes) stand in the
    /// row of the best of them, which names them (`alike`); `limit` counts rows, `offset` documents.
    #[serde(default)]
    each: bool,
    /// Count the documents that have words of the query (`matching`), also where that takes another look at the store.
    #[serde(default)]
    count: bool,
    /// Which legs answer.
    #[serde(default)]
    mode: SearchMode,
}

fn ten() -> u32 {
    10
}

/// Finds documents by words and meaning.
///
/// When the embedder does not answer, words alone do and the answer says `degraded`. Times are milliseconds since 1970;
/// marks of a snippet are byte ranges of its text. `total` says how many documents there are in all where the query names
/// them (filters, operators, `sort:date`, words alone); `next_offset` is the page behind this one.
#[utoipa::path(
    post, path = "/search", tag = "search", operation_id = "search", request_body = SearchBody,
    responses((status = 200, description = "Documents, best first", body = SearchResponse))
)]
pub(super) async fn search(
    State(api): State<Arc<Api>>,
    Extension(who): Extension<Who>,
    body: Body<SearchBody, LARGEST_BODY>,
) -> Result<Json<SearchResponse>, Problem> {
    let Body(SearchBody { query, limit, offset, each, count, mode }) = body;
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let request = SearchRequest { query, limit: size(limit), offset: size(offset), mode };
    let wishes = Wishes { alike: if each { Alike::Apart } else { Alike::Together }, count };
    Ok(Json(api.search.search_as(who, &request, wishes).await?))
}
