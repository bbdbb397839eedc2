//! The reader: scrolling, finding, links, documents opened one after the other, threads, folding.

use std::sync::Arc;

use tui_textarea::{Input, Key};

use crate::app::command::Command;
use crate::app::effect::{Effect, Effects};
use crate::app::state::{LineEditor, ReaderState, State, Target, View, layout};
use crate::domain::search::Sought;
use crate::domain::{DocumentId, DocumentLinks, DocumentView, terms};

use super::{search, toast};

/// Messages of a thread that are shown as one conversation.
const MOST_MESSAGES: usize = 100;

/// How a document is shown: readable lines, not the whole width of a large terminal.
pub(super) fn view(state: &State) -> View {
    View {
        columns: usize::from(state.size.0.saturating_sub(4)).clamp(10, 110),
        rows: usize::from(layout::middle(state).rows.saturating_sub(2)).max(1),
        ascii: state.ascii,
    }
}

/// Opens a document that was loaded for reading; one that is open lies behind it then.
pub(super) fn open(state: &mut State, document: Arc<DocumentView>) -> Effects {
    let id = document.id;
    let view = view(state);
    let reader = if let Some(before) = state.reader.take() {
        let is_same_thread = before.document.thread.iter().any(|entry| entry.id == id);
        let sought = if is_same_thread { before.sought.clone() } else { Sought::default() };
        ReaderState::new(document, sought, None, view).after(before)
    } else {
        let hit = state.search.hit().filter(|hit| hit.document_id == id);
        let sought = state.search.response.as_ref().map(|response| (*response.sought).clone()).unwrap_or_default();
        ReaderState::new(document, sought, hit.map(|hit| hit.chunk_id), view)
    };
    state.reader = Some(reader);
    vec![Effect::LoadLinks(id)]
}

/// How the document is linked arrived; an error is told, for the text can be read without.
pub(super) fn linked(state: &mut State, id: DocumentId, result: Result<DocumentLinks, String>) {
    match result {
        Ok(links) => {
            if let Some(reader) = state.reader.as_mut().filter(|reader| reader.document.id == id) {
                reader.take_links(links);
            }
        }
        Err(error) => toast(state, format!("links are not known: {error}"), true),
    }
}

/// The thread of the open message arrived.
pub(super) fn conversation(state: &mut State, open: DocumentId, result: Result<Vec<DocumentView>, String>) {
    match result {
        Ok(messages) => {
            if let Some(reader) = state.reader.as_mut().filter(|reader| reader.document.id == open) {
                reader.converse(messages.into_iter().map(Arc::new).collect());
            }
        }
        Err(error) => toast(state, error, true),
    }
}

pub(super) fn typed(state: &mut State, input: &Input) -> Option<Effects> {
    let reader = state.reader.as_mut()?;
    let finding = reader.finding.as_mut()?;
    match input.key {
        Key::Esc => reader.finding = None,
        Key::Enter => {
            let text = finding.text().to_owned();
            reader.finding = None;
            if !text.is_empty() && !reader.seek(sought(&text)) {
                toast(state, format!("“{text}” is not in this document"), false);
            }
        }
        Key::Char('c') if input.ctrl => return None,
        _ => {
            finding.input(input);
        }
    }
    Some(Effects::new())
}

/// What is typed to be found in a document: words, and beginnings of words with a star.
fn sought(text: &str) -> Sought {
    let (begun, whole): (Vec<&str>, Vec<&str>) = text.split_whitespace().partition(|word| word.ends_with('*'));
    let prefixes = begun.iter().map(|word| terms::fold(word)).filter(|word| !word.is_empty()).collect();
    Sought { terms: terms::wanted(&whole.join(" ")), prefixes }
}

pub(super) fn command(state: &mut State, command: Command) -> Effects {
    let Some(reader) = &mut state.reader else { return Effects::new() };
    let document = Arc::clone(&reader.document);
    match command {
        Command::Back => return back(state),
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
        Command::Conversation => return converse(state),
        Command::NextLink | Command::PreviousLink if !reader.next_link(command == Command::NextLink) => {
            toast(state, "there is no link in this document", false);
        }
        Command::Backlinks if !reader.show_backlinks() => toast(state, "no document links here", false),
        Command::DocumentBack if !reader.back() => toast(state, "this was the first document", false),
        Command::DocumentForward if !reader.forward() => toast(state, "there is no document ahead", false),
        Command::Open => return follow(state),
        Command::Edit => {
            let line = document.chunks.first().and_then(|chunk| chunk.place.line);
            return search::edit(state, document.source_type, &document.source_path, line);
        }
        Command::Pager => return vec![Effect::Page(search::paged(&document))],
        Command::CopyPath => {
            let text = match reader.target() {
                Some(Target::Address(text) | Target::Missing(text) | Target::Document(_, text)) => text.clone(),
                None => document.source_path.clone(),
            };
            return vec![Effect::Copy(text)];
        }
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

/// A selected link is let go first, then a conversation, then the document for the one before it.
fn back(state: &mut State) -> Effects {
    let Some(reader) = &mut state.reader else { return Effects::new() };
    if reader.link.take().is_some() {
        return Effects::new();
    }
    if reader.conversation.is_some() {
        reader.stop_conversing();
    } else if !reader.back() {
        state.reader = None;
    }
    Effects::new()
}

/// Opens what the selected link leads to; without one the text moves on by a line.
fn follow(state: &mut State) -> Effects {
    let Some(reader) = &mut state.reader else { return Effects::new() };
    match reader.target().cloned() {
        None => reader.step(1),
        Some(Target::Document(id, _)) => {
            state.opening_document = Some(id);
            return vec![Effect::LoadDocument(id)];
        }
        Some(Target::Address(address)) if address.starts_with("mailto:") => {
            toast(state, "an address for mail: y copies it", false);
        }
        Some(Target::Address(_)) => toast(state, "an address outside of Peanut: y copies it", false),
        Some(Target::Missing(name)) => toast(state, format!("“{name}” is not in Peanut"), false),
    }
    Effects::new()
}

/// Shows the whole thread, or the one message again.
fn converse(state: &mut State) -> Effects {
    let Some(reader) = &mut state.reader else { return Effects::new() };
    if reader.conversation.is_some() {
        reader.stop_conversing();
        return Effects::new();
    }
    let thread = &reader.document.thread;
    if thread.len() < 2 {
        toast(state, "this message has no thread", false);
        return Effects::new();
    }
    let open = reader.document.id;
    let at = thread.iter().position(|entry| entry.id == open).unwrap_or(0);
    let first = at.saturating_sub(MOST_MESSAGES / 2).min(thread.len().saturating_sub(MOST_MESSAGES));
    let messages: Vec<DocumentId> = thread.iter().skip(first).take(MOST_MESSAGES).map(|entry| entry.id).collect();
    let left = thread.len() - messages.len();
    if left > 0 {
        toast(state, format!("{MOST_MESSAGES} messages around this one; {left} are left out"), false);
    }
    vec![Effect::LoadThread { open, messages }]
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
