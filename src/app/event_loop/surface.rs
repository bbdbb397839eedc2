//! What the terminal shows, cell by cell: a frame is drawn into a buffer, and only what is not shown yet is sent. Owned by
//! `App`.
//!
//! A buffer is not what a terminal shows where a character is wide or a cluster: which columns such a one takes, and what
//! is left of it when one of them is written over, every terminal decides for itself. So whatever stood under it, or may
//! have been touched by it, is sent again (ratatui's own comparison takes it for shown).

use std::io;
use std::mem::swap;

use ratatui::backend::{Backend, ClearType};
use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthChar as _;

/// What is seen where no character is.
const SEEN_ON_BLANKS: Modifier = Modifier::REVERSED
    .union(Modifier::UNDERLINED)
    .union(Modifier::SLOW_BLINK)
    .union(Modifier::RAPID_BLINK)
    .union(Modifier::CROSSED_OUT);

/// A terminal and what it shows.
pub(super) struct Surface<B: Backend> {
    backend: B,
    shown: Buffer,
    next: Buffer,
}

impl<B: Backend<Error = io::Error>> Surface<B> {
    /// A terminal that shows nothing yet.
    pub(super) fn new(backend: B) -> io::Result<Self> {
        let area = Rect::from(backend.size()?);
        Ok(Self { backend, shown: Buffer::empty(area), next: Buffer::empty(area) })
    }

    /// How large it is now.
    pub(super) fn size(&self) -> io::Result<Size> {
        self.backend.size()
    }

    /// Draws one frame: `view` fills the buffer and says where the cursor is, if it is to be seen.
    pub(super) fn draw(&mut self, view: impl FnOnce(Rect, &mut Buffer) -> Option<Position>) -> io::Result<()> {
        let area = Rect::from(self.size()?);
        if area != self.shown.area {
            self.clear(area)?;
        }
        self.next.reset();
        let cursor = view(area, &mut self.next);
        settle(&mut self.next);
        let places = changes(&self.shown, &self.next);
        let next = &self.next;
        self.backend.draw(places.iter().map(|place| (place.x, place.y, &next[*place])))?;
        match cursor {
            None => self.backend.hide_cursor()?,
            Some(position) => {
                self.backend.show_cursor()?;
                self.backend.set_cursor_position(position)?;
            }
        }
        swap(&mut self.shown, &mut self.next);
        self.backend.flush()
    }

    /// Takes whatever the terminal shows away: the next frame is sent whole. Nothing is asked of the terminal.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.clear(Rect::from(self.size()?))
    }

    fn clear(&mut self, area: Rect) -> io::Result<()> {
        self.backend.clear_region(ClearType::All)?;
        self.shown = Buffer::empty(area);
        self.next = Buffer::empty(area);
        Ok(())
    }
}

/// Makes a buffer hold what can be shown of it: nothing under a wide character, and at the end of a row no cluster for
/// which a terminal that takes it apart has no room (it would go on in the next row).
fn settle(buffer: &mut Buffer) {
    for row in buffer.content.chunks_mut(usize::from(buffer.area.width).max(1)) {
        let mut x = 0;
        while x < row.len() {
            if x + room(row[x].symbol()) > row.len() {
                let first: String = row[x].symbol().chars().take(1).collect();
                let fits = x + room(&first) <= row.len();
                row[x].set_symbol(if fits { &first } else { " " });
            }
            let end = (x + columns(&row[x])).min(row.len());
            let style = row[x].style();
            for hidden in &mut row[x + 1..end] {
                hidden.reset();
                hidden.set_style(style);
            }
            x = end;
        }
    }
}

/// Places to send, in this order, so that a terminal that shows one buffer shows the other; both are settled.
fn changes(shown: &Buffer, next: &Buffer) -> Vec<Position> {
    let columns = usize::from(next.area.width).max(1);
    let mut places = Vec::new();
    let rows = shown.content.chunks(columns).zip(next.content.chunks(columns));
    for (y, (shown, next)) in (0..).zip(rows) {
        if shown != next {
            changes_of_row(shown, next, |x| places.push(Position { x: x as u16, y }));
        }
    }
    places
}

fn changes_of_row(shown: &[Cell], next: &[Cell], mut send: impl FnMut(usize)) {
    let (stood, stands) = (owners(shown), owners(next));
    // What was sent may have reached as far as here.
    let mut touched = 0;
    let mut x = 0;
    while x < next.len() {
        let cell = &next[x];
        let end = (x + columns(cell)).min(next.len());
        let owner = stood[x];
        let stays = if owner == x {
            *cell == shown[x]
        } else {
            // What is left of a character whose beginning was written over may look like it, like what was written
            // over it, or like nothing; of a cluster that was taken apart, a character is left.
            is_plain(cell)
                && cell.symbol() == " "
                && is_plain(&shown[owner])
                && shown[owner].symbol().chars().count() == 1
                && stands[owner..x].iter().all(|at| is_plain(&next[*at]))
        };
        if !stays || x < touched {
            let room = room(cell.symbol());
            if room < end - x {
                // A terminal that gives it less room shows what is under it.
                (x + 1..end).for_each(&mut send);
            }
            send(x);
            if x + room > end {
                // With the rest of what it ends in.
                let reached = stood.get(x + room - 1).map_or(0, |last| last + columns(&shown[*last]));
                touched = touched.max(x + room).max(reached);
            }
        }
        x = end;
    }
}

/// For every column of a row, where the character begins that covers it.
fn owners(row: &[Cell]) -> Vec<usize> {
    let mut owners = Vec::with_capacity(row.len());
    while owners.len() < row.len() {
        let begin = owners.len();
        let end = (begin + columns(&row[begin])).min(row.len());
        owners.resize(end, begin);
    }
    owners
}

fn columns(cell: &Cell) -> usize {
    usize::from(cell.cell_width()).max(1)
}

/// Columns it takes where clusters are not known: those of each of its characters.
fn room(symbol: &str) -> usize {
    if symbol.len() == 1 { 1 } else { symbol.chars().map(|character| character.width().unwrap_or(0)).sum() }
}

/// Whether a blank of this style shows nothing.
fn is_plain(cell: &Cell) -> bool {
    cell.bg == Color::Reset && !cell.modifier.intersects(SEEN_ON_BLANKS)
}

#[cfg(test)]
mod tests;
