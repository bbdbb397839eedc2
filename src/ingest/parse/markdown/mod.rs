//! Markdown as people write it: CommonMark and GitHub's additions, frontmatter, Obsidian's links and tags.
//!
//! Text is taken verbatim from the source where that is what a reader wants (code, inline code, tables), so nothing
//! between backticks is ever lost. `frontmatter` reads the head, `inline` finds wikilinks and tags. Called by the pipeline.

mod frontmatter;
mod inline;

use std::collections::HashSet;
use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::domain::{Link, LinkKind};

use super::text::{cleaned, decode};
use super::{ParseError, Parsed, Section};

/// Parses Markdown.
///
/// # Errors
/// `Unsupported` when nothing readable is left.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let source = cleaned(&decode(bytes));
    let (head, body_start) = frontmatter::read(&source);
    let body = &source[body_start..];
    let first_line = 1 + source[..body_start].matches('\n').count() as u32;
    let mut reader = Reader::new(body, first_line);
    reader.run();
    let mut parsed = Parsed {
        title: head.title.or(reader.first_heading),
        dated_at: head.dated_at,
        tags: head.tags,
        aliases: head.aliases,
        people: head.people,
        concept_headings: reader.linked_headings,
        links: reader.links,
        sections: reader.sections,
        ..Parsed::default()
    };
    parsed.tags.extend(reader.tags);
    let mut seen = HashSet::new();
    parsed.tags.retain(|tag| seen.insert(tag.clone()));
    let mut seen = HashSet::new();
    parsed.links.retain(|link| seen.insert(link.clone()));
    if parsed.sections.is_empty() && parsed.title.is_none() {
        return Err(ParseError::NoText);
    }
    if parsed.sections.is_empty() {
        // A note that is all title is found by it.
        let text = parsed.title.clone().unwrap_or_default();
        parsed.sections.push(Section { text, line: Some(first_line), ..Section::default() });
    }
    Ok(parsed)
}

