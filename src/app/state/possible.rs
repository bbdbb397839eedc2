//! Whether a command can act here and now, and if not, why: the one place that decides it. Read by the palette, which dims
//! what cannot act, and by `update`, which tells the reason when its key is pressed all the same.

use std::borrow::Cow;

use crate::app::command::{self, Command};
use crate::domain::SourceType;

use super::{IntakeTab, Opening, Pane, Screen, State};

/// Why a command can do nothing, as a part of a sentence: “no hit selected”.
pub type Reason = Cow<'static, str>;

impl State {
    /// Why a command can do nothing here; `None` when it can act.
    #[must_use]
    pub fn why_not(&self, command: Command) -> Option<Reason> {
        let pane = self.pane();
        let panes = command::of(command).map_or(&[][..], |entry| entry.panes);
        if !panes.is_empty() && !panes.contains(&pane) {
            return Some(only_in(panes));
        }
        let reason = match command {
            Command::NextPane | Command::PreviousPane => self.without_next_pane(command),
            Command::Zoom if self.reader.is_some() => Some("a document has the whole screen already"),
            Command::Undo | Command::Pause | Command::PauseEmbedding => match &self.opening {
                Opening::Ready => None,
                Opening::Waiting => Some("the store is still being opened"),
                Opening::Failed(_) => Some("the store could not be opened"),
            },
            _ => match pane {
                Pane::Search => self.without_hit(command),
                Pane::Reader => match (command, &self.reader) {
                    (Command::Edit, Some(reader)) => without_file(reader.document.source_type),
                    _ => None,
                },
                Pane::Intake => self.without_intake_row(command),
                Pane::Outbox => self.without_event(command),
                Pane::Services => {
                    let is_whole = command == Command::Open && self.screen != Screen::Home;
                    is_whole.then_some("a service has nothing further to show")
                }
                Pane::Settings => return self.without_setting(command),
                Pane::Log => {
                    let is_empty = command == Command::CopyPath && self.log_lines().is_empty();
                    is_empty.then_some("no line of the log selected")
                }
            },
        };
        reason.map(Cow::Borrowed)
    }

    fn without_next_pane(&self, command: Command) -> Option<&'static str> {
        let corrects = || {
            let better = self.search.response.as_ref().and_then(|response| response.did_you_mean.as_ref());
            command == Command::NextPane && self.pane() == Pane::Search && better.is_some()
        };
        let is_home = self.screen == Screen::Home && self.reader.is_none();
        (!is_home && !corrects()).then_some("only Home has panes beside each other")
    }

    fn without_hit(&self, command: Command) -> Option<&'static str> {
        let hit = self.search.hit();
        match command {
            Command::Edit => hit.map_or(Some("no hit selected"), |hit| without_file(hit.source_type)),
            Command::Delete if !self.search.marked.is_empty() => None,
            Command::Pager
            | Command::CopyPath
            | Command::CopyText
            | Command::MoreLike
            | Command::Why
            | Command::Select
            | Command::Delete => hit.is_none().then_some("no hit selected"),
            _ => None,
        }
    }

    fn without_intake_row(&self, command: Command) -> Option<&'static str> {
        let tab = self.shown_tab();
        let is_empty = self.intake.selected >= self.intake_rows();
        let nothing = match tab {
            _ if !is_empty => None,
            IntakeTab::Files => Some("no file selected"),
            IntakeTab::DeadLetters => Some("no dead letter selected"),
            IntakeTab::Folders => Some("no folder selected"),
        };
        match (command, tab) {
            (Command::NextTab, _) if self.screen != Screen::Intake => Some("its lists are on the Intake screen"),
            // Home's pane is opened as a whole, whatever is selected in it.
            (Command::Open, _) if self.screen != Screen::Intake => None,
            (Command::Open | Command::Why, IntakeTab::Folders) => Some("a folder has nothing further to show"),
            (Command::Retry | Command::CopyPath, IntakeTab::Folders) => Some("only for files and dead letters"),
            (Command::Discard, IntakeTab::Files) => Some("only for dead letters and folders, on their own lists"),
            (Command::RemoveFolder, IntakeTab::Files | IntakeTab::DeadLetters) => {
                Some("only in the list of folders, on the Intake screen")
            }
            (
                Command::Open
                | Command::Why
                | Command::Retry
                | Command::CopyPath
                | Command::Discard
                | Command::RemoveFolder,
                _,
            ) => nothing,
            _ => None,
        }
    }

    fn without_setting(&self, command: Command) -> Option<Reason> {
        if !matches!(command, Command::Open | Command::More | Command::Less) {
            return None;
        }
        let Some(row) = self.setting() else {
            let reading = "the settings are still being read";
            return Some(Cow::Borrowed(if self.settings.is_empty() {
                reading
            } else {
                "no setting passes the filter"
            }));
        };
        let value = row.next.as_deref().unwrap_or(&row.value);
        let is_typed = command != Command::Open && row.setting.next_to(value, true).is_none();
        row.fixed().map(Cow::Owned).or(is_typed.then_some(Cow::Borrowed("this one is typed: Enter asks for it")))
    }

    fn without_event(&self, command: Command) -> Option<&'static str> {
        let is_about_one = match command {
            Command::Retry | Command::Discard | Command::CopyPath => true,
            Command::Open => self.screen == Screen::Outbox,
            _ => false,
        };
        let is_missing = is_about_one && self.dead_events().get(self.outbox.selected).is_none();
        is_missing.then_some("no dead event selected")
    }
}

/// Why a document cannot be edited where it lies: a message of an archive or a note of our own has no file to itself.
pub(in crate::app) fn without_file(kind: SourceType) -> Option<&'static str> {
    match kind {
        SourceType::Note => Some("a note lives in the store; copy it with Y"),
        SourceType::Mail | SourceType::Pdf | SourceType::Docx => Some("this is no text file; o reads it in the pager"),
        _ => None,
    }
}

/// “only in Search and a document”.
#[must_use]
pub fn only_in(panes: &[Pane]) -> Reason {
    let names: Vec<&str> = panes.iter().map(|pane| pane.name()).collect();
    let listed = match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => return Cow::Borrowed("nowhere"),
    };
    Cow::Owned(format!("only in {listed}"))
}
