//! From the tree of parts to text: which alternative is read, what is an attachment, what is neither.
//!
//! Called by `mail` for a message and by itself for messages inside messages.

use std::collections::HashSet;

use crate::domain::{ChunkKind, PersonMention};
use crate::ingest::parse::{Section, calendar, rtf};

use super::containers::{Kind, kind};
use super::kind::{extension, is_textual};
use super::mime::{PART_LIMIT, Part};
use super::{AttachmentReader, NoAttachments, hrefs, html_body, plain};

/// Most attachments read from one message.
pub(super) const ATTACHMENT_LIMIT: usize = 500;

/// Alternatives inside alternatives up to this depth are compared by their texts.
const ALTERNATIVE_DEPTH_LIMIT: usize = 3;

/// A plain alternative shorter than this (in characters) is compared with the HTML one before it is preferred.
const SHORT_TEXT: usize = 300;

/// What a message holds besides its headers.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The text to read, quotes and signatures included, pieces in order.
    pub texts: Vec<String>,
    /// Names of attachments, in order.
    pub attachments: Vec<String>,
    /// Invitations (as body) and text of attachments, in order.
    pub sections: Vec<Section>,
    /// Where links of its HTML lead.
    pub targets: Vec<String>,
    /// People named inside: on cards, in invitations, in messages.
    pub people: Vec<PersonMention>,
    /// What could not be read, for the ledger.
    pub left_out: Vec<String>,
}

/// Whether the texts of a part are wanted or only its attachments (the alternative not chosen).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// Wanted.
    Keep,
    /// Not wanted.
    Skip,
}

pub(super) struct Collector<'reader> {
    pub(super) reader: &'reader dyn AttachmentReader,
    pub(super) content: Content,
    pub(super) depth: usize,
    /// Containers we are inside of.
    pub(super) nesting: usize,
    /// Alternatives we are inside of.
    open_alternatives: usize,
    /// Texts of events so far: the same invitation comes as a part and as a file.
    pub(super) events: HashSet<String>,
    /// Texts from inside containers that were compared with those of the message.
    pub(super) compared: usize,
}

/// `text/plain` as a reader sees it: unflowed, without armour.
fn plain_text(part: &Part<'_>) -> String {
    let text = plain::clean(&part.text());
    let is_flowed = part.content_type.parameter("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
    if is_flowed {
        let delete_space = part.content_type.parameter("delsp").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
        return plain::unflow(&text, delete_space);
    }
    text
}

fn html_text(part: &Part<'_>) -> String {
    let text = part.text();
    // Plain text that is declared as HTML keeps its lines.
    let has_tag = |text: &str| {
        let bytes = text.as_bytes();
        bytes
            .windows(2)
            .any(|pair| pair[0] == b'<' && (pair[1].is_ascii_alphabetic() || matches!(pair[1], b'/' | b'!')))
    };
    if !text.trim().contains('\n') || has_tag(&text) {
        return html_body::to_text(&text);
    }
    plain::clean(&text).lines().map(html_body::to_text).collect::<Vec<_>>().join("\n")
}

/// Whether a text is a whole page of HTML.
fn is_html_page(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(14).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html>") || start.starts_with("<html ")
}

fn leaves_are_blank(part: &Part<'_>) -> bool {
    if part.children.is_empty() {
        part.raw_body.trim_ascii().is_empty()
    } else {
        part.children.iter().all(leaves_are_blank)
    }
}

/// The sentence for attachments over the limit.
pub(super) fn too_many_attachments() -> String {
    format!("more than {ATTACHMENT_LIMIT} attachments: the others were not read")
}

fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// "Your mail program cannot show this" in place of the text.
fn is_excuse(text: &str) -> bool {
    if text.chars().count() > 600 {
        return false;
    }
    let text = text.to_lowercase();
    let speaks_of_html = text.contains("html") || text.contains("web browser") || text.contains("browser");
    let excuses = [
        "view",
        "support",
        "display",
        "capable",
        "enable",
        "client",
        "program",
        "anzeigen",
        "darstell",
        "unterstützt",
        "afficher",
        "visualiser",
        "visualizar",
        "visualizzare",
    ];
    speaks_of_html && excuses.iter().any(|word| text.contains(word))
}

/// Whether the part is, or its multiparts hold, text of the wanted kind that is meant to be read in place.
fn holds(part: &Part<'_>, is_wanted: fn(&Part<'_>) -> bool) -> bool {
    let is_leaf = part.children.is_empty() && part.disposition.as_deref() != Some("attachment");
    is_leaf && is_wanted(part) || part.children.iter().any(|child| holds(child, is_wanted))
}

fn has_html(part: &Part<'_>) -> bool {
    holds(part, |part| part.content_type.is("text", "html"))
}

fn has_plain(part: &Part<'_>) -> bool {
    holds(part, |part| part.content_type.main.is_empty() || part.content_type.is("text", "plain"))
}

