//! Bounds what a line can nest: two hundred thousand list marks in one line are no list. Used by `markdown` only.

use std::borrow::Cow;

/// Quotes and lists that one line may open.
const DEEPEST: usize = 60;

/// The source with every mark but the first [`DEEPEST`] at the beginning of a line escaped.
pub(super) fn bounded(source: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut copied, mut offset) = (0, 0);
    for line in source.split_inclusive('\n') {
        if line.len() > 2 * DEEPEST
            && let Some(rest) = after_marks(line)
        {
            out.push_str(&source[copied..offset + rest]);
            // An escaped mark is text, and so is all that follows it.
            out.push('\\');
            copied = offset + rest;
        }
        offset += line.len();
    }
    if copied == 0 {
        return Cow::Borrowed(source);
    }
    out.push_str(&source[copied..]);
    Cow::Owned(out)
}

/// Where the mark after the last one allowed stands.
fn after_marks(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    if let [first @ (b'-' | b'*'), ..] = line.trim().as_bytes()
        && line.bytes().all(|byte| byte == *first || byte.is_ascii_whitespace())
    {
        // A rule across the page.
        return None;
    }
    let (mut at, mut marks) = (0, 0);
    while at < bytes.len() {
        let digits = bytes[at..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        let length = match bytes[at] {
            b' ' | b'\t' => {
                at += 1;
                continue;
            }
            b'>' => 1,
            b'-' | b'*' | b'+' if matches!(bytes.get(at + 1), Some(b' ' | b'\t')) => 1,
            _ if digits > 0 && matches!(bytes.get(at + digits), Some(b'.' | b')')) => digits + 1,
            _ => return None,
        };
        if marks == DEEPEST {
            // Of `12.` the point is the mark.
            return Some(at + length - 1);
        }
        marks += 1;
        at += length;
    }
    None
}
