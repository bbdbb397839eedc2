//! What of a document could not be read, in plain sentences. Called by the room's root. Pure.

use super::ParseError;
use super::page::PageState;

/// Places named in one sentence.
const MOST_NAMED: usize = 12;

/// Why a document has no text at all.
pub(super) fn nothing(states: &[PageState], unread: Option<String>) -> ParseError {
    let count = |wanted: PageState| states.iter().filter(|state| **state == wanted).count();
    let pages = states.len();
    if let Some(reason) = unread {
        return ParseError::Damaged(format!("no text in the first {pages} pages; {reason}"));
    }
    let damaged = count(PageState::Damaged);
    if damaged > 0 {
        return ParseError::Damaged(format!("no text; {damaged} of {pages} pages could not be read"));
    }
    if count(PageState::Nameless) > 0 {
        return ParseError::Unsupported("its fonts do not tell which characters they show; run OCR on it first".into());
    }
    if count(PageState::Cut) > 0 {
        return ParseError::TooLarge("its pages hold more than is read of one page".into());
    }
    if count(PageState::Images) > 0 { ParseError::NoTextLayer } else { ParseError::NoText }
}

/// A sentence for every kind of page that was not read.
pub(super) fn left_out(states: &[PageState], pages: usize, unread: Option<String>) -> Vec<String> {
    let kinds = [
        (PageState::Damaged, "could not be read: damaged"),
        (PageState::Nameless, "could not be read: the fonts do not tell which characters they show"),
        (PageState::Cut, "could be read in part only: it holds more than is read of one page"),
        (PageState::Images, "could not be read: images only, run OCR first"),
    ];
    let mut sentences: Vec<String> = kinds
        .into_iter()
        .filter_map(|(kind, what)| {
            let found: Vec<usize> =
                (0..states.len()).filter(|index| states[*index] == kind).map(|index| index + 1).collect();
            (!found.is_empty()).then(|| format!("{} of {pages} {what}", named(&found)))
        })
        .collect();
    if let Some(reason) = unread {
        sentences.push(format!("pages {} to {pages} were not read: {reason}", states.len() + 1));
    }
    sentences
}

/// `page 3`, `pages 1, 3-5 and 4 more`.
fn named(pages: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for page in pages {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *page => *last = *page,
            _ => ranges.push((*page, *page)),
        }
    }
    let shown: Vec<String> = ranges
        .iter()
        .take(MOST_NAMED)
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    let more: usize = ranges.iter().skip(MOST_NAMED).map(|(first, last)| last - first + 1).sum();
    let word = if pages.len() == 1 { "page" } else { "pages" };
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{word} {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_were_not_read_are_named() {
        let states = [PageState::Read, PageState::Damaged, PageState::Damaged, PageState::Images, PageState::Damaged];
        assert_eq!(
            left_out(&states, 7, Some("reading took more than 60 s".into())),
            [
                "pages 2-3, 5 of 7 could not be read: damaged",
                "page 4 of 7 could not be read: images only, run OCR first",
                "pages 6 to 7 were not read: reading took more than 60 s"
            ]
        );
    }

    #[test]
    fn only_pictures_are_only_pictures() {
        use PageState::{Damaged, Images, Nameless, Read};
        assert_eq!(nothing(&[Images, Read], None), ParseError::NoTextLayer);
        assert_eq!(nothing(&[Read], None), ParseError::NoText);
        assert!(matches!(nothing(&[Images, Damaged], None), ParseError::Damaged(_)));
        assert!(matches!(nothing(&[Images, Nameless], None), ParseError::Unsupported(_)));
    }
}
