//! Characters as text wants them: ligatures and presentation forms taken apart, private codes of symbol fonts turned
//! back, what no text means dropped. Called by `font` and `layout`. Pure.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// How a font's private characters are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// A text font: U+F0xx is the character xx.
    Text,
    /// Pictures: private characters mean nothing.
    Pictures,
}

impl Repair {
    /// By the font's name in lower case.
    pub(super) fn of_font(name: &str) -> Self {
        let pictures = ["wingding", "webding", "dingbat", "symbol", "awesome", "icon", "marlett", "zapf"];
        if pictures.iter().any(|part| name.contains(part)) { Self::Pictures } else { Self::Text }
    }
}

/// The text of one glyph: compatibility forms of letters taken apart, controls and noncharacters out.
pub(super) fn usable(text: &str, repair: Repair) -> String {
    if let [byte @ 0x20..=0x7e] = text.as_bytes() {
        return char::from(*byte).to_string();
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' | '\n' | '\r' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
                out.push(' ');
            }
            '\u{fb00}'..='\u{fb4f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' => {
                push_form(character, &mut out);
            }
            '\u{2f00}'..='\u{2fd5}' | '\u{f900}'..='\u{faff}' => out.extend(std::iter::once(character).nfkc()),
            // Vertical forms of punctuation.
            '\u{fe10}'..='\u{fe19}' | '\u{fe30}'..='\u{fe44}' => out.extend(std::iter::once(character).nfkc()),
            '\u{f020}'..='\u{f07e}' if repair == Repair::Text => {
                out.extend(char::from_u32(u32::from(character) - 0xf000));
            }
            // Old-style figures and small capitals of Adobe's expert sets.
            '\u{f730}'..='\u{f739}' => out.extend(char::from_u32(u32::from(character) - 0xf700)),
            '\u{f761}'..='\u{f77a}' => out.extend(char::from_u32(u32::from(character) - 0xf700 - 0x20)),
            '\u{f6be}' => out.push('j'),
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => {}
            '\u{fffd}' | '\u{fffe}' | '\u{ffff}' | '\u{feff}' | '\u{200b}' => {}
            // Direction marks: the order is made here.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            // A lengthened stroke between Arabic letters is no letter.
            '\u{640}' => {}
            _ if character.is_control() => {}
            _ => out.push(character),
        }
    }
    out
}

/// Whether a font's map of this text tells no character at all.
pub(super) fn says_nothing(text: &str) -> bool {
    text.chars().all(|character| {
        character.is_control() || character == '\u{fffd}' || ('\u{e000}'..='\u{f8ff}').contains(&character)
    })
}

/// A presentation form as its letters; the isolated marks stand on a blank, which goes.
fn push_form(character: char, out: &mut String) {
    let folded: String = std::iter::once(character).nfkc().collect();
    if folded.starts_with(' ') && folded.chars().count() > 1 {
        out.push_str(folded.trim_start());
    } else {
        out.push_str(&folded);
    }
}

/// Whether all of it are marks that stand on the letter before.
pub(super) fn is_mark(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| canonical_combining_class(character) != 0)
}

/// The combining mark of an accent drawn by itself, as TeX does.
pub(super) fn accent(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let mark = match characters.next()? {
        '`' | '\u{2cb}' => '\u{300}',
        '\u{b4}' | '\u{2ca}' => '\u{301}',
        '^' | '\u{2c6}' => '\u{302}',
        '~' | '\u{2dc}' => '\u{303}',
        '\u{af}' | '\u{2c9}' => '\u{304}',
        '\u{2d8}' => '\u{306}',
        '\u{2d9}' => '\u{307}',
        '\u{a8}' => '\u{308}',
        '\u{2da}' | '\u{b0}' => '\u{30a}',
        '\u{2dd}' => '\u{30b}',
        '\u{2c7}' => '\u{30c}',
        '\u{b8}' => '\u{327}',
        '\u{2db}' => '\u{328}',
        _ => return None,
    };
    characters.next().is_none().then_some(mark)
}

/// A letter with an accent on it, as one character where there is one.
pub(super) fn accented(letter: &str, mark: char) -> Option<String> {
    let letter = match letter {
        "\u{131}" => "i",
        "\u{237}" => "j",
        _ => letter,
    };
    let mut characters = letter.chars();
    let base = characters.next().filter(|base| base.is_alphabetic())?;
    if characters.next().is_some() {
        return None;
    }
    Some([base, mark].into_iter().nfc().collect())
}

/// Composed as people type it.
pub(super) fn composed(text: String) -> String {
    if text.is_ascii() { text } else { text.nfc().collect() }
}
