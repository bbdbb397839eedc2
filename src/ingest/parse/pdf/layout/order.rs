//! The order segments are read in: columns one after the other, tables row by row, everything else downwards.
//!
//! A region is cut where a gutter runs through it (what crosses the gutter cuts it into bands), else at wide empty
//! strips, until only rows are left.

use super::Segment;

/// Cuts within cuts.
const DEEPEST: usize = 12;
/// Lines on each side of a gutter.
const FEWEST_LINES: usize = 2;
/// Words a line of a column has in the mean; cells of a table have fewer.
const PROSE_WORDS: f32 = 3.4;
/// Numbers in the margin before they count as line numbers.
const FEWEST_NUMBERS: usize = 5;

/// The text of all segments.
pub(super) fn text(segments: Vec<Segment>) -> String {
    let (numbers, segments) = split_line_numbers(segments);
    let rtl = segments.iter().filter(|segment| segment.is_rtl).count() * 2 > segments.len();
    let mut writer = Writer { out: String::new(), last: None, rtl };
    let mut all: Vec<&Segment> = segments.iter().collect();
    all.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.x0.total_cmp(&b.x0)));
    arrange(&all, 0, &mut writer);
    let mut out = writer.out;
    if !numbers.is_empty() {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        let numbers: Vec<&str> = numbers.iter().map(|number| number.text.as_str()).collect();
        out.push_str(&numbers.join(" "));
    }
    out
}

/// Numbers that count the lines in a margin are no part of the lines.
fn split_line_numbers(segments: Vec<Segment>) -> (Vec<Segment>, Vec<Segment>) {
    let number = |segment: &Segment| segment.text.parse::<u32>().ok().filter(|_| segment.text.len() <= 4);
    let mut candidates: Vec<usize> = (0..segments.len()).filter(|index| number(&segments[*index]).is_some()).collect();
    if candidates.len() < FEWEST_NUMBERS {
        return (Vec::new(), segments);
    }
    let left = segments.iter().map(|segment| segment.x0).min_by(f32::total_cmp).unwrap_or(0.0);
    let right = segments.iter().map(|segment| segment.x1).max_by(f32::total_cmp).unwrap_or(0.0);
    candidates.sort_by(|a, b| segments[*b].y.total_cmp(&segments[*a].y));
    for at_left in [true, false] {
        let edge = |segment: &Segment| {
            if at_left { segment.x0 - left < segment.size * 2.5 } else { right - segment.x1 < segment.size * 2.5 }
        };
        let column: Vec<usize> = candidates.iter().copied().filter(|index| edge(&segments[*index])).collect();
        if column.len() < FEWEST_NUMBERS {
            continue;
        }
        let values: Vec<u32> = column.iter().filter_map(|index| number(&segments[*index])).collect();
        let step = values[1].wrapping_sub(values[0]);
        let steady = values.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) == step).count();
        let has_text = segments.len() - column.len() >= FEWEST_NUMBERS;
        if !matches!(step, 1 | 5 | 10) || steady * 10 < (values.len() - 1) * 8 || !has_text {
            continue;
        }
        // A table's running numbers stand beside cells, not beside whole lines.
        let lines: std::collections::HashSet<usize> = column.iter().map(|index| segments[*index].line).collect();
        let beside: Vec<&Segment> = segments
            .iter()
            .enumerate()
            .filter(|(index, s)| !column.contains(index) && lines.contains(&s.line))
            .map(|(_, s)| s)
            .collect();
        let words: usize = beside.iter().map(|segment| segment.words).sum();
        if beside.len() > column.len() * 13 / 10 || (words as f32) < beside.len() as f32 * PROSE_WORDS {
            continue;
        }
        let mut numbers = Vec::new();
        let mut rest = Vec::new();
        let column: std::collections::HashSet<usize> = column.into_iter().collect();
        for (index, segment) in segments.into_iter().enumerate() {
            if column.contains(&index) { numbers.push(segment) } else { rest.push(segment) }
        }
        numbers.sort_by(|a, b| b.y.total_cmp(&a.y));
        return (numbers, rest);
    }
    (Vec::new(), segments)
}

