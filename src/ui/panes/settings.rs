//! Every setting with its value and where that comes from; below, all of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::command::Command;
use crate::app::state::State;
use crate::app::state::wrap::{truncated, wrap};
use crate::domain::settings::{Kept, SettingNow};
use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{cell, filter, framed, gauge, put, put_all, select};

/// Rows below the list.
const DETAIL: u16 = 8;
const NAME_COLUMNS: usize = 27;
const SLIDER_COLUMNS: usize = 20;
/// Hits of the present search that are named.
const NAMED_HITS: usize = 3;

pub(crate) fn settings(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let inside = framed(state, palette, "Settings", "value and where it comes from", true, area, buf);
    if state.settings.is_empty() {
        put(&Line::styled("loading…", palette.style(Role::Faint)), inside, 0, buf);
        return None;
    }
    let detail = DETAIL.min(inside.height / 2);
    let list = Rect { height: inside.height - detail, ..inside };
    let below = Rect { y: inside.y + list.height, height: detail, ..inside };
    let rows = state.settings_rows();
    let height = usize::from(list.height);
    let first = state.settings_list.offset(rows.len(), height);
    for (index, now) in rows.iter().enumerate().skip(first).take(height) {
        let at = u16::try_from(index - first).unwrap_or(0);
        put(&row(now, usize::from(list.width), palette), list, at, buf);
        if index == state.settings_list.selected {
            select(list, at, palette, buf);
        }
    }
    if rows.is_empty() {
        put(&Line::styled("no setting passes the filter", palette.style(Role::Faint)), list, 0, buf);
    }
    if let Some(now) = state.setting() {
        put_all(&in_full(state, now, usize::from(below.width), palette), below, buf);
    }
    filter(&state.settings_list, palette, inside, inside.height.saturating_sub(1), buf)
}

fn row<'a>(now: &SettingNow, columns: usize, palette: Palette) -> Line<'a> {
    let origin = now.origin.in_words();
    let whence = 26.min(columns / 3);
    let room = columns.saturating_sub(NAME_COLUMNS + whence + 1);
    let next = now.next.as_ref().map_or(String::new(), |next| format!(" → {next} after restart"));
    let role = if now.fixed().is_some() { Role::Text } else { Role::Accent };
    Line::from(vec![
        Span::raw(cell(now.setting.name, NAME_COLUMNS)),
        Span::styled(cell(&format!("{}{next}", now.value), room), palette.style(role)),
        Span::styled(format!(" {}", truncated(&origin, whence)), palette.style(Role::Faint)),
    ])
}

/// What a setting means, what values it may have, where it is changed and when that takes effect.
fn in_full<'a>(state: &State, now: &SettingNow, columns: usize, palette: Palette) -> Vec<Line<'a>> {
    let faint = palette.style(Role::Faint);
    let rule = if state.ascii { "-" } else { "─" };
    let mut lines = vec![Line::styled(rule.repeat(columns), palette.style(Role::Border))];
    let wrapped = |text: &str| wrap(text, columns).into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>();
    lines.extend(wrapped(now.setting.about).into_iter().map(Line::raw));
    let value = now.next.as_deref().unwrap_or(&now.value);
    if let Some(reason) = now.fixed() {
        lines.extend(wrapped(&reason).into_iter().map(|line| Line::styled(line, palette.style(Role::Warning))));
    } else {
        lines.extend(changing(state, now, value, columns, palette));
    }
    let bounds = format!("possible: {}; default: {}", now.setting.bounds.in_words(), now.setting.default);
    lines.extend(wrapped(&bounds).into_iter().map(|line| Line::styled(line, faint)));
    if now.setting.kept == Kept::File && !now.setting.variables.is_empty() {
        let options = now.setting.flag.into_iter().map(str::to_owned);
        let named: Vec<String> = now.setting.variables.iter().map(|name| format!("${name}")).chain(options).collect();
        lines.push(Line::styled(truncated(&format!("set also by: {}", named.join(", ")), columns), faint));
    }
    lines
}

/// The slider, what the present search finds with it, and the keys.
fn changing<'a>(state: &State, now: &SettingNow, value: &str, columns: usize, palette: Palette) -> Vec<Line<'a>> {
    let faint = palette.style(Role::Faint);
    let mut lines = Vec::new();
    if let Some(share) = now.setting.share(value) {
        let bar = gauge(share, SLIDER_COLUMNS, state.ascii);
        let (left, right) = ends(now.setting.name);
        lines.push(Line::from(vec![
            Span::styled(format!("{left} "), faint),
            Span::styled(bar, palette.style(Role::Accent)),
            Span::styled(format!(" {right}  {value}"), faint),
        ]));
    }
    if now.setting.name.starts_with("search.") && !state.search.input.is_empty() {
        lines.push(Line::raw(truncated(&effect(state), columns)));
    }
    let key = |command| state.keymap.key(command);
    let slides = now.setting.next_to(value, true).is_some();
    let mut keys = format!("{} changes it", key(Command::Open));
    if slides {
        keys = format!("{keys}, {} and {} step", key(Command::Less), key(Command::More));
    }
    let when = if now.setting.is_live() { "at once" } else { "after restart" };
    lines.push(Line::styled(truncated(&format!("{keys}; takes effect {when}"), columns), palette.style(Role::Accent)));
    lines
}

fn ends(name: &str) -> (&'static str, &'static str) {
    if name == "search.vector_weight" { ("words", "meaning") } else { ("least", "most") }
}

/// What the present search finds with the settings as they are.
fn effect(state: &State) -> String {
    let query = state.search.input.text().trim();
    if state.search.is_waiting {
        return format!("“{query}”: asking…");
    }
    let hits = state.search.hits().iter().take(NAMED_HITS).enumerate();
    let named: Vec<String> = hits.map(|(index, hit)| format!("{} {}", index + 1, truncated(&hit.title, 30))).collect();
    if named.is_empty() {
        format!("“{query}” finds nothing")
    } else {
        format!("“{query}” finds {}", named.join("  "))
    }
}
