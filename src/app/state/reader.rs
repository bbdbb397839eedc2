//! The document being read: wrapped lines, folding, matches, thread.

use std::ops::Range;
use std::sync::Arc;

use crate::domain::terms::Language;
use crate::domain::{ChunkKind, DocumentView, terms};

use super::LineEditor;
use super::wrap::{without_tabs, wrap};

/// One line of the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderLine {
    /// The text.
    pub text: String,
    /// What it is; quotes and signatures are dimmed.
    pub kind: ChunkKind,
    /// Byte ranges that match.
    pub marks: Vec<Range<usize>>,
    /// Page or heading shown above a piece.
    pub is_place: bool,
}

/// The reader.
#[derive(Clone, Debug)]
pub struct ReaderState {
    /// The document.
    pub document: Arc<DocumentView>,
    /// Index terms to mark.
    pub wanted: Vec<String>,
    /// Its lines at the present width.
    pub lines: Vec<ReaderLine>,
    /// First line shown.
    pub scroll: usize,
    /// Whether quotes and signatures are shown.
    pub shows_quotes: bool,
    /// What is being looked for inside, while it is typed.
    pub finding: Option<LineEditor>,
    /// Columns the lines were wrapped for.
    columns: usize,
    /// What the piece is written in that is being wrapped.
    language: Language,
}

impl ReaderState {
    /// A reader of `document` at `columns`, scrolled to its first match.
    #[must_use]
    pub fn new(document: Arc<DocumentView>, wanted: Vec<String>, columns: usize) -> Self {
        let mut reader = Self {
            document,
            wanted,
            lines: Vec::new(),
            scroll: 0,
            shows_quotes: false,
            finding: None,
            columns,
            language: Language::Plain,
        };
        reader.layout(columns);
        // Only a quote may hold what was looked for: it is what was opened.
        if !reader.wanted.is_empty() && reader.lines.iter().all(|line| line.marks.is_empty()) {
            reader.shows_quotes = true;
            reader.layout(columns);
            if reader.lines.iter().all(|line| line.marks.is_empty()) {
                reader.shows_quotes = false;
                reader.layout(columns);
            }
        }
        if let Some(first) = reader.lines.iter().position(|line| !line.marks.is_empty()) {
            reader.scroll = first.saturating_sub(3);
        }
        reader
    }

    /// Wraps everything anew.
    pub fn layout(&mut self, columns: usize) {
        self.columns = columns;
        self.lines.clear();
        let document = Arc::clone(&self.document);
        let mut place = String::new();
        let mut folded = 0;
        for chunk in document.chunks.iter().filter(|chunk| chunk.kind.is_shown()) {
            if chunk.kind.is_folded() && !self.shows_quotes {
                folded += 1;
                continue;
            }
            self.note_folded(&mut folded);
            let label = chunk.place.label();
            if label != place {
                place.clone_from(&label);
                self.blank();
                if !label.is_empty() {
                    self.push(label, chunk.kind, true);
                }
            } else if chunk.overlap_bytes == 0 {
                self.blank();
            }
            let skip = usize::try_from(chunk.overlap_bytes).unwrap_or(0);
            let text = &*without_tabs(chunk.text.get(skip..).unwrap_or(&chunk.text));
            self.language = terms::language_of(text);
            for range in wrap(text, columns) {
                self.push(text[range].to_owned(), chunk.kind, false);
            }
        }
        self.note_folded(&mut folded);
        self.scroll = self.scroll.min(self.lines.len().saturating_sub(1));
    }

    /// Wraps anew with the same width, after what is shown or marked changed.
    pub fn refresh(&mut self) {
        self.layout(self.columns);
    }

    fn note_folded(&mut self, folded: &mut usize) {
        if *folded > 0 {
            let pieces = if *folded == 1 { "piece" } else { "pieces" };
            self.blank();
            self.push(format!("[{folded} quoted {pieces} folded: Q shows]"), ChunkKind::Quoted, true);
            *folded = 0;
        }
    }

    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.text.is_empty()) {
            self.push(String::new(), ChunkKind::Body, false);
        }
    }

    fn push(&mut self, text: String, kind: ChunkKind, is_place: bool) {
        let marks = if is_place || self.wanted.is_empty() {
            Vec::new()
        } else {
            let tokens = terms::tokens_in(self.language, &text).into_iter();
            tokens.filter(|token| self.wanted.contains(&token.term)).map(|token| token.range).collect()
        };
        self.lines.push(ReaderLine { text, kind, marks, is_place });
    }

    /// Scrolls to the next (or previous) line with a match; false when there is none.
    pub fn jump(&mut self, forward: bool) -> bool {
        let matching = |index: &usize| !self.lines[*index].marks.is_empty();
        let found = if forward {
            (self.scroll + 1..self.lines.len()).find(matching)
        } else {
            (0..self.scroll).rev().find(matching)
        };
        if let Some(line) = found {
            self.scroll = line;
        }
        found.is_some()
    }

    /// Scrolls by lines.
    pub fn step(&mut self, by: isize) {
        self.scroll = self.scroll.saturating_add_signed(by).min(self.lines.len().saturating_sub(1));
    }
}
