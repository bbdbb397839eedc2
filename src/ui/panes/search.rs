//! Search: the input, what the answer says of itself, hits with their matches, the preview.
//!
//! ```text
//! › budget from:alice                                   words+meaning
//! words only: the embedder does not answer
//!  1 Re: Q3 budget review        alice · 2024-09-12                .94
//!    archive.mbox › p. 3
//!    …the budget for Q3 needs a second look…
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::layout::has_preview;
use crate::app::state::wrap::{truncated_front, width, without_tabs, wrap};
use crate::app::state::{Pane, State};
use crate::domain::search::{Hit, LegScore, SearchMode, SearchResponse};

use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{cell, date, field, framed, marked, put, put_all, select};

pub(crate) fn search(
    state: &State,
    palette: Palette,
    is_zoomed: bool,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let (list, preview) = if is_zoomed && has_preview(state) && state.search.hit().is_some() {
        let [list, preview] = Layout::horizontal([Constraint::Percentage(52), Constraint::Percentage(48)]).areas(area);
        (list, Some(preview))
    } else {
        (area, None)
    };
    let cursor = hits(state, palette, list, buf);
    if let Some(preview) = preview {
        self::preview(state, palette, preview, buf);
    }
    cursor
}

fn mode_name(mode: SearchMode) -> &'static str {
    match mode {
        SearchMode::Hybrid => "words + meaning",
        SearchMode::Words => "words only",
        SearchMode::Vectors => "meaning only",
    }
}

/// How many there are, as far as that is known.
fn found(response: &SearchResponse) -> String {
    let (rows, goes_on) = (response.hits.len(), response.next_offset.is_some());
    match (response.total, response.matching) {
        (Some(total), _) => format!("{total} found"),
        (None, Some(matching)) if goes_on => format!("{matching} found by words"),
        _ => format!("{rows}{} found", if goes_on { "+" } else { "" }),
    }
}

fn hits(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let search = &state.search;
    let note = match &search.response {
        _ if search.is_waiting => "searching…".to_owned(),
        Some(response) => {
            format!("{} · {:.0} ms · {}", found(response), response.elapsed_ms, mode_name(search.mode))
        }
        None => mode_name(search.mode).to_owned(),
    };
    let inside = framed(state, palette, "Search", &note, state.pane() == Pane::Search, area, buf);
    let prompt = Span::styled(if state.ascii { "> " } else { "› " }, palette.style(Role::Accent));
    let cursor = field(prompt, &search.input, palette.style(Role::Text), inside, 0, buf);
    if search.input.is_empty() && !search.typing {
        let key = state.keymap.key(crate::app::command::Command::FocusInput);
        let hint = Line::styled(format!("press {key} and type"), palette.style(Role::Faint));
        let start = inside.width.min(2);
        put(&hint, Rect { x: inside.x + start, width: inside.width - start, ..inside }, 0, buf);
    }
    let mut row = 1;
    for (text, role) in messages(state) {
        for range in wrap(&text, usize::from(inside.width)).into_iter().take(2) {
            put(&Line::styled(text[range].to_owned(), palette.style(role)), inside, row, buf);
            row += 1;
        }
    }
    let list = Rect { y: inside.y + row.min(inside.height), height: inside.height.saturating_sub(row), ..inside };
    draw_hits(state, palette, list, buf);
    (state.pane() == Pane::Search && search.typing).then_some(cursor)
}

/// What the answer says of itself.
fn messages(state: &State) -> Vec<(String, Role)> {
    let search = &state.search;
    let mut messages = Vec::new();
    if let Some(error) = &search.error {
        messages.push((error.clone(), Role::Bad));
    }
    let Some(response) = &search.response else { return messages };
    messages.extend(response.banner().map(|banner| (format!("! {banner}"), Role::Warning)));
    messages.extend(response.hints.iter().map(|hint| (hint.clone(), Role::Faint)));
    if let Some(better) = &response.did_you_mean {
        messages.push((format!("did you mean: {better} (Tab)"), Role::Accent));
    }
    if response.hits.is_empty() && !search.is_waiting {
        messages.push(("nothing found".to_owned(), Role::Faint));
    }
    messages
}

fn draw_hits(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let hits = state.search.hits();
    let tall = if state.search.shows_why { 4 } else { 3 };
    // Two lines each where there is little room, three where the place can be shown as well.
    let rows = if area.height < 9 { 2 } else { tall };
    let fit = usize::from(area.height / rows).max(1);
    let first =
        crate::app::state::ListState { selected: state.search.selected, ..Default::default() }.offset(hits.len(), fit);
    for (position, hit) in hits.iter().enumerate().skip(first).take(fit) {
        let row = u16::try_from(position - first).unwrap_or(0) * rows;
        let columns = usize::from(area.width);
        put(&heading(state, hit, columns, palette), area, row, buf);
        if rows > 2 {
            put(&place(hit, columns, palette), area, row + 1, buf);
        }
        let mut snippet = vec![Span::raw("   ")];
        snippet.extend(marked(&hit.snippet.text, &hit.snippet.marks, Role::Text, columns.saturating_sub(3), palette));
        put(&Line::from(snippet), area, row + rows.min(3) - 1, buf);
        if rows == 4 {
            put(&why(hit, palette), area, row + 3, buf);
        }
        if position == state.search.selected {
            select(area, row, palette, buf);
        }
    }
}

