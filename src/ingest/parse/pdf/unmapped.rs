//! Characters of fonts that do not say what their codes mean: by a table read line by line, the character collection,
//! the font program's own tables, glyph names with numbers. Called by `font`.

use std::cell::OnceCell;
use std::collections::HashMap;

use hayro_cmap::{BfString, CMap, CMapName, CidFamily};
use hayro_font::OutlineGlyph;
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Array, Dict, Name, Object, Stream, String as PdfString};
use skrifa::MetadataProvider;

use super::font::named_map;
use super::guard;

/// Entries of a table that is read line by line.
const MOST_ENTRIES: usize = 70_000;
/// Bytes of a table.
const MOST_TABLE: u64 = 16 << 20;

/// A font's other sources of characters, each read when it is first asked.
pub(super) struct Unmapped<'a> {
    dict: Dict<'a>,
    composite: bool,
    is_type3: bool,
    table: OnceCell<HashMap<u32, String>>,
    collection: OnceCell<Option<Collection>>,
    program: OnceCell<HashMap<u32, char>>,
    names: OnceCell<HashMap<u32, u32>>,
}

/// Codes to characters by a registered collection of characters.
struct Collection {
    /// The code is the character itself.
    is_unicode: bool,
    encoding: Option<CMap>,
    characters: Option<CMap>,
}

impl<'a> Unmapped<'a> {
    pub(super) fn new(dict: &Dict<'a>, composite: bool, is_type3: bool) -> Self {
        Self {
            dict: dict.clone(),
            composite,
            is_type3,
            table: OnceCell::new(),
            collection: OnceCell::new(),
            program: OnceCell::new(),
            names: OnceCell::new(),
        }
    }

    /// The characters of `code`, if anything tells.
    pub(super) fn text(&self, code: u32, glyph: Option<&OutlineGlyph>) -> Option<String> {
        if let Some(text) = self.table.get_or_init(|| table(&self.dict)).get(&code) {
            return Some(text.clone());
        }
        if self.composite {
            let collection = self.collection.get_or_init(|| Collection::of(&self.dict));
            if let Some(text) = collection.as_ref().and_then(|collection| collection.text(code)) {
                return Some(text);
            }
        }
        if let Some(glyph) = glyph {
            let program = self.program.get_or_init(|| program(glyph));
            if let Some(character) = program.get(&glyph.glyph_id().to_u32()) {
                return Some(character.to_string());
            }
        }
        if self.composite {
            return None;
        }
        self.simple(code).map(String::from)
    }

    /// A code of a one-byte font: a number in its glyph name, else the code itself in the usual tables.
    fn simple(&self, code: u32) -> Option<&'static str> {
        let names = self.names.get_or_init(|| numbered_names(&self.dict));
        let number = *names.get(&code).unwrap_or(&code);
        // TeX's own tables: ligatures where other tables have controls.
        let tex = match number {
            0x0b | 0x1b => "ff",
            0x0c | 0x1c => "fi",
            0x0d | 0x1d => "fl",
            0x0e | 0x1e => "ffi",
            0x0f | 0x1f => "ffl",
            0x10 => "\u{131}",
            0x19 if self.is_type3 => "ß",
            0x22 | 0x5c if self.is_type3 => "\"",
            0x7b if self.is_type3 => "\u{2013}",
            0x7c if self.is_type3 => "\u{2014}",
            _ => "",
        };
        if !tex.is_empty() {
            return Some(tex);
        }
        let byte = u8::try_from(number).ok().filter(|byte| *byte >= 0x20 && *byte != 0x7f)?;
        WESTERN.get(usize::from(byte) - 0x20).copied().filter(|text| !text.is_empty())
    }
}

/// Windows-1252 from 0x20 on, made once.
static WESTERN: std::sync::LazyLock<Vec<&'static str>> = std::sync::LazyLock::new(|| {
    (0x20..=0xff_u8)
        .map(|byte| {
            let text = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.into_owned();
            if text.chars().any(char::is_control) { "" } else { &*Box::leak(text.into_boxed_str()) }
        })
        .collect()
});

