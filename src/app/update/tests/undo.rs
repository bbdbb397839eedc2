//! What was deleted comes back.

use super::*;
use crate::app::ports::Restored;

#[test]
fn undo_asks_anew_and_can_be_tried_again() {
    let mut state = ready();
    press(&mut state, '/');
    type_text(&mut state, "x");
    let ids = vec![DocumentId::from_source_key("a")];
    let _ = update(&mut state, Event::Deleted { ids: ids.clone(), result: Ok(1) });
    key(&mut state, Key::Esc);
    assert_eq!(press(&mut state, 'u'), [Effect::Restore(ids.clone())]);
    let _ = update(&mut state, Event::Restored { ids: ids.clone(), result: Err("busy".into()) });
    assert_eq!(press(&mut state, 'u'), [Effect::Restore(ids.clone())]);
    let effects = update(&mut state, Event::Restored { ids, result: Ok(Restored { documents: 1, gone_files: 0 }) });
    assert!(matches!(effects[..], [Effect::Search { .. }]));
}

#[test]
fn undo_brings_back_what_is_looked_at_before_what_was_deleted_last() {
    let mut state = ready();
    press(&mut state, '2');
    type_text(&mut state, "is:deleted");
    let deleted = Hit { deleted_at: Some(Timestamp(5)), ..hit("gone") };
    answer(&mut state, vec![deleted.clone(), hit("here")]);
    key(&mut state, Key::Esc);
    state.deleted = vec![DocumentId::from_source_key("last")];
    assert_eq!(press(&mut state, 'u'), [Effect::Restore(vec![deleted.document_id])]);
    press(&mut state, 'j');
    assert_eq!(press(&mut state, 'u'), [Effect::Restore(vec![DocumentId::from_source_key("last")])]);
    // Nothing left of this session: what another one deleted.
    assert_eq!(press(&mut state, 'u'), [Effect::RestoreLast]);
    let none = Event::Restored { ids: vec![], result: Ok(Restored { documents: 0, gone_files: 0 }) };
    let _ = update(&mut state, none);
    assert!(state.toasts.iter().any(|toast| toast.text.contains("nothing is deleted")));
}

#[test]
fn what_was_marked_comes_back_together() {
    let mut state = ready();
    press(&mut state, '2');
    type_text(&mut state, "is:deleted");
    let gone = |name: &str| Hit { deleted_at: Some(Timestamp(5)), ..hit(name) };
    answer(&mut state, vec![gone("a"), gone("b"), gone("c")]);
    key(&mut state, Key::Esc);
    press(&mut state, ' ');
    press(&mut state, ' ');
    let ids = ["a", "b"].map(DocumentId::from_source_key).to_vec();
    assert_eq!(press(&mut state, 'u'), [Effect::Restore(ids.clone())]);
    let _ = update(&mut state, Event::Restored { ids, result: Ok(Restored { documents: 2, gone_files: 0 }) });
    assert!(state.search.marked.is_empty());
}

#[test]
fn what_comes_back_without_its_file_says_so() {
    let mut state = ready();
    for (gone_files, told) in [(1, "the file is gone"), (7, "7 of their files are gone")] {
        let result = Ok(Restored { documents: 9, gone_files });
        let _ = update(&mut state, Event::Restored { ids: vec![], result });
        assert!(state.toasts.iter().any(|toast| toast.text.contains(told)), "{told}");
    }
}
