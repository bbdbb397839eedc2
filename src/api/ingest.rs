//! `POST /ingest/text`: a text becomes a document, acknowledged when it is committed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::auth::Caller;
use crate::api::error::Problem;
use crate::api::extract::{Body, idempotency_key, whole_number_or_none};
use crate::domain::{DocumentId, Timestamp};
use crate::ingest::intake::{NewText, TextReceipt};

/// A text of a million characters, whatever they are, and what stands beside it.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
const LONGEST_TEXT: usize = 1_000_000;
const LONGEST_TITLE: usize = 500;
const LONGEST_TAG: usize = 100;
const MOST_TAGS: usize = 50;
/// The years 1 to 9999 in milliseconds.
const DATES: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// A text to take in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextBody {
    /// Plain text or Markdown.
    #[schema(min_length = 1, max_length = 1_000_000, pattern = r"[^\s\u0000-\u001f\u007f-\u009f\ufeff]")]
    text: String,
    /// Title; the first line of the text when missing.
    #[schema(max_length = 500)]
    #[serde(default)]
    title: Option<String>,
    /// Tags, with or without `#`.
    #[schema(max_items = 50, inline)]
    #[serde(default)]
    tags: Vec<Tag>,
    /// The text's own date, in milliseconds since 1970; now when missing.
    #[schema(minimum = -62_135_596_800_000_i64, maximum = 253_402_300_799_999_i64)]
    #[serde(default, deserialize_with = "whole_number_or_none")]
    dated_at: Option<i64>,
}

/// A tag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(max_length = 100)]
pub(super) struct Tag(String);

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// A new document.
    Added,
    /// A document held this content already.
    Duplicate,
}

/// The acknowledgement: the document is on disk.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Acknowledged {
    /// The document that holds the text.
    document_id: DocumentId,
    /// Whether it is new.
    outcome: Outcome,
    /// Whether this answer repeats an earlier one with the same `Idempotency-Key`.
    repeated: bool,
    /// Tells how far the graph and the background model are.
    status_url: String,
    /// What of the text was left out because it goes over a budget, one plain sentence each; mostly nothing.
    left_out: Vec<String>,
}

impl TextBody {
    fn check(self) -> Result<NewText, Problem> {
        let too_long = |field: &str, most: usize| Problem::invalid(field, format!("at most {most} characters"));
        if self.text.chars().count() > LONGEST_TEXT {
            return Err(too_long("text", LONGEST_TEXT));
        }
        if self.text.trim().is_empty() {
            return Err(Problem::invalid("text", "there is nothing in it"));
        }
        if self.title.as_ref().is_some_and(|title| title.chars().count() > LONGEST_TITLE) {
            return Err(too_long("title", LONGEST_TITLE));
        }
        if self.tags.len() > MOST_TAGS {
            return Err(Problem::invalid("tags", format!("at most {MOST_TAGS} tags")));
        }
        if self.tags.iter().any(|tag| tag.0.chars().count() > LONGEST_TAG) {
            return Err(too_long("tags", LONGEST_TAG));
        }
        if self.dated_at.is_some_and(|date| !DATES.contains(&date)) {
            return Err(Problem::invalid("dated_at", "milliseconds since 1970, in the years 1 to 9999"));
        }
        Ok(NewText {
            title: self.title.unwrap_or_default(),
            text: self.text,
            tags: self.tags.into_iter().map(|tag| tag.0).collect(),
            dated_at: self.dated_at.map(Timestamp),
        })
    }
}

/// Takes a text in.
///
/// Answered when the document is committed: it is found by its words at once, and a power cut does not lose it. `202`:
/// a new document, of which the graph and the background model learn after this answer; `status_url` tells how far they
/// are. `200`: a document held the content already. With an `Idempotency-Key` the same request may be sent again (for
/// seven days): it is taken in once, and every repetition is answered like the first, with `repeated: true`.
#[utoipa::path(
    post, path = "/ingest/text", tag = "ingest", operation_id = "ingest_text", request_body = TextBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request", min_length = 1,
        max_length = 255, pattern = "^[!-~]([ -~]{0,253}[!-~])?$")),
    responses(
        (status = 202, description = "A new document; work on it continues", body = Acknowledged,
            headers(("Location" = String, description = "The document"))),
        (status = 200, description = "A document held this content already", body = Acknowledged,
            headers(("Location" = String, description = "The document"))),
    )
)]
pub(super) async fn text(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body<TextBody, LARGEST_BODY>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    // Keys of two callers never meet.
    let key = key.map(|key| format!("{}/{key}", caller.key_id.as_deref().unwrap_or_default()));
    let new = body.0.check()?;
    let taken = api.intake.take_text(new, key).await;
    api.note_room(&taken);
    let TextReceipt { document_id, added, repeated, left_out } = taken?;
    api.refresh.notify_one();
    let outcome = if added { Outcome::Added } else { Outcome::Duplicate };
    let status = if added { StatusCode::ACCEPTED } else { StatusCode::OK };
    let location = format!("/documents/{document_id}");
    let answer = Acknowledged { document_id, outcome, repeated, status_url: format!("{location}/status"), left_out };
    Ok((status, [(header::LOCATION, location)], Json(answer)).into_response())
}