fn heading<'a>(state: &State, hit: &Hit, columns: usize, palette: Palette) -> Line<'a> {
    let mark = if state.search.marked.contains(&hit.document_id) { "*" } else { " " };
    let kind = hit.source_type.as_str();
    let who = hit.from.as_deref().unwrap_or(kind);
    let deleted = if hit.deleted_at.is_some() { " deleted" } else { "" };
    let score = if hit.scores.fused > 0.0 { format!(" {:.2}", hit.scores.fused) } else { String::new() };
    // Where there is little room the sender gives way to the title.
    let who = if columns >= 70 { cell(who, 16) } else { cell(who, 8) };
    let about = format!("{who} {}{deleted}{score}", date(hit.dated_at));
    let title = columns.saturating_sub(width(&about) + 5);
    let title = if title < 12 { columns.saturating_sub(4) } else { title };
    let about = if title + 4 >= columns { String::new() } else { about };
    Line::from(vec![
        Span::styled(format!("{mark}{:>2} ", hit.rank), palette.style(Role::Faint)),
        Span::styled(cell(&hit.title, title), palette.style(Role::Title)),
        Span::styled(format!(" {about}"), palette.style(Role::Faint)),
    ])
}

fn place<'a>(hit: &Hit, columns: usize, palette: Palette) -> Line<'a> {
    let line = hit.line.map_or(String::new(), |line| format!(":{line}"));
    let others = match hit.other_places.len() {
        0 => String::new(),
        count => format!(" +{count} places"),
    };
    let alike = match hit.alike.len() {
        0 => String::new(),
        count => format!(" +{count} alike"),
    };
    let heading = if hit.place.is_empty() { String::new() } else { format!("  {}", hit.place) };
    let text = format!("{}{line}{heading}{others}{alike}", hit.source_path);
    Line::styled(format!("   {}", truncated_front(&text, columns.saturating_sub(3))), palette.style(Role::Faint))
}

fn why<'a>(hit: &Hit, palette: Palette) -> Line<'a> {
    let leg = |name: &str, leg: Option<LegScore>| match leg {
        Some(LegScore { rank: Some(rank), score }) => format!("{name} #{rank} {score:.2}"),
        Some(LegScore { rank: None, score }) => format!("{name} {score:.2}"),
        None => format!("{name} –"),
    };
    let scores = &hit.scores;
    let close = scores.window.map_or(String::new(), |part| format!(" · close {:.0} %", part * 100.0));
    let feedback = scores.feedback.map_or(String::new(), |gain| format!(" · like the best {gain:+.2}"));
    let (words, meaning) = (leg("words", scores.lexical), leg("meaning", scores.vector));
    let text = format!("   {words} · {meaning}{close}{feedback} · fused {:.3}", scores.fused);
    Line::styled(text, palette.style(Role::Accent))
}

/// The selected document, from the place that was found on.
pub(crate) fn preview(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let title = state.search.hit().map_or("", |hit| &hit.title);
    let inside = framed(state, palette, title, "", false, area, buf);
    let Some(document) = &state.search.preview else {
        let (text, role) = match &state.search.preview_error {
            Some(error) => (error.as_str(), Role::Bad),
            None => ("loading…", Role::Faint),
        };
        let lines = wrap(text, usize::from(inside.width)).into_iter();
        let lines: Vec<Line<'_>> = lines.map(|range| Line::styled(&text[range], palette.style(role))).collect();
        put_all(&lines, inside, buf);
        return;
    };
    let wanted: Vec<String> = crate::domain::terms::wanted(state.search.input.text())
        .into_iter()
        .filter(|term| !crate::domain::terms::is_stop_term(term))
        .collect();
    let columns = usize::from(inside.width);
    let best = state.search.hit().map(|hit| hit.chunk_id);
    let start = document.chunks.iter().position(|chunk| Some(chunk.id) == best).unwrap_or(0);
    // Names stand last and are shown when they are what was found: then the document follows from its beginning.
    let (names, start) = match document.chunks.get(start).filter(|chunk| !chunk.kind.is_shown()) {
        Some(names) => (Some(names), 0),
        None => (None, start),
    };
    let shown = document.chunks.iter().skip(start).filter(|chunk| chunk.kind.is_shown());
    let mut row = 0;
    for chunk in names.into_iter().chain(shown) {
        let language = crate::domain::terms::language_of(&chunk.text);
        let whole = without_tabs(&chunk.text);
        for range in wrap(&whole, columns) {
            if row >= inside.height {
                return;
            }
            let text = &whole[range];
            let marks: Vec<(usize, usize)> = crate::domain::terms::tokens_in(language, text)
                .into_iter()
                .filter(|token| wanted.contains(&token.term))
                .map(|token| (token.range.start, token.range.end))
                .collect();
            let base = if chunk.kind.is_text() { Role::Text } else { Role::Faint };
            put(&Line::from(marked(text, &marks, base, columns, palette)), inside, row, buf);
            row += 1;
        }
        row += 1;
    }
}
