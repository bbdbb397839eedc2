//! From the tree of parts to text: which alternative is read, what is an attachment, what is neither.
//!
//! Called by `mail` for a message and by itself for messages inside messages.

use std::fmt::Write;

use crate::domain::ChunkKind;
use crate::ingest::parse::Section;

use super::kind::{extension, is_textual};
use super::mime::Part;
use super::{AttachmentReader, NoAttachments, calendar, html_body, plain};

/// Messages inside messages deeper than this are named, not read.
const MESSAGE_DEPTH_LIMIT: usize = 8;

/// Most attachments read from one message.
const ATTACHMENT_LIMIT: usize = 500;

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
}

/// Whether the texts of a part are wanted or only its attachments (the alternative not chosen).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    Keep,
    Skip,
}

pub(super) struct Collector<'reader> {
    reader: &'reader dyn AttachmentReader,
    content: Content,
    depth: usize,
    /// Alternatives we are inside of.
    open_alternatives: usize,
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
    html_body::to_text(&part.text())
}

fn leaves_are_blank(part: &Part<'_>) -> bool {
    if part.children.is_empty() {
        part.raw_body.trim_ascii().is_empty()
    } else {
        part.children.iter().all(leaves_are_blank)
    }
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
        Self { reader, content: Content::default(), depth, open_alternatives: 0 }
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

    fn push_text(&mut self, text: String, texts: Texts) {
        if texts == Texts::Keep && !text.trim().is_empty() {
            self.content.texts.push(text);
        }
    }

    fn part(&mut self, part: &Part<'_>, texts: Texts, in_related: bool) {
        if self.content.attachments.len() >= ATTACHMENT_LIMIT {
            return;
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
                if texts == Texts::Keep {
                    self.push_text(html_text(part), texts);
                }
            }
            ("text", "calendar") => {
                let text = calendar::invitation(&plain::clean(&part.text()));
                if texts == Texts::Keep && !text.is_empty() {
                    // A section of its own: nothing in it is a quote or a signature.
                    self.content.sections.push(Section { text, ..Section::default() });
                }
                if let Some(name) = part.filename.clone() {
                    self.content.attachments.push(name);
                }
            }
            ("text", "x-vcard" | "vcard" | "directory") => {
                let name = self.name_of(part);
                self.attach_text(name, &calendar::contact(&plain::clean(&part.text())));
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
            ("message", "rfc822" | "global" | "news") => self.message(part),
            ("application", "pkcs7-mime" | "x-pkcs7-mime") => {
                let is_signed =
                    content_type.parameter("smime-type").is_some_and(|kind| kind.eq_ignore_ascii_case("signed-data"));
                let note = if is_signed {
                    "[Signed (S/MIME, opaque): the text is inside the signature and was not read]"
                } else {
                    "[Encrypted (S/MIME): the text cannot be read without the key]"
                };
                self.push_text(note.to_owned(), texts);
            }
            // Pictures shown inside the text; nameless ones can be referred to by nobody.
            ("image" | "audio" | "video", _) if !is_attached && (in_related || part.filename.is_none()) => {}
            _ => self.attachment(part),
        }
    }

    fn plain_body(&mut self, part: &Part<'_>, texts: Texts) {
        if texts == Texts::Skip {
            return;
        }
        let (text, files) = plain::extract_uuencoded(&plain_text(part));
        self.push_text(text, texts);
        for file in files {
            self.content.attachments.push(file.name.clone());
            self.read(&file.name, "application/octet-stream", &file.bytes);
        }
    }

    fn name_of(&self, part: &Part<'_>) -> String {
        part.filename.clone().unwrap_or_else(|| {
            format!("attachment-{}.{}", self.content.attachments.len() + 1, extension(&part.content_type))
        })
    }

    fn attach_section(&mut self, name: String, text: &str) {
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

    fn attach_text(&mut self, name: String, text: &str) {
        self.content.attachments.push(name.clone());
        self.attach_section(name, text);
    }

    fn attachment(&mut self, part: &Part<'_>) {
        let name = self.name_of(part);
        let content_type = &part.content_type;
        if content_type.is("text", "html") {
            let text = html_text(part);
            self.attach_text(name, &text);
        } else if is_textual(content_type, &name) && !part.bytes().contains(&0) {
            let text = plain::clean(&part.text());
            self.attach_text(name, &text);
        } else {
            self.content.attachments.push(name.clone());
            if !matches!(content_type.main.as_str(), "image" | "audio" | "video") {
                let bytes = part.bytes();
                self.read(&name, &content_type.name(), &bytes);
            }
        }
    }

    /// Hands an attachment to the reader. One that cannot be read keeps its name in the list and has no text.
    fn read(&mut self, name: &str, media_type: &str, bytes: &[u8]) {
        let Ok(sections) = self.reader.read(name, media_type, bytes) else { return };
        for section in sections {
            if !section.text.trim().is_empty() {
                self.content.sections.push(Section {
                    kind: Some(ChunkKind::Attachment),
                    attachment: Some(name.to_owned()),
                    ..section
                });
            }
        }
    }

    /// A message inside the message: its headers in short and its text, under its own name.
    fn message(&mut self, part: &Part<'_>) {
        let bytes = part.bytes();
        let inner = Part::parse(&bytes);
        let subject = inner.headers.text("Subject");
        let name = part.filename.clone().or_else(|| {
            subject.as_ref().map(|subject| {
                let short: String = subject.chars().take(120).collect();
                format!("{}.eml", short.replace(['/', '\\'], "-"))
            })
        });
        let name = name.unwrap_or_else(|| self.name_of(part));
        self.content.attachments.push(name.clone());
        if self.depth >= MESSAGE_DEPTH_LIMIT {
            return;
        }
        let content = Collector::new(self.reader, self.depth + 1).collect(&inner);
        let mut text = String::new();
        for field in ["From", "To", "Date", "Subject"] {
            if let Some(value) = inner.headers.text(field) {
                let _ = writeln!(text, "{field}: {value}");
            }
        }
        for piece in content.texts {
            text.push('\n');
            text.push_str(plain::without_armour(&piece).trim());
            text.push('\n');
        }
        self.attach_section(name, &text);
        let room = ATTACHMENT_LIMIT.saturating_sub(self.content.attachments.len());
        self.content.attachments.extend(content.attachments.into_iter().take(room));
        self.content.sections.extend(content.sections);
    }
}
