//! Intake, Outbox, Services, Settings and Log: selection, filters, actions on rows.

use tui_textarea::{Input, Key};

use crate::app::command::Command;
use crate::app::effect::{Effect, Effects};
use crate::app::state::{Confirm, Detail, IntakeTab, ListState, Overlay, Pane, Screen, State};
use crate::domain::intake::{DeadLetter, FileRecord};
use crate::domain::outbox::DeadEvent;

use super::settings;

pub(super) fn step(state: &mut State, by: isize) {
    let rows = state.rows();
    if let Some(list) = state.list_mut() {
        list.step(by, rows);
    }
}

/// A key while a filter has them.
pub(super) fn typed(state: &mut State, input: &Input) -> Option<Effects> {
    let list = state.list_mut()?;
    match input.key {
        Key::Esc => {
            list.filter.set("");
            list.filtering = false;
        }
        Key::Enter => list.filtering = false,
        Key::Char('c' | 'z') if input.ctrl => return None,
        Key::Up | Key::Down | Key::PageUp | Key::PageDown => return None,
        _ => {
            list.filter.input(input);
            list.selected = 0;
        }
    }
    Some(Effects::new())
}

pub(super) fn command(state: &mut State, command: Command) -> Effects {
    if command == Command::Back {
        back(state);
        return Effects::new();
    }
    match state.pane() {
        Pane::Intake => intake(state, command),
        Pane::Outbox => outbox(state, command),
        Pane::Services => match command {
            Command::Pause => vec![Effect::PauseIntake(state.status.intake_paused.is_none())],
            _ => other(state, command),
        },
        Pane::Settings => match command {
            Command::Open => settings::ask_value(state),
            Command::Less | Command::More => settings::step(state, command == Command::More),
            _ => other(state, command),
        },
        Pane::Log => match command {
            Command::Open => {
                state.log_level = (state.log_level + 1) % 3;
                Effects::new()
            }
            Command::CopyPath => {
                let lines = state.log_lines();
                let index = lines.len().saturating_sub(1).saturating_sub(state.log_list.selected);
                lines
                    .get(index)
                    .map(|line| vec![Effect::Copy(format!("{} {} {}", line.timestamp, line.level, line.text))])
                    .unwrap_or_default()
            }
            _ => other(state, command),
        },
        Pane::Search | Pane::Reader => Effects::new(),
    }
}

/// What means the same in every list.
fn other(state: &mut State, command: Command) -> Effects {
    match command {
        Command::FocusInput if state.screen != Screen::Home => {
            if let Some(list) = state.list_mut() {
                list.filtering = true;
            }
        }
        Command::FocusInput => {
            state.screen = Screen::Search;
            state.search.typing = true;
        }
        Command::Open if state.screen == Screen::Home => super::zoom(state),
        _ => {}
    }
    Effects::new()
}

fn back(state: &mut State) {
    match state.list_mut() {
        Some(list) if !list.filter.is_empty() => list.filter.set(""),
        _ => {
            state.clear_filters();
            state.screen = Screen::Home;
        }
    }
}

/// Shows a row in full.
fn inspect(state: &mut State, title: String, lines: &[String]) {
    state.overlays.push(Overlay::Detail(Detail { title, text: lines.join("\n"), scroll: 0 }));
}

fn file_in_full(state: &State, file: &FileRecord) -> Vec<String> {
    let items = &file.items;
    let held = state.documents_held(file);
    let mut lines = vec![
        file.path.clone(),
        format!("{} · {} of {} bytes read", file.state.as_str(), file.bytes_done, file.size_bytes),
        format!("{held} {} in the store", if held == 1 { "document" } else { "documents" }),
        format!(
            "last pass: {} = {} documents + {} duplicates + {} unchanged + {} dead letters + {} skipped",
            if items.seen == 1 { "1 item".to_owned() } else { format!("{} items", items.seen) },
            items.documents,
            items.duplicates,
            items.unchanged,
            items.dead_letters,
            items.skipped
        ),
    ];
    if let Some(reason) = state.reason(file) {
        lines.push(String::new());
        lines.push(reason);
    }
    lines
}

