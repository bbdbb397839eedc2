//! Services: each with its latest probe and history, what is wrong and what to do; and the workers of every process.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::wrap::wrap;
use crate::app::state::{Pane, State};
use crate::domain::health::{ServiceHealth, ServiceRole, ServiceState, WorkerRecord, WorkerState};
use crate::domain::status::EmbeddingProgress;

use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{bytes, cell, compact, counted, duration, filter, framed, put, put_all, sparkline};

/// A worker silent for this long is stale: three heartbeats.
const STALE_SECONDS: f64 = 15.0;

pub(crate) fn services(
    state: &State,
    palette: Palette,
    is_zoomed: bool,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let held = bytes(state.status.store.bytes_on_disk);
    let note = state.stale_seconds().map_or(held, |age| format!("numbers of {} ago", duration(age)));
    let inside = framed(state, palette, "Services", &note, state.pane() == Pane::Services, area, buf);
    let mut lines = Vec::new();
    for service in &state.status.services {
        lines.push(service_line(state, service, palette));
        if let Some(error) = &service.error {
            // What to do stands at the end of an error: on the whole screen it is told to the end.
            let columns = usize::from(inside.width).saturating_sub(3);
            let rows = if is_zoomed { 4 } else { 1 };
            for range in wrap(error, columns).into_iter().take(rows) {
                let role = if service.state == ServiceState::Degraded { Role::Warning } else { Role::Bad };
                lines.push(Line::styled(format!("   {}", &error[range]), palette.style(role)));
            }
        } else if is_zoomed && service.role != ServiceRole::Disk {
            lines.push(Line::styled(format!("   {}", service.detail), palette.style(Role::Faint)));
        }
    }
    if state.status.services.is_empty() {
        lines.push(Line::styled("opening…", palette.style(Role::Faint)));
    }
    if is_zoomed {
        lines.push(Line::default());
        lines.extend(store_lines(state, palette));
        lines.push(Line::default());
        lines.push(worker_summary(state, palette));
        for worker in state.workers() {
            lines.push(worker_line(state, worker, palette));
            if worker.state.is_trouble() && !worker.detail.is_empty() {
                let columns = usize::from(inside.width).saturating_sub(3);
                for range in wrap(&worker.detail, columns).into_iter().take(4) {
                    lines.push(Line::styled(format!("   {}", &worker.detail[range]), palette.style(Role::Warning)));
                }
            }
        }
    } else {
        lines.extend(worker_words(state, usize::from(inside.width), palette));
    }
    let skip = state.services.selected.min(lines.len().saturating_sub(usize::from(inside.height)));
    let skip = if is_zoomed { skip } else { 0 };
    let skip = skip.min(lines.len());
    put_all(&lines[skip..], inside, buf);
    if !is_zoomed || (state.services.filter.is_empty() && !state.services.filtering) {
        return None;
    }
    let row = inside.height.saturating_sub(1);
    put(&Line::raw(" ".repeat(usize::from(inside.width))), inside, row, buf);
    filter(&state.services, palette, inside, row, buf)
}

fn service_line<'a>(state: &State, service: &ServiceHealth, palette: Palette) -> Line<'a> {
    let (dot, word, role) = match service.state {
        ServiceState::Degraded if service.role == ServiceRole::Disk => ("◐", "low", Role::Warning),
        ServiceState::Degraded if service.role == ServiceRole::Replica => ("◐", "behind", Role::Warning),
        ServiceState::Down if service.role == ServiceRole::Disk => ("○", "FULL", Role::Bad),
        ServiceState::Ok => ("●", "ok", Role::Good),
        ServiceState::Degraded => ("◐", "slow", Role::Warning),
        ServiceState::Down => ("○", "DOWN", Role::Bad),
        ServiceState::Unknown => ("·", "not asked yet", Role::Faint),
    };
    let dot = if state.ascii { "*" } else { dot };
    let mut spans = vec![
        Span::styled(format!("{dot} "), palette.style(role)),
        Span::raw(cell(service.role.as_str(), 9)),
        Span::styled(format!("{word}  "), palette.style(role)),
    ];
    // How long the question took says nothing of a disk; how much is free does.
    if service.role == ServiceRole::Disk && service.state == ServiceState::Ok {
        spans.push(Span::styled(service.detail.clone(), palette.style(Role::Faint)));
        return Line::from(spans);
    }
    let latency = service.latency_ms.map_or(String::new(), |ms| format!("{ms:.1} ms "));
    spans.push(Span::styled(latency, palette.style(Role::Faint)));
    spans.push(sparkline(service.latency_history_ms.iter().copied(), 12, state.ascii));
    spans.push(Span::styled(format!("  {}", service.name), palette.style(Role::Faint)));
    Line::from(spans)
}

fn store_lines<'a>(state: &State, palette: Palette) -> Vec<Line<'a>> {
    let store = &state.status.store;
    let kinds: Vec<String> =
        store.documents_by_type.iter().map(|(kind, count)| format!("{} {}", compact(*count), kind.as_str())).collect();
    let mut lines = vec![
        Line::raw(if kinds.is_empty() {
            format!("{} documents", compact(store.documents))
        } else {
            format!("{} documents: {}", compact(store.documents), kinds.join(", "))
        }),
        Line::raw(format!(
            "{} chunks, {} people, {} deleted",
            compact(store.chunks),
            compact(store.persons),
            store.deleted
        )),
    ];
    for progress in &state.status.embeddings {
        let percent = (progress.coverage() * 100.0).floor();
        let rest = format!(
            "{} of {}",
            compact(progress.done),
            compact(progress.done + progress.pending + progress.processing + progress.failed)
        );
        let failed = if progress.failed > 0 { format!(", {} failed", progress.failed) } else { String::new() };
        lines.push(Line::styled(
            format!("meaning {percent:.0} % by {} ({rest}{failed}){}", progress.model, role_of_model(state, progress)),
            palette.style(Role::Faint),
        ));
    }
    lines
}

