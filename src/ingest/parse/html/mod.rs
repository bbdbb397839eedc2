//! HTML pages to text: headings as places, code verbatim, script and style left out. Called by the pipeline; `fragment`
//! by the Markdown parser, `to_text` by that of Word documents.
//!
//! `charset` makes bytes text, `limits` bounds what the tree can become, `head` tells title, dates and links, `walk` reads
//! the text. The tree is walked with a stack of our own: a page nested ten thousand deep is only long, not deadly.

mod charset;
mod head;
mod limits;
mod walk;

use scraper::Html;

use crate::domain::{ChunkKind, Link, PersonMention, PersonRole};

use super::text::cleaned;
use super::{ParseError, Parsed, Section, budget};

pub(in crate::ingest::parse) use head::written_target;

use walk::Whole;

/// Parses a page.
///
/// # Errors
/// `NoText` when nothing readable is in it.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let source = cleaned(&charset::decode(bytes));
    let (source, cut) = budget::text_head(source.into(), budget::MOST_TEXT);
    let (page, has_too_many) = tree(&source);
    let head = head::read(&page);
    let mut read = walk::read(&page, Whole::Visible);
    if read.is_empty() {
        read = walk::read(&page, Whole::Everything);
    }
    let mut left_out: Vec<String> = cut.into_iter().collect();
    if has_too_many {
        left_out.push("a page of more than a million elements: what follows them was read without its tags".to_owned());
    }
    if read.is_cut {
        left_out.push("pages within pages were read to a depth of three, those inside were not".to_owned());
    }
    let title = head.title.or(read.first_heading.take());
    let description = head.description.filter(|text| !read.holds(text));
    let mut sections = read.sections;
    // What stands beside the page's own text comes last, and below it in every search; a page of nothing else is that.
    let kind = (!sections.is_empty()).then_some(ChunkKind::Aside);
    sections.extend(description.map(|text| Section { text, ..Section::default() }));
    sections.extend(read.beside.into_iter().map(|section| Section { kind, ..section }));
    if sections.is_empty() {
        // A page that is all title is found by it.
        let text = title.clone().ok_or(ParseError::NoText)?;
        sections.push(Section { text, ..Section::default() });
    }
    let author = head.author.map(|name| PersonMention { email: None, name: Some(name), role: PersonRole::Author });
    Ok(Parsed {
        title,
        dated_at: head.dated_at,
        tags: head.tags,
        links: head.links,
        targets: head.targets,
        people: author.into_iter().filter(|author| author.person_id().is_some()).collect(),
        sections,
        left_out,
        ..Parsed::default()
    }
    .bounded())
}

/// Readable text of a fragment or page, all of it in its order.
#[must_use]
pub fn to_text(source: &str) -> String {
    fragment(&cleaned(source)).text
}

/// A snippet of HTML inside another format.
#[derive(Debug, Default)]
pub struct Fragment {
    /// Its readable text.
    pub text: String,
    /// Its links.
    pub links: Vec<Link>,
    /// Where they and its pictures lead, as written.
    pub targets: Vec<String>,
}

/// Reads a snippet of HTML inside another format.
#[must_use]
pub fn fragment(snippet: &str) -> Fragment {
    let (page, _) = tree(snippet);
    let sections = walk::read(&page, Whole::InOrder).sections;
    let texts: Vec<String> = sections.into_iter().map(|section| section.text).collect();
    let mut head = head::read(&page);
    head.targets.append(&mut head.pictures);
    Fragment { text: texts.join("\n\n"), links: head.links, targets: head.targets }
}

/// The page as a tree, and whether elements of it were left out.
fn tree(source: &str) -> (Html, bool) {
    let (bounded, is_cut) = limits::bounded(source);
    (Html::parse_document(&bounded), is_cut)
}

#[cfg(test)]
mod tests;
