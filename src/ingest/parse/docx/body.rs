//! Reads one part of a Word document as a stream: paragraphs, headings, lists, tables, text boxes. Used by `docx` only.
//!
//! The text is the one a reader sees who accepts every change: what was inserted or moved here stands, what was deleted
//! or moved away does not.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::domain::Link;
use crate::ingest::parse::outline::Outline;
use crate::ingest::parse::{ParseError, Section};

use super::package::attribute;
use super::styles::{Styles, outline_level};

/// Text boxes within text boxes that stand on lines of their own.
const DEEPEST_BOX: usize = 16;
/// Elements whose content nobody sees: deleted text, field codes, formatting as it was before a change.
const HIDDEN: [&str; 13] = [
    "del",
    "moveFrom",
    "delText",
    "delInstrText",
    "fldData",
    "pPrChange",
    "rPrChange",
    "tblPrChange",
    "trPrChange",
    "tcPrChange",
    "sectPrChange",
    "numberingChange",
    "rt",
];

/// A paragraph that is being read.
#[derive(Debug, Default)]
struct Paragraph {
    text: String,
    level: Option<u8>,
    is_list: bool,
    /// Its end was deleted: the next one goes on with it.
    goes_on: bool,
}

/// What characters are, where they stand.
#[derive(Clone, Copy, Debug)]
enum Collects {
    Nothing,
    Text,
    /// What a field is made of.
    Code,
}

/// Where a text box interrupted what.
#[derive(Debug)]
struct Interrupted {
    paragraph: Paragraph,
    cells: usize,
}

pub(super) struct Body {
    styles: Styles,
    pub(super) sections: Vec<Section>,
    outline: Outline,
    pub(super) first_heading: Option<String>,
    /// Ids of documents of other kinds that are included.
    pub(super) foreign: Vec<String>,
    /// Links written as field codes.
    pub(super) links: Vec<Link>,
    text: String,
    paragraph: Paragraph,
    /// Paragraphs that wait for the end of the text box in them.
    interrupted: Vec<Interrupted>,
    /// Text boxes beyond [`DEEPEST_BOX`].
    too_deep: usize,
    /// Texts of boxes, for the end of their paragraph.
    boxes: Vec<String>,
    field_code: String,
    collects: Collects,
    in_run: bool,
    /// Depth inside what nobody sees.
    hidden: usize,
    /// For every alternative that is open: whether one of its choices was read.
    choices: Vec<bool>,
    /// Cell of the row, from 1; 0 outside tables. And whether the cell has text.
    cells: usize,
    in_cell: bool,
}

