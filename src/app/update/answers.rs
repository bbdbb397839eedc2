//! Answers of the drivers and new pictures of the machine.

use std::sync::Arc;

use crate::app::effect::{Effect, Effects};
use crate::app::event::Event;
use crate::app::ports::OfferReport;
use crate::app::state::{Opening, Overlay, Screen, State};

use super::{reader, search, toast};

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
            state.outbox.step(0, state.status.dead_events.len());
        }
        Event::Searched { generation, result } => return search::answered(state, generation, result),
        Event::DocumentLoaded { id, result } => {
            let to_read = state.opening_document == Some(id);
            match result {
                Ok(document) if to_read => {
                    state.opening_document = None;
                    reader::open(state, *document);
                }
                Ok(document) if state.search.preview_wanted == Some(id) => {
                    state.search.preview = Some(Arc::new(*document));
                }
                // The selection moved on: an old preview is never shown.
                Ok(_) => {}
                Err(error) => {
                    state.opening_document = None;
                    toast(state, error, true);
                }
            }
        }
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
        Event::SettingsLoaded(Ok(settings)) => state.settings = settings,
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
