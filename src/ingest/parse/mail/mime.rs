//! The MIME structure of a message: a tree of parts with bounded depth and number, in time linear in the size.
//!
//! Written here rather than taken from the mail parser because hostile nesting must cost neither stack nor time, and
//! because boundaries count at line starts only. Called by `body`.

use std::borrow::Cow;

use super::charset;
use super::headers::Headers;
use super::parameters;
use super::transfer;
use super::words;

/// Multiparts inside multiparts deeper than this are read as text.
const DEPTH_LIMIT: usize = 24;

/// Most parts of one message; what follows is counted.
pub(super) const PART_LIMIT: usize = 2_000;

/// The media type of a part with the parameters that matter here.
#[derive(Clone, Debug, Default)]
pub(super) struct ContentType {
    /// `text`, `multipart`, … in lower case.
    pub main: String,
    /// `plain`, `mixed`, … in lower case.
    pub sub: String,
    parameters: Vec<(String, String)>,
}

impl ContentType {
    /// Reads the value of a `Content-Type` or `Content-Disposition` field.
    pub(super) fn parse(raw: &[u8]) -> Self {
        let parameters::Parsed { value, parameters } = parameters::parse(raw);
        let (main, sub) = value.split_once('/').unwrap_or((&value, ""));
        let token = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        Self { main: token(main), sub: token(sub), parameters }
    }

    /// The value of a parameter; names are lower-case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is `main/sub`.
    pub(super) fn is(&self, main: &str, sub: &str) -> bool {
        self.main == main && self.sub == sub
    }

    /// `main/sub`, or the default of RFC 2045 when the header is missing or unreadable.
    pub(super) fn name(&self) -> String {
        if self.main.is_empty() { "text/plain".to_owned() } else { format!("{}/{}", self.main, self.sub) }
    }
}

/// One part of a message, its children included.
#[derive(Debug)]
pub(super) struct Part<'raw> {
    /// Its header block.
    pub headers: Headers<'raw>,
    /// Its media type.
    pub content_type: ContentType,
    /// `inline` or `attachment`, lower-case, if stated.
    pub disposition: Option<String>,
    /// Its file name, decoded, without directories.
    pub filename: Option<String>,
    /// Its body as it stands in the message.
    pub raw_body: &'raw [u8],
    /// Parts of a multipart, in order.
    pub children: Vec<Part<'raw>>,
    /// Parts of it that are over the limit.
    pub left: usize,
}

impl<'raw> Part<'raw> {
    /// The tree of a whole message.
    pub(super) fn parse(message: &'raw [u8]) -> Self {
        let mut budget = PART_LIMIT;
        parse_part(message, false, 0, &mut budget)
    }

    /// The body without its transfer encoding.
    pub(super) fn bytes(&self) -> Cow<'raw, [u8]> {
        match self.headers.raw("Content-Transfer-Encoding") {
            Some(encoding) => transfer::decode(self.raw_body, &words::decode_text(encoding)),
            None => Cow::Borrowed(self.raw_body),
        }
    }

    /// The body of a calendar or card: as it stands, so that what its lines cut in two comes together again, unless a
    /// charset other than UTF-8 is stated.
    pub(super) fn text_bytes(&self) -> Cow<'raw, [u8]> {
        let stated = self.content_type.parameter("charset").filter(|label| charset::is_known(label));
        let is_utf8 =
            stated.is_none_or(|label| ["utf-8", "utf8", "us-ascii"].contains(&label.to_ascii_lowercase().as_str()));
        if is_utf8 { self.bytes() } else { Cow::Owned(self.text().into_bytes()) }
    }

    /// The body as text in whatever charset it turns out to be; line ends and control characters are left as they are.
    pub(super) fn text(&self) -> String {
        let bytes = self.bytes();
        let stated = self.content_type.parameter("charset").filter(|label| charset::is_known(label));
        let label = match stated {
            Some(label) => Some(label.to_owned()),
            None if self.content_type.is("text", "html") => charset_of_html(&bytes),
            None => None,
        };
        charset::decode(&bytes, label.as_deref()).into_owned()
    }
}

/// The charset an HTML page names in a `meta` tag.
fn charset_of_html(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..2048).unwrap_or(bytes).to_ascii_lowercase();
    let head = String::from_utf8_lossy(&head);
    let (_, after) = head.split_once("charset=")?;
    let label: String = after
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || "-_:.".contains(*character))
        .collect();
    (!label.is_empty()).then_some(label)
}

