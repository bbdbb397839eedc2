//! One job, done: bytes become a document. Pure: no file is opened, nothing is asked of anybody. Called in a parser's
//! process, and directly where there are none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::domain::SourceType;
use crate::ingest::detect::{Detected, HEAD_BYTES, detect};
use crate::ingest::parse::{
    ParseError, Parsed, calendar, canvas, contacts, docx, excalidraw, html, mail, markdown, pdf, rtf, text,
};

use super::document;
use super::job::{Answer, Facts, What};

/// Reads `bytes`. Whatever is in them, an answer comes: a parser that breaks refuses them.
#[must_use]
pub(super) fn answer(facts: &Facts, bytes: &[u8]) -> Answer {
    let answer = catch_unwind(AssertUnwindSafe(|| read(facts, bytes)));
    let answer = answer.unwrap_or_else(|_| {
        Err(ParseError::Damaged(match facts.what {
            What::Message { .. } => "the mail parser failed on it".to_owned(),
            _ => "the parser failed on it (a bug worth reporting)".to_owned(),
        }))
    });
    answer.unwrap_or_else(Answer::Refused)
}

fn read(facts: &Facts, bytes: &[u8]) -> Result<Answer, ParseError> {
    let (document, left_out) = match &facts.what {
        What::File { path, modified_at, kind } => {
            let (source_type, parsed) = parse(kind, bytes)?;
            document::of_file(path, *modified_at, source_type, bytes, parsed, facts.chunks)
        }
        What::Message { path, offset, dated_at } => {
            let parsed = mail::parse_message(bytes, &attachment)?;
            document::of_message(path, *offset, *dated_at, bytes, parsed, facts.chunks)
        }
        What::Text(text) => document::of_text(text, &String::from_utf8_lossy(bytes), facts.chunks)?,
    };
    Ok(Answer::Read { document: Box::new(document), left_out })
}

fn parse(kind: &Detected, bytes: &[u8]) -> Result<(SourceType, Parsed), ParseError> {
    Ok(match kind {
        Detected::Mail => (SourceType::Mail, mail::parse_message(bytes, &attachment)?),
        Detected::Emlx => (SourceType::Mail, mail::emlx::parse(bytes, &attachment)?),
        Detected::WebArchive => (SourceType::Html, mail::mhtml::parse(bytes)?),
        Detected::Calendar => (SourceType::Event, calendar::parse(bytes)?),
        Detected::Contacts => (SourceType::Contact, contacts::parse(bytes)?),
        Detected::Rtf => (SourceType::Text, rtf::parse(bytes)?),
        Detected::Pdf => (SourceType::Pdf, pdf::parse(bytes)?),
        Detected::Markdown => (SourceType::Markdown, markdown::parse(bytes)?),
        Detected::Html => (SourceType::Html, html::parse(bytes)?),
        Detected::Docx => (SourceType::Docx, docx::parse(bytes)?),
        Detected::Canvas => (SourceType::Markdown, canvas::parse(bytes)?),
        Detected::Excalidraw => (SourceType::Markdown, excalidraw::parse(bytes)?),
        Detected::Text => (SourceType::Text, text::parse(bytes)?),
        Detected::Mbox | Detected::Empty | Detected::Unsupported(_) => {
            return Err(ParseError::Unsupported("not a document of its own".into()));
        }
    })
}

/// A mail's attachment, by the parser for what it is.
fn attachment(name: &str, _media_type: &str, bytes: &[u8]) -> Result<Parsed, ParseError> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    match detect(Path::new(name), head, bytes.len() as u64) {
        Detected::Mail | Detected::Emlx | Detected::Mbox | Detected::Empty => {
            Err(ParseError::Unsupported("no text of its own".into()))
        }
        Detected::Unsupported(what) => Err(ParseError::Unsupported(what)),
        kind => parse(&kind, bytes).map(|(_, parsed)| parsed),
    }
}
