//! UTF-16 and UTF-32, with a mark in front or without.
//!
//! Without a mark the bytes have to give it away: control characters that no text of one byte a character has, and
//! units that are nearly all letters, marks and blanks when they are read in the right order.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// Bytes from which the guess is made.
const SAMPLE_BYTES: usize = 4 << 10;

/// A way to read bytes in units of more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wide {
    /// UTF-16, lowest byte first or last.
    Two(&'static Encoding),
    /// UTF-32; whether the lowest byte is first.
    Four(bool),
}

impl Wide {
    /// Decodes `bytes`, which carry no mark; half a unit at the end is dropped.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Two(encoding) => {
                let whole = bytes.get(..bytes.len() & !1).unwrap_or(bytes);
                encoding.decode_without_bom_handling(whole).0.into_owned()
            }
            Self::Four(is_little) => units_of_four(bytes, is_little)
                .map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
        }
    }
}

fn units_of_four(bytes: &[u8], is_little: bool) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(move |unit| {
        let unit = [unit[0], unit[1], unit[2], unit[3]];
        if is_little { u32::from_le_bytes(unit) } else { u32::from_be_bytes(unit) }
    })
}

/// The way a mark at the start asks for, and the length of the mark.
pub(super) fn by_mark(bytes: &[u8]) -> Option<(Wide, usize)> {
    match bytes {
        [0xFF, 0xFE, 0, 0, rest @ ..] if rest.len() % 4 == 0 => Some((Wide::Four(true), 4)),
        [0, 0, 0xFE, 0xFF, ..] => Some((Wide::Four(false), 4)),
        [0xFF, 0xFE, ..] => Some((Wide::Two(UTF_16LE), 2)),
        [0xFE, 0xFF, ..] => Some((Wide::Two(UTF_16BE), 2)),
        _ => None,
    }
}

/// Whether text is likely to hold this character: letters, marks and blanks of the living scripts.
fn is_usual(code: u32) -> bool {
    matches!(code, 9 | 10 | 12 | 13 | 0x20..=0x7E | 0xA0..=0x24F | 0x300..=0x7BF | 0x900..=0x109F | 0x10A0..=0x11FF
        | 0x1780..=0x17FF | 0x1E00..=0x20CF | 0x2100..=0x27BF | 0x2E80..=0x30FF | 0x3105..=0x318E | 0x3200..=0x33FF
        | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3 | 0xFB00..=0xFB4F | 0xFE30..=0xFE4F | 0xFF00..=0xFFEF | 0xFEFF
        | 0x1F000..=0x1FAFF)
}

fn is_control(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31)
}

/// How many of the units are usual, and how many there are, and how many are ASCII.
fn usual_units(units: impl Iterator<Item = u32>) -> (usize, usize, usize) {
    let (mut usual, mut all, mut ascii) = (0, 0, 0);
    for unit in units {
        all += 1;
        // The two halves of a character beyond the first plane are usual together; each alone hardly occurs.
        usual += usize::from(is_usual(unit) || (0xD83C..=0xD83E).contains(&unit) || (0xDC00..=0xDFFF).contains(&unit));
        ascii += usize::from(matches!(unit, 9 | 10 | 13 | 0x20..=0x7E));
    }
    (usual, all, ascii)
}

/// Whether bytes read as text when they are taken two by two.
pub(super) fn is_plausible(bytes: &[u8], encoding: &'static Encoding) -> bool {
    let sample = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
    let (usual, all, _) = usual_units(units_of_two(sample, encoding == UTF_16LE));
    usual * 10 >= all * 9
}

fn units_of_two(bytes: &[u8], is_little: bool) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(2).map(move |unit| {
        let unit = [unit[0], unit[1]];
        u32::from(if is_little { u16::from_le_bytes(unit) } else { u16::from_be_bytes(unit) })
    })
}

/// The way to read bytes that carry no mark, if they cannot be read byte by byte.
pub(super) fn without_mark(bytes: &[u8]) -> Option<Wide> {
    let sample = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
    let controls = sample.iter().filter(|byte| is_control(**byte)).count();
    // Text of one byte a character has next to none; wide text of any language has some.
    if sample.len() < 6 || controls == 0 || controls * 60 < sample.len() {
        return None;
    }
    // A stray control character in text; where every second byte is one, the text is wide.
    if controls * 5 < sample.len() && std::str::from_utf8(sample).is_ok() {
        return None;
    }
    if sample.len() >= 8 && bytes.len().is_multiple_of(4) {
        for is_little in [true, false] {
            let (usual, all, _) = usual_units(units_of_four(sample, is_little));
            if usual * 20 >= all * 19 {
                return Some(Wide::Four(is_little));
            }
        }
    }
    let (little, all, little_ascii) = usual_units(units_of_two(sample, true));
    let (big, _, big_ascii) = usual_units(units_of_two(sample, false));
    let (is_little, best, other) =
        if (little, little_ascii) >= (big, big_ascii) { (true, little, big) } else { (false, big, little) };
    // Read in the wrong order, text is another script's letters at random, and its blanks are none.
    let is_clear = (best - other) * 7 >= all || little_ascii.abs_diff(big_ascii) * 12 >= all;
    (best * 20 >= all * 19 && is_clear).then_some(Wide::Two(if is_little { UTF_16LE } else { UTF_16BE }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn little(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn big(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    const TEXTS: [&str; 8] = [
        "Hello, this is text.",
        "Отправляю тебе отчёт о собрании.",
        "会议改到星期四，请通知所有同事。下周我们再讨论预算的问题。",
        "会議は木曜日に延期されました。\nよろしくお願いします。",
        "회의가 목요일로 연기되었습니다.",
        "שלחו לי את החשבונית בבקשה",
        "στείλτε μου το τιμολόγιο",
        "กรุณาส่งใบแจ้งหนี้ให้ฉันด้วย 😀 ok",
    ];

    #[test]
    fn every_script_is_told_without_a_mark() {
        for text in TEXTS {
            for (name, bytes, way) in
                [("le", little(text), Wide::Two(UTF_16LE)), ("be", big(text), Wide::Two(UTF_16BE))]
            {
                assert_eq!(without_mark(&bytes), Some(way), "{name} {text}");
                assert_eq!(way.decode(&bytes), text);
            }
            let four: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
            assert_eq!(without_mark(&four), Some(Wide::Four(true)), "{text}");
            assert_eq!(Wide::Four(true).decode(&four), text);
            let four: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
            assert_eq!(without_mark(&four), Some(Wide::Four(false)), "{text}");
        }
    }

    #[test]
    fn other_bytes_are_not_wide() {
        for text in TEXTS {
            assert_eq!(without_mark(text.as_bytes()), None, "{text}");
        }
        assert_eq!(without_mark(&[0; 64]), None);
        assert_eq!(without_mark(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0"), None);
        let noise: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(without_mark(&noise), None);
    }
}
