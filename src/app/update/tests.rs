mod actions;
mod notes;
mod settings;
mod undo;

use std::sync::Arc;

use tui_textarea::{Input, Key};

use super::*;
use crate::app::keymap::Keymap;
use crate::app::state::Theme;
use crate::domain::health::{ServiceHealth, ServiceRole, ServiceState};
use crate::domain::search::{Hit, Scores, SearchResponse, Snippet};
use crate::domain::status::StatusSnapshot;
use crate::domain::{ChunkId, DocumentId, DocumentView, SourceType, Timestamp};

fn ready() -> State {
    let mut state = State::new(Keymap::default(), Theme::Dark, false);
    let _ = update(&mut state, Event::Opened(Ok(())));
    let status = StatusSnapshot { at: Timestamp(1), ..StatusSnapshot::default() };
    let _ = update(&mut state, Event::StatusChanged(Arc::new(status)));
    state
}

fn press(state: &mut State, character: char) -> Effects {
    update(state, Event::Key(Input { key: Key::Char(character), ctrl: false, alt: false, shift: false }))
}

fn key(state: &mut State, key: Key) -> Effects {
    update(state, Event::Key(Input { key, ctrl: false, alt: false, shift: false }))
}

fn type_text(state: &mut State, text: &str) -> Effects {
    text.chars().flat_map(|character| press(state, character)).collect()
}

fn hit(name: &str) -> Hit {
    Hit {
        rank: 1,
        document_id: DocumentId::from_source_key(name),
        chunk_id: ChunkId(1),
        title: name.into(),
        source_type: SourceType::Markdown,
        source_path: format!("/notes/{name}.md"),
        line: Some(7),
        place: String::new(),
        dated_at: None,
        from: None,
        tags: vec![],
        deleted_at: None,
        snippet: Snippet::default(),
        scores: Scores::default(),
        alike: Vec::new(),
        other_places: vec![],
    }
}

fn document(name: &str) -> DocumentView {
    DocumentView {
        id: DocumentId::from_source_key(name),
        source_type: SourceType::Markdown,
        source_path: format!("/notes/{name}.md"),
        source_offset: None,
        title: name.into(),
        dated_at: None,
        ingested_at: Timestamp(1),
        deleted_at: None,
        tags: vec![],
        people: vec![],
        message: None,
        chunks: vec![],
        thread: vec![],
    }
}

fn answer(state: &mut State, hits: Vec<Hit>) -> Effects {
    let generation = state.search.generation;
    let response = SearchResponse { hits, ..SearchResponse::default() };
    update(state, Event::Searched { generation, result: Ok(response) })
}

#[test]
fn every_key_asks_anew_and_only_the_newest_answer_counts() {
    let mut state = ready();
    press(&mut state, '/');
    let effects = type_text(&mut state, "ab");
    let generations: Vec<u64> = effects
        .iter()
        .filter_map(|e| if let Effect::Search { generation, .. } = e { Some(*generation) } else { None })
        .collect();
    assert_eq!(generations.len(), 2);
    let stale = Event::Searched {
        generation: generations[0],
        result: Ok(SearchResponse { hits: vec![hit("old")], ..SearchResponse::default() }),
    };
    let _ = update(&mut state, stale);
    assert!(state.search.hits().is_empty() && state.search.is_waiting);
    let _ = answer(&mut state, vec![hit("new")]);
    assert_eq!(state.search.hits()[0].title, "new");
}

