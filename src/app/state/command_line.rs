//! The `peanut …` command that does what an action of the screen does, for what is selected. Read by the palette, which
//! shows it beside the action and copies it.

use crate::app::command::Command;
use crate::domain::DocumentId;
use crate::domain::search::SearchMode;

use super::{IntakeTab, Pane, State};

impl State {
    /// The arguments behind `peanut` that do the same as a command, where there are such; a word in capitals stands for
    /// what nothing on the screen names yet.
    #[must_use]
    pub fn command_line(&self, command: Command) -> Option<String> {
        let pane = self.pane();
        match command {
            Command::Search => Some(self.search_line(self.search.mode, "")),
            Command::FocusInput if matches!(pane, Pane::Search) => Some(self.search_line(self.search.mode, "")),
            Command::Mode => Some(self.search_line(self.search.mode.next(), "")),
            Command::Why if pane == Pane::Search => Some(self.search_line(self.search.mode, "--why ")),
            Command::Why => self.intake_path().map(|path| format!("why {}", quoted(&path))),
            Command::Open | Command::CopyText => self.looked_at().map(|id| format!("get {id}")),
            Command::Pager => self.looked_at().map(|id| format!("get {id} | ${{PAGER:-less}}")),
            Command::AddPath => Some("ingest PATH".to_owned()),
            Command::Retry if pane == Pane::Intake => {
                self.intake_path().map(|path| format!("ingest {}", quoted(&path)))
            }
            Command::Undo => Some(format!("restore {}", self.to_restore())),
            Command::Intake | Command::Outbox | Command::Home => Some("status".to_owned()),
            Command::Services => Some("doctor".to_owned()),
            Command::Settings => Some("config".to_owned()),
            Command::Help => Some("--help".to_owned()),
            _ => None,
        }
    }

    fn search_line(&self, mode: SearchMode, option: &str) -> String {
        let query = self.search.input.text().trim();
        let query = if query.is_empty() { "WORDS".to_owned() } else { quoted(query) };
        let mode = match mode {
            SearchMode::Hybrid => "",
            SearchMode::Words => "--mode words ",
            SearchMode::Vectors => "--mode vectors ",
        };
        format!("search {option}{mode}{query}")
    }

    /// The document that is read, else the selected hit's.
    fn looked_at(&self) -> Option<DocumentId> {
        match (self.pane(), &self.reader) {
            (Pane::Reader, Some(reader)) => Some(reader.document.id),
            (Pane::Search, _) => self.search.hit().map(|hit| hit.document_id),
            _ => None,
        }
    }

    fn to_restore(&self) -> String {
        let ids: Vec<String> = self.deleted.iter().map(ToString::to_string).collect();
        if ids.is_empty() { "ID-OR-PATH".to_owned() } else { ids.join(" ") }
    }

    fn intake_path(&self) -> Option<String> {
        let selected = self.intake.selected;
        match (self.pane(), self.shown_tab()) {
            (Pane::Intake, IntakeTab::Files) => self.files().get(selected).map(|file| file.path.clone()),
            (Pane::Intake, IntakeTab::DeadLetters) => {
                self.dead_letters().get(selected).map(|letter| letter.path.clone())
            }
            _ => None,
        }
    }
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.replace('\0', ""), std::borrow::Cow::into_owned)
}
