//! Writes a page anew so that nothing in it costs the tree builder more than it is long: every element is closed where it
//! ends, innermost first, so that none is open that was not counted. Used by `html` only.
//!
//! The tree builder's work grows with the depth of the tree, moves what formatting crosses, and searches its open elements
//! for every end tag that matches none. What is written here has a bounded depth, no formatting (it is no text), no end
//! tag without its element, and no content that is not markup but looks like it. Linear.

mod names;
mod open;
mod tags;

use std::borrow::Cow;

use names::{Kind, Raw, kind};
use open::Open;
use tags::{Tag, comment_end, escaped, raw_end};

/// Elements within elements.
const DEEPEST: usize = 256;
/// Paragraphs, items and cells within the deepest: they end each other.
const MOST_WITHIN: usize = 16;
/// Those beyond whose ends are known.
const MOST_BEYOND: usize = 10_000;
/// Elements of one page. Its text stays; what follows is read as if there were no tags in it.
const MOST_ELEMENTS: usize = 1_000_000;
/// Times that `html` and `body` add to what they are.
const MOST_ROOTS: usize = 20;

/// The page as the tree builder gets it, and whether elements were left out for their number.
pub(super) fn bounded(source: &str) -> (String, bool) {
    let mut scan = Scan {
        source,
        at: 0,
        out: String::with_capacity(source.len()),
        open: Open::default(),
        roots: 0,
        left: MOST_ELEMENTS,
        beyond: Vec::new(),
    };
    while let Some(step) = source[scan.at..].find('<') {
        scan.out.push_str(&source[scan.at..scan.at + step]);
        scan.at += step;
        scan.markup();
    }
    scan.out.push_str(&source[scan.at..]);
    (scan.out, scan.left == 0)
}

struct Scan<'a> {
    source: &'a str,
    at: usize,
    out: String,
    open: Open<'a>,
    roots: usize,
    /// Elements that may still come.
    left: usize,
    /// Names of those beyond [`DEEPEST`] that are not ended yet: their ends close nothing else.
    beyond: Vec<Cow<'a, str>>,
}

impl<'a> Scan<'a> {
    /// Reads what begins with `<`.
    fn markup(&mut self) {
        let rest = &self.source[self.at..];
        match rest.as_bytes().get(1) {
            Some(b'!') => self.declaration(rest),
            Some(b'?') => self.skip_to_bracket(rest),
            Some(b'/') if rest.as_bytes().get(2).is_some_and(u8::is_ascii_alphabetic) => self.tag(2),
            // `</ x>` is a comment to a browser.
            Some(b'/') if rest.len() > 2 => self.skip_to_bracket(rest),
            Some(letter) if letter.is_ascii_alphabetic() => self.tag(1),
            _ => {
                // No tag, and none must come of it when what follows is left out.
                self.out.push_str("&lt;");
                self.at += 1;
            }
        }
    }

    fn skip_to_bracket(&mut self, rest: &str) {
        self.at += rest.find('>').map_or(rest.len(), |end| end + 1);
    }