#[test]
fn the_list_goes_on_behind_its_end_and_only_for_the_query_it_is_of() {
    let mut state = ready();
    press(&mut state, '/');
    type_text(&mut state, "a");
    let page = |state: &mut State, from: usize, next_offset: Option<usize>| {
        let hits = (from..from + 30).map(|number| hit(&format!("n{number}"))).collect();
        let (generation, response) =
            (state.search.generation, SearchResponse { hits, next_offset, ..SearchResponse::default() });
        update(state, Event::Searched { generation, result: Ok(response) })
    };
    let asked = |effects: &Effects| {
        let mut offsets = effects.iter().filter_map(|effect| match effect {
            Effect::Search { request, .. } => Some(request.offset),
            _ => None,
        });
        offsets.next()
    };
    let _ = page(&mut state, 0, Some(30));
    key(&mut state, Key::Enter);
    let mut offsets = Vec::new();
    for _ in 0..29 {
        offsets.extend(asked(&key(&mut state, Key::Down)));
    }
    assert_eq!((offsets, state.search.selected), (vec![30], 29), "asked for once, before the end is there");
    let _ = page(&mut state, 30, None);
    assert_eq!((state.search.hits().len(), state.search.selected), (60, 29), "what is looked at stays");
    for _ in 0..40 {
        assert_eq!(asked(&key(&mut state, Key::Down)), None, "there is no more");
    }
    assert_eq!(state.search.hit().map(|hit| hit.title.clone()), Some("n59".to_owned()));
    // A failure is told and takes nothing away; what belongs to an older query is passed over.
    press(&mut state, '/');
    type_text(&mut state, "b");
    let _ = page(&mut state, 0, Some(30));
    key(&mut state, Key::Enter);
    assert_eq!(asked(&key(&mut state, Key::End)).or_else(|| asked(&key(&mut state, Key::Down))), Some(30));
    let generation = state.search.generation;
    let _ = update(&mut state, Event::Searched { generation, result: Err("away".into()) });
    assert_eq!(state.search.hits().len(), 30);
    assert_eq!(asked(&key(&mut state, Key::Down)), Some(30), "asked for again");
    press(&mut state, '/');
    type_text(&mut state, "c");
    let late = SearchResponse { hits: vec![hit("late")], ..SearchResponse::default() };
    let _ = update(&mut state, Event::Searched { generation, result: Ok(late) });
    assert!(state.search.hits().iter().all(|hit| hit.title != "late"));
}

#[test]
fn a_list_of_something_else_is_not_put_behind_the_one_before() {
    let mut state = ready();
    press(&mut state, '/');
    type_text(&mut state, "a");
    let generation = state.search.generation;
    let hits = (0..30).map(|number| hit(&format!("n{number}"))).collect();
    let response = SearchResponse { hits, next_offset: Some(30), ..SearchResponse::default() };
    let _ = update(&mut state, Event::Searched { generation, result: Ok(response) });
    key(&mut state, Key::Enter);
    for _ in 0..29 {
        key(&mut state, Key::Down);
    }
    assert_eq!(state.search.more, Some(30));
    press(&mut state, 's');
    let _ = answer(&mut state, vec![hit("like it")]);
    assert_eq!(state.search.hits().len(), 1, "what is like a hit, and nothing of the page that was on its way");
}

#[test]
fn searches_of_earlier_starts_stand_before_those_of_this_one() {
    let mut state = ready();
    let remembered = |effects: &Effects| {
        effects.iter().find_map(|effect| match effect {
            Effect::RememberSearch(query) => Some(query.clone()),
            _ => None,
        })
    };
    press(&mut state, '/');
    type_text(&mut state, "budget");
    assert_eq!(remembered(&key(&mut state, Key::Enter)).as_deref(), Some("budget"));
    press(&mut state, '/');
    assert_eq!(remembered(&key(&mut state, Key::Enter)), None, "it is the newest already");
    let found = ["old", "budget", "older is before"].map(str::to_owned).to_vec();
    assert!(update(&mut state, Event::SearchesFound(found)).is_empty());
    assert_eq!(state.search.history, ["old", "older is before", "budget"]);
    press(&mut state, '/');
    let up = Input { key: Key::Up, ctrl: true, alt: false, shift: false };
    for wanted in ["budget", "older is before", "old", "old"] {
        let _ = update(&mut state, Event::Key(up.clone()));
        assert_eq!(state.search.input.text(), wanted);
    }
}

