//! From the bytes a terminal sends to our events: keys, pastes, the mouse. Pure; called by the thread that reads.
//!
//! Written out here because the library's own reader asks the terminal questions, reads beside an editor that has the
//! terminal, and spins on one that is gone; its decoder cannot be had without it. Whatever is not understood is dropped
//! as a whole sequence, so that no answer to somebody else's question is taken for keys.

use tui_textarea::{Input, Key};

use crate::app::event::Event;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
/// A sequence longer than this is none.
const LONGEST_SEQUENCE: usize = 64;
/// Ends a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";
/// Shift, Alt and Control in the number a terminal sends, less one.
const SHIFT: u32 = 1;
const ALT: u32 = 2;
const CONTROL: u32 = 4;

/// What is between two events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    /// Text between the two marks of a paste.
    Paste,
    /// A string that nobody asked for (an answer to an editor that has ended), up to its end.
    Text,
}

/// Bytes in, events out; a sequence may arrive in pieces.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: Vec<u8>,
    within: Within,
}

/// What the front of the buffer is.
enum Front {
    /// The beginning of something.
    Incomplete,
    /// So many bytes, and what they mean.
    Whole(usize, Option<Event>),
    /// So many bytes that begin a paste or a string.
    Opens(usize, Within),
}

impl Decoder {
    /// Takes bytes in and appends what they mean.
    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        // The mark that ends a paste may be cut in two: only what is new, and a little before it, is looked at.
        let mut from = self.buffer.len().saturating_sub(PASTE_END.len());
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while at < self.buffer.len() {
            let rest = &self.buffer[at..];
            match self.within {
                Within::Paste => {
                    let start = from.saturating_sub(at).min(rest.len());
                    let Some(end) = find(&rest[start..], PASTE_END).map(|end| start + end) else { break };
                    events.push(Event::Pasted(pasted(&rest[..end])));
                    at += end + PASTE_END.len();
                    self.within = Within::Nothing;
                }
                Within::Text => {
                    if let Some(end) = end_of_text(rest) {
                        at += end;
                        self.within = Within::Nothing;
                    } else {
                        // All but an escape that may be half of the end.
                        at = self.buffer.len() - usize::from(rest.last() == Some(&ESCAPE));
                        break;
                    }
                }
                Within::Nothing => match front(rest) {
                    Front::Incomplete => break,
                    Front::Whole(count, event) => {
                        events.extend(event);
                        at += count;
                    }
                    Front::Opens(count, within) => {
                        self.within = within;
                        at += count;
                        from = at;
                    }
                },
            }
        }
        self.buffer.drain(..at);
    }

    /// Whether the next bytes, or that none come, decide what the last ones were.
    pub(super) fn is_waiting(&self) -> bool {
        match self.within {
            Within::Nothing => !self.buffer.is_empty(),
            Within::Text => true,
            Within::Paste => false,
        }
    }

    /// Nothing more came: an escape alone is the key of that name, half a sequence is nothing.
    pub(super) fn settle(&mut self, events: &mut Vec<Event>) {
        if self.within == Within::Nothing {
            match self.buffer[..] {
                [ESCAPE] => events.push(key(Key::Esc, 0)),
                [ESCAPE, ESCAPE] => events.extend([key(Key::Esc, 0), key(Key::Esc, 0)]),
                [ESCAPE, byte @ 0x20..0x7f] => events.push(character(char::from(byte), ALT)),
                _ => {}
            }
        }
        self.forget();
    }

    /// Forgets what is half there: somebody else had the terminal meanwhile.
    pub(super) fn forget(&mut self) {
        self.buffer.clear();
        self.within = Within::Nothing;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Terminals send a carriage return for a line end in a paste.
fn pasted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n")
}

/// Behind the bell or the string terminator; before a control character, which no answer has: what looked like one was
/// typed (Escape, a bracket, a digit), and this is a key.
fn end_of_text(bytes: &[u8]) -> Option<usize> {
    let bell = bytes.iter().position(|byte| *byte == BELL).map(|at| at + 1);
    let terminator = find(bytes, b"\x1b\\").map(|at| at + 2);
    let control = bytes.iter().position(|byte| *byte < b' ' && !matches!(*byte, BELL | ESCAPE));
    [bell, terminator, control].into_iter().flatten().min()
}

