//! Rows of the command palette: what can be done here, the pane's own first, then what cannot, with the reason. Read by
//! `update` and `ui`, so that both speak of the same row.

use crate::app::command::{COMMANDS, Entry};

use super::State;
use super::possible::Reason;

/// One action in the palette.
#[derive(Clone, Debug)]
pub struct PaletteRow {
    /// What it is.
    pub entry: &'static Entry,
    /// Its keys, with blanks between them.
    pub keys: String,
    /// Why it can do nothing here; `None` when it can act.
    pub refused: Option<Reason>,
    /// The arguments of `peanut` that do the same, where there are such.
    pub command_line: Option<String>,
}

impl State {
    /// Actions whose name or description holds every word that is typed; those that can act stand first, of them the pane's own.
    #[must_use]
    pub fn palette_rows(&self, typed: &str) -> Vec<PaletteRow> {
        let typed = typed.to_lowercase();
        let wanted: Vec<&str> = typed.split_whitespace().collect();
        let is_meant = |entry: &&Entry| {
            let text = format!("{} {}", entry.name.replace('_', " "), entry.about).to_lowercase();
            wanted.iter().all(|word| text.contains(word))
        };
        let row = |entry: &'static Entry| PaletteRow {
            entry,
            keys: self.keymap.keys(entry.command).join(" "),
            refused: self.why_not(entry.command),
            command_line: self.command_line(entry.command),
        };
        let mut rows: Vec<PaletteRow> = COMMANDS.iter().filter(is_meant).map(row).collect();
        rows.sort_by_key(|row| (row.refused.is_some(), row.entry.panes.is_empty()));
        rows
    }
}