/// Writes `region`, which is sorted downwards.
fn arrange(region: &[&Segment], depth: usize, writer: &mut Writer) {
    if region.len() < 2 || depth >= DEEPEST {
        writer.rows(region);
        return;
    }
    if let Some(gutter) = gutter(region) {
        let mut band: Vec<&Segment> = Vec::new();
        for segment in region {
            if segment.x0 < gutter && segment.x1 > gutter {
                columns(&band, gutter, depth, writer);
                band.clear();
                writer.rows(&[segment]);
            } else {
                band.push(segment);
            }
        }
        columns(&band, gutter, depth, writer);
        return;
    }
    let strips = strips(region);
    if strips.len() > 1 {
        for strip in strips {
            arrange(strip, depth + 1, writer);
        }
        return;
    }
    writer.rows(region);
}

fn columns(band: &[&Segment], gutter: f32, depth: usize, writer: &mut Writer) {
    let (left, right): (Vec<&Segment>, Vec<&Segment>) = band.iter().partition(|segment| segment.x0 < gutter);
    if left.is_empty() || right.is_empty() {
        arrange(band, depth + 1, writer);
        return;
    }
    let (first, second) = if writer.rtl { (right, left) } else { (left, right) };
    arrange(&first, depth + 1, writer);
    arrange(&second, depth + 1, writer);
}

/// Where two columns part, if the region has them.
fn gutter(region: &[&Segment]) -> Option<f32> {
    let mut sizes: Vec<f32> = region.iter().map(|segment| segment.size).collect();
    sizes.sort_by(f32::total_cmp);
    let size = sizes[sizes.len() / 2];
    // Edges from left to right: at each place, how many segments are left of it, right of it and across it.
    let mut starts: Vec<f32> = region.iter().map(|segment| segment.x0).collect();
    let mut ends: Vec<f32> = region.iter().map(|segment| segment.x1).collect();
    starts.sort_by(f32::total_cmp);
    ends.sort_by(f32::total_cmp);
    let mut edges: Vec<f32> = starts.iter().chain(&ends).copied().collect();
    edges.sort_by(f32::total_cmp);
    let mut best: Option<(f32, f32, f32)> = None;
    let (mut started, mut ended) = (0, 0);
    for pair in edges.windows(2) {
        while started < starts.len() && starts[started] <= pair[0] {
            started += 1;
        }
        while ended < ends.len() && ends[ended] <= pair[0] {
            ended += 1;
        }
        let width = pair[1] - pair[0];
        let (left, right) = (ended, region.len() - started);
        let across = started - ended;
        if width < size * 0.55 || left < FEWEST_LINES || right < FEWEST_LINES || across * 3 > left.min(right) {
            continue;
        }
        let score = left.min(right) as f32 - 3.0 * across as f32 + (width / size).min(4.0) * 0.5;
        if best.is_none_or(|(known, ..)| score > known) {
            best = Some((score, pair[0], pair[1]));
        }
    }
    let (_, from, to) = best?;
    let gutter = f32::midpoint(from, to);
    is_prose(region, gutter).then_some(gutter)
}

/// Whether what stands on both sides of a gutter are columns of text and not cells of rows.
fn is_prose(region: &[&Segment], gutter: f32) -> bool {
    let left: Vec<&&Segment> = region.iter().filter(|segment| segment.x1 <= gutter).collect();
    let right: Vec<&&Segment> = region.iter().filter(|segment| segment.x0 >= gutter).collect();
    let words = |side: &[&&Segment]| {
        let words: usize = side.iter().map(|segment| segment.words.max(segment.text.chars().count() / 9)).sum();
        let lines: std::collections::HashSet<usize> = side.iter().map(|segment| segment.line).collect();
        (words as f32 / side.len() as f32, side.len() as f32 / lines.len() as f32)
    };
    let ((left_words, left_cells), (right_words, right_cells)) = (words(&left), words(&right));
    // Each side may hold columns of its own, but not many cells a row of few words.
    if left_words >= PROSE_WORDS && right_words >= PROSE_WORDS && left_cells < 2.6 && right_cells < 2.6 {
        return true;
    }
    // Short lines whose baselines do not match are no rows.
    if left.len().min(right.len()) <= FEWEST_LINES {
        return false;
    }
    let lines: std::collections::HashSet<usize> = left.iter().map(|segment| segment.line).collect();
    let matched = right.iter().filter(|segment| lines.contains(&segment.line)).count();
    matched * 10 <= right.len().min(left.len()) * 2 && left_cells < 1.3 && right_cells < 1.3
}

