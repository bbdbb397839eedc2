//! Intake: files on their way in, what became of them, dead letters, watched folders.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::wrap::{truncated_front, width};
use crate::app::state::{IntakeTab, Pane, State};
use crate::domain::SourceType;
use crate::domain::intake::{FileRecord, FileState};

use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{
    bytes, cell, compact, counted, duration, filter, framed, gauge, put, rate, right, select, sparkline,
};

/// A file without progress for this long is amber.
const STUCK_SECONDS: f64 = 120.0;
/// A row this wide tells the kind of its file.
const ROOM_FOR_KIND: usize = 50;
/// Length of a progress bar.
const BAR_COLUMNS: usize = 10;
/// Said when a filter lets nothing through.
const NO_MATCH: &str = "nothing matches the filter";

pub(crate) fn intake(
    state: &State,
    palette: Palette,
    is_zoomed: bool,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let status = &state.status;
    let note = match (&status.intake_paused, status.folders.len()) {
        (Some(reason), _) => reason.clone(),
        (None, 0) => "watching the drop zone".to_owned(),
        (None, 1) => "watching 1 folder and the drop zone".to_owned(),
        (None, count) => format!("watching {count} folders and the drop zone"),
    };
    let inside = framed(state, palette, "Intake", &note, state.pane() == Pane::Intake, area, buf);
    put(&totals(state, palette), inside, 0, buf);
    let mut row = 1;
    if is_zoomed {
        put(&accounting(state, palette), inside, 1, buf);
        put(&tabs(state, palette), inside, 2, buf);
        row = 4;
    }
    let list = Rect { y: inside.y + row.min(inside.height), height: inside.height.saturating_sub(row), ..inside };
    let tab = if is_zoomed { state.intake_tab } else { IntakeTab::Files };
    match tab {
        IntakeTab::Files => files(state, palette, is_zoomed, list, buf),
        IntakeTab::DeadLetters => dead_letters(state, palette, list, buf),
        IntakeTab::Folders => folders(state, palette, list, buf),
    }
    if is_zoomed { filter(&state.intake, palette, inside, 3, buf) } else { None }
}

fn count(state: &State, wanted: FileState) -> u64 {
    state.status.intake.files_by_state.iter().find(|(known, _)| *known == wanted).map_or(0, |(_, count)| *count)
}

/// What waits, how fast it goes, when it will be done.
fn totals<'a>(state: &State, palette: Palette) -> Line<'a> {
    let waiting = count(state, FileState::Queued) + count(state, FileState::Parsing);
    let failed = count(state, FileState::Failed);
    let speed = state.history.items_rate();
    let mut spans = vec![
        Span::raw(format!("{} waiting", compact(waiting))),
        Span::styled(format!(" · {} in · ", compact(count(state, FileState::Indexed))), palette.style(Role::Faint)),
        Span::styled(format!("{failed} failed"), palette.style(if failed > 0 { Role::Warning } else { Role::Faint })),
    ];
    if waiting > 0 || speed > 0.0 {
        spans.push(Span::raw(format!("  {} ", rate(speed))));
        spans.push(sparkline(state.history.items_per_second.iter().copied(), 16, state.ascii));
    }
    if let Some(seconds) = state.history.remaining_seconds(state.status.intake.bytes_waiting) {
        spans.push(Span::styled(format!(" ~{} left", duration(seconds)), palette.style(Role::Faint)));
    }
    Line::from(spans)
}

/// Every item is one of these; the sum is shown so that it can be checked.
fn accounting<'a>(state: &State, palette: Palette) -> Line<'a> {
    let items = &state.status.intake.items;
    // Parts that are none are left out: the sum stays true, and fits.
    let parts = [
        (items.documents, "document", "documents"),
        (items.duplicates, "duplicate", "duplicates"),
        (items.unchanged, "unchanged", "unchanged"),
        (items.dead_letters, "dead letter", "dead letters"),
        (items.skipped, "skipped", "skipped"),
    ];
    let shown: Vec<String> = parts
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| counted(number, one, many))
        .collect();
    let sum = if shown.is_empty() { String::new() } else { format!(" = {}", shown.join(" + ")) };
    Line::styled(format!("{}{sum}", counted(items.seen, "item", "items")), palette.style(Role::Faint))
}

