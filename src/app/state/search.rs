//! The search being typed, its answer, and the preview.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::search::{Hit, SearchMode, SearchResponse};
use crate::domain::{DocumentId, DocumentView, Timestamp};

use super::LineEditor;

/// Queries remembered.
pub const HISTORY: usize = 100;

/// What is done with a whole document as soon as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenLoaded {
    /// It is read in the pager.
    Page,
    /// Its text is copied.
    Copy,
}

/// A search that failed, or was answered without one of its legs, is worth another try when the service is back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// Not before; `None`: there is nothing to ask again.
    pub due: Option<Timestamp>,
    /// Tries since somebody typed.
    pub tries: u8,
}

/// Search.
#[derive(Clone, Debug, Default)]
pub struct SearchState {
    /// What is typed.
    pub input: LineEditor,
    /// Whether keys are text.
    pub typing: bool,
    /// Which legs answer.
    pub mode: SearchMode,
    /// Number of the newest request; answers to older ones are stale.
    pub generation: u64,
    /// Whether an answer is awaited.
    pub is_waiting: bool,
    /// The latest answer.
    pub response: Option<Arc<SearchResponse>>,
    /// The offset of the page that is on its way, to go on behind the list.
    pub more: Option<usize>,
    /// What went wrong instead.
    pub error: Option<String>,
    /// When an answer that a service owes us is asked for again.
    pub again: Again,
    /// The selected hit, from 0.
    pub selected: usize,
    /// Whether scores are shown.
    pub shows_why: bool,
    /// Marked documents.
    pub marked: HashSet<DocumentId>,
    /// The selected document; `None` while it is loaded, so the preview never shows another.
    pub preview: Option<Arc<DocumentView>>,
    /// The document the preview is to show.
    pub preview_wanted: Option<DocumentId>,
    /// Why it cannot be shown.
    pub preview_error: Option<String>,
    /// Earlier queries, newest last.
    pub history: Vec<String>,
    /// Position in the history while walking it.
    pub history_at: Option<usize>,
}

impl SearchState {
    /// The number of a new request: whatever was asked for before is stale from now on, the rest of its list too.
    pub fn next_request(&mut self) -> u64 {
        self.generation += 1;
        self.more = None;
        self.generation
    }

    /// Hits of the latest answer.
    #[must_use]
    pub fn hits(&self) -> &[Hit] {
        self.response.as_ref().map_or(&[], |response| &response.hits)
    }

    /// The selected hit.
    #[must_use]
    pub fn hit(&self) -> Option<&Hit> {
        self.hits().get(self.selected)
    }

    /// Keeps a query that led somewhere as the newest; `None` when there is none, or it is that already.
    pub fn remember(&mut self) -> Option<String> {
        self.history_at = None;
        let query = self.input.text().trim().to_owned();
        if query.is_empty() || self.history.last() == Some(&query) {
            return None;
        }
        self.history.retain(|known| *known != query);
        self.history.push(query.clone());
        self.forget_oldest();
        Some(query)
    }

    /// Puts queries of earlier starts before those of this one.
    pub fn remembered(&mut self, mut earlier: Vec<String>) {
        earlier.retain(|query| !self.history.contains(query));
        earlier.append(&mut self.history);
        self.history = earlier;
        self.history_at = None;
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        self.history.drain(..self.history.len().saturating_sub(HISTORY));
    }
}
