//! What letters are equal to a reader: case, accents, ligatures, widths, points and letter forms. Pure; called by `runs`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Digits of other scripts: the zero of each, its nine others follow.
const ZEROS: [u32; 17] = [
    0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0,
    0x1810,
];

/// Adds the folded form of a letter and the marks on it; nothing when only marks are left.
pub(super) fn fold_word(cluster: &str, out: &mut String) {
    let mut characters = cluster.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) => fold_character(only, out),
        // A nasal that carries no vowel may as well be a dot above the letter before: हिन्दी, हिंदी.
        (Some('\u{919}' | '\u{91e}' | '\u{923}' | '\u{928}' | '\u{92e}'), Some('\u{94d}')) => out.push('\u{902}'),
        _ => cluster.nfkc().for_each(|character| fold_character(character, out)),
    }
}

/// Adds the folded form of a character of a script that is cut into pairs: its width only, its marks stay.
pub(super) fn fold_pair(cluster: &str, out: &mut String) {
    out.extend(cluster.nfkc().filter(|character| !is_joiner(*character)));
}

/// What stands inside a word without being seen.
pub(super) fn is_joiner(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

fn fold_character(character: char, out: &mut String) {
    if character.is_ascii_alphanumeric() {
        out.push(character.to_ascii_lowercase());
        return;
    }
    // A letter of its own, though Unicode takes it apart.
    if matches!(character, 'й' | 'Й') {
        out.push('й');
        return;
    }
    for plain in character.to_lowercase().nfkd().flat_map(char::to_lowercase) {
        match plain {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'þ' => out.push_str("th"),
            'ĳ' => out.push_str("ij"),
            _ => {
                let letter = letter(plain);
                if (letter.is_alphanumeric() && !is_point(letter)) || letter == '_' {
                    out.push(letter);
                }
            }
        }
    }
}

/// One letter for the forms of it.
fn letter(character: char) -> char {
    match character {
        'ł' => 'l',
        'ø' => 'o',
        'đ' | 'ð' => 'd',
        'ı' => 'i',
        'ħ' => 'h',
        'ŧ' => 't',
        'ŋ' => 'n',
        'ς' => 'σ',
        // Arabic, Persian, Urdu.
        '\u{671}' => '\u{627}',
        '\u{649}' | '\u{6cc}' | '\u{6d2}' => '\u{64a}',
        '\u{629}' | '\u{6be}' | '\u{6c1}' | '\u{6c3}' | '\u{6d5}' => '\u{647}',
        '\u{6a9}' | '\u{6aa}' => '\u{643}',
        // Hebrew letters at the end of a word.
        '\u{5da}' => '\u{5db}',
        '\u{5dd}' => '\u{5de}',
        '\u{5df}' => '\u{5e0}',
        '\u{5e3}' => '\u{5e4}',
        '\u{5e5}' => '\u{5e6}',
        '\u{901}' => '\u{902}',
        other => digit(other).unwrap_or(other),
    }
}

fn digit(character: char) -> Option<char> {
    let number = u32::from(character);
    let zero = ZEROS.into_iter().find(|zero| (*zero..zero + 10).contains(&number))?;
    char::from_digit(number - zero, 10)
}

/// Accents, Arabic and Hebrew points and the stroke that lengthens a word: signs that count as letters and are none.
fn is_point(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}'
        | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{8d3}'..='\u{8ff}')
        && (is_combining_mark(character) || character == '\u{640}')
}

/// Letters with a sign as they are written without it: `Müller` is `Mueller`, `Đoković` is `Djokovic`. `None` when there
/// is nothing to write differently.
pub(super) fn transcribed(word: &str) -> Option<String> {
    if !word.contains(['ä', 'ö', 'ü', 'ø', 'å', 'đ']) {
        return None;
    }
    let mut out = String::with_capacity(word.len() + 2);
    for character in word.chars() {
        match character {
            'ä' => out.push_str("ae"),
            'ö' | 'ø' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'å' => out.push_str("aa"),
            'đ' => out.push_str("dj"),
            other => out.push(other),
        }
    }
    Some(out)
}

/// The reverse, for German: `mueller` may be `müller`. After a vowel or a q it is what it looks like.
pub(super) fn with_umlauts(word: &str) -> Option<String> {
    let mut out = String::with_capacity(word.len());
    let mut rest = word.chars().peekable();
    let (mut before, mut is_other) = (' ', false);
    while let Some(character) = rest.next() {
        let umlaut = match character {
            'a' => Some('ä'),
            'o' => Some('ö'),
            'u' => Some('ü'),
            _ => None,
        };
        let is_free = !matches!(before, 'a' | 'e' | 'i' | 'o' | 'u' | 'q');
        before = character;
        match umlaut {
            Some(umlaut) if is_free && rest.next_if_eq(&'e').is_some() => {
                out.push(umlaut);
                (before, is_other) = ('e', true);
            }
            _ => out.push(character),
        }
    }
    is_other.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::super::fold;
    use super::*;

    #[test]
    fn letters_of_one_reading_are_one() {
        for (written, plain) in [
            ("Straße GROẞ", "strassegross"),
            ("Łódź Wrocław zażółć", "lodzwroclawzazolc"),
            ("Søndre Ærø Smørrebrød", "sondreaerosmorrebrod"),
            ("Đường Đoković", "duongdokovic"),
            ("cœur SŒUR", "coeursoeur"),
            ("Işık IŞIK İSTANBUL", "isikisikistanbul"),
            ("Þórður", "thordur"),
            ("Ｇｉｎｔａｍａ ２０２４", "gintama2024"),
            ("ﬁn", "fin"),
            ("co\u{ad}operate", "cooperate"),
        ] {
            assert_eq!(fold(written), plain, "{written}");
        }
        for (one, other) in [
            ("Ёлка", "елка"),
            ("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς"),
            ("كِتابٌ", "كتاب"),
            ("مَرَّاكُش", "مراكش"),
            ("آسفي", "اسفى"),
            ("مـــمـــتـــاز", "ممتاز"),
            ("کتاب", "كتاب"),
            ("مدرسة", "مدرسه"),
            ("שָׁלוֹם", "שלום"),
            ("हिंदी", "हिन्दी"),
            ("١٤٤٥", "۱۴۴۵"),
            ("и\u{306}огурт", "Йогурт"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("й"), fold("и"));
        assert_eq!(fold("٢٠٢٤"), "2024");
    }

    #[test]
    fn umlauts_are_written_both_ways() {
        assert_eq!(transcribed("müller").as_deref(), Some("mueller"));
        assert_eq!(transcribed("muller"), None);
        for (plain, umlauts) in [
            ("mueller", Some("müller")),
            ("haeuser", Some("häuser")),
            ("steuer", None),
            ("quelle", None),
            ("neue", None),
        ] {
            assert_eq!(with_umlauts(plain).as_deref(), umlauts, "{plain}");
        }
    }
}
