//! What a request says, read strictly: a body, parameters and headers that are not as documented become a problem that
//! names them. Used by every handler instead of axum's own extractors, whose refusals are plain text.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::api::error::{Code, Problem};
use crate::domain::DocumentId;

/// A body must be here within this.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Of a body that is too large, this much more is read before the answer.
const DISCARDED_BYTES: usize = 64 << 20;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// A JSON body of at most `LIMIT` bytes.
#[derive(Debug)]
pub(super) struct Body<T, const LIMIT: usize>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned, const LIMIT: usize> FromRequest<S> for Body<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType, "send JSON with Content-Type: application/json"));
        }
        let announced = announced_length(request.headers()).unwrap_or(0);
        let mut pieces = request.into_body().into_data_stream();
        let reading = gather(&mut pieces, if announced > LIMIT { 0 } else { LIMIT });
        let bytes = match tokio::time::timeout(BODY_TIMEOUT, reading).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => {
                discard(&mut pieces).await;
                return Err(Problem::new(Code::BodyTooLarge, format!("at most {LIMIT} bytes are taken")));
            }
            Ok(Err(_)) => return Err(Problem::new(Code::BodyNotRead, "the body ended before it was complete")),
            Err(_) => {
                let detail = format!("the body was not complete within {} s", BODY_TIMEOUT.as_secs());
                return Err(Problem::new(Code::BodyTooSlow, detail));
            }
        };
        parse(&bytes).map(Self)
    }
}

/// The whole body; `None` as soon as it is over the limit.
async fn gather(pieces: &mut BodyDataStream, limit: usize) -> Result<Option<Vec<u8>>, axum::Error> {
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if bytes.len() + piece.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes))
}

/// Reads on for a while: a client that is still sending would see a broken connection instead of the answer.
async fn discard(pieces: &mut BodyDataStream) {
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(piece)) = pieces.next().await {
            seen += piece.len();
            if seen > DISCARDED_BYTES {
                break;
            }
        }
    };
    // Whoever sends more, or more slowly, is cut off.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, reading).await;
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take an array for a struct, field by field.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        let value = serde_json::from_slice::<serde::de::IgnoredAny>(bytes);
        value.map_err(|error| malformed(&error))?;
        return Err(Problem::invalid("body", "the body is an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if !error.is_data() {
            return malformed(&error);
        }
        let message = error.to_string();
        // What is missing has no path; serde names it in its message.
        let path = if path == "." { named_in(&message).unwrap_or("body").to_owned() } else { path };
        Problem::invalid(path, message)
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(read)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(Code::MalformedBody, format!("the body is not JSON: {error}"))
}

/// The name that stands in backticks.
fn named_in(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// Reads a whole number however JSON writes it: 10 and 10.0 are the same number.
pub(super) fn whole_number<'de, D, T>(reader: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: TryFrom<i64>,
{
    use serde::de::{Deserialize as _, Error as _, Unexpected};
    let number = serde_json::Number::deserialize(reader)?;
    let whole = number.as_i64().or_else(|| {
        let number = number.as_f64().filter(|number| number.fract() == 0.0)?;
        // Beyond 2^53 a float names no single whole number.
        (number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
    });
    let unexpected = || Unexpected::Float(number.as_f64().unwrap_or_default());
    let fitting = whole.and_then(|whole| T::try_from(whole).ok());
    fitting.ok_or_else(|| D::Error::invalid_value(unexpected(), &"a whole number in its range"))
}

/// As [`whole_number`], for one that may be missing.
pub(super) fn whole_number_or_none<'de, D, T>(reader: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: TryFrom<i64>,
{
    #[derive(serde::Deserialize)]
    #[serde(transparent, bound(deserialize = ""))]
    struct Whole<T: TryFrom<i64>>(#[serde(deserialize_with = "whole_number")] T);
    use serde::de::Deserialize as _;
    Ok(Option::<Whole<T>>::deserialize(reader)?.map(|Whole(number)| number))
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The query string.
#[derive(Debug)]
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|rejection| {
            let message = rejection.body_text();
            let message = message.strip_prefix("Failed to deserialize query string: ").unwrap_or(&message).to_owned();
            let is_name = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let path = message.split_once(": ").map(|(path, _)| path).filter(is_name);
            let named = path.or_else(|| named_in(&message)).unwrap_or("query").to_owned();
            Problem::invalid(named, message)
        })
    }
}

/// An id in the path, written as ids are written: 8-4-4-4-12 hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathId(pub(super) Uuid);

impl PathId {
    pub(super) fn document(self) -> DocumentId {
        DocumentId(self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let text = text.map(|path| path.0).map_err(|_| Problem::invalid("id", "the path is not UTF-8"))?;
        id(&text).map(Self)
    }
}

/// Reads an id.
pub(super) fn id(text: &str) -> Result<Uuid, Problem> {
    let is_plain = text.len() == uuid::fmt::Hyphenated::LENGTH;
    let parsed = is_plain.then(|| Uuid::try_parse(text).ok()).flatten();
    parsed.ok_or_else(|| Problem::invalid("id", "an id looks like 0190163d-8694-739b-aea5-966c26f8ad91"))
}

/// Longest `Idempotency-Key`.
pub(super) const LONGEST_IDEMPOTENCY_KEY: usize = 255;

/// The request's `Idempotency-Key`, if it has one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    const NAME: &str = "Idempotency-Key";
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refused = |message: String| Err(Problem::invalid(NAME, message));
    if values.next().is_some() {
        return refused("send it once".to_owned());
    }
    match value.to_str() {
        Ok(text)
            if (1..=LONGEST_IDEMPOTENCY_KEY).contains(&text.len())
                && text.trim() == text
                && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) =>
        {
            Ok(Some(text.to_owned()))
        }
        _ => refused(format!("1 to {LONGEST_IDEMPOTENCY_KEY} visible ASCII characters, blanks only between them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_one_form_only() {
        let plain = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert_eq!(id(plain).unwrap().to_string(), plain);
        for odd in ["", "0190163d8694739baea5966c26f8ad91", "{0190163d-8694-739b-aea5-966c26f8ad91}", "x"] {
            assert_eq!(id(odd).unwrap_err().code(), Code::InvalidInput, "{odd}");
        }
    }

    #[test]
    fn json_types_with_parameters_are_json() {
        let headers = |kind: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        assert!(is_json(&headers("application/json; charset=utf-8")));
        assert!(!is_json(&headers("text/plain")));
        assert!(!is_json(&HeaderMap::new()));
    }
}
