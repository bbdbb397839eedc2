//! PDF: text page by page. Called by the pipeline.
//!
//! The library reads hostile bytes, so it runs on a thread of its own behind `catch_unwind` with a deadline; a file that
//! hangs it costs one abandoned thread (a few at most), never a worker. No text is an error with a reason, never an
//! empty document.

mod lines;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use pdf_oxide::PdfDocument;
use pdf_oxide::object::Object;

use crate::domain::{PersonMention, PersonRole};

use super::{ParseError, Parsed, Section, date};

/// Most pages read of one file.
const MOST_PAGES: usize = 20_000;
/// Most text taken from one file.
const MOST_TEXT_BYTES: usize = 64 * 1024 * 1024;
/// A file that takes longer is given up.
const DEADLINE: Duration = Duration::from_mins(2);
/// Characters of a reason, at most: it is shown on one line.
const LONGEST_REASON: usize = 160;
/// Threads that may hang in the library at one time; beyond that, files are refused until one returns.
const MOST_ABANDONED: usize = 4;

static ABANDONED: AtomicUsize = AtomicUsize::new(0);

/// Parses a PDF.
///
/// # Errors
/// `Encrypted`, `NoTextLayer`, `Damaged` or `TooLarge`.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if ABANDONED.load(Ordering::Relaxed) >= MOST_ABANDONED {
        return Err(ParseError::Damaged(format!(
            "not tried: {MOST_ABANDONED} other PDFs hang in the reader; restart Peanut"
        )));
    }
    let (sender, receiver) = channel();
    let owned = bytes.to_vec();
    let builder = std::thread::Builder::new().name("peanut-parse-pdf".into()).stack_size(16 << 20);
    let spawned = builder.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| read(owned)));
        let result = result.unwrap_or_else(|_| Err(ParseError::Damaged("the PDF reader failed on it".into())));
        if sender.send(result).is_err() {
            // Nobody waits any more: this thread was counted as abandoned and is back.
            ABANDONED.fetch_sub(1, Ordering::Relaxed);
        }
    });
    spawned.map_err(|error| ParseError::Damaged(format!("cannot start a thread for it: {error}")))?;
    match receiver.recv_timeout(DEADLINE + Duration::from_secs(5)) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            ABANDONED.fetch_add(1, Ordering::Relaxed);
            Err(ParseError::Damaged(format!("not read within {} s", DEADLINE.as_secs())))
        }
        Err(RecvTimeoutError::Disconnected) => Err(ParseError::Damaged("the PDF reader failed on it".into())),
    }
}

fn read(bytes: Vec<u8>) -> Result<Parsed, ParseError> {
    let started = Instant::now();
    let document = PdfDocument::from_bytes(bytes).map_err(|error| problem(&error))?;
    if document.is_encrypted() && !document.authenticate(b"").unwrap_or(false) {
        return Err(ParseError::Encrypted);
    }
    let pages = document.page_count().map_err(|error| problem(&error))?;
    if pages > MOST_PAGES {
        return Err(ParseError::TooLarge(format!("{pages} pages; at most {MOST_PAGES} are read")));
    }
    let mut texts = Vec::with_capacity(pages);
    let mut failures = 0;
    let mut first_failure = None;
    let mut total = 0;
    for page in 0..pages {
        if started.elapsed() > DEADLINE {
            return Err(ParseError::Damaged(format!("not read within {} s", DEADLINE.as_secs())));
        }
        // A broken page must not cost the others.
        let text = catch_unwind(AssertUnwindSafe(|| document.extract_text(page)));
        let text = match text {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                failures += 1;
                first_failure.get_or_insert_with(|| problem(&error));
                String::new()
            }
            Err(_) => {
                failures += 1;
                String::new()
            }
        };
        total += text.len();
        if total > MOST_TEXT_BYTES {
            return Err(ParseError::TooLarge(format!("more than {} MiB of text", MOST_TEXT_BYTES >> 20)));
        }
        texts.push(text);
    }
    let texts = lines::readable(&texts);
    if texts.iter().all(|text| !text.chars().any(char::is_alphanumeric)) {
        return Err(match first_failure {
            Some(ParseError::Encrypted) => ParseError::Encrypted,
            _ if failures > 0 || pages == 0 => {
                ParseError::Damaged(format!("no text; {failures} of {pages} pages cannot be read"))
            }
            _ => ParseError::NoTextLayer,
        });
    }
    let information = information(&document);
    let property = |name: &str| information.get(name).cloned().filter(|value| !value.is_empty());
    let author =
        property("Author").map(|name| PersonMention { email: None, name: Some(name), role: PersonRole::Author });
    let sections = texts.into_iter().enumerate().filter(|(_, text)| !text.trim().is_empty());
    Ok(Parsed {
        title: property("Title").filter(|title| lines::is_title(title)),
        dated_at: property("CreationDate").or_else(|| property("ModDate")).and_then(|text| date::parse(&text)),
        people: author.into_iter().filter(|author| author.person_id().is_some()).collect(),
        sections: sections
            .map(|(page, text)| Section { page: Some(page as u32 + 1), text, ..Section::default() })
            .collect(),
        ..Parsed::default()
    })
}

fn problem(error: &pdf_oxide::Error) -> ParseError {
    let text = error.to_string();
    let lower = text.to_lowercase();
    if lower.contains("encrypt") || lower.contains("password") {
        return ParseError::Encrypted;
    }
    // The library shows the bytes it stumbled over: the first few tell enough.
    let mut short: String = text.chars().take(LONGEST_REASON).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    ParseError::Damaged(short)
}

/// The document information dictionary as text; empty when there is none.
fn information(document: &PdfDocument) -> HashMap<String, String> {
    let read = || {
        let Object::Dictionary(trailer) = document.trailer() else { return None };
        let Object::Dictionary(found) = document.resolve_object(trailer.get("Info")?).ok()? else { return None };
        Some(found)
    };
    // The reader may fail on a broken trailer in its own way.
    let found = catch_unwind(AssertUnwindSafe(read)).ok().flatten().unwrap_or_default();
    found
        .into_iter()
        .filter_map(|(name, value)| match value {
            Object::String(bytes) => Some((name, pdf_string(&bytes))),
            _ => None,
        })
        .collect()
}

/// UTF-16 with a mark, UTF-8 with a mark, else PDFDocEncoding, which is Latin-1 where it matters here.
fn pdf_string(bytes: &[u8]) -> String {
    let text = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned(),
        None => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    text.chars().filter(|character| !character.is_control()).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/tests/fixtures/pdf/{name}.pdf", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn an_empty_password_opens_every_kind_of_encryption() {
        for kind in ["rc4-40", "rc4-128", "aes-128", "aes-256"] {
            let parsed = parse(&fixture(kind)).unwrap_or_else(|error| panic!("{kind}: {error}"));
            assert_eq!(parsed.sections[0].text.trim(), "Sealed, but the door is open.", "{kind}");
            assert_eq!(parsed.sections[0].page, Some(1));
        }
    }

    #[test]
    fn an_unknown_password_is_the_reason() {
        assert!(matches!(parse(&fixture("password")), Err(ParseError::Encrypted)));
    }

    #[test]
    fn reasons_are_short() {
        let error = problem(&pdf_oxide::Error::InvalidPdf("7, ".repeat(10_000)));
        assert!(error.to_string().chars().count() < 200);
    }
}
