//! What help says: what one can do here, then the query language, then the keys that work everywhere. Drawn by `ui`;
//! `update` asks for its length, so that scrolling ends where the text does.

use crate::app::command::{Command, Entry};
use crate::domain::query_language::OPERATORS;

use super::{Pane, Screen, State};

/// One line of help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    /// Nothing.
    Blank,
    /// The name of a part.
    Heading(&'static str),
    /// A sentence.
    Text(String),
    /// A key: how it is pressed, what it does, why it cannot now.
    Key(String, String, Option<String>),
    /// A query and what it finds.
    Query(&'static str, &'static str),
}

/// Rows of the terminal that are no text of help: above and below its box, its frame, the hint at its end.
const OTHER_ROWS: u16 = 3;

impl State {
    /// Help for the pane that has the keys.
    #[must_use]
    pub fn help_lines(&self) -> Vec<HelpLine> {
        let pane = self.pane();
        let mut lines = vec![HelpLine::Heading(here(pane))];
        lines.extend(self.in_plain_words(pane).into_iter().map(HelpLine::Text));
        let rows = self.keymap.available(pane);
        let (own, general): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(entry, _)| !entry.panes.is_empty());
        // What works everywhere and means something of its own here stands with the pane's own keys.
        let (meant, general): (Vec<_>, Vec<_>) =
            general.into_iter().partition(|(entry, _)| self.meaning(pane, entry.command).is_some());
        lines.extend(meant.iter().chain(&own).map(|row| self.key_line(pane, row)));
        lines.extend([HelpLine::Blank, HelpLine::Heading("What one can search for")]);
        lines.extend(OPERATORS.iter().map(|operator| HelpLine::Query(operator.example, operator.about)));
        let typing = "while typing: Ctrl-Up and Ctrl-Down walk through earlier queries, Tab takes a correction";
        lines.push(HelpLine::Text(typing.to_owned()));
        lines.extend([HelpLine::Blank, HelpLine::Heading("Everywhere")]);
        lines.extend(general.iter().map(|row| self.key_line(pane, row)));
        lines
    }

    fn key_line(&self, pane: Pane, (entry, keys): &(&'static Entry, String)) -> HelpLine {
        let about = self.meaning(pane, entry.command).unwrap_or(entry.about);
        let refused = self.why_not(entry.command).map(std::borrow::Cow::into_owned);
        HelpLine::Key(keys.clone(), about.to_owned(), refused)
    }

    /// Lines of help that are seen at once.
    #[must_use]
    pub fn help_height(&self) -> usize {
        usize::from(self.size.1.saturating_sub(OTHER_ROWS)).max(1)
    }

    /// How far help can be scrolled.
    #[must_use]
    pub fn help_end(&self) -> usize {
        self.help_lines().len().saturating_sub(self.help_height())
    }

    /// What a general command does in this pane, where it is worth a sentence of its own.
    fn meaning(&self, pane: Pane, command: Command) -> Option<&'static str> {
        let is_whole = self.screen != Screen::Home;
        Some(match (command, pane) {
            (Command::FocusInput, Pane::Search) => "type a query; hits come while you type",
            (Command::FocusInput, Pane::Reader) => "find words in this document",
            (Command::FocusInput, _) if is_whole => "show only rows that hold what you type",
            (Command::Open, Pane::Search) => "read the selected hit",
            (Command::Open, Pane::Intake | Pane::Outbox) if is_whole => "show the selected row in full",
            (Command::Open, Pane::Settings) => "change the selected setting",
            (Command::Open, Pane::Log) => "show fewer levels, or all again",
            (Command::Why, Pane::Search) => "why this hit stands where it does",
            (Command::Why, Pane::Intake) => "why the file is not whole",
            (Command::Back, Pane::Reader) => "back to the hits",
            (Command::AddPath, Pane::Intake) => "take in files or folders",
            (Command::AddFolder, Pane::Intake) => "watch a folder: what changes there is taken in",
            _ => return None,
        })
    }

    fn in_plain_words(&self, pane: Pane) -> Vec<String> {
        let key = |command: Command| self.keymap.key(command).to_owned();
        let text = match pane {
            Pane::Search => format!(
                "Find what you have taken in: {} and words, then {} reads the selected hit.",
                key(Command::FocusInput),
                key(Command::Open)
            ),
            Pane::Reader => "The document you opened, with the words of your query marked.".to_owned(),
            Pane::Intake => "Files on their way in, and what is wrong with those that could not be read.".to_owned(),
            Pane::Outbox => "Changes on their way to the graph, and those it did not take.".to_owned(),
            Pane::Services => "Store, graph, model and workers: whether each is well.".to_owned(),
            Pane::Settings => "Every setting, its value, and where the value comes from.".to_owned(),
            Pane::Log => "What the program did, the newest line first.".to_owned(),
        };
        vec![text]
    }
}

fn here(pane: Pane) -> &'static str {
    match pane {
        Pane::Search => "Here, in Search",
        Pane::Reader => "Here, in a document",
        Pane::Intake => "Here, in Intake",
        Pane::Outbox => "Here, in the Outbox",
        Pane::Services => "Here, in Services",
        Pane::Settings => "Here, in Settings",
        Pane::Log => "Here, in the Log",
    }
}
