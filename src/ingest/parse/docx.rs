//! Word documents: paragraphs, headings by style, tables, links, notes. Called by the pipeline.
//!
//! Reads the XML inside the zip as a stream. Sizes are capped while unpacking, so a bomb is an error and not an outage.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use crate::domain::{Link, LinkKind, PersonMention, PersonRole};

use super::{ParseError, Parsed, Section, date};

/// Most bytes one part may unpack to.
const LARGEST_PART: u64 = 128 * 1024 * 1024;

/// Parses a Word document.
///
/// # Errors
/// `Encrypted`, `Damaged` or `TooLarge`; `Unsupported` when nothing readable is left.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(ParseError::Encrypted);
    }
    let damaged = |error: zip::result::ZipError| ParseError::Damaged(format!("not a Word document: {error}"));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let document = part(&mut archive, "word/document.xml")?
        .ok_or_else(|| ParseError::Damaged("word/document.xml is missing".into()))?;
    let styles = part(&mut archive, "word/styles.xml")?.map(|xml| heading_styles(&xml)).unwrap_or_default();
    let relations = part(&mut archive, "word/_rels/document.xml.rels")?.map(|xml| relations(&xml)).unwrap_or_default();
    let mut body = Body::new(styles);
    body.read(&document)?;
    body.flush();
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(xml) = part(&mut archive, notes)? {
            body.headings.clear();
            body.read(&xml)?;
            body.flush();
        }
    }
    let core = part(&mut archive, "docProps/core.xml")?.map(|xml| core_properties(&xml)).unwrap_or_default();
    if body.sections.is_empty() {
        return Err(ParseError::NoText);
    }
    let property = |name: &str| core.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let author =
        property("creator").map(|name| PersonMention { email: None, name: Some(name), role: PersonRole::Author });
    let tags = property("keywords").unwrap_or_default();
    Ok(Parsed {
        title: property("title").or(body.first_heading),
        dated_at: property("modified").or_else(|| property("created")).and_then(|text| date::parse(&text)),
        tags: tags.split([',', ';']).map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect(),
        links: relations,
        people: author.into_iter().collect(),
        sections: body.sections,
        ..Parsed::default()
    })
}

fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Option<String>, ParseError> {
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) if error.to_string().to_lowercase().contains("password") => return Err(ParseError::Encrypted),
        Err(error) => return Err(ParseError::Damaged(format!("{name}: {error}"))),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST_PART + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ParseError::Damaged(format!("{name}: {error}")))?;
    if bytes.len() as u64 > LARGEST_PART {
        return Err(ParseError::TooLarge(format!("{name} unpacks to more than {} MiB", LARGEST_PART >> 20)));
    }
    Ok(Some(super::text::decode(&bytes).into_owned()))
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    Some(found.value.into_owned())
}

fn local(element: &BytesStart<'_>) -> String {
    element.local_name().as_ref().to_owned()
}

/// Style id → heading level, by the style's name or outline level.
fn heading_styles(xml: &str) -> HashMap<String, u8> {
    let mut reader = Reader::from_str(xml);
    let mut levels = HashMap::new();
    let mut current = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => match local(&element).as_str() {
                "style" => current = attribute(&element, "styleId").unwrap_or_default(),
                "name" => {
                    let name = attribute(&element, "val").unwrap_or_default().to_lowercase();
                    let level = name.strip_prefix("heading ").and_then(|level| level.parse().ok());
                    if let Some(level) = level.or((name == "title").then_some(1)) {
                        levels.insert(current.clone(), level);
                    }
                }
                "outlineLvl" => {
                    if let Some(level) =
                        attribute(&element, "val").and_then(|level| level.parse::<u8>().ok()).filter(|l| *l < 9)
                    {
                        levels.entry(current.clone()).or_insert(level + 1);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    levels
}

fn relations(xml: &str) -> Vec<Link> {
    let mut reader = Reader::from_str(xml);
    let mut links = Vec::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => {
                let is_link = attribute(&element, "Type").is_some_and(|kind| kind.ends_with("/hyperlink"));
                if let Some(target) = attribute(&element, "Target").filter(|target| is_link && target.contains("://")) {
                    links.push(Link {
                        kind: LinkKind::Url,
                        target: target.split('#').next().unwrap_or_default().to_owned(),
                    });
                }
            }
            _ => {}
        }
    }
    links.sort();
    links.dedup();
    links
}

fn core_properties(xml: &str) -> HashMap<String, String> {
    let mut reader = Reader::from_str(xml);
    let mut values = HashMap::new();
    let mut current = None;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(element) => current = Some(local(&element)),
            Event::End(_) => current = None,
            Event::Text(text) => {
                if let Some(name) = &current {
                    values.entry(name.clone()).or_insert_with(String::new).push_str(&text);
                }
            }
            _ => {}
        }
    }
    values
}

