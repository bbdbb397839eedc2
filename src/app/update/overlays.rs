//! Keys while something lies over the screen.

use tui_textarea::{Input, Key};

use crate::app::command::Command;
use crate::app::effect::{Effect, Effects};
use crate::app::ports::Draft;
use crate::app::state::wrap::wrap;
use crate::app::state::{Detail, LineEditor, NoteEditor, Overlay, Prompt, PromptKind, State};

use super::{asked, toast};

/// Opens the editor: with what an earlier start left unfinished, if there is such a note.
pub(super) fn new_note(state: &mut State) {
    match state.drafts.pop() {
        Some(draft) => state.overlays.push(Overlay::Note(Box::new(NoteEditor::new(&draft, true)))),
        None => blank_note(state),
    }
}

fn blank_note(state: &mut State) {
    state.notes_begun += 1;
    let draft = Draft { number: state.notes_begun, ..Draft::default() };
    state.overlays.push(Overlay::Note(Box::new(NoteEditor::new(&draft, false))));
}

pub(super) fn key(state: &mut State, input: &Input) -> Effects {
    if input.ctrl && input.key == Key::Char('c') {
        return vec![Effect::Quit];
    }
    if input.ctrl && input.key == Key::Char('z') {
        return vec![Effect::Suspend];
    }
    match state.overlays.pop() {
        Some(Overlay::Help(scroll)) => help(state, scroll, input),
        Some(Overlay::Palette(line, selected)) => palette(state, line, selected, input),
        Some(Overlay::Prompt(prompt)) => prompted(state, prompt, input),
        Some(Overlay::Confirm(mut confirm)) => {
            // Two different keys, so that no slip and no stuck key destroys anything.
            match input.key {
                Key::Char('y') if !confirm.armed => confirm.armed = true,
                Key::Enter if confirm.armed => return vec![confirm.effect],
                _ => return Effects::new(),
            }
            state.overlays.push(Overlay::Confirm(confirm));
            Effects::new()
        }
        Some(Overlay::Detail(detail)) => detailed(state, detail, input),
        Some(Overlay::Note(note)) => noted(state, *note, input),
        None => Effects::new(),
    }
}

fn help(state: &mut State, scroll: usize, input: &Input) -> Effects {
    let (end, page) = (state.help_end(), state.help_height().saturating_sub(1).max(1));
    let scroll = match input.key {
        Key::Down | Key::Char('j') => scroll + 1,
        Key::Up | Key::Char('k') => scroll.saturating_sub(1),
        Key::PageDown | Key::Char(' ') => scroll + page,
        Key::PageUp => scroll.saturating_sub(page),
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => end,
        _ => return Effects::new(),
    };
    // No further than the text goes, or the way back would seem dead.
    state.overlays.push(Overlay::Help(scroll.min(end)));
    Effects::new()
}

/// The same keys as in help; `y` copies.
fn detailed(state: &mut State, mut detail: Detail, input: &Input) -> Effects {
    detail.scroll = match input.key {
        Key::Char('y') => return vec![Effect::Copy(detail.text)],
        Key::Down | Key::Char('j') => detail.scroll + 1,
        Key::Up | Key::Char('k') => detail.scroll.saturating_sub(1),
        Key::PageDown | Key::Char(' ') => detail.scroll + 10,
        Key::PageUp => detail.scroll.saturating_sub(10),
        _ => return Effects::new(),
    };
    // No further than the text can go, or the way back would seem dead.
    let columns = usize::from(state.size.0.saturating_sub(4).min(100).saturating_sub(4));
    detail.scroll = detail.scroll.min(wrap(&detail.text, columns).len().saturating_sub(1));
    state.overlays.push(Overlay::Detail(detail));
    Effects::new()
}

