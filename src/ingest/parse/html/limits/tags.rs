//! Tags as a browser reads them, and where what is no markup ends. Pure; used by `limits` only.

use std::borrow::Cow;

/// Attributes of one element: comparing them with each other is what many of them cost.
const MOST_ATTRIBUTES: usize = 200;

/// One tag of the source.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    /// In lower case.
    pub(super) name: Cow<'a, str>,
    /// As it stands.
    written: &'a str,
    /// From the name to the closing bracket, both left out.
    attributes: &'a str,
    pub(super) is_end: bool,
    pub(super) is_self_closing: bool,
    /// The attribute `href` as it stands.
    pub(super) href: Option<&'a str>,
    /// Where the source goes on.
    pub(super) end: usize,
}

impl<'a> Tag<'a> {
    /// The tag at `start`, whose name is `name_at` bytes further; `None` when it does not end.
    pub(super) fn read(source: &'a str, start: usize, name_at: usize) -> Option<Self> {
        let bytes = source.as_bytes();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        let name_start = start + name_at;
        let name_end = name_start + bytes.get(name_start..)?.iter().position(ends)?;
        let written = &source[name_start..name_end];
        let (mut at, mut number, mut cut, mut href) = (name_end, 0, None, None);
        while *bytes.get(at)? != b'>' {
            if bytes[at].is_ascii_whitespace() || bytes[at] == b'/' {
                at += 1;
                continue;
            }
            let next = attribute_end(bytes, at);
            number += 1;
            if number > MOST_ATTRIBUTES {
                cut.get_or_insert(at);
            }
            if href.is_none() && is_href(&bytes[at..next]) {
                href = source.get(at..next);
            }
            at = next;
        }
        let name = if written.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(written.to_ascii_lowercase())
        } else {
            Cow::Borrowed(written)
        };
        Some(Self {
            name,
            written,
            attributes: &source[name_end..cut.unwrap_or(at)],
            is_end: name_at == 2,
            is_self_closing: bytes[at - 1] == b'/',
            href,
            end: at + 1,
        })
    }

    /// The name as it is written out again.
    pub(super) fn written(&self) -> &'a str {
        self.written
    }

    pub(super) fn write(&self, out: &mut String) {
        self.write_as(self.written, out);
    }

    pub(super) fn write_as(&self, name: &str, out: &mut String) {
        out.push('<');
        out.push_str(name);
        out.push_str(self.attributes);
        // A value without quotes would take the bracket's slash for its own.
        out.push('>');
    }

    pub(super) fn write_closed(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.written);
        out.push_str(self.attributes.trim_end_matches('/'));
        out.push_str(" />");
    }

    pub(super) fn write_end(&self, out: &mut String) {
        write_end(self.written, out);
    }
}

pub(super) fn write_end(name: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn is_href(attribute: &[u8]) -> bool {
    let name = attribute.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"href"));
    name && attribute.get(4).is_some_and(|byte| *byte == b'=' || byte.is_ascii_whitespace())
}

/// Where an attribute ends: its name, and its value with or without quotes.
fn attribute_end(bytes: &[u8], from: usize) -> usize {
    let until = |from: usize, stop: &dyn Fn(u8) -> bool| {
        bytes[from..].iter().position(|byte| stop(*byte)).map_or(bytes.len(), |length| from + length)
    };
    let ends = |byte: u8| byte.is_ascii_whitespace() || byte == b'>';
    // The first byte belongs to the name even when it is `=`.
    let at = until(from + 1, &|byte| ends(byte) || matches!(byte, b'=' | b'/'));
    let sign = until(at, &|byte| !byte.is_ascii_whitespace());
    if bytes.get(sign) != Some(&b'=') {
        return at;
    }
    let value = until(sign + 1, &|byte| !byte.is_ascii_whitespace());
    match bytes.get(value) {
        Some(quote @ (b'"' | b'\'')) => (until(value + 1, &|byte| byte == *quote) + 1).min(bytes.len()),
        Some(b'>') | None => value.min(bytes.len()),
        Some(_) => until(value, &ends),
    }
}

/// The length of the comment that `rest` begins with.
pub(super) fn comment_end(rest: &str) -> usize {
    for whole in ["<!-->", "<!--->"] {
        if rest.starts_with(whole) {
            return whole.len();
        }
    }
    let mut at = 4;
    while let Some(step) = rest[at..].find("--") {
        at += step;
        let behind = &rest[at + 2..];
        if behind.starts_with('>') {
            return at + 3;
        }
        if behind.starts_with("!>") {
            return at + 4;
        }
        at += 1;
    }
    rest.len()
}

/// How long the content of a raw element is: up to its end tag, or all of it.
pub(super) fn raw_end(rest: &str, name: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while let Some(step) = rest[at..].find("</") {
        at += step;
        let found = bytes.get(at + 2..at + 2 + name.len());
        let behind = bytes.get(at + 2 + name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
            && behind.is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
        {
            return at;
        }
        at += 2;
    }
    rest.len()
}

/// Appends text in which nothing is markup.
pub(super) fn escaped(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        out.push_str(if rest[at..].starts_with('<') { "&lt;" } else { "&amp;" });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}
