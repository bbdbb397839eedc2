//! Text of header fields: unfolding, raw 8-bit bytes, RFC 2047 encoded words, well formed or not.
//!
//! Called by `headers`, `address` and `mime`. Neighbouring words are joined before decoding, because many mailers cut
//! a character in two.

use super::charset;
use super::transfer;

/// One encoded word, split into its parts: charset, encoded bytes already transfer-decoded, and its length in the text.
struct Word<'text> {
    charset: &'text str,
    bytes: Vec<u8>,
    length: usize,
}

/// Parses `=?charset?B|Q?data?=` at the start of `text`. Blanks inside `Q` data, which the standard forbids, are let
/// through; anything else broken is not a word.
fn word_at(text: &str) -> Option<Word<'_>> {
    let inner = text.strip_prefix("=?")?;
    let (charset, rest) = inner.split_once('?')?;
    if charset.is_empty() || charset.len() > 60 || charset.contains(['\n', ' ', '=']) {
        return None;
    }
    let mut characters = rest.chars();
    let encoding = characters.next()?;
    let data = characters.as_str().strip_prefix('?')?;
    let end = end_of_data(data)?;
    let encoded = data.get(..end)?;
    let bytes = match encoding {
        'b' | 'B' if transfer::looks_like_base64(encoded.as_bytes()) => transfer::base64(encoded.as_bytes()),
        'q' | 'Q' => transfer::q_word(encoded.as_bytes()),
        _ => return None,
    };
    let charset_end = charset.find('*').unwrap_or(charset.len());
    let length = 2 + charset.len() + 1 + encoding.len_utf8() + 1 + end + 2;
    Some(Word { charset: charset.get(..charset_end)?, bytes, length })
}

/// Where the `?=` stands that ends a word's data. Words are at most 75 characters by the standard; broken mailers write
/// some thousand, and nobody more.
fn end_of_data(data: &str) -> Option<usize> {
    let window = data.len().min(16 << 10);
    data.as_bytes().get(..window)?.windows(2).position(|pair| pair == b"?=")
}

/// A stretch of header text: plain, or a run of neighbouring encoded words already decoded.
enum Piece<'text> {
    Plain(&'text str),
    Decoded(String),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut plain_start = 0;
    let mut at = 0;
    while let Some(step) = text.get(at..).and_then(|rest| rest.find("=?")) {
        let start = at + step;
        let Some(first) = text.get(start..).and_then(word_at) else {
            at = start + 2;
            continue;
        };
        let mut end = start + first.length;
        let mut run = vec![first];
        loop {
            let rest = text.get(end..).unwrap_or_default();
            let blanks = rest.len() - rest.trim_start().len();
            let Some(next) = rest.get(blanks..).and_then(word_at) else { break };
            end += blanks + next.length;
            run.push(next);
        }
        if let Some(plain) = text.get(plain_start..start).filter(|plain| !plain.is_empty()) {
            found.push(Piece::Plain(plain));
        }
        found.push(Piece::Decoded(decode_run(run)));
        plain_start = end;
        at = end;
    }
    if let Some(plain) = text.get(plain_start..).filter(|plain| !plain.is_empty()) {
        found.push(Piece::Plain(plain));
    }
    found
}

fn decode_run(run: Vec<Word<'_>>) -> String {
    let mut text = String::new();
    let mut words = run.into_iter().peekable();
    while let Some(mut word) = words.next() {
        while let Some(next) = words.next_if(|next| next.charset.eq_ignore_ascii_case(word.charset)) {
            word.bytes.extend_from_slice(&next.bytes);
        }
        text.push_str(&charset::decode(&word.bytes, Some(word.charset)));
    }
    text
}

/// The header value as one line of text: unfolded, blanks squeezed, raw bytes read in their likeliest charset.
fn unfold(raw: &[u8]) -> String {
    let text = charset::decode(raw, None);
    let mut line = String::with_capacity(text.len());
    let mut pending_blank = false;
    for character in text.chars() {
        if character.is_whitespace() {
            pending_blank = !line.is_empty();
        } else if !character.is_control() {
            if pending_blank {
                line.push(' ');
                pending_blank = false;
            }
            line.push(character);
        }
    }
    line
}

/// An unstructured header value (a subject, a label) as people read it; one line, trimmed.
pub(super) fn decode_text(raw: &[u8]) -> String {
    let line = unfold(raw);
    if !line.contains("=?") {
        return line;
    }
    let mut text = String::with_capacity(line.len());
    for piece in pieces(&line) {
        match piece {
            Piece::Plain(plain) => text.push_str(plain),
            Piece::Decoded(decoded) => text.push_str(&decoded),
        }
    }
    tidy(&text)
}

/// A structured header value (addresses, parameters) made safe for a parser that knows only valid UTF-8 words: raw
/// bytes become UTF-8, every encoded word becomes one UTF-8 `B` word, what looks like a word and is none is defused.
pub(super) fn normalise_structured(raw: &[u8]) -> String {
    let line = unfold(raw);
    if !line.contains("=?") {
        return line;
    }
    let mut text = String::with_capacity(line.len());
    for piece in pieces(&line) {
        match piece {
            Piece::Plain(plain) => text.push_str(&plain.replace("=?", "= ?")),
            Piece::Decoded(decoded) => {
                let is_glued = text.chars().last().is_some_and(|last| !last.is_whitespace() && !"\"<(,".contains(last));
                text.push_str(if is_glued { " =?utf-8?b?" } else { "=?utf-8?b?" });
                encode_base64(tidy(&decoded).as_bytes(), &mut text);
                text.push_str("?=");
            }
        }
    }
    text
}

pub(super) fn encode_base64(bytes: &[u8], out: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place) & 63) as usize;
            out.push(if place <= group.len() { ALPHABET[index] as char } else { '=' });
        }
    }
}

/// One line without control characters, blanks squeezed and trimmed.
pub(super) fn tidy(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decode() {
        assert_eq!(decode_text(b" =?ISO-8859-1?Q?Caf=E9?= au\r\n =?utf-8?b?bGFpdA==?="), "Café au lait");
        assert_eq!(decode_text(b"=?utf-8?q?a?= =?utf-8?q?b?= c"), "ab c");
        assert_eq!(decode_text(b"Re:=?utf-8?q?glued?=text"), "Re:gluedtext");
        assert_eq!(decode_text(b"=?utf-8?b?4pi?= =?utf-8?b?ug==?="), "☺");
    }

    #[test]
    fn broken_words_stay_readable() {
        assert_eq!(decode_text(b"=?utf-8?q?unfinished"), "=?utf-8?q?unfinished");
        assert_eq!(decode_text(b"=?unknown-8bit?q?na=C3=AFve?="), "naïve");
        assert_eq!(decode_text(b"=?utf-8?q?blanks inside it?="), "blanks inside it");
        assert_eq!(decode_text(b"=?x?y?z?="), "=?x?y?z?=");
        assert_eq!(decode_text("raw ünïcode".as_bytes()), "raw ünïcode");
        assert_eq!(decode_text(b"raw caf\xe9 d\xe9j\xe0"), "raw café déjà");
    }

    #[test]
    fn structured_values_keep_their_marks() {
        let value = normalise_structured(b"=?iso-8859-1?q?M=FCller=2C_J?= <m@x.de>, =?bad");
        assert_eq!(value, "=?utf-8?b?TcO8bGxlciwgSg==?= <m@x.de>, = ?bad");
    }
}