/// What a model is for, when that is not plain.
fn role_of_model(state: &State, progress: &EmbeddingProgress) -> &'static str {
    let (roles, model) = (&state.status.models, Some(&progress.model));
    if roles.building.as_ref() == model {
        " being built"
    } else if roles.previous.as_ref() == model {
        " kept"
    } else {
        ""
    }
}

fn is_stale(state: &State, worker: &WorkerRecord) -> bool {
    worker.state != WorkerState::Stopped && state.now.seconds_since(worker.heartbeat_at) > STALE_SECONDS
}

fn role_of(state: &State, worker: &WorkerRecord) -> Role {
    match worker.state {
        _ if is_stale(state, worker) => Role::Warning,
        WorkerState::Down => Role::Bad,
        WorkerState::Waiting | WorkerState::Restarting | WorkerState::Paused => Role::Warning,
        WorkerState::Stopped => Role::Faint,
        _ => Role::Good,
    }
}

/// How many workers there are, of how many processes, and what became of the silent ones.
fn worker_summary<'a>(state: &State, palette: Palette) -> Line<'a> {
    let workers = &state.status.workers;
    let processes: HashSet<(&str, u32)> = workers.iter().map(|worker| (worker.host.as_str(), worker.pid)).collect();
    let hosts: HashSet<&str> = workers.iter().map(|worker| worker.host.as_str()).collect();
    let stale = workers.iter().filter(|worker| is_stale(state, worker)).count() as u64;
    if workers.is_empty() {
        return Line::styled("no workers: open the app, or run `peanut ingest`", palette.style(Role::Warning));
    }
    let mut spans = vec![Span::raw(format!(
        "{}, {}, {}",
        counted(workers.len() as u64, "worker", "workers"),
        counted(processes.len() as u64, "process", "processes"),
        counted(hosts.len() as u64, "host", "hosts"),
    ))];
    if stale > 0 {
        let text = format!(", {stale} stale: others take over its work");
        spans.push(Span::styled(text, palette.style(Role::Warning)));
    }
    Line::from(spans)
}

fn worker_line<'a>(state: &State, worker: &WorkerRecord, palette: Palette) -> Line<'a> {
    let stale = if is_stale(state, worker) { " stale" } else { "" };
    let restarts = restarts(worker);
    let seen = duration(state.now.seconds_since(worker.heartbeat_at));
    let detail = if worker.state.is_trouble() { "" } else { worker.detail.as_str() };
    Line::from(vec![
        Span::raw(cell(&worker.name, 9)),
        Span::styled(format!("{}{stale}", cell(worker.state.as_str(), 10)), palette.style(role_of(state, worker))),
        Span::styled(
            format!(" {}:{} seen {seen} ago{restarts}  {detail}", worker.host, worker.pid),
            palette.style(Role::Faint),
        ),
    ])
}

/// Workers in a few words, wrapped; each with a mark and, when it is not well, its state.
fn worker_words<'a>(state: &State, columns: usize, palette: Palette) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    // What holds the work up comes first: the pane may end before the names do.
    let (troubled, restarted): (Vec<_>, Vec<_>) = state
        .status
        .workers
        .iter()
        .filter(|worker| worker.state.is_trouble() || worker.state != WorkerState::Stopped && worker.restarts > 0)
        .partition(|worker| worker.state.is_trouble());
    for worker in troubled {
        let text = format!("{} {}{}: {}", worker.name, worker.state.as_str(), restarts(worker), worker.detail);
        lines.push(Line::styled(text, palette.style(Role::Warning)));
    }
    let mut spans = vec![Span::styled("workers: ", palette.style(Role::Faint))];
    let mut used = 9;
    let running =
        state.status.workers.iter().filter(|worker| worker.state != WorkerState::Stopped && !is_stale(state, worker));
    let mut any = false;
    for worker in running {
        any = true;
        let well = matches!(worker.state, WorkerState::Idle | WorkerState::Busy);
        let word = if well { worker.name.clone() } else { format!("{} {}", worker.name, worker.state.as_str()) };
        let mark = match (state.ascii, worker.state) {
            (true, _) => "*",
            (false, WorkerState::Busy) => "◆",
            (false, _) => "●",
        };
        let wide = word.chars().count() + 3;
        if used + wide > columns {
            lines.push(Line::from(std::mem::take(&mut spans)));
            used = 0;
        }
        used += wide;
        spans.push(Span::raw(word));
        spans.push(Span::styled(format!(" {mark} "), palette.style(role_of(state, worker))));
    }
    if !any {
        spans.push(Span::styled("none running", palette.style(Role::Warning)));
    }
    lines.push(Line::from(spans));
    let stale = state.status.workers.iter().filter(|worker| is_stale(state, worker)).count() as u64;
    if stale > 0 {
        let text = format!("{} without a sign of life", counted(stale, "worker", "workers"));
        lines.push(Line::styled(text, palette.style(Role::Warning)));
    }
    for worker in restarted {
        let text = format!("{}{}: {}", worker.name, restarts(worker), worker.detail);
        lines.push(Line::styled(text, palette.style(Role::Warning)));
    }
    lines
}

fn restarts(worker: &WorkerRecord) -> String {
    if worker.restarts > 0 { format!(" (restarts: {})", worker.restarts) } else { String::new() }
}
