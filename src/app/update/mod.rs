//! The one place where state changes: `update(&mut State, Event) -> Effects`. Pure; time comes in with events.
//!
//! A key goes to the topmost overlay, else to what is being typed, else through the keymap to a command. One file per
//! concern; a command that no file takes does nothing.

mod answers;
mod lists;
mod overlays;
mod reader;
mod search;
mod settings;

use super::command::{self, Command, Entry};
use super::effect::{Effect, Effects};
use super::event::Event;
use super::state::layout;
use super::state::possible;
use super::state::{LineEditor, Opening, Overlay, Pane, Prompt, PromptKind, Screen, State, Toast};

/// Messages stay this long.
const TOAST_SECONDS: f64 = 6.0;

/// Takes one event in; returns what is to be done.
pub fn update(state: &mut State, event: Event) -> Effects {
    match event {
        Event::Key(input) => {
            if is_redraw(state, &input) {
                return vec![Effect::Redraw];
            }
            if !state.overlays.is_empty() {
                return overlays::key(state, &input);
            }
            if state.shows_welcome()
                && !matches!(input.key, tui_textarea::Key::Char('a' | 'n' | 'f' | 'q' | '?' | ':' | 'c' | 'z'))
            {
                state.welcomed = true;
            }
            if state.is_typing()
                && let Some(effects) = typed(state, &input)
            {
                return effects;
            }
            pressed(state, &input)
        }
        Event::Pasted(text) => pasted(state, &text),
        Event::Resized { width, height } => {
            state.size = (width, height);
            let view = reader::view(state);
            if let Some(open) = &mut state.reader {
                open.layout(view);
            }
            search::want_preview(state)
        }
        Event::Scrolled(by) => apply_step(state, isize::from(by)),
        Event::Clicked { column, row } => clicked(state, column, row),
        Event::Ticked(now) => {
            state.now = now;
            state.toasts.retain(|toast| now.seconds_since(toast.since) < TOAST_SECONDS);
            if state.screen == Screen::Log && state.opening == Opening::Ready {
                vec![Effect::LoadLog]
            } else {
                Effects::new()
            }
        }
        other => answers::take(state, other),
    }
}

/// A spoilt screen is drawn anew whatever has the keys, unless the key is one that types.
fn is_redraw(state: &State, input: &tui_textarea::Input) -> bool {
    let types = matches!(input.key, tui_textarea::Key::Char(_)) && !input.ctrl && !input.alt;
    !types && state.keymap.command(input, state.pane()) == Some(Command::Redraw)
}

/// A key that types nothing: its command here, or what it would do elsewhere.
fn pressed(state: &mut State, input: &tui_textarea::Input) -> Effects {
    if let Some(command) = state.keymap.command(input, state.pane()) {
        return asked(state, command);
    }
    if let Some(entry) = state.keymap.elsewhere(input) {
        refuse(state, entry, &possible::only_in(entry.panes));
    }
    Effects::new()
}

/// What somebody asked for by a key or in the palette is carried out, or it is told why it cannot be.
pub(super) fn asked(state: &mut State, command: Command) -> Effects {
    match (state.why_not(command), command::of(command)) {
        (Some(reason), Some(entry)) => {
            refuse(state, entry, &reason);
            Effects::new()
        }
        _ => apply(state, command),
    }
}

fn refuse(state: &mut State, entry: &Entry, reason: &str) {
    let name = entry.name.replace('_', " ");
    toast(state, format!("{name}: {reason}"), false);
}

/// Carries out a command that can act.
pub(super) fn apply(state: &mut State, command: Command) -> Effects {
    match command {
        Command::Home => {
            go(state, Screen::Home);
            return search::want_preview(state);
        }
        Command::Search => {
            go(state, Screen::Search);
            return search::want_preview(state);
        }
        Command::Intake => go(state, Screen::Intake),
        Command::Outbox => go(state, Screen::Outbox),
        Command::Services => go(state, Screen::Services),
        Command::Settings => go(state, Screen::Settings),
        Command::Log => go(state, Screen::Log),
        Command::NextPane => return tab(state, 1),
        Command::PreviousPane => return tab(state, -1),
        Command::Zoom => {
            zoom(state);
            return search::want_preview(state);
        }
        Command::AddPath => prompt(state, PromptKind::Paths, ""),
        Command::AddFolder => prompt(state, PromptKind::Folder, ""),
        Command::WriteNote => overlays::new_note(state),
        Command::Palette => state.overlays.push(Overlay::Palette(LineEditor::default(), 0)),
        Command::Help => state.overlays.push(Overlay::Help(0)),
        Command::Redraw => return vec![Effect::Redraw],
        Command::Suspend => return vec![Effect::Suspend],
        Command::Quit => return vec![Effect::Quit],
        Command::PauseEmbedding => return vec![Effect::PauseEmbedding(!state.status.embedding_paused)],
        Command::Undo => return search::undo(state),
        Command::Down => return apply_step(state, 1),
        Command::Up => return apply_step(state, -1),
        Command::PageDown => return apply_step(state, page(state)),
        Command::PageUp => return apply_step(state, -page(state)),
        Command::First => return apply_step(state, -1_000_000),
        Command::Last => return apply_step(state, 1_000_000),
        _ => {
            return match state.pane() {
                Pane::Search => search::command(state, command),
                Pane::Reader => reader::command(state, command),
                _ => lists::command(state, command),
            };
        }
    }
    match state.screen {
        Screen::Settings => vec![Effect::LoadSettings],
        Screen::Log => vec![Effect::LoadLog],
        _ => Effects::new(),
    }
}

