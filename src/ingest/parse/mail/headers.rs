//! The header block of a message or part: fields in order, as raw bytes, with the few readings everybody needs.
//!
//! Called by `mime` for every part. A block ends at the first blank line, or at a line that can be no header.

use super::{charset, words};

/// Longest field value that is looked at; what is longer is cut (a `To` with thousands of addresses stays readable).
const VALUE_LIMIT_BYTES: usize = 256 << 10;

/// Most fields kept of one block.
const FIELD_LIMIT: usize = 4_000;

/// What is said where a limit of the header block was met.
pub(super) const CUT: &str =
    "a header of more than 4000 fields or of a field of more than 256 KiB: what is beyond was not read";

/// The fields of one header block.
#[derive(Debug, Default)]
pub(super) struct Headers<'raw> {
    fields: Vec<(&'raw [u8], &'raw [u8])>,
    is_cut: bool,
}

fn field_name(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let is_name = !name.is_empty() && name.len() <= 128 && name.iter().all(|byte| (b'!'..=b'~').contains(byte));
    is_name.then(|| (name, line.get(colon + 1..).unwrap_or_default()))
}

fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
}

/// Whether a continuation line follows: it starts with a blank, or with an encoded word that some mailer forgot to indent.
fn starts_fold(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"=?") {
        let line = bytes.get(..line_length(bytes)).unwrap_or_default();
        return line.trim_ascii_end().ends_with(b"?=") && field_name(line).is_none();
    }
    matches!(bytes.first(), Some(b' ' | b'\t'))
}

/// Whether a header that mail really has comes before the next blank line (folds that lost their blanks lie between).
fn headers_follow(bytes: &[u8]) -> bool {
    let lines = bytes.split(|byte| *byte == b'\n').take(12).take_while(|line| !is_blank(line));
    lines.into_iter().any(super::envelope::is_known_header)
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b'\n' | b'\r'))
}

/// The message with its header block in UTF-8, when raw bytes stand there that are neither UTF-8 nor labelled: read by the
/// charset the mail states elsewhere, else by the likeliest of the whole mail, since a subject alone is too short to tell.
/// `None` when nothing has to be done.
pub(super) fn with_readable_headers(raw: &[u8]) -> Option<Vec<u8>> {
    let length = block_length(raw);
    let (block, body) = raw.split_at(length);
    if std::str::from_utf8(block).is_ok() {
        return None;
    }
    let label = stated_charset(block).or_else(|| stated_charset(body.get(..VALUE_LIMIT_BYTES).unwrap_or(body)));
    let text = match label {
        Some(label) => {
            let text = charset::decode(block, Some(&label));
            // Of a charset of two bytes a character, or another alphabet for ASCII, no name of a field is left.
            let plain = block.iter().position(|byte| !byte.is_ascii()).unwrap_or(block.len());
            if !text.as_bytes().starts_with(&block[..plain]) {
                return None;
            }
            text
        }
        // Together with the body there is more to judge by, as far as that is no other charset.
        None if body.is_ascii() || std::str::from_utf8(body).is_ok() => return None,
        None => {
            let whole = charset::decode(raw, None);
            let lines = block.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
            let end = whole.split_inclusive('\n').take(lines.count()).map(str::len).sum::<usize>();
            return whole.get(..end).map(|head| [head.as_bytes(), body].concat());
        }
    };
    Some([text.as_bytes(), body].concat())
}

/// Bytes of the header block at the start of a message, without the blank line behind it.
fn block_length(raw: &[u8]) -> usize {
    raw.split_inclusive(|byte| *byte == b'\n').take_while(|line| !is_blank(line)).map(<[u8]>::len).sum()
}

