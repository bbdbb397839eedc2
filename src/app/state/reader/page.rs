//! Documents as lines of a screen: headers, texts, what is folded, links. Pure; called by `ReaderState` whenever what is
//! shown or its width changes.

use std::ops::Range;

use crate::app::state::wrap::{truncated, width};
use crate::domain::search::Sought;
use crate::domain::shape::{self, Shape, ShapeKind};
use crate::domain::visible::visible_line;
use crate::domain::{
    ChunkId, ChunkKind, DocumentId, DocumentLinks, DocumentView, LinkKind, LinkedDocument, SourceType, StoredChunk,
};

use super::blocks::Manner;
use super::found::{addresses, matches};
use super::head;
use super::line::{Look, Part, ReaderLine};
use super::text::{Setter, Signs, Source, blank};

/// Links to and from a document that are listed below it.
const MOST_LISTED: usize = 200;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A document of the store, and its path.
    Document(DocumentId, String),
    /// An address outside.
    Address(String),
    /// A note or a file that the store does not have.
    Missing(String),
}

/// What is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) sought: &'a Sought,
    pub(super) links: Option<&'a DocumentLinks>,
    pub(super) shows_quotes: bool,
    pub(super) columns: usize,
    pub(super) ascii: bool,
}

/// Documents as lines.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) lines: Vec<ReaderLine>,
    /// Where every link leads, and the first line it stands on.
    pub(super) links: Vec<(Target, usize)>,
    /// The line on which every match begins.
    pub(super) matches: Vec<usize>,
    /// The line on which every chunk that is shown begins.
    pub(super) chunks: Vec<(ChunkId, usize)>,
    /// The line on which every document begins.
    pub(super) documents: Vec<(DocumentId, usize)>,
    /// Where the documents are listed that link to this one.
    pub(super) backlinks: Option<usize>,
}

/// Lays one document out whole.
pub(super) fn document(document: &DocumentView, shown: Shown<'_>) -> Page {
    let mut setting = Setting::new(shown);
    setting.page.documents.push((document.id, 0));
    head::whole(document, &mut setting);
    setting.chunks(document);
    setting.listed(document);
    setting.end()
}

/// Lays the messages of a thread out as a conversation.
pub(super) fn conversation(messages: &[std::sync::Arc<DocumentView>], shown: Shown<'_>) -> Page {
    let mut setting = Setting::new(shown);
    let mut title = "";
    for message in messages {
        blank("", &mut setting.page.lines);
        setting.page.documents.push((message.id, setting.page.lines.len()));
        head::message(message, title, &mut setting);
        setting.chunks(message);
        title = &message.title;
    }
    setting.end()
}

/// What is folded away between two texts.
#[derive(Clone, Copy, Debug, Default)]
struct Folded {
    lines: usize,
    has_quotes: bool,
}

/// A page that is being laid out.
pub(super) struct Setting<'a> {
    pub(super) shown: Shown<'a>,
    pub(super) setter: Setter,
    pub(super) page: Page,
    /// Where the links lead that were met.
    targets: Vec<Target>,
    found: usize,
}

impl<'a> Setting<'a> {
    fn new(shown: Shown<'a>) -> Self {
        let setter = Setter { columns: shown.columns, signs: Signs::new(shown.ascii) };
        Self { shown, setter, page: Page::default(), targets: Vec::new(), found: 0 }
    }

    /// Finds out where links and matches came to stand.
    fn end(mut self) -> Page {
        while self.page.lines.last().is_some_and(|line| line.text.is_empty()) {
            self.page.lines.pop();
        }
        let mut at = vec![usize::MAX; self.targets.len()];
        self.page.matches = vec![usize::MAX; self.found];
        for (number, line) in self.page.lines.iter().enumerate() {
            for (_, part) in &line.parts {
                match part {
                    Part::Link(link) => at[*link] = at[*link].min(number),
                    Part::Match(found) => self.page.matches[*found] = self.page.matches[*found].min(number),
                    _ => {}
                }
            }
        }
        // What a mark alone had is shown nowhere: it stands where the next one does.
        let mut next = self.page.lines.len().saturating_sub(1);
        for line in self.page.matches.iter_mut().rev() {
            next = next.min(*line);
            *line = next;
        }
        let mut next = self.page.lines.len().saturating_sub(1);
        for line in at.iter_mut().rev() {
            next = if *line == usize::MAX { next } else { *line };
            *line = next;
        }
        self.page.links = self.targets.into_iter().zip(at).collect();
        self.page
    }

    /// Takes note of a link; its number.
    pub(super) fn link(&mut self, target: Target) -> Part {
        self.targets.push(target);
        Part::Link(self.targets.len() - 1)
    }

