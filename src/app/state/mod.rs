//! Everything the screens show, as plain data. Changed by `update` alone, read by `ui`.

mod command_line;
mod help;
mod history;
mod intake;
pub mod layout;
mod line;
mod list;
mod overlay;
mod palette;
pub mod possible;
mod reader;
mod rows;
mod search;
pub mod wrap;

use std::sync::Arc;

use crate::domain::Timestamp;
use crate::domain::settings::SettingNow;
use crate::domain::status::StatusSnapshot;

use super::keymap::Keymap;
use super::ports::LogLine;

pub use help::HelpLine;
pub use history::History;
pub use intake::is_partly_read;
pub use line::LineEditor;
pub use list::ListState;
pub use overlay::{Confirm, Detail, NoteEditor, Overlay, Prompt, PromptKind};
pub use palette::PaletteRow;
pub use reader::{Look, Part, ReaderLine, ReaderState, Target, View};
pub use search::{Again, HISTORY, SearchState, WhenLoaded};

/// The whole screens, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those on screen")]
pub enum Screen {
    Home,
    Search,
    Intake,
    Outbox,
    Services,
    Settings,
    Log,
}

impl Screen {
    /// Every screen with its number and name, as the top bar shows them.
    pub const ALL: [(Self, char, &'static str); 7] = [
        (Self::Home, '1', "Home"),
        (Self::Search, '2', "Search"),
        (Self::Intake, '3', "Intake"),
        (Self::Outbox, '4', "Outbox"),
        (Self::Services, '5', "Services"),
        (Self::Settings, '9', "Settings"),
        (Self::Log, '0', "Log"),
    ];
}

/// What has the keys: a pane of Home or the one of a whole screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those on screen")]
pub enum Pane {
    Search,
    Reader,
    Intake,
    Outbox,
    Services,
    Settings,
    Log,
}

impl Pane {
    /// Every pane.
    pub const ALL: [Self; 7] =
        [Self::Search, Self::Reader, Self::Intake, Self::Outbox, Self::Services, Self::Settings, Self::Log];
    /// The panes of Home, in the order Tab visits them.
    pub const OF_HOME: [Self; 4] = [Self::Search, Self::Intake, Self::Outbox, Self::Services];

    /// What sentences call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "Search",
            Self::Reader => "a document",
            Self::Intake => "Intake",
            Self::Outbox => "Outbox",
            Self::Services => "Services",
            Self::Settings => "Settings",
            Self::Log => "Log",
        }
    }
}

/// Colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those in the configuration")]
pub enum Theme {
    Dark,
    Light,
    #[default]
    Terminal,
}

/// Whether the store is open yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Being opened.
    Waiting,
    /// Open.
    Ready,
    /// It cannot be; why and what to do.
    Failed(String),
}

/// Tabs of the Intake screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those on screen")]
pub enum IntakeTab {
    #[default]
    Files,
    DeadLetters,
    Folders,
}

/// A short message that fades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// What to say.
    pub text: String,
    /// Whether it is an error.
    pub is_error: bool,
    /// When it appeared.
    pub since: Timestamp,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The moment shown.
    pub now: Timestamp,
    /// Which screen.
    pub screen: Screen,
    /// Which pane of Home has the keys.
    pub focus: Pane,
    /// Whether the store is open.
    pub opening: Opening,
    /// The latest picture; the empty one until the first arrives.
    pub status: Arc<StatusSnapshot>,
    /// Whether a picture has arrived.
    pub has_status: bool,
    /// Outbox and ingest over time.
    pub history: History,
    /// Search.
    pub search: SearchState,
    /// The document being read.
    pub reader: Option<ReaderState>,
    /// The document that is being opened in the reader.
    pub opening_document: Option<crate::domain::DocumentId>,
    /// What is done with a document that is on its way, besides reading it on screen.
    pub when_loaded: Option<(crate::domain::DocumentId, WhenLoaded)>,
    /// Intake's lists.
    pub intake_tab: IntakeTab,
    /// Files, dead letters or folders.
    pub intake: ListState,
    /// Dead events.
    pub outbox: ListState,
    /// Services and workers.
    pub services: ListState,
    /// Every setting with its value.
    pub settings: Vec<SettingNow>,
    /// A setting and the value it is to get next, when another change is on its way.
    pub setting_wanted: Option<(String, String)>,
    /// Whether a change of a setting is on its way.
    pub is_setting_sent: bool,
    /// The selected setting.
    pub settings_list: ListState,
    /// Lines of the log, oldest first.
    pub log: Vec<LogLine>,
    /// Selected line of the log.
    pub log_list: ListState,
    /// Least level shown, 0 everything to 2 errors only.
    pub log_level: u8,
    /// What lies over the screen, the topmost last.
    pub overlays: Vec<Overlay>,
    /// Messages.
    pub toasts: Vec<Toast>,
    /// Documents of the last deletion.
    pub deleted: Vec<crate::domain::DocumentId>,
    /// Notes that earlier starts left unfinished, the newest last; `n` takes it up.
    pub drafts: Vec<super::ports::Draft>,
    /// Notes begun since the start.
    pub notes_begun: u64,
    /// The user left the welcome.
    pub welcomed: bool,
    /// How this program is called, with the options that lead to the same store; commands are copied with it.
    pub program: String,
    /// Keys.
    pub keymap: Keymap,
    /// Colours.
    pub theme: Theme,
    /// Borders of plain ASCII.
    pub ascii: bool,
}