struct Body {
    styles: HashMap<String, u8>,
    sections: Vec<Section>,
    headings: Vec<(u8, String)>,
    first_heading: Option<String>,
    text: String,
    paragraph: String,
    level: Option<u8>,
    is_list: bool,
    /// Depth inside deleted text and field codes, which nobody sees.
    hidden: usize,
    cells: usize,
}

impl Body {
    fn new(styles: HashMap<String, u8>) -> Self {
        Self {
            styles,
            sections: Vec::new(),
            headings: Vec::new(),
            first_heading: None,
            text: String::new(),
            paragraph: String::new(),
            level: None,
            is_list: false,
            hidden: 0,
            cells: 0,
        }
    }

    fn read(&mut self, xml: &str) -> Result<(), ParseError> {
        let mut reader = Reader::from_str(xml);
        let mut in_text = false;
        loop {
            let event = reader.read_event().map_err(|error| ParseError::Damaged(format!("broken XML: {error}")))?;
            match event {
                Event::Eof => return Ok(()),
                Event::Start(element) => {
                    let name = local(&element);
                    in_text = name == "t";
                    self.start(&name, &element, false);
                }
                Event::Empty(element) => self.start(&local(&element), &element, true),
                Event::End(element) => {
                    in_text = false;
                    self.end(element.local_name().as_ref());
                }
                Event::Text(text) if in_text && self.hidden == 0 => {
                    self.paragraph.push_str(&text);
                }
                Event::GeneralRef(reference) if in_text && self.hidden == 0 => {
                    let name = reference.to_string();
                    let resolved = reference.resolve_char_ref().ok().flatten().map(String::from);
                    let resolved =
                        resolved.or_else(|| quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned));
                    self.paragraph.push_str(&resolved.unwrap_or_default());
                }
                _ => {}
            }
        }
    }

    fn start(&mut self, name: &str, element: &BytesStart<'_>, is_empty: bool) {
        match name {
            "del" | "instrText" | "delText" | "fldData" if !is_empty => self.hidden += 1,
            "pStyle" => self.level = attribute(element, "val").and_then(|style| self.styles.get(&style).copied()),
            "outlineLvl" if self.level.is_none() => {
                self.level =
                    attribute(element, "val").and_then(|l| l.parse::<u8>().ok()).filter(|l| *l < 9).map(|l| l + 1);
            }
            "numPr" => self.is_list = true,
            "tab" if self.hidden == 0 && !self.paragraph.is_empty() => self.paragraph.push('\t'),
            "br" | "cr" => self.paragraph.push('\n'),
            "noBreakHyphen" => self.paragraph.push('-'),
            "tr" => self.cells = 0,
            "tc" => self.cells += 1,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "del" | "instrText" | "delText" | "fldData" => self.hidden = self.hidden.saturating_sub(1),
            "p" => self.end_paragraph(),
            "tr" => {
                self.cells = 0;
                self.break_block();
            }
            "tbl" => self.break_block(),
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let (level, is_list) = (self.level.take(), std::mem::take(&mut self.is_list));
        let paragraph = paragraph.trim();
        if paragraph.is_empty() {
            return;
        }
        if let Some(level) = level {
            self.flush();
            self.first_heading.get_or_insert_with(|| paragraph.to_owned());
            self.headings.retain(|(above, _)| *above < level);
            self.headings.push((level, paragraph.to_owned()));
            return;
        }
        if self.cells > 1 && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push_str(" | ");
        } else if self.cells == 0 && !is_list {
            self.break_block();
        } else if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        if is_list {
            self.text.push_str("- ");
        }
        self.text.push_str(paragraph);
    }

    fn break_block(&mut self) {
        while !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn flush(&mut self) {
        self.end_paragraph();
        let text = std::mem::take(&mut self.text);
        let text = text.trim_matches('\n');
        if !text.trim().is_empty() {
            let headings = self.headings.iter().map(|(_, title)| title.clone()).collect();
            self.sections.push(Section { headings, text: text.to_owned(), ..Section::default() });
        }
    }
}
