//! Obsidian's inline marks in already parsed text: `[[wikilinks]]`, `#tags`, `%% comments %%`. Code is left alone.

use crate::domain::{Link, LinkKind};

/// Text without marks, and what the marks said.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) wikilinks: Vec<Link>,
    pub(super) tags: Vec<String>,
}

/// Takes a run of text apart. Inside backticks everything stays as it is.
pub(super) fn scan(text: &str) -> Found {
    let mut found = Found { text: String::with_capacity(text.len()), ..Found::default() };
    let mut rest = text;
    while let Some(at) = rest.find(['`', '[', '!', '#', '%']) {
        found.text.push_str(&rest[..at]);
        let here = &rest[at..];
        let used = match here.as_bytes()[0] {
            b'`' => code(here, &mut found),
            b'!' if here.starts_with("![[") => wikilink(&here[1..], &mut found).map(|used| used + 1),
            b'[' if here.starts_with("[[") => wikilink(here, &mut found),
            b'#' => tag(here, &mut found),
            b'%' if here.starts_with("%%") => here[2..].find("%%").map(|end| end + 4),
            _ => None,
        };
        let used = used.unwrap_or_else(|| {
            found.text.push_str(&here[..1]);
            1
        });
        rest = &here[used..];
    }
    found.text.push_str(rest);
    found
}

/// The text of a heading as shown: wikilinks by their label.
pub(super) fn shown(text: &str) -> String {
    scan(text).text
}

/// A code span, copied as it stands.
fn code(text: &str, found: &mut Found) -> Option<usize> {
    let ticks = text.bytes().take_while(|byte| *byte == b'`').count();
    let end = text[ticks..].find(&text[..ticks])? + 2 * ticks;
    found.text.push_str(&text[..end]);
    Some(end)
}

/// `[[Target#Heading|Label]]`: a link to Target, shown as Label.
fn wikilink(text: &str, found: &mut Found) -> Option<usize> {
    let end = text.find("]]")?;
    let inner = &text[2..end];
    if inner.is_empty() || inner.contains('\n') || inner.contains("[[") {
        return None;
    }
    let (target, label) = inner.split_once('|').unwrap_or((inner, inner));
    let page = target.trim_end_matches('\\').split('#').next().unwrap_or_default().trim();
    if !page.is_empty() {
        found.wikilinks.push(Link { kind: LinkKind::Wikilink, target: page.to_owned() });
    }
    found.text.push_str(label.trim());
    Some(end + 2)
}

/// `#tag` or `#tag/sub` at the start of a word; not a number, not a colour.
fn tag(text: &str, found: &mut Found) -> Option<usize> {
    let before = found.text.chars().next_back();
    if before.is_some_and(|character| !character.is_whitespace() && !"([{,;".contains(character)) {
        return None;
    }
    let is_part = |character: char| character.is_alphanumeric() || "_-/".contains(character);
    let end = text[1..].find(|character| !is_part(character)).map_or(text.len(), |end| end + 1);
    let name = text[1..end].trim_end_matches(['/', '-']);
    let is_colour = matches!(name.len(), 3 | 6 | 8)
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        && name.bytes().any(|b| b.is_ascii_digit());
    if name.is_empty() || is_colour || !name.chars().any(char::is_alphabetic) {
        return None;
    }
    found.tags.push(name.to_lowercase());
    found.text.push_str(&text[..=name.len()]);
    Some(1 + name.len())
}

/// `a%20b` as `a b`; anything that is not UTF-8 afterwards stays as it was.
pub(super) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        if bytes[at] == b'%'
            && let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())
        {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
