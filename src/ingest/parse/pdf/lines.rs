//! From a page's lines to paragraphs: words broken at line ends put together, in both readings where it may be either.
//! Pure.

use std::collections::HashSet;

use crate::ingest::parse::text::cleaned;

/// Readings of broken words told at a page's end, at most.
const MOST_READINGS: usize = 200;

/// Readable text per page.
pub(super) fn readable(pages: &[String]) -> Vec<String> {
    let cleaned: Vec<String> = pages.iter().map(|page| cleaned(page)).collect();
    let known = Words::of(&cleaned);
    cleaned.iter().map(|page| paragraphs(page, &known)).collect()
}

/// The words of a document that no line end breaks.
struct Words(HashSet<String>);

impl Words {
    fn of(pages: &[String]) -> Self {
        let mut words = HashSet::new();
        for line in pages.iter().flat_map(|page| page.lines()) {
            let mut parts = line.split_whitespace().map(bare).peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_none() && part.ends_with(HYPHENS) {
                    break;
                }
                if part.chars().count() > 1 {
                    words.insert(part.to_lowercase());
                }
            }
        }
        Self(words)
    }

    fn has(&self, word: &str) -> bool {
        self.0.contains(&word.to_lowercase())
    }
}

const HYPHENS: [char; 4] = ['-', '\u{ad}', '\u{2010}', '\u{2011}'];

/// A word without the marks around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|character: char| !character.is_alphanumeric() && !HYPHENS.contains(&character))
}

fn paragraphs(page: &str, known: &Words) -> String {
    let mut out = String::with_capacity(page.len());
    let mut readings: Vec<String> = Vec::new();
    for line in page.lines() {
        let line = line.trim();
        if line.is_empty() {
            if !out.is_empty() && !out.ends_with("\n\n") {
                out.push_str(if out.ends_with('\n') { "\n" } else { "\n\n" });
            }
            continue;
        }
        if out.ends_with('\n') || out.is_empty() {
            out.push_str(line);
            continue;
        }
        if let Some((stem, hyphen, reading)) = broken(&out, line, known) {
            out.truncate(stem);
            if hyphen {
                out.push('-');
            }
            if readings.len() < MOST_READINGS {
                readings.extend(reading);
            }
        } else {
            out.push('\n');
        }
        out.push_str(line);
    }
    // A hyphen that shows is one, whatever the font calls it.
    let mut out = out.trim().replace('\u{ad}', "-");
    readings.retain(|reading| !out.contains(reading.as_str()));
    readings.dedup();
    if !readings.is_empty() {
        out.push_str("\n\n");
        out.push_str(&readings.join(", "));
    }
    out
}

/// A word broken at a line end: the length of the text before its hyphen, whether the hyphen stays, and the other
/// reading when the document does not tell which is right.
fn broken(text: &str, next: &str, known: &Words) -> Option<(usize, bool, Option<String>)> {
    let before = text.strip_suffix(HYPHENS)?;
    let start =
        before.rfind(char::is_whitespace).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let stem = before[start..].trim_start_matches(|character: char| !character.is_alphanumeric());
    let rest = next.split_whitespace().next().map(bare)?;
    let last = before.chars().next_back()?;
    let first = next.chars().next()?;
    if !last.is_alphanumeric() || !first.is_alphanumeric() || stem.is_empty() {
        return None;
    }
    let hyphenated = format!("{stem}-{rest}");
    // A name, a number, a word that already has a hyphen: the hyphen is its own.
    let goes_on = first.is_lowercase() || first.is_alphabetic() && !first.is_uppercase();
    if !last.is_alphabetic() || !goes_on || stem.contains(HYPHENS) || rest.contains(HYPHENS) {
        // Capitals go on in capitals: a heading's word.
        if last.is_uppercase() && first.is_uppercase() && stem.chars().count() > 1 && !stem.contains(HYPHENS) {
            let whole = format!("{stem}{rest}");
            return Some((before.len(), !known.has(&whole), Some(whole).filter(|whole| !known.has(whole))));
        }
        return Some((before.len(), true, None));
    }
    let whole = format!("{stem}{rest}");
    match (known.has(&whole), known.has(&hyphenated)) {
        (true, false) => Some((before.len(), false, None)),
        (false, true) => Some((before.len(), true, None)),
        _ => Some((before.len(), false, Some(hyphenated))),
    }
}

/// Titles that programs leave behind are none.
pub(super) fn is_title(title: &str) -> bool {
    let lower = title.to_lowercase();
    let left_behind = ["untitled", "microsoft word", "document1", "slide 1", ".dvi", ".doc", ".tex", ".indd", ".qxd"];
    title.chars().filter(|character| character.is_alphabetic()).count() >= 3
        && !left_behind.iter().any(|name| lower.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(page: &str) -> String {
        readable(&[page.to_owned()]).remove(0)
    }

    #[test]
    fn words_broken_at_line_ends_are_put_together() {
        assert_eq!(one("an exam-\nple of Anglo-\nSaxon\n\nnext"), "an example of Anglo-Saxon\n\nnext\n\nexam-ple");
    }

    #[test]
    fn both_readings_of_a_hyphen_are_there() {
        let text = one("an inter-\nnational firm, well-\nknown for state-of-the-\nart work with Coca-\nCola");
        for wanted in ["international", "well-known", "state-of-the-art", "Coca-Cola"] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }

    #[test]
    fn the_document_tells_which_reading_is_right() {
        assert_eq!(one("international law\nand inter-\nnational firms"), "international law\nand international firms");
        assert_eq!(one("well-known men\nand well-\nknown women"), "well-known men\nand well-known women");
    }

    #[test]
    fn numbers_and_names_keep_their_hyphen() {
        assert_eq!(one("COVID-\n19 in the years 1990-\n1995"), "COVID-19 in the years 1990-1995");
    }

    #[test]
    fn left_behind_titles_are_none() {
        assert!(!is_title("Microsoft Word - a.doc") && !is_title("12") && is_title("On Peanuts"));
    }
}
