//! HTML pages to text: headings as places, code verbatim, script and style left out. Called by the pipeline; `to_text` and
//! `strip_tags` by the mail and Markdown parsers.
//!
//! The tree is walked with a stack of our own: a page nested ten thousand deep is only long, not deadly.

use scraper::node::{Element, Node};
use scraper::{ElementRef, Html, Selector};

use crate::domain::{Link, LinkKind, PersonMention, PersonRole};

use super::text::{cleaned, decode};
use super::{ParseError, Parsed, Section, date};

/// Elements whose content nobody reads.
const SKIPPED: &[&str] =
    &["script", "style", "noscript", "template", "svg", "head", "iframe", "object", "select", "button"];
/// Page furniture; left out unless nothing else is there.
const FURNITURE: &[&str] = &["nav", "footer", "aside"];
/// Elements that stand on lines of their own.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "section",
    "article",
    "main",
    "header",
    "ul",
    "ol",
    "dl",
    "table",
    "blockquote",
    "pre",
    "figure",
    "form",
    "hr",
    "address",
    "fieldset",
    "details",
    "body",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "nav",
    "footer",
    "aside",
];
const LINES: &[&str] = &["li", "tr", "dt", "dd", "br", "caption", "summary", "figcaption", "option"];

/// Parses a page.
///
/// # Errors
/// `Unsupported` when nothing readable is left.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let source = cleaned(&decode_page(bytes));
    let page = Html::parse_document(&source);
    let mut sections = read(&page, true);
    if sections.iter().map(|section| section.text.len()).sum::<usize>() == 0 {
        sections = read(&page, false);
    }
    let title = first_text(&page, "title").or_else(|| first_text(&page, "h1"));
    if sections.is_empty() {
        return Err(ParseError::NoText);
    }
    let meta = |names: &[&str]| names.iter().find_map(|name| meta(&page, name));
    let tags = meta(&["keywords"]).unwrap_or_default();
    let tags = tags.split(',').map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty() && tag.len() < 60);
    let mut tags: Vec<String> = tags.collect();
    tags.dedup();
    let author = meta(&["author", "article:author", "dc.creator"]).map(|name| PersonMention {
        email: None,
        name: Some(name),
        role: PersonRole::Author,
    });
    Ok(Parsed {
        title,
        dated_at: meta(&["article:published_time", "date", "dc.date", "last-modified"])
            .and_then(|text| date::parse(&text)),
        tags,
        links: links(&page),
        people: author.into_iter().filter(|author| author.person_id().is_some()).collect(),
        sections,
        ..Parsed::default()
    })
}

/// Readable text of a fragment or page, for mail bodies.
#[must_use]
pub fn to_text(source: &str) -> String {
    let page = Html::parse_document(&cleaned(source));
    let parts: Vec<String> = read(&page, false)
        .into_iter()
        .map(|section| match section.headings.last() {
            Some(heading) => format!("{heading}\n\n{}", section.text),
            None => section.text,
        })
        .collect();
    parts.join("\n\n")
}

/// Text of an HTML snippet inside Markdown: without tags, entities as they are read.
#[must_use]
pub fn strip_tags(snippet: &str) -> String {
    if !snippet.contains(['<', '&']) {
        return snippet.to_owned();
    }
    if snippet.trim_start().starts_with("<!--") {
        return String::new();
    }
    let fragment = Html::parse_fragment(snippet);
    fragment.root_element().text().collect()
}

/// The page's bytes as text: a declared character set counts when the bytes are not UTF-8.
fn decode_page(bytes: &[u8]) -> String {
    if std::str::from_utf8(bytes).is_err() && encoding_rs::Encoding::for_bom(bytes).is_none() {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2048)]).to_lowercase();
        let name = head.split_once("charset=").map(|(_, rest)| rest.trim_start_matches(['"', '\'']));
        let name = name.map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).next().unwrap_or_default()
        });
        if let Some(encoding) = name.and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes())) {
            return encoding.decode_without_bom_handling(bytes).0.into_owned();
        }
    }
    decode(bytes).into_owned()
}

