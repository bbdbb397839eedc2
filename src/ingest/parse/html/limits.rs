//! Bounds what the tree builder is asked for. Its work grows with the depth of the tree, with formatting that is left
//! open, and with the square of a tag's attributes; none of that is text. Linear. Used by `html` only.

use std::borrow::Cow;

/// Elements within elements.
const DEEPEST: usize = 400;
/// Bold in italic in …; what is left open is repeated in every block that follows.
const DEEPEST_FORMATTING: usize = 4;
/// Attributes of one element.
const MOST_ATTRIBUTES: usize = 200;
/// Times that `html` and `body` add to what they are.
const MOST_ROOTS: usize = 20;

const FORMATTING: [&str; 12] = ["b", "i", "u", "em", "strong", "font", "s", "small", "strike", "tt", "code", "big"];
/// Elements that never hold others, end by themselves, or close their own kind.
const SHALLOW: [&str; 30] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "p",
    "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "option", "optgroup", "a", "nobr",
    "head",
];
/// Elements whose content is not markup.
const RAW: [&str; 9] = ["script", "style", "textarea", "title", "iframe", "xmp", "noembed", "noframes", "plaintext"];

/// The source without the tags that no page needs.
pub(super) fn bounded(source: &str) -> Cow<'_, str> {
    let mut scan = Scan { source, at: 0, out: String::new(), copied: 0, ..Scan::default() };
    while let Some(step) = source[scan.at..].find('<') {
        scan.at += step;
        scan.markup();
    }
    if scan.copied == 0 {
        return Cow::Borrowed(source);
    }
    scan.out.push_str(&source[scan.copied..]);
    Cow::Owned(scan.out)
}

#[derive(Default)]
struct Scan<'a> {
    source: &'a str,
    at: usize,
    out: String,
    copied: usize,
    depth: usize,
    formatting: usize,
    /// Inside pictures and formulas every element may hold others.
    foreign: usize,
    roots: usize,
}

impl Scan<'_> {
    /// Reads what begins with `<`.
    fn markup(&mut self) {
        let start = self.at;
        let rest = &self.source[start..];
        if rest.starts_with("<!--") {
            self.at = rest.find("-->").map_or(self.source.len(), |length| start + length + 3);
            return;
        }
        let is_end = rest.starts_with("</");
        let name_start = start + 1 + usize::from(is_end);
        let name: &str = &self.source[name_start..];
        let name = &name[..name.bytes().take_while(u8::is_ascii_alphanumeric).count()];
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            self.at = name_start;
            return;
        }
        let name = name.to_ascii_lowercase();
        let cut = self.attributes(name_start + name.len());
        let keep = if is_end { self.close(&name) } else { self.open(&name) };
        if !keep {
            // Formatting parts no words, everything else does.
            self.replace(start, self.at, if FORMATTING.contains(&name.as_str()) { "" } else { " " });
        } else if let Some(cut) = cut {
            self.replace(cut, self.at, ">");
        }
        if !is_end && RAW.contains(&name.as_str()) && self.foreign == 0 {
            self.skip_raw(&name);
        }
    }

    /// Goes to the end of the tag; where its attributes are too many, tells where to cut.
    fn attributes(&mut self, from: usize) -> Option<usize> {
        let bytes = self.source.as_bytes();
        let (mut at, mut attributes, mut cut) = (from, 0, None);
        while at < bytes.len() && bytes[at] != b'>' {
            match bytes[at] {
                byte if byte.is_ascii_whitespace() || byte == b'/' => at += 1,
                _ => {
                    attributes += 1;
                    if attributes > MOST_ATTRIBUTES && cut.is_none() {
                        cut = Some(at);
                    }
                    at = attribute_end(bytes, at);
                }
            }
        }
        self.at = (at + 1).min(bytes.len());
        cut
    }

    fn open(&mut self, name: &str) -> bool {
        match name {
            "svg" | "math" => self.foreign += 1,
            "html" | "body" => {
                self.roots += 1;
                return self.roots <= MOST_ROOTS;
            }
            _ => {}
        }
        if SHALLOW.contains(&name) && self.foreign == 0 {
            return true;
        }
        self.depth += 1;
        if FORMATTING.contains(&name) {
            self.formatting += 1;
            return self.formatting <= DEEPEST_FORMATTING && self.depth <= DEEPEST;
        }
        self.depth <= DEEPEST
    }

    fn close(&mut self, name: &str) -> bool {
        match name {
            "svg" | "math" => self.foreign = self.foreign.saturating_sub(1),
            "html" | "body" => return true,
            _ => {}
        }
        if SHALLOW.contains(&name) && self.foreign == 0 {
            return true;
        }
        let mut keep = self.depth <= DEEPEST;
        self.depth = self.depth.saturating_sub(1);
        if FORMATTING.contains(&name) {
            keep &= self.formatting <= DEEPEST_FORMATTING;
            self.formatting = self.formatting.saturating_sub(1);
        }
        keep
    }

    fn replace(&mut self, start: usize, end: usize, text: &str) {
        self.out.push_str(&self.source[self.copied..start]);
        self.out.push_str(text);
        self.copied = end;
    }

    /// To the end tag of an element without markup.
    fn skip_raw(&mut self, name: &str) {
        let bytes = self.source.as_bytes();
        while let Some(step) = self.source[self.at..].find("</") {
            self.at += step + 2;
            let found = &bytes[self.at..(self.at + name.len()).min(bytes.len())];
            if found.eq_ignore_ascii_case(name.as_bytes()) {
                self.at -= 2;
                return;
            }
        }
        self.at = bytes.len();
    }
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
