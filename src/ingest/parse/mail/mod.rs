//! Mail: one raw message to [`Parsed`], archives to messages, Maildirs to files.
//!
//! Owns everything that knows RFC 5322, MIME and mbox. `ingest::pipeline` reads archives through [`mbox::MboxReader`],
//! asks [`maildir`] about paths, and hands each message to [`parse_message`] with a reader for its attachments. The
//! readings are lenient: a message is refused only when there is nothing to read.

mod address;
mod body;
mod charset;
mod cms;
mod containers;
mod date;
pub mod emlx;
mod envelope;
mod headers;
mod hrefs;
mod html_body;
mod kind;
pub mod maildir;
pub mod mbox;
pub mod mhtml;
mod mime;
mod parameters;
mod plain;
pub mod quotes;
mod remark;
mod separator;
pub mod sniff;
mod tags;
mod tnef;
mod transfer;
mod words;

use sha2::{Digest, Sha256};

use crate::domain::{ChunkKind, MessageMeta, PersonMention, PersonRole, Timestamp};

use super::{ParseError, Parsed, Section};
use body::{Collector, Content};
use headers::Headers;
use mime::Part;

/// The title of a mail without a subject.
pub const NO_SUBJECT: &str = "(no subject)";

/// Most references kept: the newest, which is what threads need.
const REFERENCE_LIMIT: usize = 400;

/// Reads attachments that are not plain text: given by the caller, so that mail depends on no other parser.
///
/// Any `Fn(&str, &str, &[u8]) -> Result<Parsed, ParseError>` is one.
pub trait AttachmentReader {
    /// The attachment `name` of media type `media_type` (lower-case, `application/octet-stream` when nobody said). Its
    /// sections are taken, with kind and attachment name set by the caller, and what it left out is told with its name. An
    /// error leaves the attachment without text.
    fn read(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<Parsed, ParseError>;
}

impl<F> AttachmentReader for F
where
    F: Fn(&str, &str, &[u8]) -> Result<Parsed, ParseError>,
{
    fn read(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<Parsed, ParseError> {
        self(name, media_type, bytes)
    }
}

/// Reads no attachment but plain text and HTML, which the mail parser reads itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAttachments;

impl AttachmentReader for NoAttachments {
    fn read(&self, name: &str, _: &str, _: &[u8]) -> Result<Parsed, ParseError> {
        Err(ParseError::Unsupported(name.to_owned()))
    }
}

/// Reads one message. Line ends may be CRLF, LF or CR; an envelope line (`From …`) in front is allowed.
///
/// # Errors
/// [`ParseError::Damaged`] when the bytes are empty, [`ParseError::Unsupported`] when they have neither mail headers
/// nor text.
pub fn parse_message(raw: &[u8], reader: &dyn AttachmentReader) -> Result<Parsed, ParseError> {
    let raw = envelope::without_byte_order_mark(raw);
    if raw.trim_ascii().is_empty() {
        return Err(ParseError::Damaged("the message is empty".to_owned()));
    }
    // Old Macintosh mailers end lines with a lone CR.
    if !raw.contains(&b'\n') && raw.contains(&b'\r') {
        let unix: Vec<u8> = raw.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect();
        return parse_mended(&unix, reader);
    }
    parse_mended(raw, reader)
}

/// Raw bytes in headers are made readable first: everything behind this knows UTF-8 and encoded words.
fn parse_mended(raw: &[u8], reader: &dyn AttachmentReader) -> Result<Parsed, ParseError> {
    let mended = headers::with_readable_headers(raw);
    parse_with_lines(mended.as_deref().unwrap_or(raw), reader)
}

fn parse_with_lines(raw: &[u8], reader: &dyn AttachmentReader) -> Result<Parsed, ParseError> {
    let root = Part::parse(raw);
    let headers = &root.headers;
    if !headers.looks_like_mail() && is_binary(raw) {
        return Err(ParseError::Unsupported("no mail headers and no text".to_owned()));
    }
    let content = Collector::new(reader, 0).collect(&root);
    let subject = headers.text("Subject");
    let mut people = address::people(headers);
    let dated_at = message_date(headers, raw);
    let Content { texts, attachments, sections: attachment_sections, targets, people: named_inside, mut left_out } =
        content;
    if headers.is_cut() {
        left_out.push(headers::CUT.to_owned());
    }
    let text = join_texts(&texts);
    let message_id = own_message_id(headers)
        .unwrap_or_else(|| substitute_id(dated_at, &people, subject.as_deref().unwrap_or_default(), &text));
    let (in_reply_to, references) = thread_ids(headers, &message_id, &mut left_out);
    let author = people.iter().find(|person| person.role == PersonRole::From);
    let sender = author.and_then(|person| person.name.as_deref().or(person.email.as_deref()));
    let hints = quotes::Hints::new(subject.as_deref().unwrap_or_default(), in_reply_to.is_some(), sender);
    let mut sections = body_sections(&text, &hints);
    sections.extend(attachment_sections);
    containers::add_people(&mut people, named_inside);
    Ok(Parsed {
        title: Some(subject.unwrap_or_else(|| NO_SUBJECT.to_owned())),
        dated_at,
        tags: tags::tags(headers),
        people,
        message: Some(MessageMeta { message_id, in_reply_to, references, attachments }),
        sections,
        targets,
        left_out,
        ..Parsed::default()
    }
    .bounded())
}

/// Whether the first kilobytes are no text: many NULs or control characters.
fn is_binary(raw: &[u8]) -> bool {
    let head = raw.get(..4096).unwrap_or(raw);
    let foreign = head.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127)).count();
    foreign * 20 > head.len()
}