    /// A line across with a name in it.
    pub(super) fn rule(&mut self, name: &str) {
        let sign = self.setter.signs.rule;
        let name = truncated(&visible_line(name), self.shown.columns.saturating_sub(6));
        let before = format!("{} ", sign.repeat(2));
        let used = width(&before) + width(&name) + 1;
        let text = format!("{before}{name} {}", sign.repeat(self.shown.columns.saturating_sub(used)));
        let mut line = ReaderLine::new(text, Look::Rule);
        let end = before.len() + name.len();
        line.parts = vec![(0..before.len(), Part::Frame), (end..line.text.len(), Part::Frame)];
        self.page.lines.push(line);
    }

    /// A line of the reader's own, cut to the columns.
    pub(super) fn say(&mut self, text: &str, target: Option<Target>) {
        let mut line = ReaderLine::new(truncated(text, self.shown.columns), Look::About);
        if let Some(target) = target {
            let start = line.text.len() - line.text.trim_start().len();
            let part = self.link(target);
            line.parts.push((start..line.text.len(), part));
        }
        self.page.lines.push(line);
    }

    fn chunks(&mut self, document: &DocumentView) {
        let mut before: Option<&StoredChunk> = None;
        let mut folded = Folded::default();
        for chunk in document.chunks.iter().filter(|chunk| chunk.kind.is_shown()) {
            if chunk.kind.is_folded() && !self.shown.shows_quotes {
                folded.lines += own_text(chunk).trim().lines().count().max(1);
                folded.has_quotes |= chunk.kind == ChunkKind::Quoted;
                continue;
            }
            self.tell_folded(&mut folded);
            self.place(before, chunk);
            self.page.chunks.push((chunk.id, self.page.lines.len()));
            self.chunk(document, chunk);
            before = Some(chunk);
        }
        self.tell_folded(&mut folded);
    }

    fn tell_folded(&mut self, folded: &mut Folded) {
        let Folded { lines, has_quotes } = std::mem::take(folded);
        let what = match (has_quotes, lines) {
            (_, 0) => return,
            (true, 1) => "1 quoted line".to_owned(),
            (true, _) => format!("{lines} quoted lines"),
            (false, 1) => "a signature of 1 line".to_owned(),
            (false, _) => format!("a signature of {lines} lines"),
        };
        blank("", &mut self.page.lines);
        self.say(&format!("[{what} folded: Q shows]"), None);
        blank("", &mut self.page.lines);
    }

    /// What stands above a chunk: its page, its attachment, a heading that its text does not begin with.
    fn place(&mut self, before: Option<&StoredChunk>, chunk: &StoredChunk) {
        let (place, last) = (&chunk.place, before.map(|before| &before.place));
        if chunk.overlap_bytes == 0 {
            blank("", &mut self.page.lines);
        }
        let is_new = |of: fn(&crate::domain::Place) -> Option<String>| {
            of(place).filter(|name| last.and_then(of).as_ref() != Some(name))
        };
        let page = is_new(|place| place.page.map(|page| format!("page {page}")));
        for name in is_new(|place| place.attachment.clone()).into_iter().chain(page) {
            blank("", &mut self.page.lines);
            self.rule(&name);
        }
        let heading = place.headings.last().filter(|_| last.is_none_or(|last| last.headings != place.headings));
        if let Some(heading) = heading.filter(|heading| !begins_with(&chunk.text, heading) && place.page.is_none()) {
            let level = u8::try_from(place.headings.len()).unwrap_or(u8::MAX);
            let source = Source {
                text: heading,
                shapes: &[Shape::new(0..heading.len(), ShapeKind::Heading(level))],
                over: Vec::new(),
                manner: Manner { has_quotes: false, is_structured: false },
                look: Look::Text,
                depth: 0,
            };
            self.setter.set(&source, &mut self.page.lines);
            blank("", &mut self.page.lines);
        }
    }

    fn chunk(&mut self, document: &DocumentView, chunk: &StoredChunk) {
        let text = own_text(chunk);
        let skipped = chunk.text.len() - text.len();
        let mut shapes = shape::cut(&chunk.place.shapes, &(skipped..chunk.text.len()), 0);
        // Of what older versions stored the place alone says it.
        if let Some(heading) = chunk.place.headings.last().filter(|heading| skipped == 0 && begins_with(text, heading))
            && !shapes.iter().any(|shape| matches!(shape.kind, ShapeKind::Heading(_)) && shape.start == 0)
        {
            let level = u8::try_from(chunk.place.headings.len()).unwrap_or(u8::MAX);
            shapes.insert(0, Shape::new(0..heading.len(), ShapeKind::Heading(level)));
        }
        let mut over = Vec::new();
        for range in matches(&chunk.text, self.shown.sought).into_iter().filter(|range| range.start >= skipped) {
            over.push((range.start - skipped..range.end - skipped, Part::Match(self.found)));
            self.found += 1;
        }
        for (range, target) in self.linked(text, &shapes) {
            let part = self.link(target);
            over.push((range, part));
        }
        let is_mail = matches!(document.source_type, SourceType::Mail | SourceType::Text);
        let is_dim = chunk.kind.is_folded() || chunk.kind == ChunkKind::Aside;
        let is_bare = chunk.kind == ChunkKind::Quoted && !text.lines().any(|line| line.starts_with('>'));
        let source = Source {
            text,
            shapes: &shapes,
            over,
            manner: Manner {
                has_quotes: is_mail,
                is_structured: matches!(
                    document.source_type,
                    SourceType::Markdown | SourceType::Note | SourceType::Html | SourceType::Docx
                ),
            },
            look: if is_dim { Look::Dim } else { Look::Text },
            depth: usize::from(is_bare),
        };
        self.setter.set(&source, &mut self.page.lines);
    }

