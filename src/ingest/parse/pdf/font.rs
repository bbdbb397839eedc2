//! Fonts: from the bytes of a text operator to characters and widths. Called by `content`.
//!
//! The library reads encodings, widths and font programs; what it leaves unmapped goes to `unmapped`. Each font is
//! checked before it is handed over: a width table that claims billions of entries is not built.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use hayro_cmap::{BfString, CMapName};
use hayro_font::{CMapResolverFn, Font, FontCache, FontGlyph, FontQuery, FontResolverFn};
use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};

use super::characters::{self, Repair};
use super::guard;
use super::unmapped::Unmapped;

/// Highest character code a width table may reach.
const HIGHEST_CODE: i64 = 0x00FF_FFFF;
/// Entries a width table may have, ranges unfolded.
const MOST_WIDTHS: i64 = 200_000;
/// Memory that the fonts of a document may hold at one time; beyond that they are read again when they are met again.
const MOST_HELD: u64 = 256 << 20;
/// What a font takes beside its tables.
const HELD_BY_ONE: u64 = 16 << 10;
/// What a byte of a table of characters becomes.
const HELD_BY_TABLE: u64 = 40;
/// Codes of one font that are remembered.
const MOST_SHAPES: usize = 20_000;
/// A character of a font that gives no widths, in thousandths of the font size.
const USUAL_WIDTH: f64 = 500.0;

/// What one character code shows.
#[derive(Clone)]
pub(super) struct Shape {
    /// The characters; empty when nothing says which they are.
    pub(super) text: Rc<str>,
    /// How far the next glyph stands, as a part of the font size; downwards is negative when the font is vertical.
    pub(super) advance: f64,
}

/// One font of a document.
pub(super) struct Face<'a> {
    font: Option<Font<'a>>,
    composite: bool,
    has_widths: bool,
    repair: Repair,
    unmapped: Unmapped<'a>,
    shapes: RefCell<HashMap<u32, Shape>>,
    /// Height of a letter box over the font size: Type 3 fonts choose their own unit.
    pub(super) em: f64,
}

impl Face<'_> {
    /// The next code of `bytes` from `at`, and how many bytes it took (never 0).
    pub(super) fn code(&self, bytes: &[u8], at: usize) -> (u32, usize) {
        let single = || (u32::from(bytes[at]), 1);
        match &self.font {
            Some(font) => {
                let (code, length) = font.read_code(bytes, at);
                (code, length.max(1))
            }
            None if self.composite => {
                bytes.get(at..at + 2).map_or_else(single, |pair| (u32::from(pair[0]) << 8 | u32::from(pair[1]), 2))
            }
            None => single(),
        }
    }

    /// Whether lines run from top to bottom.
    pub(super) fn is_vertical(&self) -> bool {
        self.font.as_ref().is_some_and(|font| !font.is_horizontal())
    }

    /// The width of a blank over the font size, if the font has one.
    pub(super) fn blank(&self) -> Option<f64> {
        if self.composite {
            return None;
        }
        let shape = self.shape(32);
        (&*shape.text == " " && shape.advance > 0.05 && shape.advance < 0.8).then_some(shape.advance)
    }

    /// What `code` shows.
    pub(super) fn shape(&self, code: u32) -> Shape {
        if let Some(shape) = self.shapes.borrow().get(&code) {
            return shape.clone();
        }
        let shape = Shape { text: self.text(code).into(), advance: self.advance(code) };
        let mut shapes = self.shapes.borrow_mut();
        if shapes.len() >= MOST_SHAPES {
            shapes.clear();
        }
        shapes.insert(code, shape.clone());
        shape
    }

    fn text(&self, code: u32) -> String {
        let glyph = self.font.as_ref().map(|font| font.glyph(font.map_code(code), code));
        let named = match &glyph {
            Some(FontGlyph::Outline(glyph)) => glyph.as_unicode(),
            Some(FontGlyph::Type3(glyph)) => glyph.as_unicode(),
            None => None,
        };
        let named = named.map(|text| match text {
            BfString::Char(character) => character.to_string(),
            BfString::String(text) => text,
        });
        // A map to nothing usable (NUL, private codes) says as little as none; a map to an invisible character is an answer.
        let named = named
            .map(|text| (characters::says_nothing(&text), characters::usable(&text, self.repair)))
            .filter(|(says_nothing, text)| !text.is_empty() || !says_nothing)
            .map(|(_, text)| text);
        let text = named.or_else(|| {
            let outline = glyph.as_ref().and_then(|glyph| match glyph {
                FontGlyph::Outline(glyph) => Some(glyph),
                FontGlyph::Type3(_) => None,
            });
            self.unmapped.text(code, outline).map(|text| characters::usable(&text, self.repair))
        });
        text.unwrap_or_default()
    }

    fn advance(&self, code: u32) -> f64 {
        let Some(font) = &self.font else { return if self.composite { 1.0 } else { USUAL_WIDTH / 1000.0 } };
        let advance = font.code_advance(code);
        let advance = if self.is_vertical() { advance.y } else { advance.x };
        if advance == 0.0 && !self.has_widths { USUAL_WIDTH / 1000.0 } else { advance / 1000.0 }
    }
}