impl<'reader> Collector<'reader> {
    pub(super) fn new(reader: &'reader dyn AttachmentReader, depth: usize) -> Self {
        Self {
            reader,
            content: Content::default(),
            depth,
            nesting: 0,
            open_alternatives: 0,
            events: HashSet::new(),
            compared: 0,
        }
    }

    /// Reads the whole message below `root`.
    pub(super) fn collect(mut self, root: &Part<'_>) -> Content {
        self.part(root, Texts::Keep, false);
        let is_empty = self.content.texts.is_empty() && self.content.attachments.is_empty();
        if is_empty && !root.children.is_empty() && leaves_are_blank(root) {
            // Boundaries that contradict each other: whatever is neither boundary nor header is shown as it stands.
            let text = plain::clean(&String::from_utf8_lossy(root.raw_body));
            let is_text = |line: &&str| !line.starts_with("--") && !line.to_lowercase().starts_with("content-");
            let lines: Vec<&str> = text.lines().filter(is_text).collect();
            self.push_text(lines.join("\n"), Texts::Keep);
        }
        self.content
    }

    /// Whether no more attachments are taken.
    pub(super) fn is_full(&self) -> bool {
        self.content.attachments.len() >= ATTACHMENT_LIMIT
    }

    /// Tells, once, what a limit left out.
    pub(super) fn leave_out(&mut self, sentence: String) {
        if !self.content.left_out.contains(&sentence) {
            self.content.left_out.push(sentence);
        }
    }

    pub(super) fn push_text(&mut self, text: String, texts: Texts) {
        if texts == Texts::Keep && !text.trim().is_empty() {
            self.content.texts.push(text);
        }
    }

    pub(super) fn part(&mut self, part: &Part<'_>, texts: Texts, in_related: bool) {
        if self.is_full() {
            return self.leave_out(too_many_attachments());
        }
        if part.left > 0 {
            self.leave_out(format!("a message of more than {PART_LIMIT} parts: the other {} were not read", part.left));
        }
        if !part.children.is_empty() {
            match part.content_type.sub.as_str() {
                "alternative" => self.alternative(part, texts),
                "encrypted" => self.push_text(plain::ENCRYPTED_NOTE.to_owned(), texts),
                "related" => part.children.iter().for_each(|child| self.part(child, texts, true)),
                _ => part.children.iter().for_each(|child| self.part(child, texts, in_related)),
            }
            return;
        }
        self.leaf(part, texts, in_related);
    }

    /// The texts of one alternative, attachments left aside.
    fn texts_of(&self, part: &Part<'_>) -> String {
        let mut collector = Collector::new(&NoAttachments, self.depth);
        collector.open_alternatives = self.open_alternatives;
        collector.nesting = self.nesting;
        collector.part(part, Texts::Keep, true);
        collector.content.texts.join("\n\n")
    }

    /// Plain text is preferred, unless it is empty, an excuse, or a mere stub of the HTML.
    fn alternative(&mut self, part: &Part<'_>, texts: Texts) {
        let html_child = part.children.iter().rposition(has_html);
        let plain_child = part.children.iter().position(|child| has_plain(child) && !has_html(child));
        self.open_alternatives += 1;
        let text_of = |at: Option<usize>| at.and_then(|at| part.children.get(at)).map(|child| self.texts_of(child));
        // Comparing reads the texts twice; nobody nests alternatives deeper than this but to make us read for ever.
        let may_compare = texts == Texts::Keep && self.open_alternatives <= ALTERNATIVE_DEPTH_LIMIT;
        let chosen = match (plain_child, html_child) {
            (Some(_), Some(_)) if may_compare => {
                let plain = text_of(plain_child).unwrap_or_default();
                let length = plain.chars().count();
                let is_doubtful = length < SHORT_TEXT || !has_words(&plain) || is_excuse(&plain);
                let html = if is_doubtful { text_of(html_child).unwrap_or_default() } else { String::new() };
                let html_length = html.chars().count();
                let is_stub = html_length > 10 * length && html_length > 1_000;
                let takes_html = has_words(&html) && (!has_words(&plain) || is_excuse(&plain) || is_stub);
                if takes_html { html_child } else { plain_child }
            }
            (plain, html) => plain.or(html),
        };
        for (at, child) in part.children.iter().enumerate() {
            // One text is enough; attachments and invitations of every alternative count.
            let is_wanted = Some(at) == chosen || chosen.is_none() || child.content_type.is("text", "calendar");
            self.part(child, if is_wanted { texts } else { Texts::Skip }, true);
        }
        self.open_alternatives -= 1;
    }

