//! Intake: files on their way in, what became of them, dead letters, watched folders.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::wrap::truncated_front;
use crate::app::state::{IntakeTab, Pane, State};
use crate::domain::SourceType;
use crate::domain::intake::{FileRecord, FileState};

use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{bytes, cell, compact, duration, framed, gauge, put, rate, right, select, sparkline};

/// A file without progress for this long is amber.
const STUCK_SECONDS: f64 = 120.0;

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
    if !state.intake.filtering {
        return None;
    }
    let text = format!("filter: {}", state.intake.filter.text());
    put(&Line::styled(text.clone(), palette.style(Role::Accent)), inside, 3, buf);
    Some(Position { x: inside.x + u16::try_from(text.chars().count()).unwrap_or(0), y: inside.y + 3 })
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
    if waiting > 0 && speed > 0.0 {
        // Files, not items: an estimate that errs on the short side for archives.
        spans.push(Span::styled(format!(" ~{} left", duration(waiting as f64 / speed)), palette.style(Role::Faint)));
    }
    Line::from(spans)
}

/// Every item is one of these; the sum is shown so that it can be checked.
fn accounting<'a>(state: &State, palette: Palette) -> Line<'a> {
    let items = &state.status.intake.items;
    let text = format!(
        "{} items = {} documents + {} duplicates + {} unchanged + {} dead letters + {} skipped",
        items.seen, items.documents, items.duplicates, items.unchanged, items.dead_letters, items.skipped
    );
    Line::styled(text, palette.style(Role::Faint))
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
        let text =
            if state.intake.filter.is_empty() { "nothing yet: a adds files" } else { "no file matches the filter" };
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
    let fixed = 19 + 14;
    // A file that needs words gives them half of the row; a plain one needs little beside its name.
    let needs_words = !matches!(file.state, FileState::Queued | FileState::Indexed | FileState::Retired);
    let room = columns.saturating_sub(fixed);
    let name_columns = if needs_words { room / 2 } else { room }.max(12).min(columns);
    let mut spans = vec![
        Span::raw(cell(&truncated_front(&name, name_columns), name_columns)),
        Span::styled(format!(" {}", cell(kind, 8)), palette.style(Role::Faint)),
        Span::styled(format!(" {}", cell(word, 9)), palette.style(role)),
    ];
    let rest = columns.saturating_sub(name_columns + 19);
    let tail = match file.state {
        FileState::Parsing => {
            let done = if file.size_bytes > 0 { file.bytes_done as f64 / file.size_bytes as f64 } else { 0.0 };
            let bar = gauge(done, rest.saturating_sub(16).clamp(4, 12), state.ascii);
            format!(" {bar} {:>3.0}% {} {}", done * 100.0, compact(file.items.seen), duration(idle))
        }
        FileState::Failed | FileState::Skipped | FileState::Duplicate => {
            format!(" {}", file.reason.clone().unwrap_or_default())
        }
        FileState::Indexed if file.items.dead_letters > 0 => {
            format!(" {} in, {} dead letters", compact(file.items.documents), file.items.dead_letters)
        }
        _ => format!(" {} {}", right(&compact(file.items.documents), 4), right(&bytes(file.size_bytes), 7)),
    };
    spans.push(Span::styled(crate::app::state::wrap::truncated(&tail, rest), palette.style(Role::Faint)));
    Line::from(spans)
}

fn dead_letters(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let letters = &state.status.dead_letters;
    if letters.is_empty() {
        put(
            &Line::styled("no dead letters: everything offered could be read", palette.style(Role::Faint)),
            area,
            0,
            buf,
        );
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
    for folder in &state.status.folders {
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
        if usize::from(row) == state.intake.selected && usize::from(row) < state.status.folders.len() {
            select(area, row, palette, buf);
        }
    }
}
