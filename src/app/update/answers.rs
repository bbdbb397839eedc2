//! Answers of the drivers and new pictures of the machine.

use std::sync::Arc;

use crate::app::effect::{Effect, Effects};
use crate::app::event::Event;
use crate::app::ports::{OfferReport, Restored};
use crate::app::state::{Opening, Overlay, Screen, State};
use crate::domain::{DocumentId, DocumentView};

use super::{reader, search, settings, toast};

pub(super) fn take(state: &mut State, event: Event) -> Effects {
    match event {
        Event::Opened(Ok(())) => {
            state.opening = Opening::Ready;
            return search::ask(state);
        }
        Event::Opened(Err(error)) => state.opening = Opening::Failed(error),
        Event::StatusChanged(status) => {
            state.history.sample(&status);
            state.status = status;
            state.has_status = state.status.at.0 > 0;
            let rows = state.intake_rows();
            state.intake.step(0, rows);
            let rows = state.dead_events().len();
            state.outbox.step(0, rows);
            return search::ask_again(state);
        }
        Event::Searched { generation, result } => return search::answered(state, generation, result),
        Event::DocumentLoaded { id, result } => return loaded(state, id, result),
        Event::LinksLoaded { id, result } => reader::linked(state, id, result),
        Event::ThreadLoaded { open, result } => reader::conversation(state, open, result),
        Event::Offered(result) => offered(state, result),
        Event::Deleted { ids, result } => match result {
            Ok(count) => {
                toast(state, format!("{count} deleted (u brings back)"), false);
                state.deleted = ids;
                state.search.marked.clear();
                state.reader = None;
                return search::ask(state);
            }
            Err(error) => toast(state, error, true),
        },
        Event::Restored { ids, result } => match result {
            Ok(Restored { documents: 0, .. }) => toast(state, "nothing is deleted that could be brought back", false),
            Ok(restored) => {
                toast(state, brought_back(restored), false);
                if let Some(reader) = state.reader.as_mut().filter(|reader| ids.contains(&reader.document.id)) {
                    Arc::make_mut(&mut reader.document).deleted_at = None;
                }
                state.deleted.retain(|id| !ids.contains(id));
                state.search.marked.clear();
                return search::ask(state);
            }
            Err(error) => {
                // Another try must be possible, unless something else was deleted meanwhile.
                if state.deleted.is_empty() {
                    state.deleted = ids;
                }
                toast(state, error, true);
            }
        },
        Event::DraftsFound(found) => state.drafts = found,
        Event::SearchesFound(found) => state.search.remembered(found),
        Event::NoteWritten(result) => return note_written(state, result),
        Event::SettingPut { name, value, result } => return settings::put(state, (&name, &value), result),
        Event::SettingsLoaded(Ok(loaded)) => settings::loaded(state, loaded),
        Event::LogLoaded(Ok(lines)) => state.log = lines,
        Event::SettingsLoaded(Err(error)) | Event::LogLoaded(Err(error)) | Event::Finished(Err(error)) => {
            toast(state, error, true);
        }
        Event::Finished(Ok(text)) => {
            if !text.is_empty() {
                toast(state, text, false);
            }
            if state.screen == Screen::Settings {
                return vec![Effect::LoadSettings];
            }
        }
        Event::PathCompleted { typed, completed } => complete(state, &typed, completed),
        _ => {}
    }
    Effects::new()
}

fn brought_back(restored: Restored) -> String {
    let Restored { documents, gone_files } = restored;
    match gone_files {
        0 => format!("{documents} brought back"),
        1 => format!("{documents} brought back; the file is gone: it is kept here alone"),
        files => format!("{documents} brought back; {files} of their files are gone: kept here alone"),
    }
}

fn loaded(state: &mut State, id: DocumentId, result: Result<Box<DocumentView>, String>) -> Effects {
    let action = state.when_loaded.filter(|(wanted, _)| *wanted == id).map(|(_, action)| action);
    if action.is_some() {
        state.when_loaded = None;
    }
    let to_read = state.opening_document == Some(id);
    if to_read {
        state.opening_document = None;
    }
    let in_preview = state.search.preview_wanted == Some(id);
    match result {
        Ok(document) => {
            let mut effects: Effects = action.map(|action| search::act_on(&document, action)).into_iter().collect();
            let is_writing = !state.overlays.is_empty() || state.is_typing();
            if is_writing && effects.iter().any(|effect| matches!(effect, Effect::Page(_))) {
                // The keys of whoever went on to write must not go to a pager that was asked for before.
                effects.clear();
                toast(state, "not shown in the pager: you went on to something else".to_owned(), false);
            }
            let document = Arc::new(*document);
            // Only if the selection did not move on: an old preview is never shown.
            if in_preview {
                state.search.preview = Some(Arc::clone(&document));
            }
            if to_read {
                effects.extend(reader::open(state, document));
            }
            effects
        }
        Err(error) => {
            if in_preview {
                state.search.preview_error = Some(error.clone());
            }
            if to_read || action.is_some() {
                toast(state, error, true);
            }
            Effects::new()
        }
    }
}

/// The editor goes when its note is stored, and not before.
fn note_written(state: &mut State, result: Result<(), String>) -> Effects {
    let Err(error) = result else {
        let mut effects = Effects::new();
        state.overlays.retain(|overlay| match overlay {
            Overlay::Note(note) if note.saving => {
                effects.push(Effect::DiscardDraft(note.number));
                false
            }
            _ => true,
        });
        toast(state, "note stored", false);
        return effects;
    };
    let being_saved = state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Note(note) if note.saving => Some(note),
        _ => None,
    });
    if let Some(note) = being_saved {
        note.saving = false;
        note.error = Some(error);
    } else {
        toast(state, error, true);
    }
    Effects::new()
}

fn offered(state: &mut State, result: Result<OfferReport, String>) {
    match result {
        Ok(report) => {
            for (path, reason) in report.refused.iter().take(2) {
                toast(state, format!("{path}: {reason}"), true);
            }
            if report.refused.is_empty() || report.queued + report.unchanged > 0 {
                let unchanged =
                    if report.unchanged > 0 { format!(", {} already in", report.unchanged) } else { String::new() };
                toast(state, format!("{} files queued{unchanged}", report.queued), false);
            }
        }
        Err(error) => toast(state, error, true),
    }
}

/// One completion is typed out; several are listed, and typed out as far as they agree.
fn complete(state: &mut State, typed: &str, completed: Vec<String>) {
    let Some(Overlay::Prompt(prompt)) = state.overlays.last_mut() else { return };
    if prompt.input.text() != typed {
        return;
    }
    let common = completed.iter().skip(1).fold(completed.first().cloned().unwrap_or_default(), |common, next| {
        let same = common.chars().zip(next.chars()).take_while(|(a, b)| a == b).count();
        common.chars().take(same).collect()
    });
    if common.len() > typed.len() {
        prompt.input.set(&common);
    }
    prompt.completions = if completed.len() > 1 { completed } else { Vec::new() };
}
