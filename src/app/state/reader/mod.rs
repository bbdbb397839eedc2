//! The document being read: its lines, matches, links, and the documents opened before and after it.
//!
//! `page` lays documents out (`head` what stands above a text, `text` the text itself by its `blocks`, `flow` one piece of
//! it), `found` says what matches, `trail` goes back and forward. Made and changed by `update::reader`, drawn by `ui::panes::reader`.

mod blocks;
mod flow;
mod found;
mod head;
mod line;
mod page;
mod text;
mod trail;

use std::sync::Arc;

use crate::domain::search::Sought;
use crate::domain::{ChunkId, ChunkKind, DocumentId, DocumentLinks, DocumentView};

use super::LineEditor;
use page::{Page, Shown};

pub use line::{Look, Part, ReaderLine};
pub use page::Target;

/// Lines kept in sight above what was jumped to, as a part of the screen.
const ABOVE: usize = 3;

/// How a document is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Columns of text.
    pub columns: usize,
    /// Lines that are seen at once.
    pub rows: usize,
    /// Signs of plain ASCII.
    pub ascii: bool,
}

/// The reader.
#[derive(Clone, Debug)]
pub struct ReaderState {
    /// The document.
    pub document: Arc<DocumentView>,
    /// What is marked.
    pub sought: Sought,
    /// How it is linked with others, once that is known.
    pub linked: Option<Arc<DocumentLinks>>,
    /// The messages of its thread, while they are shown as a conversation.
    pub conversation: Option<Vec<Arc<DocumentView>>>,
    /// Its lines.
    pub lines: Vec<ReaderLine>,
    /// Where every link leads, and the first line it stands on.
    pub links: Vec<(Target, usize)>,
    /// The selected link.
    pub link: Option<usize>,
    /// The line on which every match begins.
    pub matches: Vec<usize>,
    /// The match that was gone to last.
    pub at_match: Option<usize>,
    /// First line shown.
    pub scroll: usize,
    /// Whether quotes and signatures are shown.
    pub shows_quotes: bool,
    /// What is being looked for inside, while it is typed.
    pub finding: Option<LineEditor>,
    /// Documents read before this one, the latest last.
    behind: Vec<ReaderState>,
    /// Documents that were left by going back, the next one last.
    ahead: Vec<ReaderState>,
    chunks: Vec<(ChunkId, usize)>,
    documents: Vec<(DocumentId, usize)>,
    backlinks: Option<usize>,
    view: View,
}

impl ReaderState {
    /// A reader of `document` that stands at the first match in `chunk`, which is what was found; without one, or
    /// without a match there, at the best that is left.
    #[must_use]
    pub fn new(document: Arc<DocumentView>, sought: Sought, chunk: Option<ChunkId>, view: View) -> Self {
        let kind = document.chunks.iter().find(|one| Some(one.id) == chunk).map(|chunk| chunk.kind);
        let mut reader = Self {
            document,
            sought,
            linked: None,
            conversation: None,
            lines: Vec::new(),
            links: Vec::new(),
            link: None,
            matches: Vec::new(),
            at_match: None,
            scroll: 0,
            shows_quotes: kind.is_some_and(ChunkKind::is_folded),
            finding: None,
            behind: Vec::new(),
            ahead: Vec::new(),
            chunks: Vec::new(),
            documents: Vec::new(),
            backlinks: None,
            view,
        };
        reader.refresh();
        let seeks = !reader.sought.terms.is_empty() || !reader.sought.prefixes.is_empty();
        if seeks && reader.matches.is_empty() && !reader.shows_quotes {
            // Only a quote may hold what was looked for: it is what was opened.
            reader.shows_quotes = true;
            reader.refresh();
            if reader.matches.is_empty() {
                reader.shows_quotes = false;
                reader.refresh();
            }
        }
        reader.go_to_found(chunk);
        reader
    }

    fn go_to_found(&mut self, chunk: Option<ChunkId>) {
        let place = self.chunks.iter().position(|(id, _)| Some(*id) == chunk);
        let lines = place.map(|place| {
            let end = self.chunks.get(place + 1).map_or(self.lines.len(), |(_, line)| *line);
            self.chunks[place].1..end
        });
        let in_it = |line: &usize| lines.as_ref().is_none_or(|lines| lines.contains(line));
        let found = self.matches.iter().position(in_it).or(if lines.is_none() { Some(0) } else { None });
        self.at_match = found.filter(|found| *found < self.matches.len());
        match (self.at_match, lines) {
            (Some(found), _) => self.show(self.matches[found], true),
            (None, Some(lines)) => self.show(lines.start, true),
            (None, None) => {}
        }
    }

    /// Shows it in another size: the line at the top stays in sight.
    pub fn layout(&mut self, view: View) {
        self.view = view;
        self.refresh();
    }

