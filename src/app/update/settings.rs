//! The Settings screen: a value is typed, or made more or less by a key; one change is on its way at a time, so that the
//! last key decides.

use crate::app::effect::{Effect, Effects};
use crate::app::state::{Overlay, PromptKind, State, Theme};
use crate::domain::settings::{Kept, Origin, SettingNow};

use super::{search, toast};

/// Asks for a new value of the selected setting.
pub(super) fn ask_value(state: &mut State) -> Effects {
    if let Some(row) = state.setting() {
        let (name, value) = (row.setting.name.to_owned(), row.next.clone().unwrap_or_else(|| row.value.clone()));
        let value = if row.origin == Origin::Default && value == "none" { String::new() } else { value };
        super::prompt(state, PromptKind::Setting(name), &value);
    }
    Effects::new()
}

/// Makes the selected setting more or less by a step; what is shown follows the key, not the store.
pub(super) fn step(state: &mut State, is_more: bool) -> Effects {
    let Some(row) = state.setting() else { return Effects::new() };
    let name = row.setting.name;
    let Some(value) = row.setting.next_to(row.next.as_deref().unwrap_or(&row.value), is_more) else {
        return Effects::new();
    };
    if let Some(row) = state.settings.iter_mut().find(|row| row.setting.name == name) {
        if row.setting.kept == Kept::Store {
            (row.value, row.origin) = (value.clone(), Origin::Store);
        } else {
            row.next = Some(value.clone());
        }
    }
    state.setting_wanted = Some((name.to_owned(), value));
    send(state)
}

fn send(state: &mut State) -> Effects {
    if state.is_setting_sent {
        return Effects::new();
    }
    let Some((key, value)) = state.setting_wanted.take() else { return Effects::new() };
    state.is_setting_sent = true;
    vec![Effect::PutSetting { key, value }]
}

/// A change was taken or refused. The prompt of a setting goes when its value is taken; a refusal is told in it. A search
/// that is there is asked anew with what changed.
pub(super) fn put(state: &mut State, (name, value): (&str, &str), result: Result<String, String>) -> Effects {
    state.is_setting_sent = false;
    let asked = state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Prompt(prompt) if prompt.waiting && prompt.input.text().trim() == value => Some(prompt),
        _ => None,
    });
    let mut effects = match (result, asked) {
        (Ok(text), Some(_)) => {
            state.overlays.retain(|overlay| !matches!(overlay, Overlay::Prompt(prompt) if prompt.waiting));
            toast(state, text, false);
            Effects::new()
        }
        // A key that makes more or less is answered by the value itself.
        (Ok(_), None) => Effects::new(),
        (Err(error), Some(prompt)) => {
            prompt.waiting = false;
            prompt.error = Some(error);
            return send(state);
        }
        (Err(error), None) => {
            toast(state, error, true);
            Effects::new()
        }
    };
    if name.starts_with("search.") && !state.search.input.is_empty() {
        effects.extend(search::ask(state));
    }
    let next = send(state);
    effects.extend(if next.is_empty() { vec![Effect::LoadSettings] } else { next });
    effects
}

/// The settings as they are now; those of the screen itself take effect as soon as they are known.
pub(super) fn loaded(state: &mut State, settings: Vec<SettingNow>) {
    if state.is_setting_sent {
        // What is shown is newer.
        return;
    }
    for row in &settings {
        match (row.setting.name, row.value.as_str()) {
            ("screen.theme", "dark") => state.theme = Theme::Dark,
            ("screen.theme", "light") => state.theme = Theme::Light,
            ("screen.theme", _) => state.theme = Theme::Terminal,
            ("screen.ascii", value) => state.ascii = value == "true",
            _ => {}
        }
    }
    state.settings = settings;
    let rows = state.settings_rows().len();
    state.settings_list.step(0, rows);
}
