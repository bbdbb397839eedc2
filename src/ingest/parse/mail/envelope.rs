//! What a line of a mail archive is: an escaped `From `, a header, a size line of a UW `mbx` file.
//!
//! Pure rules over one line; called by `mbox`, `separator`, `sniff` and `mail`.

use crate::domain::Timestamp;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Header names that open real messages; seeing some settles whether a doubtful `From ` line is a separator.
const KNOWN_HEADERS: [&str; 28] = [
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "received",
    "return-path",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-length",
    "delivered-to",
    "envelope-to",
    "delivery-date",
    "reply-to",
    "sender",
    "status",
    "references",
    "in-reply-to",
    "dkim-signature",
    "authentication-results",
    "organization",
    "path",
    "newsgroups",
    "replied",
    "precedence",
];

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `bytes` without a UTF-8 byte order mark in front.
pub(super) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// The line with one level of mbox escaping removed: `>From ` becomes `From `, `>>From ` becomes `>From `.
pub(super) fn unescape(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b">") else { return line };
    let depth = rest.iter().take_while(|byte| **byte == b'>').count();
    if rest.get(depth..).is_some_and(|text| text.starts_with(b"From ")) { rest } else { line }
}

/// Takes off the one blank line that an archive puts behind every message.
pub(super) fn strip_final_blank_line(bytes: &mut Vec<u8>) {
    if bytes.ends_with(b"\r\n\r\n") || bytes == b"\r\n" {
        bytes.truncate(bytes.len() - 2);
    } else if bytes.ends_with(b"\n\n") || bytes == b"\n" {
        bytes.truncate(bytes.len() - 1);
    }
}

/// The field name, if the line starts like a header field.
pub(super) fn header_name(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..end)?.trim_ascii_end();
    let is_name = !name.is_empty() && name.len() < 80 && name.iter().all(|byte| (b'!'..=b'~').contains(byte));
    is_name.then_some(name)
}

/// Whether the line starts with a header name that real messages carry.
pub(super) fn is_known_header(line: &[u8]) -> bool {
    let Some(name) = header_name(line) else { return false };
    let name = name.to_ascii_lowercase();
    let is_extension = [&b"x-"[..], b"list-", b"arc-", b"resent-"].iter().any(|prefix| name.starts_with(prefix));
    is_extension || KNOWN_HEADERS.iter().any(|known| known.as_bytes() == name)
}

/// What the line before a message of a UW `mbx` file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MbxLine {
    /// Bytes of the message.
    pub size: u64,
    /// When it came.
    pub dated_at: Option<Timestamp>,
    /// Deleted, but not purged yet.
    pub is_deleted: bool,
}

/// Reads ` 1-Jan-2001 10:00:00 +0000,1234;000000000000-00000001`: a date, the size, eight digits of keywords, four of
/// flags, the id.
pub(super) fn mbx_line(line: &[u8]) -> Option<MbxLine> {
    let text = std::str::from_utf8(without_line_end(line)).ok()?;
    let (date, rest) = text.split_once(',')?;
    let (size, flags) = rest.split_once(';')?;
    let mut day_month_year = date.split_whitespace().next()?.split('-');
    let day = day_month_year.next()?.parse::<u8>().ok()?;
    let month = day_month_year.next()?.to_ascii_lowercase();
    let is_flags = flags.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_line = (1..=31).contains(&day) && MONTHS.contains(&month.as_str()) && is_flags && date.len() < 40;
    if !is_line {
        return None;
    }
    let system = flags.get(8..12).and_then(|flags| u16::from_str_radix(flags, 16).ok()).unwrap_or_default();
    Some(MbxLine { size: size.parse().ok()?, dated_at: super::date::parse(date), is_deleted: system & 0x2 != 0 })
}
