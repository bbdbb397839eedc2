//! Wikilinks, tags, comments and pasted data in a block.

use crate::domain::shape::{Shape, ShapeKind};
use crate::domain::{Link, LinkKind};

use super::Block;

/// Longest wikilink, its label included.
const LONGEST_LINK: usize = 1_000;
/// Longest tag.
const LONGEST_TAG: usize = 200;

impl Block<'_> {
    /// `[[Target#Heading|Label]]`: a link to Target, shown as Label; `![[image.png|300]]` has a size for a label.
    pub(super) fn wikilink(&mut self, at: usize, start: usize) -> Option<usize> {
        let end = link_end(&self.prose.text, at)?;
        let inner = &self.prose.text[at + 2..end];
        // A test of a shell is no link: [[ -n "$a" ]].
        let is_test = inner.starts_with(' ') && inner.trim_start().starts_with(['-', '"', '$', '!', '\'']);
        if inner.trim().is_empty() || is_test || self.has_verbatim(&(at..end)) {
            return None;
        }
        let (target, label) = inner.split_once('|').unwrap_or((inner, ""));
        let target = target.trim_end_matches('\\').trim();
        let label = label.split('|').map(str::trim).find(|part| !part.is_empty() && (start == at || !is_size(part)));
        let page = target.split('#').next().unwrap_or_default().trim();
        let shown = label.unwrap_or(target);
        let hidden = label.map(|_| target.to_owned());
        let used = self.replace(start..end + 2, shown)?;
        if !page.is_empty() {
            let place = self.out.len() - shown.len()..self.out.len();
            self.marks.shapes.push(Shape::new(place, ShapeKind::Wikilink(page.to_owned())));
            self.marks.links.push(Link { kind: LinkKind::Wikilink, target: page.to_owned() });
            self.marks.targets.extend(hidden);
        }
        Some(used)
    }

    /// `#[[two words]]`: a tag that is a link.
    pub(super) fn link_as_tag(&mut self, at: usize) -> Option<usize> {
        let end = link_end(&self.prose.text, at + 1)?;
        let name = self.prose.text[at + 3..end].trim();
        let (starts_word, name) = (self.starts_word(at), name.to_lowercase());
        let used = self.wikilink(at + 1, at + 1)?;
        if starts_word {
            self.marks.tags.push(name);
        }
        Some(used)
    }

    /// `#tag` or `#tag/sub` at the start of a word; not a number, not a colour.
    pub(super) fn tag(&mut self, at: usize) -> Option<usize> {
        if !self.starts_word(at) {
            return None;
        }
        let rest = &self.prose.text[at + 1..];
        let end =
            rest.char_indices().find(|(_, character)| !is_tag_part(*character)).map_or(rest.len(), |(end, _)| end);
        let name = rest[..end].trim_end_matches(['/', '-']);
        if name.len() > LONGEST_TAG || !is_tag(name) {
            return Some(at + 1 + end);
        }
        self.marks.tags.push(name.to_lowercase());
        Some(at + 1 + end)
    }

    fn starts_word(&self, at: usize) -> bool {
        let before = self.prose.text[..at].chars().next_back();
        before.is_none_or(|character| character.is_whitespace() || "([{,;（「、。，".contains(character))
    }

    /// `%% comment %%`. Marks inside words are signs: `100%% sure, 50%% less`.
    pub(super) fn comment(&mut self, at: usize) -> Option<usize> {
        let bytes = self.prose.text.as_bytes();
        let signs = bytes[at..].iter().take_while(|byte| **byte == b'%').count();
        if signs > 2 {
            return Some(at + signs);
        }
        let before = self.prose.text[..at].chars().next_back();
        if !self.comments_end || before.is_some_and(char::is_alphanumeric) {
            return Some(at + 2);
        }
        let mut from = at + 2;
        while let Some(found) = self.prose.text[from..].find("%%") {
            let end = from + found + 2;
            let after = self.prose.text[end..].chars().next();
            if !after.is_some_and(char::is_alphanumeric) && !self.has_verbatim(&(end - 2..end)) {
                return self.leave_out(at..end);
            }
            from = end;
        }
        self.comments_end = false;
        Some(at + 2)
    }

    /// `data:image/png;base64,…`: a picture, not text.
    pub(super) fn data_url(&mut self, at: usize) -> Option<usize> {
        let rest = self.prose.text[at..].strip_prefix(";base64,")?;
        let before = &self.prose.text.as_bytes()[at.saturating_sub(100)..at];
        let scheme = before.windows(5).rposition(|five| five.eq_ignore_ascii_case(b"data:"))?;
        let start = at - before.len() + scheme;
        let bytes = rest.as_bytes();
        let mut length = 0;
        while length < bytes.len() {
            // No further than the data: the line may be as long as the file.
            let line = &bytes[length..];
            let is_data = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=%".contains(byte);
            let data = line.iter().take_while(is_data).count();
            let blanks = line[data..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let is_whole = line.get(data + blanks).is_none_or(|byte| *byte == b'\n');
            // Data that is wrapped goes on below with lines of nothing else.
            if length > 0 && (!is_whole || data < 40) {
                break;
            }
            length += data;
            if !is_whole {
                break;
            }
            length = (length + blanks + 1).min(bytes.len());
        }
        self.leave_out(start..at + ";base64,".len() + length)
    }
}

/// Where the `]]` of the link that opens at `at` stands, when it closes soon, on its line, before another opens.
fn link_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let last = (at + LONGEST_LINK).min(bytes.len());
    let mut index = at + 2;
    while index + 1 < last {
        match &bytes[index..index + 2] {
            b"]]" => return Some(index),
            b"[[" | [b'\n', _] => return None,
            _ => index += 1,
        }
    }
    None
}

/// `300` or `300x200`: how large an image is shown.
pub(super) fn is_size(text: &str) -> bool {
    let text = text.trim();
    let (width, height) = text.split_once('x').unwrap_or((text, "0"));
    [width, height].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Letters, digits, `_`, `-`, `/`, and signs that stand for a word: 🌱, 🔥.
fn is_tag_part(character: char) -> bool {
    character.is_alphanumeric() || "_-/".contains(character) || is_picture(character) || is_joined(character)
}

fn is_picture(character: char) -> bool {
    matches!(character, '\u{2190}'..='\u{2BFF}' | '\u{3030}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Accents, signs of Indian scripts, and what joins pictures.
fn is_joined(character: char) -> bool {
    matches!(character,
        '\u{0300}'..='\u{036F}' | '\u{0900}'..='\u{0963}' | '\u{0966}'..='\u{0DFF}' | '\u{200D}' | '\u{FE0F}' | '\u{20E3}'
            | '\u{E0020}'..='\u{E007F}')
}

fn is_tag(name: &str) -> bool {
    let is_colour = matches!(name.len(), 3 | 6 | 8)
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        && name.bytes().any(|byte| byte.is_ascii_digit());
    !is_colour && name.chars().any(|character| character.is_alphabetic() || is_picture(character))
}

/// `a%20b` as `a b`; anything that is not UTF-8 afterwards stays as it was.
pub(in crate::ingest::parse::markdown) fn percent_decoded(text: &str) -> String {
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
