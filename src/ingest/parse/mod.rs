//! Parsers: pure functions from bytes to [`Parsed`]. Called by `ingest::pipeline` on blocking threads.
//!
//! No parser does IO, panics, or needs more memory than a small multiple of its input.

mod budget;
pub mod calendar;
pub mod canvas;
mod code_page;
pub mod contacts;
mod content_lines;
pub mod date;
mod decoder;
pub mod docx;
pub mod excalidraw;
pub mod html;
pub mod mail;
pub mod markdown;
mod outline;
pub mod pdf;
pub mod rtf;
pub mod text;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::shape::{Shape, ShapeKind};
use crate::domain::text::{remove_all_nul, remove_nul};
use crate::domain::visible::{clean_name, without_sequences};
use crate::domain::{ChunkKind, Link, MessageMeta, PersonMention, Timestamp};

/// A run of text with one place: the unit `ingest::chunk` cuts. Paragraphs inside are separated by a blank line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// What the text is; `None` means the author's own ([`ChunkKind::Body`]).
    pub kind: Option<ChunkKind>,
    /// Headings above it, outermost first, its own included.
    pub headings: Vec<String>,
    /// Page it stands on, from 1.
    pub page: Option<u32>,
    /// Line of the source where it starts, from 1.
    pub line: Option<u32>,
    /// Attachment it comes from.
    pub attachment: Option<String>,
    /// The text, as a person would read it; code kept verbatim.
    pub text: String,
    /// What parts of the text are. A heading that the text begins with need not be among them.
    pub shapes: Vec<Shape>,
}

/// What a parser found in one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Subject or title, if the document has one.
    pub title: Option<String>,
    /// The document's own date.
    pub dated_at: Option<Timestamp>,
    /// Tags without `#`, lower-case, unique.
    pub tags: Vec<String>,
    /// Other names for the document.
    pub aliases: Vec<String>,
    /// Labels of link-bearing headings; tags and wikilinks are added by `ingest::concepts`.
    pub concept_headings: Vec<String>,
    /// Links out of it, unique, in order.
    pub links: Vec<Link>,
    /// Where its links lead as it is written, with what a link of the graph leaves off (`#section`): to be found by.
    pub targets: Vec<String>,
    /// People it names.
    pub people: Vec<PersonMention>,
    /// Mail only.
    pub message: Option<MessageMeta>,
    /// Its text, in order.
    pub sections: Vec<Section>,
    /// What of it could not be read or was left out by rule, one plain sentence each ("2 of 14 pages could not be read: …").
    /// Not text of the document: the ledger shows it as the reason beside the file.
    pub left_out: Vec<String>,
}

impl Parsed {
    /// The same without NUL in any of its texts (no store and no graph is asked to hold one), and with names (title, tags,
    /// headings, people, attachments) that are one line and steer no terminal. Texts lose escape sequences: the colours
    /// of a log are not its words.
    #[must_use]
    pub fn without_nul(mut self) -> Self {
        remove_all_nul(self.links.iter_mut().map(|link| &mut link.target));
        remove_all_nul(&mut self.targets);
        remove_all_nul(self.people.iter_mut().flat_map(|person| &mut person.email));
        if let Some(message) = &mut self.message {
            remove_all_nul(std::iter::once(&mut message.message_id).chain(&mut message.in_reply_to));
            remove_all_nul(&mut message.references);
            clean_names(&mut message.attachments);
        }
        clean_names(&mut self.title);
        clean_names(self.people.iter_mut().flat_map(|person| &mut person.name));
        for names in [&mut self.tags, &mut self.aliases, &mut self.concept_headings, &mut self.left_out] {
            clean_names(names.iter_mut());
            let mut known = std::collections::HashSet::new();
            names.retain(|name| !name.is_empty() && known.insert(name.clone()));
        }
        for section in &mut self.sections {
            clean_names(section.headings.iter_mut().chain(&mut section.attachment));
            remove_nul(&mut section.text);
            remove_all_nul(section.shapes.iter_mut().filter_map(|shape| match &mut shape.kind {
                ShapeKind::Link(target) | ShapeKind::Wikilink(target) => Some(target),
                _ => None,
            }));
            if let std::borrow::Cow::Owned(text) = without_sequences(&section.text) {
                section.text = text;
                // They were counted in the text as it was.
                section.shapes.clear();
            }
        }
        self
    }
}

