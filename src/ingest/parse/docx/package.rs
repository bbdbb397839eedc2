//! The zip of a Word document: its parts by name, and what they refer to. Used by `docx` only.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::domain::Link;
use crate::ingest::parse::ParseError;
use crate::ingest::parse::text::decode;

/// Most bytes one document may unpack to, all its parts together.
const LARGEST: u64 = 128 * 1024 * 1024;
/// Most parts beside the text that are read: headers, footers, drawings.
const MOST_PARTS: usize = 500;

pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes that may still be unpacked.
    left: u64,
    /// What parts refer to, each list read once.
    relations: HashMap<String, Rc<Relations>>,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let damaged = |error: ZipError| ParseError::Damaged(format!("not a Word document: {error}"));
        Ok(Self {
            archive: ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?,
            left: LARGEST,
            relations: HashMap::new(),
        })
    }

    /// The part that holds the text; nearly always `word/document.xml`.
    pub(super) fn main_part(&mut self) -> String {
        let relations = self.part("_rels/.rels").ok().flatten().unwrap_or_default();
        let found = relations_of(&relations).into_iter().find(|relation| relation.kind.ends_with("/officeDocument"));
        let named = found.map(|relation| relation.target.trim_start_matches('/').to_owned());
        let known = named.filter(|name| self.archive.index_for_name(name).is_some());
        known.unwrap_or_else(|| "word/document.xml".to_owned())
    }

    /// A part as text, `None` when there is none of that name.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>, ParseError> {
        let file = match self.archive.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) if error.to_string().to_lowercase().contains("password") => return Err(ParseError::Encrypted),
            Err(error) => return Err(ParseError::Damaged(format!("{name}: {error}"))),
        };
        let mut bytes = Vec::new();
        let read = file.take(self.left + 1).read_to_end(&mut bytes);
        read.map_err(|error| ParseError::Damaged(format!("{name}: {error}")))?;
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| ParseError::TooLarge(format!("it unpacks to more than {} MiB", LARGEST >> 20)))?;
        Ok(Some(match String::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned),
            Err(error) => decode(error.as_bytes()).into_owned(),
        }))
    }

    /// The part `name` in the folder of `main`.
    pub(super) fn part_beside(&mut self, main: &str, name: &str) -> Result<Option<String>, ParseError> {
        let folder = folder(main).to_owned();
        self.part(&format!("{folder}{name}"))
    }

    /// Notes, then comments, drawings' texts, headers and footers; and how many more there are than are read.
    pub(super) fn parts_beside_text(&self, main: &str) -> (Vec<String>, usize) {
        const ORDER: [&str; 7] =
            ["footnotes", "endnotes", "comments", "diagrams/data", "charts/chart", "header", "footer"];
        let folder = folder(main);
        let rank = |name: &str| {
            let stem = name.strip_prefix(folder)?.strip_suffix(".xml")?;
            ORDER.iter().position(|kind| {
                stem.strip_prefix(kind).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            })
        };
        let names = self.archive.file_names().filter_map(Result::ok);
        let mut ranked: Vec<_> = names.filter_map(|name| Some((rank(&name)?, name.len(), name.into_owned()))).collect();
        ranked.sort_unstable();
        let left = ranked.len().saturating_sub(MOST_PARTS);
        (ranked.into_iter().take(MOST_PARTS).map(|(_, _, name)| name).collect(), left)
    }

    /// Where the hyperlinks of a part lead.
    pub(super) fn links(&mut self, part: &str) -> Result<Vec<Link>, ParseError> {
        let relations = self.relations(part)?;
        let links = relations.all.iter().filter(|relation| relation.kind.ends_with("/hyperlink"));
        Ok(links.filter_map(|relation| super::link(&relation.target)).collect())
    }

    /// The part that `id` means in `part`.
    pub(super) fn target(&mut self, part: &str, id: &str) -> Result<Option<String>, ParseError> {
        let relations = self.relations(part)?;
        let found = relations.by_id.get(id).and_then(|at| relations.all.get(*at));
        Ok(found.map(|relation| match relation.target.strip_prefix('/') {
            Some(absolute) => absolute.to_owned(),
            None => format!("{}{}", folder(part), relation.target),
        }))
    }

    fn relations(&mut self, part: &str) -> Result<Rc<Relations>, ParseError> {
        if let Some(known) = self.relations.get(part) {
            return Ok(Rc::clone(known));
        }
        let folder = folder(part);
        let name = format!("{folder}_rels/{}.rels", &part[folder.len()..]);
        let all = self.part(&name)?.map(|xml| relations_of(&xml)).unwrap_or_default();
        let mut by_id = HashMap::new();
        for (at, relation) in all.iter().enumerate() {
            by_id.entry(relation.id.clone()).or_insert(at);
        }
        let read = Rc::new(Relations { all, by_id });
        self.relations.insert(part.to_owned(), Rc::clone(&read));
        Ok(read)
    }
}

/// Whether a part stands beside the text: comments, headers, footers. Notes and drawings belong to it.
pub(super) fn is_beside(name: &str) -> bool {
    let stem = &name[folder(name).len()..];
    ["comments", "header", "footer"].iter().any(|kind| stem.starts_with(kind))
}

/// The folder of a part with its slash.
fn folder(part: &str) -> &str {
    &part[..part.rfind('/').map_or(0, |slash| slash + 1)]
}

/// What a part refers to.
struct Relations {
    all: Vec<Relation>,
    by_id: HashMap<String, usize>,
}

struct Relation {
    id: String,
    kind: String,
    target: String,
}

fn relations_of(xml: &str) -> Vec<Relation> {
    let mut reader = Reader::from_str(xml);
    let mut relations = Vec::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => {
                let of = |name: &str| attribute(&element, name).unwrap_or_default();
                if element.local_name().as_ref() == "Relationship" {
                    relations.push(Relation { id: of("Id"), kind: of("Type"), target: of("Target") });
                }
            }
            _ => {}
        }
    }
    relations
}

/// An attribute's value by its name without prefix.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    // Comparing every name with every other would let one tag take minutes.
    let found =
        element.attributes().with_checks(false).flatten().find(|found| found.key.local_name().as_ref() == name)?;
    let value = quick_xml::escape::unescape(&found.value).map(std::borrow::Cow::into_owned);
    Some(value.unwrap_or_else(|_| found.value.into_owned()))
}
