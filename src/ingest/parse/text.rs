//! Plain text in any common encoding. Called by the pipeline; `decode` also by the HTML, mail and Markdown parsers.

use std::borrow::Cow;

use super::{ParseError, Parsed, Section, budget, decoder};

/// A first line of at most this many characters may be the title.
const LONGEST_TITLE: usize = 100;

/// Text from bytes nobody labelled: byte order mark, then UTF-8, then the likeliest encoding.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    decoder::decode(bytes, None)
}

/// Text from bytes that claim to be in charset `label` (any spelling, known or not). The bytes have the last word: a mark
/// at their start, UTF-8, or a label they cannot be in outweigh what was declared.
#[must_use]
pub fn decode_declared<'bytes>(bytes: &'bytes [u8], label: Option<&str>) -> Cow<'bytes, str> {
    decoder::decode(bytes, label)
}

/// Whether the first bytes of a file are text in some encoding: hardly any control characters that no text means.
#[must_use]
pub fn is_text(head: &[u8]) -> bool {
    if decoder::is_wide(head) {
        return true;
    }
    // A log whose end was allocated and never written ends in zeros.
    let end = head.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let written = head.get(..end).unwrap_or_default();
    // Backspace, bell, shifts, end of file and escape stand in what terminals and old systems wrote.
    let odd = written.iter().filter(|byte| matches!(byte, 0..=6 | 16..=25 | 28..=31)).count();
    if odd == 0 {
        return !written.is_empty();
    }
    let is_utf8 = std::str::from_utf8(written).is_ok_and(|text| !text.is_empty());
    odd * if is_utf8 { 10 } else { 100 } <= written.len()
}

/// The text with line ends as `\n` and without NUL and other control characters that no text means.
#[must_use]
pub fn cleaned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                if characters.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{c}' => out.push('\n'),
            '\n' | '\t' => out.push(character),
            '\u{feff}' => {}
            _ if character.is_control() => {}
            _ => out.push(character),
        }
    }
    out
}

/// Parses plain text.
///
/// # Errors
/// `Unsupported` when nothing readable is left.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let (bytes, cut) = budget::head(bytes, budget::MOST_TEXT);
    let text = cleaned(&decode(bytes));
    if text.trim().is_empty() {
        return Err(ParseError::NoText);
    }
    let section = Section {
        line: Some(1 + leading_lines(&text)),
        text: text.trim_matches('\n').to_owned(),
        ..Section::default()
    };
    let left_out = cut.into_iter().collect();
    Ok(Parsed { title: title(&text), sections: vec![section], left_out, ..Parsed::default() }.bounded())
}

fn leading_lines(text: &str) -> u32 {
    text.bytes().take_while(|byte| *byte == b'\n').count() as u32
}

/// The first line, when it stands alone, is short, and does not end like a sentence.
fn title(text: &str) -> Option<String> {
    let mut lines = text.trim_start_matches('\n').lines();
    let first = lines.next()?.trim();
    let alone = lines.next().is_none_or(|line| line.trim().is_empty() || line.chars().all(|c| "=-~*#".contains(c)));
    let short = !first.is_empty() && first.chars().count() <= LONGEST_TITLE;
    let plain = first.chars().any(char::is_alphabetic) && !first.ends_with(['.', ',', ';', ':']);
    (alone && short && plain).then(|| first.trim_matches(['#', '=', '*', ' ']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(decode("größe".as_bytes()), "größe");
        assert_eq!(decode(b"gr\xf6\xdfe und m\xfc\xdfig"), "größe und müßig");
        assert_eq!(decode(b"\xff\xfeh\x00i\x00"), "hi");
        assert_eq!(decode(b"h\x00e\x00l\x00l\x00o\x00"), "hello");
        assert_eq!(decode_declared(b"\xcf\xf0\xe8\xe2\xe5\xf2", Some("windows-1251")), "Привет");
        assert_eq!(decode_declared("größe".as_bytes(), Some("windows-1251")), "größe");
        assert_eq!(decode("\u{feff}x".as_bytes()), "x");
    }

    #[test]
    fn text_is_told_from_data() {
        for text in [
            &b"plain"[..],
            b"x\x01y is one odd byte in a line of text",
            b"N\x08NA\x08AM\x08ME\x08E of a manual page",
            b"\x1b[31mred\x1b[0m\x07",
            b"a log\nthat was never finished\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"end of a file of DOS\r\n\x1a",
            b"gr\xf6\xdfe",
            b"\xff\xfeh\0i\0",
            b"h\0e\0l\0l\0o\0",
        ] {
            assert!(is_text(text), "{}", text.escape_ascii());
        }
        let noise: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for data in [
            &noise[..],
            b"\0\x01\x02\x03\x04",
            &[0; 40],
            b"\x00\x00\x00\x20ftypisom\0\0\x02\0",
            b"Obj\x01\x04\x14\x16\xe9\xff",
        ] {
            assert!(!is_text(data), "{}", data.escape_ascii());
        }
    }

    #[test]
    fn line_ends_and_control_characters_do_not_matter() {
        assert_eq!(parse(b"One\r\n\r\ntwo\0three").unwrap(), parse(b"One\n\ntwothree").unwrap());
    }

    #[test]
    fn a_lone_first_line_is_the_title() {
        assert_eq!(parse(b"Meeting notes\n\nWe met.").unwrap().title.as_deref(), Some("Meeting notes"));
        assert_eq!(parse(b"We met on Monday.\nIt rained.").unwrap().title, None);
    }
}