/// The region cut at empty strips that are wider than its lines stand apart.
fn strips<'r, 's>(region: &'r [&'s Segment]) -> Vec<&'r [&'s Segment]> {
    let mut floor = f32::MAX;
    let mut gaps: Vec<f32> = Vec::new();
    let mut places: Vec<(usize, f32, f32)> = Vec::new();
    for (index, segment) in region.iter().enumerate() {
        let top = segment.y + segment.size * 0.75;
        if index > 0 && top < floor {
            gaps.push(floor - top);
            places.push((index, floor - top, segment.size));
        }
        floor = floor.min(segment.y - segment.size * 0.22);
    }
    gaps.sort_by(f32::total_cmp);
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0.0);
    let mut strips = Vec::new();
    let mut start = 0;
    for (index, gap, size) in places {
        if gap > usual + size * 0.6 {
            strips.push(&region[start..index]);
            start = index;
        }
    }
    strips.push(&region[start..]);
    strips
}

/// What was written last.
#[derive(Clone, Copy)]
struct Last {
    y: f32,
    size: f32,
    line: usize,
    x0: f32,
    /// Distance to the line before it, if it had one in the same block.
    pitch: Option<f32>,
}

struct Writer {
    out: String,
    last: Option<Last>,
    rtl: bool,
}

impl Writer {
    /// Writes segments downwards, those of one line from left to right (or from right to left).
    fn rows(&mut self, region: &[&Segment]) {
        let mut rows: Vec<&Segment> = region.to_vec();
        let rtl = self.rtl;
        // A line's segments stand together at its highest place.
        let mut tops: std::collections::HashMap<usize, f32> = std::collections::HashMap::new();
        for segment in region {
            let top = tops.entry(segment.line).or_insert(segment.y);
            *top = top.max(segment.y);
        }
        let top = |segment: &Segment| tops.get(&segment.line).copied().unwrap_or(segment.y);
        rows.sort_by(|a, b| {
            let across = if rtl { b.x0.total_cmp(&a.x0) } else { a.x0.total_cmp(&b.x0) };
            top(b).total_cmp(&top(a)).then(a.line.cmp(&b.line)).then(across)
        });
        for segment in rows {
            self.segment(segment);
        }
    }

    fn segment(&mut self, segment: &Segment) {
        let mut pitch = None;
        if let Some(last) = self.last {
            let down = last.y - segment.y;
            let size = last.size.max(segment.size);
            if last.line == segment.line {
                self.out.push(' ');
                pitch = last.pitch;
            } else {
                let like = last.size.min(segment.size) > size * 0.85;
                let steady = last.pitch.is_none_or(|usual| down < usual * 1.3 + size * 0.1);
                if down > 0.0 && down < size * 1.9 && like && steady {
                    self.out.push('\n');
                    pitch = Some(last.pitch.map_or(down, |usual| usual.min(down)));
                } else if down < 0.0 && like && self.runs_on(segment) {
                    self.out.push('\n');
                } else {
                    self.out.push_str("\n\n");
                }
            }
        }
        self.out.push_str(&segment.text);
        self.last = Some(Last { y: segment.y, size: segment.size, line: segment.line, x0: segment.x0, pitch });
    }

    /// Whether a sentence goes on from the foot of one column to the head of the next.
    fn runs_on(&self, next: &Segment) -> bool {
        let last_x = self.last.map_or(0.0, |last| last.x0);
        let ended = self.out.ends_with(['.', '!', '?', ':', ';', '。']);
        let starts = next.text.chars().next();
        !ended && starts.is_some_and(char::is_lowercase) && (next.x0 - last_x).abs() > next.size
    }
}
