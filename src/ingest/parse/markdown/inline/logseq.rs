//! What Logseq writes into its notes: properties (`key:: value`), block ids and references, queries, logbooks.
//! Properties stay text, as the inline fields of Obsidian's Dataview do; what only the program reads is left out.

use super::Block;
use crate::ingest::parse::date;
use crate::ingest::parse::markdown::head::names;

/// Longest name of a property.
const LONGEST_KEY: usize = 60;
/// Longest call of a macro.
const LONGEST_MACRO: usize = 4_000;

impl Block<'_> {
    /// `key:: value` on a line of its own; `at` is where the colons are.
    pub(super) fn property(&mut self, at: usize) -> Option<usize> {
        let text = &self.prose.text;
        let start = self.line_start(at, LONGEST_KEY)?;
        let key = text[start..at].trim();
        let is_name = key.starts_with(char::is_alphabetic)
            && key.chars().all(|character| character.is_alphanumeric() || " -_./".contains(character));
        if !is_name || !text[at + 2..].starts_with([' ', '\t', '\n']) && at + 2 < text.len() {
            return Some(at + 2);
        }
        let (key, end) = (key.to_lowercase(), self.line_end(at + 2));
        let value = text[at + 2..end].trim();
        if is_internal(&key, value) {
            return self.leave_out_lines(start, end);
        }
        match key.as_str() {
            "tags" | "tag" => self.marks.tags.extend(names(value)),
            "alias" | "aliases" => self.marks.aliases.extend(listed(value)),
            "title" if self.marks.title.is_none() && !value.is_empty() => self.marks.title = Some(value.to_owned()),
            "date" | "created" | "created-at" if self.marks.dated_at.is_none() => {
                self.marks.dated_at = date::parse(value);
            }
            _ => {}
        }
        Some(at + 2)
    }

    /// `:LOGBOOK: … :END:`
    pub(super) fn drawer(&mut self, at: usize) -> Option<usize> {
        let rest = &self.prose.text[at..];
        if !rest.starts_with(":LOGBOOK:") || self.line_start(at, 1) != Some(at) || !self.drawers_end {
            return None;
        }
        let Some(length) = rest.find(":END:") else {
            self.drawers_end = false;
            return None;
        };
        self.leave_out_lines(at, at + length + ":END:".len())
    }

    /// `#+BEGIN_QUERY … #+END_QUERY`
    pub(super) fn query_block(&mut self, at: usize) -> Option<usize> {
        let rest = &self.prose.text[at..];
        if !rest.starts_with("#+BEGIN_QUERY") || !self.queries_end {
            return None;
        }
        let Some(length) = rest.find("#+END_QUERY") else {
            self.queries_end = false;
            return None;
        };
        self.leave_out_lines(at, at + length + "#+END_QUERY".len())
    }

    /// `{{query …}}` goes; of `{{embed [[Page]]}}` the page stays, of `{{embed ((id))}}` nothing.
    pub(super) fn macro_call(&mut self, at: usize) -> Option<usize> {
        let text = &self.prose.text;
        let name = text[at + 2..].trim_start_matches(['[', ' ']);
        let name = name.get(..5)?.to_ascii_lowercase();
        if !matches!(name.as_str(), "query" | "embed") {
            return None;
        }
        let bytes = &text.as_bytes()[at..text.len().min(at + LONGEST_MACRO)];
        let end = at + 2 + bytes[2..].windows(2).position(|two| two == b"}}")?;
        if name == "embed" && text[at..end].contains("[[") {
            let inner = at + text[at..end].find("[[")?;
            self.leave_out(at..inner)?;
            let used = self.wikilink(inner, inner)?;
            return self.leave_out(used..end + 2);
        }
        self.leave_out(at..end + 2)
    }

    /// `((65f0a1b2-…))`
    pub(super) fn block_reference(&mut self, at: usize) -> Option<usize> {
        let inner = self.prose.text.get(at + 2..at + 38)?;
        if !is_id(inner) || !self.prose.text[at + 38..].starts_with("))") {
            return None;
        }
        self.leave_out(at..at + 40)
    }
}

fn is_internal(key: &str, value: &str) -> bool {
    match key {
        "id" => value.len() >= 8 && is_id(value),
        "collapsed" => matches!(value, "true" | "false"),
        _ => key.starts_with("logseq.") || key.starts_with("query-"),
    }
}

fn is_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The parts of a list written on one line.
fn listed(value: &str) -> impl Iterator<Item = String> + '_ {
    let parts = value.split(',').map(|part| part.trim().trim_matches(['[', ']', '"']).trim());
    parts.filter(|part| !part.is_empty()).map(str::to_owned)
}