fn parse_part<'raw>(raw: &'raw [u8], in_digest: bool, depth: usize, budget: &mut usize) -> Part<'raw> {
    *budget = budget.saturating_sub(1);
    let (headers, raw_body) = Headers::split(raw);
    let mut content_type = headers.raw("Content-Type").map(ContentType::parse).unwrap_or_default();
    if content_type.sub.is_empty() {
        // `Content-Type: text plain`, `Content-Type: text`: RFC 2045 says to read it as plain text.
        content_type.main.clear();
    }
    if content_type.main.is_empty() && in_digest {
        content_type = ContentType { main: "message".to_owned(), sub: "rfc822".to_owned(), parameters: Vec::new() };
    }
    let disposition = headers.raw("Content-Disposition").map(ContentType::parse);
    let filename = disposition
        .as_ref()
        .and_then(|disposition| disposition.parameter("filename"))
        .or_else(|| content_type.parameter("name"))
        .and_then(clean_filename);
    let disposition = disposition.map(|disposition| disposition.main).filter(|kind| !kind.is_empty());
    let (mut children, mut left) = (Vec::new(), 0);
    if content_type.main == "multipart" && depth < DEPTH_LIMIT {
        let stated = content_type.parameter("boundary").map(|boundary| boundary.trim_end().as_bytes().to_vec());
        let mut slices = stated
            .filter(|boundary| !boundary.is_empty())
            .map_or_else(Vec::new, |boundary| split_parts(raw_body, &boundary));
        if slices.is_empty() {
            // The boundary is missing or wrong: a line of dashes right before a header tells the real one.
            slices = guess_boundary(raw_body).map_or_else(Vec::new, |boundary| split_parts(raw_body, boundary));
        }
        let is_digest = content_type.sub == "digest";
        for slice in slices {
            if *budget == 0 {
                left += 1;
                continue;
            }
            children.push(parse_part(slice, is_digest, depth + 1, budget));
        }
    }
    Part { headers, content_type, disposition, filename, raw_body, children, left }
}

/// A file name without directories and control characters, at most 200 characters.
pub(super) fn clean_filename(name: &str) -> Option<String> {
    let name = words::decode_text(name.as_bytes());
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = words::tidy(name).trim_matches(['"', ' ']).chars().take(200).collect();
    (!name.is_empty()).then_some(name)
}

/// The bytes between boundary lines. Text before the first and after the closing one belongs to nobody.
fn split_parts<'raw>(body: &'raw [u8], boundary: &[u8]) -> Vec<&'raw [u8]> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at < body.len() {
        let rest = body.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let line = rest.get(..length).unwrap_or_default();
        if let Some(tail) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)) {
            let tail = tail.trim_ascii();
            if tail.is_empty() || tail == b"--" {
                if let Some(start) = start {
                    parts.push(without_last_line_end(body.get(start..at).unwrap_or_default()));
                }
                start = tail.is_empty().then_some(at + length);
                if start.is_none() {
                    return parts;
                }
            }
        }
        at += length;
    }
    // The closing boundary is missing: the message was cut off.
    if let Some(start) = start {
        parts.push(body.get(start..).unwrap_or_default());
    }
    parts
}

/// The line end before a boundary belongs to the boundary.
fn without_last_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn guess_boundary(body: &[u8]) -> Option<&[u8]> {
    let mut lines = body.split(|byte| *byte == b'\n').take(200).peekable();
    while let Some(line) = lines.next() {
        let boundary = line.trim_ascii_end().strip_prefix(b"--");
        let next_is_header =
            lines.peek().is_some_and(|next| next.len() > 8 && next[..8].eq_ignore_ascii_case(b"content-"));
        if let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty() && next_is_header) {
            return Some(boundary);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_parts() {
        let raw = b"Content-Type: multipart/mixed; boundary=\"a b\"\n\npreamble\n--a b\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\nplain\n--a \nContent-Type: text/html\n\n<b>html</b>\n--a--\nepilogue\n--a b\nContent-Disposition: attachment;\n filename*=utf-8''na%C3%AFve.txt\n\nfile\n--a b--\n";
        let part = Part::parse(raw);
        assert_eq!(part.children.len(), 2);
        assert_eq!(part.children[0].children.len(), 2);
        assert_eq!(part.children[0].children[0].text(), "plain");
        assert_eq!(part.children[0].children[1].content_type.name(), "text/html");
        assert_eq!(part.children[1].filename.as_deref(), Some("naïve.txt"));
        assert_eq!(part.children[1].raw_body, b"file");
    }

    #[test]
    fn broken_boundaries() {
        let cut = Part::parse(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo");
        assert_eq!(cut.children.len(), 2);
        let wrong =
            Part::parse(b"Content-Type: multipart/mixed; boundary=x\n\n--y\nContent-Type: text/plain\n\none\n--y--\n");
        assert_eq!(wrong.children.len(), 1);
        let prose = Part::parse(b"Content-Type: multipart/mixed\n\njust prose -- really\n");
        assert!(prose.children.is_empty());
    }

    #[test]
    fn hostile_nesting_is_bounded() {
        let mut raw = Vec::new();
        for level in 0..10_000 {
            raw.extend_from_slice(
                format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n").as_bytes(),
            );
        }
        let mut depth = 0;
        let mut part = &Part::parse(&raw);
        while let Some(child) = part.children.first() {
            part = child;
            depth += 1;
        }
        assert_eq!(depth, DEPTH_LIMIT);
        let flat = [b"Content-Type: multipart/mixed; boundary=x\n\n".to_vec(), b"--x\n\n".repeat(50_000)].concat();
        let flat = Part::parse(&flat);
        assert!(flat.children.len() < PART_LIMIT);
        assert_eq!(flat.children.len() + flat.left, 50_000);
    }

    #[test]
    fn file_names() {
        assert_eq!(clean_filename("C:\\tmp\\a b.doc").as_deref(), Some("a b.doc"));
        assert_eq!(clean_filename("=?utf-8?q?=C3=A4.txt?=").as_deref(), Some("ä.txt"));
        assert_eq!(clean_filename("../../"), None);
    }
}