fn first_text(page: &Html, selector: &str) -> Option<String> {
    let selector = Selector::parse(selector).ok()?;
    let text: String = page.select(&selector).next()?.text().collect();
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!folded.is_empty()).then_some(folded)
}

fn meta(page: &Html, name: &str) -> Option<String> {
    let selector = Selector::parse("meta").ok()?;
    page.select(&selector).find_map(|element| {
        let element = element.value();
        let named = ["name", "property", "http-equiv"]
            .iter()
            .any(|attribute| element.attr(attribute).is_some_and(|value| value.eq_ignore_ascii_case(name)));
        named.then(|| element.attr("content").unwrap_or_default().trim().to_owned()).filter(|value| !value.is_empty())
    })
}

fn links(page: &Html) -> Vec<Link> {
    let Ok(selector) = Selector::parse("a[href]") else { return Vec::new() };
    let mut found: Vec<Link> = Vec::new();
    for target in page.select(&selector).filter_map(|element| element.value().attr("href")) {
        let target = target.split('#').next().unwrap_or_default().trim();
        if target.is_empty()
            || ["mailto:", "javascript:", "data:", "tel:"].iter().any(|scheme| target.starts_with(scheme))
        {
            continue;
        }
        let kind = if target.contains("://") || target.starts_with("//") { LinkKind::Url } else { LinkKind::File };
        let link = Link { kind, target: target.to_owned() };
        if !found.contains(&link) && found.len() < 2_000 {
            found.push(link);
        }
    }
    found
}

