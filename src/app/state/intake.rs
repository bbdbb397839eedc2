//! What Intake's lists show, in which order, and why a file is not whole. Read by `update` and the pane.

use std::cmp::Reverse;

use crate::domain::intake::{FileRecord, FileState};

use super::{IntakeTab, Screen, State};

/// Files left out by rule that are told before the others: a folder of pictures must not hide what is in.
const SKIPPED_FIRST: usize = 10;
/// Dead letters of one file that are told one by one.
const TOLD_LETTERS: usize = 3;

impl State {
    /// The Intake tab that is shown: Home has files only.
    #[must_use]
    pub fn shown_tab(&self) -> IntakeTab {
        if self.screen == Screen::Intake { self.intake_tab } else { IntakeTab::Files }
    }

    /// Rows of the Intake tab that is shown.
    #[must_use]
    pub fn intake_rows(&self) -> usize {
        match self.shown_tab() {
            IntakeTab::Files => self.files().len(),
            IntakeTab::DeadLetters => self.dead_letters().len(),
            IntakeTab::Folders => self.folders().len(),
        }
    }

    /// Files of the ledger that pass the filter: those in hand, then what went wrong, then the rest; the newest change
    /// first in each.
    #[must_use]
    pub fn files(&self) -> Vec<&FileRecord> {
        let passes = |file: &&FileRecord| self.intake.passes(&[&file.path, &self.reason(file).unwrap_or_default()]);
        let mut files: Vec<&FileRecord> = self.status.files.iter().filter(passes).collect();
        files.sort_by_key(|file| Reverse(file.updated_at));
        let mut skipped = 0;
        let mut ranked: Vec<(u8, &FileRecord)> = Vec::with_capacity(files.len());
        for file in files {
            skipped += usize::from(file.state == FileState::Skipped);
            let rank = match file.state {
                FileState::Parsing => 0,
                FileState::Failed => 1,
                FileState::Indexed if is_partly_read(file) => 1,
                FileState::Skipped if skipped <= SKIPPED_FIRST => 1,
                _ => 2,
            };
            ranked.push((rank, file));
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, file)| file).collect()
    }

    /// Why a file is not (wholly) in, as far as it is known: its own reason, else those of its dead letters.
    #[must_use]
    pub fn reason(&self, file: &FileRecord) -> Option<String> {
        if let Some(reason) = file.reason.as_ref().filter(|reason| !reason.is_empty()) {
            return Some(reason.clone());
        }
        if file.items.dead_letters == 0 {
            return None;
        }
        let letters: Vec<String> = self
            .status
            .dead_letters
            .iter()
            .filter(|letter| letter.path == file.path)
            .take(TOLD_LETTERS)
            .map(|letter| letter.offset.map_or(String::new(), |at| format!("at byte {at}: ")) + &letter.error)
            .collect();
        let further = file.items.dead_letters.saturating_sub(letters.len() as u64);
        let all = if file.items.dead_letters == 1 { "1 item" } else { &format!("{} items", file.items.dead_letters) };
        let mut text = format!("{all} could not be read");
        if !letters.is_empty() {
            text = format!("{text}: {}", letters.join("; "));
        }
        if further > 0 && !letters.is_empty() {
            text = format!("{text}; and {further} more (t lists them)");
        }
        Some(text)
    }

    /// Documents a file holds now, whichever pass over it brought them.
    #[must_use]
    pub fn documents_held(&self, file: &FileRecord) -> u64 {
        let counted = self.status.documents_held.get(&file.path).copied();
        counted.unwrap_or(file.items.documents + file.items.unchanged)
    }
}

/// Whether some of a file that is in could not be read or was left out.
#[must_use]
pub fn is_partly_read(file: &FileRecord) -> bool {
    file.state == FileState::Indexed && (file.items.dead_letters > 0 || file.reason.is_some())
}