impl Collection {
    fn of(dict: &Dict<'_>) -> Option<Self> {
        let name = dict.get::<Name<'_>>(keys::ENCODING);
        let encoding = match (&name, dict.get::<Stream<'_>>(keys::ENCODING)) {
            (Some(name), _) => match CMapName::from_bytes(name) {
                CMapName::IdentityH | CMapName::IdentityV => None,
                known => named_map(known),
            },
            (None, Some(stream)) => CMap::parse(&guard::unpacked(&stream, MOST_TABLE)?, |_| None),
            (None, None) => None,
        };
        let is_unicode = name.is_some_and(|name| {
            name.starts_with(b"Uni") && (name.windows(4).any(|part| part == b"UCS2" || part == b"UTF1"))
        });
        let family = encoding
            .as_ref()
            .and_then(|map| map.metadata().character_collection.clone())
            .map(|collection| collection.family)
            .filter(|family| *family != CidFamily::AdobeIdentity)
            .or_else(|| {
                let font = dict.get::<Array<'_>>(keys::DESCENDANT_FONTS)?.iter::<Dict<'_>>().next()?;
                let system = font.get::<Dict<'_>>(keys::CIDSYSTEMINFO)?;
                let registry = system.get::<PdfString<'_>>(keys::REGISTRY)?;
                let ordering = system.get::<PdfString<'_>>(keys::ORDERING)?;
                Some(CidFamily::from_registry_ordering(&registry, &ordering))
            });
        let characters = family.and_then(|family| family.ucs2_cmap()).and_then(named_map);
        (is_unicode || characters.is_some()).then_some(Self { is_unicode, encoding, characters })
    }

    fn text(&self, code: u32) -> Option<String> {
        if self.is_unicode {
            let high = (code >> 16) as u16;
            let units = [high, code as u16];
            let units = if high == 0 { &units[1..] } else { &units[..] };
            return String::from_utf16(units).ok();
        }
        let cid = match &self.encoding {
            Some(map) => (1..=4).find_map(|length| map.lookup_cid_code(code, length))?,
            None => code,
        };
        match self.characters.as_ref()?.lookup_bf_string(cid)? {
            BfString::Char(character) => Some(character.to_string()),
            BfString::String(text) => Some(text),
        }
    }
}

/// Glyphs to characters by the embedded program's own table, the lowest character first.
fn program(glyph: &OutlineGlyph) -> HashMap<u32, char> {
    let mut found = HashMap::new();
    let Some(data) = glyph.font_data() else { return found };
    let Ok(font) = skrifa::FontRef::new((*data.data).as_ref()) else { return found };
    for (code, id) in font.charmap().mappings().take(MOST_ENTRIES) {
        let Some(character) = char::from_u32(code).filter(|_| id.to_u32() != 0) else { continue };
        let private = |character: &char| ('\u{e000}'..='\u{f8ff}').contains(character);
        let known = found.entry(id.to_u32()).or_insert(character);
        if private(known) && !private(&character) {
            *known = character;
        }
    }
    found
}

