//! What can act here and what cannot: keys, palette and what really happens say the same.

use crate::app::command::COMMANDS;
use crate::domain::EventId;
use crate::domain::intake::{DeadLetter, WatchedFolder};
use crate::domain::outbox::DeadEvent;

use super::*;

/// Screens with and without rows.
fn places() -> Vec<(String, State)> {
    let mut places = Vec::new();
    for keys in ["", "\t", "\t\t", "\t\t\t", "2", "3", "3t", "3tt", "4", "5", "9", "0"] {
        for is_full in [false, true] {
            let mut state = ready();
            state.welcomed = true;
            if is_full {
                fill(&mut state);
            }
            for character in keys.chars() {
                let _ = if character == '\t' { key(&mut state, Key::Tab) } else { press(&mut state, character) };
            }
            if state.is_typing() {
                key(&mut state, Key::Esc);
            }
            state.toasts.clear();
            places.push((format!("{keys:?}, full: {is_full}"), state));
        }
    }
    places
}

fn fill(state: &mut State) {
    press(state, '/');
    type_text(state, "x");
    let _ = answer(state, vec![hit("a"), hit("b")]);
    key(state, Key::Esc);
    let mut status = StatusSnapshot { at: Timestamp(2), ..StatusSnapshot::default() };
    status.dead_letters = vec![DeadLetter {
        id: 1,
        path: "/a b.pdf".into(),
        offset: None,
        error: "encrypted".into(),
        attempts: 3,
        next_retry_at: None,
        first_failed_at: Timestamp(1),
        last_failed_at: Timestamp(1),
    }];
    status.dead_events = vec![DeadEvent {
        id: EventId(1),
        event_type: crate::domain::outbox::EventType::DocumentAdded,
        entity_id: DocumentId::from_source_key("a").0,
        attempts: 10,
        error: "refused".into(),
        recorded_at: Timestamp(1),
        dead_at: Timestamp(2),
    }];
    status.folders = vec![WatchedFolder { path: "/notes".into(), excludes: vec![] }];
    let _ = update(state, Event::StatusChanged(Arc::new(status)));
    let _ = update(state, Event::SettingsLoaded(Ok(vec![super::settings::now("search.rrf_k", "60")])));
    state.log = vec![crate::app::ports::LogLine {
        timestamp: "t".into(),
        level: "INFO".into(),
        target: "x".into(),
        text: "y".into(),
    }];
}

/// Everything but messages.
fn seen(state: &State) -> String {
    format!("{:?}", State { toasts: Vec::new(), ..state.clone() })
}

/// What moves within a list, or leads to where one is already, may change nothing.
fn may_rest(command: Command) -> bool {
    matches!(
        command,
        Command::Down
            | Command::Up
            | Command::PageDown
            | Command::PageUp
            | Command::First
            | Command::Last
            | Command::Back
    ) || [Screen::Home, Screen::Search, Screen::Intake, Screen::Outbox, Screen::Services]
        .into_iter()
        .any(|screen| command_of(screen) == command)
}

#[test]
fn what_can_act_acts_and_what_is_refused_would_do_nothing() {
    for (place, state) in places() {
        let is_here = |entry: &&command::Entry| entry.panes.is_empty() || entry.panes.contains(&state.pane());
        for entry in COMMANDS.iter().filter(is_here) {
            let mut after = state.clone();
            let effects = apply(&mut after, entry.command);
            let acts = !effects.is_empty() || seen(&after) != seen(&state);
            match state.why_not(entry.command) {
                Some(reason) => assert!(!acts, "{place}: {} is refused ({reason}) and acts", entry.name),
                None => {
                    assert!(acts || may_rest(entry.command), "{place}: {} acts not, and no reason is told", entry.name);
                }
            }
        }
    }
}

#[test]
fn a_key_that_cannot_act_says_why() {
    let mut state = ready();
    state.welcomed = true;
    press(&mut state, '2');
    key(&mut state, Key::Esc);
    for (character, told) in [('o', "pager: no hit selected"), ('r', "retry: only in Intake and Outbox")] {
        assert!(press(&mut state, character).is_empty());
        let newest = state.toasts.last().map(|toast| toast.text.clone());
        assert_eq!(newest.as_deref(), Some(told));
    }
    // A key that nobody knows is no action.
    let toasts = state.toasts.len();
    press(&mut state, '%');
    assert_eq!(state.toasts.len(), toasts);
}

#[test]
fn the_palette_shows_what_cannot_act_behind_the_rest_and_says_why_when_it_is_chosen() {
    let mut state = ready();
    state.welcomed = true;
    let rows = state.palette_rows("");
    assert_eq!(rows.len(), COMMANDS.len(), "no action is left out");
    assert!(rows.is_sorted_by_key(|row| row.refused.is_some()));
    press(&mut state, ':');
    type_text(&mut state, "try again");
    assert!(key(&mut state, Key::Enter).is_empty() && state.overlays.is_empty());
    assert!(state.toasts.iter().any(|toast| toast.text == "retry: only in Intake and Outbox"));
}

#[test]
fn the_palette_copies_the_command_line_for_what_is_selected() {
    let mut state = ready();
    state.program = "peanut --data-dir '/my data'".to_owned();
    fill(&mut state);
    let copied = |state: &mut State, typed: &str| {
        press(state, ':');
        type_text(state, typed);
        let effects = control(state, 'y');
        assert!(matches!(state.overlays.last(), Some(Overlay::Palette(..))), "the palette stays");
        key(state, Key::Esc);
        effects
    };
    let id = DocumentId::from_source_key("a");
    let wanted = format!("peanut --data-dir '/my data' get {id}");
    assert_eq!(copied(&mut state, "copy the text"), [Effect::Copy(wanted)]);
    press(&mut state, '3');
    press(&mut state, 't');
    let wanted = "peanut --data-dir '/my data' why '/a b.pdf'".to_owned();
    assert_eq!(copied(&mut state, "not whole"), [Effect::Copy(wanted)]);
    assert!(copied(&mut state, "zoom").is_empty());
    assert!(state.toasts.iter().any(|toast| toast.text.contains("no command line")));
}
