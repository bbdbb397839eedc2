//! Where the links of a mail's HTML lead. Called by `body`, for the alternative that nobody reads as well.
//!
//! A look at the bytes for `<a href=…>` and `<area href=…>`, without charset and tree: what it reads of is ASCII. Linear.

use super::html_body::decoded;
use crate::ingest::parse::html::written_target;

/// Most targets of one mail, and bytes of a tag that are looked at.
const MOST: usize = 1_000;
const LONGEST_TAG: usize = 8 << 10;

/// The targets, each once, in order.
pub(super) fn of(html: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut at = 0;
    while let Some(step) = html.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'<')) {
        at += step + 1;
        let Some(rest) = html.get(at..).filter(|rest| is_link(rest)) else { continue };
        let tag = &rest[..rest.len().min(LONGEST_TAG)];
        let end = tag.iter().position(|byte| *byte == b'>').unwrap_or(tag.len());
        // What was looked at is not looked at again, whatever opens in it.
        at += end;
        let target = target(tag, end).and_then(|target| written_target(&target));
        if let Some(target) = target
            && seen.insert(target.clone())
        {
            found.push(target);
        }
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// Whether the tag whose bracket was just passed is one of a link.
fn is_link(rest: &[u8]) -> bool {
    let name = rest.iter().take(5).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let name_is = |name: &[u8]| name.eq_ignore_ascii_case(b"a") || name.eq_ignore_ascii_case(b"area");
    name_is(&rest[..name]) && rest.get(name).is_some_and(u8::is_ascii_whitespace)
}

/// The value of the `href` of a tag that ends there.
fn target(tag: &[u8], end: usize) -> Option<String> {
    let is_attribute = |at: usize| {
        tag[at - 1].is_ascii_whitespace() && tag[at..].get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"href"))
    };
    let name = (1..end).find(|at| is_attribute(*at))?;
    let value = tag[name + 4..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = match value.first()? {
        quote @ (b'"' | b'\'') => value[1..].split(|byte| byte == quote).next()?,
        _ => value.split(|byte| byte.is_ascii_whitespace() || *byte == b'>').next()?,
    };
    // A long one is broken over lines.
    let value: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | b'\t')).collect();
    Some(decoded(&String::from_utf8_lossy(&value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_however_they_are_written() {
        let html = br##"<p><a href="https://example.org/a?x=1&amp;y=2#top">here</a> <A class=x HREF='mailto:ann@example.org'>Ann</A>
            <a name=top> <a href=/local/page.html>p</a><area shape=rect href="https://example.org/map"> <abbr href="no">
            <a data-href="no" href="https://example.org/
	long/way"> <a href="javascript:x()"> <a href="#top"> <link href="style.css"> <a href="https://example.org/map">"##;
        let expected = [
            "https://example.org/a?x=1&y=2#top",
            "ann@example.org",
            "/local/page.html",
            "https://example.org/map",
            "https://example.org/long/way",
        ];
        assert_eq!(of(html), expected);
        for broken in [&b"<a href"[..], b"<a href=", b"<a href=\"", b"<a", b"<", b"<a >"] {
            assert!(of(broken).len() <= 1, "{broken:?}");
        }
    }

    #[test]
    fn many_links_are_bounded() {
        let html: String = (0..5_000).map(|number| format!("<a href=x{number}>")).collect();
        assert_eq!(of(html.as_bytes()).len(), MOST);
    }
}
