//! Plain text in any common encoding. Called by the pipeline; `decode` also by the HTML, mail and Markdown parsers.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::{ParseError, Parsed, Section};

/// A first line of at most this many characters may be the title.
const LONGEST_TITLE: usize = 100;

/// Text from bytes: byte order mark, then UTF-8, then the most likely legacy encoding.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[length..]).0;
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        return encoding.decode_without_bom_handling(bytes).0;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(&bytes[..bytes.len().min(64 * 1024)], bytes.len() <= 64 * 1024);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Allow);
    encoding.decode_without_bom_handling(bytes).0
}

/// Every second byte zero: western text in UTF-16.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(512) & !1];
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count() * 2;
    if sample.len() < 8 {
        return None;
    }
    if zeros(1) * 10 > sample.len() * 7 && zeros(0) == 0 {
        return Some(UTF_16LE);
    }
    (zeros(0) * 10 > sample.len() * 7 && zeros(1) == 0).then_some(UTF_16BE)
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
    let text = cleaned(&decode(bytes));
    if text.trim().is_empty() {
        return Err(ParseError::NoText);
    }
    let section = Section {
        line: Some(1 + leading_lines(&text)),
        text: text.trim_matches('\n').to_owned(),
        ..Section::default()
    };
    Ok(Parsed { title: title(&text), sections: vec![section], ..Parsed::default() })
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
        assert_eq!(decode("\u{feff}x".as_bytes()), "x");
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
