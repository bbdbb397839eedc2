//! Lays the screen out: top bar, one screen of panes, footer, then whatever lies over it. Called by the event loop.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::command::Command;
use crate::app::state::wrap::width;
use crate::app::state::{Opening, Pane, Screen, State, Theme};
use crate::domain::health::ServiceState;

use super::panes;
use super::theme::{Palette, Role};
use super::widgets::{compact, put};

/// Smallest terminal that is drawn.
const LEAST: (u16, u16) = (40, 8);
/// Below this, Home shows the pane that has the keys alone.
const FOUR_PANES: (u16, u16) = (76, 18);

/// What a frame needs besides the state.
#[derive(Clone, Copy, Debug)]
pub struct ViewCx<'a> {
    /// Colours.
    pub theme: Theme,
    /// Whether colours are off (`NO_COLOR`).
    pub no_colour: bool,
    /// Shown in the top bar of the welcome.
    pub version: &'a str,
}

/// Draws everything; returns where the cursor stands, if text is being typed.
pub fn view(state: &State, context: &ViewCx<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let palette = Palette::new(context.theme, context.no_colour);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("{}x{} is too small: {}x{} at least", area.width, area.height, LEAST.0, LEAST.1);
        put(&Line::from(text), area, 0, buf);
        return None;
    }
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]).areas(area);
    top_bar(state, palette, top, buf);
    let cursor = screen(state, context, palette, middle, buf);
    footer(state, palette, bottom, buf);
    panes::toasts(state, palette, middle, buf);
    let over = state.overlays.last().map(|overlay| panes::overlay(state, overlay, palette, area, buf));
    over.unwrap_or(cursor)
}

fn screen(state: &State, context: &ViewCx<'_>, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
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
    if area.width < FOUR_PANES.0 || area.height < FOUR_PANES.1 {
        return one(state, state.focus, palette, area, buf);
    }
    let below = (area.height / 3).clamp(6, 12);
    let [upper, lower] = Layout::vertical([Constraint::Min(1), Constraint::Length(below)]).areas(area);
    let halves = [Constraint::Percentage(55), Constraint::Percentage(45)];
    let [search, intake] = Layout::horizontal(halves).areas(upper);
    let [outbox, services] = Layout::horizontal(halves).areas(lower);
    let cursor = one(state, Pane::Search, palette, search, buf);
    one(state, Pane::Intake, palette, intake, buf);
    one(state, Pane::Outbox, palette, outbox, buf);
    one(state, Pane::Services, palette, services, buf);
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

/// Tabs on the left, services on the right; a service that is not well says so in a word.
fn top_bar(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let narrow = area.width < 96;
    let mut left = vec![Span::styled(" Peanut", palette.style(Role::Accent))];
    for (screen, number, name) in Screen::ALL {
        let is_open = state.screen == screen;
        let role = if is_open { Role::Title } else { Role::Faint };
        if !narrow || is_open {
            left.push(Span::styled(
                format!(" {number} {name}"),
                palette.style(if is_open { Role::Selected } else { role }),
            ));
        } else {
            left.push(Span::styled(format!(" {number}"), palette.style(role)));
        }
    }
    put(&Line::from(left.clone()), area, 0, buf);
    let used: usize = left.iter().map(|span| width(&span.content)).sum();
    let mut right = Vec::new();
    for service in &state.status.services {
        let (dot, role, word) = match service.state {
            ServiceState::Ok => ("●", Role::Good, ""),
            ServiceState::Degraded => ("◐", Role::Warning, " slow"),
            ServiceState::Down => ("○", Role::Bad, " DOWN"),
            ServiceState::Unknown => ("·", Role::Faint, ""),
        };
        let dot = if state.ascii { if word.is_empty() { "+" } else { "!" } } else { dot };
        let name = if service.role == "embedder" { "embed" } else { &service.role };
        right.push(Span::styled(format!("{dot} "), palette.style(role)));
        right.push(Span::styled(
            format!("{name}{word} "),
            palette.style(if word.is_empty() { Role::Faint } else { role }),
        ));
    }
    if right.is_empty() {
        let text = if state.opening == Opening::Waiting { "opening… " } else { "" };
        right.push(Span::styled(text, palette.style(Role::Faint)));
    }
    let wide: usize = right.iter().map(|span| width(&span.content)).sum();
    if used + wide < usize::from(area.width) {
        let start = area.width - u16::try_from(wide).unwrap_or(area.width);
        put(&Line::from(right), Rect { x: area.x + start, width: area.width - start, ..area }, 0, buf);
    }
}

/// The keys that matter here, and the store in three numbers.
fn footer(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let status = &state.status;
    let mut facts = Vec::new();
    if state.has_status {
        let chunks = status.store.searchable_chunks;
        facts.push(format!("{} {}", compact(chunks), if chunks == 1 { "chunk" } else { "chunks" }));
        facts.push(format!("{} pending", compact(status.outbox.pending)));
        if let Some(best) = status.embeddings.last().filter(|_| status.embeddings.len() > 1 && chunks > 0) {
            let percent = (best.coverage() * 100.0).floor();
            let paused = if status.embedding_paused { " paused" } else { "" };
            facts.push(format!("meaning {percent:.0} %{paused}"));
        }
        if !status.runs_workers {
            facts.push("workers run elsewhere".to_owned());
        }
    }
    let facts = format!("{} ", facts.join(" · "));
    let room = usize::from(area.width).saturating_sub(width(&facts) + 1);
    let mut used = 0;
    let mut spans = Vec::new();
    for (command, label) in hints(state) {
        let key = state.keymap.key(command);
        let text = width(key) + width(label) + 3;
        if used + text > room {
            break;
        }
        used += text;
        spans.push(Span::styled(format!(" {key}"), palette.style(Role::Accent)));
        spans.push(Span::styled(format!(" {label} "), palette.style(Role::Faint)));
    }
    put(&Line::from(spans), area, 0, buf);
    let start = area.width.saturating_sub(u16::try_from(width(&facts)).unwrap_or(area.width));
    let right = Rect { x: area.x + start, width: area.width - start, ..area };
    put(&Line::from(Span::styled(facts, palette.style(Role::Faint))), right, 0, buf);
}

fn hints(state: &State) -> Vec<(Command, &'static str)> {
    let mut hints = match state.pane() {
        _ if state.is_typing() => vec![(Command::Open, "keep"), (Command::Back, "leave"), (Command::Mode, "mode")],
        Pane::Search if state.search.hit().is_some() => vec![
            (Command::FocusInput, "search"),
            (Command::Open, "read"),
            (Command::CopyPath, "copy"),
            (Command::MoreLike, "similar"),
            (Command::Why, "why"),
            (Command::Zoom, "zoom"),
        ],
        Pane::Reader => vec![
            (Command::Back, "back"),
            (Command::FocusInput, "find"),
            (Command::NextMatch, "next"),
            (Command::Folding, "quotes"),
            (Command::NextInThread, "thread"),
        ],
        Pane::Intake => {
            vec![
                (Command::AddPath, "add"),
                (Command::Retry, "retry"),
                (Command::Pause, "pause"),
                (Command::NextTab, "tab"),
            ]
        }
        Pane::Outbox => vec![(Command::Retry, "retry"), (Command::Discard, "skip")],
        Pane::Settings => vec![(Command::Open, "change")],
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
    hints.push((Command::Help, "help"));
    hints.push((Command::Quit, "quit"));
    hints
}
