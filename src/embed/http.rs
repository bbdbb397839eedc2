//! The one door to HTTP: a client with bounded times, and answers told apart by what they mean for an embedder. Called by
//! `ollama` and `openai`; nothing else in the program speaks HTTP as a client.

use std::error::Error as _;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::domain::secret::without_credentials;
use crate::domain::{ModelId, Secret};

use super::{EmbedError, EmbedErrorKind};

/// A connection takes at most this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A batch takes at most this long: a model on a slow CPU may need most of it.
pub(super) const BATCH_TIMEOUT: Duration = Duration::from_mins(1);
/// A question about a model takes at most this long.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that asks for more patience than this is asked again anyway.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// An answer's error text is shown up to this length.
const SHOWN: usize = 300;

/// What went wrong with a request.
#[derive(Debug)]
pub(super) enum HttpProblem {
    /// No answer: refused, reset, timed out.
    Unreachable(String),
    /// An answer that makes no sense: cut off, not JSON.
    Nonsense(String),
    /// An answer with an error status.
    Status {
        /// The status.
        code: u16,
        /// What the server says.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
}

/// A client of one server.
pub(super) struct Door {
    client: reqwest::Client,
    address: String,
    /// The address without the password that may stand in it.
    base: String,
    key: Option<Secret>,
}

impl Door {
    /// A door to `base` (`http://host:port/path`); `key` is sent as a bearer token.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub(super) fn new(base: &str, key: Option<Secret>) -> Result<Self, String> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Fails only when another provider is there already, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("peanut/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        let address = base.trim_end_matches('/').to_owned();
        Ok(Self { client, base: without_credentials(&address), address, key })
    }

    /// Where it leads, as it may be shown.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Asks for `path`.
    pub(super) async fn get(&self, path: &str, limit: Duration) -> Result<Value, HttpProblem> {
        self.send(self.client.get(format!("{}{path}", self.address)), limit).await
    }

    /// Sends `body` to `path`.
    pub(super) async fn post(&self, path: &str, body: &Value, limit: Duration) -> Result<Value, HttpProblem> {
        self.send(self.client.post(format!("{}{path}", self.address)).json(body), limit).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, limit: Duration) -> Result<Value, HttpProblem> {
        let mut request = request.timeout(limit);
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {}", key.reveal()));
        }
        let answer = request.send().await.map_err(|error| HttpProblem::Unreachable(in_words(&error, limit)))?;
        let (status, retry_after) = (answer.status(), patience(answer.headers()));
        let body = answer.bytes().await.map_err(|error| HttpProblem::Nonsense(in_words(&error, limit)))?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| HttpProblem::Nonsense(format!("the answer is not whole JSON ({error})")));
        }
        Err(HttpProblem::Status { code: status.as_u16(), message: said(&body), retry_after })
    }
}

/// The server's own words: `{"error": "…"}`, `{"error": {"message": "…"}}`, or the text as it is.
fn said(body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let error = parsed.as_ref().and_then(|value| value.get("error"));
    let message = error.and_then(|error| error.as_str().or_else(|| error.get("message")?.as_str()));
    let text = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    text.trim().chars().take(SHOWN).collect()
}

/// The innermost cause, without the URL: it says what happened.
fn in_words(error: &reqwest::Error, limit: Duration) -> String {
    if error.is_timeout() && !error.is_connect() {
        return format!("no answer within {} s", limit.as_secs());
    }
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let cause = cause.map_or_else(|| error.to_string(), ToString::to_string);
    if error.is_connect() { format!("cannot connect: {cause}") } else { cause }
}

/// `Retry-After` in seconds, or as a date (compared with the server's own `Date`).
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok());
    let value = text(RETRY_AFTER)?.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let moment = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
        Duration::try_from(moment(value)?.duration_since(moment(text(DATE)?)?)).ok()?
    };
    Some(wait.min(LONGEST_WAIT))
}

/// What a problem means for the caller; `remedy` is said when the server cannot be reached, `missing` on 404.
pub(super) fn meaning(
    problem: HttpProblem,
    operation: &str,
    model: &ModelId,
    (base, remedy): (&str, &str),
    missing: &str,
) -> EmbedError {
    let error = |kind, message, retry_after| EmbedError {
        kind,
        operation: operation.to_owned(),
        model: model.clone(),
        message,
        retry_after,
    };
    match problem {
        HttpProblem::Unreachable(why) => {
            error(EmbedErrorKind::Unavailable, format!("{base} does not answer ({why}): {remedy}"), None)
        }
        HttpProblem::Nonsense(why) => error(EmbedErrorKind::Unavailable, format!("{base}: {why}"), None),
        HttpProblem::Status { code, message, retry_after } => match code {
            401 | 403 => {
                let message = format!("{base} refuses the key ({code} {message}): set OPENAI_API_KEY_FILE");
                error(EmbedErrorKind::Permanent, message, None)
            }
            404 => error(EmbedErrorKind::Permanent, format!("{missing} ({message})"), None),
            400 | 413 | 422 => error(EmbedErrorKind::Rejected, message, None),
            _ => error(EmbedErrorKind::Unavailable, format!("{base} answers {code} {message}"), retry_after),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_read_in_both_forms_and_bounded() {
        let headers = |retry: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            patience(&headers)
        };
        assert_eq!(headers("7", None), Some(Duration::from_secs(7)));
        assert_eq!(headers("86400", None), Some(LONGEST_WAIT));
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(headers("Wed, 21 Oct 2015 07:28:30 GMT", date), Some(Duration::from_secs(30)));
        assert_eq!(headers("Wed, 21 Oct 2015 07:27:00 GMT", date), None);
        assert_eq!(headers("soon", None), None);
    }

    #[test]
    fn a_servers_words_are_found() {
        assert_eq!(said(br#"{"error":"model 'x' not found"}"#), "model 'x' not found");
        assert_eq!(said(br#"{"error":{"message":"bad key","type":"auth"}}"#), "bad key");
        assert_eq!(said(b" gateway down \n"), "gateway down");
    }
}
