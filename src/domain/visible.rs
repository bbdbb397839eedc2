//! Text that is shown to a person never steers the terminal it is shown on. Pure; called by whatever prints (`cli`), draws
//! (`ui`), logs (`telemetry`), and by `ingest`, which cleans names once before they are stored.
//!
//! What steers: the control characters of C0 and C1 and DEL (escape sequences begin with them), and invisible format
//! characters, which turn the direction of text or hide what stands there. Joiners, which scripts and emoji need, stay.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What escape sequences begin with: ESC, and CSI, OSC and DCS as characters of C1.
const INTRODUCERS: [char; 4] = ['\u{1b}', '\u{9b}', '\u{9d}', '\u{90}'];

/// Whether a character steers a terminal or hides what stands there. Line end and tab are for the caller to decide about.
#[must_use]
pub fn steers(character: char) -> bool {
    character.is_control() || is_hidden_format(character)
}

/// Format characters that nothing is drawn for, but for joiners (U+200C, U+200D) and the soft hyphen.
fn is_hidden_format(character: char) -> bool {
    matches!(
        u32::from(character),
        0x061C | 0x180E | 0x200B | 0x200E..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB
            | 0x1_BCA0..=0x1_BCA3 | 0x1_D173..=0x1_D17A | 0xE_0000..=0xE_0FFF
    )
}

/// The text as one line in which everything that steers can be seen: `␛`, `␊`, `\u{202e}`.
#[must_use]
pub fn visible_line(text: &str) -> Cow<'_, str> {
    shown(text, false)
}

/// As [`visible_line`], with line ends and tabs as they are: for texts, not for names.
#[must_use]
pub fn visible_text(text: &str) -> Cow<'_, str> {
    shown(text, true)
}

fn shown(text: &str, keeps_layout: bool) -> Cow<'_, str> {
    let is_shown = |character: char| steers(character) && !(keeps_layout && matches!(character, '\n' | '\t'));
    if !text.contains(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match u32::from(character) {
            _ if !is_shown(character) => out.push(character),
            // The pictures of the control characters stand in the same order.
            code @ 0..=0x1F => out.extend(char::from_u32(0x2400 + code)),
            0x7F => out.push('␡'),
            // Writing to a String cannot fail.
            code => drop(write!(out, "\\u{{{code:x}}}")),
        }
    }
    Cow::Owned(out)
}

/// JSON with the same content in which nothing steers: what JSON leaves raw (DEL, C1, format characters) is written as
/// `\u202e`. Only inside strings can such a character stand, so whoever reads it gets exactly what it said before.
#[must_use]
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // Control characters of C0 are blanks of the layout here: JSON has escaped all others.
    let is_raw = |character: char| steers(character) && !character.is_ascii_whitespace();
    if !json.contains(is_raw) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_raw(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// A name (title, tag, heading, person) as it is stored: one line, without escape sequences and without anything that
/// steers. What a control character separated stays apart.
#[must_use]
pub fn clean_name(name: &str) -> Cow<'_, str> {
    if !name.contains(steers) {
        return Cow::Borrowed(name);
    }
    let plain = without_sequences(name);
    let mut out = String::with_capacity(plain.len());
    for character in plain.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !steers(character) && (character != ' ' || !out.ends_with(' ')) {
            out.push(character);
        }
    }
    out.truncate(out.trim_end().len());
    Cow::Owned(out)
}

