//! Lays the screen out: top bar, one screen of panes, footer, then whatever lies over it. Called by the event loop.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::command::Command;
use crate::app::state::layout::{self, NAME, Place, tells_of_draft, top_bar};
use crate::app::state::wrap::{truncated, width};
use crate::app::state::{Opening, Pane, Screen, State, Theme};
use crate::domain::health::ServiceState;

use super::panes;
use super::theme::{Colours, Palette, Role};
use super::widgets::{compact, put};

/// Smallest terminal that is drawn.
const LEAST: (u16, u16) = (40, 8);
/// Columns that the footer's facts leave to its keys: without them nobody finds the rest.
const ROOM_FOR_KEYS: usize = 32;

/// What a frame needs besides the state.
#[derive(Clone, Copy, Debug)]
pub struct ViewCx<'a> {
    /// Colours.
    pub theme: Theme,
    /// How many colours the terminal has.
    pub colours: Colours,
    /// Shown in the top bar of the welcome.
    pub version: &'a str,
}

/// Draws everything; returns where the cursor stands, if text is being typed.
pub fn view(state: &State, context: &ViewCx<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let palette = Palette::new(context.theme, context.colours);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("{}x{} is too small: {}x{} at least", area.width, area.height, LEAST.0, LEAST.1);
        put(&Line::from(text), area, 0, buf);
        return None;
    }
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]).areas(area);
    draw_top_bar(state, palette, top, buf);
    let cursor = screen(state, context, palette, middle, buf);
    footer(state, palette, bottom, buf);
    panes::toasts(state, palette, middle, buf);
    let over = state.overlays.last().map(|overlay| panes::overlay(state, overlay, palette, area, buf));
    over.unwrap_or(cursor)
}

