//! What is written together on purpose: the parts of identifiers, and names with signs such as `C++` and `.NET`. Pure;
//! called by `terms` and `asked`.

use std::ops::Range;

/// Longest identifier that is taken apart, in bytes, and most parts of one: what is longer is a code.
const LONGEST: usize = 96;
const MOST_PARTS: usize = 16;
/// Names that look like two words and are one.
const NAMES: [&str; 8] =
    ["JavaScript", "TypeScript", "CoffeeScript", "ActionScript", "WordPress", "PowerPoint", "FaceTime", "SharePoint"];

/// The words an identifier of ASCII letters is made of, by their places in it; none when it is one word.
/// `atomic_write_json`, `unlockWithBiometrics`, `HTMLNotes`; not `GitHub`, `iPhone`, `McDonald`.
pub(super) fn parts(written: &str) -> Vec<Range<usize>> {
    let bytes = written.as_bytes();
    // Most words are nothing else.
    if bytes.first() != Some(&b'_') && !bytes.iter().skip(1).any(|byte| *byte == b'_' || byte.is_ascii_uppercase()) {
        return Vec::new();
    }
    let has_blank = bytes.contains(&b'_');
    let is_mixed = || bytes.windows(2).any(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase());
    if bytes.len() > LONGEST || bytes.len() < 4 || !(has_blank || is_mixed()) || NAMES.contains(&written) {
        return Vec::new();
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for at in 0..=bytes.len() {
        let ends = at == bytes.len() || bytes[at] == b'_' || at > start && begins_word(bytes, at);
        if ends {
            if at > start {
                found.push(start..at);
            }
            start = if bytes.get(at) == Some(&b'_') { at + 1 } else { at };
        }
    }
    if found.len() > MOST_PARTS {
        return Vec::new();
    }
    let is_word = |part: &Range<usize>| part.len() > 1 || bytes[part.start].is_ascii_digit();
    if !has_blank {
        // One word with a capital inside is a name, unless both halves are long enough to be words.
        let shortest = found.iter().map(ExactSizeIterator::len).min().unwrap_or(0);
        let begins_small = bytes[0].is_ascii_lowercase();
        let is_identifier = match found.len() {
            0 | 1 => false,
            2 => shortest >= if begins_small { 2 } else { 4 },
            _ => shortest >= 2,
        };
        // Letters of both sizes in disorder are a code.
        let is_spelt = bytes.iter().all(u8::is_ascii_alphabetic) && bytes.len() >= found.len() * 4;
        if !is_identifier || !is_spelt {
            return Vec::new();
        }
    }
    found.retain(is_word);
    // `_private` is what it says without its sign.
    if found.len() == 1 && !has_blank { Vec::new() } else { found }
}

fn begins_word(bytes: &[u8], at: usize) -> bool {
    let (before, now) = (bytes[at - 1], bytes[at]);
    let ends_capitals = before.is_ascii_uppercase() && bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
    now.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit() || ends_capitals)
}

/// A word with the signs that belong to its name, as a term of its own: `C++`, `C#`, `.NET`. Where it stands, and the term.
pub(super) fn with_signs(text: &str, word: &Range<usize>, folded: &str) -> Option<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    let is_near = matches!(bytes.get(word.end), Some(b'+' | b'#')) || word.start > 0 && bytes[word.start - 1] == b'.';
    if !is_near {
        return None;
    }
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 128);
    if !folded.bytes().all(|byte| byte.is_ascii_lowercase()) || folded.len() > 16 {
        return None;
    }
    let (end, before) = (word.end, word.start.checked_sub(1));
    if bytes.get(end..end + 2) == Some(b"++") && !is_word(bytes.get(end + 2)) && bytes.get(end + 2) != Some(&b'+') {
        return Some((word.start..end + 2, format!("{folded}⁺⁺")));
    }
    if bytes.get(end) == Some(&b'#') && !is_word(bytes.get(end + 1)) && bytes.get(end + 1) != Some(&b'#') {
        return Some((word.start..end + 1, format!("{folded}♯")));
    }
    let dot = before.filter(|at| bytes[*at] == b'.')?;
    let stands_alone =
        dot == 0 || matches!(bytes[dot - 1], b' ' | b'\n' | b'\t' | b'(' | b'[' | b'"' | b'\'' | b'`' | b'/');
    stands_alone.then(|| (dot..word.end, format!("․{folded}")))
}

#[cfg(test)]
mod tests {
    use super::super::{terms, tokens};
    use super::*;

    fn words(written: &str) -> Vec<&str> {
        parts(written).into_iter().map(|part| &written[part]).collect()
    }

    #[test]
    fn identifiers_fall_into_their_words() {
        assert_eq!(words("atomic_write_json"), ["atomic", "write", "json"]);
        assert_eq!(words("unlockWithBiometrics"), ["unlock", "With", "Biometrics"]);
        assert_eq!(words("HTMLNotesFinal"), ["HTML", "Notes", "Final"]);
        assert_eq!(words("SearchService"), ["Search", "Service"]);
        assert_eq!(words("_private"), ["private"]);
        assert_eq!(words("Zahnarzt_2023"), ["Zahnarzt", "2023"]);
        for name in ["GitHub", "iPhone", "McDonald", "JavaScript", "word", "ABC", "eBay", "aB1b2C3d", "x", "a_b"] {
            assert!(words(name).is_empty(), "{name} {:?}", words(name));
        }
    }

    #[test]
    fn parts_stand_beside_the_whole_and_phrases_still_work() {
        assert_eq!(terms("call atomic_write_json now"), "call atomic_write_json now atom write json");
        assert_eq!(terms("unlockWithBiometrics"), "unlockwithbiometr unlock with biometr");
        let text = "see unlockWithBiometrics";
        let found: Vec<&str> = tokens(text).into_iter().map(|token| &text[token.range]).collect();
        assert_eq!(found, ["see", "unlockWithBiometrics", "unlock", "With", "Biometrics"]);
    }

    #[test]
    fn signs_belong_to_names() {
        assert_eq!(terms("C++ and C# on .NET"), "c and c on net c⁺⁺ c♯ ․net");
        assert_eq!(terms("issue#12 end. Next c++x a.b"), "issu 12 end next c x a b");
    }
}