fn key(key: Key, modifiers: u32) -> Event {
    let has = |bit| modifiers & bit != 0;
    Event::Key(Input { key, ctrl: has(CONTROL), alt: has(ALT), shift: has(SHIFT) })
}

fn character(character: char, modifiers: u32) -> Event {
    let shift = if character.is_uppercase() { SHIFT } else { 0 };
    key(Key::Char(character), modifiers | shift)
}

fn front(bytes: &[u8]) -> Front {
    match *bytes {
        [ESCAPE] => Front::Incomplete,
        [ESCAPE, b'[', ..] => control_sequence(bytes, 2, 0),
        [ESCAPE, b'O'] => Front::Incomplete,
        [ESCAPE, b'O', byte, ..] => Front::Whole(3, keypad(byte)),
        // A second escape: with a sequence behind it Alt and that key, else the first one was a key of its own.
        [ESCAPE, ESCAPE] => Front::Incomplete,
        [ESCAPE, ESCAPE, b'[', ..] => control_sequence(bytes, 3, ALT),
        [ESCAPE, ESCAPE, ..] => Front::Whole(1, Some(key(Key::Esc, 0))),
        // Nothing is bound to Alt with a control key: this is Escape, and a key typed quickly behind it.
        [ESCAPE, 0x00..=0x07 | 0x09..=0x1f, ..] => Front::Whole(1, Some(key(Key::Esc, 0))),
        [ESCAPE, b']' | b'P' | b'_' | b'^' | b'X'] => Front::Incomplete,
        [ESCAPE, b']', b'0'..=b'9', ..]
        | [ESCAPE, b'P', b'0'..=b'9' | b'>' | b'!' | b'+' | b'$' | b'|', ..]
        | [ESCAPE, b'_', b'G', ..] => Front::Opens(3, Within::Text),
        [ESCAPE, ..] => match plain(&bytes[1..], ALT) {
            Front::Whole(count, event) => Front::Whole(count + 1, event),
            other => other,
        },
        _ => plain(bytes, 0),
    }
}

/// One key without an escape in front.
fn plain(bytes: &[u8], modifiers: u32) -> Front {
    let Some(&first) = bytes.first() else { return Front::Incomplete };
    let control = |letter: u8| character(char::from(letter), modifiers | CONTROL);
    let event = match first {
        b'\r' => key(Key::Enter, modifiers),
        b'\t' => key(Key::Tab, modifiers),
        0x7f => key(Key::Backspace, modifiers),
        0 => control(b' '),
        0x01..=0x1a => control(first - 1 + b'a'),
        0x1c..=0x1f => control(first - 0x1c + b'4'),
        _ => return utf8(bytes, modifiers),
    };
    Front::Whole(1, Some(event))
}

/// One character; a byte that begins none is passed over.
fn utf8(bytes: &[u8], modifiers: u32) -> Front {
    let length = match bytes[0] {
        0x00..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Front::Whole(1, None),
    };
    let there = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(there) {
        Ok(text) => Front::Whole(length, text.chars().next().map(|one| character(one, modifiers))),
        Err(error) if error.error_len().is_none() => Front::Incomplete,
        Err(_) => Front::Whole(1, None),
    }
}

/// `ESC O` and a letter: cursor keys and keypad in their application mode.
fn keypad(byte: u8) -> Option<Event> {
    const DIGITS: &[u8] = b"*+,-./0123456789";
    if let Some(code) = cursor_key(byte) {
        return Some(key(code, 0));
    }
    match byte {
        b'M' => Some(key(Key::Enter, 0)),
        b'X' => Some(character('=', 0)),
        b'j'..=b'y' => DIGITS.get(usize::from(byte - b'j')).map(|digit| character(char::from(*digit), 0)),
        _ => None,
    }
}

fn cursor_key(letter: u8) -> Option<Key> {
    Some(match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'P'..=b'S' => Key::F(letter - b'P' + 1),
        _ => return None,
    })
}