/// The fonts of a document, each read once.
pub(super) struct Fonts<'a> {
    cache: FontCache<'a>,
    programs: FontResolverFn,
    maps: CMapResolverFn,
    faces: HashMap<(usize, usize), Rc<Face<'a>>>,
    /// Memory that `faces` and `cache` hold, as far as it can be told.
    held: u64,
}

impl<'a> Fonts<'a> {
    pub(super) fn new() -> Self {
        Self {
            cache: FontCache::new(),
            programs: Arc::new(|query| {
                let font = match query {
                    FontQuery::Standard(font) => *font,
                    FontQuery::Fallback(wanted) => wanted.pick_standard_font(),
                };
                Some(font.get_font_data())
            }),
            maps: Arc::new(hayro_cmap::load_embedded),
            faces: HashMap::new(),
            held: 0,
        }
    }

    /// The font a dictionary describes. What reading it unpacks is taken from `bytes`; without any left it is read without
    /// its tables.
    pub(super) fn face(&mut self, dict: &Dict<'a>, bytes: &mut u64) -> Rc<Face<'a>> {
        let key = (dict.data().as_ptr().addr(), dict.data().len());
        if let Some(face) = self.faces.get(&key) {
            return Rc::clone(face);
        }
        let table = unpacked_table(dict);
        self.held += HELD_BY_ONE + table * HELD_BY_TABLE;
        if self.held > MOST_HELD {
            self.held = HELD_BY_ONE + table * HELD_BY_TABLE;
            self.faces.clear();
            self.cache = FontCache::new();
        }
        *bytes = bytes.saturating_sub(HELD_BY_ONE + 2 * table);
        let face = Rc::new(self.read(dict, *bytes > 0));
        self.faces.insert(key, Rc::clone(&face));
        face
    }

    fn read(&self, dict: &Dict<'a>, with_tables: bool) -> Face<'a> {
        let subtype = dict.get::<Name<'_>>(keys::SUBTYPE);
        let is_type3 = subtype.as_deref() == Some(keys::TYPE3);
        let composite = subtype.as_deref() == Some(keys::TYPE0) || dict.contains_key(keys::DESCENDANT_FONTS);
        let font = if with_tables && is_bounded(dict) && are_streams_bounded(dict) {
            self.cache.font(dict, &self.programs, &self.maps)
        } else {
            None
        };
        let name = dict.get::<Name<'_>>(keys::BASE_FONT).map(|name| name.as_str().to_lowercase()).unwrap_or_default();
        Face {
            font,
            composite,
            has_widths: composite || dict.contains_key(keys::WIDTHS),
            repair: Repair::of_font(&name),
            unmapped: Unmapped::new(dict, composite, is_type3),
            shapes: RefCell::new(HashMap::new()),
            em: if is_type3 { type3_em(dict) } else { 1.0 },
        }
    }
}

/// Bytes of a font's table of characters, unpacked.
fn unpacked_table(dict: &Dict<'_>) -> u64 {
    let table = dict.get::<Stream<'_>>(keys::TO_UNICODE);
    table.and_then(|stream| guard::unpacked(&stream, guard::MOST_UNPACKED)).map_or(0, |table| table.len() as u64)
}

/// The map of that name that comes with the program, or none.
pub(super) fn named_map(name: CMapName<'_>) -> Option<hayro_cmap::CMap> {
    hayro_cmap::CMap::parse(hayro_cmap::load_embedded(name)?, hayro_cmap::load_embedded)
}

/// A letter of a Type 3 font is about twice as high as its mean width, whatever its unit.
fn type3_em(dict: &Dict<'_>) -> f64 {
    let scale = dict.get::<[f64; 6]>(keys::FONT_MATRIX).map_or(0.001, |matrix| matrix[0].abs());
    let widths: Vec<f64> = dict
        .get::<Array<'_>>(keys::WIDTHS)
        .map(|widths| widths.iter::<f64>().take(256).filter(|width| *width > 0.0).collect())
        .unwrap_or_default();
    let mean = widths.iter().sum::<f64>() / widths.len().max(1) as f64;
    let em = mean * scale * 2.0;
    if em.is_finite() && em > 1e-6 { em } else { 1.0 }
}

/// Whether the tables of a font stay within what a real font has.
fn is_bounded(dict: &Dict<'_>) -> bool {
    let within = |key: &[u8]| {
        dict.get::<Number>(key).is_none_or(|number| (0..=HIGHEST_CODE.min(65_535)).contains(&number.as_i64()))
    };
    if !within(keys::FIRST_CHAR) || !within(keys::LAST_CHAR) {
        return false;
    }
    let Some(descendants) = dict.get::<Array<'_>>(keys::DESCENDANT_FONTS) else { return true };
    let Some(font) = descendants.iter::<Dict<'_>>().next() else { return true };
    [(keys::W, 3), (keys::W2, 5)].into_iter().all(|(key, step)| {
        font.get::<Array<'_>>(key)
            .is_none_or(|widths| unfolded(&widths, step).is_some_and(|count| count <= MOST_WIDTHS))
    })
}

/// Whether the streams the library unpacks for a font stay small.
fn are_streams_bounded(dict: &Dict<'_>) -> bool {
    let streams = |dict: &Dict<'_>, keys: &[&[u8]]| {
        keys.iter().all(|key| dict.get::<Stream<'_>>(key).is_none_or(|stream| guard::is_small(&stream)))
    };
    let programs = |dict: &Dict<'_>| {
        dict.get::<Dict<'_>>(keys::FONT_DESC)
            .is_none_or(|descriptor| streams(&descriptor, &[keys::FONT_FILE, keys::FONT_FILE2, keys::FONT_FILE3]))
    };
    let descendant = dict.get::<Array<'_>>(keys::DESCENDANT_FONTS).and_then(|fonts| fonts.iter::<Dict<'_>>().next());
    streams(dict, &[keys::TO_UNICODE, keys::ENCODING])
        && programs(dict)
        && descendant.is_none_or(|font| streams(&font, &[keys::CID_TO_GID_MAP]) && programs(&font))
}

/// How many entries a width array makes: `first [w …]` or `first last w` (with `step` numbers).
fn unfolded(widths: &Array<'_>, step: usize) -> Option<i64> {
    let mut total = 0_i64;
    let mut numbers: Vec<i64> = Vec::new();
    for item in widths.iter::<Object<'_>>() {
        match item {
            Object::Number(number) => {
                numbers.push(number.as_i64());
                if numbers.len() == step {
                    let range = numbers[1].checked_sub(numbers[0])?.checked_add(1)?;
                    if range > 0 {
                        total = total.checked_add(range)?;
                    }
                    numbers.clear();
                }
            }
            _ => numbers.clear(),
        }
        if total > MOST_WIDTHS {
            return None;
        }
    }
    Some(total)
}