    /// The links in a text: those that its parser found, and addresses that stand in it.
    fn linked(&self, text: &str, shapes: &[Shape]) -> Vec<(Range<usize>, Target)> {
        let mut linked: Vec<(Range<usize>, Target)> = Vec::new();
        for shape in shapes {
            let target = match &shape.kind {
                ShapeKind::Wikilink(name) => self.leads_to(LinkKind::Wikilink, name),
                ShapeKind::Link(address) if address.contains("://") || address.starts_with("mailto:") => {
                    Target::Address(address.clone())
                }
                ShapeKind::Link(path) => {
                    let path = path.split('#').next().unwrap_or_default().trim();
                    if path.is_empty() {
                        continue;
                    }
                    self.leads_to(LinkKind::File, path)
                }
                _ => continue,
            };
            linked.push((shape.range(), target));
        }
        let own: Vec<Range<usize>> = linked.iter().map(|(range, _)| range.clone()).collect();
        let is_free = |range: &Range<usize>| own.iter().all(|own| own.end <= range.start || range.end <= own.start);
        let bare = addresses(text).into_iter().filter(is_free);
        linked.extend(bare.map(|range| (range.clone(), Target::Address(text[range].to_owned()))));
        linked.sort_by_key(|(range, _)| range.start);
        linked
    }

    fn leads_to(&self, kind: LinkKind, written: &str) -> Target {
        let decoded = percent_decoded(written);
        let out = self.shown.links.map(|links| &links.out[..]).unwrap_or_default();
        let is_it = |target: &str| target == written || target == decoded;
        let found = out.iter().find(|link| link.link.kind == kind && is_it(&link.link.target));
        match found.and_then(|link| link.to.as_ref()) {
            Some(to) => Target::Document(to.id, to.source_path.clone()),
            None => Target::Missing(written.to_owned()),
        }
    }

    /// Links that no text shows, and the documents that link here.
    fn listed(&mut self, document: &DocumentView) {
        let Some(links) = self.shown.links else { return };
        let shown: Vec<DocumentId> = self
            .targets
            .iter()
            .filter_map(|target| if let Target::Document(id, _) = target { Some(*id) } else { None })
            .collect();
        let mut out: Vec<&LinkedDocument> = links.out.iter().filter_map(|link| link.to.as_ref()).collect();
        out.retain(|to| !shown.contains(&to.id));
        out.sort_by(|a, b| a.title.cmp(&b.title));
        out.dedup_by_key(|to| to.id);
        let into: Vec<&LinkedDocument> = links.into.iter().filter(|from| from.id != document.id).collect();
        self.list("links to", &out);
        if !into.is_empty() {
            self.page.backlinks = Some(self.page.lines.len() + 1);
        }
        self.list("linked from", &into);
    }

    fn list(&mut self, name: &str, documents: &[&LinkedDocument]) {
        if documents.is_empty() {
            return;
        }
        blank("", &mut self.page.lines);
        self.rule(&format!("{name} {}", documents.len()));
        for document in documents.iter().take(MOST_LISTED) {
            let target = Target::Document(document.id, document.source_path.clone());
            self.say(&format!("  {}", visible_line(&document.title)), Some(target));
        }
        if documents.len() > MOST_LISTED {
            self.say(&format!("  and {} more", documents.len() - MOST_LISTED), None);
        }
    }
}

/// The text of a chunk without what the chunk before shows.
fn own_text(chunk: &StoredChunk) -> &str {
    let skip = usize::try_from(chunk.overlap_bytes).unwrap_or(0);
    chunk.text.get(skip..).unwrap_or(&chunk.text)
}

fn begins_with(text: &str, heading: &str) -> bool {
    text.strip_prefix(heading).is_some_and(|rest| rest.is_empty() || rest.starts_with('\n'))
}

/// `a%20b` as `a b`; what is no text then stays as it was.
fn percent_decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
