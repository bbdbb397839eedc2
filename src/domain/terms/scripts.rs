//! Which characters make a word, which are cut into pairs, which stand for themselves. Pure; called by `runs`.

use unicode_normalization::char::is_combining_mark;

use super::folding::is_joiner;

/// How a run of characters becomes terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word of ASCII letters, digits and `_`.
    Ascii,
    /// A word with other letters.
    Word,
    /// A run of a script without blanks between its words: every two characters side by side.
    Pairs,
    /// A picture.
    Emoji,
}

/// What a character begins or goes on with; `None` for what stands between words.
pub(super) fn kind_of(character: char) -> Option<Kind> {
    if character.is_alphanumeric() || character == '_' {
        let is_digit = character.is_numeric() && !is_han(character);
        return Some(if is_unspaced(character) && !is_digit { Kind::Pairs } else { Kind::Word });
    }
    is_emoji(character).then_some(Kind::Emoji)
}

/// Whether a character belongs to the one before it.
pub(super) fn goes_on(before: char, character: char) -> bool {
    is_combining_mark(character)
        || is_joiner(character)
        // Voiced marks of half the width, and the parts of a Hangul syllable.
        || matches!(character, '\u{ff9e}' | '\u{ff9f}')
        || (is_jamo(before) && matches!(character, '\u{1160}'..='\u{11ff}'))
        || (is_flag(before) && is_flag(character))
}

/// Letters of flags.
pub(super) fn is_flag(character: char) -> bool {
    matches!(character, '\u{1f1e6}'..='\u{1f1ff}')
}

fn is_jamo(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{11ff}')
}

fn is_han(character: char) -> bool {
    matches!(character,
        '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}')
}

/// Scripts without blanks between words, or with long ones.
fn is_unspaced(character: char) -> bool {
    is_han(character)
        || is_jamo(character)
        || matches!(character,
            // Thai, Lao, Tibetan, Burmese, Khmer.
            '\u{e00}'..='\u{eff}' | '\u{f00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
            // Kana, Bopomofo, Hangul, kana of half the width.
            | '\u{3040}'..='\u{318f}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}' | '\u{ac00}'..='\u{d7af}'
            | '\u{ff66}'..='\u{ff9f}' | '\u{ffa0}'..='\u{ffdc}')
}

fn is_emoji(character: char) -> bool {
    matches!(character,
        '\u{231a}' | '\u{231b}' | '\u{23e9}'..='\u{23fa}' | '\u{2600}'..='\u{266e}' | '\u{2670}'..='\u{27bf}'
        | '\u{2b50}' | '\u{2b55}' | '\u{1f004}' | '\u{1f0cf}' | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}'
        | '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f300}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f7e0}'..='\u{1f7eb}' | '\u{1f900}'..='\u{1f9ff}' | '\u{1fa70}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::super::{terms, terms_of};

    fn holds(text: &str, query: &str) -> bool {
        let text = terms(text);
        let held: Vec<&str> = text.split(' ').collect();
        terms_of(query).iter().all(|term| held.contains(&term.as_str()))
    }

    #[test]
    fn any_stretch_of_a_run_is_found() {
        for (text, query) in [
            ("ฉันชอบกินข้าวเช้าทุกวัน", "กินข้าว"),
            ("អាចផ្តល់ការពិពណ៌នាបាន", "ពណ៌នា"),
            ("មនុស្សដែលបាន", "មនុស្ស"),
            ("ຂ້ອຍມັກກິນເຂົ້າ", "ກິນເຂົ້າ"),
            ("မြန်မာစာသင်တယ်", "မြန်မာ"),
            ("학점인정 신청서를", "신청"),
            ("한국어를 배운다", "한국어"),
            ("ｻｰﾊﾞｰの電源", "サーバー"),
            ("サーバーの設定", "ｻｰﾊﾞｰ"),
            ("野比大雄去了图书馆", "图书馆"),
            ("人々の", "人々"),
        ] {
            assert!(holds(text, query), "{query} in {text}: {}", terms(text));
        }
        let apart: String = unicode_normalization::UnicodeNormalization::nfd("한국어").collect();
        assert!(holds("한국어를", &apart));
    }

    #[test]
    fn the_last_character_of_a_run_is_a_term() {
        assert_eq!(terms("東京都"), "東京 京都 都");
        assert_eq!(terms("日"), "日");
    }

    #[test]
    fn pictures_are_terms() {
        assert_eq!(terms("a crab \u{1f980}\u{1f980} here"), "a crab \u{1f980} \u{1f980} here");
        assert_eq!(terms("\u{1f44d}\u{1f3fd}"), "\u{1f44d}");
        assert_eq!(terms("\u{2764}\u{fe0f}"), terms("\u{2764}"));
        assert_eq!(terms("\u{1f1e9}\u{1f1ea}\u{1f1eb}\u{1f1f7}"), "\u{1f1e9}\u{1f1ea} \u{1f1eb}\u{1f1f7}");
    }
}