fn clean_names<'a>(names: impl IntoIterator<Item = &'a mut String>) {
    for name in names {
        if let std::borrow::Cow::Owned(clean) = clean_name(name) {
            *name = clean;
        }
    }
}

/// Why a document could not be read. The message names what was wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum ParseError {
    /// Needs a password nobody gave.
    #[error("encrypted: the file needs a password; save a copy without one")]
    Encrypted,
    /// A PDF of images only.
    #[error("no text layer: the PDF holds images only; run OCR on it first")]
    NoTextLayer,
    /// Broken beyond reading.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Well-formed, but there is nothing to read in it.
    #[error("no text in it")]
    NoText,
    /// Over a limit.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Not what it claims to be, and nothing else we read.
    #[error("not readable: {0}")]
    Unsupported(String),
    /// It ended the process that parsed it, more than once; how.
    #[error("reading it ended its parser twice: {0}; it is tried again when it changes, or by hand")]
    EndedParser(String),
    /// The whole program ended this many times while it was being read, at last with nothing else in hand.
    #[error("the program ended {0} times while it was being read; it is tried again when it changes, or by hand")]
    EndedProgram(u32),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LinkKind, PersonRole};

    #[test]
    fn no_text_keeps_a_nul() {
        let nul = || "a\0b".to_owned();
        let parsed = Parsed {
            title: Some(nul()),
            dated_at: None,
            tags: vec![nul()],
            aliases: vec![nul()],
            concept_headings: vec![nul()],
            links: vec![Link { kind: LinkKind::Url, target: nul() }],
            targets: vec![nul()],
            people: vec![PersonMention { email: Some(nul()), name: Some(nul()), role: PersonRole::To }],
            message: Some(MessageMeta {
                message_id: nul(),
                in_reply_to: Some(nul()),
                references: vec![nul()],
                attachments: vec![nul()],
            }),
            sections: vec![Section {
                headings: vec![nul()],
                attachment: Some(nul()),
                text: nul(),
                ..Section::default()
            }],
            left_out: vec![nul()],
        };
        let held = format!("{parsed:?}").matches("\\0").count();
        assert_eq!(held, 16, "every text of the sample has one");
        let mended = format!("{:?}", parsed.without_nul());
        assert_eq!(mended.matches("\\0").count(), 0);
        // What tells one thing from another, and texts, keep a mark in its place; in names it was a blank.
        assert_eq!((mended.matches("a\\u{1a}b").count(), mended.matches("a b").count()), (7, 9));
    }

    #[test]
    fn names_steer_no_terminal_and_texts_lose_colours() {
        let name = || "no\u{1b}[31mte \u{1b}]0;PWNED\u{7}\u{202e}x".to_owned();
        let parsed = Parsed {
            title: Some(name()),
            tags: vec![name(), "note x".to_owned(), "\u{1b}[2J".to_owned()],
            people: vec![PersonMention { email: None, name: Some(name()), role: PersonRole::From }],
            sections: vec![Section {
                headings: vec![name()],
                text: "\u{1b}[1mbold\u{1b}[0m\n\tkept".to_owned(),
                ..Section::default()
            }],
            ..Parsed::default()
        };
        let clean = parsed.without_nul();
        assert_eq!(clean.title.as_deref(), Some("note x"));
        assert_eq!(clean.tags, ["note x"]);
        assert_eq!(clean.people[0].name.as_deref(), Some("note x"));
        assert_eq!(
            (clean.sections[0].headings[0].as_str(), clean.sections[0].text.as_str()),
            ("note x", "bold\n\tkept")
        );
    }
}
