//! The parameters of `Content-Type` and `Content-Disposition`: a value, then `name=value` pairs, in every form mailers
//! write them: continued (RFC 2231), percent-encoded with and without a charset, as encoded words (RFC 2047), as raw
//! bytes, without quotes, with a quote too few or too many. Linear in the input. Called by `mime`.

use std::collections::BTreeMap;

use super::{charset, words};

/// Most pieces one value may be cut into.
const PIECE_LIMIT: u32 = 1_000;

/// Most parameters of one header.
const PARAMETER_LIMIT: usize = 100;

/// Parameters whose values are names of files, which people fill with blanks and semicolons.
const FILE_NAMES: [&str; 2] = ["filename", "name"];

/// One header value, taken apart.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// What stands before the first parameter, without comments, lower-case.
    pub value: String,
    /// Names in lower case, each once, values decoded.
    pub parameters: Vec<(String, String)>,
}

/// The ways in which a parameter was given; a mailer may use several at once.
#[derive(Debug, Default)]
struct Given {
    /// `name*=`: says its charset, so it is believed first.
    extended: Option<Vec<u8>>,
    /// `name*0=`, `name*1*=`: with whether a piece is percent-encoded.
    pieces: BTreeMap<u32, (bool, Vec<u8>)>,
    /// `name=`.
    plain: Option<Vec<u8>>,
}

/// Takes a header value apart.
pub(super) fn parse(raw: &[u8]) -> Parsed {
    let raw = unfolded(raw);
    let (value, rest) = head(&raw);
    let mut given: Vec<(String, Given)> = Vec::new();
    let mut cursor = Cursor { bytes: rest, at: 0, never_closes: false };
    while let Some((name, value)) = cursor.next_pair() {
        let mut parts = name.split('*');
        let base = parts.next().unwrap_or_default().trim().to_owned();
        let (second, third) = (parts.next(), parts.next());
        if given.len() >= PARAMETER_LIMIT {
            break;
        }
        let at = given.iter().position(|(known, _)| *known == base).unwrap_or_else(|| {
            given.push((base, Given::default()));
            given.len() - 1
        });
        let Some((_, known)) = given.get_mut(at) else { continue };
        match (second.map(str::trim), third) {
            (None, _) => known.plain = known.plain.take().or(Some(value)),
            (Some(""), _) => known.extended = known.extended.take().or(Some(value)),
            (Some(number), encoded) => {
                if let Some(number) = number.parse().ok().filter(|number| *number < PIECE_LIMIT) {
                    known.pieces.entry(number).or_insert((encoded.is_some(), value));
                }
            }
        }
    }
    let parameters = given.into_iter().map(|(name, given)| {
        let value = given.value(FILE_NAMES.contains(&name.as_str()));
        (name, value)
    });
    Parsed { value, parameters: parameters.collect() }
}

impl Given {
    fn value(self, is_file_name: bool) -> String {
        let extended = self.extended.map(|bytes| extended(&bytes));
        let pieces = (!self.pieces.is_empty()).then(|| joined(self.pieces));
        let plain = self.plain.map(|bytes| if is_file_name { file_name(&bytes) } else { plain(&bytes) });
        let mut all = [extended, pieces, plain].into_iter().flatten();
        all.find(|value| !value.trim().is_empty()).unwrap_or_default()
    }
}

/// Without line ends; a tab becomes a blank.
fn unfolded(raw: &[u8]) -> Vec<u8> {
    let kept = raw.iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0));
    kept.map(|byte| if *byte == b'\t' { b' ' } else { *byte }).collect()
}

/// The value before the parameters, and the parameters. `text/html charset=x` has lost its semicolon.
fn head(bytes: &[u8]) -> (String, &[u8]) {
    let mut value = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            b';' => break,
            b' ' | b',' if !value.is_empty() && begins_pair(bytes.get(at + 1..).unwrap_or_default()) => break,
            b'"' => {}
            _ => value.push(byte),
        }
        at += 1;
    }
    let value = String::from_utf8_lossy(&value).trim().to_ascii_lowercase();
    (value, bytes.get(at..).unwrap_or_default())
}

/// Whether `name=` stands here, a few blanks before and between allowed.
fn begins_pair(bytes: &[u8]) -> bool {
    let name = without_blanks(bytes);
    let length = name.iter().take(60).take_while(|byte| is_name(**byte)).count();
    let behind = without_blanks(&name[length..]);
    length > 0 && behind.starts_with(b"=") && !behind.starts_with(b"=?")
}

/// Without the blanks in front; more than any mailer writes are not looked through.
fn without_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take(80).take_while(|byte| **byte == b' ').count();
    &bytes[blanks..]
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'.')
}

