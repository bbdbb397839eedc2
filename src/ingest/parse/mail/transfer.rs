//! Content transfer encodings, read leniently: what can be decoded is, the rest is kept or skipped, nothing fails.
//!
//! Called by `mime` for whole bodies and by `words` for encoded words.

use std::borrow::Cow;

fn base64_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Decodes base64; bytes outside the alphabet are skipped, padding ends a group but not the text.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    let mut group = 0_u32;
    let mut count = 0_u32;
    let flush = |group: u32, count: u32, out: &mut Vec<u8>| match count {
        2 => out.push((group >> 4) as u8),
        3 => out.extend_from_slice(&[(group >> 10) as u8, (group >> 2) as u8]),
        _ => {}
    };
    for &byte in bytes {
        if let Some(value) = base64_value(byte) {
            group = group << 6 | u32::from(value);
            count += 1;
            if count == 4 {
                out.extend_from_slice(&[(group >> 16) as u8, (group >> 8) as u8, group as u8]);
                (group, count) = (0, 0);
            }
        } else if byte == b'=' {
            flush(group, count, &mut out);
            (group, count) = (0, 0);
        }
    }
    flush(group, count, &mut out);
    out
}

/// Bytes that are neither alphabet nor padding nor blanks. The URL-safe alphabet is not counted as plausible: rules of
/// dashes and underscores are commoner in mail.
fn count_foreign(bytes: &[u8]) -> usize {
    let is_foreign = |byte: u8| base64_value(byte).is_none_or(|_| matches!(byte, b'-' | b'_')) && byte != b'=';
    bytes.iter().filter(|byte| is_foreign(**byte) && !byte.is_ascii_whitespace()).count()
}

/// Whether `bytes` are plausible as base64: nothing but alphabet, padding and blanks (a few strays allowed).
pub(super) fn looks_like_base64(bytes: &[u8]) -> bool {
    count_foreign(bytes) * 10 <= bytes.len()
}

/// Base64 with clear text before or behind it (a list footer, say): each line is one or the other.
fn mixed_base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut encoded = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let mut content = line.trim_ascii();
        // `…Cg== ignored`: what follows the padding on the same line is no data.
        if let Some(at) = content.iter().position(|byte| *byte == b' ').filter(|at| content[..*at].ends_with(b"=")) {
            content = &content[..at];
        }
        let is_prose = encoded.is_empty() && is_word(content);
        let is_encoded = !content.is_empty() && !is_prose && !content.contains(&b' ') && looks_like_base64(content);
        if is_encoded {
            encoded.extend_from_slice(content);
        } else {
            out.append(&mut base64(&encoded));
            encoded.clear();
            out.extend_from_slice(line);
        }
    }
    out.append(&mut base64(&encoded));
    out
}

fn hex_value(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    Some(hex_value(*bytes.first()?)? << 4 | hex_value(*bytes.get(1)?)?)
}