/// One step of the walk: enter a node, or leave an element.
enum Step<'a> {
    Enter(ego_tree_node::NodeRef<'a>),
    Leave(&'a Element),
}

/// The tree's node type under a name of our own; scraper exposes it only through its methods.
mod ego_tree_node {
    pub(super) type NodeRef<'a> = <scraper::ElementRef<'a> as std::ops::Deref>::Target;
}

struct Walk {
    sections: Vec<Section>,
    headings: Vec<(u8, String)>,
    text: String,
    heading: Option<(u8, String)>,
    preformatted: usize,
}

fn read(page: &Html, without_furniture: bool) -> Vec<Section> {
    let mut walk =
        Walk { sections: Vec::new(), headings: Vec::new(), text: String::new(), heading: None, preformatted: 0 };
    let root: ElementRef<'_> = page.root_element();
    let mut stack = vec![Step::Enter(*root)];
    while let Some(step) = stack.pop() {
        match step {
            Step::Leave(element) => walk.leave(element),
            Step::Enter(node) => match node.value() {
                Node::Text(text) => walk.push_text(text),
                Node::Element(element) => {
                    let name = element.name();
                    let hidden = element.attr("hidden").is_some() || element.attr("aria-hidden") == Some("true");
                    if SKIPPED.contains(&name) || (without_furniture && (hidden || FURNITURE.contains(&name))) {
                        continue;
                    }
                    walk.enter(element);
                    stack.push(Step::Leave(element));
                    stack.extend(node.children().rev().map(Step::Enter));
                }
                Node::Document | Node::Fragment => stack.extend(node.children().rev().map(Step::Enter)),
                _ => {}
            },
        }
    }
    walk.flush();
    walk.sections
}

fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

impl Walk {
    fn enter(&mut self, element: &Element) {
        let name = element.name();
        if let Some(level) = heading_level(name) {
            self.flush();
            self.heading = Some((level, String::new()));
        } else if BLOCKS.contains(&name) {
            self.block();
        } else if LINES.contains(&name) {
            self.new_line();
            if name == "li" {
                self.push("- ");
            }
        } else if matches!(name, "td" | "th") && !self.text.is_empty() && !self.text.ends_with(['\n', ' ']) {
            self.push(" | ");
        } else if name == "img"
            && let Some(description) = element.attr("alt").filter(|text| !text.trim().is_empty())
        {
            self.push_text(description);
        }
        self.preformatted += usize::from(matches!(name, "pre" | "textarea"));
    }

    fn leave(&mut self, element: &Element) {
        let name = element.name();
        if heading_level(name).is_some() {
            if let Some((level, title)) = self.heading.take() {
                let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
                if !title.is_empty() {
                    self.headings.retain(|(above, _)| *above < level);
                    self.headings.push((level, title));
                }
            }
        } else if BLOCKS.contains(&name) {
            self.block();
        }
        self.preformatted -= usize::from(matches!(name, "pre" | "textarea"));
    }

    fn push_text(&mut self, text: &str) {
        if self.preformatted > 0 {
            self.push(text);
            return;
        }
        let mut folded = String::with_capacity(text.len());
        for character in text.chars() {
            if character.is_whitespace() {
                let at_blank = if folded.is_empty() { self.ends_blank() } else { folded.ends_with(' ') };
                if !at_blank {
                    folded.push(' ');
                }
            } else {
                folded.push(character);
            }
        }
        self.push(&folded);
    }

    fn ends_blank(&self) -> bool {
        let text = self.heading.as_ref().map_or(&self.text, |(_, heading)| heading);
        text.is_empty() || text.ends_with([' ', '\n'])
    }

    fn push(&mut self, text: &str) {
        match &mut self.heading {
            Some((_, heading)) => heading.push_str(text),
            None => self.text.push_str(text),
        }
    }

    fn new_line(&mut self) {
        if self.heading.is_some() {
            self.push(" ");
        } else if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.trim_line();
            self.text.push('\n');
        }
    }

    fn block(&mut self) {
        if self.heading.is_some() {
            self.push(" ");
            return;
        }
        self.trim_line();
        while !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn trim_line(&mut self) {
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_matches('\n').trim_end();
        if !text.trim().is_empty() {
            let headings = self.headings.iter().map(|(_, title)| title.clone()).collect();
            self.sections.push(Section { headings, text: text.to_owned(), ..Section::default() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        to_text(source)
    }

    #[test]
    fn blocks_lists_and_tables_stay_readable() {
        assert_eq!(text("<p>One\n two</p><p>three<br>four</p>"), "One two\n\nthree\nfour");
        assert_eq!(text("<ul><li>a</li><li>b</li></ul>"), "- a\n- b");
        assert_eq!(text("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"), "a | b\nc | d");
        assert_eq!(text("<pre>x\n  y</pre>"), "x\n  y");
    }

    #[test]
    fn script_style_and_comments_go_entities_are_read() {
        assert_eq!(text("<style>p{}</style><script>x()</script><!-- no -->a &amp; b &eacute;"), "a & b é");
    }

    #[test]
    fn the_head_tells_title_author_and_date() {
        let page = b"<html><head><title>My  page</title><meta name=author content='Ann'><meta name=date content=2024-09-12>\
            <meta name=keywords content='a, B'></head><body><nav>menu</nav><h1>T</h1><p>x</p><h2>U</h2><p>y</p></body></html>";
        let found = parse(page).unwrap();
        assert_eq!(found.title.as_deref(), Some("My page"));
        assert_eq!(found.people[0].name.as_deref(), Some("Ann"));
        assert_eq!(found.tags, ["a", "b"]);
        assert!(found.dated_at.is_some());
        assert_eq!(found.sections.len(), 2);
        assert_eq!(found.sections[1].headings, ["T", "U"]);
        assert!(found.sections.iter().all(|section| !section.text.contains("menu")));
    }

    #[test]
    fn a_declared_character_set_is_believed() {
        assert_eq!(parse(b"<meta charset=iso-8859-1><p>gr\xf6\xdfe").unwrap().sections[0].text, "größe");
    }

    #[test]
    fn depth_does_not_matter() {
        let page = format!("{}deep{}", "<div>".repeat(20_000), "</div>".repeat(20_000));
        assert!(text(&page).contains("deep"));
    }
}
