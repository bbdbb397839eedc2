//! What a line of a mail archive is: a separator, an escaped `From `, a header, a size line of a UW `mbx` file.
//!
//! Pure rules over one or two lines; called by `mbox` and, for the line before a single message, by `mail`.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Header names that open real messages; seeing one settles whether a doubtful `From ` line is a separator.
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

/// How much a `From ` line looks like an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// A sentence that starts with "From".
    None,
    /// One bare address.
    Address,
    /// A date and time, or Netscape's dash.
    Dated,
}

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
fn header_name(line: &[u8]) -> Option<&[u8]> {
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

fn likeness(envelope: &[u8]) -> Likeness {
    let text = String::from_utf8_lossy(without_line_end(envelope)).to_ascii_lowercase();
    let text = text.trim();
    if text == "-" {
        return Likeness::Dated;
    }
    let mut has_time = false;
    let mut has_year = false;
    let mut has_month = false;
    let mut has_weekday = false;
    let mut has_iso_date = false;
    let mut words = 0;
    for word in text.split(|character: char| character.is_whitespace() || character == ',') {
        if word.is_empty() {
            continue;
        }
        words += 1;
        let bytes = word.as_bytes();
        has_time |= bytes.len() >= 4
            && bytes.first().is_some_and(u8::is_ascii_digit)
            && word.split(':').count() >= 2
            && word.split(':').take(2).all(|part| (1..=2).contains(&part.len()) && part.parse::<u8>().is_ok());
        has_year |= bytes.len() == 4 && word.parse::<u16>().is_ok_and(|year| (1970..2200).contains(&year));
        has_month |= MONTHS.contains(&word);
        has_weekday |= WEEKDAYS.contains(&word);
        has_iso_date |= bytes.len() >= 10
            && bytes.get(4) == Some(&b'-')
            && bytes.get(7) == Some(&b'-')
            && word.get(..4).is_some_and(|year| year.parse::<u16>().is_ok());
    }
    if has_iso_date || has_time && has_month && (has_year || has_weekday) {
        Likeness::Dated
    } else if words == 1 && (text.contains('@') || text == "mailer-daemon") {
        Likeness::Address
    } else {
        Likeness::None
    }
}

/// Whether `line` (which starts with `From `) separates two messages, given what stands around it.
pub(super) fn is_separator(previous_is_blank: bool, line: &[u8], next: Option<&[u8]>) -> bool {
    let likeness = likeness(line.get(5..).unwrap_or_default());
    let opens_headers =
        |line: &[u8]| header_name(line).is_some() || line.starts_with(b">From ") || line.starts_with(b"From ");
    match (likeness, previous_is_blank) {
        (Likeness::None, _) | (Likeness::Address, false) => false,
        (Likeness::Address, true) => next.is_some_and(opens_headers),
        (Likeness::Dated, true) => next.is_none_or(|line| line.trim_ascii().is_empty() || opens_headers(line)),
        (Likeness::Dated, false) => next.is_some_and(is_known_header),
    }
}

/// The size in bytes that a UW `mbx` message line announces:
/// ` 1-Jan-2001 10:00:00 +0000,1234;000000000000-00000001`.
pub(super) fn mbx_size(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(without_line_end(line)).ok()?;
    let (date, rest) = text.split_once(',')?;
    let (size, flags) = rest.split_once(';')?;
    let mut day_month_year = date.split_whitespace().next()?.split('-');
    let day = day_month_year.next()?.parse::<u8>().ok()?;
    let month = day_month_year.next()?.to_ascii_lowercase();
    let is_flags = flags.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_line = (1..=31).contains(&day) && MONTHS.contains(&month.as_str()) && is_flags && date.len() < 40;
    is_line.then(|| size.parse().ok()).flatten()
}