/// Decodes quoted-printable; an `=` that starts no valid escape stays as it is.
pub(super) fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'=') {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let after = tail.get(1..).unwrap_or_default();
        if let Some(byte) = hex_pair(after) {
            out.push(byte);
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        // A soft line break, possibly with blanks that some relay added behind it.
        let blanks = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        match after.get(blanks) {
            Some(b'\n') => rest = after.get(blanks + 1..).unwrap_or_default(),
            None => rest = &[],
            Some(_) => {
                out.push(b'=');
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Decodes the `Q` encoding of encoded words: like quoted-printable, with `_` for a space.
pub(super) fn q_word(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'_' => out.push(b' '),
            b'=' => match hex_pair(rest) {
                Some(value) => {
                    out.push(value);
                    rest = rest.get(2..).unwrap_or_default();
                }
                None => out.push(b'='),
            },
            _ => out.push(byte),
        }
    }
    out
}

/// One line of a uuencoded file, without its line end.
pub(super) fn uuencoded_line(line: &[u8], out: &mut Vec<u8>) -> bool {
    let Some((&length, data)) = line.split_first() else { return false };
    if !(b' '..=b'`').contains(&length) || data.iter().any(|byte| !(b' '..=b'`').contains(byte)) {
        return false;
    }
    let length = usize::from((length - b' ') & 63);
    if data.len() > length.div_ceil(3) * 4 + 2 {
        return false;
    }
    let start = out.len();
    for group in data.chunks(4) {
        let value = |at: usize| u32::from(group.get(at).map_or(0, |byte| (byte - b' ') & 63));
        let bits = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
        out.extend_from_slice(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
    }
    out.resize(start + length, 0);
    true
}

fn uuencoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end) {
        if line.starts_with(b"begin ") || line.is_empty() {
            continue;
        }
        if line == b"end" || !uuencoded_line(line, &mut out) {
            break;
        }
    }
    out
}

/// Whether a line is a word of prose that happens to hold nothing but letters: short, and uneven or all in lower case.
fn is_word(line: &[u8]) -> bool {
    let is_lower = line.iter().skip(1).all(u8::is_ascii_lowercase);
    line.len() < 24 && !line.ends_with(b"=") && (!line.len().is_multiple_of(4) || is_lower)
}

/// The bytes of a body in transfer encoding `encoding` (the header's value, any spelling).
pub(super) fn decode<'bytes>(bytes: &'bytes [u8], encoding: &str) -> Cow<'bytes, [u8]> {
    // `base64; charset=…`, `"Base-64"`, `quoted-printable (sic)`: the first word counts.
    let name = encoding.trim().trim_matches('"').split([';', ',', '(', ' ']).next().unwrap_or_default();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match name.to_ascii_lowercase().as_str() {
        "base64" | "b" if count_foreign(bytes) == 0 && !is_word(bytes.trim_ascii()) => Cow::Owned(base64(bytes)),
        "base64" | "b" => Cow::Owned(mixed_base64(bytes)),
        "quotedprintable" | "q" => Cow::Owned(quoted_printable(bytes)),
        "xuuencode" | "uuencode" | "xuue" | "uue" => Cow::Owned(uuencoded(bytes)),
        _ => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_lenient() {
        assert_eq!(base64(b"SGVsbG8="), b"Hello");
        assert_eq!(base64(b"SGVs\r\nbG8"), b"Hello");
        assert_eq!(base64(b"SGVsbG8=SGVsbG8="), b"HelloHello");
        assert_eq!(base64(b"S!G*V s b G 8 ="), b"Hello");
        assert_eq!(
            decode(b"SGVsbG8gd29ybGQK\n\n-- \nlist footer, with blanks\n", "Base64").as_ref(),
            b"Hello world\n\n-- \nlist footer, with blanks\n"
        );
    }

    #[test]
    fn quoted_printable_is_lenient() {
        assert_eq!(quoted_printable(b"a=3Db =\r\nc=E9"), b"a=b c\xe9");
        assert_eq!(quoted_printable(b"a = b =XX =  \nend="), b"a = b =XX end");
        assert_eq!(q_word(b"Caf=E9_au_lait="), b"Caf\xe9 au lait=");
    }

    #[test]
    fn uuencode() {
        assert_eq!(decode(b"begin 644 x\n#0V%T\n`\nend\n", "x-uuencode").as_ref(), b"Cat");
        assert!(!uuencoded_line(b"This is prose, not data.", &mut Vec::new()));
    }

    #[test]
    fn a_label_of_base64_that_lies_costs_no_text() {
        for text in [
            "Hello Bob,\n\nthanks\nfor the report.\n\nAnn\n",
            "thanks\n",
            "See you on Monday at nine.\n",
            "Grüße\naus Köln und\nbis bald\n",
        ] {
            assert_eq!(decode(text.as_bytes(), "base64").as_ref(), text.as_bytes(), "{text}");
        }
        for name in ["Base64", "base-64", "base64; charset=utf-8", "\"base64\"", "BASE64 (sic)"] {
            assert_eq!(decode(b"SGVsbG8gd29ybGQhIQ==", name).as_ref(), b"Hello world!!", "{name}");
        }
        assert_eq!(decode(b"SGVsbG8=\n", "base64").as_ref(), b"Hello");
        assert_eq!(decode(b"a=3Db", "Quoted_Printable").as_ref(), b"a=b");
    }
}