    fn leaf(&mut self, part: &Part<'_>, texts: Texts, in_related: bool) {
        let content_type = &part.content_type;
        let is_attached = part.disposition.as_deref() == Some("attachment");
        // A named inline text behind the first one is a file; the first is the body, whatever its name.
        let is_named_extra = part.filename.is_some() && !self.content.texts.is_empty();
        let is_body = !is_attached && !is_named_extra;
        match (content_type.main.as_str(), content_type.sub.as_str()) {
            ("" | "text", "" | "plain") | ("multipart" | "message", "partial") if is_body => {
                self.plain_body(part, texts);
            }
            ("multipart", _) => self.plain_body(part, texts),
            ("text", "html" | "enriched" | "richtext") if is_body => {
                // Of the alternative that is not read, too: what is plain text seldom says where "here" is.
                self.content.targets.extend(hrefs::of(&part.bytes()));
                if texts == Texts::Keep {
                    self.push_text(html_text(part), texts);
                }
            }
            ("text", "calendar") => {
                self.calendar(&part.text_bytes(), texts);
                self.content.attachments.extend(part.filename.clone());
            }
            ("text", "x-vcard" | "vcard" | "directory") => {
                let name = self.name_of(part);
                self.contacts(name, &part.text_bytes());
            }
            ("text" | "application", "rtf") if is_body && part.filename.is_none() => {
                self.push_text(rtf::to_text(&part.bytes()), texts);
            }
            ("text", "rfc822-headers")
            | (
                "application",
                "pgp-signature" | "pkcs7-signature" | "x-pkcs7-signature" | "pgp-encrypted" | "applefile",
            )
            | ("message", "external-body") => {}
            ("text", sub) if is_body && !matches!(sub, "csv" | "xml" | "css" | "javascript" | "rtf") => {
                self.plain_body(part, texts);
            }
            ("message", "delivery-status" | "disposition-notification") => {
                self.attach_section("delivery-status".to_owned(), &plain::clean(&part.text()));
            }
            ("message", "rfc822" | "global" | "news") => self.message(part.filename.clone(), &part.bytes()),
            ("application", "pkcs7-mime" | "x-pkcs7-mime") => {
                let name = part.filename.clone().unwrap_or_else(|| "smime.p7m".to_owned());
                self.open(Kind::Cms, name, &part.bytes(), texts);
            }
            // Pictures shown inside the text; nameless ones can be referred to by nobody.
            ("image" | "audio" | "video", _) if !is_attached && (in_related || part.filename.is_none()) => {}
            _ => self.attachment(part, texts),
        }
    }

    fn plain_body(&mut self, part: &Part<'_>, texts: Texts) {
        if texts == Texts::Skip {
            return;
        }
        let text = plain_text(part);
        // What is declared as text may be something else all the same.
        if calendar::is_calendar(text.trim_start().as_bytes()) {
            return self.calendar(&part.text_bytes(), texts);
        }
        if rtf::is_rtf(text.as_bytes()) {
            return self.push_text(rtf::to_text(&part.bytes()), texts);
        }
        if is_html_page(&text) {
            self.content.targets.extend(hrefs::of(text.as_bytes()));
            return self.push_text(html_body::to_text(&text), texts);
        }
        let (text, files) = plain::extract_uuencoded(&text);
        self.push_text(text, texts);
        for file in files {
            self.file(file.name, None, &file.bytes);
        }
    }

    fn name_of(&self, part: &Part<'_>) -> String {
        part.filename.clone().unwrap_or_else(|| {
            format!("attachment-{}.{}", self.content.attachments.len() + 1, extension(&part.content_type))
        })
    }

    pub(super) fn attach_section(&mut self, name: String, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.content.sections.push(Section {
                kind: Some(ChunkKind::Attachment),
                attachment: Some(name),
                text: text.to_owned(),
                ..Section::default()
            });
        }
    }

    pub(super) fn attach_text(&mut self, name: String, text: &str) {
        self.content.attachments.push(name.clone());
        self.attach_section(name, text);
    }

    fn attachment(&mut self, part: &Part<'_>, texts: Texts) {
        let name = self.name_of(part);
        let content_type = &part.content_type;
        if matches!(content_type.main.as_str(), "image" | "audio" | "video") {
            self.content.attachments.push(name);
            return;
        }
        let bytes = part.bytes();
        if let Some(kind) = kind(content_type, &name, &bytes) {
            self.open(kind, name, &bytes, texts);
        } else if content_type.is("text", "html") {
            self.content.targets.extend(hrefs::of(&bytes));
            let text = html_text(part);
            self.attach_text(name, &text);
        } else if is_textual(content_type, &name) && !bytes.contains(&0) {
            let text = plain::clean(&part.text());
            self.attach_text(name, &text);
        } else {
            self.content.attachments.push(name.clone());
            self.read(&name, &content_type.name(), &bytes);
        }
    }

    /// Hands an attachment to the reader. One that cannot be read keeps its name in the list and has no text.
    pub(super) fn read(&mut self, name: &str, media_type: &str, bytes: &[u8]) {
        if let Ok(read) = self.reader.read(name, media_type, bytes) {
            read.left_out.into_iter().for_each(|sentence| self.leave_out(format!("{name}: {sentence}")));
            self.content.targets.extend(read.targets);
            self.attach_sections(name, read.sections);
        }
    }
}
