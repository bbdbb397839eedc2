use std::collections::BTreeMap;

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::style::Style;

use super::*;

/// What a terminal leaves of a character of which a part was written over.
#[derive(Clone, Copy, Debug)]
enum Left {
    /// Blanks that look as the character did.
    Its,
    /// Blanks that look like what was written.
    Ours,
    /// Blanks that look like nothing.
    Plain,
}

/// One row of a terminal that shows characters in one of the ways there are.
#[derive(Clone, Debug)]
struct Row {
    left: Left,
    /// Whether it takes clusters apart: each character takes its own columns.
    apart: bool,
    /// Columns where characters begin, how many they take, and how each column looks.
    glyphs: BTreeMap<usize, (String, usize)>,
    looks: Vec<Cell>,
}

impl Row {
    fn new(left: Left, apart: bool, columns: usize) -> Self {
        Self { left, apart, glyphs: BTreeMap::new(), looks: vec![Cell::EMPTY; columns] }
    }

    fn write(&mut self, x: usize, cell: &Cell) {
        if !self.apart {
            self.place(x, cell.symbol(), columns(cell), cell);
            return;
        }
        let mut at = x;
        let mut begin = None;
        for character in cell.symbol().chars() {
            match (character.width().unwrap_or(0), begin) {
                (0, Some(begin)) => {
                    if let Some((text, _)) = self.glyphs.get_mut(&begin) {
                        text.push(character);
                    }
                }
                (width, _) => {
                    self.place(at, &character.to_string(), width.max(1), cell);
                    begin = Some(at);
                    at += width.max(1);
                }
            }
        }
    }

    fn place(&mut self, x: usize, text: &str, width: usize, cell: &Cell) {
        assert!(x + width <= self.looks.len(), "{text:?} at {x} goes on in the next row");
        let touched: Vec<usize> = self
            .glyphs
            .iter()
            .filter(|(begin, (_, width_of))| **begin < x + width && **begin + width_of > x)
            .map(|(begin, _)| *begin)
            .collect();
        for begin in touched {
            let (_, old) = self.glyphs.remove(&begin).unwrap();
            for column in begin..begin + old {
                match self.left {
                    Left::Its => {}
                    Left::Ours => self.looks[column].set_style(cell.style()).modifier = cell.modifier,
                    Left::Plain => self.looks[column] = Cell::EMPTY,
                }
            }
        }
        for look in &mut self.looks[x..x + width] {
            *look = cell.clone();
            look.set_symbol(" ");
        }
        self.glyphs.insert(x, (text.to_owned(), width));
    }

    /// Text and looks; a blank has no ink.
    fn seen(&self) -> Vec<(String, Color, Color, Modifier)> {
        let mut seen: Vec<_> = self
            .looks
            .iter()
            .map(|look| {
                let ink = if look.modifier.contains(Modifier::REVERSED) { look.fg } else { Color::Reset };
                (String::new(), ink, look.bg, look.modifier.intersection(SEEN_ON_BLANKS))
            })
            .collect();
        for (begin, (text, _)) in self.glyphs.iter().filter(|(_, (text, _))| text != " ") {
            let look = &self.looks[*begin];
            seen[*begin] = (text.clone(), look.fg, look.bg, look.modifier);
        }
        seen
    }
}

fn buffer(random: &mut fastrand::Rng, columns: u16) -> Buffer {
    const TEXTS: [&str; 14] =
        ["a", "b", " ", " ", "  ", "e\u{301}", "日", "本", "🙂", "⌨\u{fe0f}", "👍🏽", "👩\u{200d}👧", "ｶ\u{ff9e}", "🇳🇴"];
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, 1));
    for _ in 0..random.usize(1..12) {
        let style = match random.u32(0..8) {
            0 => Style::new().add_modifier(Modifier::REVERSED),
            1 => Style::new().bg(Color::Blue),
            2 => Style::new().fg(Color::Red).add_modifier(Modifier::UNDERLINED),
            3 => Style::new().fg(Color::Red),
            _ => Style::new(),
        };
        let x = random.u16(0..columns);
        let text = TEXTS[random.usize(0..TEXTS.len())];
        buffer.set_stringn(x, 0, text, usize::from(columns - x), style);
        if random.u32(0..4) == 0 {
            // A widget that colours what lies there, under a wide character too.
            let width = random.u16(1..=columns - x);
            buffer.set_style(Rect::new(x, 0, width, 1), style);
        }
    }
    settle(&mut buffer);
    buffer
}

