//! Pieces to line segments: runs as they were drawn, runs of one baseline to lines, lines cut at wide gaps.

use super::pieces::Piece;
use super::words;
use super::{Segment, bidi};

/// How many open lines a run is held against: lines come sorted, so the near ones are the last.
const NEAR_LINES: usize = 24;

/// The narrowest gap between columns, over the letters' size.
const NARROWEST_GUTTER: f32 = 0.55;
/// Gaps above each other before they count as a gutter.
const FEWEST_GAPS: i32 = 6;
/// Gutters of one page.
const MOST_GUTTERS: usize = 64;

/// Pieces drawn one after the other on one baseline.
struct Run {
    pieces: Vec<Piece>,
    x0: f32,
    x1: f32,
    y: f32,
    size: f32,
}

struct Line {
    y: f32,
    size: f32,
    runs: Vec<Run>,
}

/// What all lines of a page have in common.
struct Frame {
    gutters: Vec<f32>,
    is_rtl: bool,
}

/// The widest gap inside a segment.
fn widest(size: f32, blank: f32) -> f32 {
    (size * 1.0).max(blank * 2.3)
}

/// The segments of all lines.
pub(super) fn segments(pieces: Vec<Piece>) -> Vec<Segment> {
    let is_rtl = bidi::is_mostly_rtl(pieces.iter().map(|piece| &*piece.text));
    let mut lines = lines(runs(pieces));
    attach_small(&mut lines);
    let page = Frame { gutters: gutters(&lines), is_rtl };
    let mut segments = Vec::new();
    for (index, line) in lines.into_iter().enumerate() {
        cut(line, index, &page, &mut segments);
    }
    segments
}

fn runs(pieces: Vec<Piece>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    // Blanks wait for what follows them: at a run's end they are nothing.
    let mut blanks: Vec<Piece> = Vec::new();
    for piece in pieces {
        if piece.is_blank() {
            blanks.push(piece);
            continue;
        }
        let goes_on = runs.last().is_some_and(|run| {
            let size = run.size.min(piece.size);
            let gap = piece.x0 - run.x1;
            (piece.y - run.y).abs() <= size * 0.12
                && run.size.max(piece.size) <= size * 1.25
                && gap <= widest(size, piece.blank)
                && gap >= -size * 0.5
        });
        match runs.last_mut() {
            Some(run) if goes_on => {
                run.pieces.append(&mut blanks);
                run.x1 = run.x1.max(piece.x1);
                run.pieces.push(piece);
            }
            _ => {
                blanks.clear();
                let (x0, x1, y, size) = (piece.x0, piece.x1, piece.y, piece.size);
                runs.push(Run { pieces: vec![piece], x0, x1, y, size });
            }
        }
    }
    runs
}

fn lines(mut runs: Vec<Run>) -> Vec<Line> {
    runs.sort_by(|a, b| b.y.total_cmp(&a.y));
    let mut lines: Vec<Line> = Vec::new();
    for run in runs {
        let near = lines.len().saturating_sub(NEAR_LINES);
        let fit = lines[near..].iter().enumerate().filter_map(|(index, line)| {
            let room = line.size.min(run.size);
            let off = (line.y - run.y).abs();
            (off <= room * 0.25).then_some((near + index, off))
        });
        match fit.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((index, _)) => {
                let line = &mut lines[index];
                line.size = line.size.max(run.size);
                line.runs.push(run);
            }
            None => lines.push(Line { y: run.y, size: run.size, runs: vec![run] }),
        }
    }
    lines
}

/// Small raised or lowered runs go to the line they touch.
fn attach_small(lines: &mut [Line]) {
    for index in 0..lines.len() {
        let mut kept = Vec::new();
        for run in std::mem::take(&mut lines[index].runs) {
            match host(lines, index, &run) {
                Some(host) => lines[host].runs.push(run),
                None => kept.push(run),
            }
        }
        lines[index].runs.append(&mut kept);
    }
}

