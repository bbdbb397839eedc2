//! Files of Apple Mail (`.emlx`, `.partial.emlx`): the length of the message, the message, a property list. Called by the
//! pipeline.
//!
//! A partial one has lost its attachments to files beside it; it says so.

use crate::domain::Timestamp;
use crate::ingest::parse::{ParseError, Parsed};

use super::mime::Part;
use super::{AttachmentReader, parse_message};

/// The message and what follows it. A length that is wrong is overruled by the property list itself.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let line_end = bytes.iter().take(40).position(|byte| *byte == b'\n');
    let first = line_end.map_or(&[][..], |end| bytes[..end].trim_ascii());
    let is_length = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
    let body = line_end.filter(|_| is_length).map_or(bytes, |end| &bytes[end + 1..]);
    let stated = std::str::from_utf8(first).ok().and_then(|digits| digits.parse::<usize>().ok());
    if let Some((message, rest)) = stated.and_then(|length| body.split_at_checked(length)) {
        let rest = rest.trim_ascii_start();
        if rest.is_empty() || is_list(rest) {
            return (message, rest);
        }
    }
    let starts = |needle: &[u8]| body.windows(needle.len()).rposition(|window| window == needle);
    let at = [&b"\n<?xml version="[..], b"\n<plist", b"bplist00"].iter().find_map(|needle| starts(needle));
    match at.map(|at| body.split_at(at)) {
        Some((message, rest)) if is_list(rest.trim_ascii_start()) => (message, rest),
        _ => (body, &[]),
    }
}

fn is_list(rest: &[u8]) -> bool {
    let head = rest.get(..400).unwrap_or(rest);
    let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    rest.starts_with(b"bplist00") || head.starts_with(b"<") && has(b"plist")
}

/// When the message came in, as the property list has it.
fn received(list: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(list);
    let (_, after) = text.split_once("<key>date-received</key>")?;
    let (number, _) = after.trim_start().split_once('>')?.1.split_once('<')?;
    let seconds = number.trim().split('.').next()?.parse::<i64>().ok()?;
    // Nobody received mail before 1990 or will after 2100.
    (631_152_000..4_102_444_800).contains(&seconds).then(|| Timestamp(seconds * 1000))
}

/// Names of attachments whose content is not in the file.
fn missing(part: &Part<'_>, found: &mut Vec<String>) {
    // As deep as the tree, which is bounded.
    part.children.iter().for_each(|child| missing(child, found));
    let is_file = part.filename.is_some() || part.headers.raw("X-Apple-Content-Length").is_some();
    if part.children.is_empty() && is_file && part.raw_body.trim_ascii().is_empty() {
        found.push(part.filename.clone().unwrap_or_else(|| "one without a name".to_owned()));
    }
}

/// Reads the message of such a file.
///
/// # Errors
/// Like [`parse_message`].
pub fn parse(bytes: &[u8], reader: &dyn AttachmentReader) -> Result<Parsed, ParseError> {
    let (message, list) = split(bytes);
    let mut parsed = parse_message(message, reader)?;
    parsed.dated_at = parsed.dated_at.or_else(|| received(list));
    let mut names = Vec::new();
    missing(&Part::parse(message), &mut names);
    if !names.is_empty() {
        let shown = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if names.len() > 5 { ", …" } else { "" };
        parsed.left_out.push(format!(
            "{} of its attachments {} not in the file, Apple Mail keeps {} beside it: {shown}{more}",
            names.len(),
            if names.len() == 1 { "is" } else { "are" },
            if names.len() == 1 { "it" } else { "them" },
        ));
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::super::NoAttachments;
    use super::*;

    const LIST: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n<key>date-received</key>\n<integer>1710237600</integer>\n<key>flags</key>\n<integer>8590195713</integer>\n</dict>\n</plist>\n";

    fn read(length: &str, message: &str) -> Parsed {
        parse(format!("{length}\n{message}{LIST}").as_bytes(), &NoAttachments).unwrap()
    }

    #[test]
    fn the_message_without_the_list_whatever_the_length_says() {
        let message = "From: au@example.org\nSubject: plans\n\nWe meet <?xml here.\n";
        for length in [format!("{}       ", message.len()), "7".into(), "99999999".into(), "x".into()] {
            let parsed = read(&length, message);
            assert_eq!(parsed.sections[0].text, "We meet <?xml here.", "{length}");
            assert_eq!(parsed.title.as_deref(), Some("plans"));
        }
        assert_eq!(read("57", message).dated_at, Some(Timestamp(1_710_237_600_000)), "no Date: when it came in");
        let beyond = message.to_owned() + &LIST.replace("1710237600", &i64::MAX.to_string());
        assert_eq!(parse(beyond.as_bytes(), &NoAttachments).unwrap().dated_at, None);
        let bare = parse(message.as_bytes(), &NoAttachments).unwrap();
        assert_eq!(bare.sections[0].text, "We meet <?xml here.");
    }

    #[test]
    fn a_partial_one_says_what_lies_beside_it() {
        let message = "From: au@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\nX-Apple-Content-Length: 9000\n\n\n--b--\n";
        let parsed = read(&message.len().to_string(), message);
        assert_eq!(parsed.left_out, ["1 of its attachments is not in the file, Apple Mail keeps it beside it: a.pdf"]);
        assert_eq!(parsed.message.unwrap().attachments, ["a.pdf"]);
    }
}