fn letter_in_full(letter: &DeadLetter) -> Vec<String> {
    let place = letter.offset.map_or(String::new(), |offset| format!(" at byte {offset}"));
    vec![
        format!("{}{place}", letter.path),
        format!("tried {} times", letter.attempts),
        String::new(),
        letter.error.clone(),
    ]
}

fn event_in_full(event: &DeadEvent) -> Vec<String> {
    vec![
        format!("{} of {}", event.event_type.as_str(), event.entity_id),
        format!("delivered {} times without success", event.attempts),
        String::new(),
        event.error.clone(),
    ]
}

fn intake(state: &mut State, command: Command) -> Effects {
    let selected = state.intake.selected;
    match (command, state.shown_tab()) {
        (Command::Pause, _) => vec![Effect::PauseIntake(state.status.intake_paused.is_none())],
        // Home has the files only.
        (Command::NextTab, _) if state.screen != Screen::Intake => Effects::new(),
        (Command::NextTab, _) => {
            state.intake_tab = match state.intake_tab {
                IntakeTab::Files => IntakeTab::DeadLetters,
                IntakeTab::DeadLetters => IntakeTab::Folders,
                IntakeTab::Folders => IntakeTab::Files,
            };
            state.intake = ListState::default();
            Effects::new()
        }
        (Command::Open | Command::Why, tab) if command == Command::Why || state.screen == Screen::Intake => {
            let row = match tab {
                IntakeTab::Files => state.files().get(selected).map(|file| ("File", file_in_full(state, file))),
                IntakeTab::DeadLetters => {
                    state.dead_letters().get(selected).map(|letter| ("Dead letter", letter_in_full(letter)))
                }
                IntakeTab::Folders => None,
            };
            if let Some((title, lines)) = row {
                inspect(state, title.to_owned(), &lines);
            }
            Effects::new()
        }
        (Command::Retry, IntakeTab::Files) => {
            state.files().get(selected).map(|file| vec![Effect::RetryFile(file.path.clone())]).unwrap_or_default()
        }
        (Command::CopyPath, IntakeTab::Files) => {
            state.files().get(selected).map(|file| vec![Effect::Copy(file.path.clone())]).unwrap_or_default()
        }
        (Command::Retry, IntakeTab::DeadLetters) => {
            let letters = state.dead_letters();
            letters.get(selected).map(|letter| vec![Effect::RetryDeadLetter(letter.id)]).unwrap_or_default()
        }
        (Command::CopyPath, IntakeTab::DeadLetters) => {
            let letters = state.dead_letters();
            letters.get(selected).map(|letter| vec![Effect::Copy(letter.path.clone())]).unwrap_or_default()
        }
        (Command::Discard, IntakeTab::DeadLetters) => {
            let letter = state.dead_letters().get(selected).map(|letter| (*letter).clone());
            if let Some(letter) = letter {
                let summary = format!("Forget this dead letter? {} stays as it is.", letter.path);
                ask(state, summary, Effect::DiscardDeadLetter(letter.id));
            }
            Effects::new()
        }
        (Command::RemoveFolder | Command::Discard, IntakeTab::Folders) => {
            let folder = state.folders().get(selected).map(|folder| (*folder).clone());
            if let Some(folder) = folder {
                let summary = format!("Stop watching {}? Its documents stay.", folder.path);
                ask(state, summary, Effect::RemoveFolder(folder.path));
            }
            Effects::new()
        }
        _ => other(state, command),
    }
}

fn outbox(state: &mut State, command: Command) -> Effects {
    let chosen = state.dead_events().get(state.outbox.selected).map(|event| (*event).clone());
    let Some(event) = chosen else {
        return other(state, command);
    };
    match command {
        Command::Retry => vec![Effect::RetryEvent(event.id)],
        Command::CopyPath => vec![Effect::Copy(event.error)],
        Command::Open if state.screen == Screen::Outbox => {
            inspect(state, format!("Event {}", event.id), &event_in_full(&event));
            Effects::new()
        }
        Command::Discard => {
            let summary = format!("Skip event {}? The graph will miss it until the document changes.", event.id);
            ask(state, summary, Effect::SkipEvent(event.id));
            Effects::new()
        }
        _ => other(state, command),
    }
}

fn ask(state: &mut State, summary: String, effect: Effect) {
    state.overlays.push(Overlay::Confirm(Confirm { summary, effect, armed: false }));
}