/// Glyph names that are a number with letters before it (`a65`, `g123`, `c041`), by code.
fn numbered_names(dict: &Dict<'_>) -> HashMap<u32, u32> {
    let mut found = HashMap::new();
    let Some(encoding) = dict.get::<Dict<'_>>(keys::ENCODING) else { return found };
    let Some(differences) = encoding.get::<Array<'_>>(keys::DIFFERENCES) else { return found };
    let mut code = 0_u32;
    let mut names = Vec::new();
    for item in differences.iter::<Object<'_>>().take(MOST_ENTRIES) {
        match item {
            Object::Number(number) => code = number.as_i64().clamp(0, 65_535) as u32,
            Object::Name(name) => {
                if name.as_ref() != b".notdef" {
                    names.push((code, name.as_str().to_owned()));
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
    let digits = |name: &str| name.trim_start_matches(|c: char| c.is_ascii_alphabetic()).to_owned();
    // With letters among the digits the numbers are hexadecimal in all of the font.
    let radix =
        if names.iter().all(|(_, name)| digits(name).bytes().all(|byte| byte.is_ascii_digit())) { 10 } else { 16 };
    for (code, name) in names {
        let letters = name.len() - digits(&name).len();
        let rest = if radix == 16 { name.get(1..).unwrap_or_default().to_owned() } else { digits(&name) };
        if letters <= 2
            && (1..=4).contains(&rest.len())
            && let Ok(number) = u32::from_str_radix(&rest, radix)
        {
            found.insert(code, number);
        }
    }
    found
}

/// The table of characters, read leniently: what is broken in it costs only itself.
fn table(dict: &Dict<'_>) -> HashMap<u32, String> {
    let data = dict.get::<Stream<'_>>(keys::TO_UNICODE).and_then(|stream| guard::unpacked(&stream, MOST_TABLE));
    data.map_or_else(HashMap::new, |data| entries(&data))
}

/// The entries of a table. Every one written counts against the bound, not only every code: a table may name the same
/// ones over and over.
fn entries(data: &[u8]) -> HashMap<u32, String> {
    let mut found = HashMap::new();
    let mut left = MOST_ENTRIES;
    let mut in_ranges = false;
    let mut row: Vec<Vec<u8>> = Vec::new();
    let mut list: Option<(u32, u32)> = None;
    let mut rest = data;
    while let Some(byte) = rest.first().filter(|_| left > 0) {
        match byte {
            b'<' if rest.get(1) != Some(&b'<') => {
                let end = rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len());
                let text = hexadecimal(&rest[1..end]);
                rest = rest.get(end + 1..).unwrap_or_default();
                if let Some((next, last)) = &mut list {
                    if next <= last {
                        insert(&mut found, &mut left, *next, &text, 0);
                        *next += 1;
                    }
                    continue;
                }
                row.push(text);
                if in_ranges && row.len() == 3 {
                    let (first, last) = (number(&row[0]), number(&row[1]));
                    for code in first..=last.min(first.saturating_add(0xffff)) {
                        insert(&mut found, &mut left, code, &row[2], code - first);
                    }
                    row.clear();
                } else if !in_ranges && row.len() == 2 {
                    insert(&mut found, &mut left, number(&row[0]), &row[1], 0);
                    row.clear();
                }
                continue;
            }
            b'[' if row.len() == 2 => list = Some((number(&row[0]), number(&row[1]))),
            b']' => {
                list = None;
                row.clear();
            }
            b'b' | b'e' if rest.starts_with(b"beginbf") || rest.starts_with(b"endbf") => {
                in_ranges = rest.starts_with(b"beginbfrange");
                row.clear();
                list = None;
                rest = &rest[5..];
                continue;
            }
            b'b' if rest.starts_with(b"begincodespacerange") => {
                let near = &rest[..rest.len().min(4096)];
                let end = near.windows(17).position(|part| part == b"endcodespacerange").unwrap_or(18);
                rest = &rest[end..];
                row.clear();
            }
            _ => {}
        }
        rest = &rest[1..];
    }
    found
}

fn insert(found: &mut HashMap<u32, String>, left: &mut usize, code: u32, text: &[u8], offset: u32) {
    let Some(rest) = left.checked_sub(1) else { return };
    *left = rest;
    let mut units: Vec<u16> = match text {
        [single] => vec![u16::from(*single)],
        _ => text.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect(),
    };
    if let Some(last) = units.last_mut() {
        *last = last.wrapping_add(offset as u16);
    }
    if let Ok(text) = String::from_utf16(&units)
        && !text.is_empty()
        && text != "\0"
    {
        found.insert(code, text);
    }
}

fn hexadecimal(digits: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.iter().filter_map(|digit| char::from(*digit).to_digit(16)).map(|digit| digit as u8).take(128).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_repeats_itself_is_read_to_the_bound() {
        let table =
            "beginbfrange <0000><D7FE><0041> endbfrange beginbfrange <0000><D7FE><0061> endbfrange".repeat(1000);
        let found = entries(table.as_bytes());
        assert_eq!((found[&0].as_str(), found[&1].as_str()), ("a", "b"), "the second range is begun");
        assert_eq!(found[&0xD7BE].as_str(), "\u{D7FF}", "and breaks off long before its end");
    }
}
