//! The reader: scrolling, finding, threads, folding.

use std::sync::Arc;

use tui_textarea::{Input, Key};

use crate::app::command::Command;
use crate::app::effect::{Effect, Effects};
use crate::app::state::{LineEditor, ReaderState, State};
use crate::domain::{DocumentView, terms};

use super::{search, toast};

/// Columns of text: readable lines, not the whole width of a large terminal.
pub(super) fn columns(state: &State) -> usize {
    usize::from(state.size.0.saturating_sub(4)).clamp(10, 110)
}

/// Opens a document that was loaded for reading.
pub(super) fn open(state: &mut State, document: Arc<DocumentView>) {
    let wanted = state.search.input.text();
    let wanted: Vec<String> = terms::wanted(wanted).into_iter().filter(|term| !terms::is_stop_term(term)).collect();
    let columns = columns(state);
    state.reader = Some(ReaderState::new(document, wanted, columns));
}

pub(super) fn typed(state: &mut State, input: &Input) -> Option<Effects> {
    let reader = state.reader.as_mut()?;
    let finding = reader.finding.as_mut()?;
    match input.key {
        Key::Esc => reader.finding = None,
        Key::Enter => {
            let text = finding.text().to_owned();
            reader.finding = None;
            if !text.is_empty() {
                reader.wanted = terms::wanted(&text);
                reader.refresh();
                if !reader.jump(true) && !reader.jump(false) {
                    toast(state, format!("“{text}” is not in this document"), false);
                }
            }
        }
        Key::Char('c') if input.ctrl => return None,
        _ => {
            finding.input(input);
        }
    }
    Some(Effects::new())
}

pub(super) fn command(state: &mut State, command: Command) -> Effects {
    let Some(reader) = &mut state.reader else { return Effects::new() };
    let document = Arc::clone(&reader.document);
    match command {
        Command::Back => {
            state.reader = None;
        }
        Command::FocusInput => reader.finding = Some(LineEditor::default()),
        Command::NextMatch | Command::PreviousMatch if !reader.jump(command == Command::NextMatch) => {
            toast(state, "no further match", false);
        }
        Command::Folding => {
            reader.shows_quotes = !reader.shows_quotes;
            reader.refresh();
        }
        Command::NextInThread => return thread(state, &document, 1),
        Command::PreviousInThread => return thread(state, &document, -1),
        Command::Open => reader.step(1),
        Command::Edit => {
            let line = document.chunks.first().and_then(|chunk| chunk.place.line);
            return search::edit(state, document.source_type, &document.source_path, line);
        }
        Command::Pager => return vec![Effect::Page(search::paged(&document))],
        Command::CopyPath => return vec![Effect::Copy(document.source_path.clone())],
        Command::CopyText => return vec![Effect::Copy(document.body())],
        Command::MoreLike => {
            state.reader = None;
            state.search.generation += 1;
            state.search.is_waiting = true;
            return vec![Effect::MoreLike { generation: state.search.generation, id: document.id }];
        }
        Command::Delete => search::ask_delete(state, vec![document.id], &document.title),
        _ => {}
    }
    Effects::new()
}

fn thread(state: &mut State, document: &DocumentView, by: isize) -> Effects {
    let at = document.thread.iter().position(|entry| entry.id == document.id);
    let next = at.and_then(|at| at.checked_add_signed(by)).and_then(|next| document.thread.get(next));
    if let Some(entry) = next {
        state.opening_document = Some(entry.id);
        vec![Effect::LoadDocument(entry.id)]
    } else {
        toast(state, "the thread ends here", false);
        Effects::new()
    }
}
