//! WordPiece of bert-base-uncased: the unit chunks are measured in and the built-in models read.
//!
//! Our own because it runs over every byte taken in; follows the reference (clean, lower-case, strip accents, split at
//! punctuation and CJK, greedy longest match). Called by `ingest::chunk` and `embed::builtin`.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// `[UNK]`: a word no pieces make.
pub const UNKNOWN: u32 = 100;
/// `[CLS]`: begins every input of a BERT model.
pub const START: u32 = 101;
/// `[SEP]`: ends every input of a BERT model.
pub const END: u32 = 102;

/// A longer word is `[UNK]` at once, as in the reference.
const LONGEST_WORD_CHARS: usize = 100;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::load);

/// FNV-1a: short keys, no attacker (the worst a hostile text can do is be slow).
#[derive(Default)]
struct ShortHasher(u64);

impl Hasher for ShortHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut hash = self.0 ^ 0xcbf2_9ce4_8422_2325;
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.0 = hash;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

type Pieces = HashMap<&'static str, u32, BuildHasherDefault<ShortHasher>>;

struct Vocabulary {
    first: Pieces,
    /// Pieces after the first, without their `##`.
    following: Pieces,
    longest: usize,
}

impl Vocabulary {
    fn load() -> Self {
        let text = include_str!("../../assets/vocab.txt");
        let mut loaded = Self { first: Pieces::default(), following: Pieces::default(), longest: 0 };
        for (id, piece) in (0..).zip(text.lines()) {
            match piece.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => loaded.following.insert(rest, id),
                _ => loaded.first.insert(piece, id),
            };
            loaded.longest = loaded.longest.max(piece.len());
        }
        loaded
    }

    /// Pieces of one normalised word; `[UNK]` alone when it cannot be made.
    fn word(&self, word: &str, out: &mut Vec<u32>) {
        let before = out.len();
        if word.len() > LONGEST_WORD_CHARS && word.chars().count() > LONGEST_WORD_CHARS {
            out.push(UNKNOWN);
            return;
        }
        let mut start = 0;
        while start < word.len() {
            let table = if start == 0 { &self.first } else { &self.following };
            let mut end = word.len().min(start + self.longest);
            let found = loop {
                if end <= start {
                    break None;
                }
                if word.is_char_boundary(end)
                    && let Some(id) = table.get(&word[start..end])
                {
                    break Some(*id);
                }
                end -= 1;
            };
            let Some(id) = found else {
                out.truncate(before);
                out.push(UNKNOWN);
                return;
            };
            out.push(id);
            start = end;
        }
    }
}

/// Ids of the text's pieces, without `[CLS]` and `[SEP]`.
#[must_use]
pub fn ids(text: &str) -> Vec<u32> {
    let mut out = Vec::with_capacity(text.len() / 4);
    each_word(text, |_, word| VOCABULARY.word(word, &mut out));
    out
}

/// As [`ids`], in the smallest number that holds any of them: what travels with a text whose pieces are needed again.
#[must_use]
pub fn pieces(text: &str) -> Vec<u16> {
    let mut scratch = Vec::with_capacity(16);
    let mut out = Vec::with_capacity(text.len() / 4);
    each_word(text, |_, word| {
        scratch.clear();
        VOCABULARY.word(word, &mut scratch);
        // The vocabulary has 30,522 pieces.
        out.extend(scratch.iter().map(|id| u16::try_from(*id).unwrap_or(UNKNOWN as u16)));
    });
    out
}

/// How many pieces the text has.
#[must_use]
pub fn count(text: &str) -> usize {
    let mut scratch = Vec::with_capacity(16);
    let mut total = 0;
    each_word(text, |_, word| {
        scratch.clear();
        VOCABULARY.word(word, &mut scratch);
        total += scratch.len();
    });
    total
}

/// The words pieces are made of, in order: byte range in `text` and number of pieces. A cut between two of them never
/// changes the count of either side.
#[must_use]
pub fn words(text: &str) -> Vec<(Range<usize>, u32)> {
    let mut scratch = Vec::with_capacity(16);
    let mut out = Vec::with_capacity(text.len() / 5);
    each_word(text, |range, word| {
        scratch.clear();
        VOCABULARY.word(word, &mut scratch);
        out.push((range, scratch.len() as u32));
    });
    out
}

/// Calls `with` for every word: its range in the text and its normalised form.
fn each_word(text: &str, mut with: impl FnMut(Range<usize>, &str)) {
    let bytes = text.as_bytes();
    let mut word = String::with_capacity(32);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_alphanumeric() {
            let start = at;
            word.clear();
            while at < bytes.len() && bytes[at].is_ascii_alphanumeric() {
                word.push(char::from(bytes[at].to_ascii_lowercase()));
                at += 1;
            }
            // Most words end here; one with a letter beyond ASCII goes the long way.
            if at == bytes.len() || bytes[at].is_ascii() && !matches!(bytes[at], 0 | 1..=8 | 14..=31 | 127) {
                with(start..at, &word);
                continue;
            }
            at = unicode_word(text, start, &mut word, &mut with);
        } else if byte.is_ascii() {
            if byte.is_ascii_punctuation() {
                with(at..at + 1, &text[at..=at]);
            }
            at += 1;
        } else {
            at = unicode_word(text, at, &mut word, &mut with);
        }
    }
}

