//! A list's selection and filter. Used by every list.

use super::LineEditor;

/// Selection, and what is typed to filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListState {
    /// Selected row, from 0.
    pub selected: usize,
    /// What rows must contain.
    pub filter: LineEditor,
    /// Whether keys go to the filter.
    pub filtering: bool,
}

impl ListState {
    /// Moves the selection within `rows`.
    pub fn step(&mut self, by: isize, rows: usize) {
        self.selected = self.selected.saturating_add_signed(by).min(rows.saturating_sub(1));
    }

    /// Whether one of the texts of a row holds what the filter wants, whatever the case.
    #[must_use]
    pub fn passes(&self, texts: &[&str]) -> bool {
        let wanted = self.filter.text().to_lowercase();
        wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    /// First row to show so that the selection is visible in `height` rows.
    #[must_use]
    pub fn offset(&self, rows: usize, height: usize) -> usize {
        offset(self.selected, rows, height)
    }
}

/// First row to show: the selection stays in the middle where the list allows.
#[must_use]
pub(super) fn offset(selected: usize, rows: usize, height: usize) -> usize {
    selected.saturating_sub(height / 2).min(rows.saturating_sub(height))
}
