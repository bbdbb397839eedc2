//! Bytes in any charset, rightly or wrongly labelled, to text.
//!
//! Believes the label when it decodes cleanly, prefers UTF-8 when the bytes are UTF-8, guesses otherwise. A
//! replacement character appears only where no reading of the bytes makes sense. Called by `words`, `mime` and `body`.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_KR, Encoding, GBK, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// The guess looks at no more than this many bytes.
const GUESS_LIMIT_BYTES: usize = 64 << 10;

/// A charset we can decode.
#[derive(Clone, Copy)]
enum Charset {
    Known(&'static Encoding),
    Utf16,
    Iso2022Kr,
    HzGb2312,
    Other(fn(&[u8]) -> String),
}

fn lookup(label: &str) -> Option<Charset> {
    let label = label.trim().trim_matches(['"', '\'', '<', '>', ' ']).to_ascii_lowercase();
    // RFC 2231 allows `charset*language`.
    let label = label.split('*').next().unwrap_or_default().trim();
    if let Some(encoding) = match label {
        "" | "unknown-8bit" | "x-unknown" | "unknown" | "default" | "default_charset" | "8bit" | "binary" => {
            return None;
        }
        "utf-16" | "utf16" | "unicode" | "ucs-2" | "iso-10646-ucs-2" | "csunicode" => return Some(Charset::Utf16),
        "iso-2022-kr" | "csiso2022kr" => return Some(Charset::Iso2022Kr),
        "hz-gb-2312" | "hz" => return Some(Charset::HzGb2312),
        "utf-16be" => Some(UTF_16BE),
        "utf-16le" => Some(UTF_16LE),
        "utf8" | "utf_8" | "utf8mb4" | "cp65001" | "unicode-1-1-utf-8" => Some(UTF_8),
        "chinesebig5" | "big5-eten" => Encoding::for_label(b"big5"),
        "cp936" | "gb2312-80" | "chinese" | "euc-cn" => Some(GBK),
        "cp949" | "uhc" | "ms949" => Some(EUC_KR),
        "cp932" | "ms932" => Encoding::for_label(b"shift_jis"),
        "us-ascii" | "ascii" | "iso-8859-1" | "latin1" => Some(WINDOWS_1252),
        _ => Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != REPLACEMENT),
    } {
        return Some(Charset::Known(encoding));
    }
    let squeezed: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    let renamed = [
        ("windows", "windows-"),
        ("win", "windows-"),
        ("cp", "windows-"),
        ("iso8859", "iso-8859-"),
        ("iso", "iso-"),
        ("koi8", "koi8-"),
    ]
    .iter()
    .filter_map(|(prefix, family)| squeezed.strip_prefix(prefix).map(|rest| format!("{family}{rest}")))
    .find_map(|name| Encoding::for_label(name.as_bytes()).filter(|encoding| *encoding != REPLACEMENT));
    if let Some(encoding) = renamed {
        return Some(Charset::Known(encoding));
    }
    // The rest (UTF-7, code pages of old systems) comes from the mail parser's own tables.
    charset_decoder(label.as_bytes()).map(Charset::Other)
}

/// Whether `label` names a charset we know.
pub(super) fn is_known(label: &str) -> bool {
    lookup(label).is_some()
}

fn count_replacements(text: &str) -> usize {
    text.matches(char::REPLACEMENT_CHARACTER).count()
}

/// The likeliest encoding of bytes without a trustworthy label.
fn guess(bytes: &[u8], allow_utf8: bool) -> &'static Encoding {
    let head = bytes.get(..GUESS_LIMIT_BYTES).unwrap_or(bytes);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(head, true);
    detector.guess(None, if allow_utf8 { Utf8Detection::Allow } else { Utf8Detection::Deny })
}

/// Text of bytes that nearly are UTF-8: stray bytes are read as Windows-1252, a character cut off at the end is dropped.
/// `None` when more than a tenth of the non-ASCII sequences are broken, so that another encoding is likelier.
fn nearly_utf8(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    let mut good = 0_usize;
    let mut broken = 0_usize;
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            broken += 1;
            let (patch, _) = WINDOWS_1252.decode_without_bom_handling(chunk.invalid());
            text.push_str(&patch);
        }
    }
    (good > 0 && broken * 10 <= good).then_some(text)
}

fn decode_guessed(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    if let Some(text) = nearly_utf8(bytes) {
        return text;
    }
    let (text, had_errors) = guess(bytes, false).decode_without_bom_handling(bytes);
    if !had_errors {
        return text.into_owned();
    }
    // Windows-1252 gives every byte a character, so nothing is lost even when the guess is wrong.
    let (fallback, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    if count_replacements(&text) * 20 > text.chars().count() { fallback.into_owned() } else { text.into_owned() }
}

/// KS X 1001 behind shift-out bytes (RFC 1557), decoded as EUC-KR.
fn decode_iso_2022_kr(bytes: &[u8]) -> String {
    let mut shifted = false;
    let mut euc = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            0x1B if rest.starts_with(b"$)C") => rest = rest.get(3..).unwrap_or_default(),
            0x0E => shifted = true,
            0x0F => shifted = false,
            b'\n' => {
                shifted = false;
                euc.push(byte);
            }
            0x21..=0x7E if shifted => euc.push(byte | 0x80),
            _ => euc.push(byte),
        }
    }
    EUC_KR.decode_without_bom_handling(&euc).0.into_owned()
}

