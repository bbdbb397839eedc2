//! From a page's lines to paragraphs: hyphens at line ends closed, lines joined, running headers dropped. Pure.

use std::collections::HashMap;

use crate::ingest::parse::text::cleaned;

/// A line at a page's edge that stands on at least this many pages, and on more than half of them, is furniture.
const REPEATED: usize = 4;

/// Readable text per page.
pub(super) fn readable(pages: &[String]) -> Vec<String> {
    let cleaned: Vec<String> = pages.iter().map(|page| cleaned(page)).collect();
    let furniture = repeated_edges(&cleaned);
    cleaned.iter().map(|page| paragraphs(page, &furniture)).collect()
}

/// Digits do not count: page numbers differ.
fn shape(line: &str) -> String {
    line.trim().chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect()
}

fn edges(page: &str) -> Vec<&str> {
    let lines: Vec<&str> = page.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [] => Vec::new(),
        [only] => vec![only],
        [first, .., last] => vec![first, last],
    }
}

fn repeated_edges(pages: &[String]) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for page in pages {
        for line in edges(page) {
            *counts.entry(shape(line)).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count >= REPEATED && *count * 2 > pages.len())
        .map(|(line, _)| line)
        .collect()
}

fn paragraphs(page: &str, furniture: &[String]) -> String {
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    let filled: Vec<usize> = (0..lines.len()).filter(|index| !lines[*index].trim().is_empty()).collect();
    let mut out = String::with_capacity(page.len());
    for (index, line) in lines.iter().enumerate() {
        let at_edge = filled.first() == Some(&index) || filled.last() == Some(&index);
        if at_edge && furniture.contains(&shape(line)) {
            continue;
        }
        let line = line.trim();
        if line.is_empty() {
            if !out.is_empty() && !out.ends_with("\n\n") {
                out.push_str(if out.ends_with('\n') { "\n" } else { "\n\n" });
            }
            continue;
        }
        if out.ends_with('\n') || out.is_empty() {
            out.push_str(line);
        } else if let Some(stem) = hyphenated(&out, line) {
            out.truncate(stem);
            out.push_str(line);
        } else {
            out.push('\n');
            out.push_str(line);
        }
    }
    out.trim().to_owned()
}

/// `exam-` / `ple`: the length of the text without the hyphen, when the next line goes on in lower case.
fn hyphenated(text: &str, next: &str) -> Option<usize> {
    let before = text.strip_suffix(['-', '\u{ad}', '\u{2010}'])?;
    let joins = before.ends_with(|c: char| c.is_lowercase()) && next.starts_with(|c: char| c.is_lowercase());
    joins.then_some(before.len())
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

    #[test]
    fn hyphens_at_line_ends_are_closed() {
        assert_eq!(
            readable(&["an exam-\nple of Anglo-\nSaxon\n\nnext".into()]),
            ["an example of Anglo-\nSaxon\n\nnext"]
        );
    }

    #[test]
    fn running_headers_go() {
        let pages: Vec<String> = (1..=6).map(|n| format!("Manual v1\nText {} here\nPage {n}", "x".repeat(n))).collect();
        assert_eq!(readable(&pages)[2], "Text xxx here");
    }

    #[test]
    fn left_behind_titles_are_none() {
        assert!(!is_title("Microsoft Word - a.doc") && !is_title("12") && is_title("On Peanuts"));
    }
}