#[test]
fn a_search_that_failed_is_asked_again_when_its_service_is_back() {
    let seen = |state: &mut State, second: i64, role: ServiceRole, is: ServiceState| {
        let service = ServiceHealth {
            role,
            name: String::new(),
            state: is,
            detail: String::new(),
            error: None,
            latency_ms: None,
            latency_history_ms: vec![],
            probed_at: None,
        };
        let _ = update(state, Event::Ticked(Timestamp(second * 1000)));
        let status = StatusSnapshot { at: Timestamp(2), services: vec![service], ..StatusSnapshot::default() };
        update(state, Event::StatusChanged(Arc::new(status)))
    };
    let asks = |effects: Effects| matches!(effects[..], [Effect::Search { .. }]);
    let answered = |state: &mut State, result: Result<SearchResponse, String>| {
        let generation = state.search.generation;
        let _ = update(state, Event::Searched { generation, result });
    };
    let degraded = || SearchResponse { hits: vec![hit("x"), hit("y")], degraded: true, ..SearchResponse::default() };
    let (up, down) = (ServiceState::Ok, ServiceState::Down);
    let mut state = ready();
    press(&mut state, '/');
    type_text(&mut state, "a");
    // Whatever comes first, the failure or the end of the outage.
    assert!(!asks(seen(&mut state, 1, ServiceRole::Store, up)), "not while an answer is awaited");
    answered(&mut state, Err("the store did not answer".into()));
    assert!(!asks(seen(&mut state, 3, ServiceRole::Store, down)), "still away");
    assert!(asks(seen(&mut state, 4, ServiceRole::Store, up)));
    let _ = answer(&mut state, vec![hit("x"), hit("y")]);
    assert!(!asks(seen(&mut state, 60, ServiceRole::Store, up)), "answered");

    type_text(&mut state, "b");
    answered(&mut state, Ok(degraded()));
    assert!(!asks(seen(&mut state, 63, ServiceRole::Embedder, up)), "a model that failed rests");
    assert!(!asks(seen(&mut state, 80, ServiceRole::Embedder, down)));
    assert!(asks(seen(&mut state, 81, ServiceRole::Embedder, up)));
    answered(&mut state, Ok(degraded()));
    key(&mut state, Key::Down);
    assert!(!asks(seen(&mut state, 100, ServiceRole::Embedder, up)), "somebody goes through the list");
    key(&mut state, Key::Up);
    let again: Vec<bool> = (0..5)
        .map(|minute| {
            let asked = asks(seen(&mut state, 100 + minute * 60, ServiceRole::Embedder, up));
            answered(&mut state, Ok(degraded()));
            asked
        })
        .collect();
    assert_eq!(
        again,
        [true, true, false, false, false],
        "a service that is up and does not do it is not asked for ever"
    );
    // Typing anew begins anew; what is like a document is not what was typed.
    type_text(&mut state, "c");
    answered(&mut state, Ok(degraded()));
    key(&mut state, Key::Esc);
    assert!(matches!(press(&mut state, 's')[..], [Effect::MoreLike { .. }]));
    answered(&mut state, Err("no".into()));
    assert!(!asks(seen(&mut state, 900, ServiceRole::Store, up)));
}

#[test]
fn q_is_a_letter_while_typing_and_quits_otherwise() {
    let mut state = ready();
    press(&mut state, '/');
    assert!(!press(&mut state, 'q').contains(&Effect::Quit));
    assert_eq!(state.search.input.text(), "q");
    key(&mut state, Key::Esc);
    assert_eq!(press(&mut state, 'q'), [Effect::Quit]);
    let control_c = Event::Key(Input { key: Key::Char('c'), ctrl: true, alt: false, shift: false });
    press(&mut state, '/');
    assert_eq!(update(&mut state, control_c), [Effect::Quit]);
}

#[test]
fn deleting_needs_two_different_keys() {
    let mut state = ready();
    press(&mut state, '/');
    type_text(&mut state, "x");
    let _ = answer(&mut state, vec![hit("a")]);
    key(&mut state, Key::Esc);
    assert!(press(&mut state, 'd').is_empty());
    assert!(key(&mut state, Key::Enter).is_empty(), "Enter alone does nothing");
    press(&mut state, 'd');
    assert!(press(&mut state, 'y').is_empty());
    assert_eq!(key(&mut state, Key::Enter), [Effect::Delete(vec![DocumentId::from_source_key("a")])]);
}

