//! Which key means which command, where. Built from the command table and the user's changes; help and footer read it.

use std::collections::BTreeMap;

use tui_textarea::{Input, Key};

use super::command::{COMMANDS, Command, Entry};
use super::state::Pane;

/// Keys of every command.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: Vec<(&'static Entry, Vec<String>)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = |entry: &Entry| entry.keys.iter().map(|key| (*key).to_owned()).collect();
        Self { bindings: COMMANDS.iter().map(|entry| (entry, keys(entry))).collect() }
    }
}

impl Keymap {
    /// The default keys with the user's changes: action name → key (several separated by blanks).
    ///
    /// # Errors
    /// Names the action or key that does not exist.
    pub fn with_overrides(overrides: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut keymap = Self::default();
        for (name, keys) in overrides {
            let Some(binding) = keymap.bindings.iter_mut().find(|(entry, _)| entry.name == name) else {
                return Err(format!("[keys] {name}: there is no such action (the help screen lists them)"));
            };
            let keys: Vec<String> = keys.split_whitespace().map(str::to_owned).collect();
            if let Some(bad) = keys.iter().find(|key| !is_key(key)) {
                return Err(format!(
                    "[keys] {name} = {bad:?}: write a character, ctrl-x, alt-x, enter, space, f1 and the like"
                ));
            }
            binding.1 = keys;
        }
        Ok(keymap)
    }

    /// What a key means in a pane; a binding of the pane itself goes before one that works everywhere.
    #[must_use]
    pub fn command(&self, input: &Input, pane: Pane) -> Option<Command> {
        let name = key_name(input)?;
        let bound = |(entry, keys): &&(&'static Entry, Vec<String>)| {
            keys.contains(&name) && (entry.panes.is_empty() || entry.panes.contains(&pane))
        };
        let found = self.bindings.iter().filter(|binding| bound(binding));
        found.max_by_key(|(entry, _)| !entry.panes.is_empty()).map(|(entry, _)| entry.command)
    }

    /// The first key of a command, for footers.
    #[must_use]
    pub fn key(&self, command: Command) -> &str {
        let found = self.bindings.iter().find(|(entry, _)| entry.command == command);
        found.and_then(|(_, keys)| keys.first()).map_or("", String::as_str)
    }

    /// Commands that work in a pane, with their keys, for help and palette.
    #[must_use]
    pub fn available(&self, pane: Pane) -> Vec<(&'static Entry, String)> {
        let works = |entry: &Entry| entry.panes.is_empty() || entry.panes.contains(&pane);
        self.bindings.iter().filter(|(entry, _)| works(entry)).map(|(entry, keys)| (*entry, keys.join(" "))).collect()
    }
}

fn is_key(name: &str) -> bool {
    let bare = name.trim_start_matches("ctrl-").trim_start_matches("alt-");
    let named = [
        "enter",
        "esc",
        "space",
        "tab",
        "backtab",
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "pageup",
        "pagedown",
        "delete",
        "backspace",
    ];
    let function =
        bare.strip_prefix('f').is_some_and(|number| number.parse::<u8>().is_ok_and(|n| (1..=12).contains(&n)));
    bare.chars().count() == 1 || named.contains(&bare) || function
}

/// The name of a key as the configuration writes it.
#[must_use]
pub fn key_name(input: &Input) -> Option<String> {
    let bare = match input.key {
        Key::Char(' ') => "space".to_owned(),
        Key::Char(character) => character.to_string(),
        Key::F(number) => format!("f{number}"),
        Key::Enter => "enter".to_owned(),
        Key::Esc => "esc".to_owned(),
        Key::Tab if input.shift => "backtab".to_owned(),
        Key::Tab => "tab".to_owned(),
        Key::Up => "up".to_owned(),
        Key::Down => "down".to_owned(),
        Key::Left => "left".to_owned(),
        Key::Right => "right".to_owned(),
        Key::Home => "home".to_owned(),
        Key::End => "end".to_owned(),
        Key::PageUp => "pageup".to_owned(),
        Key::PageDown => "pagedown".to_owned(),
        Key::Delete => "delete".to_owned(),
        Key::Backspace => "backspace".to_owned(),
        _ => return None,
    };
    let control = if input.ctrl { "ctrl-" } else { "" };
    let alt = if input.alt { "alt-" } else { "" };
    Some(format!("{control}{alt}{bare}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(character: char) -> Input {
        Input { key: Key::Char(character), ctrl: false, alt: false, shift: false }
    }

    #[test]
    fn a_panes_own_key_goes_before_the_general_one() {
        let keymap = Keymap::default();
        assert_eq!(keymap.command(&press('n'), Pane::Search), Some(Command::WriteNote));
        assert_eq!(keymap.command(&press('n'), Pane::Reader), Some(Command::NextMatch));
        assert_eq!(keymap.command(&press('r'), Pane::Search), None);
    }

    #[test]
    fn no_two_commands_share_a_key_in_one_pane() {
        for pane in Pane::ALL {
            let mut seen = std::collections::HashMap::new();
            for (entry, keys) in Keymap::default().available(pane) {
                for key in keys.split(' ') {
                    let general = entry.panes.is_empty();
                    assert_eq!(seen.insert((key.to_owned(), general), entry.name), None, "{key} in {pane:?}");
                }
            }
        }
    }

    #[test]
    fn ctrl_h_is_left_to_backspace() {
        assert!(COMMANDS.iter().all(|entry| !entry.keys.contains(&"ctrl-h")));
    }

    #[test]
    fn changes_are_checked() {
        let of = |name: &str, key: &str| Keymap::with_overrides(&BTreeMap::from([(name.to_owned(), key.to_owned())]));
        assert_eq!(of("quit", "ctrl-q").unwrap().key(Command::Quit), "ctrl-q");
        assert!(of("fly", "f").unwrap_err().contains("fly"));
        assert!(of("quit", "banana").unwrap_err().contains("banana"));
    }
}
