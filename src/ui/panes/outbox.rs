//! Outbox: how far the graph is behind, over time, per kind of event; and the events that were given up.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::app::state::{Pane, State};
use crate::ui::theme::{Palette, Role};
use crate::ui::widgets::{age, compact, duration, filter, framed, put, rate, select, sparkline};

/// Amber and red, by events waiting and by the age of the oldest in seconds.
const AMBER: (u64, f64) = (100, 60.0);
const RED: (u64, f64) = (1_000, 300.0);

pub(crate) fn outbox(
    state: &State,
    palette: Palette,
    is_zoomed: bool,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let status = &state.status.outbox;
    let oldest = status.oldest_pending_seconds;
    let (word, role) = match (status.pending, oldest.unwrap_or(0.0)) {
        (pending, age) if pending > RED.0 || age > RED.1 => ("far behind", Role::Bad),
        (pending, age) if pending > AMBER.0 || age > AMBER.1 => ("behind", Role::Warning),
        (0, _) => ("up to date", Role::Good),
        _ => ("following", Role::Good),
    };
    let stale = state.stale_seconds();
    // Numbers from before are told as such: what waits now is not known.
    let (word, role) = if stale.is_some() { ("not known now", Role::Warning) } else { (word, role) };
    let note = stale.map_or("store → graph".to_owned(), |age| format!("numbers of {} ago", duration(age)));
    let inside = framed(state, palette, "Outbox", &note, state.pane() == Pane::Outbox, area, buf);
    let history = &state.history;
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{word}  "), palette.style(role)),
        Span::raw(format!(
            "pending {}   oldest {}   ",
            compact(status.pending),
            oldest.map_or("—".to_owned(), duration)
        )),
        Span::styled(
            format!("dead {}", status.dead),
            palette.style(if status.dead > 0 { Role::Bad } else { Role::Faint }),
        ),
    ])];
    let width = usize::from(inside.width).saturating_sub(24).clamp(8, 60);
    let sample = |name: &str, samples: &std::collections::VecDeque<f64>, latest: String| {
        Line::from(vec![
            Span::styled(format!("{name:<9}"), palette.style(Role::Faint)),
            sparkline(samples.iter().copied(), width, state.ascii),
            Span::raw(format!(" {latest}")),
        ])
    };
    if stale.is_some() {
        let text = "the store is silent: nothing is lost, events wait in it";
        lines.push(Line::styled(text, palette.style(Role::Warning)));
    }
    lines.push(sample("delivered", &history.delivered_per_second, rate(history.delivery_rate())));
    lines.push(sample("lag", &history.lag_seconds, oldest.map_or("0s".to_owned(), duration)));
    let kinds: Vec<String> =
        status.pending_by_type.iter().map(|(kind, count)| format!("{} {count}", kind.as_str())).collect();
    if !kinds.is_empty() {
        lines.push(Line::styled(kinds.join("   "), palette.style(Role::Faint)));
    }
    if status.parked > 0 {
        lines.push(Line::styled(format!("{} wait for a retry", status.parked), palette.style(Role::Warning)));
    }
    lines.push(Line::styled(
        format!("{} delivered in all", compact(status.processed_total)),
        palette.style(Role::Faint),
    ));
    if let Some(graph) = &state.status.graph {
        let text = format!(
            "graph: {} people, {} documents, {} concepts, {} edges",
            compact(graph.persons),
            compact(graph.documents),
            compact(graph.concepts),
            compact(graph.edges)
        );
        lines.push(Line::styled(text, palette.style(Role::Faint)));
    }
    let top = u16::try_from(lines.len()).unwrap_or(0);
    crate::ui::widgets::put_all(&lines, inside, buf);
    if is_zoomed && inside.height > top + 2 {
        let list = Rect { y: inside.y + top + 1, height: inside.height - top - 1, ..inside };
        dead(state, palette, list, buf);
        return filter(&state.outbox, palette, inside, top, buf);
    }
    None
}

fn dead(state: &State, palette: Palette, area: Rect, buf: &mut Buffer) {
    let events = state.dead_events();
    if events.is_empty() {
        let text = if state.outbox.filter.is_empty() { "no event was given up" } else { "nothing matches the filter" };
        put(&Line::styled(text, palette.style(Role::Faint)), area, 0, buf);
        return;
    }
    let fit = usize::from(area.height / 2).max(1);
    let first = state.outbox.offset(events.len(), fit);
    for (index, event) in events.iter().enumerate().skip(first).take(fit) {
        let row = u16::try_from(index - first).unwrap_or(0) * 2;
        let text = format!("#{} {} {}", event.id, event.event_type.as_str(), event.entity_id);
        let about = format!("  {} attempts, given up {} ago", event.attempts, age(state.now, Some(event.dead_at)));
        put(&Line::from(vec![Span::raw(text), Span::styled(about, palette.style(Role::Bad))]), area, row, buf);
        put(&Line::styled(format!("   {}", event.error), palette.style(Role::Faint)), area, row + 1, buf);
        if index == state.outbox.selected {
            select(area, row, palette, buf);
        }
    }
}
