//! Which key means which command, where. Built from the command table and the user's changes; help and footer read it.

mod keys;

use std::collections::BTreeMap;

use thiserror::Error;
use tui_textarea::{Input, Key};

use super::command::{COMMANDS, Command, Entry};
use super::state::Pane;

/// Quits always.
const QUIT_KEY: &str = "ctrl-c";

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
    /// The default keys with the user's changes: action name → key (several separated by blanks). Ctrl-C quits whatever
    /// they say.
    ///
    /// # Errors
    /// When an action or key does not exist, no terminal sends the key, or two actions that work in one pane would share
    /// it: one of them would never be reached.
    pub fn with_overrides(overrides: &BTreeMap<String, String>) -> Result<Self, KeymapError> {
        let mut keymap = Self::default();
        for (name, typed) in overrides {
            let Some(binding) = keymap.bindings.iter_mut().find(|(entry, _)| entry.name == name) else {
                return Err(KeymapError::no_action(name));
            };
            let keys: Result<Vec<String>, String> = typed.split_whitespace().map(keys::parse).collect();
            binding.1 = keys.map_err(|reason| KeymapError::of(&[name], format!("{name} = {typed:?}: {reason}")))?;
            if binding.1.iter().any(|key| key == QUIT_KEY) && binding.0.command != Command::Quit {
                let text = format!("{name} = {typed:?}: ctrl-c always quits; choose another key");
                return Err(KeymapError::of(&[name], text));
            }
        }
        for (entry, keys) in keymap.bindings.iter_mut().filter(|(entry, _)| entry.command == Command::Quit) {
            if overrides.contains_key(entry.name) && !keys.iter().any(|key| key == QUIT_KEY) {
                keys.push(QUIT_KEY.to_owned());
            }
        }
        keymap.without_clash(overrides)
    }

    fn without_clash(self, overrides: &BTreeMap<String, String>) -> Result<Self, KeymapError> {
        for (index, (entry, keys)) in self.bindings.iter().enumerate() {
            for (other, other_keys) in &self.bindings[index + 1..] {
                let changed: Vec<&str> =
                    [entry.name, other.name].into_iter().filter(|name| overrides.contains_key(*name)).collect();
                if changed.is_empty() || !meet(entry, other) {
                    continue;
                }
                // What a pane takes from everywhere by default it may go on taking.
                let by_default = |key: &str| entry.keys.contains(&key) && other.keys.contains(&key);
                if let Some(key) = keys.iter().find(|key| other_keys.contains(key) && !by_default(key)) {
                    let (name, second) = (entry.name, other.name);
                    let text = format!(
                        "{key} would be both {name} ({}) and {second} ({}): choose another key for one of them",
                        entry.about, other.about
                    );
                    return Err(KeymapError::of(&changed, text));
                }
            }
        }
        Ok(self)
    }

    /// What a key means in a pane; a binding of the pane itself goes before one that works everywhere.
    #[must_use]
    pub fn command(&self, input: &Input, pane: Pane) -> Option<Command> {
        let name = key_name(input)?;
        if name == QUIT_KEY {
            return Some(Command::Quit);
        }
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

    /// All keys of a command.
    #[must_use]
    pub fn keys(&self, command: Command) -> &[String] {
        let found = self.bindings.iter().find(|(entry, _)| entry.command == command);
        found.map_or(&[], |(_, keys)| keys)
    }

    /// What a key that means nothing in this pane does in others.
    #[must_use]
    pub fn elsewhere(&self, input: &Input) -> Option<&'static Entry> {
        let name = key_name(input)?;
        self.bindings.iter().find(|(_, keys)| keys.contains(&name)).map(|(entry, _)| *entry)
    }

    /// Commands that work in a pane, with their keys, for help and palette.
    #[must_use]
    pub fn available(&self, pane: Pane) -> Vec<(&'static Entry, String)> {
        let works = |entry: &Entry| entry.panes.is_empty() || entry.panes.contains(&pane);
        self.bindings.iter().filter(|(entry, _)| works(entry)).map(|(entry, keys)| (*entry, keys.join(" "))).collect()
    }
}

