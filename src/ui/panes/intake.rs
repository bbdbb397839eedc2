//! Intake: files on their way in, what became of them, dead letters, watched folders.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::wrap::{truncated, truncated_front, width, wrap};
use crate::app::state::{IntakeTab, Pane, State, is_partly_read};
use crate::domain::SourceType;
use crate::domain::intake::{DeadLetter, FileRecord, FileState};
use crate::domain::visible::visible_line;

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
/// Before a reason.
const INDENT: usize = 2;
/// Rows of a reason that is not the selected one's, where there is not room for all.
const REASON_ROWS: usize = 2;
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
    let (height, columns) = (usize::from(area.height), usize::from(area.width));
    let is_focused = state.pane() == Pane::Intake;
    let selected = if is_focused { state.intake.selected.min(files.len() - 1) } else { 0 };
    // No row further away than this can be in sight.
    let near = selected.saturating_sub(height)..files.len().min(selected + height + 1);
    let rows: Vec<FileRows> =
        files[near.clone()].iter().map(|file| file_rows(state, file, columns, is_zoomed, palette)).collect();
    let most_reasons = most_reason_rows(&rows, height);
    let heights: Vec<usize> = rows
        .iter()
        .zip(near.clone())
        .map(|(rows, index)| rows.shown(if is_focused && index == selected { usize::MAX } else { most_reasons }))
        .collect();
    let first = first_in_sight(&heights, selected - near.start, height);
    let mut row = 0;
    for (index, (rows, shown)) in rows.iter().zip(&heights).enumerate().skip(first) {
        for (line, text) in rows.lines(*shown, columns, palette).iter().enumerate() {
            let Ok(at) = u16::try_from(row + line) else { return };
            put(text, area, at, buf);
            if is_focused && near.start + index == selected {
                select(area, at, palette, buf);
            }
        }
        row += shown;
        if row >= height {
            return;
        }
    }
}

/// How many rows of each reason there is room for, so that whatever is wrong is in sight at once.
fn most_reason_rows(rows: &[FileRows<'_>], height: usize) -> usize {
    let longest = rows.iter().map(|rows| rows.reason.len()).max().unwrap_or(0);
    let troubled = || rows.iter().filter(|rows| !rows.reason.is_empty());
    let fits = |most: &usize| troubled().map(|rows| rows.shown(*most)).sum::<usize>() <= height;
    (REASON_ROWS..=longest).rev().find(fits).unwrap_or(REASON_ROWS)
}

/// The first row to show so that the selected one is whole in sight, in the middle where the list allows.
fn first_in_sight(heights: &[usize], selected: usize, height: usize) -> usize {
    let own = heights.get(selected).copied().unwrap_or(1);
    let below: usize = heights.iter().skip(selected + 1).sum();
    let room = height.saturating_sub(own);
    // What those below leave free goes to those above.
    let above = (room / 2).max(room.saturating_sub(below));
    let mut used = 0;
    let mut first = selected;
    while first > 0 && used + heights[first - 1] <= above {
        first -= 1;
        used += heights[first];
    }
    first
}

/// A file's own line, and why it is not whole, wrapped.
struct FileRows<'a> {
    own: Line<'a>,
    reason: Vec<String>,
}

impl<'a> FileRows<'a> {
    fn height(&self) -> usize {
        1 + self.reason.len()
    }

    /// Lines it takes with at most so many of its reason.
    fn shown(&self, most_reasons: usize) -> usize {
        1 + self.reason.len().min(most_reasons)
    }

    fn lines(&self, shown: usize, columns: usize, palette: Palette) -> Vec<Line<'a>> {
        let mut lines = vec![self.own.clone()];
        for (index, text) in self.reason.iter().take(shown.saturating_sub(1)).enumerate() {
            let is_cut = index + 2 == shown && shown < self.height();
            let text = if is_cut { cut(text, columns.saturating_sub(INDENT)) } else { text.clone() };
            lines.push(Line::styled(format!("{}{text}", " ".repeat(INDENT)), palette.style(Role::Faint)));
        }
        lines
    }
}

/// The text with an ellipsis behind it: it goes on.
fn cut(text: &str, columns: usize) -> String {
    format!("{}…", truncated(text, columns.saturating_sub(1)).trim_end_matches('…'))
}