/// Whatever a terminal makes of wide characters and clusters, after any frames it shows what a fresh draw shows.
#[test]
fn every_terminal_shows_what_a_fresh_draw_shows() {
    for seed in 0..1_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let columns = random.u16(3..14);
        let frames: Vec<Buffer> = (0..4).map(|_| buffer(&mut random, columns)).collect();
        for (left, apart) in [Left::Its, Left::Ours, Left::Plain].map(|left| [(left, false), (left, true)]).concat() {
            let empty = Buffer::empty(Rect::new(0, 0, columns, 1));
            let mut row = Row::new(left, apart, usize::from(columns));
            let mut shown = &empty;
            for frame in &frames {
                let mut fresh = Row::new(left, apart, usize::from(columns));
                for place in changes(&empty, frame) {
                    fresh.write(usize::from(place.x), &frame[place]);
                }
                for place in changes(shown, frame) {
                    row.write(usize::from(place.x), &frame[place]);
                }
                assert_eq!(row.seen(), fresh.seen(), "seed {seed}, {left:?}, apart: {apart}, {shown:?} to {frame:?}");
                shown = frame;
            }
        }
    }
}

/// The same through the bytes that are sent, on a terminal that others wrote: a wide character left of a cursor that is a
/// blank the other way round, deleted (in ratatui's own comparison the cell behind the new cursor stays reversed).
#[test]
fn a_cursor_that_steps_back_over_a_wide_character_leaves_nothing() {
    let reversed = Style::new().add_modifier(Modifier::REVERSED);
    let area = Rect::new(0, 0, 10, 1);
    let (mut before, mut after) = (Buffer::empty(area), Buffer::empty(area));
    before.set_string(0, 0, "x 🙂", Style::new());
    before.set_string(4, 0, " ", reversed);
    after.set_string(0, 0, "x ", Style::new());
    after.set_string(2, 0, " ", reversed);
    let mut bytes = Vec::new();
    for (shown, next) in [(&Buffer::empty(area), &before), (&before, &after)] {
        let places = changes(shown, next);
        let cells = places.iter().map(|place| (place.x, place.y, &next[*place]));
        CrosstermBackend::new(&mut bytes).draw(cells).unwrap();
    }
    let mut parser = vt100::Parser::new(1.try_into().unwrap(), 10.try_into().unwrap(), 0);
    parser.process(&bytes);
    let reversed: Vec<bool> = (0..10).map(|x| parser.screen().cell(0, x).unwrap().inverse()).collect();
    assert_eq!(reversed.iter().position(|is| *is), Some(2));
    assert_eq!(reversed.iter().filter(|is| **is).count(), 1, "{reversed:?}");
}

#[test]
fn plain_text_costs_what_differs_and_no_more() {
    let area = Rect::new(0, 0, 30, 2);
    let lines = |text: &str| {
        let mut buffer = Buffer::empty(area);
        buffer.set_string(0, 1, text, Style::new());
        settle(&mut buffer);
        buffer
    };
    for (before, after) in [
        ("", ""),
        ("a word", "a sword"),
        ("日本 words", "日本 swords"),
        ("日本", "日"),
        ("日本", "x"),
        ("e\u{301}", "e"),
    ] {
        let (before, after) = (lines(before), lines(after));
        let ours = changes(&before, &after).len();
        assert_eq!(ours, before.diff(&after).len(), "{before:?} to {after:?}");
    }
}
