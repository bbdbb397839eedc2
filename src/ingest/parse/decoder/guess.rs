//! The likeliest reading of bytes that nobody labelled rightly: nearly UTF-8, doubly encoded UTF-8, legacy encodings.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// The guess looks at no more than this many bytes.
const LIMIT_BYTES: usize = 64 << 10;

/// The likeliest legacy encoding of `bytes`, judged from where the first bytes beyond ASCII stand.
pub(super) fn encoding(bytes: &[u8]) -> &'static Encoding {
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    let line = bytes.get(..first).unwrap_or_default().iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let sample = bytes.get(line.max(first.saturating_sub(LIMIT_BYTES / 4))..).unwrap_or(bytes);
    let sample = sample.get(..LIMIT_BYTES).unwrap_or(sample);
    if is_symbols_only(sample) {
        return WINDOWS_1252;
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    detector.guess(None, chardetng::Utf8Detection::Deny)
}

/// Whether every byte beyond ASCII is a mark of Windows-1252 that stands beside no letter it could belong to (`£80`,
/// `20 °C`, `– so`): the alphabets of other code pages have letters there.
fn is_symbols_only(bytes: &[u8]) -> bool {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at)).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0xC0)
    };
    let mut seen = 0;
    for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| !byte.is_ascii()) {
        seen += 1;
        let is_mark = match byte {
            // Quotes, dashes, degrees: the same in all code pages of Windows.
            0x82
            | 0x84
            | 0x85
            | 0x91..=0x97
            | 0x99
            | 0xA0
            | 0xA7
            | 0xA9
            | 0xAB..=0xAE
            | 0xB0
            | 0xB1
            | 0xB5..=0xB7
            | 0xBB => true,
            0x80 | 0x89 | 0x8B | 0x9B | 0xA1..=0xBF => !is_letter(at.checked_sub(1)) && !is_letter(Some(at + 1)),
            _ => false,
        };
        if !is_mark || seen > 200 {
            return false;
        }
    }
    seen > 0
}

/// Text of bytes that are UTF-8 but for some: stray bytes are read as Windows-1252, pieces of characters become the
/// replacement character, one cut off at the end is dropped. `None` when other encodings are likelier, or when more than
/// one sequence in `least` is broken.
pub(super) fn nearly_utf8(bytes: &[u8], least: usize) -> Option<String> {
    let (mut good, mut broken) = (0_usize, 0_usize);
    let mut end = 0;
    for chunk in bytes.utf8_chunks() {
        // Longer sequences come about by chance more rarely.
        good += chunk.valid().bytes().filter(|byte| (0x80..0xC0).contains(byte)).count();
        end += chunk.valid().len() + chunk.invalid().len();
        let is_cut_off = end == bytes.len() && is_beginning(chunk.invalid());
        broken += usize::from(!chunk.invalid().is_empty() && !is_cut_off);
    }
    if good == 0 || broken * least > good || good < least {
        return None;
    }
    let mut text = String::with_capacity(bytes.len() + 2 * broken);
    let mut end = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        end += chunk.valid().len() + chunk.invalid().len();
        match chunk.invalid() {
            [] => {}
            piece if end == bytes.len() && is_beginning(piece) => {}
            [byte] => text.push_str(&WINDOWS_1252.decode_without_bom_handling(&[*byte]).0),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Some(text)
}

/// As many sequences of UTF-8 as one broken one is excused by, when nothing speaks for another encoding.
pub(super) const LENIENT: usize = 2;

/// The same when a label does.
pub(super) const STRICT: usize = 10;

/// Whether `piece` is the beginning of a character whose rest is missing.
fn is_beginning(piece: &[u8]) -> bool {
    let Some((first, rest)) = piece.split_first() else { return false };
    let length = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return false,
    };
    rest.len() + 1 < length && rest.iter().all(|byte| (0x80..0xC0).contains(byte))
}

/// The text that was meant where UTF-8 was taken for Windows-1252 and encoded once more (`GrÃ¶ÃŸe`). `None` unless
/// every character beyond ASCII is explained so, and there is more than one.
pub(super) fn encoded_once(text: &str) -> Option<String> {
    // Nearly every other text is told by its first character beyond ASCII.
    let first = text.chars().find(|character| !character.is_ascii())?;
    if !('\u{c2}'..='\u{f4}').contains(&first) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        if let code @ 0..=0xFF = u32::from(character) {
            bytes.push(u8::try_from(code).ok()?);
        } else {
            let mut buffer = [0; 4];
            let (encoded, _, had_errors) = WINDOWS_1252.encode(character.encode_utf8(&mut buffer));
            match *encoded {
                [byte] if !had_errors => bytes.push(byte),
                _ => return None,
            }
        }
    }
    let inner = String::from_utf8(bytes).ok()?;
    let sequences = inner.chars().filter(|character| !character.is_ascii()).count();
    (sequences >= 2).then_some(inner)
}

/// Whether an encoding is the usual one of the West, which takes every byte and so explains nothing.
pub(super) fn is_western(encoding: &'static Encoding) -> bool {
    encoding == WINDOWS_1252 || encoding.name() == "ISO-8859-15" || encoding == UTF_8
}

/// Whether most bytes beyond ASCII stand in rows: accents of the West stand alone among plain letters. A row of one sign
/// over and over is no text of any language.
pub(super) fn is_foreign(bytes: &[u8]) -> bool {
    let (mut all, mut in_rows) = (0_usize, 0_usize);
    let mut seen = [false; 256];
    for row in bytes.split(u8::is_ascii).filter(|row| !row.is_empty()) {
        all += row.len();
        in_rows += if row.len() >= 4 { row.len() } else { 0 };
        for byte in row {
            seen[usize::from(*byte)] = true;
        }
    }
    all >= 6 && in_rows * 10 >= all * 6 && seen.iter().filter(|seen| **seen).count() >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_utf8_stays_utf8() {
        assert_eq!(
            nearly_utf8(
                "Größe".as_bytes().iter().chain(b" caf\xe9 da").copied().collect::<Vec<_>>().as_slice(),
                LENIENT
            )
            .unwrap(),
            "Größe café da"
        );
        assert_eq!(nearly_utf8(&"Привет".as_bytes()[..11], LENIENT).unwrap(), "Приве");
        assert_eq!(nearly_utf8(b"\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd?\xe5\xa5\xbd", LENIENT).unwrap(), "你好\u{fffd}?好");
        assert_eq!(nearly_utf8(b"caf\xe9", LENIENT), None);
        assert_eq!(nearly_utf8(b"\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0", LENIENT), None);
    }

    #[test]
    fn doubly_encoded_text_is_read_through() {
        assert_eq!(encoded_once("GrÃ¶ÃŸe und MaÃŸ").as_deref(), Some("Größe und Maß"));
        assert_eq!(encoded_once("itâ€™s â€œquotedâ€\u{9d}").as_deref(), Some("it’s “quoted”"));
        for text in ["Größe und Maß", "é is read as Ã©", "ÃO PAULO", "plain", "Привет", "Âge", "naïve â"]
        {
            assert_eq!(encoded_once(text), None, "{text}");
        }
    }
}