/// The first charset other than ASCII that is named in `bytes`: by a `Content-Type`, or in an encoded word.
fn stated_charset(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let is_of_name = |character: &char| character.is_ascii_alphanumeric() || "-_:.".contains(*character);
    let parameters = text.split("charset=").skip(1).map(|behind| behind.trim_start_matches(['"', '\'', ' ']));
    let words = text.split("=?").skip(1);
    parameters.chain(words).take(200).map(|start| start.chars().take_while(is_of_name).collect::<String>()).find(
        |label| {
            // A label of UTF-8 is no help: the bytes are none.
            charset::is_known(label) && !matches!(label.as_str(), "us-ascii" | "ascii" | "utf-8" | "utf8" | "utf-7")
        },
    )
}

impl<'raw> Headers<'raw> {
    /// Reads the block at the start of `bytes`; returns it with the rest, the body.
    pub(super) fn split(bytes: &'raw [u8]) -> (Self, &'raw [u8]) {
        let mut headers = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(line_length(rest));
            if is_blank(line) {
                return (headers, tail);
            }
            let Some((name, _)) = field_name(line) else {
                // Junk between headers (an escaped or doubled `From ` line, a stray continuation) is stepped over when
                // more headers follow; otherwise the blank line is missing and the body starts here.
                let is_envelope = line.starts_with(b"From ") || line.starts_with(b">From ");
                let is_stray_fold = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
                if is_envelope || is_stray_fold || headers_follow(tail) {
                    rest = tail;
                    continue;
                }
                return (headers, rest);
            };
            let mut length = line.len();
            while starts_fold(rest.get(length..).unwrap_or_default()) {
                let fold = line_length(rest.get(length..).unwrap_or_default());
                let fold_line = rest.get(length..length + fold).unwrap_or_default();
                if fold_line.trim_ascii().is_empty() {
                    // A line of blanks only: a sloppy end of the block when no header follows, else a fold.
                    let behind = rest.get(length + fold..).unwrap_or_default();
                    let next = behind.get(..line_length(behind)).unwrap_or_default();
                    let goes_on = next.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
                    if !is_blank(next) && field_name(next).is_none() && !goes_on {
                        break;
                    }
                }
                length += fold;
            }
            let value_start = line.len() - field_name(line).map_or(0, |(_, value)| value.len());
            let value = rest.get(value_start..length).unwrap_or_default();
            headers.is_cut |= headers.fields.len() >= FIELD_LIMIT || value.len() > VALUE_LIMIT_BYTES;
            if headers.fields.len() < FIELD_LIMIT {
                headers.fields.push((name, value.get(..VALUE_LIMIT_BYTES).unwrap_or(value)));
            }
            rest = rest.get(length..).unwrap_or_default();
            let next = rest.get(..line_length(rest)).unwrap_or_default();
            if next.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) && next.trim_ascii().is_empty() {
                return (headers, rest.get(next.len()..).unwrap_or_default());
            }
        }
        (headers, rest)
    }

    /// Whether there are more or longer fields than are read.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Every raw value of the field, in order; names compare without case.
    pub(super) fn all<'this>(&'this self, name: &'this str) -> impl Iterator<Item = &'raw [u8]> + 'this {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| *value)
    }

    /// The first raw value that is not blank.
    pub(super) fn raw(&self, name: &str) -> Option<&'raw [u8]> {
        self.all(name).find(|value| !value.trim_ascii().is_empty())
    }

    /// The first value as decoded text, or `None` when missing or blank.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.all(name).map(words::decode_text).find(|text| !text.is_empty())
    }

    /// Whether any header is there that only mail has.
    pub(super) fn looks_like_mail(&self) -> bool {
        self.fields.iter().any(|(name, _)| {
            let line = [*name, b":"].concat();
            super::envelope::is_known_header(&line)
        })
    }
}