/// `ESC [`, parameters, a final byte; `start` is where the parameters begin.
fn control_sequence(bytes: &[u8], start: usize, modifiers: u32) -> Front {
    let rest = &bytes[start..];
    match *rest {
        // The mouse of very old terminals: three bytes follow, whatever they are.
        [b'M', button, column, row, ..] => {
            let place = |byte: u8| u32::from(byte.saturating_sub(32));
            let button = u32::from(button.saturating_sub(32));
            return Front::Whole(start + 4, mouse(button, place(column), place(row)));
        }
        [b'M', ..] => return Front::Incomplete,
        // The function keys of the Linux console.
        [b'[', letter @ b'A'..=b'E', ..] => {
            return Front::Whole(start + 2, Some(key(Key::F(letter - b'A' + 1), modifiers)));
        }
        // Half a sequence of that kind is nothing, and what comes behind it is a key of its own.
        [b'[', _, ..] => return Front::Whole(start + 1, None),
        [b'['] => return Front::Incomplete,
        _ => {}
    }
    let Some(end) = rest.iter().take(LONGEST_SEQUENCE).position(|byte| !(0x20..=0x3f).contains(byte)) else {
        return if rest.len() < LONGEST_SEQUENCE { Front::Incomplete } else { Front::Whole(start + rest.len(), None) };
    };
    let (inside, last) = (&rest[..end], rest[end]);
    if !(0x40..=0x7e).contains(&last) {
        // Something else begins here: half a sequence is nothing.
        return Front::Whole(start + end, None);
    }
    if inside == b"200" && last == b'~' {
        return Front::Opens(start + end + 1, Within::Paste);
    }
    Front::Whole(start + end + 1, meaning(inside, last, modifiers))
}

/// What a whole sequence means; nothing for those that are no input.
fn meaning(inside: &[u8], last: u8, modifiers: u32) -> Option<Event> {
    let text = std::str::from_utf8(inside).ok()?;
    if let Some(numbers) = text.strip_prefix('<') {
        let [button, column, row] = numbers_of(numbers);
        return if last == b'M' { mouse(button, column, row) } else { None };
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b';' || byte == b':') {
        return None;
    }
    let [first, second, third] = numbers_of(text);
    // A key let go (`:3`) is no key.
    if text.split(';').nth(1).and_then(|part| part.split(':').nth(1)) == Some("3") {
        return None;
    }
    let modifiers = modifiers | (second.max(1) - 1) & (SHIFT | ALT | CONTROL);
    match last {
        b'Z' => Some(key(Key::Tab, modifiers | SHIFT)),
        // Where the cursor is: an answer, unless it is the third function key.
        b'R' if first > 1 => None,
        b'A'..=b'D' | b'F' | b'H' | b'P'..=b'S' => cursor_key(last).map(|code| key(code, modifiers)),
        b'M' => mouse(first.saturating_sub(32), second, third),
        b'u' => coded(first, modifiers),
        b'~' if first == 27 => coded(third, modifiers),
        b'~' => numbered(first).map(|code| key(code, modifiers)),
        _ => None,
    }
}

/// The first three numbers; what is left out is 0.
fn numbers_of(text: &str) -> [u32; 3] {
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(text.split(';')) {
        *number = part.split(':').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    }
    numbers
}

fn numbered(number: u32) -> Option<Key> {
    let function = |first: u32, from: u32| u8::try_from(number - first + from).ok().map(Key::F);
    match number {
        1 | 7 => Some(Key::Home),
        3 => Some(Key::Delete),
        4 | 8 => Some(Key::End),
        5 => Some(Key::PageUp),
        6 => Some(Key::PageDown),
        11..=15 => function(11, 1),
        17..=21 => function(17, 6),
        23..=24 => function(23, 11),
        _ => None,
    }
}

/// A key told by the number of its character.
fn coded(number: u32, modifiers: u32) -> Option<Event> {
    Some(match number {
        9 => key(Key::Tab, modifiers),
        13 => key(Key::Enter, modifiers),
        27 => key(Key::Esc, modifiers),
        8 | 127 => key(Key::Backspace, modifiers),
        0..32 => return None,
        _ => character(char::from_u32(number)?, modifiers),
    })
}

/// Wheel and left button; places are counted from 1.
fn mouse(button: u32, column: u32, row: u32) -> Option<Event> {
    let place = |number: u32| u16::try_from(number.saturating_sub(1)).unwrap_or(u16::MAX);
    match button & !(4 | 8 | 16) {
        0 => Some(Event::Clicked { column: place(column), row: place(row) }),
        64 => Some(Event::Scrolled(-3)),
        65 => Some(Event::Scrolled(3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
