//! Intake, Outbox, Services, Settings and Log: selection, filters, actions on rows.

use tui_textarea::{Input, Key};

use crate::app::command::Command;
use crate::app::effect::{Effect, Effects};
use crate::app::state::{Confirm, IntakeTab, Overlay, Pane, PromptKind, Screen, State};

use super::prompt;

pub(super) fn step(state: &mut State, by: isize) {
    match state.pane() {
        Pane::Intake => {
            let rows = state.intake_rows();
            state.intake.step(by, rows);
        }
        Pane::Outbox => state.outbox.step(by, state.status.dead_events.len()),
        Pane::Services => state.services.step(by, state.status.services.len() + state.status.workers.len()),
        Pane::Settings => state.settings_list.step(by, state.settings.len()),
        Pane::Log => {
            let rows = state.log_lines().len();
            state.log_list.step(by, rows);
        }
        Pane::Search | Pane::Reader => {}
    }
}

/// A key while a filter has them.
pub(super) fn typed(state: &mut State, input: &Input) -> Option<Effects> {
    let list = match state.pane() {
        Pane::Intake => &mut state.intake,
        Pane::Log => &mut state.log_list,
        _ => return None,
    };
    match input.key {
        Key::Esc => {
            list.filter.set("");
            list.filtering = false;
        }
        Key::Enter => list.filtering = false,
        Key::Char('c') if input.ctrl => return None,
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
            Command::Open => {
                if let Some((key, value, _)) = state.settings.get(state.settings_list.selected).cloned() {
                    prompt(state, PromptKind::Setting(key), &value);
                }
                Effects::new()
            }
            _ => other(state, command),
        },
        Pane::Log => match command {
            Command::FocusInput => {
                state.log_list.filtering = true;
                Effects::new()
            }
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
    if state.pane() == Pane::Intake && !state.intake.filter.is_empty() {
        state.intake.filter.set("");
    } else if state.pane() == Pane::Log && !state.log_list.filter.is_empty() {
        state.log_list.filter.set("");
    } else {
        state.screen = Screen::Home;
    }
}

fn intake(state: &mut State, command: Command) -> Effects {
    let selected = state.intake.selected;
    match (command, state.intake_tab) {
        (Command::Pause, _) => vec![Effect::PauseIntake(state.status.intake_paused.is_none())],
        (Command::NextTab, _) => {
            state.intake_tab = match state.intake_tab {
                IntakeTab::Files => IntakeTab::DeadLetters,
                IntakeTab::DeadLetters => IntakeTab::Folders,
                IntakeTab::Folders => IntakeTab::Files,
            };
            state.intake.selected = 0;
            Effects::new()
        }
        (Command::FocusInput, IntakeTab::Files) if state.screen == Screen::Intake => {
            state.intake.filtering = true;
            Effects::new()
        }
        (Command::Retry, IntakeTab::Files) => {
            state.files().get(selected).map(|file| vec![Effect::RetryFile(file.path.clone())]).unwrap_or_default()
        }
        (Command::CopyPath, IntakeTab::Files) => {
            state.files().get(selected).map(|file| vec![Effect::Copy(file.path.clone())]).unwrap_or_default()
        }
        (Command::Retry, IntakeTab::DeadLetters) => {
            let letter = state.status.dead_letters.get(selected);
            letter.map(|letter| vec![Effect::RetryDeadLetter(letter.id)]).unwrap_or_default()
        }
        (Command::Discard, IntakeTab::DeadLetters) => {
            if let Some(letter) = state.status.dead_letters.get(selected) {
                let summary = format!("Forget this dead letter? {} stays as it is.", letter.path);
                ask(state, summary, Effect::DiscardDeadLetter(letter.id));
            }
            Effects::new()
        }
        (Command::RemoveFolder | Command::Discard, IntakeTab::Folders) => {
            if let Some(folder) = state.status.folders.get(selected).cloned() {
                let summary = format!("Stop watching {}? Its documents stay.", folder.path);
                ask(state, summary, Effect::RemoveFolder(folder.path));
            }
            Effects::new()
        }
        _ => other(state, command),
    }
}

fn outbox(state: &mut State, command: Command) -> Effects {
    let Some(event) = state.status.dead_events.get(state.outbox.selected).cloned() else {
        return other(state, command);
    };
    match command {
        Command::Retry => vec![Effect::RetryEvent(event.id)],
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