/// The text without terminal escape sequences (colours of a log, cursor movements, titles), all else as it was; line
/// ends are never taken away.
#[must_use]
pub fn without_sequences(text: &str) -> Cow<'_, str> {
    // The bytes they begin with, which nearly no text has.
    if !text.as_bytes().contains(&0x1b) && !text.as_bytes().contains(&0xc2) || !text.contains(INTRODUCERS) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(INTRODUCERS) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let length = sequence_length(tail);
        if length == 0 {
            let first = tail.chars().next().map_or(0, char::len_utf8);
            out.push_str(&tail[..first]);
            rest = &tail[first..];
        } else {
            rest = &tail[length..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Bytes of the escape sequence a text begins with; 0 when what follows is none.
fn sequence_length(text: &str) -> usize {
    let mut characters = text.chars();
    let (kind, head) = match (characters.next(), characters.next()) {
        (Some('\u{1b}'), Some(next)) => (next, 1 + next.len_utf8()),
        (Some('\u{9b}'), _) => ('[', 2),
        (Some('\u{9d}'), _) => (']', 2),
        (Some('\u{90}'), _) => ('P', 2),
        _ => return 0,
    };
    let body = &text[head..];
    match kind {
        // Parameters, then one final character.
        '[' => {
            let end = body.find(|c: char| !matches!(c, ' '..='?')).unwrap_or(body.len());
            let is_final = body[end..].starts_with(|c: char| matches!(c, '@'..='~'));
            if is_final { head + end + 1 } else { 0 }
        }
        // A text that ends with BEL or ST. One that never ends, or goes over a line's end, is no sequence.
        ']' | 'P' | '_' | '^' | 'X' => {
            let Some(end) = body.find(['\u{7}', '\u{1b}', '\u{9c}', '\n']) else { return 0 };
            let rest = &body[end..];
            ["\u{7}", "\u{1b}\\", "\u{9c}"]
                .iter()
                .find(|mark| rest.starts_with(**mark))
                .map_or(0, |m| head + end + m.len())
        }
        // Choosing a character set takes one more.
        '(' | ')' | '*' | '+' | '#' | '%' if body.starts_with(|c: char| matches!(c, '0'..='~')) => head + 1,
        '0'..='~' => head,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_is_shown_and_the_rest_untouched() {
        assert_eq!(visible_line("a\u{1b}]0;x\u{7}\nb"), "a␛]0;x␇␊b");
        assert_eq!(visible_text("a\tb\n\u{1b}[2J\u{7f}"), "a\tb\n␛[2J␡");
        assert_eq!(visible_line("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(visible_line("evil\u{202e}fdp.exe"), "evil\\u{202e}fdp.exe");
        assert_eq!(visible_text("a\r\nb"), "a␍\nb");
        for plain in ["plain é 日本 👩‍👩‍👧 نمی‌خواهم", "co\u{ad}op", ""] {
            assert!(matches!(visible_line(plain), Cow::Borrowed(same) if same == plain));
        }
    }

    #[test]
    fn json_says_the_same_and_steers_nothing() {
        for text in ["\u{9b}2J\u{7f}\u{202e}\u{feff}\u{e0041}\u{1b}\n\"\\ é", "plain"] {
            let value = serde_json::json!({ "title": text });
            for written in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let json = visible_json(&written);
                assert!(!json.contains(|c| steers(c) && c != '\n'), "{json}");
                assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
            }
        }
    }

    #[test]
    fn names_lose_sequences_and_keep_their_words() {
        assert_eq!(clean_name("invoice \u{1b}]0;PWNED\u{7}\u{1b}[2J"), "invoice");
        assert_eq!(clean_name("a\u{1b}[31mb"), "ab");
        assert_eq!(clean_name("one\ntwo\tthree\u{1b}[0m"), "one two three");
        assert_eq!(clean_name("\u{202e}cod.exe \u{9b}31mred"), "cod.exe red");
        assert_eq!(clean_name("x\u{1b}]52;c;UFdORUQ="), "x ]52;c;UFdORUQ=");
        assert_eq!(clean_name("\u{1b}c\u{7}"), "");
        assert!(matches!(clean_name("Zoë  O'Neil"), Cow::Borrowed("Zoë  O'Neil")));
    }

    #[test]
    fn colours_of_a_log_go_and_its_lines_stay() {
        let log = "\u{1b}[32mINFO\u{1b}[0m start\n\u{1b}[1;31mERROR\u{1b}[m disk \u{1b}(B full\n";
        assert_eq!(without_sequences(log), "INFO start\nERROR disk  full\n");
        assert_eq!(without_sequences("see \u{1b}]8;;https://e.org\u{1b}\\here\u{1b}]8;;\u{1b}\\"), "see here");
        assert_eq!(without_sequences("half \u{1b}[31\nnext \u{1b}]0;x\n"), "half \u{1b}[31\nnext \u{1b}]0;x\n");
    }

    proptest! {
        #[test]
        fn nothing_that_is_shown_steers(text in "(\\PC|[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{206f}\u{feff}\\[\\]0-9;m]){0,60}") {
            prop_assert!(!visible_line(&text).contains(steers));
            prop_assert!(!visible_text(&text).contains(|c| steers(c) && c != '\n' && c != '\t'));
            let name = clean_name(&text);
            prop_assert!(!name.contains(steers));
            prop_assert_eq!(clean_name(&name), name.clone());
            let lines = |text: &str| text.matches('\n').count();
            prop_assert_eq!(lines(&without_sequences(&text)), lines(&text));
        }
    }
}
