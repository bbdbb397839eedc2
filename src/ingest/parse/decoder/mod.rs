//! Bytes in any charset, rightly or wrongly labelled, to text: the one decoder of everything that is read.
//!
//! A mark at the start decides; a label is believed when the bytes decode cleanly by it and are not UTF-8 all the same;
//! one bad byte never makes other text of a UTF-8 file; what nobody labelled is guessed. Linear, and a copy is made only
//! where the bytes are no UTF-8. `text` opens the door for every other parser, `mail::charset` for mail.

mod eastern;
mod escapes;
mod guess;
mod labels;
mod wide;

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use labels::{Charset, lookup};
use wide::Wide;

const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Whether `label` names a charset we know.
pub(super) fn is_known(label: &str) -> bool {
    lookup(label).is_some()
}

/// Whether the bytes are text in units of two or four bytes, with a mark or without.
pub(super) fn is_wide(bytes: &[u8]) -> bool {
    wide::by_mark(bytes).is_some() || wide::without_mark(bytes).is_some()
}

/// The text of `bytes`, which claim to be in charset `label`, if in any.
pub(super) fn decode<'bytes>(bytes: &'bytes [u8], label: Option<&str>) -> Cow<'bytes, str> {
    if let Some(rest) = bytes.strip_prefix(UTF_8_MARK) {
        return unlabelled(rest);
    }
    if let Some((way, mark)) = wide::by_mark(bytes) {
        return Cow::Owned(way.decode(bytes.get(mark..).unwrap_or_default()));
    }
    match label.and_then(lookup) {
        None | Some(Charset::Ascii) => unlabelled(bytes),
        Some(Charset::Known(encoding)) if encoding == UTF_8 => unlabelled(bytes),
        Some(Charset::Known(encoding)) if encoding == UTF_16LE || encoding == UTF_16BE => {
            labelled_wide(bytes, Some(encoding))
        }
        Some(Charset::Utf16 | Charset::Utf32) => labelled_wide(bytes, None),
        // Escape sequences are all ASCII: bytes beyond it show that the label lies.
        Some(Charset::Escapes | Charset::HzGb2312) if !bytes.is_ascii() => unlabelled(bytes),
        Some(Charset::Escapes) if bytes.iter().all(|byte| !matches!(byte, 0x0E | 0x1B)) => unlabelled(bytes),
        Some(Charset::Escapes) => Cow::Owned(escapes::decode(bytes)),
        Some(Charset::HzGb2312) => Cow::Owned(escapes::decode_hz(bytes)),
        Some(Charset::Known(encoding)) => labelled(bytes, encoding),
        Some(Charset::Other(decoder)) => match std::str::from_utf8(bytes) {
            Ok(text) if !bytes.is_ascii() => Cow::Borrowed(text),
            _ => Cow::Owned(decoder(bytes)),
        },
    }
}

fn unlabelled(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(way) = wide::without_mark(bytes) {
        return Cow::Owned(way.decode(bytes));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => {
            if escapes::are_in(bytes) {
                Cow::Owned(escapes::decode(bytes))
            } else {
                Cow::Borrowed(text)
            }
        }
        Ok(text) => guess::encoded_once(text).map_or(Cow::Borrowed(text), Cow::Owned),
        Err(_) => Cow::Owned(guess::nearly_utf8(bytes, guess::LENIENT).unwrap_or_else(|| legacy(bytes))),
    }
}

/// A label of wide text is often put on text that is none.
fn labelled_wide<'bytes>(bytes: &'bytes [u8], stated: Option<&'static Encoding>) -> Cow<'bytes, str> {
    if let Some(way) = wide::without_mark(bytes) {
        return Cow::Owned(way.decode(bytes));
    }
    let encoding = stated.unwrap_or(UTF_16BE);
    if !bytes.contains(&0) && (std::str::from_utf8(bytes).is_ok() || !wide::is_plausible(bytes, encoding)) {
        return unlabelled(bytes);
    }
    Cow::Owned(Wide::Two(encoding).decode(bytes))
}

