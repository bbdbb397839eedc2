//! `/documents`: lists, whole documents, their text, thread and likenesses, and what is still to be done for one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::{Parameters, PathId};
use crate::domain::document::{DocumentProgress, DocumentSummary, ThreadEntry};
use crate::domain::search::SearchResponse;
use crate::domain::{DocumentView, SourceType};
use crate::search::service::Who;
use crate::store::DocumentPage;

/// Largest page of any list.
pub(super) const LARGEST_PAGE: u32 = 100;

/// Which documents to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParameters {
    /// Documents on a page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,15}$")]
    cursor: Option<String>,
    /// Only this kind.
    #[serde(rename = "type")]
    #[param(inline)]
    source_type: Option<SourceType>,
    /// Deleted documents instead of live ones.
    deleted: Option<bool>,
}

/// A page of documents.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DocumentList {
    /// Newest first, by when they were first taken in.
    documents: Vec<DocumentSummary>,
    /// Begins the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The number of documents, hits or nodes asked for, within 1 and [`LARGEST_PAGE`].
pub(super) fn page_size(limit: Option<u32>, default: u32) -> Result<u32, Problem> {
    match limit.unwrap_or(default) {
        limit if (1..=LARGEST_PAGE).contains(&limit) => Ok(limit),
        limit => Err(Problem::invalid("limit", format!("{limit}: from 1 to {LARGEST_PAGE} are possible"))),
    }
}

fn place(cursor: &str) -> Result<i64, Problem> {
    let is_written_so =
        (1..=15).contains(&cursor.len()) && cursor.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let place = is_written_so.then(|| i64::from_str_radix(cursor, 16).ok()).flatten();
    place.ok_or_else(|| Problem::invalid("cursor", "send next_cursor of the page before, as it came"))
}

/// Lists documents.
///
/// Documents that come in while pages are read do not move those that follow.
#[utoipa::path(
    get, path = "/documents", tag = "documents", operation_id = "list_documents", params(ListParameters),
    responses((status = 200, description = "A page of documents", body = DocumentList))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(asked): Parameters<ListParameters>,
) -> Result<Json<DocumentList>, Problem> {
    let page = DocumentPage {
        after: asked.cursor.as_deref().map(place).transpose()?,
        limit: page_size(asked.limit, 50)?,
        source_type: asked.source_type,
        deleted: asked.deleted.unwrap_or(false),
    };
    let listing = api.store.list_documents(&page).await?;
    Ok(Json(DocumentList { documents: listing.documents, next_cursor: listing.next.map(|next| format!("{next:x}")) }))
}

/// A document.
///
/// With its people, chunks and thread; deleted ones too.
#[utoipa::path(
    get, path = "/documents/{id}", tag = "documents", operation_id = "get_document",
    params(("id" = String, Path, format = "uuid", description = "The document")),
    responses((status = 200, description = "The document", body = DocumentView))
)]
pub(super) async fn one(State(api): State<Arc<Api>>, id: PathId) -> Result<Json<DocumentView>, Problem> {
    Ok(Json(api.store.document(id.document()).await?))
}

/// The text of a document.
#[utoipa::path(
    get, path = "/documents/{id}/text", tag = "documents", operation_id = "get_document_text",
    params(("id" = String, Path, format = "uuid", description = "The document")),
    responses((status = 200, description = "All of its text", body = String, content_type = "text/plain"))
)]
pub(super) async fn text(State(api): State<Arc<Api>>, id: PathId) -> Result<Response, Problem> {
    let document = api.store.document(id.document()).await?;
    // Nobody's browser may take a document for a page of this host.
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, document.body()).into_response())
}

/// The messages of one thread.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Thread {
    /// Oldest first, the message asked for included; empty for a document that is no mail.
    messages: Vec<ThreadEntry>,
}

/// The thread of a message.
#[utoipa::path(
    get, path = "/documents/{id}/thread", tag = "documents", operation_id = "get_document_thread",
    params(("id" = String, Path, format = "uuid", description = "The message")),
    responses((status = 200, description = "Its thread", body = Thread))
)]
pub(super) async fn thread(State(api): State<Arc<Api>>, id: PathId) -> Result<Json<Thread>, Problem> {
    Ok(Json(Thread { messages: api.store.document(id.document()).await?.thread }))
}

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LimitParameter {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub(super) limit: Option<u32>,
}

/// Documents like this one.
#[utoipa::path(
    get, path = "/documents/{id}/similar", tag = "documents", operation_id = "get_similar_documents",
    params(("id" = String, Path, format = "uuid", description = "The document"), LimitParameter),
    responses((status = 200, description = "Documents, the likest first", body = SearchResponse))
)]
pub(super) async fn similar(
    State(api): State<Arc<Api>>,
    Extension(who): Extension<Who>,
    id: PathId,
    Parameters(asked): Parameters<LimitParameter>,
) -> Result<Json<SearchResponse>, Problem> {
    let limit = usize::try_from(page_size(asked.limit, 10)?).unwrap_or(usize::MAX);
    Ok(Json(api.search.more_like_for(who, id.document(), limit).await?))
}

/// What is still to be done for a document.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DocumentStatus {
    /// Whether nothing is left to do: the graph has it, and every model made (or gave up on) its vectors.
    finished: bool,
    #[serde(flatten)]
    progress: DocumentProgress,
}

/// How far the work on a document is.
///
/// A document is stored and found by its words from the moment its ingest was answered; the graph and the background
/// model follow.
#[utoipa::path(
    get, path = "/documents/{id}/status", tag = "documents", operation_id = "get_document_status",
    params(("id" = String, Path, format = "uuid", description = "The document")),
    responses((status = 200, description = "What is done and what is not", body = DocumentStatus))
)]
pub(super) async fn status(State(api): State<Arc<Api>>, id: PathId) -> Result<Json<DocumentStatus>, Problem> {
    let progress = api.store.document_progress(id.document()).await?;
    let waiting: u64 = progress.embeddings.iter().map(|model| model.pending + model.processing).sum();
    Ok(Json(DocumentStatus { finished: progress.events_pending == 0 && waiting == 0, progress }))
}
