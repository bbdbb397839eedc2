//! Whether a file is mail: told from its first bytes, with as much doubt as its name calls for.
//!
//! The archive's side is the same decision the splitter makes (`separator`). Called by `ingest::detect`.

use super::{date, envelope, separator, words};

/// Lines of the beginning that are looked at.
const LINE_LIMIT: usize = 200;

/// Longest header value that is looked at.
const VALUE_LIMIT_BYTES: usize = 1_000;

/// How much a file's name speaks against mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The name says nothing.
    Unknown,
    /// The name says text: letters and notes have lines like headers too.
    Text,
    /// The name says Markdown: only what a mail system wrote is mail.
    Markdown,
}

/// Whether the bytes begin an archive: a separator, and headers behind it.
#[must_use]
pub fn is_archive(head: &[u8], doubt: Doubt) -> bool {
    let head = envelope::without_byte_order_mark(head);
    let start = head.iter().position(|byte| !matches!(byte, b'\n' | b'\r')).unwrap_or(head.len());
    let head = head.get(start..).unwrap_or_default();
    let line_end = if head.contains(&b'\n') { b'\n' } else { b'\r' };
    let end = head.iter().position(|byte| *byte == line_end).map_or(head.len(), |at| at + 1);
    let (line, tail) = head.split_at(end);
    let Some((shape, _)) = separator::Shape::read(line) else { return false };
    let headers = separator::block(tail, line_end);
    match doubt {
        _ if shape.is_dated() => headers.known >= 1,
        Doubt::Unknown => headers.known >= if shape.is_dash() { 1 } else { 2 },
        Doubt::Text => headers.known >= 3 && headers.has_origin,
        Doubt::Markdown => headers.known >= 3 && headers.has_origin && headers.has_date_or_id,
    }
}

/// Headers that only mail systems write.
const TECHNICAL: [&str; 12] = [
    "message-id",
    "received",
    "return-path",
    "delivered-to",
    "mime-version",
    "dkim-signature",
    "content-transfer-encoding",
    "x-mailer",
    "user-agent",
    "x-originating-ip",
    "in-reply-to",
    "list-id",
];

/// Header names that people and systems write.
const COMMON: [&str; 11] =
    ["from", "to", "subject", "date", "cc", "bcc", "reply-to", "sender", "references", "content-type", "x-spam-status"];

/// What the header block at the start of a file holds.
#[derive(Default)]
struct Evidence {
    known: usize,
    technical: usize,
    has_address: bool,
    has_sender_address: bool,
    has_time: bool,
    is_letter: bool,
}

fn evidence(head: &[u8]) -> Evidence {
    let mut found = Evidence::default();
    let line_end = if head.contains(&b'\n') { b'\n' } else { b'\r' };
    for (number, line) in head.split(|byte| *byte == line_end).take(LINE_LIMIT).enumerate() {
        if matches!(line.first(), Some(b' ' | b'\t')) && !line.trim_ascii().is_empty() && number > 0 {
            continue;
        }
        let Some(name) = envelope::header_name(line) else { break };
        let value = line.get(name.len()..).unwrap_or_default().trim_ascii_start();
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.get(..VALUE_LIMIT_BYTES).unwrap_or(value);
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let name = name.as_str();
        let is_technical = TECHNICAL.contains(&name);
        found.technical += usize::from(is_technical);
        found.known += usize::from(is_technical || COMMON.contains(&name) || name.starts_with("x-"));
        found.is_letter |= matches!(name, "from" | "to" | "subject" | "received" | "return-path" | "delivered-to");
        match name {
            "from" | "sender" | "reply-to" => found.has_sender_address |= value.contains(&b'@'),
            "content-type" => found.technical += usize::from(value.contains(&b'/')),
            "to" | "cc" => found.has_address |= value.contains(&b'@'),
            "date" => {
                let text = words::decode_text(value);
                found.has_time = text.contains(':') && date::parse(&text).is_some();
            }
            _ => {}
        }
    }
    found
}

/// Whether the bytes are one message.
#[must_use]
pub fn is_message(head: &[u8], doubt: Doubt) -> bool {
    let found = evidence(envelope::without_byte_order_mark(head));
    if found.known < 3 || !found.is_letter {
        return false;
    }
    let is_addressed = found.has_sender_address || found.has_address;
    match doubt {
        Doubt::Unknown => found.technical > 0 || is_addressed,
        Doubt::Text => {
            found.technical > 0 && (is_addressed || found.technical > 1) || found.has_sender_address && found.has_time
        }
        Doubt::Markdown => found.technical > 1 && is_addressed,
    }
}

/// Whether the first bytes have one header of mail at least: enough when the file's name says mail.
#[must_use]
pub fn has_header(head: &[u8]) -> bool {
    let found = evidence(envelope::without_byte_order_mark(head));
    found.known > 0
}