/// One word from `start` on by the full rules; returns where it ended (always further than `start`).
fn unicode_word(text: &str, start: usize, word: &mut String, with: &mut impl FnMut(Range<usize>, &str)) -> usize {
    word.clear();
    for (offset, character) in text[start..].char_indices() {
        let at = start + offset;
        let alone = is_cjk(character) || is_punctuation(character);
        if character.is_whitespace() || alone {
            if !word.is_empty() {
                with(start..at, word);
                return at;
            }
            let end = at + character.len_utf8();
            if alone {
                word.extend(character.to_lowercase().nfd().filter(|c| !is_combining_mark(*c)));
                with(at..end, word);
            }
            return end;
        }
        if !is_dropped(character) {
            word.extend(character.to_lowercase().nfd().filter(|c| !is_combining_mark(*c)));
        }
    }
    if !word.is_empty() {
        with(start..text.len(), word);
    }
    text.len()
}

/// Control characters, the replacement character and format characters the reference's clean-up removes.
fn is_dropped(character: char) -> bool {
    character == '\u{fffd}'
        || character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn is_punctuation(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation();
    }
    matches!(character,
        '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}' | '\u{37e}' | '\u{387}'
        | '\u{55a}'..='\u{55f}' | '\u{589}' | '\u{58a}' | '\u{5be}' | '\u{5c0}' | '\u{5c3}' | '\u{5c6}' | '\u{5f3}' | '\u{5f4}'
        | '\u{60c}' | '\u{60d}' | '\u{61b}' | '\u{61e}' | '\u{61f}' | '\u{66a}'..='\u{66d}' | '\u{6d4}'
        | '\u{964}' | '\u{965}' | '\u{e4f}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{2043}' | '\u{2045}'..='\u{2051}'
        | '\u{2053}'..='\u{205e}' | '\u{207d}' | '\u{207e}' | '\u{2308}'..='\u{230b}' | '\u{2329}' | '\u{232a}'
        | '\u{2768}'..='\u{2775}' | '\u{27e6}'..='\u{27ef}' | '\u{2983}'..='\u{2998}' | '\u{2e00}'..='\u{2e2e}'
        | '\u{2e30}'..='\u{2e4f}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{3030}'
        | '\u{303d}' | '\u{30a0}' | '\u{30fb}' | '\u{fe10}'..='\u{fe19}' | '\u{fe30}'..='\u{fe52}' | '\u{fe54}'..='\u{fe61}'
        | '\u{fe63}' | '\u{fe68}' | '\u{fe6a}' | '\u{fe6b}' | '\u{ff01}'..='\u{ff03}' | '\u{ff05}'..='\u{ff0a}'
        | '\u{ff0c}'..='\u{ff0f}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff1f}' | '\u{ff20}' | '\u{ff3b}'..='\u{ff3d}' | '\u{ff3f}'
        | '\u{ff5b}' | '\u{ff5d}' | '\u{ff5f}'..='\u{ff65}')
}

/// The CJK blocks of the reference; each character is a word of its own.
fn is_cjk(character: char) -> bool {
    matches!(character,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2b73f}'
        | '\u{2b740}'..='\u{2b81f}' | '\u{2b820}'..='\u{2ceaf}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let vocabulary: Vec<&str> = include_str!("../../assets/vocab.txt").lines().collect();
        ids(text).iter().map(|id| vocabulary[*id as usize].to_owned()).collect()
    }

    #[test]
    fn words_become_greedy_longest_pieces() {
        assert_eq!(shown("Unaffable embeddings!"), ["una", "##ffa", "##ble", "em", "##bed", "##ding", "##s", "!"]);
        assert_eq!(shown("don't"), ["don", "'", "t"]);
    }

    #[test]
    fn accents_case_and_control_characters_do_not_matter() {
        assert_eq!(shown("Café"), ["cafe"]);
        assert_eq!(shown("CAFE\u{301}"), ["cafe"]);
        assert_eq!(shown("ca\u{200b}fe"), ["cafe"]);
    }

    #[test]
    fn cjk_characters_stand_alone_and_the_unknown_is_unknown() {
        assert_eq!(shown("日本"), ["日", "本"]);
        assert_eq!(ids("\u{1f600}"), [UNKNOWN]);
        assert_eq!(ids(&"x".repeat(101)), [UNKNOWN]);
    }

    #[test]
    fn counts_agree_and_word_ranges_cover_the_text() {
        let text = "Ünïcode and ASCII, “quoted” — 漢字 done. a\u{0}b ﬁ";
        assert_eq!(count(text), ids(text).len());
        assert_eq!(pieces(text).into_iter().map(u32::from).collect::<Vec<_>>(), ids(text));
        let words = words(text);
        assert_eq!(words.iter().map(|(_, pieces)| *pieces as usize).sum::<usize>(), count(text));
        for (range, _) in &words {
            assert!(text.get(range.clone()).is_some());
        }
        assert!(words.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start));
    }
}
