//! Search as you type, hits, preview, deletion.

use std::sync::Arc;
use std::time::Duration;

use tui_textarea::{Input, Key};

use crate::app::command::Command;
use crate::app::effect::{Effect, Effects};
use crate::app::state::layout::has_preview;
use crate::app::state::possible::without_file;
use crate::app::state::{Again, Confirm, Opening, Overlay, Screen, State, WhenLoaded};
use crate::domain::health::{ServiceRole, ServiceState};
use crate::domain::search::{SearchRequest, SearchResponse};
use crate::domain::visible::visible_text;
use crate::domain::{DocumentId, DocumentView, SourceType, Timestamp};

use super::toast;

/// Rows asked for at once.
const LIMIT: usize = 30;
/// The next page is asked for when so few rows are left below the selected one.
const AHEAD: usize = 10;
/// How often what was typed is asked again by itself.
const MOST_TRIES: u8 = 3;

/// A key while the input has them; `None` lets the keymap decide.
pub(super) fn typed(state: &mut State, input: &Input) -> Option<Effects> {
    match (&input.key, input.ctrl) {
        (Key::Esc, _) => {
            state.search.typing = false;
            return Some(Effects::new());
        }
        (Key::Enter, _) => {
            state.search.typing = false;
            return Some(state.search.remember().map(Effect::RememberSearch).into_iter().collect());
        }
        (Key::Up, true) => return Some(walk_history(state, -1)),
        (Key::Down, true) => return Some(walk_history(state, 1)),
        (Key::Up | Key::Down | Key::PageUp | Key::PageDown | Key::Tab, false) => return None,
        (Key::Char('c' | 'z' | 't' | 'f'), true) => return None,
        _ => {}
    }
    if state.search.input.input(input) {
        return Some(ask(state));
    }
    Some(Effects::new())
}

/// Asks anew for what is typed.
pub(super) fn ask(state: &mut State) -> Effects {
    let search = &mut state.search;
    let generation = search.next_request();
    search.error = None;
    search.again = Again::default();
    let query = search.input.text().trim().to_owned();
    if query.is_empty() || state.opening != Opening::Ready {
        search.is_waiting = false;
        search.response = None;
        search.preview = None;
        search.preview_wanted = None;
        search.selected = 0;
        return Effects::new();
    }
    search.is_waiting = true;
    let request = SearchRequest { query, limit: LIMIT, offset: 0, mode: search.mode };
    vec![Effect::Search { generation, request }]
}

/// What failed because a service was away is asked again when it is back; an answer that somebody is already going
/// through stays as it is.
pub(super) fn ask_again(state: &mut State) -> Effects {
    let (search, again) = (&state.search, state.search.again);
    let is_well = |role: ServiceRole| {
        let mut services = state.status.services.iter().filter(|service| service.role == role);
        services.all(|service| matches!(service.state, ServiceState::Ok | ServiceState::Degraded))
    };
    let is_due = again.due.is_some_and(|due| due <= state.now) && !search.is_waiting;
    let is_worth_it = match &search.response {
        None => is_well(ServiceRole::Store),
        Some(_) => search.selected == 0 && is_well(ServiceRole::Store) && is_well(ServiceRole::Embedder),
    };
    if !(is_due && is_worth_it) {
        return Effects::new();
    }
    let effects = ask(state);
    state.search.again.tries = again.tries + 1;
    effects
}

/// Whatever is not as it should be may be so by then: a model that failed rests for five seconds.
fn worth_asking_again(state: &State, result: &Result<SearchResponse, String>) -> Option<Timestamp> {
    let seconds = match result {
        Err(_) => 1,
        Ok(response) if response.degraded => 6,
        Ok(_) => return None,
    };
    (state.search.again.tries < MOST_TRIES).then(|| state.now.plus(Duration::from_secs(seconds)))
}

fn walk_history(state: &mut State, by: isize) -> Effects {
    let search = &mut state.search;
    let count = search.history.len();
    if count == 0 {
        return Effects::new();
    }
    let at = search.history_at.unwrap_or(count).saturating_add_signed(by).min(count);
    search.history_at = Some(at);
    let text = search.history.get(at).cloned().unwrap_or_default();
    search.input.set(&text);
    ask(state)
}

