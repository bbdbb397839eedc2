//! The lines that calendars and contact cards are written in (`NAME;PARAMETER=value:text`), folded, escaped, encoded, and
//! broken in the ways real programs break them. Called by `calendar` and `contacts`.

use std::borrow::Cow;

use super::text::decode;

/// One line: a name, what qualifies it, and its value as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Upper-case, without a group (`item1.EMAIL` is `EMAIL`).
    pub(super) name: String,
    parameters: Vec<(String, String)>,
    /// Not unescaped: some values are lists, and only their parts may be.
    pub(super) value: String,
}

impl Line {
    /// The value of a parameter; names are upper-case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as people read it, trimmed.
    pub(super) fn text(&self) -> String {
        unescape(&self.value).trim().to_owned()
    }

    /// The parts of a value that `separator` divides, as people read them, empty ones left out.
    pub(super) fn parts(&self, separator: char) -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut is_escaped = false;
        for character in self.value.chars() {
            if character == separator && !is_escaped {
                parts.push(String::new());
            } else if let Some(part) = parts.last_mut() {
                part.push(character);
            }
            is_escaped = character == '\\' && !is_escaped;
        }
        let parts = parts.into_iter().map(|part| unescape(&part).trim().to_owned());
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// Whether the value is no text but bytes: a picture, a sound, a key.
    fn is_binary(&self) -> bool {
        let encoding = self.parameter("ENCODING").unwrap_or_default();
        encoding.eq_ignore_ascii_case("b") || encoding.eq_ignore_ascii_case("base64")
    }
}

/// `\n` as a line end, `\,` `\;` `\\` as themselves.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            _ => out.push(character),
        }
    }
    out
}

/// The lines of a file, in order.
pub(super) fn lines(bytes: &[u8]) -> Vec<Line> {
    // UTF-16 has zero bytes between; everything else can be taken apart before it is decoded, so that a character cut
    // by a fold comes together again.
    let whole = match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Cow::Owned(decode(bytes).into_owned().into_bytes()),
        _ if bytes.get(..64).unwrap_or(bytes).contains(&0) => Cow::Owned(decode(bytes).into_owned().into_bytes()),
        _ => Cow::Borrowed(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)),
    };
    let mut unfolded = unfolded(&whole);
    let mut is_utf8 = unfolded.iter().all(|line| std::str::from_utf8(line).is_ok());
    if !is_utf8 && !whole.to_ascii_uppercase().windows(8).any(|word| word == b"CHARSET=") {
        // One charset for all that nobody names: the more text, the better the guess.
        let decoded = decode(&unfolded.join(&b'\n')).into_owned();
        unfolded = decoded.split('\n').map(|line| line.as_bytes().to_vec()).collect();
        is_utf8 = true;
    }
    let mut found: Vec<Line> = Vec::new();
    for raw in unfolded {
        match parse(&raw, is_utf8) {
            Some(line) => found.push(line),
            // A line end that somebody forgot to escape: the text goes on.
            None => {
                if let Some(last) = found.last_mut().filter(|last| !last.is_binary() && is_text(&last.name)) {
                    last.value.push_str("\\n");
                    last.value.push_str(&decode(&raw));
                }
            }
        }
    }
    found
}

/// Names whose values are free text.
fn is_text(name: &str) -> bool {
    matches!(name, "DESCRIPTION" | "SUMMARY" | "LOCATION" | "COMMENT" | "NOTE" | "ADR" | "LABEL")
}

/// The lines without folds, and without line ends. A fold is a line end and one blank; vCard 2.1 folds at a blank, which
/// stays; quoted-printable goes on behind a line that ends with `=`.
fn unfolded(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut keeps_blank = false;
    for line in bytes.split(|byte| *byte == b'\n' || *byte == b'\r') {
        if line.is_empty() {
            continue;
        }
        let soft = found.last_mut().filter(|last| last.ends_with(b"=") && is_quoted_printable(last));
        if let Some(last) = soft {
            last.pop();
            last.extend_from_slice(line);
            continue;
        }
        if let (Some(rest), Some(last)) =
            (line.strip_prefix(b" ").or_else(|| line.strip_prefix(b"\t")), found.last_mut())
        {
            if keeps_blank {
                last.push(b' ');
            }
            last.extend_from_slice(rest);
        } else {
            if line.len() < 40 && line.trim_ascii().eq_ignore_ascii_case(b"VERSION:2.1") {
                keeps_blank = true;
            }
            found.push(line.to_vec());
        }
    }
    found
}

fn is_quoted_printable(line: &[u8]) -> bool {
    let head = line.get(..200).unwrap_or(line);
    let head = head.split(|byte| *byte == b':').next().unwrap_or_default();
    head.len() < line.len() && head.to_ascii_uppercase().windows(16).any(|word| word == b"QUOTED-PRINTABLE")
}

