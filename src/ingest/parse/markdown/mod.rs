//! Notes in Markdown as people write them: GitHub's additions, properties, marks of Obsidian and Logseq.
//!
//! `head` reads the properties, `reader` walks the blocks, `inline` finds links and tags in each of them, `raw_html` reads
//! what is written as HTML, `comments` finds what spans blocks. Text is taken verbatim from the source where that is what
//! a reader wants (code, inline code, formulas). Called by the pipeline, and by `canvas` for the texts on it.

mod comments;
mod head;
mod inline;
mod raw_html;
mod reader;
mod tame;

use std::collections::HashSet;
use std::hash::Hash;

use super::text::{cleaned, decode};
use super::{ParseError, Parsed, Section, excalidraw, text};

use reader::Reader;

/// A larger file is no note: its text is taken as it stands. The parser of Markdown needs up to eighty times as much.
const LARGEST: usize = 16 << 20;

/// Parses Markdown.
///
/// # Errors
/// `NoText` when nothing readable is in it.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if bytes.len() > LARGEST {
        let mut plain = text::parse(bytes)?;
        plain
            .left_out
            .push(format!("its marks were not read: a note of more than {} MiB is taken as plain text", LARGEST >> 20));
        return Ok(plain);
    }
    let source = cleaned(&decode(bytes));
    let (head, body_start) = head::read(&source);
    let body = if head.has("excalidraw plugin") { excalidraw::readable(&source[body_start..]) } else { None };
    let body = body.as_deref().unwrap_or(&source[body_start..]);
    let body = tame::bounded(body);
    let first_line = 1 + source[..body_start].matches('\n').count() as u32;
    let read = Reader::new(&body, first_line).run();
    let marks = read.marks;
    let mut parsed = Parsed {
        title: head.title.or(marks.title).or(read.first_heading),
        dated_at: head.dated_at.or(marks.dated_at),
        tags: unique(head.tags.into_iter().chain(marks.tags)),
        aliases: unique(head.aliases.into_iter().chain(marks.aliases)),
        people: head.people,
        concept_headings: read.linked_headings,
        links: unique(head.links.into_iter().chain(marks.links)),
        targets: unique(marks.targets.into_iter()),
        sections: read.sections,
        ..Parsed::default()
    };
    if parsed.sections.is_empty()
        && let Some(title) = &parsed.title
    {
        // A note that is all title is found by it.
        parsed.sections.push(Section { text: title.clone(), line: Some(first_line), ..Section::default() });
    }
    if !head.text.is_empty() {
        // Last, so that a note begins with what it says.
        parsed.sections.push(Section { text: head.text, line: Some(2), ..Section::default() });
    }
    if parsed.sections.is_empty() {
        return Err(ParseError::NoText);
    }
    Ok(parsed.bounded())
}

fn unique<T: Clone + Eq + Hash>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    items.filter(|item| seen.insert(item.clone())).collect()
}

#[cfg(test)]
mod tests;
