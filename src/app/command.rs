//! What a user can ask for, as data: names for the configuration, sentences for help and palette. Read by the keymap,
//! the help overlay, the command palette and `update`.

use super::state::Pane;

/// One thing a user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each does")]
pub enum Command {
    Home,
    Search,
    Intake,
    Outbox,
    Services,
    Settings,
    Log,
    FocusInput,
    AddPath,
    AddFolder,
    RemoveFolder,
    WriteNote,
    NextPane,
    PreviousPane,
    Zoom,
    Back,
    Down,
    Up,
    PageDown,
    PageUp,
    First,
    Last,
    Open,
    Edit,
    Pager,
    CopyPath,
    CopyText,
    MoreLike,
    Why,
    Mode,
    Delete,
    Undo,
    Select,
    Retry,
    Discard,
    Pause,
    PauseEmbedding,
    NextTab,
    Less,
    More,
    Folding,
    NextMatch,
    PreviousMatch,
    NextInThread,
    PreviousInThread,
    Conversation,
    NextLink,
    PreviousLink,
    Backlinks,
    DocumentBack,
    DocumentForward,
    Palette,
    Help,
    Redraw,
    Suspend,
    Quit,
}

/// A command's row in the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The command.
    pub command: Command,
    /// Name in the configuration.
    pub name: &'static str,
    /// Default keys.
    pub keys: &'static [&'static str],
    /// What it does.
    pub about: &'static str,
    /// Panes where it works; empty means everywhere.
    pub panes: &'static [Pane],
}

const ANYWHERE: &[Pane] = &[];
const HITS: &[Pane] = &[Pane::Search];
const DOCUMENTS: &[Pane] = &[Pane::Search, Pane::Reader];
const READER: &[Pane] = &[Pane::Reader];
const SETTINGS: &[Pane] = &[Pane::Settings];
const LISTS: &[Pane] = &[Pane::Intake, Pane::Outbox];

const fn entry(
    command: Command,
    name: &'static str,
    keys: &'static [&'static str],
    about: &'static str,
    panes: &'static [Pane],
) -> Entry {
    Entry { command, name, keys, about, panes }
}

