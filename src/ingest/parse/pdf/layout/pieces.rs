//! Glyphs of one direction, turned upright: those off the page and those drawn twice gone, accents on their letters.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::characters;
use super::super::content::Glyph;
use super::{Sheet, words};

/// A direction this near to a right angle counts as one: scanned pages lie askew.
const ASKEW: f32 = 12.0;

/// A glyph in the frame of its direction: the line runs to the right.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) text: Rc<str>,
    pub(super) x0: f32,
    pub(super) x1: f32,
    pub(super) y: f32,
    pub(super) size: f32,
    pub(super) blank: f32,
}

impl Piece {
    pub(super) fn is_blank(&self) -> bool {
        self.text.chars().all(char::is_whitespace)
    }
}

/// The pieces of every direction of the page, the one with most text first.
pub(super) fn by_direction(glyphs: &[Glyph], sheet: Sheet) -> Vec<Vec<Piece>> {
    let mut groups: Vec<(i32, Vec<&Glyph>)> = Vec::new();
    let stacked = stacked(glyphs);
    for glyph in stacked.as_deref().unwrap_or(glyphs) {
        if glyph.text.is_empty() || !is_on(glyph, sheet) {
            continue;
        }
        let key = direction(angle(glyph));
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(glyph),
            None => groups.push((key, vec![glyph])),
        }
    }
    groups.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    groups.into_iter().map(|(key, members)| upright(key, &members)).collect()
}

/// Ideographs of a horizontal font that were set one below the other, as glyphs that run downwards; `None` when the
/// page has none.
fn stacked(glyphs: &[Glyph]) -> Option<Vec<Glyph>> {
    let is_ideograph =
        |glyph: &Glyph| words::is_ideograph(&glyph.text) && (glyph.y - glyph.next_y).abs() < glyph.size * 0.01;
    let follows = |one: &Glyph, other: &Glyph| {
        let (across, down, size) = ((other.x - one.x).abs(), one.y - other.y, one.size.max(0.01));
        is_ideograph(one) && is_ideograph(other) && across < size * 0.2 && down > size * 0.7 && down < size * 2.0
    };
    let below: Vec<bool> = glyphs.windows(2).map(|pair| follows(&pair[0], &pair[1])).collect();
    // A page of lists one character wide is no page of columns.
    if below.iter().filter(|below| **below).count() * 4 < glyphs.len() {
        return None;
    }
    let turned = glyphs.iter().enumerate().map(|(index, glyph)| {
        let in_column = below.get(index) == Some(&true) || index > 0 && below[index - 1];
        let mut glyph = glyph.clone();
        if in_column {
            glyph.x += (glyph.next_x - glyph.x) / 2.0;
            glyph.y += glyph.size * 0.88;
            (glyph.next_x, glyph.next_y) = (glyph.x, glyph.y - glyph.size);
        }
        glyph
    });
    Some(turned.collect())
}

fn angle(glyph: &Glyph) -> f32 {
    (glyph.next_y - glyph.y).atan2(glyph.next_x - glyph.x).to_degrees()
}

/// The nearest right angle, or one of the steps between.
fn direction(angle: f32) -> i32 {
    let right = (angle / 90.0).round() * 90.0;
    let step = if (angle - right).abs() <= ASKEW { right } else { (angle / 15.0).round() * 15.0 };
    (step as i32).rem_euclid(360)
}

fn is_on(glyph: &Glyph, sheet: Sheet) -> bool {
    let (left, right) = (glyph.x.min(glyph.next_x), glyph.x.max(glyph.next_x));
    let (low, high) = (glyph.y.min(glyph.next_y), glyph.y.max(glyph.next_y));
    let room = glyph.size;
    glyph.size > 0.0 && right >= 0.0 && left <= sheet.width && high >= -room * 0.3 && low <= sheet.height
}

fn upright(key: i32, glyphs: &[&Glyph]) -> Vec<Piece> {
    // The mean of what they deviate, so that a page laid askew comes out straight.
    let base = key as f32;
    let mut weight = 0.0_f32;
    let mut deviation = 0.0_f32;
    for glyph in glyphs {
        let length = (glyph.next_x - glyph.x).hypot(glyph.next_y - glyph.y);
        let off = (angle(glyph) - base + 540.0).rem_euclid(360.0) - 180.0;
        weight += length;
        deviation += off * length;
    }
    let turn = if weight > 0.0 { base + deviation / weight } else { base };
    let (sin, cos) = turn.to_radians().sin_cos();
    let mut seen = Seen::default();
    let mut pieces: Vec<Piece> = Vec::with_capacity(glyphs.len());
    for glyph in glyphs {
        let turned = |x: f32, y: f32| (x * cos + y * sin, y * cos - x * sin);
        let (x0, y) = turned(glyph.x, glyph.y);
        let (x1, _) = turned(glyph.next_x, glyph.next_y);
        let piece = Piece { text: Rc::clone(&glyph.text), x0, x1: x1.max(x0), y, size: glyph.size, blank: glyph.blank };
        if !piece.is_blank() && seen.is_double(&piece) {
            continue;
        }
        if let Some(last) = pieces.last_mut()
            && let Some(joined) = accented(last, &piece)
        {
            *last = joined;
            continue;
        }
        pieces.push(piece);
    }
    pieces
}

/// An accent or mark and the letter it stands on, whichever is drawn first.
fn accented(last: &Piece, piece: &Piece) -> Option<Piece> {
    let room = last.size.max(piece.size);
    if (last.y - piece.y).abs() > room * 0.6 || last.is_blank() {
        return None;
    }
    let joined = |text: String, letter: &Piece| Some(Piece { text: text.into(), ..letter.clone() });
    if characters::is_mark(&piece.text) {
        let near = piece.x0 < last.x1 + room * 0.35 && piece.x1 > last.x0 - room * 0.35;
        return if near { joined(format!("{}{}", last.text, piece.text), last) } else { None };
    }
    let (one, other) = (f32::midpoint(last.x0, last.x1), f32::midpoint(piece.x0, piece.x1));
    if (one - other).abs() > room * 0.3 || piece.x0 > last.x1 - room * 0.1 {
        return None;
    }
    if let Some(text) = characters::accent(&last.text).and_then(|mark| characters::accented(&piece.text, mark)) {
        return joined(text, piece);
    }
    if characters::is_mark(&last.text) {
        return joined(format!("{}{}", piece.text, last.text), piece);
    }
    let text = characters::accent(&piece.text).and_then(|mark| characters::accented(&last.text, mark))?;
    joined(text, last)
}

/// Glyphs already drawn, by place: bold is often the same letter twice, a hair apart.
#[derive(Default)]
struct Seen(HashMap<(Rc<str>, i32, i32), (f32, f32)>);

impl Seen {
    fn is_double(&mut self, piece: &Piece) -> bool {
        let near = piece.size * 0.1;
        // Cells of at least `near`, by powers of two: letters drawn twice have one size.
        let cell = 2.0_f32.powi(near.max(0.01).log2().ceil() as i32);
        let (column, row) = ((piece.x0 / cell).floor() as i32, (piece.y / cell).floor() as i32);
        for x in column.saturating_sub(1)..=column.saturating_add(1) {
            for y in row.saturating_sub(1)..=row.saturating_add(1) {
                let place = self.0.get(&(Rc::clone(&piece.text), x, y));
                if place.is_some_and(|(x, y)| (x - piece.x0).abs() < near && (y - piece.y).abs() < near) {
                    return true;
                }
            }
        }
        self.0.insert((Rc::clone(&piece.text), column, row), (piece.x0, piece.y));
        false
    }
}