#[test]
fn a_preview_of_another_document_is_never_shown() {
    let mut state = ready();
    let _ = update(&mut state, Event::Resized { width: 120, height: 40 });
    press(&mut state, '2');
    type_text(&mut state, "x");
    let effects = answer(&mut state, vec![hit("a"), hit("b")]);
    assert_eq!(effects, [Effect::LoadDocument(DocumentId::from_source_key("a"))]);
    key(&mut state, Key::Esc);
    let effects = press(&mut state, 'j');
    assert_eq!(effects, [Effect::LoadDocument(DocumentId::from_source_key("b"))]);
    assert!(state.search.preview.is_none());
}

#[test]
fn pasted_paths_offer_to_add_them() {
    let mut state = ready();
    let _ = update(&mut state, Event::Pasted("'/a b/c.md' /d.txt\n".into()));
    let effects = key(&mut state, Key::Enter);
    assert_eq!(effects, [Effect::Offer(vec!["/a b/c.md".into(), "/d.txt".into()])]);
    let _ = update(&mut state, Event::Pasted("/with plain blanks.md".into()));
    assert_eq!(key(&mut state, Key::Enter), [Effect::Offer(vec!["/with plain blanks.md".into()])]);
}

#[test]
fn the_welcome_goes_when_something_comes_in() {
    let mut state = ready();
    assert!(state.shows_welcome());
    let mut status = StatusSnapshot { at: Timestamp(2), ..StatusSnapshot::default() };
    status.store.documents = 1;
    let _ = update(&mut state, Event::StatusChanged(Arc::new(status)));
    assert!(!state.shows_welcome());
}

#[test]
fn the_palette_carries_commands_out() {
    let mut state = ready();
    press(&mut state, ':');
    type_text(&mut state, "watch a folder");
    key(&mut state, Key::Enter);
    assert!(matches!(state.overlays.last(), Some(Overlay::Prompt(prompt)) if prompt.kind == PromptKind::Folder));
}

#[test]
fn the_pager_and_the_clipboard_get_the_whole_document() {
    let mut state = ready();
    press(&mut state, '/');
    type_text(&mut state, "x");
    let _ = answer(&mut state, vec![hit("a")]);
    key(&mut state, Key::Esc);
    let id = DocumentId::from_source_key("a");
    assert_eq!(press(&mut state, 'o'), [Effect::LoadDocument(id)]);
    let failed = Event::DocumentLoaded { id, result: Err("gone".into()) };
    assert!(update(&mut state, failed).is_empty());
    assert!(state.toasts.iter().any(|toast| toast.is_error) && state.when_loaded.is_none());
    // Whoever went on to write keeps the keys; whoever went to another screen wanted something else.
    let loaded = || Event::DocumentLoaded { id, result: Ok(Box::new(document("a"))) };
    press(&mut state, 'o');
    assert!(matches!(update(&mut state, loaded())[..], [Effect::Page(_)]));
    press(&mut state, 'o');
    press(&mut state, 'n');
    assert!(update(&mut state, loaded()).is_empty());
    key(&mut state, Key::Esc);
    press(&mut state, 'o');
    press(&mut state, '3');
    assert!(update(&mut state, loaded()).is_empty());
}

#[test]
fn every_list_has_a_filter_and_none_stays_behind() {
    for (number, pane) in [('3', Pane::Intake), ('4', Pane::Outbox), ('5', Pane::Services), ('9', Pane::Settings)] {
        let mut state = ready();
        press(&mut state, number);
        assert_eq!(state.pane(), pane);
        press(&mut state, '/');
        type_text(&mut state, "q");
        assert!(state.list().is_some_and(|list| list.filter.text() == "q"), "{pane:?}");
        key(&mut state, Key::Enter);
        press(&mut state, '1');
        press(&mut state, number);
        assert!(state.list().is_some_and(|list| list.filter.is_empty()), "{pane:?}");
    }
}

