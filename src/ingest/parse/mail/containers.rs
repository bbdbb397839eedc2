//! Parts that hold something else than their own text: winmail.dat, S/MIME, messages, calendars, contact cards, rich text,
//! saved pages. What they are is told by their bytes as much as by their type and name. Called by `body`.

use std::fmt::Write;

use crate::domain::{ChunkKind, PersonMention, PersonRole};
use crate::ingest::parse::{Section, calendar, contacts, html, rtf, text};

use super::body::{ATTACHMENT_LIMIT, Collector, Texts, too_many_attachments};
use super::kind::is_textual;
use super::mime::{ContentType, Part};
use super::{address, charset, cms, headers, mhtml, plain, tnef};

/// Messages inside messages deeper than this are named, not read.
const MESSAGE_DEPTH_LIMIT: usize = 8;

/// Containers inside containers deeper than this are named, not opened.
const NESTING_LIMIT: usize = 8;

/// Texts from inside containers that are compared with the message's own: nobody sends more.
const COMPARED_LIMIT: usize = 8;

/// Bytes by which text is told from data.
const HEAD_BYTES: usize = 4 << 10;

/// What stands for text that only a key can open.
const ENCRYPTED_NOTE: &str = "[Encrypted (S/MIME): the text cannot be read without the key]";

/// What a file in a mail turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `winmail.dat`.
    Tnef,
    /// S/MIME.
    Cms,
    /// A calendar.
    Calendar,
    /// Contact cards.
    Contacts,
    /// Rich text.
    Rtf,
    /// A message.
    Message,
    /// A saved web page.
    WebPage,
}

fn ending(name: &str) -> String {
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

/// What the bytes are, if they are to be opened here.
pub(super) fn kind(content_type: &ContentType, name: &str, bytes: &[u8]) -> Option<Kind> {
    let ending = ending(name);
    if tnef::is_tnef(bytes) {
        return Some(Kind::Tnef);
    }
    if calendar::is_calendar(bytes) {
        return Some(Kind::Calendar);
    }
    if contacts::is_contacts(bytes) {
        return Some(Kind::Contacts);
    }
    if rtf::is_rtf(bytes) {
        return Some(Kind::Rtf);
    }
    match ending.as_str() {
        "p7m" | "p7c" => Some(Kind::Cms),
        "mht" | "mhtml" => Some(Kind::WebPage),
        "eml" if content_type.main != "text" => Some(Kind::Message),
        _ if content_type.is("application", "pkcs7-mime") || content_type.is("application", "x-pkcs7-mime") => {
            Some(Kind::Cms)
        }
        _ => None,
    }
}

/// Adds people from inside a message to those of its headers, each once: whoever is there already is not named again.
pub(super) fn add_people(people: &mut Vec<PersonMention>, inside: Vec<PersonMention>) {
    let key = |person: &PersonMention| person.email.clone().or_else(|| person.name.clone());
    let mut seen: std::collections::HashSet<_> = people.iter().map(key).collect();
    for person in inside {
        if seen.insert(key(&person)) {
            people.push(PersonMention { role: PersonRole::Mentioned, ..person });
        }
    }
}

/// Words alone, to tell whether a text repeats another.
fn squeezed(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).collect()
}