/// Ids in angle brackets, in order, unique, without brackets and blanks. Without any bracket, a lone word with an `@`.
pub(super) fn message_ids(raw: &[u8]) -> Vec<String> {
    let text = words::decode_text(raw);
    let mut ids: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut rest = text.as_str();
    while let Some((_, tail)) = rest.split_once('<') {
        // An id cut off by the next one (`<a@b <c@d>`) counts too.
        let end = tail.find(['>', '<']).unwrap_or(tail.len());
        let (inside, behind) = tail.split_at(end);
        rest = behind.strip_prefix('>').unwrap_or(behind);
        let id: String = inside.chars().filter(|character| !character.is_whitespace()).collect();
        if !id.is_empty() && id.len() <= 998 && seen.insert(id.clone()) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        let mut words = text.split_whitespace();
        if let (Some(word), None) = (words.next(), words.next()) {
            let word = word.trim_matches(['<', '>', '"', ',']);
            if !word.is_empty() && word.len() <= 998 {
                ids.push(word.to_owned());
            }
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_and_broken_blocks() {
        let raw = b"From bob Thu\n>From x\nSubject: a\r\n b\nX-Empty:\nno colon here\nTo: c@d\n\nbody";
        let (headers, body) = Headers::split(raw);
        assert_eq!(headers.text("subject").as_deref(), Some("a b"));
        assert_eq!(headers.text("to").as_deref(), Some("c@d"));
        assert_eq!(headers.text("x-empty"), None);
        assert_eq!(body, b"body");
        let (headers, body) = Headers::split(b"Subject: x\nThe blank line is missing.\nMore.\n");
        assert_eq!(headers.text("subject").as_deref(), Some("x"));
        assert_eq!(body, b"The blank line is missing.\nMore.\n");
        let (headers, body) = Headers::split(b"Subject: x\n \t\nbody line\n");
        assert_eq!(headers.text("subject").as_deref(), Some("x"));
        assert_eq!(body, b"body line\n");
    }

    #[test]
    fn ids() {
        assert_eq!(message_ids(b" <a@b>\r\n\t<c@d> <a@b>"), ["a@b", "c@d"]);
        assert_eq!(message_ids(b"Your message of \"Mon, 1 Jan\" <x.1@y>"), ["x.1@y"]);
        assert_eq!(message_ids(b"plain@id"), ["plain@id"]);
        assert_eq!(message_ids(b"<a@b <c@d>"), ["a@b", "c@d"]);
        assert!(message_ids(b"no id here").is_empty());
        assert!(message_ids(b"<>").is_empty());
    }

    #[test]
    fn raw_bytes_are_read_by_what_the_mail_states() {
        let subject = |raw: &[u8]| {
            let mended = with_readable_headers(raw);
            Headers::split(mended.as_deref().unwrap_or(raw)).0.text("subject").unwrap()
        };
        assert_eq!(
            subject(b"Subject: signs \xa380m deal\nContent-Type: text/plain; charset=iso-8859-1\n\n\xa380m\n"),
            "signs £80m deal"
        );
        assert_eq!(subject(b"Subject: \xa3\xf3d\xbc\nContent-Type: text/plain; charset=\"ISO-8859-2\"\n\nx\n"), "Łódź");
        assert_eq!(subject(b"Subject: \xf0\xd2\xc9\n\n--b\nContent-Type: text/plain; charset=koi8-r\n\nx\n"), "При");
        assert_eq!(subject(b"From: =?windows-1251?q?=CF?= <a@x>\nSubject: \xcf\xf0\xe8\n\nx\n"), "При");
        assert_eq!(subject(b"Subject: \xcf\xf0\xe8\n\n\xce\xf2\xef\xf0\xe0\xe2\xeb\xff\xfe \xf2\xe5\xe1\xe5 \xee\xf2\xf7\xb8\xf2\n"), "При");
        assert_eq!(subject("Subject: größe\nContent-Type: text/plain; charset=koi8-r\n\nx\n".as_bytes()), "größe");
        assert_eq!(subject(b"Subject: signs \xa380m deal\n\nbody\n"), "signs £80m deal");
        // A word that claims to be in two bytes a character says nothing of the bytes around it.
        assert_eq!(subject(b"Subject: caf\xe9 d\xe9j\xe0\nX-A: =?utf-16?q?x?=\n\nbody\n"), "café déjà");
    }
}