    /// Lays everything out anew, after what is shown or marked changed. What stood at the top stays there, as far as it is
    /// still shown.
    pub fn refresh(&mut self) {
        let anchor = self.chunks.iter().rfind(|(_, line)| *line <= self.scroll).copied();
        let shown = Shown {
            sought: &self.sought,
            links: self.linked.as_deref(),
            shows_quotes: self.shows_quotes,
            columns: self.view.columns,
            ascii: self.view.ascii,
        };
        let page = match &self.conversation {
            Some(messages) => page::conversation(messages, shown),
            None => page::document(&self.document, shown),
        };
        let Page { lines, links, matches, chunks, documents, backlinks } = page;
        if let Some((id, before)) = anchor
            && let Some((_, now)) = chunks.iter().find(|(chunk, _)| *chunk == id)
        {
            self.scroll = now + (self.scroll - before);
        }
        (self.lines, self.links, self.matches) = (lines, links, matches);
        (self.chunks, self.documents, self.backlinks) = (chunks, documents, backlinks);
        self.link = self.link.filter(|link| *link < self.links.len());
        self.at_match = self.at_match.filter(|at| *at < self.matches.len());
        self.scroll = self.scroll.min(self.furthest());
    }

    fn furthest(&self) -> usize {
        self.lines.len().saturating_sub(self.view.rows.max(1))
    }

    /// Brings a line into sight; with `anew` as if nothing had been in sight.
    fn show(&mut self, line: usize, anew: bool) {
        let rows = self.view.rows.max(1);
        let first = if anew { 0 } else { self.scroll };
        let margin = usize::from(rows > 4);
        let is_seen = line >= first && line + margin < first + rows;
        self.scroll = if is_seen { first } else { line.saturating_sub(rows / ABOVE).min(self.furthest()) };
    }

    fn in_sight(&self, line: usize) -> bool {
        (self.scroll..self.scroll + self.view.rows.max(1)).contains(&line)
    }

    /// Goes to the next (or previous) match; false when there is none.
    pub fn jump(&mut self, forward: bool) -> bool {
        let at = self.at_match.filter(|at| self.in_sight(self.matches[*at]));
        let next = match (at, forward) {
            (Some(at), true) => Some(at + 1),
            (Some(at), false) => at.checked_sub(1),
            (None, true) => self.matches.iter().position(|line| *line >= self.scroll),
            (None, false) => self.matches.iter().rposition(|line| *line < self.scroll),
        };
        let next = next.filter(|next| *next < self.matches.len());
        if let Some(next) = next {
            self.at_match = Some(next);
            self.show(self.matches[next], false);
        }
        next.is_some()
    }

    /// Looks for something else, and goes to the first of it behind the top of the screen, else the first of all; false
    /// when it is nowhere.
    pub fn seek(&mut self, sought: Sought) -> bool {
        self.sought = sought;
        self.at_match = None;
        self.refresh();
        if !self.shows_quotes && self.matches.is_empty() {
            self.shows_quotes = true;
            self.refresh();
            if self.matches.is_empty() {
                self.shows_quotes = false;
                self.refresh();
            }
        }
        self.jump(true) || self.jump(false)
    }

    /// Selects the next (or previous) link, beginning with those in sight; false when there is none.
    pub fn next_link(&mut self, forward: bool) -> bool {
        let at = self.link.filter(|at| self.in_sight(self.links[*at].1));
        let next = match (at, forward) {
            (Some(at), true) => Some(at + 1).filter(|next| *next < self.links.len()).or(Some(0)),
            (Some(at), false) => at.checked_sub(1).or(Some(self.links.len() - 1)),
            (None, true) => self.links.iter().position(|(_, line)| *line >= self.scroll).or(Some(0)),
            (None, false) => {
                let end = self.scroll + self.view.rows;
                self.links.iter().rposition(|(_, line)| *line < end).or(self.links.len().checked_sub(1))
            }
        };
        self.link = next.filter(|next| *next < self.links.len());
        if let Some((_, line)) = self.link.and_then(|link| self.links.get(link)) {
            self.show(*line, false);
        }
        self.link.is_some()
    }

    /// Where the selected link leads.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.link.and_then(|link| self.links.get(link)).map(|(target, _)| target)
    }

    /// Goes to the list of documents that link here; false when there are none.
    pub fn show_backlinks(&mut self) -> bool {
        let Some(line) = self.backlinks else { return false };
        self.show(line, false);
        self.link = self.links.iter().position(|(_, at)| *at >= line);
        true
    }

    /// Takes in how the document is linked; `link` and matches keep their numbers as far as the text has them.
    pub fn take_links(&mut self, links: DocumentLinks) {
        self.linked = Some(Arc::new(links));
        self.refresh();
    }

    /// Shows the messages of the thread as a conversation, from the one that was open on.
    pub fn converse(&mut self, messages: Vec<Arc<DocumentView>>) {
        let open = self.document.id;
        self.conversation = Some(messages);
        (self.link, self.at_match, self.shows_quotes) = (None, None, false);
        self.refresh();
        let line = self.documents.iter().find(|(id, _)| *id == open).map_or(0, |(_, line)| *line);
        self.scroll = line.min(self.furthest());
    }

    /// Shows the one message again.
    pub fn stop_conversing(&mut self) {
        self.conversation = None;
        (self.link, self.at_match, self.scroll) = (None, None, 0);
        self.refresh();
    }

    /// Scrolls by lines.
    pub fn step(&mut self, by: isize) {
        self.scroll = self.scroll.saturating_add_signed(by).min(self.furthest());
    }
}