fn palette(state: &mut State, mut line: LineEditor, mut selected: usize, input: &Input) -> Effects {
    let found = state.palette_rows(line.text());
    let mut effects = Effects::new();
    match input.key {
        Key::Esc => return Effects::new(),
        Key::Enter => {
            let command: Option<Command> = found.get(selected).map(|row| row.entry.command);
            return command.map(|command| asked(state, command)).unwrap_or_default();
        }
        Key::Char('y') if input.ctrl => match found.get(selected).and_then(|row| row.command_line.as_ref()) {
            Some(arguments) => effects.push(Effect::Copy(format!("{} {arguments}", state.program))),
            None => toast(state, "this action has no command line", false),
        },
        Key::Down => selected = (selected + 1).min(found.len().saturating_sub(1)),
        Key::Up => selected = selected.saturating_sub(1),
        _ => {
            line.input(input);
            selected = 0;
        }
    }
    state.overlays.push(Overlay::Palette(line, selected));
    effects
}

fn prompted(state: &mut State, mut prompt: Prompt, input: &Input) -> Effects {
    let mut effects = Effects::new();
    match input.key {
        Key::Esc => return effects,
        _ if prompt.waiting => {}
        Key::Tab => effects.push(Effect::CompletePath(prompt.input.text().to_owned())),
        Key::Enter => {
            let text = prompt.input.text().trim().to_owned();
            if text.is_empty() {
                prompt.error = Some("type something, or Esc to leave".to_owned());
                state.overlays.push(Overlay::Prompt(prompt));
                return effects;
            }
            if let PromptKind::Setting(key) = &prompt.kind {
                effects.push(Effect::PutSetting { key: key.clone(), value: text });
                prompt.waiting = true;
                prompt.error = None;
                state.overlays.push(Overlay::Prompt(prompt));
                return effects;
            }
            state.welcomed = true;
            return match prompt.kind {
                PromptKind::Paths => vec![Effect::Offer(pasted_paths(&text))],
                PromptKind::Folder | PromptKind::Setting(_) => {
                    let mut parts = pasted_paths(&text).into_iter();
                    let path = parts.next().unwrap_or_default();
                    vec![Effect::AddFolder { path, excludes: parts.collect() }]
                }
            };
        }
        _ => {
            prompt.input.input(input);
            prompt.completions.clear();
            prompt.error = None;
        }
    }
    state.overlays.push(Overlay::Prompt(prompt));
    effects
}

/// Paths as a terminal pastes them: quoted, escaped, or one with plain blanks. A line each, or several on a line.
#[must_use]
pub(super) fn pasted_paths(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let plain = !line.contains(['\'', '"', '\\']);
        let starts = line.matches(" /").count() + line.matches(" ~").count() + line.matches(" file://").count();
        if plain && starts == 0 {
            // One path, blanks and all.
            paths.push(line.to_owned());
        } else {
            match shlex::split(line) {
                Some(parts) => paths.extend(parts),
                None => paths.push(line.to_owned()),
            }
        }
    }
    paths
}

fn noted(state: &mut State, mut note: NoteEditor, input: &Input) -> Effects {
    let leaving = std::mem::take(&mut note.leaving);
    let mut effects = Effects::new();
    match (&input.key, input.ctrl) {
        // What is being stored is not changed or left: should it be refused, the text must still be here.
        _ if note.saving => {}
        (Key::Char('s'), true) => {
            if !note.is_dirty() {
                return vec![Effect::DiscardDraft(note.number)];
            }
            let Draft { title, text, .. } = note.draft();
            note.saving = true;
            note.error = None;
            note.is_offered = false;
            effects.push(Effect::WriteNote { title, text });
        }
        (Key::Char('n'), true) if note.is_offered => {
            // The oldest comes last: it is offered again when nothing else is.
            state.drafts.insert(0, note.draft());
            blank_note(state);
            return effects;
        }
        (Key::Esc, _) => {
            if leaving || !note.is_dirty() {
                return vec![Effect::DiscardDraft(note.number)];
            }
            note.leaving = true;
        }
        (Key::Tab, _) => note.in_title = !note.in_title,
        (Key::Enter | Key::Down, _) if note.in_title => note.in_title = false,
        (Key::Up, _) if !note.in_title && note.text.cursor().0 == 0 => note.in_title = true,
        _ => {
            let before = note.title.text().to_owned();
            let is_changed = if note.in_title {
                note.title.input(input) && before != note.title.text()
            } else {
                note.text.input(input.clone())
            };
            if is_changed {
                note.is_offered = false;
                effects.push(Effect::KeepDraft(note.draft()));
            }
        }
    }
    state.overlays.push(Overlay::Note(Box::new(note)));
    effects
}