/// The pieces of the text as one, armour taken off, at most one blank line in a row between paragraphs of own making.
fn join_texts(texts: &[String]) -> String {
    let mut joined = String::new();
    for text in texts {
        if !joined.is_empty() {
            joined.push_str("\n\n");
        }
        joined.push_str(text.trim_matches('\n'));
    }
    plain::without_armour(&joined)
}

fn body_sections(text: &str, hints: &quotes::Hints<'_>) -> Vec<Section> {
    let runs = quotes::split(text, hints);
    runs.into_iter()
        .map(|run| Section {
            kind: (run.kind != ChunkKind::Body).then_some(run.kind),
            text: run.text,
            ..Section::default()
        })
        .collect()
}

/// `Date`, else the newest `Received` that has a date, else what other programs noted, else the envelope line.
fn message_date(headers: &Headers<'_>, raw: &[u8]) -> Option<Timestamp> {
    let of = |field: &'static str| headers.all(field).find_map(|value| date::parse(&words::decode_text(value)));
    let received = || {
        headers.all("Received").find_map(|value| {
            let text = words::decode_text(value);
            text.rsplit_once(';').and_then(|(_, date)| date::parse(date))
        })
    };
    let envelope = || {
        let line = raw.split(|byte| *byte == b'\n').next()?;
        separator::Shape::read(line).and_then(|(_, dated_at)| dated_at)
    };
    of("Date").or_else(received).or_else(|| of("Delivery-Date")).or_else(|| of("Resent-Date")).or_else(envelope)
}

fn own_message_id(headers: &Headers<'_>) -> Option<String> {
    headers.all("Message-ID").chain(headers.all("Message-Id")).find_map(|raw| {
        let ids = headers::message_ids(raw);
        ids.into_iter().next().or_else(|| {
            // Ids with blanks or without brackets are still somebody's ids.
            let text = words::decode_text(raw);
            let id: String =
                text.chars().filter(|character| !character.is_whitespace() && !"<>".contains(*character)).collect();
            (!id.is_empty() && id.len() <= 998).then_some(id)
        })
    })
}

/// A stand-in for a missing `Message-ID`: the same message always gets the same one, also with other line ends.
fn substitute_id(dated_at: Option<Timestamp>, people: &[PersonMention], subject: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(dated_at.map_or(0, |date| date.0).to_be_bytes());
    for person in people.iter().filter(|person| person.role == PersonRole::From) {
        hash.update(person.email.as_deref().or(person.name.as_deref()).unwrap_or_default());
        hash.update([0]);
    }
    hash.update(subject);
    hash.update([0]);
    hash.update(text);
    let digest = hash.finalize();
    let number = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{number:032x}@no-message-id.peanut.invalid")
}

/// `In-Reply-To` and `References`; a reply without the former answers the last of the latter.
fn thread_ids(headers: &Headers<'_>, own: &str, left_out: &mut Vec<String>) -> (Option<String>, Vec<String>) {
    let mut references: Vec<String> =
        headers.all("References").flat_map(headers::message_ids).filter(|id| id != own).collect();
    if references.len() > REFERENCE_LIMIT {
        left_out.push(format!(
            "{} of {} references were left out: the newest {REFERENCE_LIMIT} are kept",
            references.len() - REFERENCE_LIMIT,
            references.len()
        ));
        references.drain(..references.len() - REFERENCE_LIMIT);
    }
    let in_reply_to =
        headers.all("In-Reply-To").flat_map(headers::message_ids).find(|id| id != own && id.contains('@'));
    let in_reply_to = in_reply_to.or_else(|| references.last().cloned());
    (in_reply_to, references)
}

#[cfg(test)]
mod tests;