/// Walks the events and collects sections, links, tags.
struct Reader<'a> {
    source: &'a str,
    first_line: u32,
    /// Byte offset and line number last computed, so that lines are counted once.
    counted: (usize, u32),
    headings: Vec<(HeadingLevel, String)>,
    sections: Vec<Section>,
    text: String,
    start_line: u32,
    heading: Option<(HeadingLevel, String)>,
    heading_has_link: bool,
    in_code: bool,
    /// Depth of elements whose text is no prose of its own (images keep their description).
    list_depth: usize,
    first_heading: Option<String>,
    linked_headings: Vec<String>,
    links: Vec<Link>,
    tags: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, first_line: u32) -> Self {
        Self {
            source,
            first_line,
            counted: (0, first_line),
            headings: Vec::new(),
            sections: Vec::new(),
            text: String::new(),
            start_line: first_line,
            heading: None,
            heading_has_link: false,
            in_code: false,
            list_depth: 0,
            first_heading: None,
            linked_headings: Vec::new(),
            links: Vec::new(),
            tags: Vec::new(),
        }
    }

    fn run(&mut self) {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_HEADING_ATTRIBUTES;
        for (event, range) in Parser::new_ext(self.source, options).into_offset_iter() {
            self.event(event, &range);
        }
        self.flush();
    }

    fn line(&mut self, offset: usize) -> u32 {
        let (from, line) = self.counted;
        let line = if offset >= from {
            line + self.source[from..offset].matches('\n').count() as u32
        } else {
            self.first_line + self.source[..offset].matches('\n').count() as u32
        };
        self.counted = (offset, line);
        line
    }

    fn event(&mut self, event: Event<'_>, range: &Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(TagEnd::Emphasis | TagEnd::Strong) => self.keep_marks(range, false),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.push_text(&text, range),
            Event::Code(_) => self.push(&self.source[range.clone()]),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.push(&text),
            Event::Html(html) | Event::InlineHtml(html) => {
                let text = super::html::strip_tags(&html);
                self.push(&text);
            }
            Event::SoftBreak | Event::HardBreak => self.push("\n"),
            Event::Rule => self.block(),
            Event::TaskListMarker(done) => self.push(if done { "[x] " } else { "[ ] " }),
            Event::FootnoteReference(name) => self.push(&format!("[^{name}]")),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: &Range<usize>) {
        if self.text.is_empty() && self.heading.is_none() {
            self.start_line = self.line(range.start);
        }
        match tag {
            Tag::Heading { level, .. } => {
                self.flush();
                self.start_line = self.line(range.start);
                self.heading = Some((level, String::new()));
                self.heading_has_link = false;
            }
            Tag::Paragraph | Tag::BlockQuote(_) | Tag::Table(_) | Tag::FootnoteDefinition(_)
                if self.list_depth == 0 =>
            {
                self.block();
            }
            Tag::CodeBlock(_) => {
                self.block();
                self.in_code = true;
            }
            Tag::List(_) => {
                if self.list_depth == 0 {
                    self.block();
                }
                self.list_depth += 1;
            }
            Tag::Item => {
                self.new_line();
                let indent = "  ".repeat(self.list_depth.saturating_sub(1));
                self.text.push_str(&indent);
                self.text.push_str("- ");
            }
            Tag::TableRow | Tag::TableHead => self.new_line(),
            Tag::TableCell if !self.text.is_empty() && !self.text.ends_with('\n') => self.push(" | "),
            Tag::Emphasis | Tag::Strong => self.keep_marks(range, true),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.add_link(&dest_url),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => self.end_heading(),
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.block();
            }
            TagEnd::List(_) => self.list_depth = self.list_depth.saturating_sub(1),
            _ => {}
        }
    }

    fn end_heading(&mut self) {
        let Some((level, title)) = self.heading.take() else { return };
        let title = inline::shown(title.trim());
        if title.is_empty() {
            return;
        }
        if self.first_heading.is_none() && level == HeadingLevel::H1 {
            self.first_heading = Some(title.clone());
        }
        if self.heading_has_link {
            self.linked_headings.push(title.clone());
        }
        self.headings.retain(|(above, _)| *above < level);
        self.headings.push((level, title));
    }

    /// Text outside code: wikilinks and tags are noted, comments dropped.
    fn push_text(&mut self, text: &str, range: &Range<usize>) {
        if self.in_code {
            self.push(text);
            return;
        }
        // The parser splits at brackets; the source of the whole inline run is looked at once, in `flush`.
        let _ = range;
        self.push(text);
    }

    fn push(&mut self, text: &str) {
        match &mut self.heading {
            Some((_, heading)) => heading.push_str(text),
            None => self.text.push_str(text),
        }
    }

    /// Marks inside a word are more often signs than emphasis: `a*b and c*d` stays as it was written.
    fn keep_marks(&mut self, range: &Range<usize>, is_start: bool) {
        let inside = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let before = self.source[..range.start].chars().next_back();
        let after = self.source[range.end..].chars().next();
        if inside(before) && inside(after) {
            let span = &self.source[range.clone()];
            let marks = span.bytes().take_while(|byte| matches!(byte, b'*' | b'_')).count().min(2);
            let kept = if is_start { &span[..marks] } else { &span[span.len() - marks..] };
            self.push(kept);
        }
    }

    fn new_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// A blank line between blocks.
    fn block(&mut self) {
        if self.text.is_empty() {
            return;
        }
        while !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn add_link(&mut self, target: &str) {
        self.heading_has_link |= self.heading.is_some();
        let target = target.split('#').next().unwrap_or_default().trim();
        if target.is_empty() || target.starts_with("mailto:") || target.starts_with("data:") {
            return;
        }
        let kind = if target.contains("://") { LinkKind::Url } else { LinkKind::File };
        self.links.push(Link { kind, target: inline::percent_decoded(target) });
    }

    /// Ends a section: what was read since the last heading.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let found = inline::scan(&text);
        self.links.extend(found.wikilinks);
        self.tags.extend(found.tags);
        let text = found.text.trim_matches('\n').trim_end();
        if text.trim().is_empty() {
            return;
        }
        let headings = self.headings.iter().map(|(_, title)| title.clone()).collect();
        let line = Some(self.start_line);
        self.sections.push(Section { headings, line, text: text.to_owned(), ..Section::default() });
    }
}

#[cfg(test)]
mod tests;
