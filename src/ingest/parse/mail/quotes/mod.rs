//! Tells an author's own words from quoted replies and signatures in a plain text body.
//!
//! Quotes and signatures stay readable and are found below texts: the quoted message is a document of its own. In doubt text
//! stays [`ChunkKind::Body`], because hiding an author's words is the worse mistake. Forwarded messages stay body.
//! Called by `mail::body`; pure.

mod attribution;
mod blocks;
mod signature;

use crate::domain::ChunkKind;

use attribution::Sureness;

/// What is known about the message besides its text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'text> {
    /// The subject says it is forwarded: copied messages below the author's words are content, not quotes.
    pub is_forward: bool,
    /// Neither subject nor headers say that it answers something: a copied message is a quote only if it looks like the
    /// ones that reply buttons make.
    pub is_opening: bool,
    /// The author's name, or address when there is no name.
    pub sender: Option<&'text str>,
}

impl<'text> Hints<'text> {
    /// Hints from the headers: `has_parent` says whether they name a message that this one answers.
    #[must_use]
    pub fn new(subject: &str, has_parent: bool, sender: Option<&'text str>) -> Self {
        const FORWARDS: [&str; 14] = [
            "fw:",
            "fwd:",
            "wg:",
            "tr:",
            "rv:",
            "i:",
            "vs:",
            "doorst:",
            "enc:",
            "pd:",
            "vb:",
            "转发:",
            "转发：",
            "[fwd",
        ];
        const REPLIES: [&str; 16] = [
            "re:",
            "re[",
            "re :",
            "aw:",
            "antw:",
            "antwort:",
            "sv:",
            "res:",
            "ref:",
            "rif:",
            "r:",
            "odp:",
            "ynt:",
            "回复:",
            "回复：",
            "答复:",
        ];
        let subject = subject.trim().trim_matches('\'').to_lowercase();
        let is_marked = |marks: &[&str]| {
            // Lists put their name in front: `[dev] Re: …`.
            let behind_tag =
                subject.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or("", |(_, rest)| rest.trim());
            marks.iter().any(|mark| subject.starts_with(mark) || behind_tag.starts_with(mark))
        };
        Self { is_forward: is_marked(&FORWARDS), is_opening: !has_parent && !is_marked(&REPLIES), sender }
    }
}

/// A run of lines of one kind, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// [`ChunkKind::Body`], [`ChunkKind::Quoted`] or [`ChunkKind::Signature`].
    pub kind: ChunkKind,
    /// Line of the body where it starts, from 1.
    pub line: u32,
    /// Its lines without blank ones at either end.
    pub text: String,
}

/// Length of a quote mark at the start of the line: `>`, ` > >`, `AB>`; 0 when there is none.
fn quote_mark(line: &str) -> usize {
    let trimmed = line.trim_start_matches(' ');
    let indent = line.len() - trimmed.len();
    if indent > 4 {
        return 0;
    }
    if trimmed.starts_with('>') {
        return indent + 1;
    }
    // Initials before the mark, as some mailers put them.
    let initials = trimmed.bytes().take_while(u8::is_ascii_alphabetic).count();
    let is_initials = (1..=4).contains(&initials) && trimmed.starts_with(|first: char| first.is_ascii_uppercase());
    if is_initials && trimmed.get(initials..).is_some_and(|rest| rest.starts_with("> ") || rest == ">") {
        return indent + initials + 1;
    }
    0
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// Works on the lines of one body; each step fills in what the former left open.
struct Splitter<'text> {
    lines: Vec<&'text str>,
    kinds: Vec<ChunkKind>,
    /// Lines that carry a quote mark.
    marked: Vec<bool>,
    /// First line of a forwarded message; nothing from there on is a quote by its headers.
    forward_at: usize,
}

impl<'text> Splitter<'text> {
    fn new(text: &'text str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let marked = lines.iter().map(|line| quote_mark(line) > 0).collect();
        Self { kinds: vec![ChunkKind::Body; lines.len()], marked, forward_at: lines.len(), lines }
    }