struct Cursor<'raw> {
    bytes: &'raw [u8],
    at: usize,
    /// A quote was looked for to the end in vain: no later one closes either.
    never_closes: bool,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    /// The next pair: its name in lower case, its value without quotes.
    fn next_pair(&mut self) -> Option<(String, Vec<u8>)> {
        loop {
            let step = self.rest().iter().take_while(|byte| matches!(byte, b';' | b',' | b' ')).count();
            self.at += step;
            if self.at >= self.bytes.len() {
                return None;
            }
            if self.rest().starts_with(b"(") {
                self.skip_comment();
                continue;
            }
            let length = self.rest().iter().take_while(|byte| is_name(**byte)).count();
            let name = String::from_utf8_lossy(&self.rest()[..length]).to_ascii_lowercase();
            self.at += length;
            self.skip_blanks();
            if length > 0 && self.rest().starts_with(b"=") {
                self.at += 1;
                self.skip_blanks();
                let base = name.split('*').next().unwrap_or_default();
                let is_file_name = FILE_NAMES.contains(&base);
                let value = if self.rest().starts_with(b"\"") { self.quoted() } else { self.bare(is_file_name) };
                return Some((name, value));
            }
            if length == 0 {
                // A sign that belongs nowhere.
                self.at += 1;
            }
        }
    }

    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// A value in quotes. A quote inside that nobody escaped is one of the text: the last one is followed by the end, a
    /// semicolon, a comment or another pair. One that is never closed ends before the next pair.
    fn quoted(&mut self) -> Vec<u8> {
        let start = self.at + 1;
        let mut value = Vec::new();
        let mut at = start;
        // Bytes of ISO-2022-JP look like quotes and backslashes.
        let mut in_escape = false;
        while let Some(&byte) = self.bytes.get(at).filter(|_| !self.never_closes) {
            let next = self.bytes.get(at + 1).copied();
            match byte {
                0x1B => {
                    in_escape = next == Some(b'$');
                    value.push(byte);
                }
                _ if in_escape => value.push(byte),
                b'\\' if matches!(next, Some(b'"' | b'\\')) => {
                    value.extend(next);
                    at += 1;
                }
                b'"' => {
                    let tail = self.bytes.get(at + 1..).unwrap_or_default();
                    let behind = without_blanks(tail);
                    if behind.is_empty() || matches!(behind[0], b';' | b'(' | b',') || begins_pair(behind) {
                        self.at = at + 1;
                        return value;
                    }
                    value.push(byte);
                }
                _ => value.push(byte),
            }
            at += 1;
        }
        self.never_closes = true;
        self.at = start;
        let value = self.bare(true);
        value.strip_suffix(b"\"").map(<[u8]>::to_vec).unwrap_or(value)
    }

    /// A value without quotes. A name of a file may hold blanks and semicolons: it ends where another pair begins.
    fn bare(&mut self, is_file_name: bool) -> Vec<u8> {
        let start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            let tail = self.bytes.get(self.at + 1..).unwrap_or_default();
            let ends = match byte {
                b';' => !is_file_name || without_blanks(tail).is_empty() || begins_pair(tail),
                b' ' | b',' => !is_file_name,
                _ => false,
            };
            if ends {
                break;
            }
            self.at += 1;
        }
        self.bytes.get(start..self.at).unwrap_or_default().trim_ascii().to_vec()
    }
}

/// `charset'language'text`: the charset, if one is named, and the rest. One quote may have been lost.
fn split_charset(bytes: &[u8]) -> (Option<String>, &[u8]) {
    let mut quotes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\'').map(|(at, _)| at);
    let (Some(first), second) = (quotes.next(), quotes.next()) else { return (None, bytes) };
    let label = String::from_utf8_lossy(&bytes[..first]).trim().to_owned();
    let is_label = label.is_empty() || charset::is_known(&label);
    // A language is a few letters; a second quote further on is an apostrophe of the text.
    let second = second.filter(|second| second - first <= 12);
    match second {
        Some(second) if is_label || first == 0 => (Some(label), &bytes[second + 1..]),
        Some(second)
            if first < 40 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte)) =>
        {
            (Some(label), &bytes[second + 1..])
        }
        None if !label.is_empty() && is_label => (Some(label), &bytes[first + 1..]),
        _ => (None, bytes),
    }
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                out.push(value);
                rest = &tail[2..];
            }
            None => out.push(byte),
        }
    }
    out
}

fn decoded(bytes: &[u8], label: Option<&str>) -> String {
    let label = label.filter(|label| charset::is_known(label));
    let text = charset::decode(bytes, label);
    // Some mailers put an encoded word where percent signs belong.
    if text.contains("=?") { words::decode_text(text.as_bytes()) } else { text.into_owned() }
}

fn extended(bytes: &[u8]) -> String {
    let (label, rest) = split_charset(bytes);
    decoded(&percent_decoded(rest), label.as_deref())
}

/// Pieces in order of their numbers. The first says the charset; some mailers say it in every piece.
fn joined(pieces: BTreeMap<u32, (bool, Vec<u8>)>) -> String {
    let mut label: Option<String> = None;
    let mut whole = Vec::new();
    let any_encoded = pieces.values().any(|(is_encoded, _)| *is_encoded);
    for (at, (is_encoded, bytes)) in pieces.into_values().enumerate() {
        if !is_encoded {
            whole.extend_from_slice(&bytes);
            continue;
        }
        let (stated, rest) = split_charset(&bytes);
        let is_repeated = at > 0 && (stated.is_none() || stated != label);
        let text = if is_repeated { &bytes[..] } else { rest };
        label = label.or(stated);
        whole.extend_from_slice(&percent_decoded(text));
    }
    if any_encoded { decoded(&whole, label.as_deref()) } else { file_name(&whole) }
}

/// A name given the plain way: encoded words, raw bytes, or (against the standard) percent signs.
fn file_name(bytes: &[u8]) -> String {
    let stated = split_charset(bytes);
    if let (Some(label), rest) = &stated
        && (bytes.contains(&b'%') && charset::is_known(label))
    {
        return decoded(&percent_decoded(rest), Some(label));
    }
    let text = words::decode_text(bytes);
    if !text.contains('%') {
        return text;
    }
    let plain = percent_decoded(text.as_bytes());
    let is_meant = text.contains("%20") || !plain.is_ascii();
    match String::from_utf8(plain) {
        Ok(plain) if is_meant => plain,
        _ => text,
    }
}

fn plain(bytes: &[u8]) -> String {
    charset::decode(bytes, None).into_owned()
}

#[cfg(test)]
mod tests;
