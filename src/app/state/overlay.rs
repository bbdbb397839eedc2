//! What lies over the screen: help, palette, prompts, questions, the note editor.

use tui_textarea::TextArea;

use crate::app::effect::Effect;
use crate::app::ports::Draft;

use super::LineEditor;

/// What a prompt asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// Paths to take in.
    Paths,
    /// A folder to watch, patterns left out behind it.
    Folder,
    /// A new value of the setting with this key.
    Setting(String),
}

/// One line asked of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub kind: PromptKind,
    /// What is typed.
    pub input: LineEditor,
    /// Completions of the path being typed.
    pub completions: Vec<String>,
    /// What was wrong with the last try.
    pub error: Option<String>,
    /// Whether an answer to the last try is awaited.
    pub waiting: bool,
}

/// A question before something is destroyed: a summary and two keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    /// What will happen.
    pub summary: String,
    /// What is asked for when the user agrees.
    pub effect: Effect,
    /// Whether the first of the two keys was pressed.
    pub armed: bool,
}

/// One row of a list in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// What it is.
    pub title: String,
    /// Everything known of it, in lines.
    pub text: String,
    /// Lines scrolled past.
    pub scroll: usize,
}

/// A note being written.
#[derive(Clone, Debug)]
pub struct NoteEditor {
    /// Number of the draft that keeps it until it is stored.
    pub number: u64,
    /// Whether it was left unfinished by an earlier start and nothing was done with it yet.
    pub is_offered: bool,
    /// Its title.
    pub title: LineEditor,
    /// Its text.
    pub text: TextArea<'static>,
    /// Whether keys go to the title.
    pub in_title: bool,
    /// Whether leaving was asked for once although there is text.
    pub leaving: bool,
    /// Whether it is being stored; it is not changed meanwhile.
    pub saving: bool,
    /// Why it could not be stored.
    pub error: Option<String>,
}

impl NoteEditor {
    /// An editor of a draft; an empty one is a new note.
    #[must_use]
    pub fn new(draft: &Draft, is_offered: bool) -> Self {
        Self {
            number: draft.number,
            is_offered,
            title: LineEditor::with(&draft.title),
            text: TextArea::from(draft.text.split('\n')),
            in_title: true,
            leaving: false,
            saving: false,
            error: None,
        }
    }

    /// What is written, to be kept.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let (title, text) = (self.title.text().to_owned(), self.text.lines().join("\n"));
        Draft { number: self.number, title, text }
    }

    /// Puts text in at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.is_offered = false;
        self.leaving = false;
        if self.in_title {
            self.title.insert(text.trim_end());
        } else {
            self.text.insert_str(text);
        }
    }

    /// Whether there is something to lose.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.title.is_empty() || self.text.lines().iter().any(|line| !line.is_empty())
    }
}

/// One overlay.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Keys of the pane below; how far it is scrolled.
    Help(usize),
    /// Commands by name: what is typed, and the selected one.
    Palette(LineEditor, usize),
    /// A prompt.
    Prompt(Prompt),
    /// A question.
    Confirm(Confirm),
    /// A row in full.
    Detail(Detail),
    /// A note.
    Note(Box<NoteEditor>),
}
