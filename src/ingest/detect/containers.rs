//! Files that hold a message, a page, events, contacts or rich text inside a format of their own: told by their first
//! bytes, by the name only where those are in doubt. Called by `detect`.

use super::Detected;
use crate::ingest::parse::mail::sniff::{self, Doubt};

fn begins_object(head: &[u8], object: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let start = head.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"BEGIN:"));
    start && head.get(6..6 + object.len()).is_some_and(|name| name.eq_ignore_ascii_case(object))
}

/// The first bytes without a byte order mark; of UTF-16 only what is ASCII.
fn plain(head: &[u8]) -> Vec<u8> {
    match head {
        [0xFF, 0xFE, rest @ ..] | [0xFE, 0xFF, rest @ ..] => {
            rest.iter().take(400).copied().filter(|byte| (1..128).contains(byte)).collect()
        }
        _ => head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).iter().take(400).copied().collect(),
    }
}

/// A line with nothing but a number, then a message: a file of Apple Mail.
fn is_emlx(head: &[u8], is_named_so: bool) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let Some(end) = head.iter().take(40).position(|byte| *byte == b'\n') else { return false };
    let first = head[..end].trim_ascii();
    let is_number = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
    let message = head.get(end + 1..).unwrap_or_default();
    is_number && (sniff::is_message(message, Doubt::Unknown) || is_named_so && sniff::has_header(message))
}

/// The value of a header field among the first lines, lower-case, folds joined.
fn field(head: &str, name: &str) -> Option<String> {
    let mut value: Option<String> = None;
    for line in head.lines().take(200).take_while(|line| !line.trim().is_empty()) {
        match &mut value {
            Some(value) if line.starts_with([' ', '\t']) => value.push_str(line),
            Some(_) => break,
            None => {
                value = line
                    .split_once(':')
                    .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                    .map(|(_, rest)| rest.to_owned());
            }
        }
    }
    value.map(|value| value.trim().to_lowercase())
}

/// A web page in MIME parts: a browser says so, or the name does and nobody is written to.
fn is_web_archive(head: &[u8], is_named_so: bool) -> bool {
    let text = String::from_utf8_lossy(head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head));
    let text = text.trim_start();
    let has = |name: &str| field(text, name).is_some();
    let Some(content_type) = field(text, "Content-Type") else { return false };
    let holds_page =
        ["multipart/related", "multipart/alternative", "multipart/mixed", "text/html", "application/xhtml"]
            .iter()
            .any(|kind| content_type.starts_with(kind));
    if !holds_page {
        return false;
    }
    let sender = field(text, "From").unwrap_or_default();
    let is_saved = has("Snapshot-Content-Location") || !sender.contains('@') && sender.contains("saved by ");
    let is_sent = has("To") || has("Received") || has("Cc");
    !is_sent && (is_saved || is_named_so && !sender.contains('@'))
}

/// What the file is, if it is one of these.
pub(super) fn recognise(extension: &str, head: &[u8]) -> Option<Detected> {
    let start = plain(head);
    if begins_object(&start, b"VCALENDAR") {
        return Some(Detected::Calendar);
    }
    if begins_object(&start, b"VCARD") {
        return Some(Detected::Contacts);
    }
    if start.trim_ascii_start().starts_with(b"{\\rtf") {
        return Some(Detected::Rtf);
    }
    if extension == "emlxpart" {
        let what = "an attachment that Apple Mail keeps outside of its message, still encoded";
        return Some(Detected::Unsupported(what.to_owned()));
    }
    if is_emlx(head, extension == "emlx") {
        return Some(Detected::Emlx);
    }
    is_web_archive(head, matches!(extension, "mht" | "mhtml")).then_some(Detected::WebArchive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(recognise("txt", b"BEGIN:VCALENDAR\r\nVERSION:2.0"), Some(Detected::Calendar));
        assert_eq!(recognise("vcf", b"\xef\xbb\xbf\nbegin:vcard\n"), Some(Detected::Contacts));
        assert_eq!(recognise("vcf", b"\xff\xfeB\0E\0G\0I\0N\0:\0V\0C\0A\0R\0D\0"), Some(Detected::Contacts));
        assert_eq!(recognise("doc", b"{\\rtf1\\ansi"), Some(Detected::Rtf));
        assert_eq!(recognise("emlx", b"307       \nFrom: a@b\n\nx"), Some(Detected::Emlx));
        assert_eq!(recognise("", b"307\nFrom: a@b\nTo: c@d\nSubject: x\n\nx"), Some(Detected::Emlx));
        assert_eq!(recognise("txt", b"307\nFrom: a@b\n\nx"), None);
        assert!(matches!(recognise("emlxpart", b"JVBERi0x"), Some(Detected::Unsupported(_))));
    }

    #[test]
    fn a_saved_page_is_no_mail_and_a_mail_no_page() {
        let chrome = b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://x.org/\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\ttype=\"text/html\"\r\n\r\n";
        assert_eq!(recognise("mhtml", chrome), Some(Detected::WebArchive));
        assert_eq!(recognise("", chrome), Some(Detected::WebArchive));
        let word = b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=\"x\"\n\nThis document is a Single File Web Page\n";
        assert_eq!((recognise("mht", word), recognise("eml", word)), (Some(Detected::WebArchive), None));
        let mail = b"From: ann@x.org\nTo: bob@x.org\nSubject: x\nContent-Type: multipart/related; boundary=x\n\n";
        assert_eq!(recognise("mht", mail), None);
        assert_eq!(recognise("mht", b"From: \"Saved by B\" <a@x.org>\nContent-Type: text/html\n\n"), None);
    }
}
