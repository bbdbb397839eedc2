//! `winmail.dat` (TNEF): the message and the files that Exchange packs into one attachment. Called by `containers`.
//!
//! Owns the format: a list of attributes, two of which hold MAPI properties. Lengths that lie end the reading there; what
//! was read before stays. Linear in the input; slices, not copies.

mod lzfu;
mod properties;

use super::charset;
use crate::ingest::parse::code_page;
use properties::{Properties, Value};

const SIGNATURE: [u8; 4] = [0x78, 0x9F, 0x3E, 0x22];

/// Attributes, by the number in their lower half.
const SUBJECT: u16 = 0x8004;
const BODY: u16 = 0x800C;
const ATTACH_DATA: u16 = 0x800F;
const ATTACH_TITLE: u16 = 0x8010;
const ATTACH_START: u16 = 0x9002;
const MESSAGE_PROPERTIES: u16 = 0x9003;
const RECIPIENTS: u16 = 0x9004;
const ATTACH_PROPERTIES: u16 = 0x9005;
const CODE_PAGE: u16 = 0x9007;

/// Most files of one container.
const FILE_LIMIT: usize = 500;

/// A file inside.
#[derive(Debug, Default)]
pub(super) struct File<'raw> {
    /// Its name, the long one if there are two.
    pub name: Option<String>,
    /// Its media type, if stated.
    pub media_type: Option<String>,
    /// Its content.
    pub bytes: &'raw [u8],
    /// Whether the content is a message in this very format.
    pub is_message: bool,
    short_name: Option<String>,
}

/// What a container holds.
#[derive(Debug, Default)]
pub(super) struct Tnef<'raw> {
    /// The message's subject.
    pub subject: Option<String>,
    /// Its text: plain, else from HTML, else from rich text.
    pub plain: Option<String>,
    /// Its text as HTML.
    pub html: Option<String>,
    /// Its text as rich text, unpacked.
    pub rtf: Option<Vec<u8>>,
    /// Name and address of the sender.
    pub sender: (Option<String>, Option<String>),
    /// Names and addresses of the recipients.
    pub recipients: Vec<(Option<String>, Option<String>)>,
    /// The files inside, in order.
    pub files: Vec<File<'raw>>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// Text of one byte a character (or of a code page with two), without the NULs at its end.
fn text(bytes: &[u8], page: Option<u32>) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let label = page.map(code_page::label);
    charset::decode(&bytes[..end], label.as_deref()).into_owned()
}

/// Whether the bytes are such a container.
pub(super) fn is_tnef(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Reads a container; `None` when the bytes are none.
pub(super) fn read(bytes: &[u8]) -> Option<Tnef<'_>> {
    if !is_tnef(bytes) {
        return None;
    }
    let mut found = Tnef::default();
    let mut page = None;
    let mut at = 6;
    while let Some((attribute, data)) = attribute_at(bytes, at) {
        at += 11 + data.len();
        match attribute {
            CODE_PAGE => page = u32_at(data, 0).filter(|page| *page != 0),
            SUBJECT => found.subject = Some(text(data, page)).filter(|subject| !subject.trim().is_empty()),
            BODY => found.plain = Some(text(data, page)).filter(|body| !body.trim().is_empty()),
            MESSAGE_PROPERTIES => found.take_message(data, page),
            RECIPIENTS => found.take_recipients(data, page),
            ATTACH_START if found.files.len() < FILE_LIMIT => found.files.push(File::default()),
            ATTACH_TITLE => {
                if let Some(file) = found.files.last_mut() {
                    file.short_name = Some(text(data, page)).filter(|name| !name.trim().is_empty());
                }
            }
            ATTACH_DATA => {
                if let Some(file) = found.files.last_mut() {
                    file.bytes = data;
                }
            }
            ATTACH_PROPERTIES => {
                if let Some(file) = found.files.last_mut() {
                    file.take(data, page);
                }
            }
            _ => {}
        }
    }
    for file in &mut found.files {
        file.name = file.name.take().or_else(|| file.short_name.take());
    }
    Some(found)
}

/// The attribute that starts here: its number and its data; its sum is not checked, and one that is cut off ends early.
fn attribute_at(bytes: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let level = *bytes.get(at)?;
    if !matches!(level, 1 | 2) {
        return None;
    }
    let number = u16_at(bytes, at + 1)?;
    let length = usize::try_from(u32_at(bytes, at + 5)?).ok()?;
    let start = at + 9;
    let end = start.checked_add(length)?.min(bytes.len());
    Some((number, bytes.get(start..end)?))
}

impl Tnef<'_> {
    fn take_message(&mut self, data: &[u8], page: Option<u32>) {
        let mut html_page = None;
        let mut html_bytes = None;
        let mut smtp = None;
        for (id, value) in Properties::new(data) {
            match (id, &value) {
                (0x0037 | 0x0E1D, _) => self.subject = self.subject.take().or_else(|| value.text(page)),
                (0x1000, _) => self.plain = value.text(page).or_else(|| self.plain.take()),
                (0x1009, Value::Bytes(packed)) => self.rtf = lzfu::unpack(packed),
                (0x1013, Value::Bytes(bytes)) => html_bytes = Some(*bytes),
                (0x1013, _) => self.html = value.text(page),
                (0x3FDE, Value::Number(number)) => html_page = Some(*number),
                (0x0C1A | 0x0042, _) => self.sender.0 = self.sender.0.take().or_else(|| value.text(page)),
                (0x5D01 | 0x5D02, _) => smtp = value.text(page).or(smtp),
                (0x0C1F | 0x0065, _) => self.sender.1 = self.sender.1.take().or_else(|| value.text(page)),
                _ => {}
            }
        }
        self.sender.1 = smtp.or_else(|| self.sender.1.take());
        if let Some(bytes) = html_bytes {
            self.html = Some(text(bytes, html_page.or(page))).filter(|html| !html.trim().is_empty());
        }
    }

    fn take_recipients(&mut self, data: &[u8], page: Option<u32>) {
        let rows = u32_at(data, 0).unwrap_or(0).min(2_000);
        let mut rest = data.get(4..).unwrap_or_default();
        for _ in 0..rows {
            let mut properties = Properties::new(rest);
            let (mut name, mut address, mut smtp) = (None, None, None);
            for (id, value) in properties.by_ref() {
                match id {
                    0x3001 => name = value.text(page),
                    0x3003 => address = value.text(page),
                    0x39FE => smtp = value.text(page),
                    _ => {}
                }
            }
            rest = properties.rest();
            self.recipients.push((name, smtp.or(address)));
            if rest.is_empty() {
                break;
            }
        }
    }
}

impl<'raw> File<'raw> {
    fn take(&mut self, data: &'raw [u8], page: Option<u32>) {
        let mut shown = None;
        for (id, value) in Properties::new(data) {
            match (id, &value) {
                (0x3707, _) => self.name = value.text(page).or_else(|| self.name.take()),
                (0x3704, _) => self.short_name = self.short_name.take().or_else(|| value.text(page)),
                (0x3001, _) => shown = value.text(page),
                (0x370E, _) => self.media_type = value.text(page).map(|kind| kind.to_ascii_lowercase()),
                (0x3701, Value::Bytes(bytes)) => {
                    // An object begins with the id of its interface.
                    let inner = bytes.get(16..).unwrap_or_default();
                    self.is_message = is_tnef(inner);
                    self.bytes = if self.is_message { inner } else { *bytes };
                }
                _ => {}
            }
        }
        self.name = self.name.take().or_else(|| shown.filter(|_| self.is_message || self.short_name.is_none()));
    }
}

#[cfg(test)]
pub(super) mod tests;