impl Body {
    pub(super) fn new(styles: Styles) -> Self {
        Self {
            styles,
            sections: Vec::new(),
            outline: Outline::default(),
            first_heading: None,
            foreign: Vec::new(),
            links: Vec::new(),
            text: String::new(),
            paragraph: Paragraph::default(),
            interrupted: Vec::new(),
            too_deep: 0,
            boxes: Vec::new(),
            field_code: String::new(),
            collects: Collects::Nothing,
            in_run: false,
            hidden: 0,
            choices: Vec::new(),
            cells: 0,
            in_cell: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sections.is_empty() && self.text.is_empty() && self.paragraph.text.is_empty() && self.foreign.is_empty()
    }

    /// What follows is another part: it stands below no heading, and nothing of the last one is open.
    pub(super) fn begin_part(&mut self) {
        self.outline.clear();
        self.interrupted.clear();
        self.choices.clear();
        (self.hidden, self.cells, self.too_deep) = (0, 0, 0);
        (self.collects, self.in_run, self.in_cell) = (Collects::Nothing, false, false);
    }

    pub(super) fn read(&mut self, xml: &str) -> Result<(), ParseError> {
        let mut reader = Reader::from_str(xml);
        loop {
            let event = reader.read_event().map_err(|error| ParseError::Damaged(format!("broken XML: {error}")))?;
            match event {
                Event::Eof => return Ok(()),
                Event::Start(element) => self.start(&element),
                Event::Empty(element) => self.mark(element.local_name().as_ref(), &element),
                Event::End(element) => self.end(element.local_name().as_ref()),
                Event::Text(text) => self.characters(&text),
                Event::CData(text) => self.characters(&text),
                Event::GeneralRef(reference) => self.characters(&resolved(&reference)),
                _ => {}
            }
        }
    }

    fn characters(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        match self.collects {
            Collects::Text => self.paragraph.text.extend(text.chars().filter(|character| *character != '\u{ad}')),
            Collects::Code => self.field_code.push_str(text),
            Collects::Nothing => {}
        }
    }

    fn start(&mut self, element: &BytesStart<'_>) {
        let name = element.local_name();
        match name.as_ref() {
            hidden if HIDDEN.contains(&hidden) => self.hidden += 1,
            "AlternateContent" => self.choices.push(false),
            "Choice" => {
                if let Some(chosen) = self.choices.last_mut()
                    && !std::mem::replace(chosen, true)
                {
                    return;
                }
                self.hidden += 1;
            }
            "Fallback" if self.choices.last() == Some(&true) => self.hidden += 1,
            "txbxContent" if self.hidden == 0 => self.open_box(),
            "t" => self.collects = Collects::Text,
            "instrText" => self.collects = Collects::Code,
            "r" => self.in_run = true,
            name => self.mark(name, element),
        }
    }

    /// Elements that mean something by themselves.
    fn mark(&mut self, name: &str, element: &BytesStart<'_>) {
        if self.hidden > 0 {
            return;
        }
        let value = || attribute(element, "val");
        match name {
            "pStyle" => {
                let style = value().map(|id| self.styles.of(&id)).unwrap_or_default();
                self.paragraph.level = style.level;
                self.paragraph.is_list |= style.is_list && style.level.is_none();
            }
            "outlineLvl" => {
                let level = value().and_then(|level| outline_level(&level));
                self.paragraph.level = self.paragraph.level.or(level).filter(|level| *level <= 9);
            }
            "numPr" => self.paragraph.is_list = true,
            "numId" if value().as_deref() == Some("0") => self.paragraph.is_list = false,
            // The deleted end of a paragraph, in the properties of its mark.
            "del" | "moveFrom" if !self.in_run => self.paragraph.goes_on = true,
            "tab" | "ptab" if self.in_run && !self.paragraph.text.is_empty() => self.paragraph.text.push('\t'),
            "br" | "cr" => self.paragraph.text.push('\n'),
            "noBreakHyphen" => self.paragraph.text.push('-'),
            "sym" => self.paragraph.text.extend(symbol(element)),
            "fldSimple" => self.field(&attribute(element, "instr").unwrap_or_default()),
            "docPr" => {
                let description = attribute(element, "descr").or_else(|| attribute(element, "title"));
                self.boxes.extend(description.filter(|text| !text.trim().is_empty()));
            }
            "altChunk" => self.foreign.extend(attribute(element, "id")),
            "tr" => self.cells = 0,
            "tc" => {
                self.cells += 1;
                self.in_cell = false;
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            hidden if HIDDEN.contains(&hidden) => self.hidden = self.hidden.saturating_sub(1),
            "AlternateContent" => drop(self.choices.pop()),
            "Choice" | "Fallback" => self.hidden = self.hidden.saturating_sub(1),
            "txbxContent" if self.hidden == 0 => self.close_box(),
            "t" => self.collects = Collects::Nothing,
            "instrText" => {
                self.collects = Collects::Nothing;
                let code = std::mem::take(&mut self.field_code);
                self.field(&code);
            }
            "r" => self.in_run = false,
            "p" | "tr" | "tbl" if self.hidden > 0 => {}
            "p" => self.end_paragraph(),
            "tr" => {
                self.cells = 0;
                self.new_line();
            }
            "tbl" => {
                self.cells = 0;
                self.break_block();
            }
            _ => {}
        }
    }

    /// A text box stands where its paragraph ends, on lines of its own.
    fn open_box(&mut self) {
        if self.interrupted.len() >= DEEPEST_BOX {
            self.too_deep += 1;
            return;
        }
        let paragraph = std::mem::take(&mut self.paragraph);
        self.interrupted.push(Interrupted { paragraph, cells: std::mem::take(&mut self.cells) });
    }

    fn close_box(&mut self) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        self.paragraph.goes_on = false;
        self.end_paragraph();
        if let Some(interrupted) = self.interrupted.pop() {
            self.paragraph = interrupted.paragraph;
            self.cells = interrupted.cells;
        }
    }

    /// `HYPERLINK "https://…"`
    fn field(&mut self, code: &str) {
        if let Some((_, rest)) = code.split_once("HYPERLINK")
            && let Some(target) = rest.split('"').nth(1)
        {
            self.links.extend(super::link(target));
        }
    }

    fn end_paragraph(&mut self) {
        if self.paragraph.goes_on && !self.paragraph.text.is_empty() {
            self.paragraph.goes_on = false;
            return;
        }
        let paragraph = std::mem::take(&mut self.paragraph);
        let text = paragraph.text.trim();
        if !self.interrupted.is_empty() {
            if !text.is_empty() {
                self.boxes.push(text.to_owned());
            }
            return;
        }
        if let Some(level) = paragraph.level.filter(|_| !text.is_empty()) {
            self.begin_section(level, text);
        } else if !text.is_empty() {
            self.place(text, paragraph.is_list);
        }
        for text in std::mem::take(&mut self.boxes) {
            self.place(&text, false);
        }
    }

    fn begin_section(&mut self, level: u8, heading: &str) {
        self.flush_text();
        let heading = heading.split_whitespace().collect::<Vec<_>>().join(" ");
        self.first_heading.get_or_insert_with(|| heading.clone());
        self.outline.enter(level, &heading);
        self.text = heading;
        self.break_block();
    }

    /// A paragraph in its place: a block, an item, a cell, or more text in a cell.
    fn place(&mut self, text: &str, is_list: bool) {
        let begins_cell = self.cells > 0 && !self.in_cell;
        if begins_cell && self.cells > 1 && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push_str(" | ");
        } else if self.cells == 0 && !is_list {
            self.break_block();
        } else if !begins_cell && self.cells > 0 {
            self.text.push(' ');
        } else {
            self.new_line();
        }
        if is_list && self.cells == 0 {
            self.text.push_str("- ");
        }
        self.in_cell = self.cells > 0;
        self.text.push_str(text);
    }

    fn new_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn break_block(&mut self) {
        while !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// The part is at its end: whatever is open in it is text.
    pub(super) fn flush(&mut self) {
        while !self.interrupted.is_empty() {
            self.close_box();
        }
        self.paragraph.goes_on = false;
        self.end_paragraph();
        self.flush_text();
    }

    fn flush_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_matches('\n');
        if !text.trim().is_empty() {
            self.sections.push(Section { headings: self.outline.path(), text: text.to_owned(), ..Section::default() });
        }
    }
}

/// The character of a symbol font where it has one of its own.
fn symbol(element: &BytesStart<'_>) -> Option<char> {
    let code = u32::from_str_radix(&attribute(element, "char")?, 16).ok()?;
    char::from_u32(code).filter(|character| !matches!(character, '\u{E000}'..='\u{F8FF}') && !character.is_control())
}

/// What an entity stands for; an unknown one is nothing.
pub(super) fn resolved(reference: &BytesRef<'_>) -> String {
    let character = reference.resolve_char_ref().ok().flatten().map(String::from);
    let known = || quick_xml::escape::resolve_predefined_entity(reference).map(str::to_owned);
    character.or_else(known).unwrap_or_default()
}