fn file_rows<'a>(state: &State, file: &FileRecord, columns: usize, is_zoomed: bool, palette: Palette) -> FileRows<'a> {
    let reason = visible_line(&state.reason(file).unwrap_or_default()).into_owned();
    let needs_words =
        matches!(file.state, FileState::Failed | FileState::Skipped | FileState::Duplicate) || is_partly_read(file);
    let ranges =
        if needs_words && !reason.is_empty() { wrap(&reason, columns.saturating_sub(INDENT)) } else { Vec::new() };
    let reason = ranges.into_iter().map(|range| reason[range].to_owned()).collect();
    FileRows { own: file_row(state, file, columns, is_zoomed, palette), reason }
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
        FileState::Indexed if is_partly_read(file) => ("in part", Role::Warning),
        FileState::Indexed => ("done", Role::Good),
        FileState::Duplicate => ("duplicate", Role::Faint),
        FileState::Skipped => ("skipped", Role::Faint),
        FileState::Retired => ("gone", Role::Faint),
    };
    let kind = file.source_type.map_or("", SourceType::as_str);
    // Where there is little room the kind gives way: the name mostly tells it.
    let kind_columns = if columns >= ROOM_FOR_KIND { 9 } else { 0 };
    let fixed = 10 + kind_columns + 14;
    let room = columns.saturating_sub(fixed);
    let name_columns = if file.state == FileState::Parsing { room / 2 } else { room }.max(12).min(columns);
    let mut spans = vec![
        Span::raw(cell(&truncated_front(&visible_line(&name), name_columns), name_columns)),
        Span::styled(cell(&format!(" {kind}"), kind_columns), palette.style(Role::Faint)),
        Span::styled(format!(" {}", cell(word, 9)), palette.style(role)),
    ];
    let rest = columns.saturating_sub(name_columns + 10 + kind_columns);
    let held = state.documents_held(file);
    let tail = if file.state == FileState::Parsing {
        progress(state, file, idle, rest)
    } else {
        let needs_no_count = matches!(file.state, FileState::Failed | FileState::Skipped | FileState::Duplicate);
        let count = if needs_no_count && held == 0 { String::new() } else { compact(held) };
        let count = format!(" {}", right(&count, 4));
        let size = format!(" {}", right(&bytes(file.size_bytes), 7));
        // The size gives way: a number that is cut says nothing.
        if width(&count) + width(&size) <= rest { count + &size } else { count }
    };
    spans.push(Span::styled(truncated(&tail, rest), palette.style(Role::Faint)));
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
    let (height, columns) = (usize::from(area.height), usize::from(area.width));
    let selected = state.intake.selected.min(letters.len() - 1);
    let near = selected.saturating_sub(height)..letters.len().min(selected + height + 1);
    let rows: Vec<FileRows> =
        letters[near.clone()].iter().map(|letter| letter_rows(state, letter, columns, palette)).collect();
    let heights: Vec<usize> = rows
        .iter()
        .zip(near.clone())
        .map(|(rows, index)| rows.shown(if index == selected { usize::MAX } else { 1 }))
        .collect();
    let first = first_in_sight(&heights, selected - near.start, height);
    let mut row = 0;
    for (index, (rows, shown)) in rows.iter().zip(&heights).enumerate().skip(first) {
        for (line, text) in rows.lines(*shown, columns, palette).iter().enumerate() {
            let Ok(at) = u16::try_from(row + line) else { return };
            put(text, area, at, buf);
            if line == 0 && near.start + index == selected {
                select(area, at, palette, buf);
            }
        }
        row += shown;
        if row >= height {
            return;
        }
    }
}

fn letter_rows<'a>(state: &State, letter: &DeadLetter, columns: usize, palette: Palette) -> FileRows<'a> {
    let offset = letter.offset.map_or(String::new(), |offset| format!(" @{offset}"));
    let next = match letter.next_retry_at {
        Some(at) => format!("retry in {}", duration(at.seconds_since(state.now))),
        None => "given up (r retries)".to_owned(),
    };
    let head = visible_line(&format!("{}{offset}", letter.path)).into_owned();
    let room = columns.saturating_sub(30);
    let own = Line::from(vec![
        Span::raw(cell(&truncated_front(&head, room), room)),
        Span::styled(format!(" {}x · {next}", letter.attempts), palette.style(Role::Warning)),
    ]);
    let error = visible_line(&letter.error);
    let reason =
        wrap(&error, columns.saturating_sub(INDENT)).into_iter().map(|range| error[range].to_owned()).collect();
    FileRows { own, reason }
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