fn tabs<'a>(state: &State, palette: Palette) -> Line<'a> {
    let of = |tab: IntakeTab, name: String| {
        let role = if state.intake_tab == tab { Role::Selected } else { Role::Faint };
        Span::styled(format!(" {name} "), palette.style(role))
    };
    Line::from(vec![
        of(IntakeTab::Files, format!("files {}", state.status.files.len())),
        of(IntakeTab::DeadLetters, format!("dead letters {}", state.status.dead_letters.len())),
        of(IntakeTab::Folders, format!("folders {}", state.status.folders.len())),
        Span::styled(
            format!("  {} next tab", state.keymap.key(crate::app::command::Command::NextTab)),
            palette.style(Role::Faint),
        ),
    ])
}

fn files(state: &State, palette: Palette, is_zoomed: bool, area: Rect, buf: &mut Buffer) {
    let files = state.files();
    if files.is_empty() {
        let text = if state.intake.filter.is_empty() { "nothing yet: a adds files" } else { NO_MATCH };
        put(&Line::styled(text, palette.style(Role::Faint)), area, 0, buf);
        return;
    }
    let height = usize::from(area.height);
    let is_focused = state.pane() == Pane::Intake;
    let first = if is_focused { state.intake.offset(files.len(), height) } else { 0 };
    for (index, file) in files.iter().enumerate().skip(first).take(height) {
        let row = u16::try_from(index - first).unwrap_or(0);
        put(&file_row(state, file, usize::from(area.width), is_zoomed, palette), area, row, buf);
        if is_focused && index == state.intake.selected {
            select(area, row, palette, buf);
        }
    }
}

fn file_row<'a>(state: &State, file: &FileRecord, columns: usize, is_zoomed: bool, palette: Palette) -> Line<'a> {
    let name = if is_zoomed { file.path.clone() } else { file.path.rsplit('/').next().unwrap_or_default().to_owned() };
    let idle = state.now.seconds_since(file.updated_at);
    let is_stuck = file.state == FileState::Parsing && idle > STUCK_SECONDS;
    let (word, role) = match file.state {
        FileState::Failed => ("failed", Role::Bad),
        FileState::Parsing if is_stuck => ("stuck?", Role::Warning),
        FileState::Parsing => ("reading", Role::Accent),
        FileState::Queued => ("queued", Role::Faint),
        FileState::Indexed if file.items.dead_letters > 0 => ("in part", Role::Warning),
        FileState::Indexed => ("done", Role::Good),
        FileState::Duplicate => ("duplicate", Role::Faint),
        FileState::Skipped => ("skipped", Role::Faint),
        FileState::Retired => ("gone", Role::Faint),
    };
    let kind = file.source_type.map_or("", SourceType::as_str);
    // Where there is little room the kind gives way: the name mostly tells it.
    let kind_columns = if columns >= ROOM_FOR_KIND { 9 } else { 0 };
    let fixed = 10 + kind_columns + 14;
    // A file that needs words gives them half of the row; a plain one needs little beside its name.
    let needs_words = !matches!(file.state, FileState::Queued | FileState::Indexed | FileState::Retired);
    let room = columns.saturating_sub(fixed);
    let name_columns = if needs_words { room / 2 } else { room }.max(12).min(columns);
    let mut spans = vec![
        Span::raw(cell(&truncated_front(&name, name_columns), name_columns)),
        Span::styled(cell(&format!(" {kind}"), kind_columns), palette.style(Role::Faint)),
        Span::styled(format!(" {}", cell(word, 9)), palette.style(role)),
    ];
    let rest = columns.saturating_sub(name_columns + 10 + kind_columns);
    let tail = match file.state {
        FileState::Parsing => progress(state, file, idle, rest),
        FileState::Failed | FileState::Skipped | FileState::Duplicate => {
            format!(" {}", file.reason.clone().unwrap_or_default())
        }
        FileState::Indexed if file.items.dead_letters > 0 => {
            let dead = counted(file.items.dead_letters, "dead letter", "dead letters");
            format!(" {} in, {dead}", compact(file.items.documents))
        }
        _ => format!(" {} {}", right(&compact(file.items.documents), 4), right(&bytes(file.size_bytes), 7)),
    };
    spans.push(Span::styled(crate::app::state::wrap::truncated(&tail, rest), palette.style(Role::Faint)));
    Line::from(spans)
}