/// Every command, in the order help lists them.
pub const COMMANDS: &[Entry] = &[
    entry(Command::FocusInput, "search", &["/"], "search, or filter this list", ANYWHERE),
    entry(Command::AddPath, "add", &["a"], "add files or folders", ANYWHERE),
    entry(Command::WriteNote, "note", &["n"], "write a note", ANYWHERE),
    entry(Command::Open, "open", &["enter"], "open", ANYWHERE),
    entry(Command::Zoom, "zoom", &["z"], "zoom this pane to the whole screen, and back", ANYWHERE),
    entry(Command::NextPane, "next_pane", &["tab"], "next pane", ANYWHERE),
    entry(Command::PreviousPane, "previous_pane", &["backtab"], "previous pane", ANYWHERE),
    entry(Command::Back, "back", &["esc"], "back", ANYWHERE),
    entry(Command::Edit, "edit", &["e"], "open in $EDITOR at the place", DOCUMENTS),
    entry(Command::Pager, "pager", &["o"], "read in $PAGER", DOCUMENTS),
    entry(
        Command::CopyPath,
        "copy",
        &["y"],
        "copy the path (works over SSH)",
        &[Pane::Search, Pane::Reader, Pane::Intake, Pane::Outbox, Pane::Log],
    ),
    entry(Command::CopyText, "copy_text", &["Y"], "copy the text", DOCUMENTS),
    entry(Command::MoreLike, "more_like", &["s"], "find more like this", DOCUMENTS),
    entry(
        Command::Why,
        "why",
        &["w"],
        "why a hit stands there; why a file is not whole",
        &[Pane::Search, Pane::Intake],
    ),
    entry(Command::Mode, "mode", &["ctrl-t"], "words and meaning, words only, meaning only", HITS),
    entry(Command::Select, "select", &["space"], "mark for a common action", HITS),
    entry(Command::Delete, "delete", &["d"], "delete (asks; can be undone)", DOCUMENTS),
    entry(Command::Undo, "undo", &["u"], "bring back what was deleted", DOCUMENTS),
    entry(Command::NextMatch, "next_match", &["n"], "next match", READER),
    entry(Command::PreviousMatch, "previous_match", &["N"], "previous match", READER),
    entry(Command::NextInThread, "next_in_thread", &["]"], "next message of the thread", READER),
    entry(Command::PreviousInThread, "previous_in_thread", &["["], "previous message of the thread", READER),
    entry(Command::Conversation, "conversation", &["c"], "the whole thread as a conversation, and back", READER),
    entry(Command::NextLink, "next_link", &["tab"], "select the next link (enter follows it, y copies it)", READER),
    entry(Command::PreviousLink, "previous_link", &["backtab"], "select the previous link", READER),
    entry(Command::Backlinks, "backlinks", &["b"], "documents that link here", READER),
    entry(Command::DocumentBack, "document_back", &["left", "backspace"], "the document read before", READER),
    entry(Command::DocumentForward, "document_forward", &["right"], "forward again", READER),
    entry(Command::Folding, "quotes", &["Q"], "show or fold quotes and signatures", READER),
    entry(Command::Retry, "retry", &["r"], "try again", LISTS),
    entry(Command::Discard, "discard", &["x"], "discard (asks)", LISTS),
    entry(Command::NextTab, "tab", &["t"], "files, dead letters, folders", &[Pane::Intake]),
    entry(Command::Less, "less", &["left"], "less, or the value before", SETTINGS),
    entry(Command::More, "more", &["right"], "more, or the value after", SETTINGS),
    entry(Command::AddFolder, "add_folder", &["f"], "watch a folder", ANYWHERE),
    entry(Command::RemoveFolder, "remove_folder", &["F"], "stop watching a folder", &[Pane::Intake]),
    entry(Command::Pause, "pause", &["p"], "pause or resume intake", &[Pane::Intake, Pane::Services]),
    entry(Command::PauseEmbedding, "pause_embedding", &["P"], "pause or resume background embedding", ANYWHERE),
    entry(Command::Down, "down", &["j", "down"], "down", ANYWHERE),
    entry(Command::Up, "up", &["k", "up"], "up", ANYWHERE),
    entry(Command::PageDown, "page_down", &["pagedown", "ctrl-f"], "a page down", ANYWHERE),
    entry(Command::PageUp, "page_up", &["pageup", "ctrl-b"], "a page up", ANYWHERE),
    entry(Command::First, "first", &["g", "home"], "first", ANYWHERE),
    entry(Command::Last, "last", &["G", "end"], "last", ANYWHERE),
    entry(Command::Home, "home", &["1"], "Home", ANYWHERE),
    entry(Command::Search, "search_screen", &["2"], "Search", ANYWHERE),
    entry(Command::Intake, "intake", &["3"], "Intake", ANYWHERE),
    entry(Command::Outbox, "outbox", &["4"], "Outbox", ANYWHERE),
    entry(Command::Services, "services", &["5"], "Services", ANYWHERE),
    entry(Command::Settings, "settings", &["9"], "Settings", ANYWHERE),
    entry(Command::Log, "log", &["0"], "Log", ANYWHERE),
    entry(Command::Palette, "palette", &[":"], "every command by name", ANYWHERE),
    entry(Command::Help, "help", &["?"], "this help", ANYWHERE),
    entry(Command::Redraw, "redraw", &["ctrl-l"], "draw the screen anew", ANYWHERE),
    entry(Command::Suspend, "suspend", &["ctrl-z"], "suspend (fg brings it back)", ANYWHERE),
    entry(Command::Quit, "quit", &["q", "ctrl-c"], "quit", ANYWHERE),
];

/// The command's row.
#[must_use]
pub fn of(command: Command) -> Option<&'static Entry> {
    COMMANDS.iter().find(|entry| entry.command == command)
}