#[test]
fn a_screen_that_is_asked_for_is_seen_and_no_document_covers_it() {
    let loaded = || Event::DocumentLoaded { id: DocumentId::from_source_key("a"), result: Ok(Box::new(document("a"))) };
    let mut state = ready();
    press(&mut state, '/');
    type_text(&mut state, "x");
    let _ = answer(&mut state, vec![hit("a")]);
    key(&mut state, Key::Esc);
    for (number, pane) in [('3', Pane::Intake), ('4', Pane::Outbox), ('5', Pane::Services), ('2', Pane::Search)] {
        key(&mut state, Key::Enter);
        let _ = update(&mut state, loaded());
        assert_eq!(state.pane(), Pane::Reader);
        press(&mut state, 'z');
        press(&mut state, number);
        assert_eq!(state.pane(), pane);
        // One that is still on its way stays away.
        press(&mut state, '2');
        key(&mut state, Key::Esc);
        key(&mut state, Key::Enter);
        press(&mut state, number);
        let _ = update(&mut state, loaded());
        assert_eq!(state.pane(), pane);
        press(&mut state, '2');
        key(&mut state, Key::Esc);
    }
}

#[test]
fn a_preview_is_loaded_when_the_terminal_grows_wide_enough() {
    let mut state = ready();
    let _ = update(&mut state, Event::Resized { width: 80, height: 24 });
    press(&mut state, '2');
    type_text(&mut state, "x");
    assert!(answer(&mut state, vec![hit("a")]).is_empty());
    let effects = update(&mut state, Event::Resized { width: 120, height: 24 });
    assert_eq!(effects, [Effect::LoadDocument(DocumentId::from_source_key("a"))]);
    assert!(update(&mut state, Event::Resized { width: 121, height: 24 }).is_empty());
}

#[test]
fn a_click_opens_the_screen_whose_name_is_there() {
    let mut state = ready();
    state.welcomed = true;
    for columns in [60, 80, 160] {
        let _ = update(&mut state, Event::Resized { width: columns, height: 24 });
        for screen in [Screen::Intake, Screen::Log, Screen::Home] {
            let tabs = layout::top_bar(&state, columns).tabs;
            let tab = tabs.iter().find(|tab| tab.screen == screen).unwrap();
            let _ = update(&mut state, Event::Clicked { column: tab.start + 1, row: 0 });
            assert_eq!(state.screen, screen, "{columns}");
        }
    }
}

#[test]
fn ctrl_c_quits_wherever_keys_go() {
    let quit = || Event::Key(Input { key: Key::Char('c'), ctrl: true, alt: false, shift: false });
    let keymap = Keymap::with_overrides(&[("quit".to_owned(), "ctrl-q".to_owned())].into()).unwrap();
    for keys in ["", "2", "/", "3", "3/", "a", "n", "?", ":", "5", "9", "0"] {
        let mut state = State { keymap: keymap.clone(), ..ready() };
        type_text(&mut state, keys);
        assert_eq!(update(&mut state, quit()), [Effect::Quit], "after {keys:?}");
    }
}

fn control(state: &mut State, character: char) -> Effects {
    update(state, Event::Key(Input { key: Key::Char(character), ctrl: true, alt: false, shift: false }))
}

#[test]
fn the_screen_is_drawn_anew_whatever_has_the_keys() {
    for keys in ["", "/ab", "nab", ":ab", "?", "a", "2", "3/x"] {
        let mut state = ready();
        let welcome = state.shows_welcome();
        keys.chars().for_each(|character| drop(press(&mut state, character)));
        assert_eq!(control(&mut state, 'l'), [Effect::Redraw], "{keys:?}");
        assert!(state.shows_welcome() || !keys.is_empty() || !welcome, "it changes nothing");
    }
    let keys = std::collections::BTreeMap::from([("redraw".to_owned(), "l".to_owned())]);
    let mut state = State::new(Keymap::with_overrides(&keys).unwrap(), Theme::Dark, false);
    press(&mut state, '/');
    assert!(!press(&mut state, 'l').contains(&Effect::Redraw), "a letter types");
}