impl State {
    /// The state before anything is open.
    #[must_use]
    pub fn new(keymap: Keymap, theme: Theme, ascii: bool) -> Self {
        Self {
            size: (80, 24),
            now: Timestamp::default(),
            screen: Screen::Home,
            focus: Pane::Search,
            opening: Opening::Waiting,
            status: Arc::default(),
            has_status: false,
            history: History::default(),
            search: SearchState::default(),
            reader: None,
            opening_document: None,
            when_loaded: None,
            intake_tab: IntakeTab::default(),
            intake: ListState::default(),
            outbox: ListState::default(),
            services: ListState::default(),
            settings: Vec::new(),
            setting_wanted: None,
            is_setting_sent: false,
            settings_list: ListState::default(),
            log: Vec::new(),
            log_list: ListState::default(),
            log_level: 0,
            overlays: Vec::new(),
            toasts: Vec::new(),
            deleted: Vec::new(),
            drafts: Vec::new(),
            notes_begun: 0,
            welcomed: false,
            program: "peanut".to_owned(),
            keymap,
            theme,
            ascii,
        }
    }

    /// The pane that has the keys.
    #[must_use]
    pub fn pane(&self) -> Pane {
        if self.reader.is_some() && matches!(self.screen, Screen::Home | Screen::Search) {
            return Pane::Reader;
        }
        match self.screen {
            Screen::Home => self.focus,
            Screen::Search => Pane::Search,
            Screen::Intake => Pane::Intake,
            Screen::Outbox => Pane::Outbox,
            Screen::Services => Pane::Services,
            Screen::Settings => Pane::Settings,
            Screen::Log => Pane::Log,
        }
    }

    /// Whether the welcome is shown: nothing taken in yet, nothing on its way, nothing asked.
    #[must_use]
    pub fn shows_welcome(&self) -> bool {
        self.has_status
            && !self.welcomed
            && self.screen == Screen::Home
            && self.status.store.documents == 0
            && self.status.intake.files_by_state.is_empty()
            && self.search.input.is_empty()
    }

    /// The list that has the keys.
    #[must_use]
    pub fn list(&self) -> Option<&ListState> {
        match self.pane() {
            Pane::Intake => Some(&self.intake),
            Pane::Outbox => Some(&self.outbox),
            Pane::Services => Some(&self.services),
            Pane::Settings => Some(&self.settings_list),
            Pane::Log => Some(&self.log_list),
            Pane::Search | Pane::Reader => None,
        }
    }

    /// The list that has the keys, to be changed.
    pub fn list_mut(&mut self) -> Option<&mut ListState> {
        match self.pane() {
            Pane::Intake => Some(&mut self.intake),
            Pane::Outbox => Some(&mut self.outbox),
            Pane::Services => Some(&mut self.services),
            Pane::Settings => Some(&mut self.settings_list),
            Pane::Log => Some(&mut self.log_list),
            Pane::Search | Pane::Reader => None,
        }
    }

    /// Whether keys are text now.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        match self.pane() {
            Pane::Search => self.search.typing,
            Pane::Reader => self.reader.as_ref().is_some_and(|reader| reader.finding.is_some()),
            _ => self.list().is_some_and(|list| list.filtering),
        }
    }

    /// Rows of the list that has the keys, those its filter lets through.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self.pane() {
            Pane::Intake => self.intake_rows(),
            Pane::Outbox => self.dead_events().len(),
            Pane::Services => self.status.services.len() + self.workers().len(),
            Pane::Settings => self.settings_rows().len(),
            Pane::Log => self.log_lines().len(),
            Pane::Search | Pane::Reader => 0,
        }
    }

    /// Takes every list's filter away; nothing is hidden where no filter is shown.
    pub fn clear_filters(&mut self) {
        let lists =
            [&mut self.intake, &mut self.outbox, &mut self.services, &mut self.settings_list, &mut self.log_list];
        for list in lists {
            list.filtering = false;
            list.filter.set("");
        }
    }
}