/// GB 2312 between `~{` and `~}` (RFC 1843), decoded as GBK.
fn decode_hz(bytes: &[u8]) -> String {
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

fn decode_utf16(bytes: &[u8]) -> String {
    let (encoding, body) = match bytes {
        [0xFE, 0xFF, body @ ..] => (UTF_16BE, body),
        [0xFF, 0xFE, body @ ..] => (UTF_16LE, body),
        [0, second, ..] if *second != 0 => (UTF_16BE, bytes),
        [first, 0, ..] if *first != 0 => (UTF_16LE, bytes),
        _ => (UTF_16BE, bytes),
    };
    encoding.decode_without_bom_handling(body).0.into_owned()
}

fn decode_known(encoding: &'static Encoding, bytes: &[u8]) -> String {
    let is_ascii_family = encoding.is_ascii_compatible();
    // Text that is valid UTF-8 beyond ASCII hardly ever is anything else, whatever the label says. (The charsets that
    // switch by escape sequences are all ASCII bytes and never get here.)
    if is_ascii_family
        && !bytes.is_ascii()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return text.to_owned();
    }
    if encoding == UTF_8 {
        return decode_guessed(bytes);
    }
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    if !had_errors {
        return text.into_owned();
    }
    let guessed = guess(bytes, true);
    let (other, other_had_errors) = guessed.decode_without_bom_handling(bytes);
    if !other_had_errors || count_replacements(&other) < count_replacements(&text) {
        other.into_owned()
    } else {
        text.into_owned()
    }
}

/// The text of `bytes`, which claim to be in charset `label`. Never fails; see the module for how doubts are settled.
pub(super) fn decode<'bytes>(bytes: &'bytes [u8], label: Option<&str>) -> Cow<'bytes, str> {
    let charset = label.and_then(lookup);
    let bytes = match charset {
        Some(Charset::Known(_)) | None => bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes),
        _ => bytes,
    };
    let switches_in_ascii = match charset {
        None => false,
        Some(Charset::Known(encoding)) => !encoding.is_ascii_compatible() || encoding == encoding_rs::ISO_2022_JP,
        Some(_) => true,
    };
    if !switches_in_ascii && bytes.is_ascii() {
        return String::from_utf8_lossy(bytes);
    }
    Cow::Owned(match charset {
        None => decode_guessed(bytes),
        Some(Charset::Known(encoding)) => decode_known(encoding, bytes),
        Some(Charset::Utf16) => decode_utf16(bytes),
        Some(Charset::Iso2022Kr) => decode_iso_2022_kr(bytes),
        Some(Charset::HzGb2312) => decode_hz(bytes),
        Some(Charset::Other(decoder)) => match std::str::from_utf8(bytes) {
            Ok(text) if !bytes.is_ascii() => text.to_owned(),
            _ => decoder(bytes),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_believed_when_they_fit() {
        assert_eq!(decode(b"caf\xe9", Some("iso-8859-1")), "café");
        assert_eq!(decode(b"\xf0\xd2\xc9\xd7\xc5\xd4", Some("KOI8-R")), "Привет");
        assert_eq!(decode(b"\x1b$B%O%m!<\x1b(B", Some("iso-2022-jp")), "ハロー");
        assert_eq!(decode(b"\xc4\xe3\xba\xc3", Some("gb2312")), "你好");
        assert_eq!(decode(b"\xa7A\xa6n", Some("CHINESEBIG5")), "你好");
        assert_eq!(decode(b"Hi Mom +Jjo-!", Some("utf-7")), "Hi Mom ☺!");
        assert_eq!(decode(b"\xff\xfeh\0i\0", Some("utf-16")), "hi");
        assert_eq!(decode(b"h\0i\0", Some("utf-16le")), "hi");
        assert_eq!(decode(b"\x1b$)C\x0e0!\x0f!", Some("iso-2022-kr")), "가!");
        assert_eq!(decode(b"~{<:Ky2;S{!#~}Bye.", Some("hz-gb-2312")), "己所不欲。Bye.");
        assert_eq!(decode(b"\x9b", Some("cp850")), "ø");
    }

    #[test]
    fn wrong_and_unknown_labels_are_seen_through() {
        assert_eq!(decode("naïve — “quote”".as_bytes(), Some("iso-8859-1")), "naïve — “quote”");
        assert_eq!(decode("naïve".as_bytes(), Some("unknown-8bit")), "naïve");
        assert_eq!(decode(b"na\xefve caf\xe9, d\xe9j\xe0 vu", Some("utf-8")), "naïve café, déjà vu");
        assert_eq!(decode(b"na\xefve caf\xe9, d\xe9j\xe0 vu", None), "naïve café, déjà vu");
        assert_eq!(decode(b"caf\xe9", Some("x-no-such-charset")), "café");
        assert!(
            !decode(b"\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd", Some("utf-8")).contains('\u{fffd}')
        );
    }

    #[test]
    fn spellings_of_labels() {
        for label in ["ISO8859-15", "iso_8859-15", "\"iso-8859-15\"", "windows1252", "win-1251", "cp1250", "latin1"] {
            assert!(is_known(label), "{label}");
        }
        assert!(!is_known("unknown-8bit"));
    }
}