    fn declaration(&mut self, rest: &str) {
        if rest.starts_with("<!--") {
            self.at += comment_end(rest);
        } else if rest.starts_with("<![CDATA[") && self.open.is_foreign() {
            let text = &rest["<![CDATA[".len()..];
            let length = text.find("]]>").unwrap_or(text.len());
            escaped(&text[..length], &mut self.out);
            self.at += ("<![CDATA[".len() + length + 3).min(rest.len());
        } else {
            let start = self.at;
            self.skip_to_bracket(rest);
            let is_first = self.out.trim_start().is_empty();
            if is_first && rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("<!doctype")) {
                self.out.push_str(&self.source[start..self.at]);
            }
        }
    }

    fn tag(&mut self, name_at: usize) {
        let Some(tag) = Tag::read(self.source, self.at, name_at) else {
            // A tag that does not end before the page does is none.
            self.at = self.source.len();
            return;
        };
        self.at = tag.end;
        let kind = kind(&tag.name);
        if tag.is_end {
            return self.end(&tag, kind);
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 && !matches!(kind, Kind::Raw(_)) {
            // Raw elements are few words of markup, and their content is no text.
            self.out.push_str(if kind.is_formatting() { "" } else { " " });
        } else if let Kind::Raw(raw) = kind {
            self.raw(&tag, raw);
        } else if self.open.is_foreign() {
            self.start_foreign(&tag, kind);
        } else {
            self.start(&tag, kind);
        }
    }

    fn end(&mut self, tag: &Tag<'a>, kind: Kind) {
        if self.beyond.last() == Some(&tag.name) {
            self.beyond.pop();
            return self.out.push_str(if kind.is_formatting() { "" } else { " " });
        }
        // Titles of pictures hold markup.
        let kind = if self.open.is_foreign() && matches!(kind, Kind::Raw(_)) { Kind::Point } else { kind };
        match (kind, &*tag.name) {
            // It is a line break to a browser, and this a paragraph of nothing.
            (Kind::Void, "br") if !self.open.is_foreign() => self.out.push_str("<br>"),
            (Kind::Paragraph, _) if !self.open.is_foreign() && self.open.find(tag, kind).is_none() => {
                self.out.push_str("<p></p>");
            }
            (Kind::Root, "head") => self.out.push_str("</head>"),
            (Kind::Void | Kind::Raw(_) | Kind::Root | Kind::Frames, _) => {}
            _ => {
                if let Some(at) = self.open.find(tag, kind) {
                    self.open.close_to(at, &mut self.out);
                }
            }
        }
    }

    /// Elements whose content is not markup: no tag in it reaches the tree builder.
    fn raw(&mut self, tag: &Tag<'a>, raw: Raw) {
        if self.open.is_foreign() && raw == Raw::Text && &*tag.name == "title" {
            return self.start_foreign(tag, Kind::Point);
        }
        let rest = &self.source[self.at..];
        if raw == Raw::Rest {
            escaped(rest, &mut self.out);
            self.at = self.source.len();
            return;
        }
        let length = raw_end(rest, &tag.name);
        let content = &rest[..length];
        self.at += length;
        if let Some(end) = Tag::read(self.source, self.at, 2).filter(|_| length < rest.len()) {
            self.at = end.end;
        } else {
            self.at = self.source.len();
        }
        let is_kept = !self.open.is_foreign();
        match raw {
            Raw::Program | Raw::Rest => {}
            Raw::Text if is_kept && self.left > 0 => {
                tag.write(&mut self.out);
                self.out.push_str(&content.replace('<', "&lt;"));
                tag.write_end(&mut self.out);
            }
            Raw::Frame if is_kept && self.left > 0 => {
                tag.write(&mut self.out);
                tag.write_end(&mut self.out);
            }
            Raw::Verbatim | Raw::Text if is_kept => escaped(content, &mut self.out),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'a>, kind: Kind) {
        match kind {
            Kind::Root => {
                self.roots += 1;
                if self.roots <= MOST_ROOTS || &*tag.name == "head" {
                    tag.write(&mut self.out);
                }
                return;
            }
            Kind::Frames => return self.out.push(' '),
            Kind::Anchor => {
                // Where it leads stands before what it says: what it says may hold anything.
                if let Some(target) = &tag.href {
                    self.out.push_str("<a ");
                    self.out.push_str(target);
                    self.out.push_str("></a>");
                }
            }
            _ => {}
        }
        if !self.open.make_room(tag, kind, &mut self.out) {
            return self.out.push(' ');
        }
        if kind == Kind::Void {
            tag.write(&mut self.out);
        } else if self.open.len() >= DEEPEST + if kind.ends_itself() { MOST_WITHIN } else { 0 } {
            if self.beyond.len() < MOST_BEYOND {
                self.beyond.push(tag.name.clone());
            }
            // Formatting parts no words, everything else does.
            self.out.push_str(if kind.is_formatting() { "" } else { " " });
        } else {
            self.open.push(tag, kind, &mut self.out);
        }
    }

    /// Inside pictures and formulas every element may hold others, but only their own: what belongs to pages would end them.
    fn start_foreign(&mut self, tag: &Tag<'a>, kind: Kind) {
        let is_own = matches!(kind, Kind::Other | Kind::Foreign | Kind::Point | Kind::Anchor);
        if !is_own || self.open.is_at_point() || self.open.len() >= DEEPEST {
            self.out.push_str(if kind.is_formatting() { "" } else { " " });
        } else if tag.is_self_closing {
            tag.write_closed(&mut self.out);
        } else {
            self.open.push(tag, kind, &mut self.out);
        }
    }
}

#[cfg(test)]
mod tests;
