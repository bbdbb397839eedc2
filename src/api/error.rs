//! What goes wrong, as HTTP says it: the only place where an error of any room becomes a status code.
//!
//! Every error is an `application/problem+json` (RFC 9457) with a stable `code`. `observe` adds the request's id.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::{AuthError, Scope};
use crate::graph::{GraphError, GraphErrorKind};
use crate::ingest::intake::IntakeError;
use crate::search::query::QueryError;
use crate::search::service::SearchError;
use crate::store::{StoreError, StoreErrorKind};
use crate::telemetry::redact;

/// What a program may branch on. A code never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON.
    MalformedBody,
    /// The body ended early or could not be read.
    BodyNotRead,
    /// A key is needed, or the one given is not known.
    KeyNeeded,
    /// The key may not do this.
    ScopeTooNarrow,
    /// The request names a host this listener is not: a page in a browser tried to reach it.
    HostNotAllowed,
    /// A page of an origin that is not answered sent the request.
    OriginNotAllowed,
    /// There is no such thing, or no such route.
    NotFound,
    /// The route exists, not with this method.
    MethodNotAllowed,
    /// None of the types the client accepts can be given.
    NotAcceptable,
    /// The request is not as the protocol wants it.
    InvalidRequest,
    /// The body did not come in time.
    BodyTooSlow,
    /// The body is over its limit.
    BodyTooLarge,
    /// The body is of another type than `application/json`.
    UnsupportedMediaType,
    /// A field of the body, a parameter or a header is not possible; `errors` names it.
    InvalidInput,
    /// The `Idempotency-Key` was used for another request.
    KeyReused,
    /// Over the limit of this key or address; `Retry-After` says how long to wait.
    TooManyRequests,
    /// Peanut made a mistake; its log tells more under the request's id.
    Internal,
    /// The store does not answer now; the same request may succeed later.
    StoreUnavailable,
    /// The disk that holds the data is full; the same request succeeds once there is room.
    DiskFull,
    /// The graph does not answer now; the same request may succeed later.
    GraphUnavailable,
    /// Keys cannot be checked now.
    KeysUnavailable,
    /// The answer took too long and was given up.
    TooSlow,
    /// The process is about to end and takes nothing new.
    Draining,
    /// It cannot do its work now.
    NotReady,
}

impl Code {
    /// Status and title.
    fn said_as(self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedBody => (StatusCode::BAD_REQUEST, "The body is not valid JSON"),
            Self::BodyNotRead => (StatusCode::BAD_REQUEST, "The body could not be read"),
            Self::KeyNeeded => (StatusCode::UNAUTHORIZED, "A valid key is needed"),
            Self::ScopeTooNarrow => (StatusCode::FORBIDDEN, "The key may not do this"),
            Self::HostNotAllowed => (StatusCode::FORBIDDEN, "This host name is not served"),
            Self::OriginNotAllowed => (StatusCode::FORBIDDEN, "Pages of this origin are not answered"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "No type the client accepts can be given"),
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "The request is not as it must be"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "The body did not come in time"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON by its type"),
            Self::InvalidInput => (StatusCode::UNPROCESSABLE_ENTITY, "The input is not possible"),
            Self::KeyReused => (StatusCode::CONFLICT, "The Idempotency-Key was used for another request"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "An error inside Peanut"),
            Self::StoreUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer"),
            Self::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "The disk takes nothing more"),
            Self::GraphUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "The graph does not answer"),
            Self::KeysUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "Keys cannot be checked"),
            Self::TooSlow => (StatusCode::SERVICE_UNAVAILABLE, "The answer took too long"),
            Self::Draining => (StatusCode::SERVICE_UNAVAILABLE, "Shutting down"),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "Not ready"),
        }
    }
}

/// One field, parameter or header that is not possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// What is wrong, and what would do.
    pub message: String,
}

/// An error as a handler returns it.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_seconds: Option<u64>,
    /// For the log alone.
    cause: Option<String>,
}

