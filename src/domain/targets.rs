//! Where the links of a document lead, as texts to be found by: addresses and files that stand in none of its visible texts.
//! They rank as its names do, below every text.
//!
//! Called by `ingest::parsers` for what comes in, and by the stores for what older versions left without. Pure.

use std::collections::HashSet;

use super::chunk::{ChunkKind, NewChunk, Place};
use super::document::Link;
use super::findable;

/// What the place of a hit says.
const LINKS: &str = "links";
/// Most bytes of a document's targets together: a page of links is found by all of them, one of a thousand trackers by some.
const MOST_BYTES: usize = 32 << 10;
/// Most bytes of one. A longer one is kept up to its question mark: what follows is no name.
const LONGEST: usize = 500;
/// Bytes of one chunk.
const CHUNK_BYTES: usize = 4 << 10;

/// Chunks of the targets that no text of `chunks` shows, numbered behind them: those as written, and those of links that
/// are not among them.
pub fn complete(chunks: &mut Vec<NewChunk>, written: &[String], links: &[Link]) {
    let targets = gathered(written, links);
    if targets.is_empty() {
        return;
    }
    let mut hidden: HashSet<&str> = targets.iter().map(String::as_str).collect();
    for chunk in chunks.iter().filter(|chunk| chunk.kind.is_shown()) {
        shown(&chunk.text, |piece| {
            hidden.remove(piece);
        });
    }
    let (mut room, mut text) = (MOST_BYTES, String::new());
    for target in targets.iter().filter(|target| hidden.contains(target.as_str())) {
        let Some(left) = room.checked_sub(target.len() + 1) else { continue };
        room = left;
        if !text.is_empty() {
            if text.len() + target.len() > CHUNK_BYTES {
                add(chunks, std::mem::take(&mut text));
            } else {
                text.push('\n');
            }
        }
        text.push_str(target);
    }
    if !text.is_empty() {
        add(chunks, text);
    }
}

fn add(chunks: &mut Vec<NewChunk>, text: String) {
    let place = Place { headings: vec![LINKS.to_owned()], ..Place::default() };
    let ordinal = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    chunks.push(NewChunk { ordinal, ..findable::of(ChunkKind::Names, String::new(), text, place) });
}

/// Every target once, on one line each, in order.
fn gathered(written: &[String], links: &[Link]) -> Vec<String> {
    let mut seen: HashSet<String> = HashSet::new();
    let mut found = Vec::new();
    for target in written {
        let target = one_line(target);
        // The link of the graph to the same place.
        seen.extend(target.split_once('#').map(|(page, _)| page.to_owned()));
        let decoded = decoded(&target);
        found.push(target);
        found.extend(decoded);
    }
    found.extend(links.iter().map(|link| one_line(&link.target)).filter(|target| !seen.contains(target)));
    seen.clear();
    found.retain(|target| target.contains(char::is_alphanumeric) && seen.insert(target.clone()));
    found
}

/// What is written with `%20` and the like, as it reads; `None` for what is not.
fn decoded(target: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(target.len()), target.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    let read = String::from_utf8(bytes).ok().filter(|read| read != target)?;
    Some(one_line(&read))
}

fn one_line(target: &str) -> String {
    let mut target: String = target.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if target.len() > LONGEST {
        let end = target.find('?').unwrap_or(target.len()).min(LONGEST);
        target.truncate(target.floor_char_boundary(end));
    }
    target
}

/// Calls `with` for what may be a target in a visible text.
fn shown(text: &str, mut with: impl FnMut(&str)) {
    let parts = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | '"' | '\'' | '`' | '|');
    for piece in text.split(parts).filter(|piece| piece.len() > 2) {
        with(piece);
        let bare = piece.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        if bare.len() < piece.len() {
            with(bare);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::LinkKind;
    use super::*;

    fn chunks(text: &str) -> Vec<NewChunk> {
        vec![findable::of(ChunkKind::Body, "Title".to_owned(), text.to_owned(), Place::default())]
    }

    fn texts(text: &str, written: &[&str], links: &[(LinkKind, &str)]) -> Vec<String> {
        let mut chunks = chunks(text);
        let written: Vec<String> = written.iter().map(|target| (*target).to_owned()).collect();
        let links: Vec<Link> =
            links.iter().map(|(kind, target)| Link { kind: *kind, target: (*target).to_owned() }).collect();
        complete(&mut chunks, &written, &links);
        assert!(chunks.iter().zip(0..).all(|(chunk, number)| chunk.ordinal == number));
        chunks.into_iter().skip(1).map(|chunk| chunk.text).collect()
    }

    #[test]
    fn what_no_text_shows_is_a_text_to_be_found_by() {
        let found = texts(
            "See here and https://example.org/seen, (notes/seen.md).",
            &["https://example.org/seen", "https://example.org/hidden#part", "notes/seen.md", "notes/hidden.md"],
            &[(LinkKind::Url, "https://example.org/hidden"), (LinkKind::File, "from docx.pdf"), (LinkKind::Url, "?")],
        );
        assert_eq!(found, ["https://example.org/hidden#part\nnotes/hidden.md\nfrom docx.pdf"]);
        assert_eq!(
            texts("here", &["a%20b%C3%A9.pdf", "100%", "%ff.x"], &[]),
            ["a%20b%C3%A9.pdf\na bé.pdf\n100%\n%ff.x"]
        );
        assert!(texts("https://example.org/a", &["https://example.org/a"], &[]).is_empty());
    }

    #[test]
    fn they_are_names_and_say_so() {
        let mut chunks = chunks("here");
        complete(&mut chunks, &["https://example.org/deep/path-name".to_owned()], &[]);
        let last = chunks.last().unwrap();
        assert_eq!((last.kind, last.place.label().as_str(), last.context.as_str()), (ChunkKind::Names, LINKS, ""));
        assert!(last.terms.starts_with("https exampl org deep path name"), "{}", last.terms);
    }

    #[test]
    fn many_and_long_ones_are_bounded() {
        let written: Vec<String> =
            (0..5_000).map(|number| format!("https://example.org/{number}?{}", "x".repeat(900))).collect();
        let mut chunks = chunks("here");
        complete(&mut chunks, &written, &[]);
        let sizes: Vec<usize> = chunks.iter().skip(1).map(|chunk| chunk.text.len()).collect();
        assert!(
            sizes.iter().sum::<usize>() <= MOST_BYTES && sizes.iter().all(|size| *size <= CHUNK_BYTES + LONGEST),
            "{sizes:?}"
        );
        assert!(chunks[1].text.starts_with("https://example.org/0\nhttps://example.org/1\n"));
    }
}
