//! Notes in their editor: kept, stored, taken up again.

use super::*;
use crate::app::ports::Draft;

#[test]
fn a_note_that_was_not_stored_is_not_lost_by_one_key() {
    let mut state = ready();
    press(&mut state, 'n');
    type_text(&mut state, "Idea");
    key(&mut state, Key::Esc);
    assert_eq!(state.overlays.len(), 1, "asks first");
    let control_s = Event::Key(Input { key: Key::Char('s'), ctrl: true, alt: false, shift: false });
    assert_eq!(update(&mut state, control_s), [Effect::WriteNote { title: "Idea".into(), text: String::new() }]);
}

fn control_s() -> Event {
    Event::Key(Input { key: Key::Char('s'), ctrl: true, alt: false, shift: false })
}

fn note_text(state: &State) -> Option<(String, Option<String>)> {
    match state.overlays.last() {
        Some(Overlay::Note(note)) => Some((note.title.text().to_owned(), note.error.clone())),
        _ => None,
    }
}

#[test]
fn a_note_that_cannot_be_stored_stays_in_its_editor() {
    let mut state = ready();
    press(&mut state, 'n');
    type_text(&mut state, "Idea");
    assert!(matches!(update(&mut state, control_s())[..], [Effect::WriteNote { .. }]));
    assert!(update(&mut state, control_s()).is_empty(), "it is not stored twice");
    key(&mut state, Key::Esc);
    let _ = update(&mut state, Event::NoteWritten(Err("the disk is full".into())));
    assert_eq!(note_text(&state), Some(("Idea".into(), Some("the disk is full".into()))));
    assert!(matches!(update(&mut state, control_s())[..], [Effect::WriteNote { .. }]));
    let _ = update(&mut state, Event::NoteWritten(Ok(())));
    assert!(state.overlays.is_empty());
}

#[test]
fn a_note_is_kept_key_by_key_until_it_is_stored() {
    let mut state = ready();
    press(&mut state, 'n');
    let kept = |effects: &Effects| match effects.last() {
        Some(Effect::KeepDraft(draft)) => Some((draft.number, draft.title.clone(), draft.text.clone())),
        _ => None,
    };
    assert_eq!(kept(&type_text(&mut state, "Plan")), Some((1, "Plan".into(), String::new())));
    key(&mut state, Key::Tab);
    assert_eq!(kept(&type_text(&mut state, "ab")), Some((1, "Plan".into(), "ab".into())));
    assert!(key(&mut state, Key::Left).is_empty(), "nothing changed");
    let pasted = update(&mut state, Event::Pasted("x\ny".into()));
    assert_eq!(kept(&pasted), Some((1, "Plan".into(), "ax\nyb".into())));
    assert_eq!(control(&mut state, 'c'), [Effect::Quit], "what is kept can be left at once");
    control(&mut state, 's');
    assert_eq!(update(&mut state, Event::NoteWritten(Ok(()))), [Effect::DiscardDraft(1)]);
    press(&mut state, 'n');
    assert_eq!(kept(&type_text(&mut state, "b")).map(|(number, ..)| number), Some(2));
    key(&mut state, Key::Esc);
    assert_eq!(key(&mut state, Key::Esc), [Effect::DiscardDraft(2)]);
}

#[test]
fn what_was_left_unfinished_is_offered_taken_up_or_set_aside() {
    let draft = |number, title: &str| Draft { number, title: title.to_owned(), text: "one\ntwo".to_owned() };
    let mut state = ready();
    let _ = update(&mut state, Event::DraftsFound(vec![draft(7, "Old"), draft(8, "New")]));
    press(&mut state, 'n');
    assert!(
        matches!(state.overlays.last(), Some(Overlay::Note(note)) if note.is_offered && note.draft() == draft(8, "New"))
    );
    control(&mut state, 'n');
    assert!(matches!(state.overlays.last(), Some(Overlay::Note(note)) if !note.is_dirty()));
    key(&mut state, Key::Esc);
    assert_eq!(state.drafts, [draft(8, "New"), draft(7, "Old")]);
    press(&mut state, 'n');
    let effects = type_text(&mut state, "er");
    assert!(matches!(effects.last(), Some(Effect::KeepDraft(kept)) if kept.number == 7 && kept.title == "Older"));
    assert_eq!(control(&mut state, 's').len(), 1);
    assert_eq!(update(&mut state, Event::NoteWritten(Ok(()))), [Effect::DiscardDraft(7)]);
    assert_eq!(state.drafts, [draft(8, "New")]);
}
