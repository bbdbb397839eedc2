//! One line of text being typed. Used by the search input, filters and prompts.

use tui_textarea::{Input, Key};
use unicode_segmentation::UnicodeSegmentation;

use super::wrap::width;

/// Text and cursor; moves by what a person sees as one character.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEditor {
    text: String,
    cursor: usize,
}

impl LineEditor {
    /// A line that holds `text`, cursor at its end.
    #[must_use]
    pub fn with(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte offset of the cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Replaces the text.
    pub fn set(&mut self, text: &str) {
        *self = Self::with(text);
    }

    /// Puts text in at the cursor; line ends become blanks.
    pub fn insert(&mut self, text: &str) {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
    }

    /// Takes a key; false when it is not one for a line of text.
    pub fn input(&mut self, input: &Input) -> bool {
        match (input.key, input.ctrl, input.alt) {
            (Key::Char(character), false, false) => self.insert(&character.to_string()),
            (Key::Backspace, false, false) | (Key::Char('h'), true, false) => self.remove_to(self.before()),
            (Key::Backspace, _, _) | (Key::Char('w'), true, false) => self.remove_to(self.word_before()),
            (Key::Delete, ..) | (Key::Char('d'), true, false) => {
                let end = self.after();
                self.text.replace_range(self.cursor..end, "");
            }
            (Key::Left, false, false) | (Key::Char('b'), true, false) => self.cursor = self.before(),
            (Key::Right, false, false) => self.cursor = self.after(),
            (Key::Left, ..) | (Key::Char('b'), false, true) => self.cursor = self.word_before(),
            (Key::Right, ..) | (Key::Char('f'), false, true) => self.cursor = self.word_after(),
            (Key::Home, ..) | (Key::Char('a'), true, false) => self.cursor = 0,
            (Key::End, ..) | (Key::Char('e'), true, false) => self.cursor = self.text.len(),
            (Key::Char('u'), true, false) => self.remove_to(0),
            (Key::Char('k'), true, false) => self.text.truncate(self.cursor),
            _ => return false,
        }
        true
    }

    /// The part to show in `columns` so that the cursor is in sight, and the column the cursor stands in.
    #[must_use]
    pub fn window(&self, columns: usize) -> (&str, usize) {
        let room = columns.saturating_sub(1);
        let (mut start, mut used) = (self.cursor, 0);
        for (at, one) in self.text[..self.cursor].grapheme_indices(true).rev() {
            let wide = width(one);
            if used + wide > room {
                break;
            }
            used += wide;
            start = at;
        }
        (&self.text[start..], used)
    }

    fn remove_to(&mut self, start: usize) {
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |one| self.cursor + one.len())
    }

    fn word_before(&self) -> usize {
        let trimmed = self.text[..self.cursor].trim_end();
        trimmed.rfind(char::is_whitespace).map_or(0, |at| at + trimmed[at..].chars().next().map_or(1, char::len_utf8))
    }

    fn word_after(&self) -> usize {
        let rest = &self.text[self.cursor..];
        let blank = rest.len() - rest.trim_start().len();
        rest[blank..].find(char::is_whitespace).map_or(self.text.len(), |at| self.cursor + blank + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: Key, ctrl: bool) -> Input {
        Input { key, ctrl, alt: false, shift: false }
    }

    #[test]
    fn the_cursor_is_always_in_sight() {
        let mut line = LineEditor::with("a 日本語 query");
        assert_eq!(line.window(40), ("a 日本語 query", 14));
        assert_eq!(line.window(7), (" query", 6));
        assert_eq!(line.window(8), (" query", 6), "half of a wide character is none");
        line.input(&key(Key::Home, false));
        assert_eq!(line.window(4), ("a 日本語 query", 0));
        assert_eq!(line.window(0).1, 0);
    }

    #[test]
    fn editing_moves_by_what_people_see() {
        let mut line = LineEditor::with("ab e\u{301}");
        line.input(&key(Key::Backspace, false));
        assert_eq!(line.text(), "ab ");
        line.input(&key(Key::Home, false));
        line.input(&key(Key::Char('日'), false));
        assert_eq!((line.text(), line.cursor()), ("日ab ", 3));
        line.input(&key(Key::End, false));
        line.input(&key(Key::Char('w'), true));
        assert_eq!(line.text(), "");
    }
}