/// What an earlier start left unfinished is told on Home until somebody takes it up.
fn unfinished(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Rect {
    let Some(newest) = state.drafts.last().filter(|_| tells_of_draft(state)) else { return area };
    let [rest, row] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(area);
    let name = if newest.title.trim().is_empty() { newest.text.trim() } else { newest.title.trim() };
    let more = state.drafts.len() - 1;
    let what = if more > 0 { format!("{} notes were", more + 1) } else { "A note was".to_owned() };
    let key = state.keymap.key(Command::WriteNote);
    let told = format!(" {what} not stored: {key} takes up “");
    let room = usize::from(row.width).saturating_sub(width(&told) + 1);
    let name = truncated(name.lines().next().unwrap_or_default(), room);
    put(&Line::styled(format!("{told}{name}”"), palette.style(Role::Warning)), row, 0, buf);
    rest
}

fn screen(state: &State, context: &ViewCx<'_>, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let area = unfinished(state, palette, area, buf);
    match &state.opening {
        Opening::Failed(error) => {
            panes::failed(state, error, palette, area, buf);
            return None;
        }
        _ if state.shows_welcome() => {
            panes::welcome(state, context.version, palette, area, buf);
            return None;
        }
        _ => {}
    }
    if state.pane() == Pane::Reader {
        return panes::reader(state, palette, area, buf);
    }
    match state.screen {
        Screen::Home => home(state, palette, area, buf),
        Screen::Search => panes::search(state, palette, true, area, buf),
        Screen::Intake => panes::intake(state, palette, true, area, buf),
        Screen::Outbox => panes::outbox(state, palette, true, area, buf),
        Screen::Services => panes::services(state, palette, true, area, buf),
        Screen::Settings => panes::settings(state, palette, area, buf),
        Screen::Log => panes::log(state, palette, area, buf),
    }
}

fn home(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let places = layout::home(state, Place { column: area.x, row: area.y, columns: area.width, rows: area.height });
    let of = |place: Place| Rect { x: place.column, y: place.row, width: place.columns, height: place.rows };
    let mut cursor = None;
    for (pane, place) in places.panes {
        let position = one(state, pane, palette, of(place), buf);
        cursor = if pane == Pane::Search { position } else { cursor.or(position) };
    }
    if let Some(place) = places.preview {
        panes::preview(state, palette, of(place), buf);
    }
    cursor
}

fn one(state: &State, pane: Pane, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    match pane {
        Pane::Intake => panes::intake(state, palette, false, area, buf),
        Pane::Outbox => panes::outbox(state, palette, false, area, buf),
        Pane::Services => panes::services(state, palette, false, area, buf),
        _ => panes::search(state, palette, false, area, buf),
    }
}

/// Tabs on the left, services on the right; a service that is not well says so in a word, whatever the width.
fn draw_top_bar(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let bar = top_bar(state, area.width);
    let mut left = vec![Span::styled(NAME, palette.style(Role::Accent))];
    for tab in bar.tabs {
        let role = if tab.screen == state.screen { Role::Selected } else { Role::Faint };
        left.push(Span::styled(tab.text, palette.style(role)));
    }
    put(&Line::from(left), area, 0, buf);
    let mut right = Vec::new();
    for marker in bar.markers {
        let role = match marker.state {
            ServiceState::Ok => Role::Good,
            ServiceState::Degraded => Role::Warning,
            ServiceState::Down => Role::Bad,
            ServiceState::Unknown => Role::Faint,
        };
        let said = if marker.state == ServiceState::Ok { Role::Faint } else { role };
        right.push(Span::styled(marker.sign, palette.style(role)));
        right.push(Span::styled(marker.label, palette.style(said)));
    }
    let start = bar.markers_start.min(area.width);
    put(&Line::from(right), Rect { x: area.x + start, width: area.width - start, ..area }, 0, buf);
}

/// The keys that matter here, and the store in three numbers.
fn footer(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let status = &state.status;
    let mut facts = Vec::new();
    if state.has_status {
        let chunks = status.store.searchable_chunks;
        facts.push(format!("{} {}", compact(chunks), if chunks == 1 { "chunk" } else { "chunks" }));
        facts.push(format!("{} pending", compact(status.outbox.pending)));
        if let Some((progress, is_new)) = status.meaning().filter(|_| chunks > 0) {
            let percent = (progress.coverage() * 100.0).floor();
            let paused = if status.embedding_paused { " paused" } else { "" };
            let new = if is_new { "new " } else { "" };
            facts.push(format!("{new}meaning {percent:.0} %{paused}"));
        }
        if !status.runs_workers {
            facts.push("workers run elsewhere".to_owned());
        }
    }
    let columns = usize::from(area.width);
    let joined = |facts: &[String]| format!("{} ", facts.join(" · "));
    while facts.len() > 1 && width(&joined(&facts)) + ROOM_FOR_KEYS > columns {
        facts.pop();
    }
    let facts = joined(&facts);
    let mut room = columns.saturating_sub(width(&facts) + 1);
    let hints = hints(state);
    let columns_of = |(command, label): &(Command, &str)| width(state.keymap.key(*command)) + width(label) + 3;
    // Help and quit are there whatever else has to go.
    let always = |(command, _): &(Command, &str)| matches!(command, Command::Help | Command::Quit);
    let mut reserved: usize = hints.iter().filter(|hint| always(hint)).map(columns_of).sum();
    let mut spans = Vec::new();
    for hint in &hints {
        let wide = columns_of(hint);
        if always(hint) {
            reserved -= wide;
        }
        if wide + reserved > room {
            continue;
        }
        room -= wide;
        spans.push(Span::styled(format!(" {}", state.keymap.key(hint.0)), palette.style(Role::Accent)));
        spans.push(Span::styled(format!(" {} ", hint.1), palette.style(Role::Faint)));
    }
    put(&Line::from(spans), area, 0, buf);
    let start = area.width.saturating_sub(u16::try_from(width(&facts)).unwrap_or(area.width));
    let right = Rect { x: area.x + start, width: area.width - start, ..area };
    put(&Line::from(Span::styled(facts, palette.style(Role::Faint))), right, 0, buf);
}

/// What can be done with this document: a key that would do nothing is not named.
fn reader_hints(state: &State) -> Vec<(Command, &'static str)> {
    let mut hints = vec![(Command::Back, "back"), (Command::FocusInput, "find")];
    if let Some(reader) = &state.reader {
        let document = &reader.document;
        let may: [(bool, Command, &'static str); 5] = [
            (reader.target().is_some(), Command::Open, "follow"),
            (reader.matches.len() > 1, Command::NextMatch, "next"),
            (!reader.links.is_empty(), Command::NextLink, "link"),
            (document.chunks.iter().any(|chunk| chunk.kind.is_folded()), Command::Folding, "quotes"),
            (document.thread.len() > 1, Command::Conversation, "thread"),
        ];
        hints.extend(may.into_iter().filter(|(can, ..)| *can).map(|(_, command, name)| (command, name)));
    }
    hints
}

fn hints(state: &State) -> Vec<(Command, &'static str)> {
    let mut hints = match state.pane() {
        Pane::Search if state.is_typing() => {
            vec![(Command::Open, "keep"), (Command::Back, "leave"), (Command::Mode, "mode")]
        }
        _ if state.is_typing() => vec![(Command::Open, "keep"), (Command::Back, "leave")],
        Pane::Search if state.search.hit().is_some() => vec![
            (Command::FocusInput, "search"),
            (Command::Open, "read"),
            (Command::CopyPath, "copy"),
            (Command::MoreLike, "similar"),
            (Command::Why, "why"),
            (Command::Zoom, "zoom"),
        ],
        Pane::Reader => reader_hints(state),
        Pane::Intake => {
            vec![
                (Command::AddPath, "add"),
                (Command::Retry, "retry"),
                (Command::Pause, "pause"),
                (Command::NextTab, "tab"),
            ]
        }
        Pane::Outbox => {
            let inspect = state.dead_events().first().map(|_| (Command::Open, "inspect"));
            inspect.into_iter().chain([(Command::Retry, "retry"), (Command::Discard, "skip")]).collect()
        }
        Pane::Settings => vec![
            (Command::Open, "change"),
            (Command::Less, "less"),
            (Command::More, "more"),
            (Command::FocusInput, "filter"),
        ],
        Pane::Log => vec![(Command::FocusInput, "filter"), (Command::Open, "level"), (Command::CopyPath, "copy")],
        _ => vec![
            (Command::FocusInput, "search"),
            (Command::AddPath, "add"),
            (Command::WriteNote, "note"),
            (Command::Zoom, "zoom"),
        ],
    };
    if state.screen == Screen::Home && !state.is_typing() {
        hints.push((Command::NextPane, "next pane"));
    }
    // While typing, these keys are letters.
    if !state.is_typing() {
        hints.push((Command::Help, "help"));
        hints.push((Command::Quit, "quit"));
    }
    hints
}