/// Whether two actions can be asked for in one pane.
fn meet(one: &Entry, other: &Entry) -> bool {
    one.panes.is_empty() || other.panes.is_empty() || one.panes.iter().any(|pane| other.panes.contains(pane))
}

/// Why the user's keys cannot be used, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("[keys] {text}")]
pub struct KeymapError {
    /// The settings it is about, so that whoever knows the file can say on which lines they stand.
    pub actions: Vec<String>,
    text: String,
}

impl KeymapError {
    fn of(actions: &[&str], text: String) -> Self {
        Self { actions: actions.iter().map(|name| (*name).to_owned()).collect(), text }
    }

    fn no_action(name: &str) -> Self {
        let alike = |entry: &&Entry| (strsim::jaro_winkler(entry.name, &name.to_lowercase()) * 1000.0) as u32;
        let meant = COMMANDS.iter().max_by_key(alike).filter(|entry| alike(entry) > 800);
        let meant = meant.map_or(String::new(), |entry| format!(" (is {} meant?)", entry.name));
        let text = format!("{name}: there is no such action{meant}; `peanut config --example` lists them");
        Self::of(&[name], text)
    }
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
        let error = |name: &str, key: &str| of(name, key).unwrap_err().to_string();
        assert!(error("fly", "f").contains("fly"));
        assert!(error("Quitt", "f").contains("is quit meant?"));
        assert!(error("quit", "banana").contains("banana"));
        assert!(error("help", "ctrl-c").contains("ctrl-c always quits"));
        assert!(error("help", "? Ctrl-C").contains("ctrl-c always quits"));
    }

    #[test]
    fn ctrl_c_quits_whatever_the_settings_say() {
        let press = Input { ctrl: true, ..press('c') };
        for keys in ["ctrl-q", "", "Z ctrl-c"] {
            let keymap = Keymap::with_overrides(&BTreeMap::from([("quit".to_owned(), keys.to_owned())])).unwrap();
            for pane in Pane::ALL {
                assert_eq!(keymap.command(&press, pane), Some(Command::Quit));
                assert!(
                    keymap.available(pane).iter().any(|(entry, keys)| entry.name == "quit" && keys.contains("ctrl-c"))
                );
            }
        }
    }

    #[test]
    fn two_actions_on_one_key_are_refused() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, key)| ((*name).to_owned(), (*key).to_owned()));
            Keymap::with_overrides(&pairs.collect())
        };
        // With another that works everywhere, with one of some panes, both changed, one of several keys.
        for (pairs, named) in [
            (&[("quit", "j")][..], ["down", "quit"]),
            (&[("quit", "d")], ["delete", "quit"]),
            (&[("delete", "D"), ("undo", "D")], ["delete", "undo"]),
            (&[("zoom", "Z"), ("log", "L Z")], ["zoom", "log"]),
            (&[("retry", "x")], ["retry", "discard"]),
            (&[("help", "ctrl-F")], ["help", "page_down"]),
        ] {
            let error = of(pairs).unwrap_err();
            let text = error.to_string();
            assert!(named.iter().all(|name| text.contains(name)) && text.contains("choose another key"), "{text}");
            assert!(!error.actions.is_empty() && error.actions.iter().all(|name| pairs.iter().any(|(n, _)| n == name)));
        }
        // Freed first, in another pane, or shared by default.
        for pairs in [
            &[("quit", "j"), ("down", "down")][..],
            &[("retry", "s")],
            &[("note", "n m")],
            &[("down", "k"), ("up", "j")],
        ] {
            assert!(of(pairs).is_ok(), "{pairs:?}: {:?}", of(pairs).err());
        }
    }
}
