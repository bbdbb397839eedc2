//! Text that switches its alphabet by escape sequences: ISO-2022-JP with all its extensions, -KR, -CN, and HZ.
//!
//! Read leniently: neighbouring words and lines that were joined leave sequences that cancel each other, and a line end
//! brings back ASCII whatever was forgotten before it.

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK};

const ESC: u8 = 0x1B;
const SHIFT_OUT: u8 = 0x0E;
const SHIFT_IN: u8 = 0x0F;

/// What the seven-bit codes mean at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Ascii,
    Japanese,
    JapaneseExtra,
    Kana,
    Korean,
    Chinese,
}

impl Alphabet {
    /// The encoding that holds this alphabet in eight bits, and the byte in front of each of its characters.
    fn in_eight_bits(self) -> (&'static Encoding, Option<u8>) {
        match self {
            Self::Ascii | Self::Japanese => (EUC_JP, None),
            Self::JapaneseExtra => (EUC_JP, Some(0x8F)),
            Self::Kana => (EUC_JP, Some(0x8E)),
            Self::Korean => (EUC_KR, None),
            Self::Chinese => (GBK, None),
        }
    }

    fn width(self) -> usize {
        if matches!(self, Self::Ascii | Self::Kana) { 1 } else { 2 }
    }
}

/// What an escape sequence asks for.
#[derive(Clone, Copy)]
enum Switch {
    /// These codes from here on.
    Now(Alphabet),
    /// These codes between shift-out and shift-in.
    Shifted(Alphabet),
    /// Something that is not told apart here.
    Other,
}

/// The switch behind an escape byte, and how many bytes it takes.
fn switch(rest: &[u8]) -> Option<(Switch, usize)> {
    Some(match rest {
        [b'$', b'B' | b'@', ..] => (Switch::Now(Alphabet::Japanese), 2),
        [b'$', b'A', ..] => (Switch::Now(Alphabet::Chinese), 2),
        [b'$', b'(', b'B' | b'@' | b'O' | b'P' | b'Q', ..] => (Switch::Now(Alphabet::Japanese), 3),
        [b'$', b'(', b'D', ..] => (Switch::Now(Alphabet::JapaneseExtra), 3),
        [b'$', b'(', b'C', ..] => (Switch::Now(Alphabet::Korean), 3),
        [b'$', b')', b'C', ..] => (Switch::Shifted(Alphabet::Korean), 3),
        [b'$', b')', b'A' | b'E', ..] => (Switch::Shifted(Alphabet::Chinese), 3),
        [b'$', b')' | b'*' | b'+', _, ..] => (Switch::Other, 3),
        [b'(', b'B' | b'J' | b'H', ..] => (Switch::Now(Alphabet::Ascii), 2),
        [b'(', b'I', ..] => (Switch::Now(Alphabet::Kana), 2),
        _ => return None,
    })
}

/// Whether ASCII bytes hold such sequences: at least one that leaves ASCII.
pub(super) fn are_in(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == ESC) {
        rest = rest.get(at + 1..).unwrap_or_default();
        match switch(rest) {
            Some((Switch::Now(alphabet), _)) if alphabet != Alphabet::Ascii => return true,
            Some((Switch::Shifted(_), _)) => return true,
            _ => {}
        }
    }
    false
}

/// Decodes seven-bit text with switches; `shifted` is what shift-out means until a sequence says otherwise.
fn decode_with(bytes: &[u8], mut shifted: Alphabet) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut run = Vec::new();
    let mut alphabet = Alphabet::Ascii;
    let mut before_shift = Alphabet::Ascii;
    let mut rest = bytes;
    let flush = |run: &mut Vec<u8>, alphabet: Alphabet, text: &mut String| {
        if !run.is_empty() {
            text.push_str(&alphabet.in_eight_bits().0.decode_without_bom_handling(run).0);
            run.clear();
        }
    };
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let next = match byte {
            ESC => {
                if let Some((found, length)) = switch(rest) {
                    rest = rest.get(length..).unwrap_or_default();
                    match found {
                        Switch::Now(next) => next,
                        Switch::Shifted(next) => {
                            shifted = next;
                            continue;
                        }
                        Switch::Other => continue,
                    }
                } else {
                    run.push(byte);
                    continue;
                }
            }
            SHIFT_OUT => {
                before_shift = if alphabet == shifted { before_shift } else { alphabet };
                shifted
            }
            SHIFT_IN => before_shift,
            b'\n' | b'\r' => Alphabet::Ascii,
            _ => alphabet,
        };
        if next != alphabet {
            flush(&mut run, alphabet, &mut text);
            alphabet = next;
        }
        match byte {
            ESC | SHIFT_OUT | SHIFT_IN => {}
            0x21..=0x7E if alphabet != Alphabet::Ascii => {
                run.extend(alphabet.in_eight_bits().1);
                run.push(byte | 0x80);
                if alphabet.width() == 2 {
                    match rest.split_first() {
                        Some((&second @ 0x21..=0x7E, tail)) => {
                            run.push(second | 0x80);
                            rest = tail;
                        }
                        // Half a character.
                        _ => {
                            run.pop();
                        }
                    }
                }
            }
            _ => run.push(byte),
        }
    }
    flush(&mut run, alphabet, &mut text);
    text
}

/// Decodes ISO 2022 text of any of its languages.
pub(super) fn decode(bytes: &[u8]) -> String {
    decode_with(bytes, Alphabet::Korean)
}

/// Decodes GB 2312 between `~{` and `~}` (RFC 1843).
pub(super) fn decode_hz(bytes: &[u8]) -> String {
    let mut shifted = false;
    let mut gbk = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'~' && !shifted && matches!(rest.first(), Some(b'{' | b'~' | b'\n')) {
            shifted = rest.first() == Some(&b'{');
            if rest.first() == Some(&b'~') {
                gbk.push(b'~');
            }
            rest = rest.get(1..).unwrap_or_default();
        } else if byte == b'~' && shifted && rest.first() == Some(&b'}') {
            shifted = false;
            rest = rest.get(1..).unwrap_or_default();
        } else if shifted && (0x21..=0x7E).contains(&byte) {
            gbk.push(byte | 0x80);
        } else {
            shifted &= byte != b'\n';
            gbk.push(byte);
        }
    }
    GBK.decode_without_bom_handling(&gbk).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets_switch_and_come_back() {
        assert_eq!(decode(b"\x1b$B%O%m!<\x1b(B!"), "ハロー!");
        // Two words joined: the sequences between them cancel each other.
        assert_eq!(decode(b"\x1b$B%O\x1b(B\x1b$B%m!<\x1b(B"), "ハロー");
        assert_eq!(decode(b"\x1b$@%O%m!<\nplain"), "ハロー\nplain");
        assert_eq!(decode(b"\x1b(I1\x1b(J ok"), "ｱ ok");
        assert_eq!(decode(b"\x1b$(D0\x22\x1b(B."), "丄.");
        assert_eq!(decode(b"\x1b$)C\x0e0!\x0f!"), "가!");
        assert_eq!(decode(b"\x1b$(C0!\x1b(B!"), "가!");
        assert_eq!(decode(b"\x1b$)A\x0e<:\x0f!"), "己!");
        assert_eq!(decode(b"\x1b[31mred\x1b[0m"), "\u{1b}[31mred\u{1b}[0m");
        assert_eq!(decode(b"\x1b$B%"), "");
    }

    #[test]
    fn colours_of_a_terminal_are_no_alphabet() {
        assert!(are_in(b"x \x1b$B%O\x1b(B"));
        assert!(!are_in(b"\x1b[31mred\x1b[0m \x1b(B plain"));
    }
}