/// An error as the client reads it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same for every problem with this code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What a program may branch on.
    code: Code,
    /// What happened this time, and what to do.
    detail: String,
    /// What exactly is not possible, when that is the problem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The request, as the answer's `X-Request-Id` and the log name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Problem {
    /// A problem with this code; `detail` tells what happened and what to do.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after_seconds: None, cause: None }
    }

    /// An input that is not possible.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { field: field.into(), message: message.into() };
        let detail = format!("{}: {}", error.field, error.message);
        Self { errors: vec![error], ..Self::new(Code::InvalidInput, detail) }
    }

    /// No document with this id.
    #[must_use]
    pub fn no_document(id: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("there is no document {id}"))
    }

    /// The key's scope does not reach.
    #[must_use]
    pub fn scope(held: Scope, needed: Scope) -> Self {
        let detail = format!("this needs a key with scope {}; yours has {}", needed.as_str(), held.as_str());
        Self::new(Code::ScopeTooNarrow, detail)
    }

    /// Adds `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    fn caused_by(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the log should know and the client should not.
    #[must_use]
    pub fn cause(&self) -> &str {
        self.cause.as_deref().unwrap_or(&self.detail)
    }

    /// The answer, with the request's id when it is known.
    #[must_use]
    pub fn answer(self, request_id: Option<&str>) -> Response {
        let (status, title) = self.code.said_as();
        let body = ProblemBody {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            code: self.code,
            detail: redact(&self.detail),
            errors: self.errors.clone(),
            request_id: request_id.map(str::to_owned),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::KeyNeeded {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"peanut\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.answer(None)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Missing => {
                Self::new(Code::KeyNeeded, "send a key in X-API-Key, or as Authorization: Bearer; `peanut keys create`")
            }
            AuthError::Unknown => Self::new(Code::KeyNeeded, "this key is not known, or was revoked"),
            AuthError::TooMany { retry_after_seconds } => {
                Self::new(Code::TooManyRequests, format!("wait {retry_after_seconds} s before the next request"))
                    .retry_after(retry_after_seconds)
            }
            AuthError::Unavailable => {
                Self::new(Code::KeysUnavailable, "the store that holds the keys does not answer").retry_after(1)
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_full() {
            let detail = "the disk that holds the data takes nothing more (it is full, a quota is used up, or it fails): send it \
                          again when there is room";
            return Self::new(Code::DiskFull, detail).retry_after(30).caused_by(error);
        }
        if error.is_displaced() {
            let detail = "the store was removed or replaced while Peanut had it open: nothing is written any more until its \
                          owner puts it back and starts Peanut again";
            return Self::new(Code::StoreUnavailable, detail).retry_after(30).caused_by(error);
        }
        match error.kind {
            StoreErrorKind::NotFound => Self::new(Code::NotFound, format!("{} does not exist", error.key)),
            StoreErrorKind::Retryable => {
                Self::new(Code::StoreUnavailable, "the store is busy or does not answer; try again")
                    .retry_after(1)
                    .caused_by(error)
            }
            StoreErrorKind::Permanent | StoreErrorKind::Invariant => {
                Self::new(Code::Internal, format!("{} failed; the log tells why", error.operation)).caused_by(error)
            }
        }
    }
}

impl From<GraphError> for Problem {
    fn from(error: GraphError) -> Self {
        match error.kind {
            GraphErrorKind::Unavailable | GraphErrorKind::Lost => {
                Self::new(Code::GraphUnavailable, "the graph does not answer or is being rebuilt; try again")
                    .retry_after(2)
                    .caused_by(error)
            }
            GraphErrorKind::Rejected => {
                Self::new(Code::Internal, "the graph refused the question; the log tells why").caused_by(error)
            }
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Query(error @ QueryError::Limit { .. }) => Self::invalid("limit", error.to_string()),
            SearchError::Query(error @ QueryError::Offset { .. }) => Self::invalid("offset", error.to_string()),
            SearchError::Query(error) => Self::invalid("query", error.to_string()),
            SearchError::Store(error) => error.into(),
            SearchError::TooSlow(_) => Self::new(Code::TooSlow, error.to_string()).retry_after(1),
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Refused(message) => Self::invalid("text", message),
            IntakeError::KeyReused => Self::new(
                Code::KeyReused,
                "this Idempotency-Key was used for another text before; choose a new key for a new text",
            ),
            IntakeError::Store(error) => error.into(),
        }
    }
}