fn host(lines: &[Line], own: usize, run: &Run) -> Option<usize> {
    let near = own.saturating_sub(NEAR_LINES)..(own + NEAR_LINES).min(lines.len());
    near.filter(|index| *index != own).find(|index| {
        let line = &lines[*index];
        let raised = run.y - line.y;
        run.size < line.size * 0.9
            && raised < line.size * 0.65
            && raised > -line.size * 0.4
            && line.runs.iter().take(256).any(|other| {
                let gap = if run.x0 >= other.x0 { run.x0 - other.x1 } else { other.x0 - run.x1 };
                other.size > run.size * 1.1 && gap > -line.size * 0.3 && gap < line.size * 0.3
            })
    })
}

/// Where gaps of many lines stand above each other: columns may part there although no gap is wide.
fn gutters(lines: &[Line]) -> Vec<f32> {
    // Each gap opens at its left edge and shuts at its right; most that are open at one place make a gutter.
    let mut edges: Vec<(f32, i32)> = Vec::new();
    let mut spans: Vec<(f32, f32)> = Vec::with_capacity(lines.len());
    for line in lines {
        let mut pieces: Vec<&Piece> = line.runs.iter().flat_map(|run| &run.pieces).collect();
        pieces.retain(|piece| !piece.is_blank());
        pieces.sort_by(|a, b| a.x0.total_cmp(&b.x0));
        let Some(first) = pieces.first() else { continue };
        let mut end = first.x1;
        for piece in &pieces[1..] {
            if piece.x0 - end >= line.size * NARROWEST_GUTTER {
                edges.push((end, 1));
                edges.push((piece.x0, -1));
            }
            end = end.max(piece.x1);
        }
        spans.push((first.x0, end));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut open = 0;
    let mut found = Vec::new();
    for (index, (x, step)) in edges.iter().enumerate() {
        open += step;
        let falls = edges.get(index + 1).is_some_and(|(_, next)| *next < 0);
        if *step > 0 && falls && open >= FEWEST_GAPS {
            let middle = f32::midpoint(*x, edges[index + 1].0);
            let across = spans.iter().filter(|(from, to)| *from < middle && *to > middle).count();
            if open as usize * 10 >= across * 6 {
                found.push(middle);
            }
        }
        if found.len() >= MOST_GUTTERS {
            break;
        }
    }
    found
}

/// Cuts a line where the gaps are wide or lie in a gutter, and reads each part.
fn cut(mut line: Line, index: usize, page: &Frame, segments: &mut Vec<Segment>) {
    line.runs.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let y = line.y;
    let mut part: Vec<Piece> = Vec::new();
    let mut end = f32::MIN;
    let mut last_size = 0.0_f32;
    for piece in line.runs.into_iter().flat_map(|run| run.pieces) {
        if piece.is_blank() {
            part.push(piece);
            continue;
        }
        let gap = piece.x0 - end;
        let size = piece.size.max(last_size);
        let in_gutter =
            || gap >= size * NARROWEST_GUTTER && page.gutters.iter().any(|gutter| *gutter > end && *gutter < piece.x0);
        if end > f32::MIN && (gap > widest(size, piece.blank) || in_gutter()) {
            segments.extend(segment(std::mem::take(&mut part), y, index, page.is_rtl));
            end = piece.x1;
        }
        end = end.max(piece.x1);
        last_size = piece.size;
        part.push(piece);
    }
    segments.extend(segment(part, y, index, page.is_rtl));
}

fn segment(pieces: Vec<Piece>, y: f32, line: usize, is_rtl: bool) -> Option<Segment> {
    let inked = || pieces.iter().filter(|piece| !piece.is_blank());
    let x0 = inked().map(|piece| piece.x0).min_by(f32::total_cmp)?;
    let x1 = inked().map(|piece| piece.x1).max_by(f32::total_cmp)?;
    // The size most of it has.
    let mut sizes: Vec<f32> = inked().map(|piece| piece.size).collect();
    sizes.sort_by(f32::total_cmp);
    let size = sizes[sizes.len() / 2];
    let words = words::of(&pieces);
    let (text, is_rtl) = bidi::logical(&words, is_rtl);
    (!text.is_empty()).then_some(Segment { x0, x1, y, size, line, words: words.len(), text, is_rtl })
}