impl Collector<'_> {
    /// Opens a part or file of this kind. `name` is what it is listed by.
    pub(super) fn open(&mut self, kind: Kind, name: String, bytes: &[u8], texts: Texts) {
        match kind {
            Kind::Tnef => self.winmail(name, bytes, texts),
            Kind::Cms => self.secured(name, bytes, texts),
            Kind::Calendar => {
                self.content.attachments.push(name);
                self.calendar(bytes, texts);
            }
            Kind::Contacts => self.contacts(name, bytes),
            Kind::Rtf => self.attach_text(name, &rtf::to_text(bytes)),
            Kind::Message => self.message(Some(name), bytes),
            Kind::WebPage => {
                let sections = mhtml::parse(bytes).map(|parsed| parsed.sections).unwrap_or_default();
                self.content.attachments.push(name.clone());
                self.attach_sections(&name, sections);
            }
        }
    }

    /// A file that is no part of its own: from a container, or from the text.
    pub(super) fn file(&mut self, name: String, media_type: Option<&str>, bytes: &[u8]) {
        let content_type = media_type.map(|kind| ContentType::parse(kind.as_bytes())).unwrap_or_default();
        if let Some(kind) = kind(&content_type, &name, bytes) {
            return self.open(kind, name, bytes, Texts::Keep);
        }
        if matches!(ending(&name).as_str(), "html" | "htm") || content_type.is("text", "html") {
            let text = html::to_text(&charset::decode(bytes, None));
            self.attach_text(name, &text);
        } else if is_textual(&content_type, &name) && !bytes.contains(&0) {
            self.attach_text(name, &plain::clean(&charset::decode(bytes, None)));
        } else {
            self.content.attachments.push(name.clone());
            if !matches!(content_type.main.as_str(), "image" | "audio" | "video") {
                let name_of_type = media_type.unwrap_or("application/octet-stream");
                self.read(&name, name_of_type, bytes);
            }
        }
    }

    /// Text from inside a container, unless the message says the same already.
    fn push_inner_text(&mut self, text: &str, texts: Texts) {
        let words = squeezed(text);
        self.compared += 1;
        let is_known =
            self.compared <= COMPARED_LIMIT && self.content.texts.iter().any(|known| squeezed(known).contains(&words));
        if !words.is_empty() && !is_known {
            self.push_text(text.trim_matches('\n').to_owned(), texts);
        }
    }

    /// Whether a container is opened here; one that lies too deep is told.
    fn may_open(&mut self) -> bool {
        if self.nesting >= NESTING_LIMIT {
            self.leave_out(format!(
                "files within files were opened to a depth of {NESTING_LIMIT}, those inside were not"
            ));
        }
        self.nesting < NESTING_LIMIT
    }

    fn winmail(&mut self, name: String, bytes: &[u8], texts: Texts) {
        let found = self.may_open().then(|| tnef::read(bytes)).flatten();
        let Some(found) = found else {
            self.content.attachments.push(name);
            return;
        };
        let text = text_of(&found);
        if text.trim().is_empty() && found.files.is_empty() {
            self.content.attachments.push(name);
            return;
        }
        self.push_inner_text(&text, texts);
        self.files_of(&found);
    }

    fn files_of(&mut self, found: &tnef::Tnef<'_>) {
        self.nesting += 1;
        for file in &found.files {
            if self.is_full() {
                self.leave_out(too_many_attachments());
                break;
            }
            let name = file.name.as_deref().and_then(super::mime::clean_filename);
            if file.is_message {
                self.packed_message(name, file.bytes);
            } else {
                let name = name.unwrap_or_else(|| format!("attachment-{}.bin", self.content.attachments.len() + 1));
                self.file(name, file.media_type.as_deref(), file.bytes);
            }
        }
        self.nesting -= 1;
    }

    /// A message in the format of winmail.dat: its subject, people and text, and its files.
    fn packed_message(&mut self, name: Option<String>, bytes: &[u8]) {
        let found = self.may_open().then(|| tnef::read(bytes)).flatten();
        let subject = found.as_ref().and_then(|found| found.subject.clone());
        let name = name.or_else(|| subject.clone()).unwrap_or_else(|| "message".to_owned());
        let name = if ending(&name).is_empty() { format!("{name}.msg") } else { name };
        self.content.attachments.push(name.clone());
        let Some(found) = found else { return };
        let shown = |(name, address): &(Option<String>, Option<String>)| match (name, address) {
            (Some(name), Some(address)) if address.contains('@') => format!("{name} <{address}>"),
            (name, address) => name.clone().or_else(|| address.clone()).unwrap_or_default(),
        };
        let to = found.recipients.iter().map(shown).collect::<Vec<_>>().join(", ");
        let head = [("From", shown(&found.sender)), ("To", to), ("Subject", subject.unwrap_or_default())];
        let lines = head.iter().filter(|(_, value)| !value.is_empty());
        let lines: Vec<String> = lines.map(|(field, value)| format!("{field}: {value}\n")).collect();
        let mut text = lines.concat();
        text.push('\n');
        text.push_str(text_of(&found).trim());
        self.attach_section(name, &text);
        for (name, address) in std::iter::once(&found.sender).chain(&found.recipients) {
            // An address of Exchange itself (`/O=…`) identifies nobody outside.
            let email = address.as_deref().map(str::trim).filter(|address| address.contains('@'));
            if let Some(email) = email.map(str::to_lowercase) {
                let name = name.clone().filter(|name| !name.contains('@'));
                self.content.people.push(PersonMention { email: Some(email), name, role: PersonRole::Mentioned });
            }
        }
        self.files_of(&found);
    }

    /// A message inside the message: its headers in short and its text, under its own name; its people are ours.
    pub(super) fn message(&mut self, name: Option<String>, bytes: &[u8]) {
        let inner = Part::parse(bytes);
        let subject = inner.headers.text("Subject");
        let name = name.or_else(|| {
            subject.as_ref().map(|subject| {
                let short: String = subject.chars().take(120).collect();
                format!("{}.eml", short.replace(['/', '\\'], "-"))
            })
        });
        let name = name.unwrap_or_else(|| format!("attachment-{}.eml", self.content.attachments.len() + 1));
        self.content.attachments.push(name.clone());
        self.name_people(&inner);
        if self.depth >= MESSAGE_DEPTH_LIMIT {
            return self.leave_out(format!(
                "messages within messages were read to a depth of {MESSAGE_DEPTH_LIMIT}, those inside were not"
            ));
        }
        if inner.headers.is_cut() {
            self.leave_out(headers::CUT.to_owned());
        }
        let mut collector = Collector::new(self.reader, self.depth + 1);
        collector.nesting = self.nesting;
        let content = collector.collect(&inner);
        let mut text = String::new();
        for field in ["From", "To", "Cc", "Date", "Subject"] {
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
        if content.attachments.len() > room {
            self.leave_out(too_many_attachments());
        }
        self.content.attachments.extend(content.attachments.into_iter().take(room));
        self.content.sections.extend(content.sections);
        self.content.people.extend(content.people);
        self.content.targets.extend(content.targets);
        content.left_out.into_iter().for_each(|sentence| self.leave_out(sentence));
    }

    /// S/MIME: what is signed is read as if it were not; what is encrypted says so.
    fn secured(&mut self, name: String, bytes: &[u8], texts: Texts) {
        let bytes = cms::without_armour(bytes);
        let note = match cms::read(&bytes) {
            Some(cms::Cms::Signed(content)) if self.may_open() => {
                self.nesting += 1;
                // `contract.pdf.p7m` is a signed file; anything else is a part with headers of its own.
                let inner = name.strip_suffix(".p7m").or_else(|| name.strip_suffix(".P7M"));
                match inner.filter(|inner| !ending(inner).is_empty()) {
                    Some(inner) if !begins_with_header(&content) => self.file(inner.to_owned(), None, &content),
                    _ => self.part(&Part::parse(&content), texts, false),
                }
                self.nesting -= 1;
                return;
            }
            Some(cms::Cms::Signed(_) | cms::Cms::Detached) => {
                self.content.attachments.push(name);
                return;
            }
            Some(cms::Cms::Encrypted) => ENCRYPTED_NOTE,
            Some(cms::Cms::Compressed) => "[Compressed (S/MIME): the text was not read]",
            None => return self.not_secured(name, &bytes, texts),
        };
        // What cannot be opened is found by its name, where it has one of its own.
        if !name.eq_ignore_ascii_case("smime.p7m") {
            self.content.attachments.push(name);
        }
        self.push_text(note.to_owned(), texts);
    }

    /// What goes by the name of S/MIME and is none: a part, a text, or nothing that can be read.
    fn not_secured(&mut self, name: String, bytes: &[u8], texts: Texts) {
        if begins_with_header(bytes) && self.may_open() {
            self.nesting += 1;
            self.part(&Part::parse(bytes), texts, false);
            self.nesting -= 1;
        } else if text::is_text(bytes.get(..HEAD_BYTES).unwrap_or(bytes)) {
            self.attach_text(name, &plain::clean(&charset::decode(bytes, None)));
        } else {
            self.leave_out(format!("{name} is damaged: no S/MIME, and no text"));
            self.content.attachments.push(name);
            self.push_text("[S/MIME: damaged, the text cannot be read]".to_owned(), texts);
        }
    }

    /// Events stand as text of the message: nothing in them is a quote or a signature.
    pub(super) fn calendar(&mut self, bytes: &[u8], texts: Texts) {
        if texts == Texts::Skip {
            return;
        }
        let found = calendar::read(bytes);
        found.left_out.into_iter().for_each(|sentence| self.leave_out(sentence));
        for event in &found.events {
            let text = event.text();
            // The same invitation comes as a part and as a file.
            if self.events.insert(text.clone()) {
                self.content.sections.push(Section { text, ..Section::default() });
            }
        }
        self.content.people.extend(calendar::people(&found.events));
    }

    pub(super) fn contacts(&mut self, name: String, bytes: &[u8]) {
        let (found, left_out) = contacts::read(bytes);
        if let Some(sentence) = left_out {
            self.leave_out(sentence);
        }
        let texts: Vec<String> = found.iter().map(contacts::Contact::text).collect();
        self.attach_text(name, &texts.join("\n\n"));
        self.content.people.extend(contacts::people(&found));
    }

    pub(super) fn attach_sections(&mut self, name: &str, sections: Vec<Section>) {
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

    /// The people a message inside this one names.
    pub(super) fn name_people(&mut self, inner: &Part<'_>) {
        let people = address::people(&inner.headers);
        self.content.people.extend(people);
    }
}

/// The text of a packed message: plain, else from HTML, else from rich text.
fn text_of(found: &tnef::Tnef<'_>) -> String {
    let plain = found.plain.as_deref().map(plain::clean).filter(|text| !text.trim().is_empty());
    let from_html = || found.html.as_deref().map(super::html_body::to_text).filter(|text| !text.trim().is_empty());
    let from_rtf = || found.rtf.as_deref().map(rtf::to_text);
    plain.or_else(from_html).or_else(from_rtf).unwrap_or_default()
}

/// Whether the bytes begin like a part: with a field that parts have.
fn begins_with_header(bytes: &[u8]) -> bool {
    let head = bytes.trim_ascii_start();
    let head = head.get(..13).unwrap_or(head).to_ascii_lowercase();
    [&b"content-"[..], b"mime-version:", b"from:", b"subject:", b"date:", b"message-id:"]
        .iter()
        .any(|field| head.starts_with(field))
}

#[cfg(test)]
mod tests;