/// How far a file in hand is: percent always, then what there is room for, whole or not at all.
fn progress(state: &State, file: &FileRecord, idle: f64, room: usize) -> String {
    let done = if file.size_bytes > 0 { file.bytes_done as f64 / file.size_bytes as f64 } else { 0.0 };
    let speed = state.history.bytes_rate(file);
    let left = speed.map(|speed| file.size_bytes.saturating_sub(file.bytes_done) as f64 / speed);
    let mut text = format!(" {:>3.0}%", done * 100.0);
    let bar = format!(" {}", gauge(done, BAR_COLUMNS, state.ascii));
    if width(&bar) + width(&text) <= room {
        text = format!("{bar}{text}");
    }
    let further = [
        left.map(|left| format!(" ~{}", duration(left))),
        Some(format!(" {} items", compact(file.items.seen))),
        // The heartbeat, told when it is not fresh: a row of "0s" says nothing.
        (idle >= 2.0).then(|| format!(" still for {}", duration(idle))),
        speed.map(|speed| format!(" {}/s", bytes(speed as u64))),
    ];
    for piece in further.into_iter().flatten() {
        if width(&text) + width(&piece) <= room {
            text.push_str(&piece);
        }
    }
    text
}

fn dead_letters(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let letters = state.dead_letters();
    if letters.is_empty() {
        let none = "no dead letters: everything offered could be read";
        let text = if state.intake.filter.is_empty() { none } else { NO_MATCH };
        put(&Line::styled(text, palette.style(Role::Faint)), area, 0, buf);
        return;
    }
    let fit = usize::from(area.height / 2).max(1);
    let first = state.intake.offset(letters.len(), fit);
    for (index, letter) in letters.iter().enumerate().skip(first).take(fit) {
        let row = u16::try_from(index - first).unwrap_or(0) * 2;
        let offset = letter.offset.map_or(String::new(), |offset| format!(" @{offset}"));
        let next = match letter.next_retry_at {
            Some(at) => format!("retry in {}", duration(at.seconds_since(state.now))),
            None => "given up (r retries)".to_owned(),
        };
        let head = format!("{}{offset}", letter.path);
        let room = usize::from(area.width).saturating_sub(30);
        let line = Line::from(vec![
            Span::raw(cell(&truncated_front(&head, room), room)),
            Span::styled(format!(" {}x · {next}", letter.attempts), palette.style(Role::Warning)),
        ]);
        put(&line, area, row, buf);
        put(&Line::styled(format!("   {}", letter.error), palette.style(Role::Faint)), area, row + 1, buf);
        if index == state.intake.selected {
            select(area, row, palette, buf);
        }
    }
}

fn folders(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let mut lines = Vec::new();
    let folders = state.folders();
    let height = usize::from(area.height.saturating_sub(2));
    let first = state.intake.offset(folders.len(), height);
    for folder in folders.iter().skip(first).take(height) {
        let excludes =
            if folder.excludes.is_empty() { String::new() } else { format!("  without {}", folder.excludes.join(" ")) };
        lines
            .push(Line::from(vec![Span::raw(folder.path.clone()), Span::styled(excludes, palette.style(Role::Faint))]));
    }
    let zone = state.status.drop_zone.clone().unwrap_or_default();
    lines.push(Line::styled(format!("{zone}  (drop zone)"), palette.style(Role::Faint)));
    lines.push(Line::styled("f watches a folder, F stops watching one", palette.style(Role::Faint)));
    for (row, line) in (0..area.height).zip(&lines) {
        put(line, area, row, buf);
        let index = usize::from(row) + first;
        if index == state.intake.selected && index < folders.len() && usize::from(row) < height {
            select(area, row, palette, buf);
        }
    }
}
