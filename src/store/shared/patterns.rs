//! How "contains, whatever the case" is asked of a database that knows the case of ASCII letters only: letters beyond it are
//! asked for in all their forms. Both engines find the same. Called by both engines' `search::filter`. Pure.

use unicode_normalization::UnicodeNormalization;

/// Whether the database's own comparison does it.
pub(crate) fn is_plain(text: &str) -> bool {
    text.is_ascii()
}

/// A LIKE pattern for what contains, or ends with, a plain text; `\` escapes.
pub(crate) fn like(text: &str, ends: bool) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    if ends { format!("%{escaped}") } else { format!("%{escaped}%") }
}

/// GLOB patterns (SQLite) for what contains, or ends with, a text: it stands there with composed letters or with
/// decomposed ones (names of files of a Mac).
pub(crate) fn globs(text: &str, ends: bool) -> Vec<String> {
    let tail = if ends { "" } else { "*" };
    let literal = |letter: char, out: &mut String| {
        if matches!(letter, '*' | '?' | '[') {
            out.extend(['[', letter, ']']);
        } else {
            out.push(letter);
        }
    };
    spelled(text, literal).into_iter().map(|pattern| format!("*{pattern}{tail}")).collect()
}

/// Regular expressions (PostgreSQL) for the same.
pub(crate) fn expressions(text: &str, ends: bool) -> Vec<String> {
    let tail = if ends { "$" } else { "" };
    let literal = |letter: char, out: &mut String| {
        if letter.is_ascii() && !letter.is_ascii_alphanumeric() {
            out.push('\\');
        }
        out.push(letter);
    };
    spelled(text, literal).into_iter().map(|pattern| format!("{pattern}{tail}")).collect()
}

fn spelled(text: &str, literal: impl Fn(char, &mut String)) -> Vec<String> {
    let pattern = |text: String| {
        let mut out = String::with_capacity(text.len() * 4);
        for letter in text.chars() {
            let forms = forms(letter);
            if forms.len() > 1 {
                out.push('[');
                out.extend(forms);
                out.push(']');
            } else {
                literal(letter, &mut out);
            }
        }
        out
    };
    let (composed, decomposed): (String, String) = (text.nfc().collect(), text.nfd().collect());
    let mut patterns = vec![pattern(composed.clone())];
    if decomposed != composed {
        patterns.push(pattern(decomposed));
    }
    patterns
}

/// A letter in upper and lower case; those of which one has two forms in one case, with both.
fn forms(letter: char) -> Vec<char> {
    let single = |mut letters: Box<dyn Iterator<Item = char>>| {
        let first = letters.next();
        if letters.next().is_none() { first } else { None }
    };
    let mut forms = vec![letter];
    let mut at = 0;
    while let Some(known) = forms.get(at).copied() {
        let cases = [single(Box::new(known.to_lowercase())), single(Box::new(known.to_uppercase()))];
        let extra = match known {
            'Σ' => Some('ς'),
            'ß' => Some('ẞ'),
            _ => None,
        };
        for form in cases.into_iter().flatten().chain(extra) {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        at += 1;
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_asked_for_in_every_form() {
        assert_eq!(globs("Über", false), ["*[Üü][bB][eE][rR]*", "*[Uu]\u{308}[bB][eE][rR]*"]);
        assert_eq!(expressions("é.x", true)[0], "[éÉ]\\.[xX]$");
        assert_eq!(globs("[ö]*", true)[0], "*[[][öÖ]][*]");
        let sigmas = forms('ς');
        assert!(['σ', 'Σ', 'ς'].iter().all(|sigma| sigmas.contains(sigma)));
        assert_eq!(forms('ß').len(), 2);
        assert_eq!(globs("東京", false), ["*東京*"]);
        assert_eq!(like("50%_\\", false), "%50\\%\\_\\\\%");
    }
}