fn typed(state: &mut State, input: &tui_textarea::Input) -> Option<Effects> {
    match state.pane() {
        Pane::Search => search::typed(state, input),
        Pane::Reader => reader::typed(state, input),
        _ => lists::typed(state, input),
    }
}

fn go(state: &mut State, screen: Screen) {
    if state.screen != screen {
        state.clear_filters();
    }
    // Whoever asks for a screen wants to see it: a document over it, or on its way there, would hide it.
    (state.reader, state.opening_document, state.when_loaded) = (None, None, None);
    state.screen = screen;
    state.welcomed = state.welcomed || screen != Screen::Home;
    state.search.typing = screen == Screen::Search && state.search.input.is_empty();
    if let Some(pane) = pane_of(screen) {
        state.focus = pane;
    }
}

fn pane_of(screen: Screen) -> Option<Pane> {
    match screen {
        Screen::Search => Some(Pane::Search),
        Screen::Intake => Some(Pane::Intake),
        Screen::Outbox => Some(Pane::Outbox),
        Screen::Services => Some(Pane::Services),
        _ => None,
    }
}

fn command_of(screen: Screen) -> Command {
    match screen {
        Screen::Home => Command::Home,
        Screen::Search => Command::Search,
        Screen::Intake => Command::Intake,
        Screen::Outbox => Command::Outbox,
        Screen::Services => Command::Services,
        Screen::Settings => Command::Settings,
        Screen::Log => Command::Log,
    }
}

fn zoom(state: &mut State) {
    if state.reader.is_some() {
        // A document has all of the terminal already.
        return;
    }
    state.clear_filters();
    state.screen = match (state.screen, state.focus) {
        (Screen::Home, Pane::Intake) => Screen::Intake,
        (Screen::Home, Pane::Outbox) => Screen::Outbox,
        (Screen::Home, Pane::Services) => Screen::Services,
        (Screen::Home, _) => Screen::Search,
        _ => Screen::Home,
    };
}

/// Tab accepts a correction that is offered, else visits the next pane of Home.
fn tab(state: &mut State, by: isize) -> Effects {
    if by > 0 && state.pane() == Pane::Search && search::accept_correction(state) {
        return search::ask(state);
    }
    if state.screen == Screen::Home && state.reader.is_none() {
        let panes = Pane::OF_HOME;
        let at = panes.iter().position(|pane| *pane == state.focus).unwrap_or(0);
        let next = (at as isize + by).rem_euclid(panes.len() as isize);
        state.focus = panes[usize::try_from(next).unwrap_or(0)];
        state.search.typing = false;
    }
    Effects::new()
}

fn page(state: &State) -> isize {
    isize::from(i16::try_from(state.size.1.saturating_sub(6).max(1)).unwrap_or(1))
        / if state.pane() == Pane::Search { 3 } else { 1 }
}

fn apply_step(state: &mut State, by: isize) -> Effects {
    let end = state.help_end();
    if let Some(Overlay::Help(scroll)) = state.overlays.last_mut() {
        *scroll = scroll.saturating_add_signed(by).min(end);
        return Effects::new();
    }
    match state.pane() {
        Pane::Search => return search::step(state, by),
        Pane::Reader => {
            if let Some(reader) = &mut state.reader {
                reader.step(by);
            }
        }
        _ => lists::step(state, by),
    }
    Effects::new()
}

pub(super) fn prompt(state: &mut State, kind: PromptKind, text: &str) {
    let input = LineEditor::with(text);
    state.overlays.push(Overlay::Prompt(Prompt { kind, input, completions: Vec::new(), error: None, waiting: false }));
}

/// Text pasted into a field is typed; anywhere else it offers to add what it names.
fn pasted(state: &mut State, text: &str) -> Effects {
    match state.overlays.last_mut() {
        Some(Overlay::Prompt(prompt)) if !prompt.waiting => prompt.input.insert(text.trim_end()),
        Some(Overlay::Note(note)) if note.saving => {}
        Some(Overlay::Note(note)) => {
            note.insert(text);
            return vec![Effect::KeepDraft(note.draft())];
        }
        Some(Overlay::Palette(input, selected)) => {
            input.insert(text.trim_end());
            *selected = 0;
        }
        Some(_) => {}
        None => return pasted_below(state, text),
    }
    Effects::new()
}

fn pasted_below(state: &mut State, text: &str) -> Effects {
    if state.pane() == Pane::Search && state.search.typing {
        state.search.input.insert(text.trim_end());
        return search::ask(state);
    }
    if !state.is_typing() {
        prompt(state, PromptKind::Paths, text.trim());
    } else if let Some(finding) = state.reader.as_mut().and_then(|reader| reader.finding.as_mut()) {
        finding.insert(text.trim_end());
    } else if let Some(list) = state.list_mut() {
        list.filter.insert(text.trim_end());
        list.selected = 0;
    }
    Effects::new()
}

/// A click on the top bar changes the screen, one on a pane of Home gives it the keys.
fn clicked(state: &mut State, column: u16, row: u16) -> Effects {
    if !state.overlays.is_empty() {
        return Effects::new();
    }
    if row == 0 {
        if let Some(screen) = layout::top_bar(state, state.size.0).tab_at(column) {
            return apply(state, command_of(screen));
        }
    } else if state.screen == Screen::Home && state.reader.is_none() {
        let places = layout::home(state, layout::middle(state));
        state.focus = places.pane_at(column, row).unwrap_or(state.focus);
    }
    Effects::new()
}

pub(super) fn toast(state: &mut State, text: impl Into<String>, is_error: bool) {
    let text = text.into();
    state.toasts.retain(|toast| toast.text != text);
    state.toasts.push(Toast { text, is_error, since: state.now });
    if state.toasts.len() > 3 {
        state.toasts.remove(0);
    }
}

#[cfg(test)]
mod tests;
