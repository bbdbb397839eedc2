//! Pieces to line segments: runs as they were drawn, runs of one baseline to lines, lines cut at wide gaps.

use super::pieces::Piece;
use super::words;
use super::{Segment, bidi};

/// How many open lines a run is held against: lines come sorted, so the near ones are the last.
const NEAR_LINES: usize = 24;

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

/// The widest gap inside a segment.
fn widest(size: f32, blank: f32) -> f32 {
    (size * 1.0).max(blank * 2.3)
}

/// The segments of all lines.
pub(super) fn segments(pieces: Vec<Piece>) -> Vec<Segment> {
    let is_rtl = bidi::is_mostly_rtl(pieces.iter().map(|piece| &*piece.text));
    let mut lines = lines(runs(pieces));
    attach_small(&mut lines);
    let mut segments = Vec::new();
    for (index, line) in lines.into_iter().enumerate() {
        cut(line, index, is_rtl, &mut segments);
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

/// Cuts a line where the gaps are wide, and reads each part.
fn cut(mut line: Line, index: usize, is_rtl: bool, segments: &mut Vec<Segment>) {
    line.runs.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let (y, size) = (line.y, line.size);
    let mut part: Vec<Piece> = Vec::new();
    let mut end = f32::MIN;
    let mut last_size = size;
    for run in line.runs {
        let blank = run.pieces.first().map_or(0.0, |piece| piece.blank);
        if !part.is_empty() && run.x0 - end > widest(run.size.max(last_size), blank) {
            segments.extend(segment(std::mem::take(&mut part), y, index, is_rtl));
        }
        end = if part.is_empty() { run.x1 } else { end.max(run.x1) };
        last_size = run.size;
        part.extend(run.pieces);
    }
    segments.extend(segment(part, y, index, is_rtl));
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
