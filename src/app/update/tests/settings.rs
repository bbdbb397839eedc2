//! Settings: typed, made more or less, refused, and what they change on the screen.

use crate::domain::settings::{Origin, SettingNow, setting};

use super::*;

pub(super) fn now(name: &str, value: &str) -> SettingNow {
    let setting = setting(name).unwrap();
    SettingNow {
        setting,
        value: value.to_owned(),
        next: None,
        is_writable: true,
        origin: Origin::Default,
        file: "/c/config.toml".to_owned(),
    }
}

fn shown(rows: Vec<SettingNow>) -> State {
    let mut state = ready();
    press(&mut state, '9');
    let _ = update(&mut state, Event::SettingsLoaded(Ok(rows)));
    state
}

fn put(state: &mut State, name: &str, value: &str, result: Result<&str, &str>) -> Effects {
    let result = result.map(str::to_owned).map_err(str::to_owned);
    update(state, Event::SettingPut { name: name.into(), value: value.into(), result })
}

fn wanted(key: &str, value: &str) -> Effect {
    Effect::PutSetting { key: key.into(), value: value.into() }
}

#[test]
fn a_refused_setting_keeps_its_prompt_and_says_why() {
    let mut state = shown(vec![now("search.rrf_k", "60")]);
    key(&mut state, Key::Enter);
    type_text(&mut state, "x");
    assert_eq!(key(&mut state, Key::Enter), [wanted("search.rrf_k", "60x")]);
    let _ = put(&mut state, "search.rrf_k", "60x", Err("a number from 1 to 1000"));
    assert!(
        matches!(state.overlays.last(), Some(Overlay::Prompt(prompt)) if prompt.error.is_some() && !prompt.waiting)
    );
    key(&mut state, Key::Backspace);
    key(&mut state, Key::Enter);
    assert_eq!(put(&mut state, "search.rrf_k", "60", Ok("search.rrf_k = 60")), [Effect::LoadSettings]);
    assert!(state.overlays.is_empty());
}

#[test]
fn of_many_keys_the_last_decides_and_the_search_is_asked_anew() {
    let mut state = ready();
    press(&mut state, '/');
    type_text(&mut state, "budget");
    let _ = answer(&mut state, vec![hit("a")]);
    key(&mut state, Key::Esc);
    press(&mut state, '9');
    let _ = update(&mut state, Event::SettingsLoaded(Ok(vec![now("search.vector_weight", "0.5")])));
    assert_eq!(key(&mut state, Key::Right), [wanted("search.vector_weight", "0.55")]);
    assert!(key(&mut state, Key::Right).is_empty() && key(&mut state, Key::Right).is_empty(), "one at a time");
    assert_eq!(state.settings[0].value, "0.65", "what is shown follows the key");
    let effects = put(&mut state, "search.vector_weight", "0.55", Ok("done"));
    assert!(matches!(&effects[..], [Effect::Search { .. }, put] if *put == wanted("search.vector_weight", "0.65")));
    let effects = put(&mut state, "search.vector_weight", "0.65", Ok("done"));
    assert!(matches!(&effects[..], [Effect::Search { .. }, Effect::LoadSettings]));
}

#[test]
fn what_is_set_elsewhere_is_not_changed_here_and_says_where() {
    let mut row = now("log_level", "info");
    row.origin = Origin::Environment("PEANUT_LOG".into());
    let mut state = shown(vec![row, now("API_KEY_READ", "none")]);
    assert!(key(&mut state, Key::Enter).is_empty() && state.overlays.is_empty());
    assert!(state.toasts.iter().any(|toast| toast.text.contains("variable PEANUT_LOG")));
    press(&mut state, 'j');
    assert!(key(&mut state, Key::Enter).is_empty() && state.overlays.is_empty());
    assert!(state.toasts.iter().any(|toast| toast.text.contains("API_KEY_READ")));
}

#[test]
fn the_theme_changes_with_its_setting() {
    let state = shown(vec![now("screen.theme", "light"), now("screen.ascii", "true")]);
    assert!(state.theme == Theme::Light && state.ascii);
}
