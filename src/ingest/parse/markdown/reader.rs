//! Walks the blocks of a document and collects its sections. Used by `markdown` only.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::domain::shape::{self, Shape, ShapeKind};
use crate::domain::{Link, LinkKind};
use crate::ingest::parse::Section;
use crate::ingest::parse::html;
use crate::ingest::parse::outline::Outline;

use super::comments::Comments;
use super::inline::{self, Marks, Prose};
use super::raw_html::{self, Inline};

/// A longer target is not kept beside its text.
const LONGEST_TARGET: usize = 2_000;
/// Lists within lists that are still indented further.
const DEEPEST_INDENT: usize = 12;

/// Walks the events and collects sections, links, tags.
pub(super) struct Reader<'a> {
    source: &'a str,
    options: Options,
    /// Byte offset and line number last computed, so that lines are counted once.
    counted: (usize, u32),
    comments: Comments,
    outline: Outline,
    pub(super) sections: Vec<Section>,
    /// The section so far.
    text: String,
    start_line: u32,
    /// The block of text that is being read, and what it becomes when it is a heading.
    prose: Prose,
    heading: Option<(HeadingLevel, String)>,
    heading_has_link: bool,
    html: Option<String>,
    /// Where the descriptions of open images begin.
    images: Vec<usize>,
    /// Where the code begins that is being read.
    in_code: Option<usize>,
    /// Where open quotations begin.
    quotes: Vec<usize>,
    /// The number of the next item of every open list that counts.
    lists: Vec<Option<u64>>,
    pub(super) first_heading: Option<String>,
    pub(super) linked_headings: Vec<String>,
    pub(super) marks: Marks,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str, first_line: u32) -> Self {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_MATH;
        Self {
            source,
            options,
            counted: (0, first_line),
            comments: Comments::new(source, options),
            outline: Outline::default(),
            sections: Vec::new(),
            text: String::new(),
            start_line: first_line,
            prose: Prose::default(),
            heading: None,
            heading_has_link: false,
            html: None,
            images: Vec::new(),
            in_code: None,
            quotes: Vec::new(),
            lists: Vec::new(),
            first_heading: None,
            linked_headings: Vec::new(),
            marks: Marks::default(),
        }
    }

    pub(super) fn run(mut self) -> Self {
        let parser = Parser::new_ext(self.source, self.options);
        // Some are used by nothing that is read, and lead somewhere all the same.
        let defined = parser.reference_definitions().iter().filter_map(|(_, link)| html::written_target(&link.dest));
        let mut defined: Vec<String> = defined.collect();
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Start(tag) => self.start(tag, &range),
                Event::End(TagEnd::Emphasis | TagEnd::Strong) => {
                    self.prose.close();
                    self.keep_marks(&range, false);
                }
                Event::End(tag) => self.end(tag, &range),
                Event::Rule => self.separate(),
                content => self.content(&content, &range),
            }
        }
        self.flush();
        // They stand in no order.
        defined.sort();
        self.marks.targets.append(&mut defined);
        self
    }

    fn line(&mut self, offset: usize) -> u32 {
        let (from, line) = self.counted;
        if offset > from {
            self.counted = (offset, line + self.source[from..offset].matches('\n').count() as u32);
        }
        self.counted.1
    }

    fn content(&mut self, event: &Event<'_>, range: &Range<usize>) {
        let hidden = self.comments.hidden(range);
        if hidden > 0 {
            // A comment that ends within a line: what follows it is text.
            if let Event::Text(text) = event
                && text.len() == range.len()
                && let Some(rest) = text.get(hidden..)
            {
                self.prose.push(rest);
            }
            return;
        }
        match event {
            Event::Text(text) if self.in_code.is_some() => self.text.push_str(text),
            Event::Text(text) if self.is_escaped(range.start, text) => self.prose.push_escaped(text),
            Event::Text(text) => self.prose.push(text),
            Event::Code(_) => self.prose.push_code(&self.source[range.clone()]),
            Event::DisplayMath(_) => self.prose.push_verbatim(&self.source[range.clone()]),
            // What stands between two prices is a formula to the parser: its links count all the same.
            Event::InlineMath(_) => self.prose.push(&self.source[range.clone()]),
            Event::Html(html) => match &mut self.html {
                Some(block) => block.push_str(html),
                None => self.prose.push(html),
            },
            Event::InlineHtml(tag) => self.inline_html(tag),
            Event::SoftBreak | Event::HardBreak => self.prose.push("\n"),
            Event::TaskListMarker(done) => self.text.push_str(if *done { "[x] " } else { "[ ] " }),
            Event::FootnoteReference(name) => self.prose.push_verbatim(&format!("[^{name}]")),
            Event::Start(_) | Event::End(_) | Event::Rule => {}
        }
    }

    /// Whether a backslash says that the first character is no mark.
    fn is_escaped(&self, start: usize, text: &str) -> bool {
        start > 0 && self.source.as_bytes()[start - 1] == b'\\' && text.starts_with(['#', '[', '%', '!', '{', '('])
    }

    fn inline_html(&mut self, tag: &str) {
        match raw_html::inline(tag) {
            Inline::Nothing => {}
            Inline::Break => self.prose.push("\n"),
            Inline::Verbatim => self.prose.push_verbatim(tag),
            Inline::Text(read) => {
                self.prose.push(&read.text);
                self.marks.links.extend(read.links);
                self.marks.targets.extend(read.targets);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: &Range<usize>) {
        match tag {
            Tag::Emphasis | Tag::Strong => {
                self.keep_marks(range, true);
                let is_strong = matches!(tag, Tag::Strong);
                return self.prose.open(if is_strong { ShapeKind::Strong } else { ShapeKind::Emphasis });
            }
            Tag::Link { dest_url, .. } => {
                self.add_link(&dest_url, range);
                return self.prose.open(ShapeKind::Link(short(&dest_url)));
            }
            Tag::Image { dest_url, .. } => {
                self.images.push(self.prose.len());
                self.add_link(&dest_url, range);
                return self.prose.open(ShapeKind::Link(short(&dest_url)));
            }
            Tag::Strikethrough => return self.prose.open(ShapeKind::Struck),
            Tag::Superscript | Tag::Subscript => return,
            _ => self.settle(),
        }
        if self.text.is_empty() && self.heading.is_none() {
            self.start_line = self.line(range.start);
        }
        match tag {
            Tag::Heading { level, .. } if self.comments.hidden(range) == 0 => {
                self.flush();
                self.start_line = self.line(range.start);
                self.heading = Some((level, String::new()));
                self.heading_has_link = false;
            }
            Tag::BlockQuote(_) => {
                self.separate();
                self.quotes.push(self.text.len());
            }
            Tag::Paragraph | Tag::Table(_) | Tag::FootnoteDefinition(_) => self.separate(),
            Tag::CodeBlock(_) => {
                self.separate();
                self.in_code = Some(self.text.len());
            }
            Tag::HtmlBlock => {
                self.separate();
                self.html = Some(String::new());
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.separate();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.new_line();
                for _ in 1..self.lists.len().min(DEEPEST_INDENT) {
                    self.text.push_str("  ");
                }
                if let Some(Some(number)) = self.lists.last_mut() {
                    let mark = self.text.len()..self.text.len() + 1;
                    self.marks.shapes.push(Shape::new(mark, ShapeKind::Item(*number)));
                    *number = number.saturating_add(1);
                }
                self.text.push_str("- ");
            }
            Tag::TableRow | Tag::TableHead => self.new_line(),
            Tag::TableCell if !self.text.is_empty() && !self.text.ends_with('\n') => self.text.push_str(" | "),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Image => {
                let start = self.images.pop().unwrap_or_default();
                self.prose.drop_image_size(start);
                self.prose.close();
            }
            TagEnd::Link | TagEnd::Strikethrough => self.prose.close(),
            TagEnd::Superscript | TagEnd::Subscript => {}
            TagEnd::Heading(_) => self.end_heading(),
            TagEnd::CodeBlock => {
                if let Some(start) = self.in_code.take() {
                    self.shape(start, ShapeKind::Code);
                }
                self.separate();
            }
            TagEnd::BlockQuote(_) => {
                self.settle();
                if let Some(start) = self.quotes.pop() {
                    self.shape(start, ShapeKind::Quote);
                }
            }
            TagEnd::HtmlBlock => self.end_html(range),
            TagEnd::List(_) => {
                self.settle();
                self.lists.pop();
            }
            _ => self.settle(),
        }
    }

    fn end_html(&mut self, range: &Range<usize>) {
        let Some(html) = self.html.take() else { return };
        let block = raw_html::block(&html);
        self.prose.push(block.read.text.trim_matches('\n'));
        self.marks.links.extend(block.read.links);
        self.marks.targets.extend(block.read.targets);
        if let Some(open) = block.open
            && !self.comments.goes_on(self.source, range.end)
        {
            // It never ends: then it is no comment.
            self.prose.push("\n");
            self.prose.push(open.trim_matches('\n'));
        }
        self.settle();
        self.separate();
    }

    fn end_heading(&mut self) {
        self.settle();
        let Some((level, title)) = self.heading.take() else { return };
        let title = title.trim().replace('\n', " ");
        if title.is_empty() {
            return;
        }
        if self.first_heading.is_none() && level == HeadingLevel::H1 {
            self.first_heading = Some(title.clone());
        }
        if self.heading_has_link {
            self.linked_headings.push(title.clone());
        }
        self.outline.enter(level as u8, &title);
        self.text = title;
    }

    /// What was read since `start` is of this kind.
    fn shape(&mut self, start: usize, kind: ShapeKind) {
        // A heading within it began a section of its own.
        let start = if start > self.text.len() { 0 } else { start };
        let end = self.text.trim_end().len();
        if start < end {
            self.marks.shapes.push(Shape::new(start..end, kind));
        }
    }

    /// The block of text is whole: its marks are read.
    fn settle(&mut self) {
        if self.prose.is_empty() {
            return;
        }
        let out = self.heading.as_mut().map_or(&mut self.text, |(_, heading)| heading);
        inline::read(&self.prose, out, &mut self.marks);
        self.prose.clear();
    }

    /// Marks inside a word are more often signs than emphasis: `a*b and c*d` stays as it was written.
    fn keep_marks(&mut self, range: &Range<usize>, is_start: bool) {
        let inside = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let before = self.source[..range.start].chars().next_back();
        let after = self.source[range.end..].chars().next();
        if inside(before) && inside(after) && self.comments.hidden(range) == 0 {
            let span = &self.source[range.clone()];
            let marks = span.bytes().take_while(|byte| matches!(byte, b'*' | b'_')).count().min(2);
            let kept = if is_start { &span[..marks] } else { &span[span.len() - marks..] };
            self.prose.push(kept);
        }
    }

    fn new_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Ends the block: a blank line, within a list a new line. The first block of an item stands beside its dash.
    fn separate(&mut self) {
        self.settle();
        if self.text.is_empty() || self.heading.is_some() {
            return;
        }
        if !self.lists.is_empty() {
            if !self.text.ends_with("- ") && !self.text.ends_with("] ") {
                self.new_line();
            }
            return;
        }
        while !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn add_link(&mut self, target: &str, range: &Range<usize>) {
        if self.comments.hidden(range) > 0 {
            return;
        }
        self.heading_has_link |= self.heading.is_some();
        self.marks.targets.extend(html::written_target(target));
        let target = target.split('#').next().unwrap_or_default().trim();
        if target.is_empty() || target.starts_with("mailto:") || target.starts_with("data:") {
            return;
        }
        let kind = if target.contains("://") { LinkKind::Url } else { LinkKind::File };
        self.marks.links.push(Link { kind, target: inline::percent_decoded(target) });
    }

    /// Ends a section: its heading and what was read since.
    fn flush(&mut self) {
        self.settle();
        let text = std::mem::take(&mut self.text);
        let shapes = std::mem::take(&mut self.marks.shapes);
        let before = text.len() - text.trim_start_matches('\n').len();
        let text = text.trim_matches('\n').trim_end();
        if text.trim().is_empty() {
            return;
        }
        let (headings, line) = (self.outline.path(), Some(self.start_line));
        let mut shapes = shape::cut(&shapes, &(before..before + text.len()), 0);
        shapes.sort_by_key(|shape| shape.start);
        self.sections.push(Section { headings, line, text: text.to_owned(), shapes, ..Section::default() });
    }
}

/// Where a link leads, without what is too long to be followed: a picture written as text.
fn short(target: &str) -> String {
    if target.len() > LONGEST_TARGET || target.starts_with("data:") { String::new() } else { target.to_owned() }
}
