//! Whether two English words of one stem are forms of one word: `budget` and `budgets` are, `Bayes` and `bays` are not,
//! though a stemmer cuts both to `bay`. Pure; called by `search::service`, which lets what is merely stemmed alike count less.

use super::stems::is_stemmed;

/// Whether a folded word is one of those that may share their stem with others.
#[must_use]
pub fn may_be_inflected(folded: &str) -> bool {
    is_stemmed(folded)
}

/// Whether two folded words are the same but for the ending of a plural or a verb. Says yes when in doubt.
#[must_use]
pub fn is_same_word(one: &str, other: &str) -> bool {
    if one == other || !is_stemmed(one) || !is_stemmed(other) {
        return true;
    }
    let (one, other) = (bases(one), bases(other));
    one.iter().any(|base| other.contains(base))
}

/// What a word may be a form of, itself included.
fn bases(word: &str) -> Vec<String> {
    let mut found = vec![word.to_owned()];
    let mut looked_at = 0;
    // `buildings` is of `building`, and that of `build`.
    while let Some(word) = found.get(looked_at).cloned() {
        looked_at += 1;
        let mut add = |base: String| {
            if base.len() > 1 && !found.contains(&base) {
                found.push(base);
            }
        };
        let cut = |count: usize| word[..word.len() - count].to_owned();
        if let Some(start) = word.strip_suffix("ies") {
            add(format!("{start}y"));
            add(cut(1));
        } else if let Some(start) = word.strip_suffix("es") {
            if start.ends_with(['s', 'x', 'z', 'o']) || start.ends_with("ch") || start.ends_with("sh") {
                add(start.to_owned());
            }
            if start.ends_with('s') {
                add(format!("{start}is"));
            }
            add(cut(1));
        } else if word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is") {
            add(cut(1));
        }
        if let Some(start) = word.strip_suffix("ied") {
            add(format!("{start}y"));
        }
        for (ending, shortest) in [("ed", 5), ("ing", 6)] {
            if let Some(start) = word.strip_suffix(ending).filter(|_| word.len() >= shortest) {
                add(start.to_owned());
                add(format!("{start}e"));
                let mut last = start.chars().rev();
                if last.next() == last.next() {
                    add(start[..start.len() - 1].to_owned());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_word_are_told_from_words_of_one_stem() {
        for (one, other) in [
            ("budget", "budgets"),
            ("running", "runs"),
            ("planned", "planning"),
            ("making", "makes"),
            ("buildings", "build"),
            ("companies", "company"),
            ("boxes", "box"),
            ("shoes", "shoe"),
            ("analyses", "analysis"),
            ("tried", "tries"),
            ("houses", "housing"),
            ("noted", "notes"),
            ("accuracy", "accuracies"),
        ] {
            assert!(is_same_word(one, other) && is_same_word(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("bayes", "bays"),
            ("bayes", "bay"),
            ("university", "universe"),
            ("universities", "universal"),
            ("general", "generation"),
            ("organization", "organs"),
            ("policy", "police"),
        ] {
            assert!(!is_same_word(one, other) && !is_same_word(other, one), "{one} {other}");
        }
    }
}