/// One unfolded line; `None` when it has no name.
fn parse(raw: &[u8], is_utf8: bool) -> Option<Line> {
    // The value starts at the first colon outside quotes; without one, a quote was never closed.
    let mut in_quotes = false;
    let outside = raw.iter().position(|byte| {
        in_quotes ^= *byte == b'"';
        *byte == b':' && !in_quotes
    });
    let colon = outside.or_else(|| raw.iter().position(|byte| *byte == b':'))?;
    let head = decode(&raw[..colon]);
    let mut fields = split_outside_quotes(&head).into_iter();
    let name = fields.next().unwrap_or_default().trim();
    let name = name.rsplit('.').next().unwrap_or(name);
    if name.is_empty()
        || name.len() > 60
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    {
        return None;
    }
    let parameter = |field: &str| {
        if let Some((name, value)) = field.split_once('=') {
            (name.trim().to_ascii_uppercase(), uncaret(value.trim().trim_matches('"')))
        } else {
            // vCard 2.1 names only the value: `TEL;HOME;QUOTED-PRINTABLE`.
            let value = field.trim().to_ascii_uppercase();
            let is_encoding = matches!(value.as_str(), "QUOTED-PRINTABLE" | "BASE64" | "8BIT" | "7BIT");
            (if is_encoding { "ENCODING" } else { "TYPE" }.to_owned(), value)
        }
    };
    let parameters: Vec<(String, String)> = fields.map(parameter).collect();
    let mut line = Line { name: name.to_ascii_uppercase(), parameters, value: String::new() };
    let value = &raw[colon + 1..];
    let charset = line.parameter("CHARSET").and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
    let is_encoded =
        line.parameter("ENCODING").is_some_and(|encoding| encoding.eq_ignore_ascii_case("QUOTED-PRINTABLE"));
    let (bytes, is_utf8) = if is_encoded {
        let plain = unquote(value);
        let is_utf8 = std::str::from_utf8(&plain).is_ok();
        (Cow::Owned(plain), is_utf8)
    } else {
        (Cow::Borrowed(value), is_utf8)
    };
    line.value = match charset {
        Some(encoding) if !is_utf8 => encoding.decode_without_bom_handling(&bytes).0.into_owned(),
        _ => decode(&bytes).into_owned(),
    };
    if is_encoded {
        // A line end that came through the encoding is one of the text.
        line.value = line.value.replace("\r\n", "\\n").replace('\n', "\\n");
    }
    Some(line)
}

/// The fields of a head, divided by `;`.
fn split_outside_quotes(head: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let (mut start, mut in_quotes) = (0, false);
    for (at, character) in head.char_indices() {
        in_quotes ^= character == '"';
        if character == ';' && !in_quotes {
            fields.push(&head[start..at]);
            start = at + 1;
        }
    }
    fields.push(&head[start..]);
    fields
}

/// `^n`, `^'` and `^^` of parameters (RFC 6868).
fn uncaret(value: &str) -> String {
    if !value.contains('^') {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = match (character, characters.peek()) {
            ('^', Some('n' | 'N')) => Some(' '),
            ('^', Some('\'')) => Some('"'),
            ('^', Some('^')) => Some('^'),
            _ => None,
        };
        if escaped.is_some() {
            characters.next();
        }
        out.push(escaped.unwrap_or(character));
    }
    out
}

/// Quoted-printable without its line breaks, which are gone already.
fn unquote(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| byte == b'=').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                out.push(value);
                rest = &tail[2..];
            }
            None => out.push(byte),
        }
    }
    out
}

/// An e-mail address as people are known by it; `None` when it is none.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let text =
        text.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:")).map_or(text, |start| &text[start.len()..]);
    let text = text.split('?').next().unwrap_or_default().trim_matches(['<', '>', ' ', '"']);
    let (local, host) = text.rsplit_once('@')?;
    let is_plain = |part: &str| {
        !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;\"".contains(c))
    };
    (is_plain(local) && is_plain(host) && text.len() <= 320).then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(raw: &[u8]) -> Line {
        lines(raw).remove(0)
    }

    #[test]
    fn folds_escapes_and_groups() {
        let line = one(b"item1.SUMMARY;LANGUAGE=de:Budget\\, zwei\r\n te\\nRunde\r\n");
        assert_eq!((line.name.as_str(), line.text().as_str()), ("SUMMARY", "Budget, zweite\nRunde"));
        assert_eq!(line.parameter("LANGUAGE"), Some("de"));
        assert_eq!(one(b"NOTE:gr\xc3\r\n \xb6\xc3\x9fe").text(), "größe", "a character cut by a fold");
        assert_eq!(one(b"ORG:A\\;B;C\\,D;;").parts(';'), ["A;B", "C,D"]);
        assert_eq!(one(b"ORGANIZER;CN=\"Lee: Ann\";X=^'q^':mailto:a@x.org").parameter("CN"), Some("Lee: Ann"));
        assert_eq!(one(b"ORGANIZER;CN=\"Lee:mailto:a@x.org").value, "mailto:a@x.org", "a quote nobody closed");
        assert_eq!(lines(b"DESCRIPTION:one\nand two\nUID:3")[0].text(), "one\nand two", "a line end nobody escaped");
        assert_eq!(one(b"\xff\xfeF\0N\0:\0x\0\n\0").text(), "x");
    }

    #[test]
    fn quoted_printable_and_charsets_of_old_cards() {
        let card = b"VERSION:2.1\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FC=\nller;J=F6rg\nNOTE;QUOTED-PRINTABLE;CHARSET=UTF-8:Zeile=0D=0Azw=C3=B6lf\nADR:a\n  b\nFN;CHARSET=windows-1251:\xcf\xf0\xe8";
        let found = lines(card);
        assert_eq!(found[1].parts(';'), ["Müller", "Jörg"]);
        assert_eq!(found[2].text(), "Zeile\nzwölf");
        assert_eq!(found[3].text(), "a  b");
        assert_eq!(found[4].text(), "При");
    }

    #[test]
    fn addresses() {
        assert_eq!(address("MAILTO:Ann@X.org?subject=a").as_deref(), Some("ann@x.org"));
        assert_eq!(address("invalid:nomail"), None);
        assert_eq!(address("a b@x.org"), None);
    }
}
