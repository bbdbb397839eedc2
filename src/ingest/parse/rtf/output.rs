//! The text that rich text becomes: lines without blanks at their ends, cells divided by bars, no heaps of blank lines.
//! Called by `rtf`.

/// What a cell's end is written as until its row ends.
pub(super) const CELL: &str = " | ";

/// Text in the making.
#[derive(Debug, Default)]
pub(super) struct Output {
    text: String,
}

impl Output {
    /// Adds text; `\n` ends a line.
    pub(super) fn push(&mut self, text: &str) {
        if text == "\n" {
            self.end_line();
            return;
        }
        if text == CELL && (self.text.is_empty() || self.text.ends_with('\n')) {
            return;
        }
        let clean = text.chars().filter(|character| !character.is_control() || matches!(character, '\t' | '\n'));
        self.text.extend(clean.map(|character| if character == '\u{a0}' { ' ' } else { character }));
    }

    /// Goes to a new line unless already on one.
    pub(super) fn line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        loop {
            let line = self.text.trim_end_matches([' ', '\t']);
            let line = line.strip_suffix(" |").unwrap_or(line);
            if line.len() == self.text.len() {
                break;
            }
            self.text.truncate(line.len());
        }
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// The text.
    pub(super) fn finish(mut self) -> String {
        self.end_line();
        self.text.trim().to_owned()
    }
}