/// Bytes by an encoding of one or more bytes a character that somebody named.
fn labelled<'bytes>(bytes: &'bytes [u8], encoding: &'static Encoding) -> Cow<'bytes, str> {
    if bytes.is_ascii() {
        return unlabelled(bytes);
    }
    let is_single = encoding.is_single_byte();
    // What is UTF-8 beyond ASCII hardly ever is anything else, whatever the label says; in the alphabets of two bytes a
    // character, a word or two may look so by chance.
    if let Ok(text) = std::str::from_utf8(bytes)
        && (is_single
            || bytes.iter().filter(|byte| (0x80..0xC0).contains(*byte)).count() >= 4
            || encoding.decode_without_bom_handling(bytes).1)
    {
        return guess::encoded_once(text).map_or(Cow::Borrowed(text), Cow::Owned);
    }
    if is_single && let Some(text) = guess::nearly_utf8(bytes, guess::STRICT) {
        return Cow::Owned(text);
    }
    let encoding = mended(encoding, bytes);
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    if !had_errors {
        return text;
    }
    // A few broken characters of many: cut by a line end, or of an addition to the alphabet.
    if !is_single && (count_replacements(&text) * 20 <= count_foreign(&text) || eastern::fits(encoding, bytes)) {
        return Cow::Owned(eastern::patched(encoding, bytes));
    }
    let other = guess::nearly_utf8(bytes, guess::LENIENT).unwrap_or_else(|| legacy(bytes));
    if count_replacements(&other) < count_replacements(&text) { Cow::Owned(other) } else { text }
}

/// The encoding that was meant by a label that cannot be right: ISO 8859 has nothing where Windows has marks, and text
/// that is mostly accents is not in the default label of the West.
fn mended(encoding: &'static Encoding, bytes: &[u8]) -> &'static Encoding {
    if guess::is_western(encoding)
        && let Some(meant) = eastern::encoding(bytes)
    {
        return meant;
    }
    if guess::is_western(encoding) && guess::is_foreign(bytes) {
        return guess::encoding(bytes);
    }
    if !encoding.is_single_byte() {
        return eastern::mended(encoding, bytes);
    }
    if !bytes.iter().any(|byte| (0x80..=0x9F).contains(byte)) {
        return encoding;
    }
    let of_windows: &[u8] = match encoding.name() {
        "ISO-8859-2" => b"windows-1250",
        "ISO-8859-4" | "ISO-8859-13" => b"windows-1257",
        "ISO-8859-6" => b"windows-1256",
        "ISO-8859-7" => b"windows-1253",
        "ISO-8859-8" | "ISO-8859-8-I" => b"windows-1255",
        "ISO-8859-3" | "ISO-8859-10" | "ISO-8859-14" | "ISO-8859-15" | "ISO-8859-16" => b"windows-1252",
        "ISO-8859-5" => return guess::encoding(bytes),
        _ => return encoding,
    };
    Encoding::for_label(of_windows).unwrap_or(encoding)
}

fn count_foreign(text: &str) -> usize {
    text.chars().filter(|character| !character.is_ascii()).count()
}

fn count_replacements(text: &str) -> usize {
    text.matches(char::REPLACEMENT_CHARACTER).count()
}

/// Bytes in the likeliest legacy encoding.
fn legacy(bytes: &[u8]) -> String {
    let encoding = guess::encoding(bytes);
    // One broken character makes the guess give up alphabets of two bytes a character.
    if guess::is_western(encoding)
        && let Some(meant) = eastern::encoding(bytes)
    {
        return eastern::patched(meant, bytes);
    }
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    if !had_errors {
        return text.into_owned();
    }
    // Windows-1252 gives every byte a character, so nothing is lost even when the guess is wrong.
    if count_replacements(&text) * 20 > text.chars().count() {
        return WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned();
    }
    if encoding.is_single_byte() { text.into_owned() } else { eastern::patched(encoding, bytes) }
}

#[cfg(test)]
mod tests;