/// Takes a correction over; false when none is offered.
pub(super) fn accept_correction(state: &mut State) -> bool {
    let better = state.search.response.as_ref().and_then(|response| response.did_you_mean.clone());
    if let Some(better) = &better {
        state.search.input.set(better);
    }
    better.is_some()
}

pub(super) fn step(state: &mut State, by: isize) -> Effects {
    let count = state.search.hits().len();
    state.search.selected = state.search.selected.saturating_add_signed(by).min(count.saturating_sub(1));
    let mut effects = want_preview(state);
    effects.extend(want_more(state));
    effects
}

/// Asks for the rows behind the list when its end is near.
fn want_more(state: &mut State) -> Option<Effect> {
    let search = &mut state.search;
    let offset = search.response.as_ref()?.next_offset?;
    if search.is_waiting || search.more.is_some() || search.selected + AHEAD < search.hits().len() {
        return None;
    }
    search.more = Some(offset);
    let query = search.input.text().trim().to_owned();
    let request = SearchRequest { query, limit: LIMIT, offset, mode: search.mode };
    Some(Effect::Search { generation: search.generation, request })
}

/// The rows behind the list arrived, or why they did not.
fn go_on(state: &mut State, result: Result<SearchResponse, String>) -> Effects {
    match result {
        Ok(mut next) => {
            if let Some(known) = &mut state.search.response {
                let known = Arc::make_mut(known);
                known.next_offset = next.next_offset;
                known.hits.append(&mut next.hits);
            }
        }
        Err(error) => toast(state, format!("the list could not go on: {error}"), true),
    }
    Effects::new()
}

/// Loads the selected document beside the list, where there is room for it.
pub(super) fn want_preview(state: &mut State) -> Effects {
    // Without room nothing is loaded, and nothing is taken to be.
    let wanted = state.search.hit().map(|hit| hit.document_id).filter(|_| has_preview(state));
    if state.search.preview_wanted == wanted {
        return Effects::new();
    }
    state.search.preview_wanted = wanted;
    state.search.preview = None;
    state.search.preview_error = None;
    wanted.map(Effect::LoadDocument).into_iter().collect()
}

/// The marked documents, else the selected one.
fn chosen(state: &State) -> Vec<DocumentId> {
    if !state.search.marked.is_empty() {
        return state.search.marked.iter().copied().collect();
    }
    state.search.hit().map(|hit| hit.document_id).into_iter().collect()
}

pub(super) fn command(state: &mut State, command: Command) -> Effects {
    let Some(hit) = state.search.hit().cloned() else {
        match command {
            Command::FocusInput | Command::Open => focus_input(state),
            Command::Mode => return next_mode(state),
            Command::Back => return back(state),
            _ => {}
        }
        return Effects::new();
    };
    match command {
        Command::FocusInput => focus_input(state),
        Command::Open => {
            let remembered = state.search.remember().map(Effect::RememberSearch);
            state.opening_document = Some(hit.document_id);
            return remembered.into_iter().chain([Effect::LoadDocument(hit.document_id)]).collect();
        }
        Command::Edit => return edit(state, hit.source_type, &hit.source_path, hit.line),
        Command::Pager => return with_document(state, hit.document_id, WhenLoaded::Page),
        Command::CopyPath => return vec![Effect::Copy(hit.source_path)],
        Command::CopyText => return with_document(state, hit.document_id, WhenLoaded::Copy),
        Command::MoreLike => {
            let generation = state.search.next_request();
            state.search.is_waiting = true;
            // Of this one the typed query knows nothing.
            state.search.again = Again { due: None, tries: MOST_TRIES };
            return vec![Effect::MoreLike { generation, id: hit.document_id }];
        }
        Command::Why => state.search.shows_why = !state.search.shows_why,
        Command::Mode => return next_mode(state),
        Command::Select => {
            if !state.search.marked.remove(&hit.document_id) {
                state.search.marked.insert(hit.document_id);
            }
            return step(state, 1);
        }
        Command::Delete => ask_delete(state, chosen(state), &hit.title),
        Command::Back => return back(state),
        _ => {}
    }
    Effects::new()
}