    fn line(&self, at: usize) -> &'text str {
        self.lines.get(at).copied().unwrap_or_default()
    }

    fn fill(&mut self, from: usize, to: usize, kind: ChunkKind) {
        let to = to.min(self.kinds.len());
        if let Some(kinds) = self.kinds.get_mut(from..to) {
            kinds.fill(kind);
        }
    }

    /// The end (exclusive) of the run of marked lines at `start`; up to two blank lines inside belong to it.
    fn run_end(&self, start: usize) -> usize {
        let mut end = start;
        let mut at = start;
        while at < self.lines.len() {
            if self.marked[at] {
                end = at + 1;
            } else if !is_blank(self.line(at)) || at - end >= 2 {
                break;
            }
            at += 1;
        }
        end
    }

    /// Marks that are no quotes: interpreter sessions (`>>> x = 1`), a lone `>From`.
    fn unmark_lookalikes(&mut self) {
        let mut at = 0;
        while at < self.lines.len() {
            if !self.marked[at] {
                at += 1;
                continue;
            }
            let end = (at..self.lines.len()).find(|&line| !self.marked[line]).unwrap_or(self.lines.len());
            let run = &self.lines[at..end];
            let is_session =
                run.iter().all(|line| line.starts_with(">>> ") || *line == ">>>" || line.starts_with(">>>>> "))
                    && run.iter().any(|line| line.starts_with(">>> "))
                    && self.introduction(at).is_none();
            let is_escaped_from = end - at == 1 && run[0].starts_with(">From ");
            let has_initials_only = run.iter().all(|line| !line.trim_start().starts_with('>'));
            if is_session || is_escaped_from || has_initials_only && end - at < 2 && self.introduction(at).is_none() {
                self.marked[at..end].fill(false);
            }
            at = end;
        }
    }

    /// First line of the attribution that ends right before line `quote`, blank lines between allowed.
    fn introduction(&self, quote: usize) -> Option<usize> {
        let last = (quote.saturating_sub(3)..quote).rev().find(|&at| !is_blank(self.line(at)))?;
        if self.marked[last] {
            return None;
        }
        let mut found = None;
        let mut joined = String::new();
        for first in (last.saturating_sub(3)..=last).rev() {
            let line = self.line(first);
            if is_blank(line) || self.marked[first] || line.len() > attribution::LENGTH_LIMIT {
                break;
            }
            joined = if joined.is_empty() { line.trim().to_owned() } else { format!("{} {joined}", line.trim()) };
            let sureness = attribution::judge(&joined);
            // More lines are taken in only when the first of them can open an attribution.
            if sureness != Sureness::No && (found.is_none() || attribution::can_open(line)) {
                found = Some(first);
            }
        }
        found
    }

    fn mark_quotes(&mut self) {
        let mut at = 0;
        while at < self.lines.len() {
            if !self.marked[at] {
                at += 1;
                continue;
            }
            let end = self.run_end(at);
            let start = self.introduction(at).unwrap_or(at);
            self.fill(start, end, ChunkKind::Quoted);
            at = end;
        }
    }

    /// Whether any of the author's own words stand before line `at`.
    fn has_body_before(&self, at: usize) -> bool {
        (0..at).any(|line| {
            self.kinds[line] == ChunkKind::Body && !is_blank(self.line(line)) && !blocks::is_rule(self.line(line))
        })
    }

    fn next_text(&self, from: usize) -> Option<usize> {
        (from..self.lines.len()).find(|&at| !is_blank(self.line(at)))
    }

    /// Copied messages without quote marks: everything below their header is theirs.
    fn mark_copies(&mut self, hints: &Hints<'_>) {
        let marks_end = self.marked.iter().rposition(|marked| *marked).map_or(0, |last| last + 1);
        let mut at = 0;
        while at < self.lines.len() {
            let line = self.line(at);
            if self.kinds[at] != ChunkKind::Body || is_blank(line) {
                at += 1;
                continue;
            }
            if blocks::is_forward_marker(line) {
                self.open_forward(at);
                return;
            }
            let is_marker = blocks::is_original_marker(line);
            let block = blocks::header_block(self.lines.get(at..).unwrap_or_default());
            if is_marker || block.is_some() {
                let behind = self.next_text(at + block.unwrap_or(1));
                if behind.is_some_and(|behind| self.marked[behind]) {
                    // The copy has marks; only its header needs ours.
                    self.fill(at, behind.unwrap_or(at), ChunkKind::Quoted);
                    at = self.run_end(behind.unwrap_or(at)).max(at + 1);
                    continue;
                }
                // Reply buttons write sender and sending time first; whatever else is pasted was forwarded.
                let is_pasted =
                    hints.is_opening && !blocks::is_outlook_block(&self.lines[at + usize::from(is_marker)..]);
                if hints.is_forward || is_pasted || !self.has_body_before(at) {
                    self.forward_at = at;
                } else {
                    self.fill(at, self.lines.len(), ChunkKind::Quoted);
                }
                return;
            }
            if let Some(end) = self.lone_attribution(at, marks_end).filter(|_| self.has_body_before(at)) {
                if hints.is_forward {
                    self.forward_at = at;
                } else if self.next_text(end).is_some() {
                    self.fill(at, self.lines.len(), ChunkKind::Quoted);
                }
                return;
            }
            at += 1;
        }
    }

    /// The end of an attribution that starts at `at` and is followed by text without marks (none after `marks_end`).
    fn lone_attribution(&self, at: usize, marks_end: usize) -> Option<usize> {
        let near = self.lines.get(at..self.lines.len().min(at + 4)).unwrap_or_default();
        let ends_nearby = near.iter().any(|line| line.trim_end().ends_with([':', '：']));
        if at < marks_end || !ends_nearby || !attribution::can_open(self.line(at)) {
            return None;
        }
        let mut joined = String::new();
        for end in at..self.lines.len().min(at + 4) {
            let line = self.line(end);
            if is_blank(line) {
                return None;
            }
            joined.push(' ');
            joined.push_str(line.trim());
            if attribution::judge(&joined) == Sureness::Alone {
                return Some(end + 1);
            }
        }
        None
    }

    /// A forwarded message: its text is body, also when the mailer marked it with `>`.
    fn open_forward(&mut self, at: usize) {
        self.forward_at = at;
        let Some(first) = self.next_text(at + 1).filter(|&first| self.marked[first]) else { return };
        for line in first..self.run_end(first) {
            let text = self.line(line);
            let rest = text.get(quote_mark(text)..).unwrap_or_default();
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            self.lines[line] = rest;
            let is_deeper = quote_mark(rest) > 0;
            self.marked[line] = is_deeper;
            self.kinds[line] = if is_deeper { ChunkKind::Quoted } else { ChunkKind::Body };
        }
    }

    /// The signature at the end of the last stretch of own text. A stretch that is nothing else (a list footer below the
    /// quotes) lets the one before it have its own.
    fn mark_signatures(&mut self, hints: &Hints<'_>) {
        let mut limit = self.forward_at;
        for _ in 0..4 {
            let is_own = |at: &usize| self.kinds[*at] == ChunkKind::Body && !is_blank(self.line(*at));
            let Some(last) = (0..limit).rfind(is_own) else { return };
            let first = (0..=last).rfind(|&at| self.kinds[at] != ChunkKind::Body).map_or(0, |before| before + 1);
            let Some(start) = signature::start(&self.lines[first..=last], hints.sender) else { return };
            self.fill(first + start, last + 1, ChunkKind::Signature);
            let has_more = (first..first + start).any(|at| !is_blank(self.line(at)));
            if has_more {
                return;
            }
            limit = first;
        }
    }

    /// A mail that would have no words of its own is nothing but its quotes: those are its content.
    fn keep_something(&mut self) {
        let has_body = (0..self.lines.len()).any(|at| self.kinds[at] == ChunkKind::Body && !is_blank(self.line(at)));
        if has_body {
            return;
        }
        let wanted = if self.kinds.contains(&ChunkKind::Quoted) { ChunkKind::Quoted } else { ChunkKind::Signature };
        for kind in &mut self.kinds {
            if *kind == wanted {
                *kind = ChunkKind::Body;
            }
        }
    }

    fn runs(self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut at = 0;
        while at < self.lines.len() {
            let kind = self.kinds[at];
            // Blank lines take the kind of what surrounds them, so that they never divide a run.
            let mut end = at + 1;
            let mut last_text = at;
            while end < self.lines.len() && (self.kinds[end] == kind || is_blank(self.line(end))) {
                if !is_blank(self.line(end)) {
                    last_text = end;
                }
                end += 1;
            }
            let first_text = (at..end).find(|&line| !is_blank(self.line(line)));
            if let Some(first) = first_text {
                let last = last_text.max(first);
                let text: Vec<&str> = self.lines[first..=last].iter().map(|line| line.trim_end()).collect();
                match runs.last_mut().filter(|run| run.kind == kind) {
                    Some(run) => {
                        run.text.push_str("\n\n");
                        run.text.push_str(&text.join("\n"));
                    }
                    None => runs.push(Run {
                        kind,
                        line: u32::try_from(first + 1).unwrap_or(u32::MAX),
                        text: text.join("\n"),
                    }),
                }
            }
            at = end;
        }
        runs
    }
}

/// Divides a body (with `\n` line ends) into runs in their order; answers between quotes stay body where they stand.
#[must_use]
pub fn split(text: &str, hints: &Hints<'_>) -> Vec<Run> {
    let mut splitter = Splitter::new(text);
    splitter.unmark_lookalikes();
    splitter.mark_quotes();
    splitter.mark_copies(hints);
    splitter.mark_signatures(hints);
    splitter.keep_something();
    splitter.runs()
}

#[cfg(test)]
mod tests;