/// Does something with the whole document of a hit: at once when it is in the preview, else when it is loaded.
fn with_document(state: &mut State, id: DocumentId, action: WhenLoaded) -> Effects {
    if let Some(document) = state.search.preview.as_ref().filter(|document| document.id == id) {
        return vec![act_on(document, action)];
    }
    state.when_loaded = Some((id, action));
    vec![Effect::LoadDocument(id)]
}

/// A document as a pager gets it: some let through whatever steers a terminal.
pub(super) fn paged(document: &DocumentView) -> String {
    visible_text(&format!("{}\n\n{}", document.title, document.body())).into_owned()
}

/// What is asked of the terminal for a document that is there.
pub(super) fn act_on(document: &DocumentView, action: WhenLoaded) -> Effect {
    match action {
        WhenLoaded::Page => Effect::Page(paged(document)),
        WhenLoaded::Copy => Effect::Copy(document.body()),
    }
}

fn focus_input(state: &mut State) {
    if state.screen != Screen::Search && state.screen != Screen::Home {
        state.screen = Screen::Search;
    }
    state.welcomed = true;
    state.search.typing = true;
}

fn back(state: &mut State) -> Effects {
    if !state.search.marked.is_empty() {
        state.search.marked.clear();
    } else if state.screen == Screen::Search {
        state.screen = Screen::Home;
    }
    want_preview(state)
}

fn next_mode(state: &mut State) -> Effects {
    state.search.mode = state.search.mode.next();
    ask(state)
}

/// Only files can be edited: a message of an archive or a note of our own has no file to itself.
pub(super) fn edit(state: &mut State, kind: SourceType, path: &str, line: Option<u32>) -> Effects {
    match without_file(kind) {
        Some(reason) => {
            toast(state, reason, false);
            Effects::new()
        }
        None => vec![Effect::Edit { path: path.to_owned(), line }],
    }
}

pub(super) fn ask_delete(state: &mut State, ids: Vec<DocumentId>, title: &str) {
    let summary = match ids.len() {
        1 => format!("Delete “{title}” from Peanut? Its file stays; u brings it back."),
        count => format!("Delete {count} documents from Peanut? Their files stay; u brings them back."),
    };
    state.overlays.push(Overlay::Confirm(Confirm { summary, effect: Effect::Delete(ids), armed: false }));
}

/// Brings back what is looked at, when it is deleted; else what was deleted last, in this session or before.
pub(super) fn undo(state: &mut State) -> Effects {
    let looked_at: Vec<DocumentId> = if let Some(reader) = &state.reader {
        reader.document.deleted_at.map(|_| reader.document.id).into_iter().collect()
    } else {
        let chosen = chosen(state);
        let hits = state.search.hits().iter().filter(|hit| hit.deleted_at.is_some());
        hits.map(|hit| hit.document_id).filter(|id| chosen.contains(id)).collect()
    };
    if !looked_at.is_empty() {
        return vec![Effect::Restore(looked_at)];
    }
    if state.deleted.is_empty() {
        vec![Effect::RestoreLast]
    } else {
        vec![Effect::Restore(std::mem::take(&mut state.deleted))]
    }
}

/// An answer arrived; stale ones are passed over.
pub(super) fn answered(state: &mut State, generation: u64, result: Result<SearchResponse, String>) -> Effects {
    if generation != state.search.generation {
        return Effects::new();
    }
    if state.search.more.take().is_some() {
        return go_on(state, result);
    }
    state.search.is_waiting = false;
    state.search.again.due = worth_asking_again(state, &result);
    match result {
        Ok(response) => {
            state.search.response = Some(Arc::new(response));
            state.search.error = None;
            state.search.selected = 0;
            want_preview(state)
        }
        Err(error) => {
            state.search.response = None;
            state.search.error = Some(error);
            Effects::new()
        }
    }
}
